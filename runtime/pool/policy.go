package pool

import (
	"fmt"
	"time"
)

// Policy is what stays the same between decisions. Zero values stand for the defaults that are named; fields without
// one must be stated.
type Policy struct {
	// Peak is how many workers serve at once on the busiest day: 0.35 × registered users.
	Peak int
	// PerHost is how many workers a host holds; both host types hold as many.
	PerHost int
	// MinHosts and MaxHosts bound the hosts of both types together.
	MinHosts, MaxHosts int
	// MaxWorkers bounds all workers, idle and busy and coming; 0 is what MaxHosts hold.
	MaxWorkers int
	// Fallback says that there is a second host type.
	Fallback bool

	// Buffer is how many idle workers there are at any time; 0 is 5 % of the peak, rounded up.
	Buffer int
	// Calendar is the market's; nil plans nothing ahead.
	Calendar *Calendar
	// Prewarm is how the stock rises before an open; zero is from 30 minutes to 5 minutes before it.
	Prewarm Prewarm
	// Quantile is how bad a week to be ready for, 0 to 1: the share of past weeks that had no more claims in the same
	// minute. 0 is 0.95.
	Quantile float64
	// Drift is by how many whole minutes what users do may come earlier or later than in a past week; 0 is two minutes.
	Drift time.Duration
	// Guard is how many standard deviations of chance are added to the claims expected; 0 is 2.33, which one in a
	// hundred intervals exceeds.
	Guard float64
	// WorkerLead is how long it takes from a decision to the idle worker; 0 is one minute, the time between two passes
	// of the pool function when it is alone.
	WorkerLead time.Duration
	// HostLead is how long it takes from a decision to a host that takes workers; 0 is three minutes, the longest that
	// an empty host takes to join.
	HostLead time.Duration
	// Window is how long a surplus must last before it shrinks, and the time in which a tenth of it may; 0 is three
	// minutes: what is stopped sooner may be missed before a host can be back.
	Window time.Duration
	// CanaryShare is the share of idle workers, 0 to 1, that run an image which is not proven yet, until it is the share
	// of all workers; 0 launches none.
	CanaryShare float64
}

// Defaults of [Policy], and shares that are not configured.
const (
	defaultFull, defaultLead = 5 * time.Minute, 30 * time.Minute
	defaultQuantile          = 0.95
	defaultGuard             = 2.33
	defaultDrift             = 2 * time.Minute
	defaultWorkerLead        = time.Minute
	defaultHostLead          = 3 * time.Minute
	defaultWindow            = 3 * time.Minute

	bufferShare = 20 // 1/20 of the peak
	// A tenth of the surplus may go in a window, and a tenth of the target is replaced by a new image in one.
	stepShare = 10
)

// Complete fills in the defaults. Its error is of type [Problems] and holds everything that is wrong.
func (p Policy) Complete() (Policy, error) {
	fill(&p.Buffer, max(1, ceilDiv(p.Peak, bufferShare)))
	fill(&p.MaxWorkers, max(1, p.MaxHosts*p.PerHost))
	fill(&p.Prewarm, Prewarm{Lead: defaultLead, Full: defaultFull})
	fill(&p.Quantile, defaultQuantile)
	fill(&p.Guard, defaultGuard)
	fill(&p.Drift, defaultDrift)
	fill(&p.WorkerLead, defaultWorkerLead)
	fill(&p.HostLead, defaultHostLead)
	fill(&p.Window, defaultWindow)
	return p, p.problems().err()
}

// fill replaces a zero value.
func fill[V comparable](field *V, value V) {
	var zero V
	if *field == zero {
		*field = value
	}
}

// largestCount keeps products of counts within what an int holds anywhere.
const largestCount = 1_000_000

// problems judges a policy whose defaults are filled in.
func (p Policy) problems() Problems {
	var wrong Problems
	count := func(field string, value, least, most int) {
		if value < least || value > most {
			wrong.refuse(field, value, fmt.Sprintf("%d to %d", least, most))
		}
	}
	share := func(field string, value, most float64) {
		if !(value >= 0 && value <= most) { // also refuses NaN
			wrong.refuse(field, value, fmt.Sprintf("0 to %v", most))
		}
	}
	period := func(field string, value, least time.Duration) {
		if value < least || value > 24*time.Hour {
			wrong.refuse(field, value, least.String()+" to 24h")
		}
	}
	count("peak", p.Peak, 1, largestCount)
	count("perHost", p.PerHost, 1, 10_000)
	count("maxHosts", p.MaxHosts, 1, 5_000) // container instances per cluster (fact ecs.instances.cluster)
	count("minHosts", p.MinHosts, 0, max(0, p.MaxHosts))
	count("maxWorkers", p.MaxWorkers, 1, max(1, p.MaxHosts*p.PerHost))
	count("buffer", p.Buffer, 1, largestCount)
	period("prewarm.lead", p.Prewarm.Lead, 0)
	period("prewarm.full", p.Prewarm.Full, 0)
	if p.Prewarm.Full > p.Prewarm.Lead {
		wrong.refuse("prewarm.full", p.Prewarm.Full, "at most prewarm.lead, "+p.Prewarm.Lead.String())
	}
	share("quantile", p.Quantile, 1)
	share("guard", p.Guard, 10)
	period("drift", p.Drift, 0)
	period("workerLead", p.WorkerLead, time.Millisecond)
	period("hostLead", p.HostLead, time.Millisecond)
	period("window", p.Window, time.Millisecond)
	share("canaryShare", p.CanaryShare, 1)
	return wrong
}

// ceilDiv divides and rounds up.
func ceilDiv(a, b int) int { return (a + b - 1) / b }
