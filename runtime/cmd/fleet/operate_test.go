package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"workerfleet/runtime/claim"
	"workerfleet/runtime/fleet"
	"workerfleet/runtime/keeper"
	"workerfleet/runtime/pool"
	"workerfleet/runtime/signals"
	"workerfleet/runtime/valkey"
)

// none launches nothing.
type none struct{}

func (none) Launch(context.Context, pool.Batch) ([]fleet.Worker, error) { return nil, nil }
func (none) Stop(context.Context, fleet.Worker) error                   { return nil }
func (none) List(context.Context) ([]pool.Task, error)                  { return nil, nil }

// stack is an index with two hosts, three workers, a session and a user who waits, and its outputs.
func stack(t *testing.T) (outputs string, store *valkey.Store) {
	t.Helper()
	server := miniredis.RunT(t)
	server.SetTime(time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC))
	client := redis.NewClient(&redis.Options{Addr: server.Addr()})
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	store, err := valkey.NewStore(t.Context(), client)
	require.NoError(t, err)
	_, err = store.Open(t.Context(), "data")
	require.NoError(t, err)
	_, err = store.Beat(t.Context(), "h2", nil, terms())
	require.NoError(t, err)
	for _, user := range []fleet.User{"ann", "bea"} {
		_, err = store.Claim(t.Context(), claim.Request{User: user}, terms())
		require.NoError(t, err)
		if user == "ann" {
			_, err = store.Register(t.Context(), claim.Registration{Worker: "w1", Host: "h1", Life: 1, Revision: 7, Key: "k"}, terms())
			require.NoError(t, err)
		}
	}
	return `{"operator":{"region":"eu-west-1","valkeyUrl":"redis://` + server.Addr() + `"},"apiUrl":"https://x"}`, store
}

// ask runs one command line on a stack's outputs, given on standard input.
func ask(t *testing.T, outputs, args string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), strings.Fields(args), surroundings{func(string) string { return "" }, strings.NewReader(outputs), &out, &errs})
	return code, out.String(), errs.String()
}

// round makes one decision on the index.
func round(t *testing.T, store *valkey.Store) {
	t.Helper()
	refill, err := keeper.NewRefill(keeper.RefillConfig{
		Launches: store, Provider: none{}, Policy: pool.Policy{Peak: 10, PerHost: 2, MaxHosts: 2, Buffer: 3}, Terms: terms(), Recorder: signals.Discard{},
		Key: func() string { return "key" },
	})
	require.NoError(t, err)
	_, err = refill.Pass(t.Context())
	require.NoError(t, err)
}

// What people read: workers by host, sessions, the queue and the last decision with its reason.
func TestTables(t *testing.T) {
	outputs, store := stack(t)
	code, out, errs := ask(t, outputs, "claims --stack -")
	require.Zero(t, code, errs)
	require.Contains(t, out, "nobody has decided anything yet")
	round(t, store)
	code, out, errs = ask(t, outputs, "claims --stack -")
	require.Zero(t, code, errs)
	require.Equal(t, `1 session, 1 user waiting

Who holds what
  user  worker  host  state     epoch             lease
  ann   w1      h1    assigned  `+epochOf(t, store)+`  09:00:15

Who waits
  rank  user  since     place kept until
  0     bea   09:00:00  09:00:30

The last decision
  0s ago  3 idle wanted: buffer: 3
          launch 3 of image 0: 0 idle, 0 resetting, 0 coming of 3 (buffer: 3)
          the prediction knows no past week yet
          99 calls in the bucket for launching and stopping
`, out)
	code, out, errs = ask(t, outputs, "drain h1 --stack -")
	require.Zero(t, code, errs)
	require.Equal(t, "h1 takes nobody new: 0 workers retire now, 1 worker retires when their sessions end\n", out)
	code, out, errs = ask(t, outputs, "workers --each --stack -")
	require.Zero(t, code, errs)
	require.Equal(t, `1 worker, 2 hosts

By host
  host  image  warm  assigned  serving  returned  resetting  draining  out of service by
  h1    7      0     1         0        0         0          0         operator
  h2    –      0     0         0        0         0          0         

One by one
  worker  host  image  state     user  epoch             lease
  w1      h1    7      assigned  ann   `+epochOf(t, store)+`  09:00:15
`, out)
	code, out, errs = ask(t, outputs, "drain --worker w1 --stack -")
	require.Zero(t, code, errs)
	require.Equal(t, "w1 is assigned, and retires when its session ends\n", out)
	code, out, errs = ask(t, outputs, "drain h1 --undo --stack -")
	require.Zero(t, code, errs)
	require.Equal(t, "h1 is in service again\n", out)
}

func epochOf(t *testing.T, store *valkey.Store) string {
	t.Helper()
	w, _, err := store.Worker(t.Context(), "w1")
	require.NoError(t, err)
	return w.Epoch.String()
}

