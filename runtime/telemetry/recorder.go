package telemetry

import (
	"log/slog"
	"net/http"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"workerfleet/runtime/signals"
)

// Recorder takes all of the platform's metrics. It is safe for concurrent use.
type Recorder struct {
	stack      string
	registry   *prometheus.Registry
	metrics    map[string]signals.Metric
	counters   map[string]*prometheus.CounterVec
	gauges     map[string]*prometheus.GaugeVec
	histograms map[string]*prometheus.HistogramVec

	mu      sync.Mutex
	pending map[series]*sample // since the last [Recorder.Flush]
}

var _ signals.Recorder = (*Recorder)(nil)

// NewRecorder registers every metric that package signals describes, and the process's own. Lines for CloudWatch carry
// the stack; whoever reads /metrics knows where they asked.
func NewRecorder(stack string) *Recorder {
	r := &Recorder{
		stack:    stack,
		registry: prometheus.NewRegistry(), metrics: map[string]signals.Metric{}, pending: map[series]*sample{},
		counters: map[string]*prometheus.CounterVec{}, gauges: map[string]*prometheus.GaugeVec{}, histograms: map[string]*prometheus.HistogramVec{},
	}
	r.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	for _, m := range signals.All() {
		r.metrics[m.Name] = m
		labels := make([]string, len(m.Labels))
		for i, label := range m.Labels {
			labels[i] = label.Name
		}
		switch m.Kind {
		case signals.KindCounter:
			r.counters[m.Name] = prometheus.NewCounterVec(prometheus.CounterOpts{Name: m.Name, Help: m.Help}, labels)
			r.registry.MustRegister(r.counters[m.Name])
		case signals.KindGauge:
			r.gauges[m.Name] = prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: m.Name, Help: m.Help}, labels)
			r.registry.MustRegister(r.gauges[m.Name])
		case signals.KindHistogram:
			r.histograms[m.Name] = prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: m.Name, Help: m.Help, Buckets: m.Buckets}, labels)
			r.registry.MustRegister(r.histograms[m.Name])
		}
	}
	return r
}

// Handler serves /metrics.
func (r *Recorder) Handler() http.Handler {
	return promhttp.HandlerFor(r.registry, promhttp.HandlerOpts{})
}

// Add: see [signals.Recorder].
func (r *Recorder) Add(c signals.Counter, n float64, labels ...string) {
	if !r.accepts(string(c), labels) || n <= 0 {
		return
	}
	r.counters[string(c)].WithLabelValues(labels...).Add(n)
	r.keep(string(c), labels, n)
}

// Set: see [signals.Recorder].
func (r *Recorder) Set(g signals.Gauge, value float64, labels ...string) {
	if !r.accepts(string(g), labels) {
		return
	}
	r.gauges[string(g)].WithLabelValues(labels...).Set(value)
	r.keep(string(g), labels, value)
}

// Observe: see [signals.Recorder].
func (r *Recorder) Observe(h signals.Histogram, value float64, labels ...string) {
	if !r.accepts(string(h), labels) {
		return
	}
	r.histograms[string(h)].WithLabelValues(labels...).Observe(value)
	r.keep(string(h), labels, value)
}

// accepts drops and logs what no metric has: measuring never stops what is measured.
func (r *Recorder) accepts(name string, labels []string) bool {
	m, known := r.metrics[name]
	if !known {
		slog.Error("no such metric", "metric", name)
		return false
	}
	if err := m.Accepts(labels...); err != nil {
		slog.Error("no such series", "error", err)
		return false
	}
	return true
}
