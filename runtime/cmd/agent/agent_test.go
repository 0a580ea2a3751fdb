package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"workerfleet/runtime/claim"
	"workerfleet/runtime/cmd/internal/program"
	"workerfleet/runtime/fleet"
	"workerfleet/runtime/seal"
	"workerfleet/runtime/valkey"
	"workerfleet/runtime/worker/workertest"
)

// run runs the program in these surroundings.
func run(ctx context.Context, getenv func(string) string, environ []string, output io.Writer) int {
	return program.Run(ctx, "agent", program.Surroundings{Getenv: getenv, Environ: environ, Output: output}, serve)
}

func TestMain(m *testing.M) {
	var remove func()
	var err error
	if workerBinary, remove, err = workertest.Build(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	// A pool that could not connect looks for its server once more a second, and notices only then that it was closed.
	dialling := goleak.IgnoreAnyFunction("github.com/redis/go-redis/v9/internal/pool.(*ConnPool).tryDial")
	goleak.VerifyTestMain(m, dialling, goleak.Cleanup(func(code int) {
		remove()
		os.Exit(code)
	}))
}

// workerBinary is the worker as it ships.
var workerBinary string

// lines is an output that may be read while it is written.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// A worker as it ships is registered through the agent as it is wired, gets an assignment through the mailbox, and is
// told ready; its beats are on /metrics; and an agent that is asked to end parks it. The server is an embedded stand-in:
// the store's own tests hold it to real ones.
func TestWiredAgent(t *testing.T) {
	server := miniredis.RunT(t)
	server.SetTime(time.Now())
	client := redis.NewClient(&redis.Options{Addr: server.Addr()})
	defer client.Close()
	store, err := valkey.NewStore(t.Context(), client)
	require.NoError(t, err)
	_, err = store.Open(t.Context(), "test")
	require.NoError(t, err)

	socket := filepath.Join(t.TempDir(), "agent.sock")
	environment := map[string]string{
		"FLEET_TIER": "local", "FLEET_METRICS_LISTEN": "127.0.0.1:0", "FLEET_VALKEY_URL": "redis://" + server.Addr(),
		"FLEET_VALKEY_AUTH": "none", "FLEET_AGENT_SOCKET": socket, "FLEET_HOST": "h1", "FLEET_BEAT": "50ms", "FLEET_TTL": "1s", "FLEET_GUARD": "200ms",
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	output := &lines{}
	code := make(chan int)
	go func() { code <- run(ctx, func(name string) string { return environment[name] }, nil, output) }()

	w := exec.Command(workerBinary)
	w.Env = []string{"TMPDIR=" + t.TempDir(), "FLEET_WORKER=w1", "FLEET_AGENT_SOCKET=" + socket, "FLEET_BROKER=paper", "FLEET_BEAT=50ms", "FLEET_TTL=1s", "FLEET_GUARD=200ms"}
	require.NoError(t, w.Start())
	defer func() { _, _ = w.Process.Kill(), w.Wait() }()
	var registered claim.Worker
	require.Eventually(t, func() bool {
		server.SetTime(time.Now())
		registered, _, err = store.Worker(t.Context(), "w1")
		require.NoError(t, err)
		return registered.State == claim.Warm
	}, 10*time.Second, 5*time.Millisecond, output)
	require.Equal(t, fleet.Host("h1"), registered.Host)

	answer, err := store.Claim(t.Context(), claim.Request{User: "ann"}, claim.DefaultTerms())
	require.NoError(t, err)
	b := answer.Bound
	sealed, err := seal.Seal(b.Key, seal.Context{User: "ann", Worker: "w1", Life: 1, Epoch: b.Epoch}, []byte("secret"))
	require.NoError(t, err)
	mail := valkey.NewMail(client)
	require.NoError(t, mail.Post(t.Context(), "h1", fleet.Mail{
		Kind: fleet.MailAssign, Worker: "w1", Life: 1, User: "ann", Epoch: b.Epoch, Sealed: sealed, ReplyTo: "api1", BeginAt: 1,
	}))
	var words []fleet.Ready
	require.Eventually(t, func() bool {
		words, _, err = mail.Await(t.Context(), "api1", "")
		require.NoError(t, err)
		return len(words) > 0
	}, 10*time.Second, 5*time.Millisecond)
	require.Equal(t, []fleet.Ready{{Worker: "w1", User: "ann", Epoch: b.Epoch}}, words)

	address := regexp.MustCompile(`"address":"([^"]+)"`).FindStringSubmatch(output.String())
	require.NotNil(t, address, output)
	response, err := http.Get("http://" + address[1] + "/metrics")
	require.NoError(t, err)
	page, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	http.DefaultClient.CloseIdleConnections()
	require.Regexp(t, `(?m)^fleet_beats_total [1-9]`, string(page))

	stop()
	require.Equal(t, 0, <-code)
	require.Contains(t, output.String(), `"msg":"workers parked"`)
	require.Regexp(t, `"Stack":"local",.*"fleet_beats_total":`, output.String(), "what alarms read is written at the end, too, and says whose it is")
	deadline, err := client.ZScore(t.Context(), "{pool}:lease", "w1").Result()
	require.NoError(t, err)
	require.Greater(t, deadline, float64(time.Now().Add(100*time.Second).UnixMilli()))
}

// An environment that cannot work ends the agent with a line that says why.
func TestRefusals(t *testing.T) {
	good := map[string]string{
		"FLEET_TIER": "local", "FLEET_METRICS_LISTEN": "127.0.0.1:0", "FLEET_VALKEY_URL": "redis://127.0.0.1:1", "FLEET_VALKEY_AUTH": "none", "FLEET_HOST": "h1",
	}
	for want, c := range map[string]struct {
		name, value string
		code        int
	}{
		"FLEET_TIER is required":                 {"FLEET_TIER", "", 2},
		"ECS_CONTAINER_METADATA_FILE are absent": {"FLEET_HOST", "", 1},
		"host: ":                                 {"FLEET_HOST", "a b", 1},
		"valkey: connect:":                       {"FLEET_TIER", "local", 1},
	} {
		output := &lines{}
		code := run(t.Context(), func(name string) string {
			if name == c.name {
				return c.value
			}
			return good[name]
		}, nil, output)
		require.Equal(t, c.code, code, want)
		require.Contains(t, output.String(), want)
	}
}

// Where the settings name no host, the container's metadata file does.
func TestHostName(t *testing.T) {
	file := filepath.Join(t.TempDir(), "metadata")
	for content, want := range map[string]string{
		`{"Cluster":"c","ContainerInstanceARN":"arn:aws:ecs:ap-southeast-1:1:container-instance/c/1","MetadataFileStatus":"READY"}`: "",
		`{}`: "names no ContainerInstanceARN",
		`{`:  "container metadata: ",
	} {
		require.NoError(t, os.WriteFile(file, []byte(content), 0o600))
		host, err := hostName("", file)
		if want != "" {
			require.ErrorContains(t, err, want)
			continue
		}
		require.NoError(t, err)
		require.Equal(t, fleet.Host("arn:aws:ecs:ap-southeast-1:1:container-instance/c/1"), host)
	}
	host, err := hostName("h1", file)
	require.NoError(t, err)
	require.Equal(t, fleet.Host("h1"), host)
	_, err = hostName("", filepath.Join(t.TempDir(), "absent"))
	require.ErrorIs(t, err, os.ErrNotExist)
}
