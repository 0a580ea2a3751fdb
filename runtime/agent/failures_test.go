package agent

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"workerfleet/runtime/claim"
	"workerfleet/runtime/fleet"
	"workerfleet/runtime/hostlink"
)

// Workers that are claimed and released again and again, all at once, execute themselves anew each time, and none of
// that looks like a death.
func TestResetsUnderLoad(t *testing.T) {
	const workers, sessions = 20, 200
	h := newHost(t)
	for i := range workers {
		h.startReal(fmt.Sprintf("w%d", i))
	}
	for i := range workers {
		h.awaitState(fleet.Worker(fmt.Sprintf("w%d", i)), claim.Warm, 1)
	}
	begin := time.Now()
	var open []claim.Binding
	for i := range sessions {
		user := fleet.User(fmt.Sprintf("user%d", i))
		require.Eventually(t, func() bool {
			census, err := h.store.Census(t.Context())
			require.NoError(t, err)
			return census.Free > 0
		}, 10*time.Second, time.Millisecond)
		open = append(open, h.serve(user))
		if len(open) == workers/2 {
			h.release(open[0])
			open = open[1:]
		}
	}
	t.Logf("%d sessions in %v", sessions, time.Since(begin))
	lives := fleet.Life(0)
	for i := range workers {
		w, known := h.record(fleet.Worker(fmt.Sprintf("w%d", i)))
		require.True(t, known)
		lives += w.Life - 1
	}
	require.GreaterOrEqual(t, lives, fleet.Life(sessions-workers))
	require.Zero(t, h.store.exitCount())
}

// An agent that is replaced parks its workers and disturbs none: all 200 call the next one, which beats for them under
// the lives and epochs that they had.
func TestReplacedAgent(t *testing.T) {
	const workers = 200
	h := newHost(t)
	var children []*child
	for i := range workers {
		children = append(children, h.startReal(fmt.Sprintf("w%03d", i)))
	}
	for _, c := range children {
		h.awaitState(c.name, claim.Warm, 1)
	}
	before := map[fleet.Worker]claim.Binding{}
	for i := range workers / 2 {
		b := h.serve(fleet.User(fmt.Sprintf("user%d", i)))
		before[b.Worker] = b
	}
	h.stop()
	require.Equal(t, []time.Duration{120 * time.Second}, h.store.parks)
	marks := map[fleet.Worker]int{}
	for _, c := range children {
		marks[c.name] = len(h.store.okay(c.name))
	}
	begin := time.Now()
	h.startAgent()
	for _, c := range children {
		require.Eventually(t, func() bool { return len(h.store.okay(c.name)) >= marks[c.name]+2 }, 20*time.Second, time.Millisecond)
	}
	t.Logf("all %d workers have confirmed beats again after %v", workers, time.Since(begin))
	for _, c := range children {
		w, known := h.record(c.name)
		require.True(t, known)
		require.Equal(t, fleet.Life(1), w.Life)
		if b, serving := before[c.name]; serving {
			require.Equal(t, claim.Serving, w.State)
			require.Equal(t, b.Epoch, w.Epoch)
		} else {
			require.Equal(t, claim.Warm, w.State)
		}
	}
	require.Zero(t, h.store.exitCount())
	for name := range before {
		require.Equal(t, 1, h.store.confirmCount(name), "old mail is not delivered again")
	}

	victim := children[0]
	require.NoError(t, victim.Process.Kill())
	require.Eventually(t, func() bool { _, seen := h.store.exitOf(victim.name); return seen }, time.Second, time.Millisecond,
		"a process that said hello is watched from then on")
}

// Mail that came while no agent was there is delivered by the next one: the session begins and is confirmed.
func TestMailWhileNoAgentWasThere(t *testing.T) {
	h := newHost(t)
	h.startReal("w1")
	h.awaitState("w1", claim.Warm, 1)
	b := h.bind("ann")
	h.stop()
	h.assign(b, "secret")
	h.startAgent()
	require.Equal(t, fleet.Ready{Worker: "w1", User: "ann", Epoch: b.Epoch}, h.post.told(t, "ann"))
	h.awaitState("w1", claim.Serving, 1)
}

