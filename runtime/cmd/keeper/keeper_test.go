package main

import (
	"bytes"
	"context"
	"io"
	"maps"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"workerfleet/runtime/claim"
	"workerfleet/runtime/cmd/internal/program"
	"workerfleet/runtime/cmd/internal/refilling"
	"workerfleet/runtime/ecs/emulator"
	"workerfleet/runtime/fleet"
	"workerfleet/runtime/pool"
	"workerfleet/runtime/process"
	"workerfleet/runtime/settings"
	"workerfleet/runtime/sqlite"
	"workerfleet/runtime/valkey"
)

// run runs the program in these surroundings.
func run(ctx context.Context, getenv func(string) string, environ []string, output io.Writer) int {
	return program.Run(ctx, "keeper", program.Surroundings{Getenv: getenv, Environ: environ, Output: output}, serve)
}

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// asked is a provider that notes what it was asked for.
type asked struct {
	mu      sync.Mutex
	batches map[string]pool.Batch
}

func (a *asked) Launch(_ context.Context, b pool.Batch) ([]fleet.Worker, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.batches[b.Key] = b
	return make([]fleet.Worker, 0), nil
}
func (a *asked) Stop(context.Context, fleet.Worker) error  { return nil }
func (a *asked) List(context.Context) ([]pool.Task, error) { return nil, nil }

func environment(t *testing.T, launcher string) map[string]string {
	t.Helper()
	dir := t.TempDir()
	server := miniredis.RunT(t)
	server.SetTime(time.Now())
	return map[string]string{
		"FLEET_TIER": "local", "FLEET_METRICS_LISTEN": "127.0.0.1:0", "FLEET_VALKEY_URL": "redis://" + server.Addr(), "FLEET_VALKEY_AUTH": "none",
		"FLEET_DATABASE_URL": "sqlite:" + filepath.Join(dir, "fleet.db"), "FLEET_DATABASE_AUTH": "password", "FLEET_KMS_KEY": "file:" + filepath.Join(dir, "key"),
		"FLEET_QUEUE_WORKER_CONTROL": "http://127.0.0.1:9/c", "FLEET_QUEUE_ORDER_TASKS": "http://127.0.0.1:9/o", "FLEET_QUEUE_POOL_CLAIM": "http://127.0.0.1:9/p",
		"FLEET_CLUSTER": launcher, "FLEET_WORKER_TASK_DEFINITION": "worker:7", "FLEET_CAPACITY_PROVIDER": "here",
		"FLEET_POOL_PEAK": "10", "FLEET_POOL_PER_HOST": "30", "FLEET_POOL_MIN_HOSTS": "1", "FLEET_POOL_MAX_HOSTS": "2", "FLEET_POOL_BUFFER": "4",
		"FLEET_MARKET_TIME_ZONE": "UTC", "FLEET_MARKET_OPEN": "00:00", "FLEET_MARKET_CLOSE": "00:01",
	}
}

func getenv(of map[string]string) func(string) string {
	return func(name string) string { return of[name] }
}

// index is the store that the environment names.
func index(t *testing.T, env map[string]string) *valkey.Store {
	t.Helper()
	options, err := redis.ParseURL(env["FLEET_VALKEY_URL"])
	require.NoError(t, err)
	client := redis.NewClient(options)
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	store, err := valkey.NewStore(t.Context(), client)
	require.NoError(t, err)
	return store
}

// ready puts a host into the index, so that workers have a place.
func ready(t *testing.T, env map[string]string) {
	t.Helper()
	_, err := index(t, env).Beat(t.Context(), "h1", nil, claim.DefaultTerms())
	require.NoError(t, err)
}

// runUntil runs the program until the condition holds, and asks it to end then.
func runUntil(t *testing.T, env map[string]string, condition func() bool) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	output, code := &bytes.Buffer{}, make(chan int, 1)
	go func() { code <- run(ctx, getenv(env), nil, output) }()
	require.Eventually(t, condition, 20*time.Second, 10*time.Millisecond)
	stop()
	require.Equal(t, 0, <-code, output)
}

// The program opens a new pool, asks the launcher for the workers that are missing, of the task definition's revision,
// and ends when it is asked to.
func TestOpensAndLaunches(t *testing.T) {
	provider := &asked{batches: map[string]pool.Batch{}}
	launcher := httptest.NewServer(process.Serve(provider))
	defer launcher.Close()
	env := environment(t, launcher.URL)
	ready(t, env)
	runUntil(t, env, func() bool {
		provider.mu.Lock()
		defer provider.mu.Unlock()
		for _, b := range provider.batches {
			return b.Count == 4 && b.Image == 7
		}
		return false
	})
	launcher.Client().CloseIdleConnections()
}

