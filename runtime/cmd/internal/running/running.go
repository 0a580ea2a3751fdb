// Package running is what a tool needs to know of a platform that runs: those of a stack's outputs by which people reach it,
// and where the platform of this machine leaves the same.
package running

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"workerfleet/runtime/queue"
)

// File is where the platform of this machine is described while it runs, from the folder that it was started in.
const File = ".workerfleet/local.json"

// Outputs are the stack outputs that a tool reads; a stack has more.
type Outputs struct {
	Operator  Operator              `json:"operator"`
	QueueURLs map[queue.Name]string `json:"queueUrls"`
}

// Operator is how people reach the index. Without a cache, nobody is asked to sign in.
type Operator struct {
	Region      string `json:"region"`
	ValkeyURL   string `json:"valkeyUrl"`
	ValkeyCache string `json:"valkeyCache"`
}

// Write describes a platform in a file. A later one replaces it: the file tells of the latest.
func Write(path string, o Outputs) error {
	text, err := json.Marshal(o)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(path), 0o755)
	}
	if err == nil {
		err = os.WriteFile(path, text, 0o600)
	}
	if err != nil {
		return fmt.Errorf("describe the platform: %w", err)
	}
	return nil
}

// Remove takes the description away, unless another platform has replaced it.
func Remove(path string, o Outputs) error {
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if own, err := json.Marshal(o); err != nil || string(own) != string(text) {
		return err
	}
	err = os.Remove(path)
	_ = os.Remove(filepath.Dir(path)) // unless it holds anything else
	return err
}
