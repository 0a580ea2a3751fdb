package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"workerfleet/runtime/keeper"
	"workerfleet/runtime/parts/server"
	"workerfleet/runtime/pool"
	"workerfleet/runtime/session"
	"workerfleet/runtime/settings"
	"workerfleet/runtime/signals"
)

// hostFigures are what host measures: one full host while nobody comes, and a keeper's rounds over such hosts.
type hostFigures struct {
	Workers            int     `json:"workers"` // processes on the host
	Seconds            float64 `json:"seconds"`
	BeatsPerSecond     float64 `json:"beatsPerSecond"`
	AgentCPUPercent    float64 `json:"agentCPUPercent"` // of one core
	AgentMicrosPerBeat float64 `json:"agentMicrosPerBeat"`
	AgentAllocsPerBeat float64 `json:"agentAllocationsPerBeat"`
	AgentBytesPerBeat  float64 `json:"agentBytesPerBeat"`
	AgentResidentKB    float64 `json:"agentResidentKB"`
	WorkersCPUPercent  float64 `json:"workersCPUPercent"` // all of them together
	StoreCPUPercent    float64 `json:"storeCPUPercent"`
	KeeperWorkers      int     `json:"keeperWorkers"` // in the index while its rounds are measured
	KeeperRounds       int     `json:"keeperRounds"`
	KeeperRoundMs      float64 `json:"keeperRoundMs"`
	KeeperMicros       float64 `json:"keeperMicrosPerRound"` // of its own processor
	KeeperAllocs       float64 `json:"keeperAllocationsPerRound"`
	KeeperBytes        float64 `json:"keeperBytesPerRound"`
	Machine            machine `json:"machine"`
}

// runHost starts the agent that ships and a host's worker processes, and reads what they use from the agent's own metrics
// and from the kernel. Then it makes keeper's rounds over a whole fleet's index.
func runHost(ctx context.Context, args []string, out, errs io.Writer) error {
	var o runOptions
	var long time.Duration
	var bin string
	flags := flag.NewFlagSet("bench host", flag.ContinueOnError)
	o.serverOptions.flags(flags)
	flags.IntVar(&o.workers, "workers", workersPerHost, "worker processes")
	flags.IntVar(&o.users, "fleet", publishedWorkers, "workers in the index while a keeper's rounds are measured")
	flags.DurationVar(&long, "for", 20*time.Second, "how long the host is watched")
	flags.StringVar(&bin, "bin", ".workerfleet/bin", "folder of the programs agent and worker")
	flags.BoolVar(&o.json, "json", false, "end with one JSON object")
	if err := parse(flags, args, errs); err != nil {
		return err
	}
	if err := check(flags, limit{"workers", o.workers, 1, 1000}, limit{"fleet", o.users, 1, mostWorkers}, limit{"for", int(long.Milliseconds()), 100, 600_000}); err != nil {
		return err
	}
	for _, name := range []string{"agent", "worker"} {
		if _, err := os.Stat(filepath.Join(bin, name)); err != nil {
			return usage{fmt.Errorf("--bin: %w", err)}
		}
	}
	before := look()
	p, err := openPopulation(ctx, o.serverOptions, out)
	if err != nil {
		return err
	}
	defer p.close()
	figures := hostFigures{Workers: o.workers, KeeperWorkers: o.users}
	if err := errors.Join(figures.watch(ctx, p, bin, long), figures.rounds(ctx, p)); err != nil {
		return err
	}
	figures.Machine = before.until(look())
	return tell(out, o.json, figures, fmt.Sprintf(`host      %d worker processes, %.0f beats a second for %.0f s
agent     %.2f %% of one core, %.1f µs, %.1f allocations and %.0f bytes a beat; %.0f kB resident
workers   %.1f %% of one core, all together
store     %.2f %% of one core
keeper    %.1f ms a round over %d workers: %.0f µs of its own processor, %.0f allocations, %.0f bytes
machine   %s
`, figures.Workers, figures.BeatsPerSecond, figures.Seconds, figures.AgentCPUPercent, figures.AgentMicrosPerBeat, figures.AgentAllocsPerBeat,
		figures.AgentBytesPerBeat, figures.AgentResidentKB, figures.WorkersCPUPercent, figures.StoreCPUPercent, figures.KeeperRoundMs, figures.KeeperWorkers,
		figures.KeeperMicros, figures.KeeperAllocs, figures.KeeperBytes, figures.Machine))
}

