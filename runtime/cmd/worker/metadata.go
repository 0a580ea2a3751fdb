package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// envMetadata is where ECS says the metadata of a container's task is (task metadata endpoint, version 4).
const envMetadata = "ECS_CONTAINER_METADATA_URI_V4"

// task is what a worker needs to know of its task.
type task struct {
	ARN string `json:"TaskARN"`
	// Revision is the task definition's, which rises with every image.
	Revision string
}

// metadataLimit is far above the few milliseconds that the endpoint of the same host takes.
const metadataLimit = 2 * time.Second

func taskMetadata(ctx context.Context, endpoint string) (task, error) {
	if endpoint == "" {
		return task{}, errors.New(envMetadata + " is absent too: this is no ECS task")
	}
	ctx, cancel := context.WithTimeout(ctx, metadataLimit)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, endpoint+"/task", nil)
	if err != nil {
		return task{}, fmt.Errorf("task metadata: %w", err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return task{}, fmt.Errorf("task metadata: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return task{}, fmt.Errorf("task metadata: answers %s", response.Status)
	}
	var t task
	if err := json.NewDecoder(io.LimitReader(response.Body, 1<<20)).Decode(&t); err != nil {
		return task{}, fmt.Errorf("task metadata: %w", err)
	}
	if t.ARN == "" {
		return task{}, errors.New("task metadata: names no TaskARN")
	}
	return t, nil
}
