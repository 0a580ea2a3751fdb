package hostlink

import (
	"errors"
	"fmt"

	"workerfleet/runtime/fleet"
)

// Kind says what a message is.
type Kind string

// What a worker says to its agent.
const (
	// Hello says who the worker is and which session it is in.
	Hello Kind = "hello"
	// Alive says that the worker's own loop runs.
	Alive Kind = "alive"
	// Accepted: the worker was idle and has opened the credentials of this epoch. It waits for the confirmation.
	Accepted Kind = "accepted"
	// Refused: the worker does not take the assignment of this epoch, for this reason.
	Refused Kind = "refused"
	// Leaving: this life ends, for this reason.
	Leaving Kind = "leaving"
	// Reported brings an outcome, again and again until it is committed.
	Reported Kind = "reported"
	// Denied brings the word that the broker refuses the credentials, once: the life ends with it.
	Denied Kind = "denied"
)

// What an agent says to a worker.
const (
	// Assign gives the worker a user, under an epoch.
	Assign Kind = "assign"
	// Confirmed: the store has acknowledged the assignment of this epoch.
	Confirmed Kind = "confirmed"
	// BeatOk: the store has confirmed a beat of this epoch, which the agent sent at SentAt. Off says whether orders are
	// switched off; every beat says so anew.
	BeatOk Kind = "beat-ok"
	// Announce asks for another hello.
	Announce Kind = "announce"
	// Release ends the session of this epoch because it is over.
	Release Kind = "release"
	// Fenced ends it because another life or epoch is current.
	Fenced Kind = "fenced"
	// Execute, Cancel, Withdraw and Verify are about an order of this epoch's session.
	Execute  Kind = "execute"
	Cancel   Kind = "cancel"
	Withdraw Kind = "withdraw"
	Verify   Kind = "verify"
	// Committed: the outcome of this number is in the ledger.
	Committed Kind = "committed"
)

// Message is one frame's content. Its kind decides which fields count.
type Message struct {
	Kind Kind `json:"kind"`

	// Who speaks, in a hello. The process behind it is what the socket says, never what the message says.
	Worker   fleet.Worker `json:"worker,omitempty"`
	Revision int64        `json:"revision,omitempty"` // of the worker's image: higher is newer
	Key      string       `json:"key,omitempty"`      // public key of this life

	// Life is the worker's: which one speaks, or which one is meant.
	Life fleet.Life `json:"life,omitempty"`
	// User and Epoch are those of the session; empty and 0 mean that the worker is idle.
	User  fleet.User  `json:"user,omitempty"`
	Epoch fleet.Epoch `json:"epoch,omitempty"`
	// Serving says in a hello that the worker knows its epoch to be confirmed.
	Serving bool `json:"serving,omitempty"`
	// Sequence is the number of the last order that the session has seen, in a hello.
	Sequence uint64 `json:"sequence,omitempty"`

	// Sealed are the credentials of an assignment, and BeginAt is the number of its first order.
	Sealed  []byte `json:"sealed,omitempty"`
	BeginAt uint64 `json:"beginAt,omitempty"`

	// SentAt is when the agent sent the beat that is confirmed.
	SentAt Instant `json:"sentAt,omitempty"`
	// Reason explains a refusal or an end, for the log and for whoever waits.
	Reason string `json:"reason,omitempty"`
	// Off says that no order may be handed over from now on.
	Off bool `json:"off,omitempty"`
	// Order is what is to be executed, cancelled or verified; Outcome is what is reported, Number the one that is committed.
	Order   *fleet.Order   `json:"order,omitempty"`
	Outcome *fleet.Outcome `json:"outcome,omitempty"`
	Number  uint64         `json:"number,omitempty"`
}

// Limits of a message, in bytes.
const (
	// MaxCredentials is the most that a user's credentials may have.
	MaxCredentials = 64 << 10
	// maxSealed leaves room for what sealing adds: an encapsulated key of 32 bytes and a tag of 16 (RFC 9180).
	maxSealed = MaxCredentials + 64
	maxReason = 1 << 10
	maxKey    = 256
)

// check refuses what no honest peer says. A kind that is not known has nothing to check.
func (m Message) check() error {
	switch m.Kind {
	case "":
		return errors.New("kind: is empty")
	case Hello:
		return m.checkHello()
	case Accepted, Refused, Confirmed, Release:
		if m.Epoch == 0 {
			return fmt.Errorf("%s: epoch: is 0; allowed: from 1 up", m.Kind)
		}
	case Assign:
		return m.checkAssign()
	case Execute, Cancel, Withdraw, Verify:
		if m.Epoch == 0 || m.Order == nil || m.Order.ID == "" {
			return fmt.Errorf("%s: epoch or order: is missing; allowed: both set", m.Kind)
		}
	case Reported:
		if m.Outcome == nil || m.Outcome.Order == "" || m.Outcome.Epoch == 0 || m.Outcome.Number == 0 {
			return errors.New("reported: outcome: names no order, epoch or number; allowed: all set")
		}
	case Denied:
		if m.Outcome == nil || m.Outcome.State != fleet.OutcomeDenied || m.Outcome.Epoch == 0 || m.Outcome.Number == 0 {
			return errors.New("denied: outcome: is of another state, or names no epoch or number; allowed: a denial with both")
		}
	case BeatOk:
		if m.SentAt <= 0 {
			return fmt.Errorf("%s: sentAt: is %d; allowed: from 1 up", m.Kind, m.SentAt)
		}
	}
	if len(m.Reason) > maxReason {
		return fmt.Errorf("%s: reason: has %d bytes; allowed: at most %d", m.Kind, len(m.Reason), maxReason)
	}
	return nil
}

func (m Message) checkHello() error {
	if _, err := fleet.ParseWorker(string(m.Worker)); err != nil {
		return fmt.Errorf("hello: %w", err)
	}
	switch {
	case m.Life == 0:
		return errors.New("hello: life: is 0; allowed: from 1 up")
	case m.Key == "" || len(m.Key) > maxKey:
		return fmt.Errorf("hello: key: has %d bytes; allowed: 1 to %d", len(m.Key), maxKey)
	case (m.User == "") != (m.Epoch == 0):
		return errors.New("hello: user and epoch: only one of them is set; allowed: both or none")
	case m.Serving && m.User == "":
		return errors.New("hello: serving: is set without a user")
	case m.User == "":
		return nil
	}
	_, err := fleet.ParseUser(string(m.User))
	return err
}

func (m Message) checkAssign() error {
	if _, err := fleet.ParseUser(string(m.User)); err != nil {
		return fmt.Errorf("assign: %w", err)
	}
	switch {
	case m.Life == 0 || m.Epoch == 0:
		return errors.New("assign: life or epoch: is 0; allowed: from 1 up")
	case len(m.Sealed) == 0 || len(m.Sealed) > maxSealed:
		return fmt.Errorf("assign: sealed: has %d bytes; allowed: 1 to %d", len(m.Sealed), maxSealed)
	}
	return nil
}
