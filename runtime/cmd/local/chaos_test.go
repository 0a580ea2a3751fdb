package main

import (
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Under every deed of chaos – workers killed and stopped past their lease, programs killed and stopped, the store flushed,
// restarted empty and with old data, the database shut down – no order is executed twice, lost, out of its sequence or by a
// fenced worker, and ledger and exchange agree in the end. One seed is played here; make local plays any, for as long as one
// likes. When processes are hit is not the seed's alone, so no two runs are the same.
func TestChaos(t *testing.T) {
	realParts(t)
	s := playDay(t, "--json", "--bin", binaries, "--users", "12", "--workers", "18", "--hosts", "2", "--orders", "10", "--kill", "0", "--chaos",
		"--for", "10s", "--seed", "3", "--ttl", "3s", "--guard", "500ms", "--beat", "300ms")
	require.Equal(t, 12*10, s.Orders)
	for _, kind := range []deed{killWorker, stopWorker, killProgram, stopProgram, flushStore, loseStore, ageStore, breakLedger} {
		require.NotZero(t, s.Deeds[kind], "%s was not done", kind)
	}
	require.Zero(t, s.Unknown)
	require.Empty(t, processesOf(t, binaries), "processes outlive the platform")
}

// What is watched is seen: all four figures of one program of each kind, which chaos does not kill, the workers', the
// store's and each table's rows. Whether they are flat says a long run, and no test of some seconds.
func TestWatch(t *testing.T) {
	realParts(t)
	s := playDay(t, "--json", "--bin", binaries, "--users", "3", "--workers", "5", "--hosts", "2", "--orders", "4", "--kill", "0", "--chaos",
		"--for", "4s", "--turmoil", "200ms", "--watch", "200ms", "--ttl", "3s", "--guard", "500ms", "--beat", "300ms")
	require.GreaterOrEqual(t, len(s.Held), 6)
	last := s.Held[len(s.Held)-1]
	require.Equal(t, []string{"agent-of-host-1", "api-1", "keeper-1"}, slices.Sorted(maps.Keys(last.Programs)))
	for name, p := range last.Programs {
		for _, figure := range []float64{p.Goroutines, p.Descriptors, p.Heap, p.Resident} {
			require.Greater(t, figure, 1.0, name)
		}
	}
	require.Positive(t, last.Workers.Processes)
	require.Greater(t, last.Workers.Resident, 1e6)
	require.EqualValues(t, 12, last.Orders)
	require.EqualValues(t, 12, last.Rows["orders"])
	require.Positive(t, last.StoreKeys)
	require.Contains(t, s.Growth, "keeper-1 goroutines")
	require.Len(t, s.Deeds, 8, "deeds of a day that is shorter than its deck: %v", s.Deeds)
}

// Growth is a ratio of medians, of the day's last third to its second, and a table's is an order's.
func TestGrowth(t *testing.T) {
	var looks []held
	for i := range 9 {
		looks = append(looks, held{StoreKeys: int64(10 + i/3*10), Orders: 10 * (i + 1), Rows: map[string]int64{"orders": int64(10 * (i + 1))}})
	}
	seen := growth(looks)
	require.InDelta(t, 1.5, seen["store keys"], 1e-9)
	require.InDelta(t, 1, seen["orders rows an order"], 1e-9)
	require.Empty(t, growth(looks[:2]))
}

// Senders repeat, overtake and come late; nothing that they send is left out.
func TestDeliveries(t *testing.T) {
	const orders = 200
	counts, together, overtaken := map[int]int{}, 0, 0
	last := -1
	for _, round := range deliveries(rand.New(rand.NewPCG(1, 1)), orders) {
		if len(round) == 2 {
			together++
		}
		for _, n := range round {
			counts[n]++
		}
		if round[0] == last-1 {
			overtaken++
		}
		last = round[0]
	}
	require.Len(t, counts, orders)
	require.NotZero(t, together)
	require.NotZero(t, overtaken)
}

// Of two processes of one program only that which this one has started is counted: the other one is a shell's.
func TestWorkforce(t *testing.T) {
	sleep, err := exec.LookPath("sleep")
	require.NoError(t, err)
	sleep, err = filepath.EvalSymlinks(sleep)
	require.NoError(t, err)
	text, err := os.ReadFile(sleep)
	require.NoError(t, err)
	program := filepath.Join(t.TempDir(), "sleep")
	require.NoError(t, os.WriteFile(program, text, 0o755))
	own := exec.Command(program, "60")
	neighbour := exec.Command("sh", "-c", `"$0" 60 & trap "kill $!" EXIT; echo; read -r _`, program)
	line, err := neighbour.StdoutPipe()
	require.NoError(t, err)
	end, err := neighbour.StdinPipe()
	require.NoError(t, err)
	for _, c := range []*exec.Cmd{own, neighbour} {
		require.NoError(t, c.Start())
	}
	t.Cleanup(func() {
		_ = own.Process.Kill()
		_ = end.Close()
		_, _ = own.Wait(), neighbour.Wait()
	})
	_, err = line.Read(make([]byte, 1))
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		all, err := workersOf(program)
		return err == nil && all.Processes > 0
	}, 10*time.Second, 5*time.Millisecond)
	all, err := workersOf(program)
	require.NoError(t, err)
	require.Equal(t, 1, all.Processes)
}
