package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/settings"
)

// envMetadataFile names the file in which ECS describes a container, where the host's ECS agent is set to write one
// (ECS_ENABLE_CONTAINER_METADATA). The task metadata endpoint does not tell the container instance; the file does.
const envMetadataFile = "ECS_CONTAINER_METADATA_FILE"

// hostName is the name from the settings, else the container instance that the agent runs on.
func hostName(name, file string) (fleet.Host, error) {
	if name != "" {
		return fleet.ParseHost(name)
	}
	if file == "" {
		return "", fmt.Errorf("%s and %s are absent: one of them must name the host", settings.EnvHost, envMetadataFile)
	}
	content, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("container metadata: %w", err)
	}
	var container struct{ ContainerInstanceARN string }
	if err := json.Unmarshal(content, &container); err != nil {
		return "", fmt.Errorf("container metadata: %w", err)
	}
	if container.ContainerInstanceARN == "" {
		return "", errors.New("container metadata: names no ContainerInstanceARN")
	}
	return fleet.ParseHost(container.ContainerInstanceARN)
}
