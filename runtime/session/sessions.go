package session

import (
	"context"
	"errors"
	"fmt"
	"time"

	"workerfleet/runtime/claim"
	"workerfleet/runtime/fleet"
	"workerfleet/runtime/seal"
)

// ErrNoCredentials is returned for a user who has none stored: no worker could do anything for that user.
var ErrNoCredentials = errors.New("the user has no broker credentials")

// Vault opens a user's stored credentials. Only the processes of the claim path may.
type Vault interface {
	// Credentials returns them opened, or [ErrNoCredentials], or [*Refused].
	Credentials(ctx context.Context, user fleet.User) ([]byte, error)
}

// Mailbox takes mail for the workers of a host.
type Mailbox interface {
	Post(ctx context.Context, host fleet.Host, m fleet.Mail) error
}

// Config is what sessions are made of. All fields must be set, but for one of Vault and HandOn.
type Config struct {
	Claims    claim.Claims
	Directory claim.Directory
	Authority Authority
	Vault     Vault
	Mailbox   Mailbox
	Terms     claim.Terms
	// HandOn is set instead of Vault where credentials may not be opened: it tells somebody who may of a binding that
	// the database has agreed to. Delivering it again there is harmless.
	HandOn func(ctx context.Context, b claim.Binding) error
	// BeginAt tells the lowest number that an order of the user may still come with; nil is 1 always.
	BeginAt func(ctx context.Context, user fleet.User) (uint64, error)
	// Go starts what runs beside a delivery; nil is a goroutine. One that runs it at once is as good, and slower.
	Go func(func())
}

// Sessions begins and ends sessions. It keeps nothing itself and is safe for concurrent use.
type Sessions struct{ Config }

// New puts the parts together.
func New(c Config) *Sessions {
	if c.Go == nil {
		c.Go = func(run func()) { go run() }
	}
	return &Sessions{c}
}

// Progress is how far a claim has come.
type Progress struct {
	// Bound is nil while the user waits.
	Bound *claim.Binding
	// Rank is the number of users ahead while the user waits.
	Rank int
	// Wait is how long a worker that may still act for the user keeps this claim from its place; else 0.
	Wait time.Duration
}

// Ready says whether the worker has confirmed the session and opened the credentials.
func (p Progress) Ready() bool { return p.Bound != nil && p.Bound.State == claim.Serving }

// tries bounds how often one request meets an epoch of the database above its own; each try lifts the floor above it.
const tries = 3

// Claim asks for a worker and brings the claim as far as it comes without waiting. Asking again goes on from there.
// replyTo names who is told when the worker is ready.
func (s *Sessions) Claim(ctx context.Context, r claim.Request, replyTo string) (Progress, error) {
	for range tries {
		answer, err := s.Claims.Claim(ctx, r, s.Terms)
		if err != nil {
			return Progress{}, fmt.Errorf("claim a worker for %s: %w", r.User, err)
		}
		if answer.Bound == nil {
			return Progress{Rank: answer.Rank}, nil
		}
		if answer.Bound.State == claim.Serving || answer.Bound.Sent {
			return Progress{Bound: answer.Bound}, nil
		}
		err = s.Deliver(ctx, *answer.Bound, replyTo)
		var outdated *Outdated
		var occupied *Occupied
		switch {
		case err == nil:
			answer.Bound.Sent = s.HandOn == nil
			return Progress{Bound: answer.Bound}, nil
		case errors.As(err, &outdated), errors.Is(err, claim.ErrFenced):
			continue
		case errors.As(err, &occupied):
			return Progress{Wait: occupied.Wait}, nil
		default:
			return Progress{}, err
		}
	}
	return Progress{}, fmt.Errorf("claim a worker for %s: the epoch was overtaken %d times", r.User, tries)
}

