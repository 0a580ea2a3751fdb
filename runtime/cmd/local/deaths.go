package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"workerfleet/runtime/settings"
)

// deaths kills serving workers, one after the other, and waits until each one's user is served again.
func (d *day) deaths(ctx context.Context) error {
	for range d.kill {
		user := d.user(d.random.IntN(d.users))
		s, serves := d.sessions[user]
		if !serves {
			continue
		}
		began := time.Now()
		if err := d.killWorker(s.WorkerID); err != nil {
			return err
		}
		next, err := d.claim(ctx, user, s.WorkerID)
		if err != nil {
			d.lost++
			continue
		}
		d.recovery = append(d.recovery, time.Since(began))
		d.sessions[user] = next
	}
	if d.options.chaos {
		return d.chaos(ctx)
	}
	select {
	case <-ctx.Done():
	case <-time.After(d.stay):
	}
	return nil
}

// turmoil is the mean time between two of chaos's deeds, and longestPause how long a paused process sleeps at most:
// within the time that a worker may go on without a confirmed beat, and beyond a request's patience.
const turmoil, longestPause = 300 * time.Millisecond, 3 * time.Second

// chaos kills and pauses processes of every kind for the stay, and then asks for every user's session: whoever gets
// none is lost.
func (d *day) chaos(ctx context.Context) error {
	for end := time.Now().Add(d.stay); time.Now().Before(end) && ctx.Err() == nil; {
		time.Sleep(time.Duration(d.random.ExpFloat64() * float64(turmoil)))
		if err := d.deed(); err != nil {
			return err
		}
	}
	for i := range d.users {
		s, err := d.claim(ctx, d.user(i), "")
		if err != nil {
			d.lost++
			continue
		}
		d.sessions[d.user(i)] = s
	}
	return ctx.Err()
}

// deed kills a worker or a program, or pauses a program.
func (d *day) deed() error {
	programs := d.programs()
	target := programs[d.random.IntN(len(programs))]
	switch d.random.IntN(3) {
	case 0:
		return d.killWorker(d.sessions[d.user(d.random.IntN(d.users))].WorkerID)
	case 1:
		_ = target.signal(syscall.SIGKILL) // it may be between two starts
	default:
		paused := target.command()
		pause := time.Duration(d.random.Float64() * float64(longestPause))
		_ = paused.Process.Signal(syscall.SIGSTOP)
		time.AfterFunc(pause, func() { _ = paused.Process.Signal(syscall.SIGCONT) })
	}
	return nil
}

// killWorker ends a worker as a crash does. One that has ended is no error.
func (d *day) killWorker(worker string) error {
	pid, err := pidOf(worker)
	if err != nil || pid == 0 {
		return err
	}
	d.accounts.killed(worker)
	d.killed++
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && err != syscall.ESRCH {
		return fmt.Errorf("kill process %d: %w", pid, err)
	}
	return nil
}

// pidOf finds the process of a worker by what it was told in its environment; 0 if there is none.
func pidOf(worker string) (int, error) {
	environments, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		return 0, fmt.Errorf("look for the worker %s: %w", worker, err)
	}
	told := []byte(settings.EnvWorker + "=" + worker)
	for _, path := range environments {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended, or is somebody else's
		}
		for variable := range bytes.SplitSeq(text, []byte{0}) {
			if bytes.Equal(variable, told) {
				return strconv.Atoi(filepath.Base(filepath.Dir(path)))
			}
		}
	}
	return 0, nil
}
