package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"workerfleet/runtime/settings"
)

// deaths kills serving workers, one after the other, and waits until each one's user is served again. Then chaos begins.
func (d *day) deaths(ctx context.Context) error {
	kills := d.kills
	if d.former != "" {
		kills = d.roll
	}
	if err := kills(ctx); err != nil {
		return err
	}
	d.spared = d.kill - d.killed
	switch {
	case d.former != "":
		return nil
	case d.options.chaos:
		return d.chaos(ctx)
	}
	select {
	case <-ctx.Done():
	case <-time.After(d.stay):
	}
	return nil
}

// kills kills as many as are asked for, but for those whose user has no worker: who is lost is told by another count.
func (d *day) kills(ctx context.Context) error {
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
	return nil
}

// killOne kills the worker of a user who has one, whose turn comes first from a drawn one on.
func (d *day) killOne(ctx context.Context) error {
	first, before := d.random.IntN(d.users), d.killed
	for i := range d.users {
		s, serves := d.current(ctx, d.user((first+i)%d.users))
		if !serves {
			continue
		}
		if err := d.killWorker(string(s.Worker)); err != nil || d.killed > before {
			return err
		}
	}
	return nil
}

// killWorker ends a worker as a crash does.
func (d *day) killWorker(worker string) error {
	pid, err := pidOf(worker)
	if err != nil || pid == 0 {
		return err
	}
	d.accounts.killed(worker)
	d.killed++
	return hit(pid, syscall.SIGKILL)
}

// hit sends a signal to a process. One that has ended is no error.
func hit(pid int, s syscall.Signal) error {
	if err := syscall.Kill(pid, s); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("send %s to process %d: %w", s, pid, err)
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
