package queuetest

import (
	"context"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/queue"
)

// Bench is one empty queue with its dead-letter queue.
type Bench struct {
	// Name is the queue's; it must take the tasks of worker-control.
	Name   queue.Name
	Sender queue.Sender
	Queue  queue.Source
	Dead   queue.Source
	// Visibility is the queue's timeout, whole seconds; Receives how often a message is handed out before it is dead.
	Visibility time.Duration
	Receives   int
	// Redrive sends the dead ones back and returns when they are there.
	Redrive func(ctx context.Context) error
}

// Law is one part of the suite.
type Law struct {
	Name  string
	proof func(t *testing.T, b Bench)
}

// Laws lists the suite.
func Laws() []Law {
	return []Law{
		{"a hidden message holds its group back, and no other", heldBack},
		{"order within a group is the order of sending", inOrder},
		{"what is not deleted comes again under a new receipt", comesAgain},
		{"the old receipt of what came again is dead", deadReceipt},
		{"a repetition comes once, though the first was deleted", onceOnly},
		{"after its receives a message is dead and its group goes on", dies},
		{"one receive hands out several of a group, in order", together},
		{"a hidden message may come again at once", atOnce},
		{"the dead come back in order when they are redriven", redriven},
		{"a wrong task is sent to nobody", wrong},
	}
}

// Run judges an implementation by every law but those left out, each with its reason. Every law has a bench of its own.
func Run(t *testing.T, open func(t *testing.T) Bench, leftOut map[string]string) {
	for _, law := range Laws() {
		if reason, left := leftOut[law.Name]; left {
			t.Logf("not judged: %s: %s", law.Name, reason)
			continue
		}
		t.Run(law.Name, func(t *testing.T) {
			t.Parallel()
			law.proof(t, open(t))
		})
	}
	for name := range leftOut {
		require.True(t, slices.ContainsFunc(Laws(), func(l Law) bool { return l.Name == name }), "no law is called %q", name)
	}
}

// stop is a task of a user's group; its epoch tells it from the user's others.
func stop(user fleet.User, epoch int) queue.Task {
	return queue.Task{
		Type: queue.Stop, ID: strconv.Itoa(epoch), User: user, Epoch: fleet.Epoch(epoch), At: time.Date(2026, 3, 2, 9, 0, epoch%60, 0, time.UTC),
	}
}

func (b Bench) send(t *testing.T, tasks ...queue.Task) {
	t.Helper()
	require.NoError(t, b.Sender.Send(t.Context(), b.Name, tasks...))
}

// receive waits for messages.
func receive(t *testing.T, from queue.Source, limit int, wait time.Duration) []queue.Message {
	t.Helper()
	messages, err := from.Receive(t.Context(), limit, wait)
	require.NoError(t, err)
	for _, m := range messages {
		require.NotEmpty(t, m.ID)
		require.NotEmpty(t, m.Receipt)
		require.NotEmpty(t, m.DedupID)
		require.WithinDuration(t, time.Now(), m.Sent, time.Minute)
	}
	return messages
}

// epochs are those of the tasks that messages carry, by user.
func (b Bench) epochs(t *testing.T, messages []queue.Message) map[string][]int {
	t.Helper()
	found := map[string][]int{}
	for _, m := range messages {
		task, err := queue.Parse(b.Name, m.Body)
		require.NoError(t, err)
		require.Equal(t, string(task.User), m.Group)
		found[m.Group] = append(found[m.Group], int(task.Epoch))
	}
	return found
}

// soon is longer than a queue takes to answer, whole seconds as SQS counts them.
const soon = time.Second

func heldBack(t *testing.T, b Bench) {
	b.send(t, stop("ann", 1), stop("ann", 2), stop("bob", 1))
	first := receive(t, b.Queue, 1, soon)
	require.Equal(t, map[string][]int{"ann": {1}}, b.epochs(t, first))
	require.Equal(t, 1, first[0].Receives)
	require.Equal(t, map[string][]int{"bob": {1}}, b.epochs(t, receive(t, b.Queue, 10, soon)))
	require.Empty(t, receive(t, b.Queue, 10, 0))
	require.NoError(t, b.Queue.Delete(t.Context(), first...))
	require.Equal(t, map[string][]int{"ann": {2}}, b.epochs(t, receive(t, b.Queue, 10, soon)))
}

func inOrder(t *testing.T, b Bench) {
	const each = 25
	var tasks []queue.Task
	want := map[string][]int{}
	for i := 1; i <= each; i++ {
		for _, user := range []fleet.User{"ann", "bob"} {
			tasks = append(tasks, stop(user, i))
			want[string(user)] = append(want[string(user)], i)
		}
	}
	b.send(t, tasks...)
	got := map[string][]int{}
	for range 2 * each {
		batch := receive(t, b.Queue, 10, soon)
		for user, epochs := range b.epochs(t, batch) {
			got[user] = append(got[user], epochs...)
		}
		require.NoError(t, b.Queue.Delete(t.Context(), batch...))
		if len(got["ann"])+len(got["bob"]) == 2*each {
			break
		}
	}
	require.Equal(t, want, got)
}

