package telemetry_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"workerfleet/runtime/signals"
	"workerfleet/runtime/telemetry"
)

// What is recorded stands on /metrics under the shared names; a series that no metric has is dropped.
func TestPrometheus(t *testing.T) {
	r := telemetry.NewRecorder("tier-1k")
	r.Add(signals.Deaths, 2, "exit")
	r.Add(signals.Deaths, 1, "boredom")
	r.Add(signals.Counter("fleet_nothing_total"), 1)
	r.Set(signals.Workers, 7, "warm")
	r.Observe(signals.ClaimReady, 0.003)
	w := httptest.NewRecorder()
	r.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/metrics", nil))
	text, err := io.ReadAll(w.Body)
	require.NoError(t, err)
	require.Contains(t, string(text), `fleet_deaths_total{cause="exit"} 2`)
	require.Contains(t, string(text), `fleet_workers{state="warm"} 7`)
	require.Contains(t, string(text), `fleet_claim_ready_seconds_bucket{le="0.005"} 1`)
	require.Contains(t, string(text), "process_resident_memory_bytes")
	require.NotContains(t, string(text), "boredom")
}

// Each flush writes what came since the last one, as CloudWatch reads it: counters as their rise, gauges as their last
// value, histograms as their values. Each carries the stack as a dimension: two stacks of an account stay apart.
func TestEmbeddedMetrics(t *testing.T) {
	r := telemetry.NewRecorder("tier-1k")
	for range 3 {
		r.Add(signals.Healed, 2, "user")
		r.Set(signals.Hold, 1)
		r.Observe(signals.Recovery, 0.5)
	}
	r.Set(signals.Hold, 0)
	var out bytes.Buffer
	require.NoError(t, r.Flush(&out, time.UnixMilli(1234)))
	lines := map[string]map[string]any{}
	for decoder := json.NewDecoder(&out); decoder.More(); {
		var line map[string]any
		require.NoError(t, decoder.Decode(&line))
		about := line["_aws"].(map[string]any)
		require.Equal(t, 1234.0, about["Timestamp"])
		directive := about["CloudWatchMetrics"].([]any)[0].(map[string]any)
		require.Equal(t, "Workerfleet", directive["Namespace"])
		dimensions := directive["Dimensions"].([]any)[0].([]any)
		require.Equal(t, "Stack", dimensions[0])
		for _, dimension := range dimensions {
			require.NotEmpty(t, line[dimension.(string)], dimension)
		}
		require.Equal(t, "tier-1k", line["Stack"])
		lines[directive["Metrics"].([]any)[0].(map[string]any)["Name"].(string)] = line
	}
	require.Len(t, lines, 3)
	require.Equal(t, 6.0, lines["fleet_healed_total"]["fleet_healed_total"])
	require.Equal(t, "user", lines["fleet_healed_total"]["kind"])
	require.Equal(t, []any{[]any{"Stack", "kind"}},
		lines["fleet_healed_total"]["_aws"].(map[string]any)["CloudWatchMetrics"].([]any)[0].(map[string]any)["Dimensions"])
	require.Equal(t, 0.0, lines["fleet_hold"]["fleet_hold"])
	require.Equal(t, []any{0.5, 0.5, 0.5}, lines["fleet_recovery_seconds"]["fleet_recovery_seconds"])
	require.NoError(t, r.Flush(&out, time.Now()))
	require.Zero(t, out.Len())
}
