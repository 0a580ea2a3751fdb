package agent

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"workerfleet/runtime/claim"
	"workerfleet/runtime/fleet"
	"workerfleet/runtime/hostlink"
)

// The loop around the roster in bubbles, where time passes at once when all wait. There is no socket in them: a test
// takes a worker's turns, and reads what would be said to it.

// loop is an agent without its listener.
type loop struct {
	*Agent
	store *store
	names chan []fleet.Worker
	stop  context.CancelFunc
}

func newLoop(t *testing.T) *loop {
	s := newStore()
	a, err := New(Config{Host: "h1", Socket: "unused", Store: s, Post: newPost()})
	require.NoError(t, err)
	work, finish := context.WithCancel(t.Context())
	a.work = work
	ctx, stop := context.WithCancel(t.Context())
	l := &loop{Agent: a, store: s, names: make(chan []fleet.Worker, 1), stop: stop}
	a.group.Go(a.carry)
	go func() {
		l.names <- a.own(ctx)
		finish()
	}()
	return l
}

// hears has the roster take a worker's word.
func (l *loop) hears(from *link, said hostlink.Message) {
	l.turn(func(r *roster, now time.Time) []effect {
		if said.Kind == hostlink.Hello {
			return r.hello(now, from, said)
		}
		return r.heardFrom(now, from, said)
	})
	synctest.Wait()
}

// ends stops the loop and everything beside it.
func (l *loop) ends() []fleet.Worker {
	l.stop()
	names := <-l.names
	l.group.Wait()
	return names
}

// A new worker has its first beat confirmed at once, and one every 2 s from then on; it is beaten for as long as it
// shows signs of life, and for one TTL after the last.
func TestBeatsInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLoop(t)
		time.Sleep(time.Second)
		w := newLink(&process{})
		l.hears(w, hello("w1", 1))
		require.Equal(t, hostlink.BeatOk, (<-w.out).Kind, "before the next round is due")
		for range 10 {
			time.Sleep(2 * time.Second)
			l.hears(w, hostlink.Message{Kind: hostlink.Alive})
			require.Equal(t, hostlink.BeatOk, (<-w.out).Kind)
		}
		require.Len(t, l.store.okay("w1"), 11)
		time.Sleep(time.Hour)
		synctest.Wait()
		require.InDelta(t, 11+7, len(l.store.okay("w1")), 1, "15 s more at 2 s each")
		require.Equal(t, []fleet.Worker{"w1"}, l.ends())
	})
}

// While the store is away every kind of call is repeated, with pauses that stay below two seconds; when it is back all
// of it is made up for.
func TestCallsAreRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLoop(t)
		var calls atomic.Int32
		l.store.faults(nil, func(call string) bool { calls.Add(1); return true })
		p := &process{}
		w := newLink(p)
		l.hears(w, hello("w1", 1))
		before := calls.Load()
		time.Sleep(time.Minute)
		rounds := calls.Load() - before
		require.Greater(t, rounds, int32(60), "30 rounds of beats, and a registration each 0.5 to 1.5 s")
		require.Less(t, rounds, int32(160))
		l.store.faults(nil, nil)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		_, known, err := l.store.Worker(t.Context(), "w1")
		require.NoError(t, err)
		require.True(t, known)

		l.store.faults(nil, func(string) bool { return true })
		l.turn(func(r *roster, _ time.Time) []effect { return r.exited(p) })
		time.Sleep(time.Minute)
		require.Zero(t, l.store.exitCount())
		l.store.faults(nil, nil)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		require.Equal(t, 1, l.store.exitCount())
		require.Empty(t, l.ends())
	})
}

// hung is a store that never answers, as a network does that swallows everything.
type hung struct{ claim.Store }

func (hung) Beat(ctx context.Context, _ fleet.Host, _ []claim.Beat, _ claim.Terms) ([]claim.Standing, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func (hung) Park(ctx context.Context, _ fleet.Host, _ []fleet.Worker, _ time.Duration) error {
	<-ctx.Done()
	return ctx.Err()
}

// A store that swallows calls holds up neither the owner nor the agent's end.
func TestHungStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLoop(t)
		w := newLink(&process{})
		l.hears(w, hello("w1", 1))
		require.Equal(t, hostlink.BeatOk, (<-w.out).Kind)
		l.store.replace(hung{l.store.inner()})
		time.Sleep(time.Minute)
		l.hears(w, hostlink.Message{Kind: hostlink.Alive})
		begin := time.Now()
		names := l.ends()
		require.Zero(t, time.Since(begin))
		l.park(names)
		require.Equal(t, parkLimit, time.Since(begin))
	})
}

