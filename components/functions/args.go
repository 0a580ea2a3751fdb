package functions

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"workerfleet/components/access"
	"workerfleet/components/alarms"
	"workerfleet/components/names"
	"workerfleet/components/place"
)

// Limits of Lambda and of its queue mappings, and defaults.
const (
	longestSeconds        = 900
	leastMB, mostMB       = 128, 10_240
	fewestPollers         = 2 // a mapping's smallest concurrency
	mostPollers           = 1_000
	batch                 = 10 // the most of a FIFO queue
	visibilityFactor      = 6  // as AWS advises: components/queues has the reason
	defaultLogDays        = 90
	bytesOfEnvironment    = 4_096
	environmentAllowance  = 1_024 // for values that are not known yet
	defaultMB, fewestZone = 256, 2
)

// Args describe one function.
type Args struct {
	Place place.Place
	// Code is the zip with an executable named bootstrap, built for the architecture.
	Code         pulumi.Archive
	Architecture string // x86_64 or arm64
	// MemoryMB defaults to 256; processors follow it.
	MemoryMB, TimeoutSeconds int
	// Concurrency is reserved: the function runs so often at once, and no more.
	Concurrency int
	Environment pulumi.StringMap
	// EnvironmentKey encrypts the environment, LogsKey the log, which is kept for LogDays, 90 by default.
	EnvironmentKey pulumi.StringInput
	LogsKey        pulumi.StringPtrInput
	LogDays        int
	// Subnets and SecurityGroup are where it stands in the VPC; Egress is its way to AWS.
	Subnets       pulumi.StringArray
	SecurityGroup pulumi.StringInput
	Egress        []pulumi.Resource
	// Policy is what the handler itself may call. Log, traces, network, queues and failures are added.
	Policy access.Document
	// Queues feed it, by name; Schedule starts it, such as rate(1 minute). One of them is stated.
	Queues   map[string]Queue
	Schedule string
	// MessagesKey is what the queues are encrypted with.
	MessagesKey pulumi.StringInput
	Failures    *Failures
	Topic       *alarms.Topic
}

// Queue is one FIFO queue that feeds the function.
type Queue struct {
	ARN pulumi.StringInput
	// VisibilitySeconds of the queue: six times the function's timeout at least.
	VisibilitySeconds int
	// Concurrency is how many batches run at once.
	Concurrency int
}

// complete returns the arguments with defaults, or all that is wrong with them.
func (args *Args) complete(name string) (Args, error) {
	a := *args
	var problems []error
	refuse := func(format string, values ...any) { problems = append(problems, fmt.Errorf(format, values...)) }
	if a.MemoryMB == 0 {
		a.MemoryMB = defaultMB
	}
	if a.LogDays == 0 {
		a.LogDays = defaultLogDays
	}
	problems = append(problems, names.Fits(names.Function, names.Join(name, "lambda")), names.Fits(names.Role, names.Join(name, "process", "role")))
	if a.Code == nil || a.LogsKey == nil || a.EnvironmentKey == nil || a.MessagesKey == nil {
		refuse("code, logsKey, environmentKey and messagesKey: one is missing; allowed: all stated")
	}
	if a.Architecture != "x86_64" && a.Architecture != "arm64" {
		refuse("architecture: %q is not allowed; allowed: x86_64, arm64", a.Architecture)
	}
	if a.TimeoutSeconds < 1 || a.TimeoutSeconds > longestSeconds {
		refuse("timeoutSeconds: %d is not allowed; allowed: 1 to %d", a.TimeoutSeconds, longestSeconds)
	}
	if a.MemoryMB < leastMB || a.MemoryMB > mostMB {
		refuse("memoryMB: %d is not allowed; allowed: %d to %d", a.MemoryMB, leastMB, mostMB)
	}
	if len(a.Subnets) < fewestZone || a.SecurityGroup == nil {
		refuse("subnets: %d, with or without a security group; allowed: %d or more, and the group", len(a.Subnets), fewestZone)
	}
	if (len(a.Queues) == 0) == (a.Schedule == "") {
		refuse("queues and schedule: both or neither are stated; allowed: one of them")
	}
	taken := 0
	for _, queue := range slices.Sorted(maps.Keys(a.Queues)) {
		q := a.Queues[queue]
		taken += q.Concurrency
		if q.ARN == nil || q.Concurrency < fewestPollers || q.Concurrency > mostPollers {
			refuse("queues.%s.concurrency: %d is not allowed; allowed: %d to %d, and the queue's ARN", queue, q.Concurrency, fewestPollers, mostPollers)
		}
		if q.VisibilitySeconds < visibilityFactor*a.TimeoutSeconds {
			refuse("queues.%s.visibilitySeconds: %d is not allowed; allowed: %d × timeoutSeconds or more", queue, q.VisibilitySeconds, visibilityFactor)
		}
	}
	if a.Concurrency < 1 || taken > a.Concurrency {
		refuse("concurrency: %d is not allowed; allowed: 1 or more, and the %d of the queues", a.Concurrency, taken)
	}
	if size := sizeOf(a.Environment); size > bytesOfEnvironment {
		refuse("environment: may have %d bytes; allowed: %d", size, bytesOfEnvironment)
	}
	if a.Failures == nil || a.Topic == nil {
		refuse("failures and topic: one is missing; allowed: both stated")
	}
	if err := errors.Join(problems...); err != nil {
		return a, fmt.Errorf("functions.Function %q: %w", name, err)
	}
	return a, nil
}

// sizeOf is the least that an environment takes, with an allowance for what is known to AWS alone.
func sizeOf(environment pulumi.StringMap) int {
	size, unknown := 0, false
	for name, value := range environment {
		text, plain := value.(pulumi.String)
		size += len(name) + len(text)
		unknown = unknown || !plain
	}
	if unknown {
		size += environmentAllowance
	}
	return size
}
