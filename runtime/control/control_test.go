package control_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"workerfleet/runtime/claim"
	"workerfleet/runtime/control"
	"workerfleet/runtime/fleet"
	"workerfleet/runtime/queue"
	"workerfleet/runtime/seal"
	"workerfleet/runtime/session"
	"workerfleet/runtime/signals"
)

// bench is a pool of in-memory parts whose assignments are handed on, as the control function's are.
type bench struct {
	*control.Control
	*testing.T
	store     *claim.Memory
	authority *session.Memory
	handed    []claim.Binding
	posted    []fleet.Mail
	away      error
	stopped   map[fleet.Host][]fleet.Worker
	deaths    int
	key       string
}

func (b *bench) Post(_ context.Context, _ fleet.Host, m fleet.Mail) error {
	b.posted = append(b.posted, m)
	return nil
}

func (b *bench) Ended(_ context.Context, host fleet.Host) ([]fleet.Worker, error) {
	return b.stopped[host], b.away
}

type counting struct {
	signals.Discard
	b *bench
}

func (c counting) Add(of signals.Counter, n float64, labels ...string) {
	if of == signals.Deaths && labels[0] == "confirmed" {
		c.b.deaths += int(n)
	}
}

func newBench(t *testing.T) *bench {
	key, err := seal.NewKey()
	require.NoError(t, err)
	b := &bench{T: t, store: claim.NewMemory(), authority: session.NewMemory(), stopped: map[fleet.Host][]fleet.Worker{}, key: key.Public()}
	_, err = b.store.Open(t.Context(), "test")
	require.NoError(t, err)
	b.Control = control.New(control.Config{
		Store: b.store, Authority: b.authority, Witness: b, Recorder: counting{b: b}, Terms: claim.DefaultTerms(),
		Sessions: session.New(session.Config{
			Claims: b.store, Directory: b.store, Authority: b.authority, Mailbox: b, Terms: claim.DefaultTerms(),
			HandOn: func(_ context.Context, c claim.Binding) error {
				b.handed = append(b.handed, c)
				return b.away
			},
		}),
	})
	return b
}

func (b *bench) idle(worker fleet.Worker) {
	_, err := b.store.Register(b.Context(), claim.Registration{Worker: worker, Host: "h1", Life: 1, Key: b.key}, b.Terms)
	require.NoError(b, err)
}

func (b *bench) told(t queue.Task) error {
	b.Helper()
	t.ID, t.At = "1", time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	to, handle := queue.WorkerControl, b.WorkerControl
	if t.Type == queue.Wake {
		to, handle = queue.PoolClaim, b.PoolClaim
	}
	out, err := t.Outgoing(to)
	require.NoError(b, err)
	return handle(b.Context(), queue.Message{ID: "m", Body: out.Body})
}

// current is the user's open session; 0 is none.
func (b *bench) current() fleet.Epoch {
	b.Helper()
	s, open, err := b.authority.Current(b.Context(), "ann")
	require.NoError(b, err)
	if !open {
		return 0
	}
	return s.Epoch
}

// serve gives the user a session that its worker has confirmed.
func (b *bench) serve() fleet.Epoch {
	b.Helper()
	require.NoError(b, b.told(queue.Task{Type: queue.Start, User: "ann"}))
	last := b.handed[len(b.handed)-1]
	require.NoError(b, b.store.Sent(b.Context(), last.Worker, last.Epoch))
	require.NoError(b, b.store.Confirm(b.Context(), last.Worker, last.Life, last.Epoch))
	return last.Epoch
}

// A wake sees to it that the user stands in the queue, and is bound when a worker is free; repeated it finishes what was
// begun, and binds nobody twice.
func TestWake(t *testing.T) {
	b := newBench(t)
	wake := queue.Task{Type: queue.Wake, User: "ann"}
	require.NoError(t, b.told(wake))
	census, err := b.store.Census(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, census.Waiting)
	b.idle("w1")
	b.idle("w2")
	b.away = errors.New("away")
	require.ErrorIs(t, b.told(wake), b.away, "it comes again")
	b.away = nil
	require.NoError(t, b.told(wake))
	require.Equal(t, b.handed[0].Epoch, b.handed[1].Epoch)
	require.Equal(t, b.handed[0].Epoch, b.current())
}

