package agent

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"workerfleet/runtime/fleet"
)

// outcomeName names an outcome: what one life has said under a number.
type outcomeName struct {
	worker fleet.Worker
	life   fleet.Life
	number uint64
}

func (n outcomeName) compare(o outcomeName) int {
	return cmp.Or(cmp.Compare(n.worker, o.worker), cmp.Compare(n.life, o.life), cmp.Compare(n.number, o.number))
}

// kept is an outcome that is not known to be committed.
type kept struct {
	fleet.Outcome
	at time.Time // when it came
	// published is when it was handed on last; zero while that is under way or has failed.
	published time.Time
}

// Bounds of what is kept. Beyond them the ledger looks the order up by itself.
const (
	outcomesLimit  = 8192
	outcomePatient = 5 * time.Minute
	// republishPause is how long a commit may take before the outcome is handed on again.
	republishPause = 3 * time.Second
)

// reported takes what a worker says of an order. Who says it is what the agent knows, not what the message says; of
// another session than its own a worker says nothing.
func (r *roster) reported(now time.Time, m *member, o fleet.Outcome) []effect {
	o.Worker, o.Host, o.Life = m.Worker, r.host, m.Life
	if o.Epoch != m.Epoch || o.User != m.User {
		return nil
	}
	key := outcomeName{o.Worker, o.Life, o.Number}
	if r.outcomes[key] != nil || len(r.outcomes) >= outcomesLimit {
		return nil
	}
	r.outcomes[key] = &kept{Outcome: o, at: now}
	return []effect{publish{Outcome: o}}
}

// published takes the answer to an outcome that was handed on. A failure is tried again.
func (r *roster) published(now time.Time, p publish, err error) []effect {
	k := r.outcomes[outcomeName{p.Worker, p.Life, p.Number}]
	switch {
	case k == nil:
		return nil
	case err == nil:
		k.published = now
		return nil
	}
	return []effect{later{p.tries, func(*roster) []effect { return []effect{publish{p.Outcome, p.tries + 1}} }}}
}

// committed forgets an outcome that is in the ledger.
func (r *roster) committed(m fleet.Mail) { delete(r.outcomes, outcomeName{m.Worker, m.Life, m.Number}) }

// republish hands on again what has not been committed in time, and gives up what is too old.
func (r *roster) republish(now time.Time) []effect {
	var effects []effect
	for _, key := range slices.SortedFunc(maps.Keys(r.outcomes), outcomeName.compare) { // as they were said
		switch k := r.outcomes[key]; {
		case now.Sub(k.at) > outcomePatient:
			delete(r.outcomes, key)
		case !k.published.IsZero() && now.Sub(k.published) > republishPause:
			k.published = time.Time{}
			effects = append(effects, publish{Outcome: k.Outcome})
		}
	}
	return effects
}
