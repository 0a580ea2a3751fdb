package signals

import "slices"

// Namespace is the platform's in CloudWatch.
const Namespace = "Workerfleet"

// StackDimension tells the stacks of an account apart: in CloudWatch every series has it beside its labels, with the
// stack's name (settings.Stack). It is no label: a process has one value of it, so that it multiplies nothing.
const StackDimension = "Stack"

// Counter, Gauge and Histogram are metric names, of three types so that none is recorded as another kind.
type (
	Counter   string
	Gauge     string
	Histogram string
)

// The metrics; [All] describes each.
const (
	Claims   Counter = "fleet_claims_total"
	Deaths   Counter = "fleet_deaths_total"
	Beats    Counter = "fleet_beats_total"
	Healed   Counter = "fleet_healed_total"
	Recalled Counter = "fleet_recalled_total"
	Launches Counter = "fleet_launches_total"
	Orders   Counter = "fleet_orders_total"

	Corrections Counter = "fleet_corrections_total"

	Workers        Gauge = "fleet_workers"
	WarmTarget     Gauge = "fleet_warm_target"
	Hold           Gauge = "fleet_hold"
	OutboxAge      Gauge = "fleet_outbox_age_seconds"
	LimitUsedRatio Gauge = "fleet_limit_used_ratio"

	ClaimReady  Histogram = "fleet_claim_ready_seconds"
	Recovery    Histogram = "fleet_recovery_seconds"
	OrderBroker Histogram = "fleet_order_broker_seconds"
)

// Kind is how a metric's values add up.
type Kind string

// A counter only rises, a gauge is the last value, a histogram keeps a distribution.
const (
	KindCounter   Kind = "counter"
	KindGauge     Kind = "gauge"
	KindHistogram Kind = "histogram"
)

// Unit is CloudWatch's word for what a value counts.
type Unit string

// The units; a ratio has none.
const (
	Count   Unit = "Count"
	Seconds Unit = "Seconds"
	None    Unit = "None"
)

// Label tells a metric's series apart. Its values are closed, so that the number of series is known.
type Label struct {
	Name   string
	Values []string
}

// Metric describes one metric.
type Metric struct {
	Name string
	Kind Kind
	Unit Unit
	// Help says what one unit of it means.
	Help string
	// Labels, in the order in which a [Recorder] is given their values.
	Labels []Label
	// Buckets are a histogram's upper bounds, rising, in its unit.
	Buckets []float64
}

// All describes every metric, sorted by name. Each call returns its own copy.
func All() []Metric {
	all := slices.Concat(counters(), gauges(), histograms())
	slices.SortFunc(all, func(a, b Metric) int {
		if a.Name < b.Name {
			return -1
		}
		return 1
	})
	return all
}

func counters() []Metric {
	counter := func(name Counter, help string, labels ...Label) Metric {
		return Metric{Name: string(name), Kind: KindCounter, Unit: Count, Help: help, Labels: labels}
	}
	return []Metric{
		counter(Claims, "Claims answered: with a worker, with a place in the queue, or not at all.",
			Label{"outcome", []string{"ready", "waiting", "failed"}}),
		counter(Deaths, "Workers found dead: their process ended, their lease ran out, or ECS or EC2 said so.",
			Label{"cause", []string{"exit", "lease", "confirmed"}}),
		counter(Beats, "Heartbeats of workers that the store has confirmed."),
		counter(Healed, "Disagreements among the pool's keys that were repaired, by the key that was wrong. Steady at 0.",
			Label{"kind", []string{"free", "lease", "worker", "user", "host", "ack", "waiting", "launching"}}),
		counter(Recalled, "Users to be served again because the database had a session for them that the pool did not know."),
		counter(Launches, "Workers asked for: started, refused for want of capacity, throttled, or failed.",
			Label{"outcome", []string{"started", "no_capacity", "throttled", "failed"}}),
		counter(Orders, "Orders that came to their end, each once: a final state, or that nobody knows.",
			Label{"outcome", []string{"filled", "rejected", "cancelled", "expired", "unknown"}}),
		counter(Corrections, "Ends of orders that the broker's later word replaced; such an order counts by its first end."),
	}
}

func gauges() []Metric {
	gauge := func(name Gauge, unit Unit, help string, labels ...Label) Metric {
		return Metric{Name: string(name), Kind: KindGauge, Unit: unit, Help: help, Labels: labels}
	}
	return []Metric{
		gauge(Workers, Count, "Workers in each state.",
			Label{"state", []string{"launching", "warm", "assigned", "serving", "returned", "resetting", "draining"}}),
		gauge(WarmTarget, Count, "Idle workers that should exist now."),
		gauge(Hold, None, "1 while reaping is suspended because too many hosts fell silent at once, else 0."),
		gauge(OutboxAge, Seconds, "Age of the oldest accepted order that is not dispatched."),
		gauge(LimitUsedRatio, None, "Share of a limit in use: 1 is all of it.",
			Label{"limit", []string{"alb_connections", "database_connections", "ecs_api", "ecs_provisioning", "lambda_concurrency",
				"valkey_connections", "valkey_slot", "vcpu"}}),
	}
}

func histograms() []Metric {
	histogram := func(name Histogram, help string, buckets ...float64) Metric {
		return Metric{Name: string(name), Kind: KindHistogram, Unit: Seconds, Help: help, Buckets: buckets}
	}
	return []Metric{
		// The queue-claim baseline takes 0.897 s, and 3.6 s when its pool is empty: both are bounds, so that the share
		// of claims below them is exact.
		histogram(ClaimReady, "From a user's request to a worker that has confirmed its epoch and opened the credentials.",
			0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.897, 2, 3.6, 10, 30, 60),
		// 17 s is TTL + guard, when the store may give a silent worker's user away; 60 s is the promise.
		histogram(Recovery, "From the last beat of a dead worker to its user's next worker being ready.",
			0.1, 0.5, 1, 2, 5, 10, 17, 20, 30, 60, 120),
		histogram(OrderBroker, "From an order's acceptance to the broker's answer. Below 2 s is the promise for a warm pool.",
			0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60),
	}
}
