package main

import (
	"cmp"
	"fmt"
	"os"
	"runtime"
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

// quantile is the value that a share q of all does not exceed; zero of nothing.
func quantile[T cmp.Ordered](of []T, q float64) (value T) {
	if len(of) == 0 {
		return value
	}
	sorted := slices.Sorted(slices.Values(of))
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))]
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
