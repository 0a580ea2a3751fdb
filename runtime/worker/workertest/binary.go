// Package workertest knows how tests that run workers as processes get the worker as it ships.
package workertest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// Build builds the worker's binary, for a whole package's tests. remove deletes it.
func Build() (binary string, remove func(), err error) {
	dir, err := os.MkdirTemp("", "workertest")
	if err != nil {
		return "", nil, err
	}
	remove = func() { _ = os.RemoveAll(dir) }
	binary = filepath.Join(dir, "worker")
	out, err := exec.Command("go", "build", "-o", binary, "workerfleet/runtime/cmd/worker").CombinedOutput()
	if err != nil {
		remove()
		return "", nil, fmt.Errorf("build the worker: %w: %s", err, out)
	}
	return binary, remove, nil
}
