package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/stretchr/testify/require"

	"workerfleet/runtime/claim"
	"workerfleet/runtime/cmd/internal/claimpath"
	"workerfleet/runtime/cmd/internal/program"
	"workerfleet/runtime/fifo"
	"workerfleet/runtime/fleet"
	"workerfleet/runtime/lambda/emulator"
	"workerfleet/runtime/pool"
	"workerfleet/runtime/process"
	"workerfleet/runtime/queue"
	"workerfleet/runtime/seal"
	"workerfleet/runtime/settings"
	"workerfleet/runtime/sqs"
)

// binary is the program as it ships.
var binary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "function")
	if err == nil {
		binary = filepath.Join(dir, "bootstrap")
		build := exec.Command("go", "build", "-tags", "lambda.norpc", "-o", binary, ".")
		var output []byte
		if output, err = build.CombinedOutput(); err != nil {
			err = fmt.Errorf("%w: %s", err, output)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// world is what the functions work on: a store, a database, queues, and who launches workers.
type world struct {
	*testing.T
	env    map[string]string
	path   *claimpath.Parts
	queues *fifo.Server
	mu     sync.Mutex
	asked  []pool.Batch
	key    string
}

func (w *world) Launch(_ context.Context, b pool.Batch) ([]fleet.Worker, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked = append(w.asked, b)
	workers := make([]fleet.Worker, b.Count)
	for i := range workers {
		workers[i] = fleet.Worker(fmt.Sprintf("%s-%d", b.Key, i))
	}
	return workers, nil
}
func (w *world) Stop(context.Context, fleet.Worker) error  { return nil }
func (w *world) List(context.Context) ([]pool.Task, error) { return nil, nil }

func newWorld(t *testing.T) *world {
	t.Helper()
	w, dir := &world{T: t}, t.TempDir()
	store := miniredis.RunT(t)
	launcher := httptest.NewServer(process.Serve(w))
	t.Cleanup(launcher.Close)
	listener := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { w.queues.ServeHTTP(rw, r) }))
	t.Cleanup(listener.Close)
	var err error
	w.queues, err = fifo.New(listener.URL, fifo.Config{Name: "pool-claim.fifo"}, fifo.Config{Name: "worker-control.fifo"})
	require.NoError(t, err)
	key, err := seal.NewKey()
	require.NoError(t, err)
	w.key = key.Public()
	w.env = map[string]string{
		"FLEET_TIER": "local", "FLEET_VALKEY_URL": "redis://" + store.Addr(), "FLEET_VALKEY_AUTH": "none",
		"FLEET_DATABASE_URL": "sqlite:" + filepath.Join(dir, "fleet.db"), "FLEET_DATABASE_AUTH": "password", "FLEET_KMS_KEY": "file:" + filepath.Join(dir, "key"),
		"FLEET_QUEUE_WORKER_CONTROL": w.queues.URL("worker-control.fifo"), "FLEET_QUEUE_ORDER_TASKS": w.queues.URL("none.fifo"), "FLEET_QUEUE_POOL_CLAIM": w.queues.URL("pool-claim.fifo"),
		"FLEET_CLUSTER": launcher.URL, "FLEET_WORKER_TASK_DEFINITION": "worker:7", "FLEET_CAPACITY_PROVIDER": "here",
		"FLEET_POOL_PEAK": "10", "FLEET_POOL_PER_HOST": "30", "FLEET_POOL_MIN_HOSTS": "1", "FLEET_POOL_MAX_HOSTS": "2", "FLEET_POOL_BUFFER": "4",
		"FLEET_MARKET_TIME_ZONE": "UTC", "FLEET_MARKET_OPEN": "00:00", "FLEET_MARKET_CLOSE": "00:01",
	}
	w.path, err = claimpath.Open(t.Context(), claimpath.Settings{
		Stack: settings.Stack{Tier: settings.Here}, Valkey: settings.Valkey{Address: settings.ValkeyAddress{URL: w.env["FLEET_VALKEY_URL"]}, Auth: settings.ValkeyNone},
		Database: settings.Database{URL: settings.DatabaseURL(w.env["FLEET_DATABASE_URL"]), Auth: settings.DatabasePassword},
		Sealing:  settings.Sealing{KMSKey: w.env["FLEET_KMS_KEY"]}, Lease: settings.Lease{Beat: 2 * time.Second, TTL: 15 * time.Second, Guard: 2 * time.Second},
	}, func(string) string { return "" })
	require.NoError(t, err)
	t.Cleanup(w.path.Close)
	require.NoError(t, w.path.Vault.Deposit(t.Context(), "ann", []byte("secret")))
	return w
}

