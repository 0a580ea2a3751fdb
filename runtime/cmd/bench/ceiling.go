package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
)

// The search for the ceiling: each stage asks for a quarter more than the one before, and one that gets less than this
// share of what it asks for is the last.
const (
	raise   = 1.25
	follows = 0.95
)

// ceiling raises the rate until what is accepted does not follow. The figures are those of the stage with the most.
func (m *market) ceiling(ctx context.Context, o orderOptions, out io.Writer) (best orderFigures, err error) {
	within := 0.0
	var broken error
	fmt.Fprintln(out, "asked/s  accepted/s  accept p99   broker p50   broker p99  failed  process  database  store  idle  commits/s")
	for {
		f, err := m.measure(ctx, o)
		if err != nil {
			return best, err
		}
		fmt.Fprintf(out, "%7.0f  %10.0f  %7.1f ms  %8.1f ms  %8.1f ms  %6d  %5.0f %%  %6.0f %%  %3.0f %%  %2.0f %%  %9.0f\n", o.rate, f.AcceptedPerSecond,
			f.AcceptP99Ms, f.BrokerP50Ms, f.BrokerP99Ms, f.Errors+f.Lost+f.Late+f.Disagree, f.ProcessCPUPercent, f.DatabaseCPUPercent, f.ServerCPUPercent, f.IdlePercent, f.CommitsPerSecond)
		if stage := f.broken(); stage != nil {
			broken = errors.Join(broken, fmt.Errorf("at %.0f a second: %w", o.rate, stage))
		}
		if best.Orders == 0 || f.AcceptedPerSecond > best.AcceptedPerSecond {
			best = f
		}
		if f.BrokerP50Ms < milliseconds(aimP50) && f.BrokerP99Ms < milliseconds(aimP99) {
			within = max(within, f.AcceptedPerSecond)
		}
		if asked := float64(f.Orders) / o.long.Seconds(); f.AcceptedPerSecond < follows*asked || o.rate*raise > mostRate {
			break
		}
		o.rate *= raise
		o.seed++
	}
	best.searched, best.stages = true, broken
	_, err = fmt.Fprintf(out, "ceiling   %.0f accepted a second; the aims hold up to %.0f; %s\n", best.AcceptedPerSecond, within, best.bound())
	return best, err
}

// spare is the share of all cores, in percent, below which nothing waits for anything but a processor.
const spare = 10

// bound says what the stage was held up by, as far as the counters tell.
func (f orderFigures) bound() string {
	used := (f.ProcessCPUPercent + f.DatabaseCPUPercent + f.ServerCPUPercent) / float64(runtime.NumCPU())
	if f.IdlePercent < spare {
		return fmt.Sprintf("bound by the processor: this process and its servers use %.0f %% of all cores, others %.0f %%", used, max(0, 100-f.IdlePercent-used))
	}
	return fmt.Sprintf("not bound by the processor, of which %.0f %% is idle: by the disk, or by connections", f.IdlePercent)
}