// Parking is repeated until the store answers, and reaches it after everything else.
func TestPark(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLoop(t)
		l.hears(newLink(&process{}), hello("w1", 1))
		names := l.ends()
		var refusals atomic.Int32
		l.store.faults(nil, func(call string) bool { return refusals.Add(1) <= 3 })
		l.park(names)
		require.Equal(t, int32(4), refusals.Load())
		require.Equal(t, []time.Duration{120 * time.Second}, l.store.parks)
	})
}

// impatient is a mailbox that answers at once that there is nothing.
type impatient struct {
	*post
	reads atomic.Int32
}

func (i *impatient) Read(context.Context, fleet.Host, string) ([]Letter, error) {
	i.reads.Add(1)
	return nil, nil
}

// A mailbox that does not wait for mail does not keep the agent busy.
func TestImpatientMailbox(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &impatient{post: newPost()}
		a, err := New(Config{Host: "h1", Socket: "unused", Store: newStore(), Post: p})
		require.NoError(t, err)
		work, finish := context.WithCancel(t.Context())
		a.work = work
		a.group.Go(a.carry)
		time.Sleep(time.Minute)
		finish()
		a.group.Wait()
		require.InDelta(t, 60, p.reads.Load(), 30, "about one a second")
	})
}

// A worker that reads nothing loses its connection instead of holding up the others.
func TestSlowReader(t *testing.T) {
	cut := false
	l := &link{out: make(chan hostlink.Message, linkQueue), cut: func() { cut = true }}
	for range linkQueue {
		l.say(hostlink.Message{Kind: hostlink.Announce})
	}
	require.False(t, cut)
	l.say(hostlink.Message{Kind: hostlink.Announce})
	require.True(t, cut)
}

// The socket's directory is made for its group and nobody else, and left as it is where it exists; what an earlier
// agent left is replaced, what lives is not, and what is no socket stays.
func TestListen(t *testing.T) {
	mode := func(path string) os.FileMode {
		info, err := os.Stat(path)
		require.NoError(t, err)
		return info.Mode().Perm()
	}
	dir := filepath.Join(t.TempDir(), "a", "run")
	path := filepath.Join(dir, "agent.sock")
	first, err := listen(t.Context(), path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o770), mode(dir))
	require.Equal(t, os.FileMode(0o660), mode(path))

	cancelled, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err = listen(cancelled, path)
	require.ErrorIs(t, err, context.DeadlineExceeded, "the first one still answers")

	second := make(chan *net.UnixListener)
	go func() {
		l, err := listen(t.Context(), path)
		if err != nil {
			l = nil
		}
		second <- l
	}()
	require.NoError(t, first.Close())
	taken := <-second
	require.NotNil(t, taken)
	conn, err := net.Dial("unix", path)
	require.NoError(t, err, "the first one's end did not take the socket away")
	require.NoError(t, conn.Close())
	require.NoError(t, taken.Close())

	require.NoError(t, os.Chmod(dir, 0o750))
	require.NoError(t, os.Remove(path))
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	_, err = listen(t.Context(), path)
	require.ErrorContains(t, err, "is no socket")
	require.Equal(t, os.FileMode(0o750), mode(dir))
}

// A socket whose directory belongs to others is given to them, so that workers of another user may connect. Only root
// can hand files over, so the test needs it.
func TestSocketOfAnotherOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	dir := t.TempDir()
	require.NoError(t, os.Chown(dir, 4711, 4712))
	l, err := listen(t.Context(), filepath.Join(dir, "agent.sock"))
	require.NoError(t, err)
	defer l.Close()
	uid, gid, err := ownerOf(filepath.Join(dir, "agent.sock"))
	require.NoError(t, err)
	require.Equal(t, []int{4711, 4712}, []int{uid, gid})
}

// A configuration that cannot work is refused, and the error names the field; what is left out has the published values.
func TestConfig(t *testing.T) {
	good := Config{Host: "h1", Socket: "s", Store: newStore(), Post: newPost()}
	a, err := New(good)
	require.NoError(t, err)
	require.Equal(t, claim.DefaultTerms(), a.Terms)
	require.Equal(t, 2*time.Second, a.Beat)
	require.Equal(t, 120*time.Second, a.Parked)
	for want, spoil := range map[string]func(c *Config){
		"host":   func(c *Config) { c.Host = "" },
		"socket": func(c *Config) { c.Socket = "" },
		"store":  func(c *Config) { c.Store = nil },
		"post":   func(c *Config) { c.Post = nil },
		"beat":   func(c *Config) { c.Beat = -1 },
		"parked": func(c *Config) { c.Parked = -1 },
	} {
		bad := good
		spoil(&bad)
		_, err := New(bad)
		require.ErrorContains(t, err, want)
	}
}
