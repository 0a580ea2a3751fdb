package process

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/hostlink"
	"workerfleet/runtime/pool"
	"workerfleet/runtime/pool/pooltest"
	"workerfleet/runtime/worker/workertest"
)

func TestMain(m *testing.M) {
	if os.Getenv("PROCESS_TEST_ROLE") == "parent" {
		if err := parentRole(); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		return
	}
	var remove func()
	var err error
	if workerBinary, remove, err = workertest.Build(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		remove()
		os.Exit(code)
	}))
}

// workerBinary is the worker as it ships.
var workerBinary string

func variables(worker fleet.Worker, h Host, _ int64) ([]string, error) {
	return []string{"FLEET_WORKER=" + string(worker), "FLEET_AGENT_SOCKET=" + h.Socket, "FLEET_BROKER=paper"}, nil
}

// newProvider has room for 25 on two hosts, whose agents are not there: workers wait for them.
func newProvider(t *testing.T, binary string) *Provider {
	dir := t.TempDir()
	p, err := New(Config{
		Binary: binary, Image: 7, Directory: filepath.Join(dir, "workers"), Variables: variables, Grace: time.Second,
		Hosts: []Host{{"h1", filepath.Join(dir, "1.sock"), 15}, {"h2", filepath.Join(dir, "2.sock"), 10}},
	})
	require.NoError(t, err)
	t.Cleanup(p.Close)
	return p
}

func realProvider(t *testing.T) *Provider {
	return newProvider(t, workerBinary)
}

// Local processes keep the contract that every provider keeps. Nothing throttles them.
func TestContract(t *testing.T) {
	pooltest.Run(t, func(t *testing.T) *pooltest.Bench {
		p := realProvider(t)
		return &pooltest.Bench{
			Provider: p, Images: [2]int64{7, 8},
			Leave: func(_ pooltest.TB, n int) {
				p.mu.Lock()
				defer p.mu.Unlock()
				p.Hosts = []Host{{"h1", p.Hosts[0].Socket, len(p.running) + n}}
			},
		}
	})
}

// Workers are spread over the hosts, run the provider's image unless the batch names one, and leave no files behind.
func TestPlacement(t *testing.T) {
	p := realProvider(t)
	_, err := p.Launch(t.Context(), pool.Batch{Key: "a", Count: 10})
	require.NoError(t, err)
	tasks, err := p.List(t.Context())
	require.NoError(t, err)
	on := map[fleet.Host]int{}
	for _, task := range tasks {
		on[task.Host]++
		require.Equal(t, int64(7), task.Image)
		require.True(t, strings.HasPrefix(string(task.Worker), string(task.Host)+"-"))
	}
	require.Equal(t, map[fleet.Host]int{"h1": 8, "h2": 2}, on, "the roomiest host first: 15 and 10 become 7 and 8")
	_, err = p.Launch(t.Context(), pool.Batch{Key: "a", Count: 9})
	require.ErrorContains(t, err, "another batch")
	p.Close()
	left, err := os.ReadDir(p.Directory)
	require.NoError(t, err)
	require.Empty(t, left)
	_, err = p.Launch(t.Context(), pool.Batch{Key: "b", Count: 1})
	require.ErrorContains(t, err, "closed")
	p.Close()
}

// A worker that does not end when asked to is ended after the grace, and what it started with it.
func TestGrace(t *testing.T) {
	dir := t.TempDir()
	stubborn := filepath.Join(dir, "stubborn")
	script := "#!/bin/sh\ntrap '' TERM\nsleep 1000 &\necho $$ $! > " + dir + "/pids\nwait\nwait\n"
	require.NoError(t, os.WriteFile(stubborn, []byte(script), 0o700))
	p := newProvider(t, stubborn)
	workers, err := p.Launch(t.Context(), pool.Batch{Key: "a", Count: 1})
	require.NoError(t, err)
	var leader, helper int
	require.Eventually(t, func() bool {
		content, _ := os.ReadFile(dir + "/pids")
		n, _ := fmt.Sscan(string(content), &leader, &helper)
		return n == 2
	}, 5*time.Second, 5*time.Millisecond)
	begin := time.Now()
	require.NoError(t, p.Stop(t.Context(), workers[0]))
	require.NoError(t, p.Stop(t.Context(), workers[0]), "asking again does not begin the grace anew")
	require.Eventually(t, func() bool { tasks, _ := p.List(t.Context()); return len(tasks) == 0 }, 5*time.Second, 5*time.Millisecond)
	require.GreaterOrEqual(t, time.Since(begin), time.Second)
	require.ErrorIs(t, syscall.Kill(leader, 0), syscall.ESRCH)
	require.Eventually(t, func() bool { return gone(helper) }, 5*time.Second, 5*time.Millisecond)
}