// Deliver brings a binding from the index to its worker: the database agrees, the credentials are sealed, the
// assignment is in the mail. Where the database or the vault refuses, the binding is undone, so that its worker serves
// somebody else. It is repeated by whoever finds the binding undelivered; the worker accepts one assignment of them.
func (s *Sessions) Deliver(ctx context.Context, b claim.Binding, replyTo string) error {
	// Opening the credentials does not wait for the database's word: the key service takes the longest of all steps.
	opened := make(chan opening, 1)
	s.Go(func() {
		if s.HandOn != nil {
			opened <- opening{}
			return
		}
		o := opening{beginAt: 1}
		if s.BeginAt != nil {
			o.beginAt, o.err = s.BeginAt(ctx, b.User)
		}
		if o.err == nil {
			o.text, o.err = s.Vault.Credentials(ctx, b.User)
		}
		opened <- o
	})
	err := s.begin(ctx, b)
	credentials := <-opened
	defer clear(credentials.text)
	var outdated *Outdated
	if errors.As(err, &outdated) {
		err = errors.Join(err, s.Directory.Raise(ctx, outdated.Row+1))
	}
	switch {
	case err != nil:
	case s.HandOn != nil:
		err = wrap(s.HandOn(ctx, b), "hand the assignment of %s on", b.User)
	default:
		err = s.post(ctx, b, credentials, replyTo)
	}
	if refused(err) {
		return errors.Join(err, s.undo(ctx, b))
	}
	return err
}

// begin asks the authority, and proves to it that a predecessor is gone where the index knows it.
func (s *Sessions) begin(ctx context.Context, b claim.Binding) error {
	session := Session{User: b.User, Epoch: b.Epoch, Worker: b.Worker, Host: b.Host, Life: b.Life}
	wait := s.Terms.TTL + s.Terms.Guard
	err := s.Authority.Begin(ctx, session, wait)
	var occupied *Occupied
	if !errors.As(err, &occupied) {
		return wrap(err, "begin the session of %s", b.User)
	}
	fenced, fencing := s.Authority.Fence(ctx, b.User, occupied.By.Epoch, func(ctx context.Context) (bool, error) {
		return s.Directory.Gone(ctx, occupied.By.Worker, occupied.By.Life)
	})
	if fencing != nil {
		return fmt.Errorf("fence the predecessor of %s: %w", b.User, fencing)
	}
	if !fenced {
		return err
	}
	return wrap(s.Authority.Begin(ctx, session, wait), "begin the session of %s", b.User)
}

// opening is what an assignment takes beside the database's word: the credentials, and the first order's number.
type opening struct {
	text    []byte
	beginAt uint64
	err     error
}

func (s *Sessions) post(ctx context.Context, b claim.Binding, credentials opening, replyTo string) error {
	if credentials.err != nil {
		return fmt.Errorf("open the account of %s: %w", b.User, credentials.err)
	}
	sealed, err := seal.Seal(b.Key, seal.Context{User: b.User, Worker: b.Worker, Life: b.Life, Epoch: b.Epoch}, credentials.text)
	if err != nil {
		return fmt.Errorf("%w: %w", errBadKey, err)
	}
	mail := fleet.Mail{
		Kind: fleet.MailAssign, Worker: b.Worker, Life: b.Life, User: b.User, Epoch: b.Epoch, Sealed: sealed, ReplyTo: replyTo, BeginAt: credentials.beginAt,
	}
	if err := s.Mailbox.Post(ctx, b.Host, mail); err != nil {
		return fmt.Errorf("post the assignment of %s: %w", b.User, err)
	}
	return s.Claims.Sent(ctx, b.Worker, b.Epoch)
}

// errBadKey marks a worker that registered a key to which nothing can be sealed.
var errBadKey = errors.New("the worker's key is no key")

// refused says whether an error is an answer, after which the binding cannot come to anything. Any other one leaves
// open what happened: the binding stays, and is delivered again or expires.
func refused(err error) bool {
	return denied(err) || errors.Is(err, errBadKey)
}

// denied says whether the database or the vault will not have the binding.
func denied(err error) bool {
	var outdated *Outdated
	var occupied *Occupied
	return errors.As(err, &outdated) || errors.As(err, &occupied) || Unserved(err)
}

// Overtaken says whether an error of [Sessions.Deliver] means that the binding came to nothing, and that there is nothing to
// repeat: the user's next request goes on.
func Overtaken(err error) bool {
	return denied(err) || errors.Is(err, claim.ErrFenced)
}

// undo takes a binding back. Whoever asks for the same user at the same time has the same binding: one that somebody
// else has delivered meanwhile is a session, and stays with its row.
func (s *Sessions) undo(ctx context.Context, b claim.Binding) error {
	undone, err := s.Claims.Undo(ctx, b.User, b.Epoch, s.Terms)
	if err != nil {
		return fmt.Errorf("undo the binding of %s: %w", b.User, err)
	}
	if !undone {
		return nil
	}
	_, err = s.Authority.Fence(ctx, b.User, b.Epoch, Elsewhere(s.Directory, b))
	return wrap(err, "close the undone session of %s", b.User)
}

