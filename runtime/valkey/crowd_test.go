package valkey

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"workerfleet/runtime/claim"
	"workerfleet/runtime/fleet"
	"workerfleet/runtime/keeper"
	"workerfleet/runtime/seal"
	"workerfleet/runtime/session"
	"workerfleet/runtime/signals"
)

// size says how many there are in a crowd.
type size struct{ hosts, perHost, users, clerks int }

// crowd is the platform around a store under faults, in one process: hosts that register, confirm and beat for their
// workers, clerks who claim for users again and again, and a keeper. Stores, sessions and rounds are those that ship;
// the authority is the one in memory, and mail is handed over within the process, so that the index alone is in doubt.
type crowd struct {
	*testing.T
	size
	terms     claim.Terms
	store     *Store
	authority *session.Memory
	sessions  *session.Sessions
	hosts     map[fleet.Host]*machine
	users     []fleet.User
	judge     judge
	diary     *diary
	// mu is over all that hosts and workers hold. late are users whose worker's beat was confirmed when its lease had ended.
	mu   sync.Mutex
	late map[fleet.User]bool
	// ends is how often, in a hundred claims, a clerk ends the user's session instead.
	ends atomic.Int64
	// wanted is how many of the users, from the first on, want a worker.
	wanted atomic.Int64
	failed atomic.Int64
	stop   context.CancelFunc
	group  sync.WaitGroup
}

// hasty are terms that let a lease end within a test, and are long against a busy machine's stops.
func hasty() claim.Terms {
	return claim.Terms{
		TTL: 4 * time.Second, Guard: 500 * time.Millisecond, Acknowledge: 1500 * time.Millisecond, Renew: 20 * time.Second,
		Hold: time.Second, Launch: 3 * time.Minute,
	}
}

// gather puts a crowd around a store that is empty and has it go on until the test ends.
func gather(t *testing.T, url string, terms claim.Terms, n size) *crowd {
	t.Helper()
	client, err := Connect(t.Context(), Address{URL: url, Cluster: true, Connections: 128})
	require.NoError(t, err)
	store, err := NewStore(t.Context(), client)
	require.NoError(t, err)
	key, err := seal.NewKey()
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	c := &crowd{T: t, size: n, terms: terms, store: store, authority: session.NewMemory(), hosts: map[fleet.Host]*machine{}, late: map[fleet.User]bool{}, stop: stop, diary: newDiary()}
	c.judge.byUser = map[fleet.User]confirmed{}
	c.sessions = session.New(session.Config{
		Claims: store, Directory: store, Authority: c.authority, Vault: everybody{}, Mailbox: c, Terms: terms,
	})
	for i := range n.users {
		c.users = append(c.users, fleet.User(fmt.Sprintf("u%04d", i)))
	}
	for i := range n.hosts {
		m := &machine{crowd: c, name: fleet.Host(fmt.Sprintf("h%02d", i))}
		m.store, err = NewStore(t.Context(), client)
		require.NoError(t, err)
		for j := range n.perHost {
			m.workers = append(m.workers, &hand{id: fleet.Worker(fmt.Sprintf("h%02d-w%02d", i, j)), life: 1, key: key.Public()})
		}
		c.hosts[m.name] = m
	}
	c.run(ctx)
	t.Cleanup(func() {
		stop()
		c.group.Wait()
		_ = client.Close()
	})
	return c
}

// run starts everybody.
func (c *crowd) run(ctx context.Context) {
	for _, m := range c.hosts {
		c.every(ctx, 100*time.Millisecond, m.step)
	}
	made := 0
	rounds := keeper.New(keeper.Config{
		Store: c.store, Sessions: c.sessions, Authority: c.authority, Recorder: signals.Discard{}, Terms: c.terms,
		Incarnation: func() string { made++; return fmt.Sprintf("data-%d", made) },
	})
	c.every(ctx, 100*time.Millisecond, func(ctx context.Context) {
		if _, err := rounds.Pass(ctx); err != nil {
			c.failed.Add(1)
		}
	})
	ends := keeper.NewEnds(keeper.EndsConfig{Presence: c.authority, Sessions: c.sessions})
	c.every(ctx, 500*time.Millisecond, func(ctx context.Context) {
		if _, err := ends.Pass(ctx); err != nil {
			c.failed.Add(1)
		}
	})
	for i := range c.clerks {
		random := rand.New(rand.NewPCG(7, uint64(i)))
		c.every(ctx, 5*time.Millisecond, func(ctx context.Context) {
			if wanted := int(c.wanted.Load()); wanted > 0 {
				c.serve(ctx, random, c.users[random.IntN(wanted)])
			}
		})
	}
}

// every does something until the crowd leaves.
func (c *crowd) every(ctx context.Context, pause time.Duration, do func(context.Context)) {
	c.group.Go(func() {
		for ctx.Err() == nil {
			do(ctx)
			select {
			case <-ctx.Done():
			case <-time.After(pause):
			}
		}
	})
}

// serve claims for a user, or ends the session.
func (c *crowd) serve(ctx context.Context, random *rand.Rand, user fleet.User) {
	began := c.diary.clock()
	if random.Int64N(100) < c.ends.Load() {
		if c.sessions.End(ctx, user) != nil {
			c.failed.Add(1)
			return
		}
		c.diary.ended(user, began)
		return
	}
	told, err := c.sessions.Claim(ctx, claim.Request{User: user}, "")
	if err != nil {
		c.failed.Add(1)
		return
	}
	c.diary.claimed(user, began, told)
}

