package process

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/pool"
	"workerfleet/runtime/pool/pooltest"
)

// serve answers for a provider and returns one that calls it.
func serve(t *testing.T, p pool.Provider) *Remote {
	server := httptest.NewServer(Serve(p))
	t.Cleanup(server.Close)
	r := NewRemote(server.URL)
	t.Cleanup(r.client.CloseIdleConnections)
	return r
}

// refusing throttles while it is told to.
type refusing struct {
	pool.Provider
	on atomic.Bool
}

func (r *refusing) Launch(ctx context.Context, b pool.Batch) ([]fleet.Worker, error) {
	if r.on.Load() {
		return nil, fmt.Errorf("launch: %w", pool.ErrThrottled)
	}
	return r.Provider.Launch(ctx, b)
}

func (r *refusing) Stop(ctx context.Context, worker fleet.Worker) error {
	if r.on.Load() {
		return fmt.Errorf("stop: %w", pool.ErrThrottled)
	}
	return r.Provider.Stop(ctx, worker)
}

// A provider that another process serves keeps the contract too, with its typed refusals.
func TestRemoteContract(t *testing.T) {
	pooltest.Run(t, func(t *testing.T) *pooltest.Bench {
		p := realProvider(t)
		throttling := &refusing{Provider: p}
		return &pooltest.Bench{
			Provider: serve(t, throttling), Images: [2]int64{7, 8},
			Leave: func(_ pooltest.TB, n int) {
				p.mu.Lock()
				defer p.mu.Unlock()
				p.Hosts = []Host{{"h1", p.Hosts[0].Socket, len(p.running) + n}}
			},
			Throttle: func(_ pooltest.TB, on bool) { throttling.on.Store(on) },
		}
	})
}

// What is no answer of this interface is an error that leaves open whether the call happened.
func TestRemoteRefusals(t *testing.T) {
	for _, c := range []struct {
		status     int
		body, says string
	}{
		{http.StatusOK, `{"refused":"tired"}`, `the answer "tired" is not understood`},
		{http.StatusOK, `{`, "read the answer"},
		{http.StatusBadGateway, "gone", "status 502: gone"},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(c.status)
			_, _ = fmt.Fprint(w, c.body)
		}))
		r := NewRemote(server.URL)
		_, err := r.Launch(t.Context(), pool.Batch{Key: "a", Count: 1})
		require.ErrorContains(t, err, c.says)
		require.NotErrorIs(t, err, pool.ErrNoCapacity)
		r.client.CloseIdleConnections()
		server.Close()
		_, err = r.List(t.Context())
		require.ErrorContains(t, err, "connection refused")
		require.Error(t, r.Stop(t.Context(), "w1"))
	}
	server := httptest.NewServer(Serve(realProvider(t)))
	defer server.Close()
	response, err := http.Post(server.URL+launchPath, "application/json", http.NoBody)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusBadRequest, response.StatusCode)
	http.DefaultClient.CloseIdleConnections()
}

// A host that is shut gets no launches, here and through another process; what runs there goes on. A provider that keeps no
// hosts has none to tell of.
func TestShutHosts(t *testing.T) {
	p := realProvider(t)
	p.Hosts = []Host{{"h1", p.Hosts[0].Socket, 2}, {"h2", p.Hosts[0].Socket, 1}}
	r := serve(t, p)
	require.NoError(t, r.Shut(t.Context(), "h1", true))
	states, err := r.States(t.Context())
	require.NoError(t, err)
	require.Equal(t, []pool.HostState{{Host: "h1", Shut: true}, {Host: "h2"}}, states)
	workers, err := r.Launch(t.Context(), pool.Batch{Key: "a", Count: 2})
	require.ErrorIs(t, err, pool.ErrNoCapacity)
	require.Len(t, workers, 1)
	require.NoError(t, r.Shut(t.Context(), "h1", false))
	workers, err = r.Launch(t.Context(), pool.Batch{Key: "b", Count: 2})
	require.NoError(t, err)
	require.Len(t, workers, 2)
	tasks, err := r.List(t.Context())
	require.NoError(t, err)
	require.Len(t, tasks, 3)

	states, err = serve(t, &refusing{Provider: p}).States(t.Context())
	require.NoError(t, err)
	require.Empty(t, states)
}