// gone says whether a process runs no more; whoever adopted it may not have reaped it yet.
func gone(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err != nil || strings.Contains(string(stat), ") Z ")
}

// A binary that cannot be executed starts nothing, and the key is not used up.
func TestMissingBinary(t *testing.T) {
	p := newProvider(t, "/nonexistent/worker")
	for range 2 {
		workers, err := p.Launch(t.Context(), pool.Batch{Key: "a", Count: 3})
		require.ErrorIs(t, err, os.ErrNotExist)
		require.Empty(t, workers)
	}
	p.mu.Lock()
	p.Binary = workerBinary
	p.mu.Unlock()
	workers, err := p.Launch(t.Context(), pool.Batch{Key: "a", Count: 3})
	require.NoError(t, err)
	require.Len(t, workers, 3)
}

// parentRole runs a provider and an agent's socket, on which it fences each first life, so that every worker executes
// itself anew; it prints the process ids of the workers in their second lives, and waits to be killed.
func parentRole() error {
	dir := os.Getenv("PROCESS_TEST_DIR")
	listener, err := net.Listen("unix", filepath.Join(dir, "agent.sock"))
	if err != nil {
		return err
	}
	p, err := New(Config{
		Binary: os.Getenv("PROCESS_TEST_BINARY"), Directory: filepath.Join(dir, "workers"), Variables: variables,
		Hosts: []Host{{"h1", listener.Addr().String(), 5}},
	})
	if err != nil {
		return err
	}
	if _, err := p.Launch(context.Background(), pool.Batch{Key: "a", Count: 5}); err != nil {
		return err
	}
	for {
		stream, err := listener.Accept()
		if err != nil {
			return err
		}
		pid, err := hostlink.Peer(stream.(*net.UnixConn))
		if err != nil {
			return err
		}
		conn := hostlink.NewConn(stream)
		hello, err := conn.Receive(5 * time.Second)
		switch {
		case err != nil:
			return err
		case hello.Life == 1:
			err = conn.Send(hostlink.Message{Kind: hostlink.Fenced, Life: 1})
		default:
			fmt.Println("second life", pid)
		}
		if err != nil {
			return err
		}
	}
}

// No worker survives the process of its provider, not even one that has executed itself anew since: the parent is
// killed, so that nothing of it could see to that.
func TestNoWorkerSurvivesItsParent(t *testing.T) {
	parent := exec.Command(os.Args[0])
	parent.Env = append(os.Environ(), "PROCESS_TEST_ROLE=parent", "PROCESS_TEST_DIR="+t.TempDir(), "PROCESS_TEST_BINARY="+workerBinary)
	out, err := parent.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, parent.Start())
	lines := bufio.NewScanner(out)
	var pids []int
	for len(pids) < 5 && lines.Scan() {
		var pid int
		_, err := fmt.Sscanf(lines.Text(), "second life %d", &pid)
		require.NoError(t, err, lines.Text())
		require.False(t, gone(pid))
		pids = append(pids, pid)
	}
	require.Len(t, pids, 5)
	require.NoError(t, parent.Process.Kill())
	_, _ = io.Copy(io.Discard, out)
	_ = parent.Wait()
	for _, pid := range pids {
		require.Eventually(t, func() bool { return gone(pid) }, 5*time.Second, 5*time.Millisecond)
	}
}

// A configuration that cannot work is refused, and the error names the field.
func TestConfig(t *testing.T) {
	good := Config{Binary: "b", Directory: t.TempDir(), Variables: variables, Hosts: []Host{{"h1", "s", 1}}}
	for want, spoil := range map[string]func(c *Config){
		"binary":     func(c *Config) { c.Binary = "" },
		"directory":  func(c *Config) { c.Directory = "" },
		"variables":  func(c *Config) { c.Variables = nil },
		"hosts: one": func(c *Config) { c.Hosts = nil },
		"host:":      func(c *Config) { c.Hosts = []Host{{"", "s", 1}} },
		"socket":     func(c *Config) { c.Hosts = []Host{{"h1", "", 1}} },
		"room":       func(c *Config) { c.Hosts = []Host{{"h1", "s", -1}} },
	} {
		bad := good
		spoil(&bad)
		_, err := New(bad)
		require.ErrorContains(t, err, want)
	}
}