// function is one of the five, under the emulator, with exactly the variables that its handler reads.
func (w *world) function(handler settings.Handler) *emulator.Function {
	w.Helper()
	var output bytes.Buffer
	c := emulator.Config{Name: string(handler), Program: binary, Timeout: 20 * time.Second, Output: &output, Environment: []string{"FLEET_HANDLER=" + string(handler)}}
	for _, spec := range settings.Specs[settings.Function](handler) {
		if value := w.env[spec.Name]; value != "" {
			c.Environment = append(c.Environment, spec.Name+"="+value)
		}
	}
	f := emulator.New(c)
	w.Cleanup(func() {
		f.Close()
		if w.Failed() {
			w.Log(output.String())
		}
	})
	return f
}

func (w *world) idle(worker fleet.Worker) {
	w.Helper()
	_, err := w.path.Store.Register(w.Context(), claim.Registration{Worker: worker, Host: "h1", Life: 1, Key: w.key}, w.path.Terms)
	require.NoError(w, err)
}

func (w *world) source(name string) *sqs.Source {
	w.Helper()
	config := aws.Config{Region: fifo.Region, Credentials: credentials.NewStaticCredentialsProvider("test", "test", "")}
	s, err := sqs.NewSource(config, w.queues.URL(name))
	require.NoError(w, err)
	return s
}

// run feeds functions from the queues until the condition holds.
func (w *world) run(condition func() bool, fed map[string]*emulator.Function) {
	w.Helper()
	ctx, cancel := context.WithCancel(w.Context())
	var group sync.WaitGroup
	for name, f := range fed {
		group.Go(func() {
			emulator.Mapping{ARN: fifo.ARN(name), Source: w.source(name), Invoke: f.Invoke, Concurrency: 1, Wait: time.Second, Log: slog.New(slog.DiscardHandler)}.Run(ctx)
		})
	}
	require.Eventually(w, condition, 20*time.Second, 10*time.Millisecond)
	cancel()
	group.Wait()
}

// delivered says whether the worker was told of the user's session.
func (w *world) delivered(worker fleet.Worker) bool {
	record, ok, err := w.path.Store.Worker(w.Context(), worker)
	return err == nil && ok && record.User == "ann" && record.Sent
}

var tick = []byte(`{"detail-type":"Scheduled Event","source":"aws.events"}`)

