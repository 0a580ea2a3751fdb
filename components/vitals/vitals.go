package vitals

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"workerfleet/components/alarms"
	"workerfleet/components/names"
	"workerfleet/runtime/signals"
)

// What the platform promises, in seconds, and shares beyond which it is in danger.
const (
	// A user with a warm worker waits for milliseconds; the queue-claim baseline takes 0.897 s.
	slowClaim = 0.897
	// A dead worker's user is served again within a minute.
	slowRecovery = 60
	// An accepted order is worth little after a minute: it expires.
	oldOrder = 60
	// Above four fifths of a limit the next busy day meets it.
	limitShare = 0.8
)

// Args say who is told, and of whose fleet.
type Args struct {
	Topic *alarms.Topic
	// Stack is the name that the processes know theirs by: the series that the alarms read carry it.
	Stack string
}

// Vitals is the set of alarms.
type Vitals struct{ pulumi.ResourceState }

// New makes the alarms.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Vitals, error) {
	if err := args.validate(); err != nil {
		return nil, fmt.Errorf("vitals.Vitals %q: %w", name, err)
	}
	c := &Vitals{}
	if err := ctx.RegisterComponentResource("workerfleet:vitals:Vitals", name, c, opts...); err != nil {
		return nil, err
	}
	all := fleet(args.Stack).all()
	for _, suffix := range slices.Sorted(maps.Keys(all)) {
		if _, err := args.Topic.Alarm(ctx, names.Join(name, suffix), all[suffix], pulumi.Parent(c)); err != nil {
			return nil, err
		}
	}
	return c, ctx.RegisterResourceOutputs(c, pulumi.Map{})
}

func (args *Args) validate() error {
	var problems []error
	if args.Topic == nil {
		problems = append(problems, errors.New("topic: is missing; allowed: the stack's alarm topic"))
	}
	if args.Stack == "" {
		problems = append(problems, errors.New("stack: is empty; allowed: the stack's name"))
	}
	return errors.Join(problems...)
}

// fleet is the stack whose series are read.
type fleet string

// series are the dimensions of one; label and value are empty where the metric has no label.
func (f fleet) series(label, value string) pulumi.StringMap {
	dimensions := pulumi.StringMap{signals.StackDimension: pulumi.String(string(f))}
	if label != "" {
		dimensions[label] = pulumi.String(value)
	}
	return dimensions
}

// of reads one series of a metric.
func (f fleet) of(name string, statistic alarms.Statistic, label, value string) alarms.Metric {
	return alarms.Metric{Namespace: signals.Namespace, Name: name, Statistic: statistic, Dimensions: f.series(label, value)}
}

// every reads all series of a metric with one label: the alarm judges the worst.
func (f fleet) every(name string, statistic alarms.Statistic) alarms.Metric {
	metric := alarms.Metric{Namespace: signals.Namespace, Name: name, Statistic: statistic}
	for _, m := range signals.All() {
		if m.Name != name {
			continue
		}
		for _, value := range m.Labels[0].Values {
			metric.Each = append(metric.Each, f.series(m.Labels[0].Name, value))
		}
	}
	return metric
}

// all are the alarms by name. A counter that did not count writes nothing, so that missing data is good; beats alone
// must come at all times.
func (f fleet) all() map[string]alarms.Alarm {
	made := map[string]alarms.Alarm{
		"claims-failed": {
			Says: "Users ask for a worker and get neither one nor a place in the queue. Look into the API's log for the first " +
				"error, then at the cache and the database.",
			Metric: f.of(string(signals.Claims), alarms.Sum, "outcome", "failed"), Periods: 3,
		},
		"claims-slow": {
			Says: "One user in a hundred waits longer for a worker than the platform promises. Look whether there are idle " +
				"workers; if there are, at the cache's latency.",
			Metric: f.of(string(signals.ClaimReady), alarms.P99, "", ""), Above: slowClaim, Periods: 5,
		},
		"recovery-slow": {
			Says: "Users of dead workers waited longer than a minute for the next one. Look whether reaping is on hold, then for " +
				"idle workers and for hosts.",
			Metric: f.of(string(signals.Recovery), alarms.P99, "", ""), Above: slowRecovery, Periods: 1,
		},
		"hold": {
			Says: "Reaping is on hold: so many hosts fell silent at once that the fault may be ours. Look at the cache and at the " +
				"agents' logs; if the hosts are dead, it goes on by itself within a minute.",
			Metric: f.of(string(signals.Hold), alarms.Maximum, "", ""), Periods: 1,
		},
		"healed": {
			Says: "Keys of the pool disagreed and were repaired. Nobody lost anything, but it should not happen: look in the " +
				"keeper's log for what was repaired, and for a failover of the cache.",
			Metric: f.every(string(signals.Healed), alarms.Sum), Periods: 2,
		},
		"orders-unknown": {
			Says: "Nobody knows whether an order was executed. Ask the broker by its client order id before anything is sent " +
				"again; the order's row in the ledger names user and id.",
			Metric: f.of(string(signals.Orders), alarms.Sum, "outcome", "unknown"), Periods: 1,
		},
		"orders-waiting": {
			Says: "An accepted order has not reached a worker for a minute. Look whether its user has a session, then at the " +
				"keepers and at the queue order-tasks.",
			Metric: f.of(string(signals.OutboxAge), alarms.Maximum, "", ""), Above: oldOrder, Periods: 2,
		},
		"no-capacity": {
			Says: "Workers were asked for and there was no room for them. Look at the group of worker hosts: at its maximum, " +
				"refused by EC2, or on its way.",
			Metric: f.of(string(signals.Launches), alarms.Sum, "outcome", "no_capacity"), Periods: 5,
		},
		"limits": {
			Says: "More than four fifths of a limit are in use. The series of the metric names it; raise the quota, or plan for " +
				"more users.",
			Metric: f.every(string(signals.LimitUsedRatio), alarms.Maximum), Above: limitShare, Periods: 5,
		},
	}
	for name, alarm := range made {
		alarm.Missing = alarms.NotBreaching
		made[name] = alarm
	}
	// There are workers at any hour: their silence is that of the agents, of the cache, or of these metrics.
	made["beats-stopped"] = alarms.Alarm{
		Says: "No worker's heartbeat has been confirmed for a quarter of an hour. On a new stack no image runs yet; else look at " +
			"the agents, then at the cache.",
		Metric: f.of(string(signals.Beats), alarms.Sum, "", ""), Below: 1, Periods: 15, Missing: alarms.Breaching,
	}
	return made
}
