package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/pprof"
	"slices"
	"strings"
	"time"
)

// machine is what a figure was measured on: without its load a figure says little.
type machine struct {
	CPU        string  `json:"cpu"`
	Cores      int     `json:"cores"`
	Go         string  `json:"go"`
	LoadBefore float64 `json:"loadBefore"`
	LoadAfter  float64 `json:"loadAfter"`
}

func look() machine {
	m := machine{CPU: "unknown", Cores: runtime.NumCPU(), Go: runtime.Version()}
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(text)) {
			if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				m.CPU = strings.TrimSpace(value)
				break
			}
		}
	}
	if text, err := os.ReadFile("/proc/loadavg"); err == nil {
		_, _ = fmt.Sscan(string(text), &m.LoadBefore) // 0 where the machine tells none
	}
	return m
}

// until is the machine over the time of a measurement.
func (m machine) until(after machine) machine {
	m.LoadAfter = after.LoadBefore
	return m
}

func (m machine) String() string {
	return fmt.Sprintf("%d × %s, %s, load %.1f before and %.1f after", m.Cores, m.CPU, m.Go, m.LoadBefore, m.LoadAfter)
}

// profile writes what this process computes to a file until it is stopped.
func profile(path string) (stop func(), err error) {
	file, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("--profile: %w", err)
	}
	if err := pprof.StartCPUProfile(file); err != nil {
		return nil, errors.Join(fmt.Errorf("--profile: %w", err), file.Close())
	}
	return func() {
		pprof.StopCPUProfile()
		_ = file.Close()
	}, nil
}

// quantile is the value that a share q of all does not exceed; zero of nothing.
func quantile[T cmp.Ordered](of []T, q float64) (value T) {
	if len(of) == 0 {
		return value
	}
	sorted := slices.Sorted(slices.Values(of))
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))]
}

// withFailed are durations, and for each that failed the longest that is waited: without them a run in which something failed
// would show the better tail.
func withFailed(of []time.Duration, failed int, longest time.Duration) []time.Duration {
	return append(slices.Clip(of), slices.Repeat([]time.Duration{longest}, failed)...)
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
