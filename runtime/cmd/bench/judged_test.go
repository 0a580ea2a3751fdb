package main

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/order"
)

// Figures in which something is counted that must not be make the command fail after they were told, and say all of it; those
// that are as they should be, and those that only took long, do not.
func TestFiguresAreJudged(t *testing.T) {
	ours := func(s system) compareFigures { return compareFigures{Systems: []system{s, {Failed: 7, Doubled: 7}}} }
	stages := func(first, second int) rampFigures {
		return rampFigures{Stages: []stage{{Errors: first}, {Errors: second}}}
	}
	for name, c := range map[string]struct {
		figures judged
		want    []string
	}{
		"burst":               {burstFigures{Users: 9, Ready: 9, ReadyP99Ms: 1e6}, nil},
		"burst, not all":      {burstFigures{Users: 9, Ready: 7, Doubled: 1}, []string{"2 users were not served", "1 users are on somebody"}},
		"claims":              {claimFigures{Claims: 9, ReadyP99Ms: 1e6}, nil},
		"claims, not all":     {claimFigures{Claims: 9, Errors: 2}, []string{"2 users were not served"}},
		"claims, nobody":      {claimFigures{}, []string{"nobody came"}},
		"ramp":                {stages(0, 3), nil},
		"ramp, at once":       {stages(3, 0), []string{"3 users were not served at the first rate"}},
		"ramp, nobody":        {rampFigures{}, []string{"do not last"}},
		"hostloss":            {hostLossFigures{Users: 9, Lost: 4, ServedAgain: 4, Untouched: 5, ServedSeconds: 99}, nil},
		"hostloss, not all":   {hostLossFigures{Users: 9, Lost: 4, ServedAgain: 3, Untouched: 4}, []string{"1 users of the lost host", "1 users of other hosts"}},
		"reap":                {reapFigures{By: "signal", Dead: 9, HeldBefore: 9, Waiting: 9, FencedSeconds: 99}, nil},
		"reap, by lease":      {reapFigures{By: "lease", Dead: 9, Waiting: 9}, nil},
		"reap, not all":       {reapFigures{By: "lease", Dead: 9, Waiting: 8}, []string{"1 users of dead workers"}},
		"reap, not held":      {reapFigures{By: "signal", Dead: 9, HeldBefore: 7, Waiting: 9}, []string{"2 workers were given up"}},
		"compare":             {ours(system{ReadyP99Ms: 1e6}), nil},
		"compare, not all":    {ours(system{Failed: 1, Doubled: 2}), []string{"1 users were not served", "2 users are on somebody"}},
		"functions":           {functionFigures{Claims: 9}, nil},
		"functions, not all":  {functionFigures{Claims: 9, Errors: 1}, []string{"1 users were not served"}},
		"orders":              {orderFigures{Orders: 9, BrokerP99Ms: 1e6}, nil},
		"orders, none":        {orderFigures{Orders: 9, Errors: 9}, []string{"none of 9"}},
		"orders, not all":     {orderFigures{Orders: 9, Errors: 1, Late: 2}, []string{"1 signals", "2 orders were too late"}},
		"orders, broken":      {orderFigures{Orders: 9, Duplicates: 1, Lost: 2, Disagree: 3}, []string{"1 orders reached", "2 orders were lost", "3 orders ended"}},
		"a ceiling":           {orderFigures{Orders: 9, Errors: 1, Late: 2, searched: true}, nil},
		"a ceiling, broken":   {orderFigures{Orders: 9, searched: true, stages: errors.New("2 orders were lost")}, []string{"2 orders were lost"}},
		"a ceiling, for none": {orderFigures{Orders: 9, Errors: 9, searched: true}, []string{"none of 9"}},
	} {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			err := tellJudged(&out, true, c.figures, "")
			require.NotEmpty(t, out.String(), "they are told in any case")
			if c.want == nil {
				require.NoError(t, err)
			}
			for _, want := range c.want {
				require.ErrorContains(t, err, want)
			}
		})
	}
	require.ErrorIs(t, tellJudged(brokenPipe{}, true, claimFigures{Claims: 1}, ""), io.ErrClosedPipe)
}

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

