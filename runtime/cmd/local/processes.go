package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"workerfleet/runtime/settings"
)

// pidOf finds the process of a worker by what it was told in its environment.
func pidOf(worker string) (int, error) {
	environments, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		return 0, err
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
	return 0, fmt.Errorf("the process of worker %s is not found", worker)
}

// kill ends a process as a crash does.
func kill(pid int) error {
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		return fmt.Errorf("kill process %d: %w", pid, err)
	}
	return nil
}
