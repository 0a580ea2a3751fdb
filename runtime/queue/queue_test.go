package queue_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/queue"
)

var at = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// samples are a task of every type.
var samples = map[queue.Name][]queue.Task{
	queue.WorkerControl: {
		{Type: queue.Start, ID: "1", User: "ann", At: at}, {Type: queue.Stop, ID: "2", User: "ann", Epoch: 7, At: at},
		{Type: queue.Restart, ID: "3", User: "ann", Epoch: 1 << 60, At: at},
		{Type: queue.TaskStopped, ID: "4", Worker: "arn:w", At: at}, {Type: queue.HostLost, ID: "5", Host: "arn:h", Status: "INACTIVE", At: at},
	},
	queue.OrderTasks:      {{Type: queue.Dispatch, ID: "6", User: "ann", Order: "o1", At: at}, {Type: queue.Verify, ID: "7", User: "ann", Order: "o1", At: at}},
	queue.PoolClaim:       {{Type: queue.Wake, ID: "8", User: "ann", Epoch: 9, At: at}},
	queue.BackgroundTasks: {{Type: queue.Audit, ID: "9", User: "ann", Action: "orders-off", Detail: "d", At: at}},
}

// What is written is what is read, for every type of every queue. What a queue does with it is another matter.
func TestRoundTrip(t *testing.T) {
	for name, tasks := range samples {
		for _, task := range tasks {
			out, err := task.Outgoing(name)
			require.NoError(t, err)
			read, err := queue.Parse(name, out.Body)
			require.NoError(t, err)
			require.Equal(t, task, read)
		}
	}
	require.Len(t, queue.Names(), 4)
}

// What EventBridge's input transformer makes of AWS's events is read: the templates stand in components/witness, and the
// values are of the form that AWS documents.
func TestReadsWhatEventBridgeWrites(t *testing.T) {
	for text, want := range map[string]queue.Task{
		`{"v":1,"type":"task-stopped","id":"317f3f94","at":"2026-03-02T09:00:00Z","worker":"arn:aws:ecs:eu-west-1:111122223333:task/fleet/0fc1"}`:                                   {Type: queue.TaskStopped, ID: "317f3f94", At: at, Worker: "arn:aws:ecs:eu-west-1:111122223333:task/fleet/0fc1"},
		`{"v":1,"type":"host-lost","id":"8952ba83","at":"2026-03-02T09:00:00Z","host":"arn:aws:ecs:eu-west-1:111122223333:container-instance/fleet/7c2d","status":"DEREGISTERING"}`: {Type: queue.HostLost, ID: "8952ba83", At: at, Host: "arn:aws:ecs:eu-west-1:111122223333:container-instance/fleet/7c2d", Status: "DEREGISTERING"},
		`{"v":1,"type":"host-lost","id":"7bf73129","at":"2026-03-02T09:00:00Z","instance":"i-abcd1111","status":"shutting-down"}`:                                                   {Type: queue.HostLost, ID: "7bf73129", At: at, Instance: "i-abcd1111", Status: "shutting-down"},
	} {
		read, err := queue.Parse(queue.WorkerControl, text)
		require.NoError(t, err, text)
		require.Equal(t, want, read)
	}
}

// Each refusal names the field and what is allowed, and several are told at once.
func TestRefusals(t *testing.T) {
	for text, wants := range map[string][]string{
		``:                      {"body: is no JSON object"},
		`{"v":1,"user":1}`:      {"user: is a number; allowed: a text"},
		`[]`:                    {"body: is no JSON object"},
		`{"v":"1"}`:             {"v: is a string; allowed: a number"},
		`{"v":2,"type":"stop"}`: {"v: 2 is not allowed; allowed: 1"},
		`{"v":1,"type":"wake"}`: {`type: "wake" is not allowed; allowed on worker-control: [start stop restart host-lost task-stopped]`},
		`{"v":1,"type":"stop","at":"soon","epoch":"-1"}`:                                                         {`id: is missing`, `at: "soon" is not allowed; allowed: a time`, "user: is empty", `epoch: "-1" is no number`},
		`{"v":1,"type":"stop","id":"1","at":"2026-03-02T09:00:00Z","user":"ann"}`:                                {"epoch: is missing; allowed: that of the session"},
		`{"v":1,"type":"start","id":"1","at":"2026-03-02T09:00:00Z","user":"{ann}"}`:                             {`user: "{ann}" has characters that are not allowed`},
		`{"v":1,"type":"task-stopped","id":"1","at":"2026-03-02T09:00:00Z"}`:                                     {"worker: is empty"},
		`{"v":1,"type":"host-lost","id":"1","at":"2026-03-02T09:00:00Z","status":"x"}`:                           {"host and instance: both or neither are stated"},
		`{"v":1,"type":"host-lost","id":"1","at":"2026-03-02T09:00:00Z","host":"h","instance":"i","status":"x"}`: {"host and instance: both or neither are stated"},
		`{"v":1,"type":"host-lost","id":"1","at":"2026-03-02T09:00:00Z","host":"h"}`:                             {"status: is missing"},
	} {
		_, err := queue.Parse(queue.WorkerControl, text)
		for _, want := range wants {
			require.ErrorContains(t, err, want, text)
		}
	}
	_, err := queue.Task{Type: queue.Dispatch, ID: "1", User: "ann", At: at}.Outgoing(queue.OrderTasks)
	require.ErrorContains(t, err, "order: is missing")
}