// An acknowledgement whose answers are lost is repeated until one arrives; the worker logs in once, and whoever waits
// is told once.
func TestLostAcknowledgement(t *testing.T) {
	h := newHost(t)
	c := h.startRole("w1")
	h.awaitState("w1", claim.Warm, 1)
	var lost atomic.Int32
	h.store.faults(func(call string) bool { return call == "confirm" && lost.Add(1) <= 3 }, nil)
	b := h.serve("ann")
	require.Equal(t, 4, h.store.confirmCount("w1"))
	require.Eventually(t, func() bool { return len(c.brokerCalls(t, "login")) == 1 }, 5*time.Second, time.Millisecond)
	time.Sleep(10 * testBeat)
	require.Len(t, c.brokerCalls(t, "login"), 1)
	require.Empty(t, h.post.replyTo("ann"))
	require.Equal(t, b.Epoch, h.awaitState("w1", claim.Serving, 1).Epoch)
}

// Before the confirmation there is no login, however long it takes; and an assignment that was undone meanwhile ends in
// the worker's next life, with whoever waits told so.
func TestFencedAcknowledgement(t *testing.T) {
	h := newHost(t)
	c := h.startRole("w1")
	h.awaitState("w1", claim.Warm, 1)
	h.store.faults(nil, func(call string) bool { return call == "confirm" })
	b := h.claim("ann", "secret")
	time.Sleep(10 * testBeat)
	require.Empty(t, c.brokerCalls(t, "login"))
	require.NoError(t, h.store.Release(t.Context(), "ann", b.Epoch))
	h.store.faults(nil, nil)
	require.NotEmpty(t, h.post.told(t, "ann").Refused)
	h.awaitState("w1", claim.Warm, 2)
	require.Empty(t, c.brokerCalls(t, "login"))
	require.Zero(t, h.store.exitCount())
}

// A worker refuses what it cannot open, says so to whoever waits, and stays idle; the store has it free again once the
// assignment has expired and the worker has repeated that it is idle.
func TestWorkerThatRefuses(t *testing.T) {
	h := newHost(t)
	h.startReal("w1")
	w := h.awaitState("w1", claim.Warm, 1)
	terms := testTerms()
	terms.Acknowledge = time.Millisecond
	answer, err := h.store.Claim(t.Context(), claim.Request{User: "ann"}, terms)
	require.NoError(t, err)
	b := answer.Bound
	h.post.post(fleet.Mail{Kind: fleet.MailAssign, Worker: "w1", Life: 1, User: "ann", Epoch: b.Epoch, Sealed: []byte("not sealed"), ReplyTo: "ann"})
	require.Contains(t, h.post.told(t, "ann").Refused, "not sealed for this session")
	require.Eventually(t, func() bool {
		expired, err := h.store.Expire(t.Context(), "w1", b.Epoch, testTerms())
		require.NoError(t, err)
		return expired
	}, time.Second, time.Millisecond)
	again := h.awaitState("w1", claim.Warm, 1)
	require.Equal(t, w.Key, again.Key, "it held nobody's data, so it is the same life")
	h.serve("bea")
}

// While the store is away the worker keeps its session and makes no call once its lease has run out; when the store is
// back and the database agrees, both go on.
func TestStoreOutage(t *testing.T) {
	h := newHost(t)
	c := h.startRole("w1", "BROKER=down")
	h.awaitState("w1", claim.Warm, 1)
	b := h.serve("ann")
	down := hostlink.Now()
	h.store.faults(nil, func(string) bool { return true })
	time.Sleep(4 * time.Second)
	before := c.brokerCalls(t, "login")
	for _, call := range before {
		require.Less(t, call, down.Add(testTrust+testBeat))
	}
	h.store.faults(nil, nil)
	h.agree(b)
	require.Eventually(t, func() bool { return len(c.brokerCalls(t, "login")) > len(before) }, 10*time.Second, 5*time.Millisecond)
	withinLease(t, c.brokerCalls(t, "login"), h.store.okay("w1"))
	require.Equal(t, b.Epoch, h.awaitState("w1", claim.Serving, 1).Epoch)
}

