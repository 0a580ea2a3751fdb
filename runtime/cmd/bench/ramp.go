package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"time"
)

// stage is one rate of a ramp.
type stage struct {
	Rate           float64 `json:"rate"` // asked for
	Claims         int     `json:"claims"`
	ReadyPerSecond float64 `json:"readyPerSecond"` // in the stage's time, or until the last was ready
	ReadyP50Ms     float64 `json:"readyP50Ms"`
	ReadyP99Ms     float64 `json:"readyP99Ms"`
	Errors         int     `json:"errors"`
	shares
}

// rampFigures are what claims --ramp measures.
type rampFigures struct {
	Workers int     `json:"workers"`
	Hosts   int     `json:"hosts"`
	Stages  []stage `json:"stages"`
	// Saturation is the most that were ready a second; WithinAim the highest rate at which p99 kept its aim.
	Saturation float64 `json:"saturationPerSecond"`
	WithinAim  float64 `json:"withinAimPerSecond"`
	Seed       uint64  `json:"seed"`
	Machine    machine `json:"machine"`
}

// aimReadyP99 is the published fleet's aim from a request to a ready worker.
const aimReadyP99 = 25 * time.Millisecond

// most is more than come in a stage: five deviations above what a Poisson schedule draws on average.
func most(a arrivals) int {
	mean := a.rate * a.long.Seconds()
	return int(mean+5*math.Sqrt(mean)) + 1
}

// ramp raises the rate by a quarter until what gets ready does not follow, or the workers do not last for another stage.
func (f *simulated) ramp(ctx context.Context, o claimOptions, out io.Writer) (r rampFigures) {
	r = rampFigures{Workers: o.workers, Hosts: o.hosts, Seed: o.seed}
	fmt.Fprintln(out, "asked/s  ready/s  ready p50   ready p99  failed  process  database  store  idle")
	for first := 0; ctx.Err() == nil; {
		if first+most(o.arrivals) > o.workers {
			fmt.Fprintf(out, "the other %d workers do not last for %.0f a second\n", o.workers-first, o.rate)
			break
		}
		o.first, o.users = first, o.workers-first // the time ends a stage, and not its users
		before, began := f.spent(ctx), time.Now()
		m := f.open(ctx, o)
		s := stage{
			Rate: o.rate, Claims: len(m.ready), ReadyPerSecond: float64(len(m.ready)) / max(o.long, time.Since(began)).Seconds(), Errors: m.errors,
			ReadyP50Ms: milliseconds(m.readied(0.5)), ReadyP99Ms: milliseconds(m.readied(0.99)), shares: f.spent(ctx).shares(before),
		}
		fmt.Fprintf(out, "%7.0f  %7.0f  %6.1f ms  %7.1f ms  %6d  %5.0f %%  %6.0f %%  %3.0f %%  %2.0f %%\n", s.Rate, s.ReadyPerSecond, s.ReadyP50Ms, s.ReadyP99Ms,
			s.Errors, s.ProcessCPUPercent, s.DatabaseCPUPercent, s.ServerCPUPercent, s.IdlePercent)
		r.Stages = append(r.Stages, s)
		r.Saturation = max(r.Saturation, s.ReadyPerSecond)
		if s.ReadyP99Ms < milliseconds(aimReadyP99) && s.Errors == 0 {
			r.WithinAim = max(r.WithinAim, s.Rate)
		}
		if s.ReadyPerSecond < follows*float64(s.Claims+s.Errors)/o.long.Seconds() || s.Errors > 0 {
			break
		}
		first += s.Claims + s.Errors
		o.rate *= raise
		o.seed++
	}
	return r
}

// wrong: see [judged]. Who failed at the rate that was asked for failed; at a higher one the ceiling was found.
func (r rampFigures) wrong() error {
	if len(r.Stages) == 0 {
		return errors.New("the workers do not last for one stage")
	}
	return never(r.Stages[0].Errors, "users were not served at the first rate")
}

func (r rampFigures) String() string {
	return fmt.Sprintf("ramp      %.0f ready a second at most; p99 keeps its aim of %d ms up to %.0f a second\nmachine   %s\n",
		r.Saturation, aimReadyP99.Milliseconds(), r.WithinAim, r.Machine)
}