// A user's tasks are one group, in which order holds; a check of an order is in a group of its own, and what AWS saw in one
// for all. A group's name fits SQS, however long a user's name is.
func TestGroups(t *testing.T) {
	group := func(to queue.Name, task queue.Task) string {
		task.ID, task.At = "1", at
		out, err := task.Outgoing(to)
		require.NoError(t, err)
		require.LessOrEqual(t, len(out.Group), 128)
		require.LessOrEqual(t, len(out.DedupID), 128)
		return out.Group
	}
	require.Equal(t, "ann", group(queue.WorkerControl, queue.Task{Type: queue.Start, User: "ann"}))
	require.Equal(t, "ann", group(queue.OrderTasks, queue.Task{Type: queue.Dispatch, User: "ann", Order: "o1"}))
	require.Equal(t, "o1", group(queue.OrderTasks, queue.Task{Type: queue.Verify, User: "ann", Order: "o1"}))
	require.Equal(t, "aws-events", group(queue.WorkerControl, queue.Task{Type: queue.TaskStopped, Worker: "w"}))
	long := strings.Repeat("u", 200)
	require.NotEqual(t, group(queue.PoolClaim, queue.Task{Type: queue.Wake, User: fleet.User(long + "1")}),
		group(queue.PoolClaim, queue.Task{Type: queue.Wake, User: fleet.User(long + "2")}))
}

// A repetition has the first one's deduplication id, and nothing else has: neither the same request about another session,
// nor another request about the same one, nor one without an epoch that was asked for anew.
func TestDeduplication(t *testing.T) {
	id := func(to queue.Name, task queue.Task) string {
		out, err := task.Outgoing(to)
		require.NoError(t, err)
		return out.DedupID
	}
	stop := queue.Task{Type: queue.Stop, ID: "1", User: "ann", Epoch: 7, At: at}
	again, later, restart, other := stop, stop, stop, stop
	again.ID, again.At = "2", at.Add(time.Second)
	later.Epoch, restart.Type, other.User = 8, queue.Restart, "bob"
	require.Equal(t, id(queue.WorkerControl, stop), id(queue.WorkerControl, again))
	ids := []string{id(queue.WorkerControl, stop), id(queue.WorkerControl, later), id(queue.WorkerControl, restart), id(queue.WorkerControl, other)}
	for _, number := range []string{"1", "2"} {
		ids = append(ids, id(queue.PoolClaim, queue.Task{Type: queue.Wake, ID: number, User: "ann", At: at}))
	}
	for i := range 2 {
		ids = append(ids, id(queue.OrderTasks, queue.Task{Type: queue.Verify, ID: "1", User: "ann", Order: "o1", At: at.Add(time.Duration(i) * time.Second)}))
	}
	require.Len(t, slices.Compact(slices.Sorted(slices.Values(ids))), 8)
	require.Contains(t, ids[0], "stop-7-", "the epoch can be read in it")
}

// Of each group of a batch all messages before its first failure are done, in order, and that one and all behind it come
// again, untried – however groups are mixed and whichever fail.
func TestWorkStopsAtAGroupsFirstFailure(t *testing.T) {
	failed := errors.New("failed")
	rapid.Check(t, func(t *rapid.T) {
		var batch []queue.Message
		bad := map[string]bool{}
		for i := range rapid.IntRange(0, queue.BatchLimit).Draw(t, "messages") {
			m := queue.Message{ID: string(rune('a' + i)), Group: rapid.SampledFrom([]string{"x", "y", "z"}).Draw(t, "group")}
			bad[m.ID] = rapid.Bool().Draw(t, "fails")
			batch = append(batch, m)
		}
		var tried []string
		again := map[string]error{}
		for _, f := range queue.Work(context.Background(), batch, func(_ context.Context, m queue.Message) error {
			tried = append(tried, m.ID)
			if bad[m.ID] {
				return failed
			}
			return nil
		}) {
			again[f.ID] = f.Err
		}
		stopped := map[string]bool{}
		var want []string
		for _, m := range batch {
			switch {
			case stopped[m.Group]:
				require.ErrorIs(t, again[m.ID], queue.ErrBehind)
			case bad[m.ID]:
				stopped[m.Group] = true
				want = append(want, m.ID)
				require.ErrorIs(t, again[m.ID], failed)
			default:
				want = append(want, m.ID)
				require.NotContains(t, again, m.ID)
			}
		}
		require.Equal(t, want, tried)
	})
}

// When time is up, what is left is not begun and comes again.
func TestWorkEndsWithItsTime(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	batch := []queue.Message{{ID: "1", Group: "a"}, {ID: "2", Group: "b"}, {ID: "3", Group: "b"}}
	again := queue.Work(ctx, batch, func(context.Context, queue.Message) error {
		cancel()
		return nil
	})
	require.Len(t, again, 2)
	require.ErrorIs(t, again[0].Err, context.Canceled)
	require.ErrorIs(t, again[1].Err, queue.ErrBehind)
}
