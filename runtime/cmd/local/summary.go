package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"time"

	"workerfleet/runtime/claim"
)

// summary is what happened, as the last line of --json.
type summary struct {
	Workers       int     `json:"workers"`
	Claims        int     `json:"claims"`
	ClaimP50Ms    float64 `json:"claimP50Ms"`
	ClaimP99Ms    float64 `json:"claimP99Ms"`
	ReadyP50Ms    float64 `json:"readyP50Ms"`
	ReadyP99Ms    float64 `json:"readyP99Ms"`
	Deaths        int     `json:"deaths"`
	Recovered     int     `json:"recovered"`
	RecoveryP99Ms float64 `json:"recoveryP99Ms"`
	// Spared were to be killed and are not among the deaths.
	Spared         int `json:"spared"`
	DoubleAssigned int `json:"doubleAssigned"`
	Lost           int `json:"lost"`
	// Orders were accepted of those Wanted that users have; Filled of them are, and the rest ended otherwise, or works on.
	Orders int `json:"orders"`
	Wanted int `json:"wanted"`
	Filled int `json:"filled"`
	// Refused are deliveries that were answered with a no which they did not deserve, and Refusals the same by what was said.
	// Stale were repeated when their signature had grown old, and are refused for that.
	Refused     int            `json:"refused"`
	Refusals    map[string]int `json:"refusals,omitempty"`
	Stale       int            `json:"stale"`
	AcceptP50Ms float64        `json:"acceptP50Ms"`
	AcceptP99Ms float64        `json:"acceptP99Ms"`
	BrokerP50Ms float64        `json:"brokerP50Ms"`
	BrokerP99Ms float64        `json:"brokerP99Ms"`
	// Judged says that the counts after it were counted; but for the last one they must be 0.
	Judged        bool `json:"judged"`
	Duplicates    int  `json:"duplicates"`
	LostOrders    int  `json:"lostOrders"`
	Unresolved    int  `json:"unresolved"`
	Disagreements int  `json:"disagreements"`
	OutOfOrder    int  `json:"outOfOrder"`
	FencedCalls   int  `json:"fencedCalls"`
	Unknown       int  `json:"unknown"`
	// Landed were written by a worker that was stopped in that very moment, and their outcome is known.
	Landed int `json:"landed"`
	// Deeds is what chaos did.
	Deeds map[deed]int `json:"deeds,omitempty"`
	// Steps are those of a roll, and Mixtures the orders by the releases that had them in hand.
	Steps    []step         `json:"steps,omitempty"`
	Mixtures map[string]int `json:"mixtures,omitempty"`
	// Growth of what was looked at, and all the looks: see growth.
	Growth map[string]float64 `json:"growth,omitempty"`
	Held   []held             `json:"held,omitempty"`
	Seed   uint64             `json:"seed"`
	Parts  used               `json:"parts"`
}

func (d *day) summary() summary {
	d.mu.Lock()
	defer d.mu.Unlock()
	v := d.trading.verdict
	filled, broker := d.trading.filled(d.exchange.Seen())
	return summary{
		Orders: len(d.trading.accepted), Wanted: d.users * d.orders, Filled: filled,
		Refused: d.trading.refused, Refusals: d.trading.refusals, Stale: d.trading.stale, Judged: d.trading.judged,
		AcceptP50Ms: quantile(d.trading.took, 0.5), AcceptP99Ms: quantile(d.trading.took, 0.99),
		BrokerP50Ms: quantile(broker, 0.5), BrokerP99Ms: quantile(broker, 0.99),
		Duplicates: v.Duplicates, LostOrders: v.Lost, Unresolved: v.Unresolved, Disagreements: v.Disagree,
		OutOfOrder: v.OutOfOrder, FencedCalls: v.Fenced, Landed: v.Landed, Deeds: d.deeds, Unknown: v.Unknown,
		Workers: d.workers, Claims: len(d.readies), ClaimP50Ms: quantile(d.claims, 0.5), ClaimP99Ms: quantile(d.claims, 0.99),
		ReadyP50Ms: quantile(d.readies, 0.5), ReadyP99Ms: quantile(d.readies, 0.99),
		Deaths: d.killed, Spared: d.spared, Recovered: len(d.recovery), RecoveryP99Ms: quantile(d.recovery, 0.99),
		DoubleAssigned: d.accounts.doubled(), Lost: d.lost, Seed: d.seed, Parts: d.used,
		Growth: growth(d.held), Held: d.held, Steps: d.steps, Mixtures: d.mixtures(),
	}
}