// A wake about a binding finishes that one: when the user has left since, or is bound anew, it begins nothing. Delivered by
// somebody else meanwhile, it is not posted again.
func TestWakeMeansAnEpoch(t *testing.T) {
	b := newBench(t)
	b.idle("w1")
	require.NoError(t, b.told(queue.Task{Type: queue.Start, User: "ann"}))
	bound := b.handed[0]
	wake := queue.Task{Type: queue.Wake, User: "ann", Epoch: bound.Epoch}
	require.NoError(t, b.told(wake))
	require.Len(t, b.handed, 2, "undelivered, it is finished")
	require.Equal(t, bound.Epoch, b.handed[1].Epoch)

	require.NoError(t, b.store.Sent(t.Context(), bound.Worker, bound.Epoch))
	require.NoError(t, b.told(wake))
	require.Len(t, b.handed, 2, "delivered, it is left alone")

	b.idle("w2")
	require.NoError(t, b.told(queue.Task{Type: queue.Stop, User: "ann", Epoch: bound.Epoch}))
	require.NoError(t, b.told(queue.Task{Type: queue.TaskStopped, Worker: "w1"}))
	require.NoError(t, b.told(wake))
	require.Zero(t, b.current(), "who has left is served again")
	latest, err := b.authority.Latest(t.Context(), "ann")
	require.NoError(t, err)
	require.Equal(t, bound.Epoch, latest)
	census, err := b.store.Census(t.Context())
	require.NoError(t, err)
	require.Zero(t, census.Waiting)
}

// A wake is done even where the user's former worker may still act: it would hold the user's next one back.
func TestWakeIsNoTimer(t *testing.T) {
	b := newBench(t)
	b.idle("w1")
	first := b.serve()
	require.NoError(t, b.told(queue.Task{Type: queue.Stop, User: "ann", Epoch: first}))
	b.idle("w2")
	require.NoError(t, b.told(queue.Task{Type: queue.Wake, User: "ann"}))
	latest, err := b.authority.Latest(t.Context(), "ann")
	require.NoError(t, err)
	require.Equal(t, first, latest, "nobody took the user over")
	require.Len(t, b.handed, 1)
}

// A start, stop or restart means the session that its sender knew: a repetition does nothing, and a late one leaves the
// later session alone.
func TestCommandsMeanAnEpoch(t *testing.T) {
	b := newBench(t)
	b.idle("w1")
	b.idle("w2")
	first := b.serve()
	require.NoError(t, b.told(queue.Task{Type: queue.Start, User: "ann"}), "a repeated start")
	require.Equal(t, first, b.current())
	require.NoError(t, b.told(queue.Task{Type: queue.Stop, User: "ann", Epoch: first + 1}), "a session that is not there")
	require.NoError(t, b.told(queue.Task{Type: queue.Stop, User: "ann", Epoch: first - 1}), "an older one")
	require.Empty(t, b.posted)
	require.NoError(t, b.told(queue.Task{Type: queue.Stop, User: "ann", Epoch: first}))
	require.Equal(t, fleet.MailRelease, b.posted[0].Kind)
	require.Equal(t, first, b.posted[0].Epoch)
	require.NoError(t, b.authority.Close(t.Context(), "ann", first)) // the worker has reset itself

	second := b.serve()
	require.Greater(t, second, first)
	require.NoError(t, b.told(queue.Task{Type: queue.Stop, User: "ann", Epoch: first}), "the same stop, late")
	require.NoError(t, b.told(queue.Task{Type: queue.Restart, User: "ann", Epoch: first}), "a restart of the older session")
	require.Equal(t, second, b.current())
	require.Len(t, b.posted, 1)
	// The worker that is let go may still act, so the new one waits; the message comes again and is done then.
	b.idle("w3")
	err := b.told(queue.Task{Type: queue.Restart, User: "ann", Epoch: second})
	require.ErrorContains(t, err, "the former worker may still act")
	var later *queue.Later
	require.ErrorAs(t, err, &later)
	require.InDelta(t, b.Terms.TTL+b.Terms.Guard, later.After, float64(time.Second), "it comes again when that is over, not when the queue shows it again")
	require.Equal(t, second, b.posted[1].Epoch)
	require.NoError(t, b.authority.Close(t.Context(), "ann", second))
	require.NoError(t, b.told(queue.Task{Type: queue.Restart, User: "ann", Epoch: second}))
	require.Greater(t, b.current(), second)
}

// A late start leaves a user alone whose later session is ending: it does not begin to take it over.
func TestLateStart(t *testing.T) {
	b := newBench(t)
	b.idle("w1")
	first := b.serve()
	require.NoError(t, b.told(queue.Task{Type: queue.Stop, User: "ann", Epoch: first}))
	b.idle("w2")
	require.NoError(t, b.told(queue.Task{Type: queue.Start, User: "ann", Epoch: first - 1}))
	require.Zero(t, b.current())
	require.Len(t, b.handed, 1)
	require.ErrorContains(t, b.told(queue.Task{Type: queue.Start, User: "ann", Epoch: first}), "may still act", "who knew of it is served after it")
}

