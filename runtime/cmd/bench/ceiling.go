package main

import (
	"context"
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
	fmt.Fprintln(out, "asked/s  accepted/s  accept p99  broker p99  failed  process  database  store  commits/s")
	for {
		f, err := m.measure(ctx, o)
		if err != nil {
			return best, err
		}
		fmt.Fprintf(out, "%7.0f  %10.0f  %7.1f ms  %7.1f ms  %6d  %5.0f %%  %6.0f %%  %3.0f %%  %9.0f\n", o.rate, f.AcceptedPerSecond,
			f.AcceptP99Ms, f.BrokerP99Ms, f.Errors+f.Lost, f.ProcessCPUPercent, f.DatabaseCPUPercent, f.ServerCPUPercent, f.CommitsPerSecond)
		if f.AcceptedPerSecond > best.AcceptedPerSecond {
			best = f
		}
		if asked := float64(f.Orders) / o.long.Seconds(); f.AcceptedPerSecond < follows*asked {
			break
		}
		if o.rate *= raise; o.rate > mostRate {
			break
		}
		o.seed++
	}
	_, err = fmt.Fprintf(out, "ceiling   %.0f accepted a second, all of them carried out; %s\n", best.AcceptedPerSecond, best.bound())
	return best, err
}

// busy is the share of all cores from which on there is nothing left to wait for.
const busy = 85

// bound says what the stage was held up by, as far as the counters tell.
func (f orderFigures) bound() string {
	used := (f.ProcessCPUPercent + f.DatabaseCPUPercent + f.ServerCPUPercent) / float64(runtime.NumCPU())
	if used >= busy {
		return fmt.Sprintf("bound by the processor, of which %.0f %% is used", used)
	}
	return fmt.Sprintf("not bound by this program's and its servers' use of the processor, which is %.0f %%: by other work on it, the disk, or connections", used)
}
