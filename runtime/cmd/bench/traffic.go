package main

import (
	"context"
	"slices"
	"sync"
	"time"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/order"
	"workerfleet/runtime/paper"
)

// measure sends orders for a while, and asks the exchange and the ledger what became of them.
func (m *market) measure(ctx context.Context, o orderOptions) (orderFigures, error) {
	before := m.spent(ctx)
	all := m.send(ctx, o)
	f := orderFigures{Users: o.users, Rate: o.rate, Seed: o.seed}
	f.shares = m.spent(ctx).shares(before)
	f.AcceptedPerSecond = acceptedPerSecond(all, o.long)
	if err := ctx.Err(); err != nil {
		return f, err
	}
	ended, err := m.ended(ctx, all)
	if err != nil {
		return f, err
	}
	f.judge(all, m.placed(), ended)
	return f, nil
}

// endLimit is how long the last orders may take to their end: an order is valid for a minute, and what expires ends then.
const endLimit = 90 * time.Second

// ended reads the orders that have an end, as soon as all have one or time is up.
func (m *market) ended(ctx context.Context, all []sending) (map[fleet.OrderID]order.Record, error) {
	open := map[int]map[fleet.OrderID]bool{}
	for _, s := range all {
		if open[s.user] == nil {
			open[s.user] = map[fleet.OrderID]bool{}
		}
		if s.id != "" {
			open[s.user][s.id] = true
		}
	}
	ended := map[fleet.OrderID]order.Record{}
	for began := time.Now(); len(open) > 0 && time.Since(began) < endLimit && ctx.Err() == nil; time.Sleep(200 * time.Millisecond) {
		users := make([]int, 0, len(open))
		for who := range open {
			users = append(users, who)
		}
		var mu sync.Mutex
		var failed error
		each(len(users), func(i int) {
			mu.Lock()
			mine := open[users[i]] // its own; the map of all is shared
			mu.Unlock()
			var final []order.Record
			err := m.records(ctx, user(users[i]), func(r order.Record) {
				if mine[r.ID] && r.State.Final() {
					final = append(final, r)
				}
			})
			mu.Lock()
			defer mu.Unlock()
			for _, r := range final {
				ended[r.ID] = r
				delete(mine, r.ID)
			}
			if len(mine) == 0 {
				delete(open, users[i])
			}
			if err != nil {
				failed = err
			}
		})
		if failed != nil {
			return nil, failed
		}
	}
	return ended, nil
}

// placing is one call that asked the exchange to place an order.
type placing struct {
	at    time.Time
	taken bool // the exchange has the order
}

// placed lists by client id when the exchange was asked to place orders. A call counts by its arrival, whatever was answered.
func (m *market) placed() map[string][]placing {
	calls := map[string][]placing{}
	for _, s := range m.exchange.Seen() {
		if s.Call == paper.Place {
			calls[s.ClientID] = append(calls[s.ClientID], placing{s.At, s.Effect})
		}
	}
	return calls
}

// judge fills in what became of the signals.
func (f *orderFigures) judge(all []sending, placed map[string][]placing, ended map[fleet.OrderID]order.Record) {
	var accept, broker, committed []time.Duration
	f.Orders = len(all)
	for _, s := range all {
		if s.id == "" {
			f.Errors++
			continue
		}
		accept = append(accept, s.answered)
		calls := placed[order.ClientID(s.id, 0)]
		if len(calls) > 0 {
			broker = append(broker, calls[0].at.Sub(s.due))
			f.Duplicates += len(calls) - 1
		}
		end, final := ended[s.id]
		if final {
			committed = append(committed, end.ChangedAt.Sub(s.due))
		}
		taken := slices.ContainsFunc(calls, func(p placing) bool { return p.taken })
		switch {
		case final && len(calls) == 0 && end.State == order.Expired:
			f.Late++
		case !final || len(calls) == 0:
			f.Lost++
		case taken && (end.State == order.Expired || end.State == order.Rejected):
			f.Disagree++
		}
	}
	accept = withFailed(accept, f.Orders-len(accept), patience)
	broker, committed = withFailed(broker, f.Orders-len(broker), endLimit), withFailed(committed, f.Orders-len(committed), endLimit)
	f.AcceptP50Ms, f.AcceptP99Ms = milliseconds(quantile(accept, 0.5)), milliseconds(quantile(accept, 0.99))
	f.BrokerP50Ms, f.BrokerP99Ms, f.BrokerP999Ms = milliseconds(quantile(broker, 0.5)), milliseconds(quantile(broker, 0.99)), milliseconds(quantile(broker, 0.999))
	f.CommittedP50Ms, f.CommittedP99Ms = milliseconds(quantile(committed, 0.5)), milliseconds(quantile(committed, 0.99))
}

// acceptedPerSecond counts until the last signal is answered: what waits at the end of its schedule is no less asked for.
func acceptedPerSecond(all []sending, long time.Duration) float64 {
	accepted := 0
	for _, s := range all {
		if s.id != "" {
			accepted++
			long = max(long, s.due.Add(s.answered).Sub(all[0].due))
		}
	}
	return float64(accepted) / long.Seconds()
}
