package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"runtime/debug"
	"time"

	"workerfleet/runtime/paper"
)

// orderOptions are what the command line of orders says.
type orderOptions struct {
	runOptions
	arrivals
	ceiling bool
}

// What is measured where nothing else is asked for, and how many workers a published host has.
const (
	orderUsers, orderRate, orderLong = 1000, 500, 20 * time.Second
	workersPerHost                   = 480
)

// Aims from the scheduled sending of a signal to the arrival of its order at the broker.
const (
	aimP50 = 5 * time.Millisecond
	aimP99 = 50 * time.Millisecond
)

func parseOrders(args []string, errs io.Writer) (orderOptions, error) {
	var o orderOptions
	flags := flag.NewFlagSet("bench orders", flag.ContinueOnError)
	o.sizeless(flags)
	flags.IntVar(&o.users, "users", orderUsers, "users, each with a session and a webhook")
	flags.Float64Var(&o.rate, "rate", orderRate, "orders a second, on a Poisson schedule; with --ceiling the first stage's")
	flags.DurationVar(&o.long, "for", orderLong, "how long orders come; with --ceiling each stage")
	flags.BoolVar(&o.ceiling, "ceiling", false, "raise the rate until what is accepted does not follow")
	if err := parse(flags, args, errs); err != nil {
		return o, err
	}
	o.workers, o.hosts = o.users, (o.users+workersPerHost-1)/workersPerHost
	return o, errors.Join(o.arrivals.check(time.Minute), check(flags, limit{"users", o.users, 1, 10_000}))
}

// orderFigures are what orders measures. Times count from the scheduled sending.
type orderFigures struct {
	Users          int     `json:"users"`
	Rate           float64 `json:"rate"`
	Orders         int     `json:"orders"` // that were sent
	AcceptP50Ms    float64 `json:"acceptP50Ms"`
	AcceptP99Ms    float64 `json:"acceptP99Ms"`
	BrokerP50Ms    float64 `json:"brokerP50Ms"`
	BrokerP99Ms    float64 `json:"brokerP99Ms"`
	BrokerP999Ms   float64 `json:"brokerP999Ms"`
	CommittedP50Ms float64 `json:"committedP50Ms"`
	CommittedP99Ms float64 `json:"committedP99Ms"`
	// Duplicates are placements beyond an order's first, by the exchange's own record; Late are accepted orders whose time was
	// over before they were placed; Lost are all others without an end, or that it has not seen; Disagree are orders that it
	// has, and that the ledger ended as if it had not; Errors are signals without 202. What failed counts in the times, too.
	Duplicates int `json:"duplicates"`
	Lost       int `json:"lost"`
	Late       int `json:"late"`
	Disagree   int `json:"disagree"`
	Errors     int `json:"errors"`
	// AcceptedPerSecond counts until the last answer; with --ceiling it is of the stage with the most, as all figures are.
	AcceptedPerSecond float64 `json:"acceptedPerSecond"`
	// Shares of one core: the process is the platform, its users and the exchange.
	shares
	Seed    uint64  `json:"seed"`
	Machine machine `json:"machine"`
	// searched says that the figures are of one of many stages, and stages what was wrong in any of them.
	searched bool
	stages   error
}

// runOrders sends signed webhooks and measures when each is accepted, when its order reaches the broker, and when its
// fill is committed: through a listener and the API's handler, the ledger, mail, agents, workers, and back through the
// outcomes' stream and the dispatcher.
func runOrders(ctx context.Context, args []string, out, errs io.Writer) error {
	o, err := parseOrders(args, errs)
	if err != nil {
		return err
	}
	before := look()
	defer debug.SetGCPercent(debug.SetGCPercent(collectAt)) // as for claims: one process stands for many small ones
	exchange, err := paper.NewExchange(paper.Rules{Seed: o.seed})
	if err != nil {
		return err
	}
	defer func() { _ = exchange.Close() }() // it keeps no record that could fail
	o.broker = exchange.Broker()
	f, err := startFleet(ctx, o.fleetOptions, out)
	if err != nil {
		return err
	}
	defer f.stop()
	m, err := openMarket(ctx, f, exchange, o.users)
	if err != nil {
		return err
	}
	defer m.close()
	fmt.Fprintf(out, `store     %s
database  %s
process   this one is the API behind its listener, the keeper, %d agents, %d real workers, the exchange, and the users
`, f.storeName, f.databaseName, o.hosts, o.workers)
	settle(ctx, o.workers)
	measure := m.measure
	if o.ceiling {
		measure = func(ctx context.Context, o orderOptions) (orderFigures, error) { return m.ceiling(ctx, o, out) }
	}
	var figures orderFigures
	err = o.profiled(func() (err error) {
		figures, err = measure(ctx, o)
		return err
	})
	if err != nil {
		return err
	}
	figures.Machine = before.until(look())
	return tellJudged(out, o.json, figures, figures.String())
}

// wrong: see [judged]. Where a ceiling was looked for, more was asked for than can be done: signals may have failed then, and
// orders been late.
func (f orderFigures) wrong() error {
	switch {
	case f.Orders == f.Errors:
		return fmt.Errorf("none of %d signals was accepted", f.Orders)
	case f.searched:
		return f.stages
	}
	return errors.Join(f.broken(), never(f.Late, "orders were too late"), never(f.Errors, "signals were not accepted"))
}

// broken is what must not be however many orders come.
func (f orderFigures) broken() error {
	return errors.Join(
		never(f.Duplicates, "orders reached the broker once more"), never(f.Lost, "orders were lost"),
		never(f.Disagree, "orders ended in the ledger that the broker has"),
	)
}

func (f orderFigures) String() string {
	return fmt.Sprintf(`orders    %d of %d users at %.0f a second, %d without 202; %d reached the broker twice, %d were lost, %d too late, %d ended in the ledger and not there
failed    signals without 202 count as %v, orders that were not placed or have no end as %v
accepted  p50 %.2f ms, p99 %.2f ms after the scheduled sending
broker    p50 %.2f ms (aim < %d), p99 %.2f ms (aim < %d), p99.9 %.2f ms
committed p50 %.2f ms, p99 %.2f ms, by the clock of the turn that commits the end
cores     %s
machine   %s
`, f.Orders, f.Users, f.Rate, f.Errors, f.Duplicates, f.Lost, f.Late, f.Disagree, patience, endLimit, f.AcceptP50Ms, f.AcceptP99Ms,
		f.BrokerP50Ms, aimP50.Milliseconds(), f.BrokerP99Ms, aimP99.Milliseconds(), f.BrokerP999Ms, f.CommittedP50Ms, f.CommittedP99Ms,
		f.shares, f.Machine)
}
