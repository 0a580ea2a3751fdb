package main

import (
	"context"
	"math/rand/v2"
	"net/http"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"workerfleet/runtime/claim"
	"workerfleet/runtime/fleet"
)

// kill -9 of API, keeper and agent ends nobody's session: every user has the same worker under the same epoch
// afterwards, and new users are served by whoever is left. A worker's death moves its user alone.
func TestKillsOfEveryProcess(t *testing.T) {
	realParts(t)
	o := quick(8, 12, 2)
	p := startProduct(t, o)
	before := p.serveAll()
	for _, g := range p.programs() {
		starts := g.started()
		require.NoError(t, g.signal(syscall.SIGKILL))
		for user, s := range before {
			now, err := p.claim(t.Context(), user, "")
			require.NoError(t, err, "%s after the death of %s", user, g.name)
			require.Equal(t, s.Epoch, now.Epoch, "%s lost the session with %s", user, g.name)
			require.Equal(t, s.WorkerID, now.WorkerID)
		}
		p.within(10*time.Second, g.name+" is started again", func(context.Context) bool { return g.started() > starts })
	}
	for _, k := range p.keepers { // both at once: sessions go on, and rounds when one is back
		require.NoError(t, k.signal(syscall.SIGKILL))
	}
	victim := p.user(0)
	require.NoError(t, p.killWorker(before[victim].WorkerID))
	again, err := p.claim(t.Context(), victim, before[victim].WorkerID)
	require.NoError(t, err)
	require.Greater(t, again.Epoch, before[victim].Epoch)
	delete(before, victim)
	after := p.serveAll()
	for user, s := range before {
		require.Equal(t, s.Epoch, after[user].Epoch)
	}
	p.requireExclusive(after)
	p.within(10*time.Second, "the killed worker is replaced", func(ctx context.Context) bool {
		census, err := p.path.Store.Census(ctx)
		return err == nil && census.Free == o.workers-o.users
	})
}

// The store loses all its data while users come and go: sessions return under their epochs, the pool opens when all
// that the database knows have, and whoever comes after it is served. Nobody's account has two workers.
func TestFlushUnderLoad(t *testing.T) {
	realParts(t)
	o := quick(10, 16, 2)
	p := startProduct(t, o)
	before := p.serveAll()
	comers := make(chan error, 3)
	require.NoError(t, p.path.Client.FlushAll(t.Context()).Err())
	for i := range 3 {
		user := fleet.User("late-" + string(rune('a'+i)))
		require.NoError(t, p.path.Vault.Deposit(t.Context(), user, []byte(`{"account":"`+string(user)+`"}`)))
		go func() {
			_, err := p.claim(t.Context(), user, "")
			comers <- err
		}()
	}
	for range 3 {
		require.NoError(t, <-comers, "a user who came after the loss is not served")
	}
	for user, s := range before {
		now, err := p.claim(t.Context(), user, "")
		require.NoError(t, err)
		require.Equal(t, s.Epoch, now.Epoch, "%s lost the session", user)
	}
	p.requireExclusive(p.serveAll())
	p.within(20*time.Second, "every worker is known again", func(ctx context.Context) bool {
		census, err := p.path.Store.Census(ctx)
		return err == nil && census.Workers[claim.Serving] == 13 && census.Free == o.workers-13
	})
}

// The store is away for less than a lease and for more: all sessions go on under their epochs afterwards, on the host that
// is heard again first and on the other one, because a store that heard nobody gives nobody up.
func TestStoreOutage(t *testing.T) {
	realParts(t)
	o := quick(6, 8, 2)
	p := startProduct(t, o)
	before := p.serveAll()
	for _, outage := range []time.Duration{o.ttl - time.Second, o.ttl + 5*time.Second} {
		pid := p.valkeyServer.PID()
		require.NoError(t, syscall.Kill(pid, syscall.SIGSTOP))
		time.Sleep(outage)
		require.NoError(t, syscall.Kill(pid, syscall.SIGCONT))
		for user, s := range before {
			now, err := p.claim(t.Context(), user, "")
			require.NoError(t, err)
			require.Equal(t, s.Epoch, now.Epoch, "%s lost the session in an outage of %s", user, outage)
		}
	}
	p.requireExclusive(before)
}