// The program carries over into the database how many users the index has counted.
func TestKeepsArrivals(t *testing.T) {
	env := environment(t, "http://127.0.0.1:1")
	store := index(t, env)
	_, err := store.Open(t.Context(), "data")
	require.NoError(t, err)
	for _, user := range []fleet.User{"ann", "bea"} {
		_, err = store.Claim(t.Context(), claim.Request{User: user}, claim.DefaultTerms())
		require.NoError(t, err)
	}
	database, err := sqlite.Open(t.Context(), strings.TrimPrefix(env["FLEET_DATABASE_URL"], "sqlite:"))
	require.NoError(t, err)
	defer func() { require.NoError(t, database.Disconnect()) }()
	runUntil(t, env, func() bool {
		kept, _, err := database.Recall(t.Context(), []pool.Span{{To: time.Now().Add(time.Hour)}})
		require.NoError(t, err)
		claims := 0
		for _, minute := range kept { // two, if one was over between them
			claims += minute.Claims
		}
		return claims == 2
	})
}

// With a cluster's name in its settings the same program launches on ECS, with the credentials and in the region of its
// environment. The ECS is package emulator's.
func TestLaunchesOnECS(t *testing.T) {
	cluster := emulator.New(t)
	env := environment(t, "fleet")
	maps.Copy(env, map[string]string{
		"FLEET_REGION": emulator.Region, "FLEET_CAPACITY_PROVIDER": "workers",
		"AWS_ENDPOINT_URL": cluster.URL, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
	})
	ready(t, env)
	runUntil(t, env, func() bool { return cluster.Running() == 4 })
	call := cluster.Calls("RunTask")[0].Input
	require.Equal(t, []any{"fleet", "worker:7", 4.0}, []any{call["cluster"], call["taskDefinition"], call["count"]})
	require.Equal(t, []any{map[string]any{"capacityProvider": "workers", "weight": 1.0}}, call["capacityProviderStrategy"])
}

// An environment that cannot work ends the program with a line that says why.
func TestRefusals(t *testing.T) {
	for want, c := range map[string]struct {
		name, value string
		code        int
	}{
		"FLEET_POOL_PEAK is required":       {"FLEET_POOL_PEAK", "", 2},
		"region: is stated neither":         {"FLEET_CLUSTER", "fleet", 1},
		"does not end in a revision":        {"FLEET_WORKER_TASK_DEFINITION", "worker", 1},
		"FLEET_POOL_MIN_HOSTS is more than": {"FLEET_POOL_MIN_HOSTS", "3", 2},
		"policy: maxHosts":                  {"FLEET_POOL_MAX_HOSTS", "5001", 1},
		"valkey: connect:":                  {"FLEET_VALKEY_URL", "redis://127.0.0.1:1", 1},
		"FLEET_MARKET_OPEN is not a time":   {"FLEET_MARKET_OPEN", "9", 2},
		"metrics: listen tcp":               {"FLEET_METRICS_LISTEN", "localhost.invalid:1", 1},
	} {
		env, output := environment(t, "http://127.0.0.1:1"), &bytes.Buffer{}
		env[c.name] = c.value
		require.Equal(t, c.code, run(t.Context(), getenv(env), nil, output), want)
		require.Contains(t, output.String(), want)
	}
}

// The calendar and the sizes come from the settings as they are.
func TestPolicy(t *testing.T) {
	p, rollout, err := refilling.Policy(filling(settings.Keeper{
		Launching: settings.Launching{TaskDefinition: "arn:aws:ecs:eu-west-1:111122223333:task-definition/worker:12"},
		Pool:      settings.Pool{Peak: 35, PerHost: 30, MinHosts: 2, MaxHosts: 3, CanaryShare: 0.25},
		Market:    settings.Market{TimeZone: "Asia/Singapore", Open: "09:00", Close: "17:00", Holidays: settings.Holidays{{Date: "2026-12-25"}, {Date: "2026-12-24", Close: "12:30"}}},
	}))
	require.NoError(t, err)
	require.Equal(t, int64(12), rollout.Image)
	require.Equal(t, []int{35, 30, 2, 3}, []int{p.Peak, p.PerHost, p.MinHosts, p.MaxHosts})
	require.InDelta(t, 0.25, p.CanaryShare, 0)
	zone := p.Calendar.Zone()
	_, open := p.Calendar.Session(time.Date(2026, 12, 25, 12, 0, 0, 0, zone))
	require.False(t, open)
	half, open := p.Calendar.Session(time.Date(2026, 12, 24, 12, 0, 0, 0, zone))
	require.True(t, open && half.Half)
}
