package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/parts"
	"workerfleet/runtime/parts/partstest"
)

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "bin")
	if err == nil {
		binaries, err = dir, buildPrograms(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		_ = os.RemoveAll(dir)
		os.Exit(code)
	}))
}

// binaries is the folder of the programs as they ship.
var binaries string

func buildPrograms(dir string) error {
	build := []string{"build", "-o", dir + "/"}
	for _, name := range programNames() {
		build = append(build, "workerfleet/runtime/cmd/"+name)
	}
	if output, err := exec.Command("go", build...).CombinedOutput(); err != nil {
		return fmt.Errorf("build the programs: %w: %s", err, output)
	}
	return nil
}

// realParts fails or skips the test where this machine has no real servers.
func realParts(t *testing.T) {
	t.Helper()
	partstest.Need(t, parts.Redis)
	partstest.Need(t, parts.Postgres)
}

// quick is a lease short enough to wait for: beats every 200 ms, a worker trusted for 1.5 s, reaped after 2.5 s.
func quick(users, workers, hosts int) options {
	return options{users: users, workers: workers, hosts: hosts, bin: binaries, seed: 1,
		beat: 200 * time.Millisecond, ttl: 2 * time.Second, guard: 500 * time.Millisecond}
}

// product is a running platform with users.
type product struct {
	*testing.T
	*day
}

// startProduct starts the platform and waits until every worker is warm.
func startProduct(t *testing.T, o options) *product {
	t.Helper()
	p, err := startPlatform(t.Context(), o, shortDir(t))
	require.NoError(t, err)
	t.Cleanup(p.stop)
	t.Cleanup(func() {
		if t.Failed() {
			for _, g := range p.programs() {
				t.Log(g.obituary())
			}
		}
	})
	d := newDay(p)
	t.Cleanup(d.client.CloseIdleConnections)
	require.NoError(t, d.warm(t.Context()))
	return &product{t, d}
}

// serveAll gives every user a session.
func (p *product) serveAll() map[fleet.User]opened {
	p.Helper()
	var mu sync.Mutex
	var group sync.WaitGroup
	sessions := map[fleet.User]opened{}
	for i := range p.users {
		group.Go(func() {
			s, err := p.claim(p.Context(), p.user(i), "")
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				p.Errorf("%s got no worker: %v", p.user(i), err)
				return
			}
			sessions[p.user(i)] = s
		})
	}
	group.Wait()
	return sessions
}

// requireExclusive asserts that no account had two workers, and that no two users have one.
func (p *product) requireExclusive(sessions map[fleet.User]opened) {
	p.Helper()
	by := map[string]fleet.User{}
	for user, s := range sessions {
		if other, twice := by[s.WorkerID]; twice {
			p.Errorf("%s and %s have one worker", user, other)
		}
		by[s.WorkerID] = user
	}
	require.Zero(p, p.accounts.doubled(), "two workers were in one account")
}

// within fails the test if the condition does not come true in time.
func (p *product) within(limit time.Duration, what string, condition func(ctx context.Context) bool) {
	p.Helper()
	require.Eventually(p, func() bool { return condition(p.Context()) }, limit, 10*time.Millisecond, what)
}

// workersOn lists the process ids of the workers of a host.
func (p *product) workersOn(host fleet.Host) (pids []int) {
	p.Helper()
	tasks, err := p.provider.List(p.Context())
	require.NoError(p, err)
	for _, task := range tasks {
		if task.Host == host {
			pid, err := pidOf(string(task.Worker))
			require.NoError(p, err)
			pids = append(pids, pid)
		}
	}
	return pids
}

// processesOf lists processes that run a program of the folder.
func processesOf(t *testing.T, folder string) (running []string) {
	t.Helper()
	links, err := filepath.Glob("/proc/[0-9]*/exe")
	require.NoError(t, err)
	for _, link := range links {
		if target, err := os.Readlink(link); err == nil && strings.HasPrefix(target, folder+"/") {
			running = append(running, target)
		}
	}
	slices.Sort(running)
	return running
}

// shortDir makes a folder whose name leaves room for a socket's address, and that other accounts may enter.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "l")
	require.NoError(t, err)
	require.NoError(t, os.Chmod(dir, 0o755))
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}
