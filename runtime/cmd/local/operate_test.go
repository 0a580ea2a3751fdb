package main

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"workerfleet/runtime/cmd/internal/running"
	"workerfleet/runtime/fifo"
	"workerfleet/runtime/fleet"
	"workerfleet/runtime/iam"
	"workerfleet/runtime/queue"
	"workerfleet/runtime/sqs"
)

// operator is somebody with the fleet tool in the folder in which the platform was started.
type operator struct {
	*product
	folder string
}

func (p *product) operator() operator {
	p.Helper()
	build := exec.Command("go", "build", "-o", filepath.Join(binaries, "fleet"), "workerfleet/runtime/cmd/fleet")
	output, err := build.CombinedOutput()
	require.NoError(p, err, string(output))
	o := operator{p, p.TempDir()}
	require.NoError(p, running.Write(filepath.Join(o.folder, running.File), p.outputs()))
	return o
}

// says runs the tool and returns what it printed.
func (o operator) says(args string) (stdout, stderr string, code int) {
	o.Helper()
	var out, errs strings.Builder
	command := exec.Command(filepath.Join(binaries, "fleet"), strings.Fields(args)...)
	command.Dir, command.Stdout, command.Stderr = o.folder, &out, &errs
	_ = command.Run()
	return out.String(), errs.String(), command.ProcessState.ExitCode()
}

// read runs the tool with --json and reads the object on its last line.
func read[T any](o operator, args string) (object T) {
	o.Helper()
	stdout, stderr, code := o.says(args + " --json")
	require.Zero(o, code, stderr)
	lines := strings.Split(strings.TrimSpace(stdout), "\n")
	require.NoError(o, json.Unmarshal([]byte(lines[len(lines)-1]), &object), stdout)
	return object
}

type seenWorkers struct {
	Total  int
	States map[string]int
	Hosts  []struct {
		Host, Drained string
		Images        []struct{ States map[string]int }
	}
	Workers []struct{ Worker, Host, State, User string }
}

// The built tool sees a running platform as it is and takes a host out of service: its idle workers retire and are replaced
// on the other one, the session there goes on until the user leaves, and nobody new comes. What the keepers decided is told in
// words. Taken back, the host serves again.
func TestFleetSeesAndDrains(t *testing.T) {
	p := startProduct(t, quick(4, 12, 2))
	o := p.operator()
	sessions := p.serveAll()
	seen := seenWorkers{}
	p.within(10*time.Second, "four sessions and the rest idle", func(context.Context) bool {
		seen = read[seenWorkers](o, "workers --local")
		return seen.States["serving"] == 4 && seen.States["warm"] == 8
	})
	require.Len(t, seen.Hosts, 2)
	require.Empty(t, seen.Workers)

	mine := read[seenWorkers](o, "workers --local --user user-1")
	require.Len(t, mine.Workers, 1)
	require.Equal(t, sessions["user-1"].WorkerID, mine.Workers[0].Worker)
	host := mine.Workers[0].Host

	stdout, stderr, code := o.says("drain --local " + host)
	require.Zero(t, code, stderr)
	require.Contains(t, stdout, host+" takes nobody new: ")
	p.within(30*time.Second, "the idle ones of the host are gone", func(context.Context) bool {
		seen = read[seenWorkers](o, "workers --local --host "+host)
		return seen.Total == seen.States["serving"] && seen.Hosts[0].Drained == "operator"
	})
	for _, w := range seen.Workers {
		require.Equal(t, sessions[fleet.User(w.User)].WorkerID, w.Worker, "the session goes on")
	}
	_, stderr, code = o.says("drain --local " + map[string]string{"host-1": "host-2", "host-2": "host-1"}[host])
	require.Equal(t, 1, code)
	require.Contains(t, stderr, "is the last one in service: nobody could be served; --force drains it all the same")
	require.Equal(t, 204, p.leave("user-1"))
	s, err := p.claim(t.Context(), "user-1", sessions["user-1"].WorkerID)
	require.NoError(t, err)
	mine = read[seenWorkers](o, "workers --local --user user-1")
	require.Equal(t, s.WorkerID, mine.Workers[0].Worker)
	require.NotEqual(t, host, mine.Workers[0].Host, "nobody new comes")

	stdout, stderr, code = o.says("claims --local")
	require.Zero(t, code, stderr)
	for _, said := range []string{"4 sessions, 0 users waiting", "user-1 ", "The last decision", " idle wanted: ", "the prediction knows"} {
		require.Contains(t, stdout, said)
	}
	stdout, stderr, code = o.says("drain --local --undo " + host)
	require.Zero(t, code, stderr)
	require.Equal(t, host+" is in service again\n", stdout)
	p.within(30*time.Second, "the host has idle workers again", func(context.Context) bool {
		seen = read[seenWorkers](o, "workers --local --host "+host)
		return seen.States["warm"] > 0 && seen.Hosts[0].Drained == ""
	})
}

