package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"

	"workerfleet/runtime/fifo"
	"workerfleet/runtime/settings"
)

// program is a process of the platform that is started again when it ends, as ECS does with a service's tasks.
type program struct {
	kind, name string
	base       []string // of the environment, whatever the release
	variables  func(release) []settings.Variable
	log        *os.File

	mu      sync.Mutex
	release release // what is started next
	running *exec.Cmd
	starts  int
	turns   timeline // what was started when
	err     error    // why it could not be started
	stop    context.CancelFunc
	ended   chan struct{}
}

// Pauses between an end and the next start, and how long a program may take to end when it is asked to.
const (
	startPause   = 50 * time.Millisecond
	programGrace = 25 * time.Second
)

// alike are the variables that every release is given.
func alike[T settings.Process](v T) func(release) []settings.Variable {
	return func(release) []settings.Variable { return settings.Write(v) }
}

// startProgram runs the binary called like the program's kind, with exactly the variables given, until stopped.
func (p *platform) startProgram(kind, name string, variables func(release) []settings.Variable) (*program, error) {
	log, err := os.Create(filepath.Join(p.dir, name+".log"))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	// Queues of this machine look at no signature, but the SDK makes one.
	base := []string{"TMPDIR=" + p.dir, "AWS_REGION=" + fifo.Region, "AWS_ACCESS_KEY_ID=local", "AWS_SECRET_ACCESS_KEY=local"}
	ctx, stop := context.WithCancel(context.Background())
	g := &program{kind: kind, name: name, base: base, variables: variables, release: p.begun, log: log, stop: stop, ended: make(chan struct{})}
	if err := g.start(); err != nil {
		stop()
		return nil, errors.Join(err, log.Close())
	}
	go g.supervise(ctx)
	return g, nil
}

func (g *program) start() error {
	g.mu.Lock()
	r := g.release
	g.mu.Unlock()
	variables, err := r.environment(g.kind, g.variables(r))
	if err != nil {
		return fmt.Errorf("start %s: %w", g.name, err)
	}
	command := exec.Command(r.path(g.kind))
	command.Env = append(slices.Clone(g.base), variables...)
	command.Stdout, command.Stderr = g.log, g.log
	// A group of its own, so that a terminal's interrupt reaches this process alone, which ends the others in order.
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := command.Start(); err != nil {
		return fmt.Errorf("start %s: %w", g.name, err)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.running = command
	g.starts++
	g.turns.add(time.Now(), r.name)
	return nil
}

// supervise starts the program again whenever it ends, until ctx does; then it ends the program.
func (g *program) supervise(ctx context.Context) {
	defer close(g.ended)
	defer func() { _ = g.log.Close() }()
	for {
		exited := make(chan struct{})
		command := g.command()
		go func() {
			defer close(exited)
			_ = command.Wait() // how it ended stands in its log
		}()
		select {
		case <-exited:
		case <-ctx.Done():
			end(command, exited)
			return
		}
		select {
		case <-time.After(startPause):
		case <-ctx.Done():
			return
		}
		if err := g.start(); err != nil {
			g.mu.Lock()
			g.err = err
			g.mu.Unlock()
			return
		}
	}
}

// end asks a process to end, and ends it when it does not.
func end(command *exec.Cmd, exited <-chan struct{}) {
	_ = command.Process.Signal(syscall.SIGTERM)
	_ = command.Process.Signal(syscall.SIGCONT) // one that a test has stopped would not hear
	select {
	case <-exited:
	case <-time.After(programGrace):
		_ = command.Process.Kill()
		<-exited
	}
}

func (g *program) command() *exec.Cmd {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.running
}

// signal sends a signal to the process that runs now.
func (g *program) signal(s syscall.Signal) error {
	if err := g.command().Process.Signal(s); err != nil {
		return fmt.Errorf("signal %s: %w", g.name, err)
	}
	return nil
}

// become ends the program as a deployment does and has the release's started instead. It returns once that runs.
func (g *program) become(ctx context.Context, r release) error {
	g.mu.Lock()
	g.release = r
	before := g.starts
	g.mu.Unlock()
	_ = g.command().Process.Signal(syscall.SIGTERM) // it may be between two starts
	for began := time.Now(); g.started() == before; time.Sleep(5 * time.Millisecond) {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if time.Since(began) > programGrace {
			_ = g.command().Process.Kill()
		}
		g.mu.Lock()
		err := g.err
		g.mu.Unlock()
		if err != nil {
			return err
		}
	}
	return nil
}

// started is how often the program was started.
func (g *program) started() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.starts
}

// obituary is the end of the program's log, for errors.
func (g *program) obituary() string {
	text, err := os.ReadFile(g.log.Name())
	if err != nil {
		return err.Error()
	}
	return g.name + ": " + string(text[max(0, len(text)-2000):])
}

// closeAll ends programs, all at once, and waits for them.
func closeAll(programs []*program) {
	for _, g := range programs {
		g.stop()
	}
	for _, g := range programs {
		<-g.ended
	}
}