// watch starts a host and reads its counters twice.
func (r *hostFigures) watch(ctx context.Context, p *population, bin string, long time.Duration) (err error) {
	dir, remove, err := workDir()
	if err != nil {
		return err
	}
	defer remove()
	socket := filepath.Join(dir, "host", "agent.sock")
	port, err := server.FreePort()
	if err != nil {
		return err
	}
	metrics := "127.0.0.1:" + strconv.Itoa(port)
	agent, err := startAgent(filepath.Join(bin, "agent"), settings.Agent{
		Stack: p.settings.Stack, Metrics: settings.Metrics{Listen: settings.Address(metrics)}, Valkey: p.settings.Valkey, Lease: p.settings.Lease,
		Socket: settings.Socket{Path: settings.SocketPath(socket)}, Host: "host-0",
	})
	if err != nil {
		return err
	}
	defer func() {
		_ = agent.Process.Kill()
		_ = agent.Wait()
	}()
	worker, err := filepath.Abs(filepath.Join(bin, "worker"))
	if err != nil {
		return fmt.Errorf("--bin: %w", err)
	}
	provider, err := workersBehind(worker, dir, socket, r.Workers)
	if err != nil {
		return err
	}
	defer provider.Close()
	for launched := 0; launched < r.Workers; launched += pool.BatchLimit {
		if _, err := provider.Launch(ctx, pool.Batch{Key: strconv.Itoa(launched), Count: min(pool.BatchLimit, r.Workers-launched)}); err != nil {
			return err
		}
	}
	err = until(ctx, 50*time.Millisecond, 2*time.Minute, func() (bool, error) {
		census, err := p.path.Store.Census(ctx)
		return census.Free == r.Workers, err
	})
	if err != nil {
		return fmt.Errorf("wait for %d warm workers: %w", r.Workers, err)
	}
	settle(ctx, 10*r.Workers)
	first, err := hostCounters(ctx, metrics)
	if err != nil {
		return err
	}
	storage := cpuSeconds(ctx, p.path.Client)
	select {
	case <-ctx.Done():
	case <-time.After(long):
	}
	last, err := hostCounters(ctx, metrics)
	if err != nil {
		return err
	}
	r.compare(first, last)
	r.StoreCPUPercent = 100 * (cpuSeconds(ctx, p.path.Client) - storage) / r.Seconds
	return nil
}

// startAgent runs the agent's program with exactly these variables.
func startAgent(path string, set settings.Agent) (*exec.Cmd, error) {
	command := exec.Command(path)
	for _, v := range settings.Write(set) {
		command.Env = append(command.Env, v.Name+"="+v.Value)
	}
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("start the agent: %w", err)
	}
	return command, nil
}

// counters are those of a process, by its own metrics, and of its host's workers.
type counters struct {
	at      time.Time
	agent   map[string]float64
	workers float64 // seconds of processor
}

func hostCounters(ctx context.Context, address string) (c counters, err error) {
	c.at, c.agent = time.Now(), map[string]float64{}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/metrics", nil)
	if err != nil {
		return c, err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return c, fmt.Errorf("ask the agent for its metrics: %w", err)
	}
	defer func() { _ = answer.Body.Close() }()
	for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), " ")
		if n, err := strconv.ParseFloat(value, 64); err == nil {
			c.agent[name] = n
		}
	}
	c.workers = childrenCPU("worker")
	return c, nil
}

func (r *hostFigures) compare(first, last counters) {
	of := func(name string) float64 { return last.agent[name] - first.agent[name] }
	r.Seconds = last.at.Sub(first.at).Seconds()
	beats := max(1, of(string(signals.Beats)))
	r.BeatsPerSecond = of(string(signals.Beats)) / r.Seconds
	r.AgentCPUPercent = 100 * of("process_cpu_seconds_total") / r.Seconds
	r.AgentMicrosPerBeat = 1e6 * of("process_cpu_seconds_total") / beats
	r.AgentAllocsPerBeat = of("go_memstats_mallocs_total") / beats
	r.AgentBytesPerBeat = of("go_memstats_alloc_bytes_total") / beats
	r.AgentResidentKB = last.agent["process_resident_memory_bytes"] / 1024
	r.WorkersCPUPercent = 100 * (last.workers - first.workers) / r.Seconds
}

// keeperRounds are made one after the other; a keeper makes four a second.
const keeperRounds = 100

// rounds measures a keeper over the index of a whole fleet, all of it idle and nothing to do.
func (r *hostFigures) rounds(ctx context.Context, p *population) error {
	if err := p.empty(ctx); err != nil {
		return err
	}
	if err := p.register(ctx, r.KeeperWorkers, (r.KeeperWorkers+workersPerHost-1)/workersPerHost); err != nil {
		return err
	}
	k := keeper.New(keeper.Config{
		Store: p.path.Store, Authority: p.path.Database, Recorder: signals.Discard{}, Terms: p.path.Terms, Incarnation: rand.Text,
		Sessions: session.New(session.Config{Claims: p.path.Store, Directory: p.path.Store, Authority: p.path.Database, Mailbox: p.path.Mail, Vault: p.path.Vault, Terms: p.path.Terms}),
	})
	if _, err := k.Pass(ctx); err != nil {
		return err
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	used, began := processCPU(), time.Now()
	for range keeperRounds {
		if _, err := k.Pass(ctx); err != nil {
			return err
		}
	}
	r.KeeperRounds = keeperRounds
	r.KeeperRoundMs = milliseconds(time.Since(began)) / keeperRounds
	r.KeeperMicros = (processCPU() - used) * 1e6 / keeperRounds
	runtime.ReadMemStats(&after)
	r.KeeperAllocs, r.KeeperBytes = float64(after.Mallocs-before.Mallocs)/keeperRounds, float64(after.TotalAlloc-before.TotalAlloc)/keeperRounds
	return nil
}
