package agent

import (
	"fmt"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"workerfleet/runtime/claim"
	"workerfleet/runtime/fleet"
	"workerfleet/runtime/hostlink"
)

// A session from registration to the next life, on the worker as it ships.
func TestOneSession(t *testing.T) {
	h := newHost(t)
	c := h.startReal("w1", "WORKERFLEET_REVISION=7")
	w := h.awaitState("w1", claim.Warm, 1)
	require.Equal(t, int64(7), w.Revision)
	require.Equal(t, fleet.Host("h1"), w.Host)
	b := h.serve("ann")
	require.Equal(t, b.Epoch, h.awaitState("w1", claim.Serving, 1).Epoch)
	begin := time.Now()
	h.release(b)
	w = h.awaitState("w1", claim.Warm, 2)
	t.Logf("released to warm in the next life: %v", time.Since(begin))
	require.NotEqual(t, b.Key, w.Key, "every life has a key of its own")
	require.Equal(t, int64(7), w.Revision)
	require.NoError(t, syscall.Kill(c.Process.Pid, 0), "it is the same process")
	require.Zero(t, h.store.exitCount(), "a worker that executes itself anew is not dead")

	require.NoError(t, c.Process.Signal(syscall.SIGTERM))
	<-c.exited
	require.Equal(t, 0, c.ProcessState.ExitCode())
	require.Eventually(t, func() bool { _, known := h.record("w1"); return !known }, 5*time.Second, time.Millisecond)
}

// The exit of a process is reported, and not awaited by a lease; the log says how soon. What the store's own network adds is not
// in it.
func TestKilledWorkers(t *testing.T) {
	h := newHost(t)
	var children []*child
	for i := range 11 {
		children = append(children, h.startReal(fmt.Sprintf("w%d", i)))
	}
	var after []time.Duration
	for _, c := range children {
		h.awaitState(c.name, claim.Warm, 1)
		killed := time.Now()
		require.NoError(t, c.Process.Kill())
		require.Eventually(t, func() bool { _, seen := h.store.exitOf(c.name); return seen }, 5*time.Second, time.Millisecond)
		at, _ := h.store.exitOf(c.name)
		after = append(after, at.Sub(killed))
		_, known := h.record(c.name)
		require.False(t, known)
	}
	slices.Sort(after)
	t.Logf("kill -9 to report: median %v, slowest %v", after[len(after)/2], after[len(after)-1])
}

// withinLease demands that each call started within trust of the sending of a confirmed beat. The store notes the
// sending a moment later than the agent, so the test allows what the scheduler may add between the two.
func withinLease(t *testing.T, calls, okays []hostlink.Instant) {
	t.Helper()
	for _, call := range calls {
		held := slices.ContainsFunc(okays, func(sent hostlink.Instant) bool { return sent <= call && call < sent.Add(testTrust) })
		require.True(t, held, "a call started at %d outside every lease", call)
	}
}

// A worker that is stopped for longer than its lease starts no call when it goes on, until a beat of the same epoch is
// confirmed that was sent after that, and the database agrees. Buffered confirmations from before are of no use to it.
func TestStoppedWorker(t *testing.T) {
	h := newHost(t)
	c := h.startRole("w1", "BROKER=down")
	h.awaitState("w1", claim.Warm, 1)
	b := h.serve("ann")
	require.Eventually(t, func() bool { return len(c.brokerCalls(t, "login")) > 0 }, 5*time.Second, time.Millisecond)

	require.NoError(t, c.Process.Signal(syscall.SIGSTOP))
	stopped := hostlink.Now()
	time.Sleep(testTTL + testTrust + 500*time.Millisecond) // the agent beats for one TTL; the last of it has run out too
	h.store.faults(nil, func(call string) bool { return call == "beat" })
	time.Sleep(2 * testBeat)
	require.NoError(t, c.Process.Signal(syscall.SIGCONT))
	time.Sleep(3 * time.Second)
	before := c.brokerCalls(t, "login")
	for _, call := range before {
		require.Less(t, call, stopped.Add(100*time.Millisecond), "a call without a lease")
	}
	h.store.faults(nil, nil)
	h.agree(b)
	require.Eventually(t, func() bool { return len(c.brokerCalls(t, "login")) > len(before) }, 10*time.Second, 5*time.Millisecond)
	withinLease(t, c.brokerCalls(t, "login"), h.store.okay("w1"))
	w := h.awaitState("w1", claim.Serving, 1)
	require.Equal(t, b.Epoch, w.Epoch, "the same session went on")
	require.Zero(t, h.store.exitCount())
}

// A worker whose agent is stopped loses the right to call by itself, and goes on under the same epoch when the agent does.
func TestStoppedAgent(t *testing.T) {
	h := newHost(t)
	h.stop() // another one takes its socket
	other := h.start("agent", testBinary(), "AGENT_TEST_ROLE=agent")
	c := h.startRole("w1", "BROKER=down")
	require.Eventually(t, func() bool { return len(c.brokerCalls(t, "login")) > 0 }, 10*time.Second, time.Millisecond)
	require.NoError(t, other.Process.Signal(syscall.SIGSTOP))
	stopped := hostlink.Now()
	time.Sleep(4 * time.Second)
	for _, call := range c.brokerCalls(t, "login") {
		require.Less(t, call, stopped.Add(testTrust), "a call without a lease")
	}
	before := len(c.brokerCalls(t, "login"))
	require.NoError(t, other.Process.Signal(syscall.SIGCONT))
	require.Eventually(t, func() bool { return len(c.brokerCalls(t, "login")) > before }, 10*time.Second, 5*time.Millisecond)
	require.Empty(t, c.brokerCalls(t, "logout"), "the session went on")
}

// A connection that closes while its worker lives is no death and ends no session: the worker calls again.
func TestClosedSocket(t *testing.T) {
	h := newHost(t)
	c := h.startRole("w1")
	h.awaitState("w1", claim.Warm, 1)
	b := h.serve("ann")
	for range 20 {
		var cut *link
		require.Eventually(t, func() bool {
			h.onRoster(func(r *roster) { cut = r.workers["w1"].link })
			return cut != nil
		}, 5*time.Second, time.Millisecond)
		cut.cut()
		require.Eventually(t, func() bool {
			var now *link
			h.onRoster(func(r *roster) { now = r.workers["w1"].link })
			return now != nil && now != cut
		}, 5*time.Second, time.Millisecond)
	}
	beats := len(h.store.okay("w1"))
	require.Eventually(t, func() bool { return len(h.store.okay("w1")) > beats+2 }, 5*time.Second, time.Millisecond)
	require.Equal(t, b.Epoch, h.awaitState("w1", claim.Serving, 1).Epoch)
	require.Zero(t, h.store.exitCount())
	require.Len(t, c.brokerCalls(t, "login"), 1)
	require.Empty(t, c.brokerCalls(t, "logout"))
}
