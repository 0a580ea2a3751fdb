package process

import (
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
	"unsafe"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/pool"
	"workerfleet/runtime/worker"
)

// child is one running worker.
type child struct {
	task pool.Task
	cmd  *exec.Cmd
	dir  string
	kill *time.Timer // ends the grace; nil until it was asked to end
}

// start forks one worker. The caller holds the lock.
func (p *Provider) start(b pool.Batch, host Host) (fleet.Worker, error) {
	p.last++
	name := fleet.Worker(fmt.Sprintf("%s-%s-%d", host.Name, p.run, p.last))
	dir := filepath.Join(p.Directory, fmt.Sprintf("%s-%d", p.run, p.last))
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	image := b.Image
	if image == 0 {
		image = p.Image
	}
	variables, err := p.Variables(name, host, image)
	if err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	c := &child{
		task: pool.Task{Worker: name, Host: host.Name, Image: image, Key: b.Key, Launched: time.Now()},
		cmd:  exec.Command(cmp.Or(p.Binaries[image], p.Binary)), dir: dir,
	}
	c.cmd.Env = append(variables,
		"TMPDIR="+dir, worker.EnvRevision+"="+strconv.FormatInt(image, 10), worker.EnvParent+"="+strconv.Itoa(os.Getpid()))
	c.cmd.Stdout, c.cmd.Stderr = p.Output, p.Output
	// A group of its own, so that a terminal's interrupt reaches the provider alone, which ends its workers in order.
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	forked := make(chan error)
	p.forks <- func() { forked <- c.cmd.Start() }
	if err := <-forked; err != nil {
		_ = os.Remove(dir)
		return "", fmt.Errorf("%s: %w", name, err)
	}
	p.running[name] = c
	p.workers.Go(func() { p.attend(c) })
	return name, nil
}

// attend waits for a worker's end and clears away what it leaves.
func (p *Provider) attend(c *child) {
	awaitExit(c.cmd.Process.Pid)
	// While its leader is not reaped the group's number cannot be another's.
	_ = syscall.Kill(-c.cmd.Process.Pid, syscall.SIGKILL)
	_ = c.cmd.Wait() // how it ended is the agent's matter
	_ = os.RemoveAll(c.dir)
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.running, c.task.Worker)
	if c.kill != nil {
		c.kill.Stop()
	}
}

// stop asks the worker to end, once; after the grace it is ended. The provider's lock is held.
func (c *child) stop(grace time.Duration) {
	if c.kill != nil {
		return
	}
	_ = c.cmd.Process.Signal(syscall.SIGTERM)
	c.kill = time.AfterFunc(grace, func() { _ = c.cmd.Process.Kill() })
}

// awaitExit returns when a child has ended, and leaves it to be reaped.
func awaitExit(pid int) {
	const byPid = 1 // P_PID of waitid(2)
	var info [128]byte
	for {
		_, _, errno := syscall.Syscall6(syscall.SYS_WAITID, byPid, uintptr(pid), uintptr(unsafe.Pointer(&info)),
			syscall.WEXITED|syscall.WNOWAIT, 0, 0)
		if errno != syscall.EINTR {
			return
		}
	}
}
