package main

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"workerfleet/runtime/parts"
	"workerfleet/runtime/parts/partstest"
	"workerfleet/runtime/worker/workertest"
)

// A pool of connections that could not dial tries once more a second later, also when it is closed meanwhile.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/redis/go-redis/v9/internal/pool.(*ConnPool).tryDial"))
}

// last runs a benchmark and reads the object that it ends with.
func last[T any](t *testing.T, args ...string) (figures T) {
	t.Helper()
	var out, errs bytes.Buffer
	require.Equal(t, 0, run(t.Context(), append(args, "--json"), &out, &errs), "%s%s", &errs, &out)
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	require.NoError(t, json.Unmarshal([]byte(lines[len(lines)-1]), &figures), "%s", &out)
	return figures
}

// A small fleet is claimed on real servers: everybody who comes gets a worker, and the figures are of that run. How fast
// it is, a machine that does other things as well cannot show.
func TestClaims(t *testing.T) {
	partstest.Need(t, parts.Redis)
	partstest.Need(t, parts.Postgres)
	f := last[claimFigures](t, "claims", "--workers", "60", "--hosts", "4", "--users", "30", "--rate", "200", "--for", "1s")
	require.Equal(t, 30, f.Claims)
	require.Zero(t, f.Errors)
	require.Equal(t, []int{60, 4}, []int{f.Workers, f.Hosts})
	require.Positive(t, f.ClaimP50Ms)
	require.GreaterOrEqual(t, f.ReadyP50Ms, f.ClaimP50Ms, "from the scheduled arrival on")
	require.GreaterOrEqual(t, f.ReadyP999Ms, f.ReadyP50Ms)
	require.Positive(t, f.ServerCPUPercent)
	require.Positive(t, f.Machine.Cores)
}

// The rate rises until the workers are used up, or what gets ready does not follow; nobody comes twice.
func TestClaimsRamp(t *testing.T) {
	partstest.Need(t, parts.Redis)
	partstest.Need(t, parts.Postgres)
	f := last[rampFigures](t, "claims", "--ramp", "--workers", "120", "--hosts", "3", "--rate", "60", "--for", "500ms")
	require.NotEmpty(t, f.Stages)
	claims := 0
	for i, s := range f.Stages {
		require.Zero(t, s.Errors)
		claims += s.Claims
		random, come := rand.New(rand.NewPCG(f.Seed+uint64(i), 0)), -1
		for at := 0.; at <= 0.5; at += random.ExpFloat64() / s.Rate {
			come++
		}
		require.Equal(t, come, s.Claims, "who comes within the stage's time")
		require.LessOrEqual(t, s.ReadyPerSecond, float64(s.Claims)/0.5, "the stage was over before its time")
	}
	require.LessOrEqual(t, claims, 120)
	require.Positive(t, f.Saturation)
}

// All users come at once, all are served, and no two by one worker.
func TestBurst(t *testing.T) {
	partstest.Need(t, parts.Redis)
	partstest.Need(t, parts.Postgres)
	f := last[burstFigures](t, "burst", "--workers", "120", "--hosts", "3")
	require.Equal(t, []int{120, 120, 0}, []int{f.Users, f.Ready, f.Doubled})
	require.GreaterOrEqual(t, f.Requests, f.Users)
	require.Positive(t, f.AllReadySeconds)
	require.Positive(t, f.CommitsPerSecond)
}

// A whole fleet dies: on word of the cluster, or by its leases, everybody is fenced and stands in the queue.
func TestReap(t *testing.T) {
	partstest.Need(t, parts.Redis)
	partstest.Need(t, parts.Postgres)
	f := last[reapFigures](t, "reap", "--workers", "150", "--hosts", "5")
	require.Equal(t, []any{150, 150, 150, "signal"}, []any{f.Dead, f.HeldBefore, f.Waiting, f.By})
	require.GreaterOrEqual(t, f.DatabaseFencedSeconds, f.FencedSeconds)
	require.Positive(t, f.StoreMicrosPerWorker)
	f = last[reapFigures](t, "reap", "--workers", "150", "--hosts", "5", "--lease")
	require.Equal(t, []any{150, 0, 150, "lease"}, []any{f.Dead, f.HeldBefore, f.Waiting, f.By})
}

