package keeper_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"workerfleet/runtime/claim"
	"workerfleet/runtime/fleet"
	"workerfleet/runtime/session"
)

// steps of a claim, in the order in which a process makes them.
var steps = []string{"claim", "begin", "credentials", "post", "sent"}

// pausing stands between a process and everything that a claim calls, and sleeps before one of the calls, once: as a
// process does that is stopped there.
type pausing struct {
	claim.Claims
	session.Authority
	session.Vault
	session.Mailbox
	before string
	pause  time.Duration
	once   sync.Once
}

func (p *pausing) step(name string) {
	if p.before == name {
		p.once.Do(func() { time.Sleep(p.pause) })
	}
}

func (p *pausing) Claim(ctx context.Context, r claim.Request, t claim.Terms) (claim.Answer, error) {
	p.step("claim")
	return p.Claims.Claim(ctx, r, t)
}

func (p *pausing) Sent(ctx context.Context, worker fleet.Worker, epoch fleet.Epoch) error {
	p.step("sent")
	return p.Claims.Sent(ctx, worker, epoch)
}

func (p *pausing) Begin(ctx context.Context, s session.Session, wait time.Duration) error {
	p.step("begin")
	return p.Authority.Begin(ctx, s, wait)
}

func (p *pausing) Undo(ctx context.Context, user fleet.User, epoch fleet.Epoch, t claim.Terms) (bool, error) {
	p.step("undo")
	return p.Claims.Undo(ctx, user, epoch, t)
}

func (p *pausing) Fence(ctx context.Context, user fleet.User, epoch fleet.Epoch, proof session.Proof) (bool, error) {
	return p.Authority.Fence(ctx, user, epoch, func(ctx context.Context) (bool, error) {
		lost, err := proof(ctx)
		p.step("close")
		return lost, err
	})
}

func (p *pausing) Credentials(ctx context.Context, user fleet.User) ([]byte, error) {
	p.step("credentials")
	return p.Vault.Credentials(ctx, user)
}

func (p *pausing) Post(ctx context.Context, host fleet.Host, m fleet.Mail) error {
	p.step("post")
	return p.Mailbox.Post(ctx, host, m)
}

// stable is a host whose workers do what real ones do: each is the judge of its own occupancy, acts for a user only
// after its confirmed acknowledgement, and begins another life when it is fenced.
type stable struct {
	*bench
	mu      sync.Mutex
	workers map[fleet.Worker]*horse
	// acting are the workers that may act for each user, and doubled says that there were two at once.
	acting  map[fleet.User]map[fleet.Worker]bool
	doubled bool
}

type horse struct {
	life  fleet.Life
	user  fleet.User
	epoch fleet.Epoch
}

func (s *stable) Post(ctx context.Context, _ fleet.Host, m fleet.Mail) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := s.workers[m.Worker]
	if m.Kind != fleet.MailAssign || w.life != m.Life || w.user != "" {
		return nil
	}
	w.user, w.epoch = m.User, m.Epoch
	if err := s.store.Confirm(ctx, m.Worker, m.Life, m.Epoch); err != nil {
		s.renew(ctx, m.Worker)
		return nil
	}
	if s.acting[m.User] == nil {
		s.acting[m.User] = map[fleet.Worker]bool{}
	}
	s.acting[m.User][m.Worker] = true
	s.doubled = s.doubled || len(s.acting[m.User]) > 1
	return nil
}

// renew begins a worker's next life.
func (s *stable) renew(ctx context.Context, name fleet.Worker) {
	w := s.workers[name]
	delete(s.acting[w.user], name)
	w.life, w.user, w.epoch = w.life+1, "", 0
	_, _ = s.store.Register(ctx, claim.Registration{Worker: name, Host: "h1", Life: w.life, Key: s.key}, s.Terms)
}

// beat keeps all workers alive and heeds the standings.
func (s *stable) beat(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, w := range s.workers {
		standings, err := s.store.Beat(ctx, "h1", []claim.Beat{{Worker: name, Life: w.life, Epoch: w.epoch}}, s.Terms)
		switch {
		case err != nil:
		case standings[0] == claim.Fenced:
			s.renew(ctx, name)
		case standings[0] == claim.Announce:
			_, _ = s.store.Register(ctx, claim.Registration{Worker: name, Host: "h1", Life: w.life, Key: s.key, User: w.user, Epoch: w.epoch}, s.Terms)
		}
	}
}

// A process that is stopped between any two steps of a claim, for less or more than any deadline, and goes on as if
// nothing had happened, does no harm: the user is served meanwhile by somebody else, never by two workers at once, and
// when all has settled index, database and worker agree on one session. Without the conditions of the confirmation two
// workers act at once.
func TestPausesBetweenEveryTwoSteps(t *testing.T) {
	for _, before := range steps {
		for _, pause := range []time.Duration{time.Second, 3 * time.Second, 20 * time.Second, 5 * time.Minute} {
			for _, away := range []time.Duration{0, 10 * time.Second} {
				t.Run(fmt.Sprintf("%v before %s, keeper away for %v", pause, before, away), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) { pauseBefore(t, before, pause, away) })
				})
			}
		}
	}
}

// pauseBefore lets the keeper be away at first: while it is there it delivers what the stopped process left within a
// round, and otherwise the assignment is overdue and goes to another worker.
func pauseBefore(t *testing.T, before string, pause, away time.Duration) {
	s := &stable{bench: newBench(t), workers: map[fleet.Worker]*horse{}, acting: map[fleet.User]map[fleet.Worker]bool{}}
	s.Sessions.Mailbox = s
	s.pass()
	for i := range 4 {
		name := fleet.Worker(fmt.Sprintf("w%d", i))
		s.workers[name] = &horse{life: 1}
		s.register(claim.Registration{Worker: name, Host: "h1", Life: 1})
	}
	slow := &pausing{Claims: s.store, Authority: s.authority, Vault: everyone{}, Mailbox: s, before: before, pause: pause}
	stopped := session.New(session.Config{Claims: slow, Directory: s.store, Authority: slow, Vault: slow, Mailbox: slow, Terms: s.Terms})
	done := make(chan error, 1)
	go func() {
		_, err := stopped.Claim(t.Context(), claim.Request{User: "ann"}, "")
		done <- err
	}()
	synctest.Wait()
	other := false // the same user comes again, through a process that runs
	began := time.Now()
	for end := began.Add(pause + time.Minute); time.Now().Before(end); time.Sleep(250 * time.Millisecond) {
		s.beat(t.Context())
		if time.Since(began) < away {
			continue
		}
		_, err := s.Pass(t.Context())
		require.NoError(t, err)
		p, err := s.Sessions.Claim(t.Context(), claim.Request{User: "ann"}, "")
		require.NoError(t, err)
		other = other || p.Ready()
		require.False(t, s.doubled, "two workers act for one user")
	}
	require.NoError(t, <-done)
	require.True(t, other, "nobody else was served meanwhile")

	current, open, err := s.authority.Current(t.Context(), "ann")
	require.NoError(t, err)
	require.True(t, open)
	bound := s.bound("ann")
	require.Equal(t, claim.Serving, bound.State)
	require.Equal(t, current.Epoch, bound.Epoch, "index and database disagree")
	require.Equal(t, map[fleet.Worker]bool{bound.Worker: true}, s.acting["ann"], "another worker acts than the one that is bound")
	require.Equal(t, bound.Epoch, s.workers[bound.Worker].epoch)
}