// Elsewhere is the proof that the index has taken a worker out of a session, and has it still. What it does not know
// proves nothing: it may have lost its data.
func Elsewhere(d claim.Directory, b claim.Binding) Proof {
	return func(ctx context.Context) (bool, error) {
		w, known, err := d.Worker(ctx, b.Worker)
		return known && (w.Life != b.Life || w.User != b.User || w.Epoch != b.Epoch), err
	}
}

// End ends the user's current session, or takes the user out of the queue. The authority's row stays open until the
// worker has reset itself, is gone, or cannot act any more: the next session may have to wait for that. See [Sessions.Finish].
func (s *Sessions) End(ctx context.Context, user fleet.User) error {
	if err := s.Claims.Leave(ctx, user); err != nil {
		return fmt.Errorf("take %s out of the queue: %w", user, err)
	}
	current, open, err := s.Authority.Current(ctx, user)
	if err != nil {
		return fmt.Errorf("find the session of %s: %w", user, err)
	}
	if !open {
		return nil
	}
	return s.end(ctx, current)
}

// EndAt ends the user's session of one epoch. A newer one stays: whoever asked meant another.
func (s *Sessions) EndAt(ctx context.Context, user fleet.User, epoch fleet.Epoch) error {
	current, open, err := s.Authority.Current(ctx, user)
	if err != nil {
		return fmt.Errorf("find the session of %s: %w", user, err)
	}
	if !open || current.Epoch != epoch {
		return nil
	}
	return s.end(ctx, current)
}

// Over says whether the session that mail is addressed to is over, as far as the index knows: the row of a session that was
// ended stays open until somebody wants the user's next one. Where the worker's life is known to be over, the row is fenced.
func (s *Sessions) Over(ctx context.Context, m fleet.Mail) (bool, error) {
	w, known, err := s.Directory.Worker(ctx, m.Worker)
	if err != nil || known && w.User == m.User && w.Epoch == m.Epoch {
		return false, wrap(err, "look for the worker of %s", m.User)
	}
	_, err = s.Authority.Fence(ctx, m.User, m.Epoch, func(ctx context.Context) (bool, error) {
		return s.Directory.Gone(ctx, m.Worker, m.Life)
	})
	return true, wrap(err, "fence the session of %s", m.User)
}

func (s *Sessions) end(ctx context.Context, current Session) error {
	// First of all: whoever looks at the user's orders from here on asks for another worker.
	if err := s.Authority.Dismiss(ctx, current.User, current.Epoch); err != nil {
		return fmt.Errorf("dismiss the session of %s: %w", current.User, err)
	}
	return s.release(ctx, current)
}

// Finish closes the row of a session that was dismissed, once its worker is known to be out of it, and until then tells the
// worker once more: the first word may be lost, or have been forgotten by an index that lost what it wrote last.
func (s *Sessions) Finish(ctx context.Context, dismissed Session) (closed bool, err error) {
	gone, err := s.Directory.Gone(ctx, dismissed.Worker, dismissed.Life)
	switch {
	case err != nil:
		return false, fmt.Errorf("look up the worker of %s: %w", dismissed.User, err)
	case !gone:
		return false, s.release(ctx, dismissed)
	}
	return true, wrap(s.Authority.Close(ctx, dismissed.User, dismissed.Epoch), "close the session of %s", dismissed.User)
}

// release takes the session's binding back and tells its worker.
func (s *Sessions) release(ctx context.Context, current Session) error {
	user := current.User
	if err := s.Claims.Release(ctx, user, current.Epoch); err != nil && !errors.Is(err, claim.ErrFenced) {
		return fmt.Errorf("release the session of %s: %w", user, err)
	}
	release := fleet.Mail{Kind: fleet.MailRelease, Worker: current.Worker, Life: current.Life, User: user, Epoch: current.Epoch}
	return wrap(s.Mailbox.Post(ctx, current.Host, release), "post the release of %s", user)
}

func wrap(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf(format+": %w", append(args, err)...)
}
