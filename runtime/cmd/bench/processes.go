package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"workerfleet/runtime/agent"
	"workerfleet/runtime/claim"
	"workerfleet/runtime/fleet"
	"workerfleet/runtime/pool"
	"workerfleet/runtime/process"
	"workerfleet/runtime/settings"
)

// processFigures are what workers measures.
type processFigures struct {
	Workers      int     `json:"workers"`
	StartP50Ms   float64 `json:"startP50Ms"`
	StartP99Ms   float64 `json:"startP99Ms"`
	ResidentP50  int     `json:"residentP50KB"`
	ResidentMost int     `json:"residentMostKB"`
	AllWarmMs    float64 `json:"allWarmMs"`
	Machine      machine `json:"machine"`
}

// runWorkers starts real worker processes behind a real agent, first one after the other, then the rest at once, and
// measures what each takes until it stands ready and how much memory it holds while idle. The index is within this
// process: what a server adds is measured by claims.
func runWorkers(ctx context.Context, args []string, out, errs io.Writer) error {
	var count int
	var binary string
	var asJSON bool
	flags := flag.NewFlagSet("bench workers", flag.ContinueOnError)
	flags.SetOutput(errs)
	flags.IntVar(&count, "workers", 100, "worker processes")
	flags.StringVar(&binary, "bin", ".workerfleet/bin/worker", "the worker's program")
	flags.BoolVar(&asJSON, "json", false, "end with one JSON object")
	if err := flags.Parse(args); err != nil {
		return usage{err}
	}
	if count < 1 || count > 2000 || flags.NArg() > 0 {
		return usage{fmt.Errorf("--workers: %d is not allowed; allowed: 1 to 2000, and no further words", count)}
	}
	binary, err := filepath.Abs(binary)
	if err != nil {
		return usage{fmt.Errorf("--bin: %w", err)}
	}
	before := look()
	figures, err := measureProcesses(ctx, binary, count)
	if err != nil {
		return err
	}
	figures.Machine = before.until(look())
	if asJSON {
		return json.NewEncoder(out).Encode(figures)
	}
	_, err = fmt.Fprintf(out, `workers   %d processes of %s
start     p50 %.1f ms, p99 %.1f ms from the fork to the warm worker, one after the other; then all in %.0f ms
memory    p50 %d kB, most %d kB resident while idle
machine   %s
`, figures.Workers, filepath.Base(binary), figures.StartP50Ms, figures.StartP99Ms, figures.AllWarmMs, figures.ResidentP50, figures.ResidentMost, figures.Machine)
	return err
}

// oneByOne is how many workers are started one after the other.
const oneByOne = 50

func measureProcesses(ctx context.Context, binary string, count int) (figures processFigures, err error) {
	dir, remove, err := workDir()
	if err != nil {
		return figures, err
	}
	defer remove()
	store := claim.NewMemory()
	if _, err := store.Open(ctx, "bench"); err != nil {
		return figures, err
	}
	socket := filepath.Join(dir, "host", "agent.sock")
	a, err := agent.New(agent.Config{Host: "host", Socket: socket, Store: store, Post: noMail{}})
	if err != nil {
		return figures, err
	}
	work, end := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- a.Run(work) }()
	defer func() {
		end()
		err = errors.Join(err, <-ended)
	}()
	provider, err := workersBehind(binary, dir, socket, count)
	if err != nil {
		return figures, err
	}
	defer provider.Close()
	return startAll(ctx, provider, store, count)
}

// workersBehind launches worker processes that call an agent at this socket.
func workersBehind(binary, dir, socket string, room int) (*process.Provider, error) {
	return process.New(process.Config{
		Binary: binary, Image: 1, Hosts: []process.Host{{Name: "host", Socket: socket, Room: room}}, Directory: filepath.Join(dir, "workers"),
		Variables: func(worker fleet.Worker, h process.Host, _ int64) (environment []string, err error) {
			for _, v := range settings.Write(settings.Worker{Socket: settings.Socket{Path: settings.SocketPath(h.Socket)}, Worker: string(worker), Broker: settings.BrokerPaper}) {
				environment = append(environment, v.Name+"="+v.Value)
			}
			return environment, nil
		},
	})
}

func startAll(ctx context.Context, provider *process.Provider, store *claim.Memory, count int) (figures processFigures, err error) {
	free := func(want int) error {
		for began := time.Now(); ; time.Sleep(200 * time.Microsecond) {
			census, err := store.Census(ctx)
			switch {
			case err != nil:
				return err
			case census.Free >= want:
				return nil
			case time.Since(began) > time.Minute:
				return fmt.Errorf("%d of %d workers are warm after a minute", census.Free, want)
			}
		}
	}
	var starts []time.Duration
	launched := 0
	launch := func(n int) error {
		_, err := provider.Launch(ctx, pool.Batch{Key: fmt.Sprintf("batch-%d", launched), Count: n})
		launched += n
		return err
	}
	for launched < min(count, oneByOne) {
		began := time.Now()
		if err := errors.Join(launch(1), free(launched)); err != nil {
			return figures, err
		}
		starts = append(starts, time.Since(began))
	}
	began := time.Now()
	for launched < count {
		if err := launch(min(pool.BatchLimit, count-launched)); err != nil {
			return figures, err
		}
	}
	if err := free(count); err != nil {
		return figures, err
	}
	figures = processFigures{Workers: count, StartP50Ms: milliseconds(quantile(starts, 0.5)), StartP99Ms: milliseconds(quantile(starts, 0.99)), AllWarmMs: milliseconds(time.Since(began))}
	time.Sleep(2 * beat) // an idle worker has beaten
	resident := residents(filepath.Base(provider.Binary))
	figures.ResidentP50, figures.ResidentMost = quantile(resident, 0.5), quantile(resident, 1)
	return figures, nil
}

// residents lists what the worker processes hold in memory, in kB: those that this process has started, as others on the
// machine may have their own.
func residents(program string) (list []int) {
	paths, _ := filepath.Glob("/proc/[0-9]*/status")
	parent := fmt.Sprintf("\nPPid:\t%d\n", os.Getpid())
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil || !strings.HasPrefix(string(text), "Name:\t"+program+"\n") || !strings.Contains(string(text), parent) {
			continue
		}
		_, rest, _ := strings.Cut(string(text), "VmRSS:")
		var kilobytes int
		if _, err := fmt.Sscan(rest, &kilobytes); err == nil {
			list = append(list, kilobytes)
		}
	}
	return list
}

// noMail is a mailbox that nobody writes to.
type noMail struct{}

func (noMail) Read(ctx context.Context, _ fleet.Host, _ string) ([]agent.Letter, error) {
	select {
	case <-ctx.Done():
	case <-time.After(time.Second):
	}
	return nil, nil
}

func (noMail) Tell(context.Context, string, fleet.Ready) error { return nil }

func (noMail) Report(context.Context, fleet.Outcome) error { return nil }

func (noMail) Halted(context.Context) (bool, error) { return false, nil }