// A store that forgets everything learns of its workers again from their agent. One in a session is only returned: it
// makes no call and is not confirmed by its agent until the database agrees, for which the test speaks here.
func TestStoreLosesItsData(t *testing.T) {
	h := newHost(t)
	h.startReal("idle")
	h.awaitState("idle", claim.Warm, 1)
	b := h.serve("ann")
	c := h.startRole("down", "BROKER=down")
	h.awaitState("down", claim.Warm, 1)
	unconfirmed := h.serve("bea")
	require.Equal(t, fleet.Worker("down"), unconfirmed.Worker)
	h.startReal("free")
	h.awaitState("free", claim.Warm, 1)

	lost := hostlink.Now()
	h.store.replace(claim.NewMemory())
	h.awaitState("free", claim.Warm, 1)
	for _, had := range []claim.Binding{b, unconfirmed} {
		w := h.awaitState(had.Worker, claim.Returned, 1)
		require.Equal(t, had.Epoch, w.Epoch)
		require.Equal(t, had.User, w.User)
	}
	time.Sleep(4 * time.Second)
	before := c.brokerCalls(t, "login")
	for _, call := range before {
		require.Less(t, call, lost.Add(testTrust+testBeat))
	}
	require.Equal(t, claim.Returned, h.awaitState("down", claim.Returned, 1).State)
	require.NoError(t, h.store.inner().Agree(t.Context(), "down", 1, unconfirmed.Epoch))
	require.Eventually(t, func() bool { return len(c.brokerCalls(t, "login")) > len(before) }, 10*time.Second, 5*time.Millisecond)
	require.Zero(t, h.store.exitCount())
}

// A worker that had accepted, but knew of no confirmation, when the store forgot: its agent does not confirm it either.
func TestStoreLosesAnAcceptance(t *testing.T) {
	h := newHost(t)
	c := h.startRole("w1")
	h.awaitState("w1", claim.Warm, 1)
	h.store.faults(nil, func(call string) bool { return call == "confirm" })
	b := h.claim("ann", "secret")
	require.Eventually(t, func() (accepted bool) {
		h.onRoster(func(r *roster) { accepted = r.workers["w1"].Epoch == b.Epoch })
		return accepted
	}, 5*time.Second, time.Millisecond)
	h.store.replace(claim.NewMemory())
	h.awaitState("w1", claim.Returned, 1)
	h.store.faults(nil, nil)
	time.Sleep(2 * time.Second)
	require.Equal(t, claim.Returned, h.awaitState("w1", claim.Returned, 1).State)
	require.Zero(t, h.store.confirmCount("w1"))
	require.Empty(t, c.brokerCalls(t, "login"))
	require.NoError(t, h.store.inner().Agree(t.Context(), "w1", 1, b.Epoch))
	require.Eventually(t, func() bool { return len(c.brokerCalls(t, "login")) == 1 }, 10*time.Second, 5*time.Millisecond)
}

// A worker that can begin no next life ends with an error, and so is dead to the store at once.
func TestFailedExec(t *testing.T) {
	content, err := os.ReadFile(workerBinary)
	require.NoError(t, err)
	copied := filepath.Join(t.TempDir(), "worker")
	require.NoError(t, os.WriteFile(copied, content, 0o700))
	h := newHost(t)
	c := h.start("w1", copied)
	h.awaitState("w1", claim.Warm, 1)
	b := h.serve("ann")
	require.NoError(t, os.Chmod(copied, 0))
	h.release(b)
	<-c.exited
	require.Equal(t, 1, c.ProcessState.ExitCode())
	require.Contains(t, c.output.String(), "execute anew: permission denied")
	require.Eventually(t, func() bool { _, known := h.record("w1"); return !known }, 5*time.Second, time.Millisecond)
	require.Equal(t, 1, h.store.exitCount())
}

// With the setting replace, and after the last life, a worker ends without an error and leaves its place to another.
func TestReplacedWorkers(t *testing.T) {
	for _, setting := range []string{"FLEET_RECYCLE=replace", "FLEET_MAX_LIVES=1"} {
		h := newHost(t)
		c := h.startReal("w1", setting)
		h.awaitState("w1", claim.Warm, 1)
		h.release(h.serve("ann"))
		<-c.exited
		require.Equal(t, 0, c.ProcessState.ExitCode(), setting)
		require.Eventually(t, func() bool { _, known := h.record("w1"); return !known }, 5*time.Second, time.Millisecond, setting)
	}
}

// A name belongs to the process that first used it: another one that says it is not heard, and may use it once the
// first has ended.
func TestStolenName(t *testing.T) {
	h := newHost(t)
	first := h.startReal("w1")
	key := h.awaitState("w1", claim.Warm, 1).Key
	h.startReal("w1")
	time.Sleep(10 * testBeat)
	w, _ := h.record("w1")
	require.Equal(t, key, w.Key)
	require.NoError(t, first.Process.Kill())
	require.Eventually(t, func() bool {
		w, known := h.record("w1")
		return known && w.Key != key
	}, 5*time.Second, time.Millisecond)
}

