package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"workerfleet/runtime/claim"
	"workerfleet/runtime/fifo"
	"workerfleet/runtime/fleet"
	"workerfleet/runtime/iam"
	"workerfleet/runtime/lambda/emulator"
	"workerfleet/runtime/queue"
	"workerfleet/runtime/settings"
	"workerfleet/runtime/sqs"
)

// functionFigures are what functions measures.
type functionFigures struct {
	ProgramMB float64 `json:"programMB"`
	// Start is from the fork to the asking for a first event; first to the first event's answer, connections included.
	Starts        int     `json:"starts"`
	StartP50Ms    float64 `json:"startP50Ms"`
	StartP99Ms    float64 `json:"startP99Ms"`
	FirstP50Ms    float64 `json:"firstP50Ms"`
	FirstP99Ms    float64 `json:"firstP99Ms"`
	Claims        int     `json:"claims"`
	QueueP50Ms    float64 `json:"queueP50Ms"` // from the sending of a wake to the serving worker
	QueueP99Ms    float64 `json:"queueP99Ms"`
	Errors        int     `json:"errors"`
	Machine       machine `json:"machine"`
	firsts, waits []time.Duration
}

// runFunctions starts the claim function's program anew again and again, and then claims workers by messages of pool-claim,
// one after the other, through the queue, the local Lambda and that program as it ships.
func runFunctions(ctx context.Context, args []string, out, errs io.Writer) error {
	var o runOptions
	o.hosts = 2
	var starts int
	var binary string
	flags := flag.NewFlagSet("bench functions", flag.ContinueOnError)
	o.serverOptions.flags(flags)
	flags.IntVar(&starts, "starts", 20, "processes that are started, one after the other")
	flags.IntVar(&o.workers, "claims", 200, "workers that are claimed by message")
	flags.StringVar(&binary, "bin", ".workerfleet/bin/function", "the functions' program")
	flags.BoolVar(&o.json, "json", false, "end with one JSON object")
	if err := parse(flags, args, errs); err != nil {
		return err
	}
	if starts < 1 || starts > 1000 || o.workers < 1 || o.workers > 2000 || flags.NArg() > 0 {
		return usage{errors.New("--starts, --claims: are not allowed; allowed: 1 to 1000, 1 to 2000, and no further words")}
	}
	claims := o.workers
	o.workers += starts // each start claims one as well
	o.users = o.workers
	info, err := os.Stat(binary)
	if err != nil {
		return usage{fmt.Errorf("--bin: %w", err)}
	}
	if binary, err = filepath.Abs(binary); err != nil {
		return usage{fmt.Errorf("--bin: %w", err)}
	}
	before := look()
	figures := functionFigures{ProgramMB: float64(info.Size()) / 1e6, Starts: starts, Claims: claims}
	f, err := startFleet(ctx, o.fleetOptions, out)
	if err != nil {
		return err
	}
	defer f.stop()
	if err := figures.measure(ctx, f, binary); err != nil {
		return err
	}
	figures.Machine = before.until(look())
	return tellJudged(out, o.json, figures, fmt.Sprintf(`program   %.1f MB
start     p50 %.1f ms, p99 %.1f ms from the fork to the asking for an event; %d starts
first     p50 %.1f ms, p99 %.1f ms from the event to the answer of a process that is started for it, connects and claims
queue     p50 %.1f ms, p99 %.1f ms from the sending of a message to the serving worker; %d claims, %d failed, which count as %v
machine   %s
`, figures.ProgramMB, figures.StartP50Ms, figures.StartP99Ms, starts, figures.FirstP50Ms, figures.FirstP99Ms, figures.QueueP50Ms, figures.QueueP99Ms,
		figures.Claims, figures.Errors, patience, figures.Machine))
}

