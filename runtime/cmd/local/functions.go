package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"workerfleet/runtime/fifo"
	"workerfleet/runtime/iam"
	"workerfleet/runtime/lambda/emulator"
	"workerfleet/runtime/queue"
	"workerfleet/runtime/settings"
	"workerfleet/runtime/sqs"
)

// What the stack gives its queues and functions: six times the slowest consumer's time, and five receives until a message is
// dead; a pass has less than the minute between two.
const (
	consumerTime   = 30 * time.Second
	hiddenFor      = 6 * consumerTime
	receives       = 5
	passTime       = 55 * time.Second
	standardRhythm = time.Minute
)

// fifoName is the queue's name as SQS wants it.
func fifoName(name queue.Name) string { return string(name) + ".fifo" }

// startQueues serves the work queues on a port of this machine.
func (s *servers) startQueues() error {
	var configs []fifo.Config
	for _, name := range queue.Names() {
		dead := "dead-" + fifoName(name)
		configs = append(configs, fifo.Config{Name: dead}, fifo.Config{
			Name: fifoName(name), Visibility: hiddenFor, Dead: dead, MaxReceives: receives, ContentDeduplication: name == queue.WorkerControl,
		})
	}
	listener, err := net.Listen("tcp", string(anyPort))
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	s.queues, err = fifo.New("http://"+listener.Addr().String(), configs...)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	server := &http.Server{Handler: s.queues, ReadHeaderTimeout: time.Second}
	go func() { _ = server.Serve(listener) }() // ends with the servers
	s.onStop(func() { _ = server.Close() })
	s.used.Queue = "FIFO queues within this process, behind SQS's protocol"
	return nil
}

// lambdas are the functions and what feeds them.
type lambdas struct {
	mu      sync.Mutex
	running map[settings.Handler]*deployed
	end     context.CancelFunc
	fed     sync.WaitGroup
	logs    []*os.File
}

// startFunctions runs the functions' program as it ships: claim, control and orders fed by their queues, pool and
// maintenance by the clock.
func (p *platform) startFunctions() error {
	ctx, end := context.WithCancel(context.Background())
	p.lambdas = &lambdas{running: map[settings.Handler]*deployed{}, end: end}
	for from, handler := range consumers {
		log, err := p.function(handler, consumerTime)
		if err != nil {
			return err
		}
		config, err := iam.Config(fifo.Region, func(string) string { return "local" })
		if err != nil {
			return err
		}
		config.BaseEndpoint = nil // each queue's own
		source, err := sqs.NewSource(config, p.servers.queues.URL(fifoName(from)))
		if err != nil {
			return err
		}
		p.lambdas.fed.Go(func() {
			emulator.Mapping{ARN: fifo.ARN(fifoName(from)), Source: source, Invoke: p.lambdas.invoke(handler), Concurrency: batchesAtOnce, Log: log}.Run(ctx)
		})
	}
	for _, handler := range []settings.Handler{settings.HandlerPool, settings.HandlerMaintenance} {
		log, err := p.function(handler, passTime)
		if err != nil {
			return err
		}
		p.lambdas.fed.Go(func() {
			emulator.Schedule{Rule: string(handler), Every: p.rhythm, Invoke: p.lambdas.invoke(handler), Log: log}.Run(ctx)
		})
	}
	return nil
}

// consumers are the functions that queues feed.
var consumers = map[queue.Name]settings.Handler{
	queue.PoolClaim: settings.HandlerClaim, queue.WorkerControl: settings.HandlerControl,
	queue.OrderTasks: settings.HandlerOrders, queue.BackgroundTasks: settings.HandlerOrders,
}

// batchesAtOnce is how many batches of a queue are done at once: the least that the stack gives one.
const batchesAtOnce = 2

// function makes one function with what its handler reads. Its processes start with its first events.
func (p *platform) function(handler settings.Handler, timeout time.Duration) (*slog.Logger, error) {
	if f := p.lambdas.running[handler]; f != nil { // fed by two queues
		return slog.New(slog.NewJSONHandler(f.Output, nil)), nil
	}
	file, err := os.Create(filepath.Join(p.dir, "function-"+string(handler)+".log"))
	if err != nil {
		return nil, fmt.Errorf("function %s: %w", handler, err)
	}
	p.lambdas.logs = append(p.lambdas.logs, file)
	c := emulator.Config{
		Name: "function-" + string(handler), Timeout: timeout, Concurrency: batchesAtOnce, Output: file,
	}
	if timeout == passTime {
		c.Concurrency = 1
	}
	if err := p.deploy(handler, c, p.begun); err != nil {
		return nil, err
	}
	return slog.New(slog.NewJSONHandler(file, nil)), nil
}

// deployed is a function of one release, and the events that are under way in it.
type deployed struct {
	*emulator.Function
	release string
	busy    sync.WaitGroup
}

// deploy gives a handler a release's program. What is under way in the one before ends there.
func (p *platform) deploy(handler settings.Handler, c emulator.Config, r release) error {
	variables, err := r.environment("function", settings.Write(settings.Function{
		Stack: p.stack(), Handler: handler, Valkey: p.valkey, Database: p.database, Lease: p.lease(), Queues: p.queueURLs(), Sealing: p.sealing(),
		Cluster: p.cluster(), Launching: p.launching(r), Pool: p.pool(), Market: alwaysOpen(), Sessions: settings.Sessions{Idle: p.idle},
	}))
	if err != nil {
		return err
	}
	c.Program, c.Environment = r.path("function"), append([]string{"TMPDIR=" + p.dir}, variables...)
	l := p.lambdas
	l.mu.Lock()
	defer l.mu.Unlock()
	before := l.running[handler]
	l.running[handler] = &deployed{Function: emulator.New(c), release: r.name}
	if before != nil {
		l.fed.Go(func() {
			before.busy.Wait()
			before.Close()
		})
	}
	return nil
}

// redeploy gives every handler a release's program.
func (p *platform) redeploy(r release) error {
	for _, handler := range settings.Handlers() {
		p.lambdas.mu.Lock()
		f := p.lambdas.running[handler]
		p.lambdas.mu.Unlock()
		if f == nil {
			continue
		}
		if err := p.deploy(handler, f.Config, r); err != nil {
			return err
		}
	}
	return nil
}

// invoke hands events to whatever is deployed when they come.
func (l *lambdas) invoke(handler settings.Handler) func(context.Context, []byte) ([]byte, error) {
	return func(ctx context.Context, payload []byte) ([]byte, error) {
		l.mu.Lock()
		f := l.running[handler]
		f.busy.Add(1)
		l.mu.Unlock()
		defer f.busy.Done()
		return f.Invoke(ctx, payload)
	}
}

// stop feeds nobody any more, waits for what is under way, and ends the processes.
func (l *lambdas) stop() {
	l.end()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		l.fed.Wait()
	}()
	select {
	case <-ended:
	case <-time.After(programGrace):
	}
	for _, f := range l.running {
		f.Close()
	}
	<-ended
	for _, log := range l.logs {
		_ = log.Close()
	}
}

func (p *platform) functionsSaid() string {
	if p.lambdas == nil {
		return ""
	}
	return fmt.Sprintf("%d functions under a local Lambda, ", len(p.lambdas.running))
}
