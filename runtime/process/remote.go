package process

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/pool"
)

// The interface by which other processes of this machine launch workers, as they call ECS elsewhere:
//
//	POST /launch  a batch           → workers and what was refused
//	POST /stop?worker=NAME          → what was refused
//	GET  /workers                   → tasks
//	GET  /hosts                     → states of hosts, where the provider keeps them
//	POST /shut?host=NAME&shut=true  → nothing
const (
	launchPath, stopPath, listPath = "/launch", "/stop", "/workers"
	hostsPath, shutPath            = "/hosts", "/shut"
	workerParameter                = "worker"
	hostParameter, shutParameter   = "host", "shut"
)

// outcome is the answer to a launch or a stop.
type outcome struct {
	Workers []fleet.Worker `json:"workers,omitempty"`
	// Refused is empty, or one of the typed refusals' words.
	Refused string `json:"refused,omitempty"`
	Says    string `json:"says,omitempty"`
}

// Serve answers for a provider, to whoever can reach the listener: keep it on this machine.
func Serve(p pool.Provider) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+launchPath, func(w http.ResponseWriter, r *http.Request) {
		var b pool.Batch
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 4096)).Decode(&b); err != nil {
			http.Error(w, "a batch {Key, Count, Image} is expected", http.StatusBadRequest)
			return
		}
		workers, err := p.Launch(r.Context(), b)
		answerOutcome(w, workers, err)
	})
	mux.HandleFunc("POST "+stopPath, func(w http.ResponseWriter, r *http.Request) {
		answerOutcome(w, nil, p.Stop(r.Context(), fleet.Worker(r.URL.Query().Get(workerParameter))))
	})
	mux.HandleFunc("GET "+listPath, func(w http.ResponseWriter, r *http.Request) {
		tasks, err := p.List(r.Context())
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		answer(w, tasks)
	})
	hosts, ok := p.(pool.HostKeeper)
	if !ok {
		hosts = none{}
	}
	serveHosts(mux, hosts)
	return mux
}

// none are the hosts of a provider that keeps none.
type none struct{}

func (none) States(context.Context) ([]pool.HostState, error) { return nil, nil }
func (none) Shut(context.Context, fleet.Host, bool) error     { return nil }

func serveHosts(mux *http.ServeMux, hosts pool.HostKeeper) {
	mux.HandleFunc("GET "+hostsPath, func(w http.ResponseWriter, r *http.Request) {
		states, err := hosts.States(r.Context())
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		answer(w, states)
	})
	mux.HandleFunc("POST "+shutPath, func(w http.ResponseWriter, r *http.Request) {
		query := r.URL.Query()
		answerOutcome(w, nil, hosts.Shut(r.Context(), fleet.Host(query.Get(hostParameter)), query.Get(shutParameter) == "true"))
	})
}

func answerOutcome(w http.ResponseWriter, workers []fleet.Worker, err error) {
	refused := pool.Refused(err)
	switch {
	case err == nil:
		answer(w, outcome{Workers: workers})
	case refused != "":
		answer(w, outcome{workers, refused, err.Error()})
	default:
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
}

// err is the refusal as its caller tests for it.
func (o outcome) err() error {
	if o.Refused == "" {
		return nil
	}
	if refusal := pool.Refusing(o.Refused); refusal != nil {
		return fmt.Errorf("%w: %s", refusal, o.Says)
	}
	return fmt.Errorf("the answer %q is not understood", o.Refused)
}

func answer(w http.ResponseWriter, body any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(body) // whoever went away does not need it
}

// Remote is a provider that another process of this machine serves.
type Remote struct {
	base   string
	client *http.Client
}

var (
	_ pool.Provider   = (*Remote)(nil)
	_ pool.HostKeeper = (*Remote)(nil)
)

// remoteTimeout bounds one call: a batch of ten processes is forked in far less.
const remoteTimeout = 10 * time.Second

// NewRemote calls the provider that is served at the URL.
func NewRemote(base string) *Remote {
	return &Remote{base: base, client: &http.Client{Timeout: remoteTimeout}}
}

// Launch: see [pool.Provider].
func (r *Remote) Launch(ctx context.Context, b pool.Batch) ([]fleet.Worker, error) {
	var got outcome
	if err := r.call(ctx, http.MethodPost, launchPath, b, &got); err != nil {
		return nil, fmt.Errorf("launch: %w", err)
	}
	return got.Workers, got.err()
}

// Stop: see [pool.Provider].
func (r *Remote) Stop(ctx context.Context, worker fleet.Worker) error {
	var got outcome
	query := url.Values{workerParameter: {string(worker)}}
	if err := r.call(ctx, http.MethodPost, stopPath+"?"+query.Encode(), nil, &got); err != nil {
		return fmt.Errorf("stop: %w", err)
	}
	return got.err()
}

// List: see [pool.Provider].
func (r *Remote) List(ctx context.Context) (tasks []pool.Task, err error) {
	if err := r.call(ctx, http.MethodGet, listPath, nil, &tasks); err != nil {
		return nil, fmt.Errorf("list: %w", err)
	}
	return tasks, nil
}

// States: see [pool.HostKeeper].
func (r *Remote) States(ctx context.Context) (states []pool.HostState, err error) {
	if err := r.call(ctx, http.MethodGet, hostsPath, nil, &states); err != nil {
		return nil, fmt.Errorf("hosts: %w", err)
	}
	return states, nil
}

// Shut: see [pool.HostKeeper].
func (r *Remote) Shut(ctx context.Context, host fleet.Host, shut bool) error {
	var got outcome
	query := url.Values{hostParameter: {string(host)}, shutParameter: {strconv.FormatBool(shut)}}
	if err := r.call(ctx, http.MethodPost, shutPath+"?"+query.Encode(), nil, &got); err != nil {
		return fmt.Errorf("shut: %w", err)
	}
	return got.err()
}

// call sends a body and reads the answer.
func (r *Remote) call(ctx context.Context, method, path string, body, to any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("write the request: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, method, r.base+path, bytes.NewReader(text))
	if err != nil {
		return fmt.Errorf("make the request: %w", err)
	}
	response, err := r.client.Do(request)
	if err != nil {
		return err // names method and URL itself
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(response.Body)
	switch {
	case err != nil:
		return fmt.Errorf("read the answer: %w", err)
	case response.StatusCode != http.StatusOK:
		return fmt.Errorf("status %d: %s", response.StatusCode, bytes.TrimSpace(answer))
	}
	if err := json.Unmarshal(answer, to); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	return nil
}