// A stopped task is the end of its worker: the index drops it, the database fences the session, and the user is served
// again; told twice, or of a worker that nobody knows, nothing happens.
func TestTaskStopped(t *testing.T) {
	b := newBench(t)
	b.idle("w1")
	first := b.serve()
	b.idle("w2")
	stopped := queue.Task{Type: queue.TaskStopped, Worker: "w1"}
	require.NoError(t, b.told(stopped))
	gone, err := b.store.Gone(t.Context(), "w1", 1)
	require.NoError(t, err)
	require.True(t, gone)
	require.Greater(t, b.current(), first)
	require.Equal(t, fleet.Worker("w2"), b.handed[len(b.handed)-1].Worker)
	again := b.current()
	require.NoError(t, b.told(stopped))
	require.NoError(t, b.told(queue.Task{Type: queue.TaskStopped, Worker: "unknown"}))
	require.Equal(t, again, b.current())
	require.Equal(t, 1, b.deaths)
}

// Of a host's many users who lost their workers at once, all are fenced before anybody is served; those for whom there is
// no worker stand in the queue, and are not asked for one by one.
func TestManyEnded(t *testing.T) {
	b := newBench(t)
	const many = 2*claim.EndLimit + 3
	for i := range many {
		b.idle(fleet.Worker(fmt.Sprintf("w%03d", i)))
		require.NoError(t, b.told(queue.Task{Type: queue.Start, User: fleet.User(fmt.Sprintf("user-%03d", i))}))
		b.stopped["h1"] = append(b.stopped["h1"], fleet.Worker(fmt.Sprintf("w%03d", i)))
	}
	b.idle("x1")
	b.idle("x2")
	require.NoError(t, b.told(queue.Task{Type: queue.HostLost, Host: "h1", Status: "INACTIVE"}))
	require.Equal(t, many, b.deaths)
	open, err := b.authority.Open(t.Context(), "", many)
	require.NoError(t, err)
	require.Len(t, open, 2, "two workers were left")
	census, err := b.store.Census(t.Context())
	require.NoError(t, err)
	require.Equal(t, many-2, census.Waiting)
}

// A lost host ends nobody by itself: ECS is asked which of its workers have ended. An instance's name says nothing.
func TestHostLost(t *testing.T) {
	b := newBench(t)
	b.idle("w1")
	b.idle("w2")
	require.NoError(t, b.told(queue.Task{Type: queue.HostLost, Host: "h1", Status: "ACTIVE"}))
	require.NoError(t, b.told(queue.Task{Type: queue.HostLost, Instance: "i-1", Status: "terminated"}))
	require.Zero(t, b.deaths)
	b.stopped["h1"] = []fleet.Worker{"w2", "unknown"}
	require.NoError(t, b.told(queue.Task{Type: queue.HostLost, Host: "h1", Status: "INACTIVE"}))
	_, registered, err := b.store.Worker(t.Context(), "w2")
	require.NoError(t, err)
	require.False(t, registered)
	require.Equal(t, 1, b.deaths)
	b.away = errors.New("away")
	require.ErrorIs(t, b.told(queue.Task{Type: queue.HostLost, Host: "h1", Status: "INACTIVE"}), b.away, "it comes again")
}

// Whose worker has ended is fenced though no other one is free: nobody is told to send orders to the dead.
func TestTheDeadAreFencedFirst(t *testing.T) {
	b := newBench(t)
	b.idle("w1")
	b.serve()
	require.NoError(t, b.told(queue.Task{Type: queue.TaskStopped, Worker: "w1"}))
	require.Zero(t, b.current())
	require.Len(t, b.handed, 1, "nobody is free")
}

// What cannot be read is refused with the reason, and goes to the dead-letter queue by its receives.
func TestPoison(t *testing.T) {
	b := newBench(t)
	require.ErrorContains(t, b.WorkerControl(t.Context(), queue.Message{Body: `{"v":1,"type":"explode"}`}), `type: "explode" is not allowed`)
	require.ErrorContains(t, b.PoolClaim(t.Context(), queue.Message{Body: `nonsense`}), "body: is no JSON object")
}

// A user without credentials that the broker takes is nobody's to serve: no message about one comes again.
func TestUnserved(t *testing.T) {
	for name, refusal := range map[string]error{"none": session.ErrNoCredentials, "refused": &session.Refused{Reason: "closed"}} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.idle("w1")
			b.serve()
			b.away = refusal
			b.idle("w2")
			require.NoError(t, b.told(queue.Task{Type: queue.TaskStopped, Worker: "w1"}))
			require.NoError(t, b.told(queue.Task{Type: queue.Wake, User: "ann"}))
			require.NoError(t, b.told(queue.Task{Type: queue.Start, User: "ann"}))
			require.Zero(t, b.current())
		})
	}
}