// clean says that all happened that must, and nothing that must not.
func (s summary) clean() bool {
	return s.Judged && s.Orders >= s.Wanted && s.Spared == 0 &&
		s.DoubleAssigned+s.Lost+s.Refused+s.Duplicates+s.LostOrders+s.Unresolved+s.Disagreements+s.OutOfOrder+s.FencedCalls+s.Unknown == 0
}

// quantile is in milliseconds; 0 of nothing.
func quantile(of []time.Duration, q float64) float64 {
	if len(of) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(of))
	return float64(sorted[min(len(sorted)-1, int(q*float64(len(sorted))))].Microseconds()) / 1000
}

func (s summary) print(w io.Writer, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(w).Encode(s)
	}
	_, err := fmt.Fprintf(w, `
%d users on %d workers
  ready        p50 %.1f ms, p99 %.1f ms after a user came (the API's own time: p50 %.1f ms, p99 %.1f ms)
  deaths       %d workers killed, %d users served again, p99 %.0f ms after the kill
  never        two workers in one account: %d; users lost: %d
%d of %d orders accepted, p50 %.1f ms, p99 %.1f ms; %d filled, at the broker p50 %.1f ms, p99 %.1f ms after the acceptance
  never        sent twice: %d; lost: %d; without an end: %d; given up: %d; ledger and broker disagree: %d; out of order: %d; by a fenced worker: %d; refused: %d
  allowed      repeated with an old signature: %d; landed late, as the worker had been stopped in that moment: %d
`, s.Claims, s.Workers, s.ReadyP50Ms, s.ReadyP99Ms, s.ClaimP50Ms, s.ClaimP99Ms, s.Deaths, s.Recovered, s.RecoveryP99Ms, s.DoubleAssigned, s.Lost,
		s.Orders, s.Wanted, s.AcceptP50Ms, s.AcceptP99Ms, s.Filled, s.BrokerP50Ms, s.BrokerP99Ms,
		s.Duplicates, s.LostOrders, s.Unresolved, s.Unknown, s.Disagreements, s.OutOfOrder, s.FencedCalls, s.Refused, s.Stale, s.Landed)
	if s.Spared > 0 {
		fmt.Fprintf(w, "  missing      %d of the workers that were to be killed had no user, or had ended\n", s.Spared)
	}
	if !s.Judged {
		fmt.Fprintln(w, "  orders were not judged: the run was ended before, and their counts say nothing")
	}
	s.printRefusals(w)
	s.printRoll(w)
	for _, name := range slices.Sorted(maps.Keys(s.Growth)) {
		fmt.Fprintf(w, "  %.2f times what it was: %s\n", s.Growth[name], name)
	}
	return err
}

// show writes the pool's numbers while the day goes on: in place on a terminal, else as lines. The returned function
// ends it.
func (d *day) show(ctx context.Context, out io.Writer) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	begin, end := "", "\n"
	if file, isFile := out.(*os.File); isFile {
		if info, err := file.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			begin, end = "\r\x1b[K", ""
		}
	}
	go func() {
		defer close(done)
		for {
			select {
			case <-ctx.Done():
				fmt.Fprint(out, end)
				return
			case <-time.After(500 * time.Millisecond):
			}
			census, err := d.path.Store.Census(ctx)
			if err != nil {
				continue
			}
			fmt.Fprintf(out, "%swarm %d · assigned %d · serving %d · resetting %d · waiting %d · users served %d · logged in %d%s", begin,
				census.Workers[claim.Warm], census.Workers[claim.Assigned], census.Workers[claim.Serving], census.Workers[claim.Resetting],
				census.Waiting, d.served.Load(), d.accounts.logins(), end)
		}
	}()
	return func() { cancel(); <-done }
}