func comesAgain(t *testing.T, b Bench) {
	b.send(t, stop("ann", 1))
	first := receive(t, b.Queue, 1, soon)
	require.Len(t, first, 1)
	again := receive(t, b.Queue, 1, b.Visibility+soon)
	require.Len(t, again, 1)
	require.Equal(t, first[0].ID, again[0].ID)
	require.NotEqual(t, first[0].Receipt, again[0].Receipt)
	require.Equal(t, 2, again[0].Receives)
	require.NoError(t, b.Queue.Delete(t.Context(), again...))
	require.NoError(t, b.Queue.Delete(t.Context(), again...), "deleting again is harmless")
}

func deadReceipt(t *testing.T, b Bench) {
	b.send(t, stop("ann", 1))
	first := receive(t, b.Queue, 1, soon)
	require.Len(t, first, 1)
	require.NoError(t, b.Queue.Hide(t.Context(), first[0], 0))
	again := receive(t, b.Queue, 1, soon)
	require.Len(t, again, 1)
	require.Error(t, b.Queue.Delete(t.Context(), first...), "the old receipt deletes nothing")
	require.Error(t, b.Queue.Hide(t.Context(), first[0], 0), "and hides nothing")
	require.NoError(t, b.Queue.Hide(t.Context(), again[0], 0))
	require.Len(t, receive(t, b.Queue, 1, soon), 1, "the message is there")
}

func onceOnly(t *testing.T, b Bench) {
	b.send(t, stop("ann", 1))
	b.send(t, stop("ann", 1))
	first := receive(t, b.Queue, 10, soon)
	require.Len(t, first, 1)
	require.NoError(t, b.Queue.Delete(t.Context(), first...))
	b.send(t, stop("ann", 1), stop("ann", 2))
	require.Equal(t, map[string][]int{"ann": {2}}, b.epochs(t, receive(t, b.Queue, 10, soon)), "another epoch is another task")
}

// kill receives the first message of a group until it is dead.
func (b Bench) kill(t *testing.T, user string) {
	t.Helper()
	for range b.Receives {
		got := receive(t, b.Queue, 1, b.Visibility+soon)
		require.Len(t, got, 1)
		require.Equal(t, user, got[0].Group)
		require.NoError(t, b.Queue.Hide(t.Context(), got[0], 0))
	}
}

func dies(t *testing.T, b Bench) {
	b.send(t, stop("ann", 1), stop("ann", 2))
	b.kill(t, "ann")
	require.Equal(t, map[string][]int{"ann": {2}}, b.epochs(t, receive(t, b.Queue, 10, soon)))
	dead := receive(t, b.Dead, 10, soon)
	require.Equal(t, map[string][]int{"ann": {1}}, b.epochs(t, dead))
}

func together(t *testing.T, b Bench) {
	b.send(t, stop("ann", 1), stop("ann", 2), stop("ann", 3))
	batch := receive(t, b.Queue, 10, soon)
	require.Equal(t, map[string][]int{"ann": {1, 2, 3}}, b.epochs(t, batch))
	require.NoError(t, b.Queue.Delete(t.Context(), batch[0]))
	require.Empty(t, receive(t, b.Queue, 10, 0), "the rest of the batch is hidden still")
	require.NoError(t, b.Queue.Delete(t.Context(), batch[1:]...))
	require.Empty(t, receive(t, b.Queue, 10, b.Visibility+soon))
}

func atOnce(t *testing.T, b Bench) {
	b.send(t, stop("ann", 1))
	first := receive(t, b.Queue, 1, soon)
	require.Len(t, first, 1)
	require.NoError(t, b.Queue.Hide(t.Context(), first[0], 0))
	require.Len(t, receive(t, b.Queue, 1, 0), 1)
}

func redriven(t *testing.T, b Bench) {
	b.send(t, stop("ann", 1))
	b.kill(t, "ann")
	require.Empty(t, receive(t, b.Queue, 1, 0))
	b.send(t, stop("ann", 2))
	b.kill(t, "ann")
	require.Empty(t, receive(t, b.Queue, 1, 0))
	require.NoError(t, b.Redrive(t.Context()))
	back := receive(t, b.Queue, 10, soon)
	require.Equal(t, map[string][]int{"ann": {1, 2}}, b.epochs(t, back))
	require.Equal(t, 1, back[0].Receives, "it begins anew")
	require.Empty(t, receive(t, b.Dead, 10, 0))
}

func wrong(t *testing.T, b Bench) {
	bad := stop("ann", 1)
	bad.ID = ""
	err := b.Sender.Send(t.Context(), b.Name, stop("ann", 2), bad)
	var unsent *queue.Unsent
	require.ErrorAs(t, err, &unsent)
	require.Len(t, unsent.Tasks, 2)
	require.ErrorContains(t, err, "id: is missing")
	require.Empty(t, receive(t, b.Queue, 10, 0))
}
