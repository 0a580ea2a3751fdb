package signals

import (
	"fmt"
	"slices"
	"strings"
)

// Recorder takes measurements. Label values stand in the order of the metric's labels.
//
// Implementations may be called by many goroutines at once, return without waiting for the network or a disk, and
// report no error: measuring never changes what is measured. What [Metric.Accepts] refuses they drop and log.
type Recorder interface {
	// Add raises a counter by n ≥ 0.
	Add(c Counter, n float64, labels ...string)
	// Set states a gauge's value from now on.
	Set(g Gauge, value float64, labels ...string)
	// Observe adds one value to a histogram, in its unit.
	Observe(h Histogram, value float64, labels ...string)
}

// Discard records nothing.
type Discard struct{}

var _ Recorder = Discard{}

// Add does nothing.
func (Discard) Add(Counter, float64, ...string) {}

// Set does nothing.
func (Discard) Set(Gauge, float64, ...string) {}

// Observe does nothing.
func (Discard) Observe(Histogram, float64, ...string) {}

// Accepts says why a series with these label values does not exist, or nil.
func (m Metric) Accepts(values ...string) error {
	if len(values) != len(m.Labels) {
		return fmt.Errorf("%s has %d label(s), given %d", m.Name, len(m.Labels), len(values))
	}
	for i, label := range m.Labels {
		if !slices.Contains(label.Values, values[i]) {
			return fmt.Errorf("%s: %s %q is not one of the allowed values: %s", m.Name, label.Name, values[i], strings.Join(label.Values, ", "))
		}
	}
	return nil
}