// With functions alone, all of them the one program: maintenance opens a new pool and finds what waits, the credentials are
// opened by claim and nobody else, a death that AWS tells of moves the user to another worker, and pool launches what is
// missing, once.
func TestFunctionsAlone(t *testing.T) {
	w := newWorld(t)
	claims, controls, pools, upkeep := w.function(settings.HandlerClaim), w.function(settings.HandlerControl), w.function(settings.HandlerPool), w.function(settings.HandlerMaintenance)
	_, err := upkeep.Invoke(t.Context(), tick)
	require.NoError(t, err)
	census, err := w.path.Store.Census(t.Context())
	require.NoError(t, err)
	require.NotEmpty(t, census.Incarnation, "the pool is open")

	// The user waits; the first worker is bound to them, and the binding is nobody's to deliver but claim's.
	answer, err := w.path.Store.Claim(t.Context(), claim.Request{User: "ann"}, w.path.Terms)
	require.NoError(t, err)
	require.Nil(t, answer.Bound)
	w.idle("w1")
	_, err = upkeep.Invoke(t.Context(), tick)
	require.NoError(t, err)
	require.False(t, w.delivered("w1"))
	w.run(func() bool { return w.delivered("w1") }, map[string]*emulator.Function{"pool-claim.fifo": claims})

	w.idle("w2")
	sender, err := sqs.NewSender(aws.Config{Region: fifo.Region, Credentials: credentials.NewStaticCredentialsProvider("test", "test", "")},
		map[queue.Name]string{queue.WorkerControl: w.queues.URL("worker-control.fifo")})
	require.NoError(t, err)
	require.NoError(t, sender.Send(t.Context(), queue.WorkerControl, queue.Task{Type: queue.TaskStopped, ID: "1", Worker: "w1", At: time.Now()}))
	w.run(func() bool { return w.delivered("w2") }, map[string]*emulator.Function{"worker-control.fifo": controls, "pool-claim.fifo": claims})

	for range 3 {
		_, err = pools.Invoke(t.Context(), tick)
		require.NoError(t, err)
	}
	asked := map[string]pool.Batch{}
	for _, b := range w.asked {
		asked[b.Key] = b
	}
	count := 0
	for _, b := range asked {
		require.Equal(t, int64(7), b.Image)
		count += b.Count
	}
	require.Equal(t, 4, count, "the buffer, once: %v", asked)
}

// What cannot be connected to fails the event that needed it, and the next one connects.
func TestConnectsAnew(t *testing.T) {
	w := newWorld(t)
	address := w.env["FLEET_VALKEY_URL"]
	w.env["FLEET_VALKEY_URL"] = "redis://127.0.0.1:9"
	_, err := w.function(settings.HandlerPool).Invoke(t.Context(), tick)
	require.ErrorContains(t, err, "valkey: connect")
	tries := 0
	open := later(func(context.Context) (string, error) {
		if tries++; tries == 1 {
			return "", errors.New("away")
		}
		return address, nil
	})
	for _, want := range []error{errors.New("away"), nil, nil} {
		_, err := open(t.Context())
		require.Equal(t, want, err)
	}
	require.Equal(t, 2, tries, "what was opened is kept")
}

// An environment that cannot work ends the program with a line that says why.
func TestRefusals(t *testing.T) {
	w := newWorld(t)
	for want, c := range map[string]struct {
		change map[string]string
		code   int
	}{
		"FLEET_HANDLER is not one of the allowed values":           {map[string]string{"FLEET_HANDLER": "other"}, 2},
		"FLEET_KMS_KEY is required":                                {map[string]string{"FLEET_HANDLER": "claim", "FLEET_KMS_KEY": ""}, 2},
		"FLEET_QUEUE_POOL_CLAIM is not a URL":                      {map[string]string{"FLEET_HANDLER": "control", "FLEET_QUEUE_POOL_CLAIM": "queue"}, 2},
		"FLEET_POOL_MIN_HOSTS is more than FLEET_POOL_MAX_HOSTS":   {map[string]string{"FLEET_HANDLER": "pool", "FLEET_POOL_MIN_HOSTS": "3"}, 2},
		"FLEET_DATABASE_URL has a value for one machine only; it ": {map[string]string{"FLEET_HANDLER": "maintenance", "FLEET_TIER": "tier-100"}, 2},
	} {
		env, output := maps.Clone(w.env), &bytes.Buffer{}
		maps.Copy(env, c.change)
		code := program.Run(t.Context(), "function", program.Surroundings{Getenv: func(name string) string { return env[name] }, Output: output}, serve)
		require.Equal(t, c.code, code, "%s: %s", want, output)
		require.Contains(t, output.String(), want)
	}
}
