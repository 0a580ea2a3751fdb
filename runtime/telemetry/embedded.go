package telemetry

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"workerfleet/runtime/signals"
)

// series is one metric with one set of label values.
type series struct{ name, labels string }

// sample is what became of a series since the last flush. CloudWatch takes at most 100 values of a metric in a line;
// beyond, the later ones count in its sum and number only through the values kept.
type sample struct {
	labels []string
	values []float64
}

// mostValues is CloudWatch's limit for one metric in one line.
const mostValues = 100

func (r *Recorder) keep(name string, labels []string, value float64) {
	key := series{name, strings.Join(labels, "\x00")}
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.pending[key]
	if s == nil {
		s = &sample{labels: labels}
		r.pending[key] = s
	}
	switch r.metrics[name].Kind {
	case signals.KindHistogram:
		if len(s.values) < mostValues {
			s.values = append(s.values, value)
		}
	case signals.KindCounter:
		if len(s.values) == 0 {
			s.values = []float64{0}
		}
		s.values[0] += value
	default:
		s.values = []float64{value}
	}
}

// Flush writes what was recorded since the last flush, one line a series, in CloudWatch's embedded metric format. A
// process calls it about once a minute; what a failed write held is lost, and the next minute goes on.
func (r *Recorder) Flush(w io.Writer, now time.Time) error {
	r.mu.Lock()
	pending := r.pending
	r.pending = map[series]*sample{}
	r.mu.Unlock()
	for key, s := range pending {
		line, err := json.Marshal(s.embedded(r.metrics[key.name], r.stack, now))
		if err != nil {
			return fmt.Errorf("write %s: %w", key.name, err)
		}
		if _, err := w.Write(append(line, '\n')); err != nil {
			return fmt.Errorf("write %s: %w", key.name, err)
		}
	}
	return nil
}

// embedded is the line of one series: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
func (s *sample) embedded(m signals.Metric, stack string, now time.Time) map[string]any {
	dimensions := []string{signals.StackDimension}
	line := map[string]any{signals.StackDimension: stack}
	for i, label := range m.Labels {
		dimensions = append(dimensions, label.Name)
		line[label.Name] = s.labels[i]
	}
	if len(s.values) == 1 {
		line[m.Name] = s.values[0]
	} else {
		line[m.Name] = s.values
	}
	line["_aws"] = map[string]any{
		"Timestamp": now.UnixMilli(),
		"CloudWatchMetrics": []any{map[string]any{
			"Namespace": signals.Namespace, "Dimensions": [][]string{dimensions},
			"Metrics": []any{map[string]any{"Name": m.Name, "Unit": string(m.Unit)}},
		}},
	}
	return line
}