func (r *functionFigures) measure(ctx context.Context, f *simulated, binary string) error {
	var queues *fifo.Server
	listener := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { queues.ServeHTTP(w, r) }))
	defer listener.Close()
	name := string(queue.PoolClaim) + ".fifo"
	queues, err := fifo.New(listener.URL, fifo.Config{Name: name})
	if err != nil {
		return err
	}
	c := emulator.Config{Name: "claim", Program: binary, Timeout: 30 * time.Second, Concurrency: 2}
	for _, v := range settings.Write(settings.Function{
		Stack: f.settings.Stack, Handler: settings.HandlerClaim, Valkey: f.settings.Valkey, Database: f.settings.Database, Sealing: f.settings.Sealing, Lease: f.settings.Lease,
	}) {
		c.Environment = append(c.Environment, v.Name+"="+v.Value)
	}
	var starts []time.Duration
	for i := range r.Starts {
		took, err := r.first(ctx, c, i)
		if err != nil {
			return err
		}
		starts = append(starts, took)
	}
	r.StartP50Ms, r.StartP99Ms = milliseconds(quantile(starts, 0.5)), milliseconds(quantile(starts, 0.99))
	r.FirstP50Ms, r.FirstP99Ms = milliseconds(quantile(r.firsts, 0.5)), milliseconds(quantile(r.firsts, 0.99))
	if err := r.claims(ctx, f, c, queues.URL(name)); err != nil {
		return err
	}
	waits := withFailed(r.waits, r.Errors, patience)
	r.QueueP50Ms, r.QueueP99Ms = milliseconds(quantile(waits, 0.5)), milliseconds(quantile(waits, 0.99))
	return nil
}

// wrong: see [judged].
func (r functionFigures) wrong() error { return never(r.Errors, "users were not served") }

// first starts a process for one event, the claim of a user whom nobody else claims for.
func (r *functionFigures) first(ctx context.Context, c emulator.Config, n int) (time.Duration, error) {
	function := emulator.New(c)
	defer function.Close()
	task, err := queue.Task{Type: queue.Wake, ID: strconv.Itoa(n), User: user(r.Claims + n), At: time.Now()}.Outgoing(queue.PoolClaim)
	if err != nil {
		return 0, err
	}
	event, err := json.Marshal(map[string]any{"Records": []any{map[string]any{"messageId": "1", "body": task.Body, "eventSource": "aws:sqs"}}})
	if err != nil {
		return 0, err
	}
	began := time.Now()
	answer, err := function.Invoke(ctx, event)
	r.firsts = append(r.firsts, time.Since(began))
	if err == nil && string(answer) != `{"batchItemFailures":[]}` {
		err = fmt.Errorf("the function answers %s", answer)
	}
	if err != nil {
		return 0, err
	}
	return function.Starts()[0], nil
}

// claims sends a message for one user after the other, and waits until each is served.
func (r *functionFigures) claims(ctx context.Context, f *simulated, c emulator.Config, url string) error {
	config, err := iam.Config(fifo.Region, func(string) string { return "bench" })
	if err != nil {
		return err
	}
	config.BaseEndpoint = nil // the queue's own
	sender, err := sqs.NewSender(config, map[queue.Name]string{queue.PoolClaim: url})
	if err != nil {
		return err
	}
	source, err := sqs.NewSource(config, url)
	if err != nil {
		return err
	}
	function := emulator.New(c)
	defer function.Close()
	feeding, end := context.WithCancel(ctx)
	var fed sync.WaitGroup
	fed.Go(func() {
		emulator.Mapping{ARN: fifo.ARN("pool-claim.fifo"), Source: source, Invoke: function.Invoke, Log: slog.New(slog.DiscardHandler)}.Run(feeding)
	})
	defer fed.Wait()
	defer end()
	for i := range r.Claims {
		began := time.Now()
		if err := sender.Send(ctx, queue.PoolClaim, queue.Task{Type: queue.Wake, ID: strconv.Itoa(i), User: user(i), At: began}); err != nil {
			return err
		}
		if served(ctx, f, user(i)) {
			r.waits = append(r.waits, time.Since(began))
		} else {
			r.Errors++
		}
	}
	return ctx.Err()
}

// served waits until the user's worker serves.
func served(ctx context.Context, f *simulated, user fleet.User) bool {
	for began := time.Now(); time.Since(began) < patience && ctx.Err() == nil; time.Sleep(500 * time.Microsecond) {
		session, open, err := f.path.Database.Current(ctx, user)
		if err != nil || !open {
			continue
		}
		worker, known, err := f.path.Store.Worker(ctx, session.Worker)
		if err == nil && known && worker.User == user && worker.State == claim.Serving {
			return true
		}
	}
	return false
}