// Dead letters are seen with their ids and what they ask for, seeing them moves nothing, and redriven they are done. One
// worker is told to go.
func TestFleetRedrives(t *testing.T) {
	p := startProduct(t, quick(1, 2, 1))
	o := p.operator()
	config, err := iam.Config(fifo.Region, func(string) string { return "local" })
	require.NoError(t, err)
	config.BaseEndpoint = nil
	url := p.servers.queues.URL(fifoName(queue.OrderTasks)) // without functions nobody is fed from it
	sender, err := sqs.NewSender(config, map[queue.Name]string{queue.OrderTasks: url})
	require.NoError(t, err)
	source, err := sqs.NewSource(config, url)
	require.NoError(t, err)
	require.NoError(t, sender.Send(t.Context(), queue.OrderTasks, queue.Task{Type: queue.Dispatch, ID: "1", User: "ann", Order: "o1", At: time.Now()}))
	for range receives + 1 { // the last one finds that it was received too often
		messages, err := source.Receive(t.Context(), 1, 0)
		require.NoError(t, err)
		for _, m := range messages {
			require.NoError(t, source.Hide(t.Context(), m, 0))
		}
	}
	type listed struct {
		Queues []struct {
			Queue    string
			Dead     int
			Messages []struct{ ID, Type, User string }
		}
	}
	before, after := read[listed](o, "dlq list --local"), read[listed](o, "dlq list --local")
	require.Equal(t, before, after, "looking moves nothing")
	require.Equal(t, "order-tasks", before.Queues[1].Queue)
	require.Equal(t, 1, before.Queues[1].Dead)
	require.Equal(t, []string{"dispatch", "ann"}, []string{before.Queues[1].Messages[0].Type, before.Queues[1].Messages[0].User})
	stdout, stderr, code := o.says("dlq list --local")
	require.Zero(t, code, stderr)
	require.Contains(t, stdout, "1 message given up after the last receive\n\nBy queue\n")
	require.Contains(t, stdout, before.Queues[1].Messages[0].ID+"  dispatch  ann ")
	stdout, stderr, code = o.says("dlq redrive order-tasks --local")
	require.Zero(t, code, stderr)
	require.Equal(t, "order-tasks: 1 message moved, completed\n", stdout)
	after = read[listed](o, "dlq list --local")
	require.Zero(t, after.Queues[1].Dead)

	seen := read[seenWorkers](o, "workers --local --each")
	going := seen.Workers[0].Worker
	stdout, stderr, code = o.says("drain --local --worker " + going)
	require.Zero(t, code, stderr)
	require.Equal(t, going+" was idle and retires now\n", stdout)
	require.NoError(t, os.Remove(filepath.Join(o.folder, running.File)))
	_, stderr, code = o.says("workers --local")
	require.Equal(t, 1, code)
	require.Equal(t, "fleet: no platform runs here; make local starts one, and --for keeps it\n", stderr)
}