// One host of six is lost without a word: its users serve elsewhere, and nobody else is touched. A fleet of this size settles for
// longer than its lease lasts, so that its workers must show that they live.
func TestHostLoss(t *testing.T) {
	partstest.Need(t, parts.Redis)
	partstest.Need(t, parts.Postgres)
	f := last[hostLossFigures](t, "hostloss", "--workers", "180", "--hosts", "6", "--users", "90", "--ttl", "5s")
	require.Positive(t, f.Lost)
	require.Equal(t, []int{f.Lost, 90 - f.Lost}, []int{f.ServedAgain, f.Untouched})
	require.Positive(t, f.ServedSeconds)
}

// The dead among some and among many are found in all three ways, the same number each time.
func TestTracking(t *testing.T) {
	partstest.Need(t, parts.Redis)
	partstest.Need(t, parts.Postgres)
	f := last[trackingFigures](t, "tracking", "--sizes", "40,400", "--dead", "5")
	require.Len(t, f.Sizes, 2)
	for _, s := range f.Sizes {
		require.Equal(t, []int{0, 5, 5, 5}, []int{s.Look.Found, s.Reap.Found, s.Scan.Found, s.Pipelined.Found}, s.Workers)
		require.Positive(t, s.Look.ServerMicros)
	}
	require.Equal(t, 400, f.Sizes[1].Workers)
	require.Positive(t, f.LookFlat)
}

// The same users come to all systems, and all are served; what the queue-claim baseline gives to two, it counts.
func TestCompare(t *testing.T) {
	partstest.Need(t, parts.Redis)
	partstest.Need(t, parts.Postgres)
	f := last[compareFigures](t, "compare", "--workers", "90", "--hosts", "3", "--rate", "40", "--for", "700ms")
	var names []string
	for _, s := range f.Systems {
		names = append(names, s.Name)
		require.Equal(t, f.Systems[0].Claims, s.Claims, "%s met other users", s.Name)
		require.LessOrEqual(t, s.Failed, s.Doubled, s.Name)
		require.Positive(t, s.ReadyP50Ms, s.Name)
		require.Positive(t, s.ReadyRatio, s.Name)
	}
	require.Equal(t, []string{"workerfleet", "queue-claim", "skip-locked", "asynq"}, names)
	require.Greater(t, f.Systems[0].Claims, 10, "of 28 that are expected")
	require.Zero(t, f.Systems[0].Doubled)
}

// Single operations are measured, each as often as was asked for.
func TestCosts(t *testing.T) {
	partstest.Need(t, parts.Redis)
	partstest.Need(t, parts.Postgres)
	f := last[costFigures](t, "costs", "--workers", "200", "--hosts", "4", "--times", "50")
	require.Len(t, f.Costs, 15)
	for _, c := range f.Costs {
		require.Contains(t, []int{5, 50}, c.Times, c.Name)
		require.Positive(t, c.ScriptMicros, c.Name)
	}
}

// Real worker processes are started and measured, and none is left.
func TestWorkers(t *testing.T) {
	binary, remove, err := workertest.Build()
	require.NoError(t, err)
	defer remove()
	f := last[processFigures](t, "workers", "--workers", "55", "--bin", binary)
	require.Equal(t, 55, f.Workers)
	require.Positive(t, f.StartP50Ms)
	require.Greater(t, f.ResidentP50, 1000, "kB")
	require.GreaterOrEqual(t, f.ResidentMost, f.ResidentP50)
}

// The agent that ships and real workers behind it are watched, and a keeper's rounds are counted.
func TestHost(t *testing.T) {
	partstest.Need(t, parts.Redis)
	partstest.Need(t, parts.Postgres)
	bin := t.TempDir() + "/"
	output, err := exec.Command("go", "build", "-o", bin, "workerfleet/runtime/cmd/agent", "workerfleet/runtime/cmd/worker").CombinedOutput()
	require.NoError(t, err, string(output))
	f := last[hostFigures](t, "host", "--bin", bin, "--workers", "4", "--fleet", "300", "--for", "2500ms")
	require.Equal(t, []int{4, 300, 100}, []int{f.Workers, f.KeeperWorkers, f.KeeperRounds})
	require.Positive(t, f.BeatsPerSecond)
	require.Positive(t, f.AgentAllocsPerBeat)
	require.Positive(t, f.WorkersCPUPercent)
	require.Positive(t, f.KeeperAllocs)
}

