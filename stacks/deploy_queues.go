package stacks

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"workerfleet/components/access"
	"workerfleet/components/alarms"
	"workerfleet/components/place"
	"workerfleet/components/queues"
	"workerfleet/stacks/sizing"
)

// The work queues.
const (
	workerControl   = "worker-control"   // starts, stops, and deaths that AWS reports
	orderTasks      = "order-tasks"      // orders to dispatch and fills to verify
	poolClaim       = "pool-claim"       // users who wait for a worker
	backgroundTasks = "background-tasks" // notifications, audit, lagging writes
)

// Timeouts of the functions that consume them, in seconds. A claim or a control message is a few calls to the cache and
// the database; an order may have to wait for a user's worker and its broker.
const (
	claimSeconds   = 30
	controlSeconds = 30
	ordersSeconds  = 60
)

// What may wait, in seconds, before people are told: a user who waits for a worker or an order is worth a look after a
// minute, background work after a quarter of an hour.
const (
	oldestUrgent     = 60
	oldestBackground = 900
)

// queueParts are what every queue is made with.
type queueParts struct {
	place    place.Place
	key      pulumi.StringPtrInput
	topic    *alarms.Topic
	provider pulumi.ResourceOption
}

// newQueues makes the work queues that the configuration needs, by name.
func newQueues(ctx *pulumi.Context, cfg Config, with queueParts) (map[string]*queues.Queue, error) {
	all := map[string]*queues.Args{
		// EventBridge reports deaths here. It cannot state a deduplication id; every other producer does.
		workerControl: {
			ConsumerSeconds: controlSeconds, OldestSeconds: oldestUrgent,
			ContentBasedDeduplication: true, Producers: []access.Principal{access.EventRules(with.place)},
		},
		orderTasks: {ConsumerSeconds: ordersSeconds, OldestSeconds: oldestUrgent},
		poolClaim:  {ConsumerSeconds: claimSeconds, OldestSeconds: oldestUrgent},
	}
	if cfg.Features.BackgroundTasks != string(sizing.Inline) {
		all[backgroundTasks] = &queues.Args{ConsumerSeconds: ordersSeconds, OldestSeconds: oldestBackground}
	}
	made := make(map[string]*queues.Queue, len(all))
	for name, args := range all {
		args.Key, args.Topic = with.key, with.topic
		queue, err := queues.New(ctx, name, args, with.provider)
		if err != nil {
			return nil, err
		}
		made[name] = queue
	}
	return made, nil
}
