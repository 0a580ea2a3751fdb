package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// Server is one running server.
type Server struct {
	// URL is how clients reach it.
	URL string

	command *exec.Cmd
	output  *tail
	exited  chan struct{}
	err     error
	stop    sync.Once
}

// spec says how to start a server and when it is ready.
type spec struct {
	name  string
	args  []string
	dir   string
	as    *syscall.Credential
	ready func(ctx context.Context) bool
}

// startLimit is how long a server may take to answer: PostgreSQL on a busy machine needs seconds.
const startLimit = 60 * time.Second

// start runs the program until it is ready. The server gets SIGKILL when this process dies in any way.
func start(ctx context.Context, s spec) (*Server, error) {
	server := &Server{output: &tail{}, exited: make(chan struct{})}
	server.command = exec.Command(s.name, s.args...)
	server.command.Dir = s.dir
	server.command.Stdout, server.command.Stderr = server.output, server.output
	server.command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true, Credential: s.as}
	if err := server.command.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", s.name, err)
	}
	go func() {
		server.err = server.command.Wait()
		close(server.exited)
	}()
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	for !s.ready(ctx) {
		select {
		case <-server.exited:
			return nil, fmt.Errorf("%s exited before it was ready: %w\n%s", s.name, server.err, server.output)
		case <-ctx.Done():
			server.Stop()
			return nil, fmt.Errorf("%s is not ready: %w\n%s", s.name, ctx.Err(), server.output)
		case <-time.After(5 * time.Millisecond):
		}
	}
	return server, nil
}

// Exited is closed when the server has ended, by itself or stopped.
func (s *Server) Exited() <-chan struct{} { return s.exited }

// PID is the server's process id: tests pause and kill it.
func (s *Server) PID() int { return s.command.Process.Pid }

// Stop ends the server at once – nothing of it is kept – and waits for its end.
func (s *Server) Stop() {
	s.stop.Do(func() {
		if err := syscall.Kill(-s.PID(), syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			_ = s.command.Process.Kill()
		}
	})
	<-s.exited
}

// tail keeps the last output of a server for its obituary.
type tail struct {
	mu   sync.Mutex
	text []byte
}

// tailLength is how many bytes of output are kept.
const tailLength = 4096

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	if over := len(t.text) - tailLength; over > 0 {
		t.text = bytes.Clone(t.text[over:])
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.text)
}

// own makes a folder that belongs to the account that the server runs as.
func own(dir string, as *syscall.Credential) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make the server's folder: %w", err)
	}
	if as == nil {
		return nil
	}
	if err := os.Chown(dir, int(as.Uid), int(as.Gid)); err != nil {
		return fmt.Errorf("hand the server its folder: %w", err)
	}
	return nil
}