// The functions' program is started and fed on real servers, and everybody whom a message asks for is served.
func TestFunctions(t *testing.T) {
	partstest.Need(t, parts.Redis)
	partstest.Need(t, parts.Postgres)
	binary := filepath.Join(t.TempDir(), "function")
	output, err := exec.Command("go", "build", "-o", binary, "workerfleet/runtime/cmd/function").CombinedOutput()
	require.NoError(t, err, string(output))
	f := last[functionFigures](t, "functions", "--bin", binary, "--starts", "2", "--claims", "12")
	require.Equal(t, []int{2, 12, 0}, []int{f.Starts, f.Claims, f.Errors})
	require.Positive(t, f.StartP50Ms)
	require.Greater(t, f.FirstP50Ms, f.StartP50Ms)
	require.Positive(t, f.QueueP50Ms)
}

// Real passes fill a fleet through the account's bucket, each worker once, and what was throttled was launched after all. The
// full bucket alone carries this few; how fast it goes on is a measurement, not a test.
func TestLaunches(t *testing.T) {
	f := last[launchFigures](t, "launches", "--workers", "300", "--hosts", "3", "--starts", "50ms")
	require.Equal(t, []int{300, 3, 2}, []int{f.Workers, f.Hosts, f.Passes})
	require.Equal(t, 30, f.Calls-f.Throttled, "ten a call")
	require.Positive(t, f.LaunchesPerSec)
	require.Positive(t, f.Machine.Cores)
}

// Signed webhooks become orders at the broker, each once, and each ends in the ledger. The proof ends with the exchange of
// this process and its record; how fast it is, a machine that does other things as well cannot show.
func TestOrders(t *testing.T) {
	partstest.Need(t, parts.Redis)
	partstest.Need(t, parts.Postgres)
	f := last[orderFigures](t, "orders", "--users", "12", "--rate", "40", "--for", "2s")
	require.Equal(t, 12, f.Users)
	require.Greater(t, f.Orders, 40, "of 80 that are expected")
	require.Equal(t, []int{0, 0, 0, 0, 0}, []int{f.Errors, f.Lost, f.Late, f.Duplicates, f.Disagree})
	require.Positive(t, f.AcceptP50Ms)
	require.GreaterOrEqual(t, f.BrokerP999Ms, f.BrokerP50Ms)
	require.Positive(t, f.CommittedP50Ms)
	require.Greater(t, f.CommitsPerSecond, f.AcceptedPerSecond, "an acceptance is a commit, and so is an end")
	require.Positive(t, f.DatabaseCPUPercent)
}

// What is asked for rises until what is accepted does not follow, and the best stage is reported.
func TestOrdersCeiling(t *testing.T) {
	partstest.Need(t, parts.Redis)
	partstest.Need(t, parts.Postgres)
	f := last[orderFigures](t, "orders", "--users", "12", "--rate", "4000", "--for", "300ms", "--ceiling")
	require.Positive(t, f.AcceptedPerSecond)
	require.Less(t, f.AcceptedPerSecond, float64(mostRate))
}

// What cannot be followed is refused with the values that can.
func TestRefusals(t *testing.T) {
	for want, args := range map[string]string{
		"state what to measure; allowed: burst, claims, compare, costs, faults, functions, host, hostloss, launches, orders, reap, tracking, workers": "", "--users: 6 is not allowed; allowed: 1 to 5": "burst --workers 5 --users 6", "--sizes: 0 is not allowed": "tracking --sizes x", "--ttl: 1 is not allowed": "hostloss --ttl 1ms", "--workers: 0 is not allowed": "claims --workers 0",
		"--users: 9 is not allowed; allowed: 1 to 5": "claims --workers 5 --users 9", "--rate, --for: are not allowed": "claims --rate -1", "--users: 10001 is not allowed": "orders --users 10001",
		"--valkey, --start: both are stated": "claims --valkey redis://127.0.0.1:1 --start", "allowed: 1 to 2000": "workers --workers 2001",
		"--starts, --claims: are not allowed": "functions --starts 0", "--bin: stat nowhere": "functions --bin nowhere", "--bin: stat nobody": "host --bin nobody",
		"--workers, --hosts, --passes, --starts: are not allowed": "launches --passes 11",
	} {
		var out, errs bytes.Buffer
		require.Equal(t, 2, run(t.Context(), strings.Fields(args), &out, &errs), args)
		require.Contains(t, errs.String(), want)
	}
}

// Of two processes of one program only that which this one has started is counted: the other one is a shell's.
func TestResidents(t *testing.T) {
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
	require.Eventually(t, func() bool { return len(residents("sleep")) > 0 }, 10*time.Second, 5*time.Millisecond)
	require.Len(t, residents("sleep"), 1)
}