// One host of many falls silent for good, with its agent and all its workers: their users are served again on the others,
// in one store's patience, at every size of fleet. When the host comes back its workers are fenced, and never in an
// account that is somebody else's now.
func TestHostLost(t *testing.T) {
	realParts(t)
	for _, hosts := range []int{2, 6, 15} {
		t.Run(strconv.Itoa(hosts)+" hosts", func(t *testing.T) {
			t.Parallel()
			const each = 4
			loseHost(startProduct(t, quick(hosts*each/2, hosts*each, hosts)))
		})
	}
}

// loseHost freezes the first host and everything on it, and lets it come back when its users are served.
func loseHost(p *product) {
	before := p.serveAll()
	lost := map[string]bool{}
	tasks, err := p.provider.List(p.Context())
	require.NoError(p, err)
	for _, task := range tasks {
		if task.Host == p.host(0) {
			lost[string(task.Worker)] = true
		}
	}
	frozen := append(p.workersOn(p.host(0)), p.agents[0].command().Process.Pid)
	began := time.Now()
	for _, pid := range frozen {
		require.NoError(p, syscall.Kill(pid, syscall.SIGSTOP))
	}
	for worker := range lost {
		p.accounts.killed(worker) // it acts no more
	}
	moved := 0
	for user, s := range before {
		if lost[s.WorkerID] {
			moved++
			before[user], err = p.claim(p.Context(), user, s.WorkerID)
			require.NoError(p, err, "%s of the lost host", user)
		}
	}
	require.NotZero(p, moved, "the lost host served nobody")
	p.Logf("%d users of the lost host served again after %v", moved, time.Since(began).Round(10*time.Millisecond))
	for _, pid := range frozen {
		require.NoError(p, syscall.Kill(pid, syscall.SIGCONT))
	}
	time.Sleep(2 * p.beat)
	for user, s := range before {
		now, err := p.claim(p.Context(), user, "")
		require.NoError(p, err)
		require.Equal(p, s.Epoch, now.Epoch, "%s was disturbed", user)
	}
	p.requireExclusive(before)
}

// Two tabs of one user get one session, however often both ask at once; ended in one, it is over in both.
func TestTwoTabs(t *testing.T) {
	o := quick(1, 4, 1)
	o.embedded = true
	p := startProduct(t, o)
	for range 5 {
		tabs := make(chan opened, 2)
		for range 2 {
			go func() {
				s, err := p.claim(t.Context(), p.user(0), "")
				if err != nil {
					t.Error(err)
				}
				tabs <- s
			}()
		}
		first, second := <-tabs, <-tabs
		require.Equal(t, first.Epoch, second.Epoch)
		require.Equal(t, first.WorkerID, second.WorkerID)
		require.Equal(t, http.StatusNoContent, p.leave(p.user(0)))
		require.Equal(t, http.StatusNoContent, p.leave(p.user(0)), "ending it again is no error")
	}
	require.Zero(t, p.accounts.doubled())
}

// leave ends a user's session and returns the answer's status.
func (p *product) leave(user fleet.User) int {
	p.Helper()
	request, err := http.NewRequestWithContext(p.Context(), http.MethodDelete, p.urls[0]+"/v1/sessions", nil)
	require.NoError(p, err)
	request.Header.Set("Authorization", "Bearer "+p.tokens.Token(user, time.Now().Add(time.Minute)))
	response, err := p.client.Do(request)
	require.NoError(p, err)
	require.NoError(p, response.Body.Close())
	return response.StatusCode
}

// Workers that were to be killed and have no user are told, and fail the day.
func TestSpared(t *testing.T) {
	d := trader(t, 0, http.StatusCreated, func(http.ResponseWriter, int) {})
	d.random, d.options.kill = rand.New(rand.NewPCG(1, 0)), 5
	require.NoError(t, d.deaths(t.Context()))
	d.trading.judged = true
	require.Equal(t, 5, d.summary().Spared)
	require.False(t, d.summary().clean())
}
