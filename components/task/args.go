package task

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"workerfleet/components/access"
	"workerfleet/components/names"
	"workerfleet/components/place"
)

// Network is how a task's containers reach the world.
type Network string

const (
	// Bridge shares the host's interface and security group: as many tasks as the host has room for.
	Bridge Network = "bridge"
	// Own gives the task an interface and security groups of its own, of which a host has few.
	Own Network = "awsvpc"
)

// Limits and defaults.
const (
	fewestMiB      = 6 // Docker's least
	defaultLogDays = 90
	defaultStop    = 30
	// openFiles bounds what one container holds of the host's files and connections.
	openFiles = 16_384
)

// Args describe one task definition.
type Args struct {
	Place   place.Place
	Network Network
	// HostProcesses lets the task see the host's processes. It is for the agent alone, which watches workers by their
	// process.
	HostProcesses bool
	Architecture  string // x86_64 or arm64
	Containers    []Container
	// Policy is what the process may do; empty makes no task role.
	Policy access.Document
	// LogsKey encrypts the log group, which keeps LogDays, 90 by default. Containers with a [Router] need none.
	LogsKey pulumi.StringPtrInput
	LogDays int
	// SecretsKey is what the containers' secrets are encrypted with.
	SecretsKey pulumi.StringInput
}

// Image is what a container runs.
type Image struct {
	Reference pulumi.StringInput
	// Repository is the ARN of the ECR repository that it is pulled from; nil for a public image.
	Repository pulumi.StringInput
}

// Mount is a directory of the host inside the container.
type Mount struct {
	Host, Container string
	ReadOnly        bool
}

// Secret is one value of a secret: its ARN, and the key within its JSON text.
type Secret struct {
	ARN pulumi.StringInput
	Key string
}

// Router is the host's log router as the Docker daemon reaches it.
type Router struct{ Address, Tag string }

// Container describes one container.
type Container struct {
	Name    string
	Image   Image
	Command []string // replaces the image's entry point, program first; empty leaves it
	// CPU units and MiB: the soft limit is what placement subtracts, the hard one is where the container is stopped.
	CPU, MemorySoft, MemoryHard int
	// User is the numeric user and group.
	User        int
	Environment pulumi.StringMap
	Secrets     map[string]Secret
	// Port is where the load balancer calls the container; the host's port is Docker's choice. 0 is none.
	Port   int
	Mounts []Mount
	// ScratchMiB of memory are writable at /tmp; 0 is none.
	ScratchMiB int
	// StopSeconds from the first signal to the last; default 30.
	StopSeconds int
	// DNS is the address of the resolver; empty leaves the host's.
	DNS string
	// Restart starts the container again within its task when it ends by itself.
	Restart bool
	// Router takes the log instead of the task's own log group.
	Router *Router
}

// complete returns the arguments with defaults, or all that is wrong with them.
func (args *Args) complete(name string) (Args, error) {
	a := *args
	var problems []error
	refuse := func(format string, values ...any) { problems = append(problems, fmt.Errorf(format, values...)) }
	if a.LogDays == 0 {
		a.LogDays = defaultLogDays
	}
	problems = append(problems, names.Fits(names.Role, names.Join(name, "execution", "role")))
	if a.Network != Bridge && a.Network != Own {
		refuse("network: %q is not allowed; allowed: %s, %s", a.Network, Bridge, Own)
	}
	if architectures := []string{"x86_64", "arm64"}; !slices.Contains(architectures, a.Architecture) {
		refuse("architecture: %q is not allowed; allowed: %s", a.Architecture, strings.Join(architectures, ", "))
	}
	if len(a.Containers) == 0 {
		refuse("containers: is empty; allowed: at least one")
	}
	if a.ownLog() && a.LogsKey == nil {
		refuse("logsKey: is missing; allowed: the ARN of the key for logs")
	}
	a.Containers = slices.Clone(a.Containers)
	for i := range a.Containers {
		container := &a.Containers[i]
		if container.StopSeconds == 0 {
			container.StopSeconds = defaultStop
		}
		for _, problem := range container.problems(a.Network) {
			refuse("containers[%d].%s", i, problem)
		}
		if len(container.Secrets) > 0 && a.SecretsKey == nil {
			refuse("secretsKey: is missing; allowed: the ARN of the key of the containers' secrets")
		}
	}
	if err := errors.Join(problems...); err != nil {
		return a, fmt.Errorf("task.Task %q: %w", name, err)
	}
	return a, nil
}

func (c Container) problems(network Network) []string {
	var problems []string
	refuse := func(format string, values ...any) { problems = append(problems, fmt.Sprintf(format, values...)) }
	if c.Name == "" || c.Image.Reference == nil {
		refuse("name: %q, with or without an image; allowed: a name and an image", c.Name)
	}
	if c.CPU < 1 {
		refuse("cpu: %d is not allowed; allowed: 1 or more units", c.CPU)
	}
	if c.MemorySoft < fewestMiB || c.MemoryHard < c.MemorySoft {
		refuse("memory: %d soft and %d hard are not allowed; allowed: %d ≤ soft ≤ hard MiB", c.MemorySoft, c.MemoryHard, fewestMiB)
	}
	if c.User < 1 {
		refuse("user: %d is not allowed; allowed: any but root", c.User)
	}
	if c.DNS != "" && network != Bridge {
		refuse("dns: %q is not allowed; allowed: none, because a task with an interface of its own asks the VPC", c.DNS)
	}
	if c.StopSeconds < 0 || c.ScratchMiB < 0 || c.Port < 0 || c.Port > 65_535 {
		refuse("stopSeconds %d, scratchMiB %d, port %d: one is not allowed; allowed: 0 or more, ports to 65535", c.StopSeconds, c.ScratchMiB, c.Port)
	}
	return problems
}

// ownLog says whether any container writes to the task's log group.
func (a *Args) ownLog() bool {
	return slices.ContainsFunc(a.Containers, func(c Container) bool { return c.Router == nil })
}