// The objects have the keys that scripts read; lists are never null, and a worker lists nobody that is not asked for.
func TestObjects(t *testing.T) {
	outputs, store := stack(t)
	round(t, store)
	object := func(args string) (o map[string]any) {
		code, out, errs := ask(t, outputs, args+" --json --stack -")
		require.Zero(t, code, errs)
		require.NoError(t, json.Unmarshal([]byte(out), &o))
		return o
	}
	o := object("workers")
	require.Equal(t, []any{1.0, map[string]any{"assigned": 1.0}, []any{}}, []any{o["total"], o["states"], o["workers"]})
	require.Equal(t, map[string]any{"host": "h2", "heard": "2026-11-24T09:00:00Z", "images": []any{}}, o["hosts"].([]any)[1])
	require.Len(t, object("workers --host h1")["workers"], 1)
	require.Empty(t, object("workers --user bea")["workers"])
	o = object("claims --user ann")
	require.Equal(t, []any{true, 1.0, []any{}, false}, []any{o["open"], o["queued"], o["waiting"], o["learned"]})
	require.Equal(t, "buffer: 3", o["decision"].(map[string]any)["reason"])
	require.Equal(t, map[string]any{"host": "h1", "drained": "operator", "idle": 0.0, "busy": 1.0}, object("drain h1"))
}

// What cannot be done says why in one line: 2 for a command line that is not allowed, 1 for everything else.
func TestOperatingRefusals(t *testing.T) {
	outputs, _ := stack(t)
	iam := `{"operator":{"region":"eu-west-1","valkeyUrl":"rediss://operator@127.0.0.1:9?cluster=1","valkeyCache":"serverless:fleet"},"queueUrls":{"pool-claim":"http://127.0.0.1:9/q"}}`
	dir := t.TempDir()
	t.Chdir(dir)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "tier-1.json"), []byte(outputs), 0o600))
	code, _, errs := ask(t, "", "workers --stack tier-1")
	require.Zero(t, code, "%s: FILE.json is found", errs)
	for args, c := range map[string]struct {
		code           int
		outputs, wants string
	}{
		"workers":                          {2, "", "which platform? allowed: --local, --stack FILE, or FLEET_VALKEY_URL in the environment"},
		"workers --local --stack x":        {2, "", "--local and --stack name two platforms; allowed: one of them"},
		"workers --local":                  {1, "", "no platform runs here; make local starts one, and --for keeps it"},
		"workers --stack tier-9":           {1, "", "stack: neither tier-9 nor tier-9.json is a file; pulumi stack output --json -s tier-9 > tier-9.json writes it"},
		"claims --stack -":                 {1, "Outputs:", "standard input: is not what pulumi stack output --json writes: "},
		"workers --user x --stack -":       {1, `{"apiUrl":"x"}`, "standard input: has no output operator.valkeyUrl; the stack is an older one, or another's"},
		"workers --each --stack -":         {1, iam, "credentials: neither AWS_CONTAINER_CREDENTIALS_RELATIVE_URI nor AWS_ACCESS_KEY_ID is there"},
		"workers --host h9 --stack -":      {1, outputs, "host h9 is not registered"},
		"drain --stack -":                  {2, outputs, "drain what? allowed: one HOST, or --worker W"},
		"drain h1 --worker w --stack -":    {2, outputs, "drain what? allowed: one HOST, or --worker W"},
		"drain --worker w --undo --local":  {2, outputs, "--worker takes neither --undo nor --force; allowed with: one HOST"},
		"drain h9 --stack -":               {1, outputs, "host h9 is not registered; fleet workers lists those that are"},
		"drain h1 --undo --stack -":        {1, outputs, "host h1 is not out of service"},
		"drain --worker w9 --stack -":      {1, outputs, "worker w9 is not registered; fleet workers --each lists those that are"},
		"dlq":                              {2, "", "dlq: what? allowed: list, redrive"},
		"dlq purge":                        {2, "", "dlq: what? allowed: list, redrive; not purge"},
		"dlq redrive --stack -":            {2, iam, "redrive what? allowed: one of worker-control, order-tasks, pool-claim, background-tasks"},
		"dlq redrive pool-claim --stack -": {1, iam, "credentials: neither "},
		"dlq list --stack -":               {1, outputs, "the outputs name no queues; allowed: --local, or --stack FILE with queueUrls"},
	} {
		code, out, errs := ask(t, c.outputs, args)
		require.Equal(t, c.code, code, "%s: %s", args, errs)
		require.Empty(t, out, args)
		require.Contains(t, errs, "fleet: "+c.wants, args)
		require.Equal(t, 1, strings.Count(errs, "\n"), args)
	}
}

// A fleet larger than a page is listed whole, each worker once, though all leases end at one moment.
func TestEveryWorkerIsListed(t *testing.T) {
	_, store := stack(t)
	for i := range 2*page + 7 {
		_, err := store.Register(t.Context(), claim.Registration{Worker: fleet.Worker(fmt.Sprintf("x%04d", i)), Host: "h2", Life: 1, Revision: 7, Key: "k"}, terms())
		require.NoError(t, err)
	}
	all, err := everyWorker(t.Context(), store)
	require.NoError(t, err)
	require.Len(t, all, 2*page+8)
}