// Who failed has waited for as long as anybody does: failures make no tail better.
func TestFailedCountInQuantiles(t *testing.T) {
	of := []time.Duration{1, 2, 3}
	require.Equal(t, []time.Duration{1, 2, 3, patience, patience}, withFailed(of, 2, patience))
	require.Equal(t, []time.Duration{1, 2, 3}, of)
	m := &measured{ready: of, claim: of, errors: 4}
	require.Equal(t, []time.Duration{1, patience, 1, patience}, []time.Duration{m.readied(0), m.readied(0.5), m.claimed(0), m.claimed(0.5)})
	s := contest(t.Context(), &everyOther{}, schedule{rate: 400, long: 100 * time.Millisecond, seed: 1, most: 10})
	require.Equal(t, []int{10, 5}, []int{s.Claims, s.Failed})
	require.Equal(t, milliseconds(patience), s.ReadyP99Ms)
	require.Negative(t, s.MicrosPerClaim, "servers that did less while users came than before are no servers that did as much")
}

// everyOther serves every other user, and its servers compute before they come and not after.
type everyOther struct{ looks int }

func (*everyOther) claim(_ context.Context, n int) (string, error) {
	if n%2 == 0 {
		return "", errors.New("not this one")
	}
	return string(workerName(n)), nil
}

func (r *everyOther) stop() {}
func (r *everyOther) spent(context.Context) spent {
	r.looks++
	return spent{at: time.Now(), storage: float64(min(r.looks, 2))}
}

// The exchange's record and the ledger judge the orders, each in one way: what was placed twice, was too late, was never
// placed or has no end, or ended in the ledger although the exchange has it.
func TestOrdersAreJudged(t *testing.T) {
	due := time.Now()
	after := func(n int) time.Time { return due.Add(time.Duration(n) * time.Millisecond) }
	var all []sending
	for _, id := range []fleet.OrderID{"filled", "unseen", "endless", "expired", "rejected", "outdated", "refused", "denied"} {
		all = append(all, sending{id: id, due: due, answered: time.Millisecond})
	}
	all = append(all, sending{due: due})
	placed := map[string][]placing{}
	for id, calls := range map[fleet.OrderID][]placing{
		"filled": {{after(2), true}, {after(3), false}}, "endless": {{after(2), true}},
		"outdated": {{after(2), false}, {after(3), true}}, "refused": {{after(2), true}}, "denied": {{after(2), false}},
	} {
		placed[order.ClientID(id, 0)] = calls
	}
	end := func(s order.State) order.Record { return order.Record{State: s, ChangedAt: after(4)} }
	f := orderFigures{}
	f.judge(all, placed, map[fleet.OrderID]order.Record{
		"filled": end(order.Filled), "unseen": end(order.Filled), "expired": end(order.Expired), "rejected": end(order.Rejected),
		"outdated": end(order.Expired), "refused": end(order.Rejected), "denied": end(order.Rejected),
	})
	require.Equal(t, []int{9, 1}, []int{f.Orders, f.Errors})
	require.Equal(t, 2, f.Duplicates, "filled and outdated")
	require.Equal(t, 1, f.Late, "expired")
	require.Equal(t, 3, f.Lost, "unseen, endless and rejected")
	require.Equal(t, 2, f.Disagree, "outdated and refused, not denied")
	require.Equal(t, []float64{1, milliseconds(patience)}, []float64{f.AcceptP50Ms, f.AcceptP99Ms})
	require.Equal(t, []float64{2, milliseconds(endLimit)}, []float64{f.BrokerP50Ms, f.BrokerP99Ms})
	require.Equal(t, []float64{4, milliseconds(endLimit)}, []float64{f.CommittedP50Ms, f.CommittedP99Ms})
}