// What a user's life held is nowhere in the worker's next life: not in its memory, its files, its descriptors, its
// arguments or its environment. The first look, while the life still holds it, proves that the search would find it.
// What the kernel keeps in pages that no process maps is not seen.
func TestCanary(t *testing.T) {
	const canary = "canary-7f3a9d2c51e84b60"
	h := newHost(t)
	c := h.startReal("w1")
	h.awaitState("w1", claim.Warm, 1)
	before := descriptors(t, c)
	h.store.faults(nil, func(call string) bool { return call == "confirm" }) // the worker holds the opened credentials until it may log in
	b := h.claim("ann", canary)
	require.Eventually(t, func() bool { return len(traces(t, c, canary)) > 0 }, 5*time.Second, 10*time.Millisecond)
	require.NoError(t, os.WriteFile(filepath.Join(scratchOf(t, c), "token"), []byte(canary), 0o600))
	require.Contains(t, strings.Join(traces(t, c, canary), " "), "token")

	h.store.faults(nil, nil)
	require.Equal(t, b.Epoch, h.post.told(t, "ann").Epoch)
	h.release(b)
	h.awaitState("w1", claim.Warm, 2)
	require.Empty(t, traces(t, c, canary))
	require.LessOrEqual(t, descriptors(t, c), before, "no more than the first life had")
}

func descriptors(t *testing.T, c *child) int {
	fds, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", c.Process.Pid))
	require.NoError(t, err)
	return len(fds)
}

func scratchOf(t *testing.T, c *child) string {
	found, err := filepath.Glob(filepath.Join(c.scratch, "workerfleet-*"))
	require.NoError(t, err)
	require.Len(t, found, 1)
	return found[0]
}

// traces lists where a text is found in a process: readable memory, arguments, environment, and files below its TMPDIR.
func traces(t *testing.T, c *child, text string) []string {
	var found []string
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", c.Process.Pid))
	require.NoError(t, err)
	memory, err := os.Open(fmt.Sprintf("/proc/%d/mem", c.Process.Pid))
	require.NoError(t, err)
	defer memory.Close()
	for line := range strings.Lines(string(maps)) {
		var from, to uint64
		var rights string
		_, err := fmt.Sscanf(line, "%x-%x %s", &from, &to, &rights)
		require.NoError(t, err)
		if rights[0] != 'r' || from > math.MaxInt64 { // the kernel's own page
			continue
		}
		content, err := io.ReadAll(io.NewSectionReader(memory, int64(from), int64(to-from)))
		require.True(t, err == nil || strings.Contains(line, "[vv"), "%s: %v", line, err) // the kernel's clocks are not to be read
		if bytes.Contains(content, []byte(text)) {
			found = append(found, "memory "+strings.TrimSpace(line))
		}
	}
	for _, name := range []string{"cmdline", "environ"} {
		content, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", c.Process.Pid, name))
		require.NoError(t, err)
		if bytes.Contains(content, []byte(text)) {
			found = append(found, name)
		}
	}
	require.NoError(t, filepath.Walk(c.scratch, func(path string, info os.FileInfo, err error) error {
		if err != nil || info.IsDir() {
			return nil
		}
		if content, _ := os.ReadFile(path); bytes.Contains(content, []byte(text)) {
			found = append(found, path)
		}
		return nil
	}))
	return found
}

// A worker is as small, while idle, as the hosts are planned for. How soon after its start it stands ready is logged; the agent's
// and the store's share is in that.
func TestFootprint(t *testing.T) {
	h := newHost(t)
	_, err := os.ReadFile(workerBinary) // as on a host that has started others
	require.NoError(t, err)
	var slowest time.Duration
	var largest int
	for i := range 10 {
		begin := time.Now()
		c := h.startReal(fmt.Sprintf("w%d", i))
		h.awaitState(c.name, claim.Warm, 1)
		slowest = max(slowest, time.Since(begin))
		time.Sleep(4 * testBeat)
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.Process.Pid))
		require.NoError(t, err)
		_, rest, _ := strings.Cut(string(status), "VmRSS:")
		var kilobytes int
		_, err = fmt.Sscan(rest, &kilobytes)
		require.NoError(t, err)
		largest = max(largest, kilobytes)
		require.NoError(t, c.Process.Signal(syscall.SIGTERM))
		<-c.exited
	}
	t.Logf("start to warm: slowest of 10 %v; resident: largest %d kB", slowest, largest)
	require.Less(t, largest, 10<<10)
}
