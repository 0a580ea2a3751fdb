package stacks

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"workerfleet/components/functions"
	"workerfleet/components/vitals"
	"workerfleet/components/witness"
	"workerfleet/runtime/settings"
	"workerfleet/stacks/sizing"
)

// The two passes start every minute and must have ended before the next: Lambda ends one that has not.
const (
	passSeconds  = 55
	passSchedule = "rate(1 minute)"
)

// handler is one function: what feeds it, and how long it may take.
type handler struct {
	name    settings.Handler
	seconds int
	queues  []string // none: the clock starts it
}

func handlers(cfg Config) []handler {
	orders := handler{settings.HandlerOrders, ordersSeconds, []string{orderTasks}}
	if cfg.Features.BackgroundTasks != string(sizing.Inline) {
		orders.queues = append(orders.queues, backgroundTasks)
	}
	return []handler{
		{settings.HandlerClaim, claimSeconds, []string{poolClaim}},
		{settings.HandlerControl, controlSeconds, []string{workerControl}},
		orders,
		{settings.HandlerPool, passSeconds, nil},
		{settings.HandlerMaintenance, passSeconds, nil},
	}
}

// newFunctions makes the five functions, the queue of what they fail at, the rules that tell control what AWS
// saw, and the alarms on what all processes measure.
func newFunctions(ctx *pulumi.Context, cfg Config, on computeGround, c *computeParts) error {
	failures, err := functions.NewFailures(ctx, "function-failures", &functions.FailuresArgs{
		Place: on.place, Key: on.keys.Messages, Topic: on.topic,
	}, on.through)
	if err != nil {
		return err
	}
	reserve := sharesOf(cfg.Lambda.Concurrency, handlers(cfg))
	for _, h := range handlers(cfg) {
		args := &functions.Args{
			Place: on.place, Code: on.artifacts.code(), Architecture: cfg.Architecture, TimeoutSeconds: h.seconds,
			Environment: c.reads.function(h.name), EnvironmentKey: on.keys.Compute, LogsKey: on.keys.Logs, MessagesKey: on.keys.Messages,
			Subnets: on.network.PrivateSubnets, SecurityGroup: on.clients.Function, Egress: on.network.Egress,
			Policy: c.may.function(h.name), Failures: failures, Topic: on.topic, Queues: map[string]functions.Queue{},
		}
		for _, name := range h.queues {
			queue, share := on.work[name], reserve.queues[name]
			args.Queues[name] = functions.Queue{ARN: queue.ARN, VisibilitySeconds: queue.VisibilitySeconds, Concurrency: share}
			args.Concurrency += share
		}
		if len(h.queues) == 0 {
			args.Schedule, args.Concurrency = passSchedule, reserve.pass
		}
		if _, err := functions.New(ctx, "function-"+string(h.name), args, on.through); err != nil {
			return err
		}
	}
	if _, err = witness.New(ctx, "witness", &witness.Args{
		Cluster: c.cluster.ARN, WorkerDefinition: on.place.ARN("ecs", "task-definition/"+c.workers.Task.Family),
		Queue: on.work[workerControl].ARN, Failures: failures,
	}, on.through); err != nil {
		return err
	}
	_, err = vitals.New(ctx, "vitals", &vitals.Args{Topic: on.topic, Stack: ctx.Stack()}, on.through)
	return err
}

// shares are how the reserved concurrency is divided: what each queue's batches get, and each pass.
type shares struct {
	queues map[string]int
	pass   int
}

// weights of the queues. Orders wait for brokers and are the most; background work may be late.
func weightOf(queue string) int {
	switch queue {
	case orderTasks:
		return 4
	case poolClaim:
		return 3
	case workerControl:
		return 2
	default:
		return 1
	}
}

// fewestOfQueue and mostOfQueue are a mapping's smallest and greatest concurrency.
const (
	fewestOfQueue = 2
	mostOfQueue   = 1000
)

// sharesOf divides the whole and gives nothing away. A pass needs one, and a second where there is enough so that a slow
// one does not hold the next up; every queue gets its least, and the rest goes by weight, to orders what does not divide.
// What is more than a mapping takes stays unreserved, which plans of several hundred thousand users come to.
func sharesOf(whole int, all []handler) shares {
	s := shares{queues: map[string]int{}, pass: 1}
	var names []string
	passes, weights := 0, 0
	for _, h := range all {
		names = append(names, h.queues...)
		if len(h.queues) == 0 {
			passes++
		}
		for _, queue := range h.queues {
			weights += weightOf(queue)
		}
	}
	if whole >= 2*passes+4*fewestOfQueue*len(names) {
		s.pass = 2
	}
	rest := whole - passes*s.pass - fewestOfQueue*len(names)
	given := 0
	for _, queue := range names {
		share := rest * weightOf(queue) / weights
		s.queues[queue] = fewestOfQueue + share
		given += share
	}
	s.queues[orderTasks] += rest - given
	for queue, share := range s.queues {
		s.queues[queue] = min(share, mostOfQueue)
	}
	return s
}