// Post: see [session.Mailbox].
func (c *crowd) Post(_ context.Context, host fleet.Host, mail fleet.Mail) error {
	m := c.hosts[host]
	c.mu.Lock()
	defer c.mu.Unlock()
	m.letters = append(m.letters, mail)
	return nil
}

// calm is many times what coming to rest takes, and half of what a client takes by default to look for a new primary.
const calm = 30 * time.Second

// settle waits until everybody who wants a worker has one, and says what is missing if that does not come.
func (c *crowd) settle(what string) {
	c.Helper()
	why := "nothing was looked at"
	until := time.Now().Add(calm)
	for why != "" {
		if why = c.unsettled(); why != "" {
			require.True(c, time.Now().Before(until), "%s: %s; %d calls failed", what, why, c.failed.Load())
			time.Sleep(50 * time.Millisecond)
		}
	}
	require.Empty(c, c.judge.verdict(), what)
}

// unsettled says in what authority, index and workers do not agree yet.
func (c *crowd) unsettled() string {
	ctx := c.Context()
	held := map[fleet.User]hand{}
	for _, w := range c.busy() {
		if other, twice := held[w.user]; twice {
			return fmt.Sprintf("%s has %s and %s", w.user, other.id, w.id)
		}
		held[w.user] = w
	}
	wanted := c.users[:c.wanted.Load()]
	for _, user := range wanted {
		w := held[user]
		row, open, err := c.authority.Current(ctx, user)
		switch {
		case err != nil:
			return err.Error()
		case !w.serving:
			return fmt.Sprintf("%s has no worker that serves", user)
		case !open || row.Worker != w.id || row.Life != w.life || row.Epoch != w.epoch:
			return fmt.Sprintf("%s has %s under %d, and the authority says %+v", user, w.id, w.epoch, row)
		}
		if known, _, err := c.store.Worker(ctx, w.id); err != nil || known.State != claim.Serving || known.User != user || known.Epoch != w.epoch {
			return fmt.Sprintf("%s has %s, and the index says %+v (%v)", user, w.id, known, err)
		}
	}
	return c.miscounted(ctx, len(wanted))
}

// miscounted says in which count the index is not what it must be with so many served.
func (c *crowd) miscounted(ctx context.Context, served int) string {
	census, err := c.store.Census(ctx)
	all := c.size.hosts * c.perHost
	switch {
	case err != nil:
		return err.Error()
	case census.Workers[claim.Serving] != served || census.Workers[claim.Warm] != all-served || census.Free != all-served:
		return fmt.Sprintf("of %d workers the index counts %+v", all, census)
	case census.Waiting != 0 || census.Hosts != c.size.hosts || census.Incarnation == "":
		return fmt.Sprintf("the index counts %+v", census)
	}
	for cursor := 0; ; {
		healed, err := c.store.Heal(ctx, cursor, 256, c.terms)
		if err != nil || len(healed.Repairs) > 0 {
			return fmt.Sprintf("the index had to be healed: %v (%v)", healed.Repairs, err)
		}
		if cursor = healed.Next; cursor == 0 {
			return ""
		}
	}
}

// confirmed is what a worker was told it serves.
type confirmed struct {
	epoch  fleet.Epoch
	worker fleet.Worker
	life   fleet.Life
}

// judge remembers what workers were confirmed in, and what must never be.
type judge struct {
	mu     sync.Mutex
	byUser map[fleet.User]confirmed
	wrong  []string
	count  int
}

// before is the latest session of a user that is confirmed as a call begins.
func (j *judge) before(user fleet.User) confirmed {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.byUser[user]
}

// confirm takes a worker's confirmation, and what was the user's latest before it was asked for.
func (j *judge) confirm(w *hand, before confirmed) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.count++
	now := confirmed{w.epoch, w.id, w.life}
	last := j.byUser[w.user]
	switch {
	case now.epoch < before.epoch:
		j.wrong = append(j.wrong, fmt.Sprintf("%s went back from %+v to %+v", w.user, before, now))
	case now.epoch == last.epoch && now != last:
		j.wrong = append(j.wrong, fmt.Sprintf("%s has %+v and %+v by one epoch", w.user, last, now))
	}
	if now.epoch > last.epoch {
		j.byUser[w.user] = now
	}
}

// confirmations counts them.
func (j *judge) confirmations() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.count
}

func (j *judge) verdict() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.wrong
}

// The judge notices what it is there for.
func TestJudgeOfConfirmations(t *testing.T) {
	j := &judge{byUser: map[fleet.User]confirmed{}}
	say := func(worker fleet.Worker, epoch fleet.Epoch) int {
		j.confirm(&hand{id: worker, life: 1, user: "ann", epoch: epoch}, j.before("ann"))
		return len(j.verdict())
	}
	require.Zero(t, say("w1", 5))
	require.Zero(t, say("w1", 5), "a repetition")
	require.Zero(t, say("w2", 6))
	require.Equal(t, 1, say("w1", 6), "one epoch on two workers")
	require.Equal(t, 2, say("w2", 5), "an epoch that goes back")
}
