package main

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"workerfleet/runtime/settings"
	"workerfleet/runtime/worker"
)

// How workers live is in package agent's tests, which run this binary. Here is what it makes of its environment.

func read(t *testing.T, environment map[string]string) (settings.Worker, parts) {
	getenv := func(name string) string { return environment[name] }
	set, err := settings.Read[settings.Worker](getenv, nil)
	require.NoError(t, err)
	return set, parts{getenv: getenv, environ: []string{"PATH=/bin"}, log: slog.New(slog.DiscardHandler)}
}

// The settings become a life and a body; what the next life needs to know is handed on.
func TestWire(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	tmp := os.TempDir()
	set, p := read(t, map[string]string{
		"FLEET_WORKER": "arn:aws:ecs:x:1:task/c/1", "FLEET_BROKER": "paper", "FLEET_MAX_LIVES": "9", "FLEET_BEAT": "1s", "FLEET_TTL": "10s", "FLEET_GUARD": "3s",
		worker.EnvLife: "4", worker.EnvRevision: "7", worker.EnvParent: "77",
	})
	config, body, err := wire(t.Context(), set, p)
	require.NoError(t, err)
	require.Equal(t, worker.Self{Worker: "arn:aws:ecs:x:1:task/c/1", Life: 4, Revision: 7}, config.Self)
	require.Equal(t, "7s", config.Trust.String())
	require.Equal(t, "1s", config.Beat.String())
	require.Equal(t, 9, body.Lives)
	require.Equal(t, 77, body.Parent)
	require.Equal(t, []string{"PATH=/bin"}, body.Environ, "which holds the name and the number")
	require.True(t, strings.HasPrefix(body.Scratch, tmp+"/workerfleet-arn"), "one name in the directory for temporary files: %s", body.Scratch)
	require.NotContains(t, strings.TrimPrefix(body.Scratch, tmp+"/"), "/")
	require.Equal(t, body.Scratch, os.TempDir(), "libraries write there, too")

	set.Recycle = settings.RecycleReplace
	_, body, err = wire(t.Context(), set, p)
	require.NoError(t, err)
	require.Equal(t, 1, body.Lives)
}

// A worker without a name asks for its task's; the task definition's revision is its image's number.
func TestTaskMetadata(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	answer := `{"TaskARN":"arn:aws:ecs:x:1:task/c/1","Revision":"12","Family":"worker"}`
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v4/abc/task" || answer == "" {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		_, _ = w.Write([]byte(answer))
	}))
	defer server.Close()
	set, p := read(t, map[string]string{"FLEET_BROKER": "paper", envMetadata: server.URL + "/v4/abc"})
	config, body, err := wire(t.Context(), set, p)
	require.NoError(t, err)
	require.Equal(t, worker.Self{Worker: "arn:aws:ecs:x:1:task/c/1", Life: 1, Revision: 12}, config.Self)
	require.Equal(t, []string{"PATH=/bin", "FLEET_WORKER=arn:aws:ecs:x:1:task/c/1", "WORKERFLEET_REVISION=12"}, body.Environ)
	for wrong, want := range map[string]string{
		"": "answers 404", "{}": "names no TaskARN", "{": "task metadata: ", `{"TaskARN":"a","Revision":"x"}`: "no whole number",
	} {
		answer = wrong
		_, _, err := wire(t.Context(), set, p)
		require.ErrorContains(t, err, want)
	}
	set, p = read(t, map[string]string{"FLEET_BROKER": "paper"})
	_, _, err = wire(t.Context(), set, p)
	require.ErrorContains(t, err, "FLEET_WORKER is absent")
}

// An environment that cannot work is refused before anything is done, in a line that names the variable.
func TestRefusals(t *testing.T) {
	for want, environment := range map[string]map[string]string{
		"FLEET_BROKER is required":          {"FLEET_WORKER": "w1"},
		`WORKERFLEET_LIFE: "x" is no life`:  {"FLEET_WORKER": "w1", "FLEET_BROKER": "paper", worker.EnvLife: "x"},
		`WORKERFLEET_PARENT: "x" is no pro`: {"FLEET_WORKER": "w1", "FLEET_BROKER": "paper", worker.EnvParent: "x"},
	} {
		var stderr bytes.Buffer
		require.Equal(t, 2, run(t.Context(), func(name string) string { return environment[name] }, nil, &stderr))
		require.Contains(t, stderr.String(), want)
	}
}
