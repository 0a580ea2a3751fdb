package pool

import "time"

// Sample is what decisions aimed at and stopped during a part of the window, from At on.
type Sample struct {
	At time.Time
	// Highest is the largest target of idle workers.
	Highest int
	// Stopped counts the workers that were stopped.
	Stopped int
}

// Samples are a sixth of a window long. A gap of more than half a window – nobody decided – makes the record worthless:
// what happened meanwhile is not known. The pool function alone passes every minute, a third of the default window.
const (
	samplesPerWindow = 6
	gapsPerWindow    = 2
)

// Remember adds a decision to the record and drops what no later decision reads; window is the completed policy's. The
// record stays below nine samples, so that it can be kept as one value; it is shared by all who decide. The argument is
// not changed.
func Remember(record []Sample, now Sample, window time.Duration) []Sample {
	kept := []Sample{}
	for i, sample := range record {
		// A sample ends where the next begins; the last one that began before the window is its witness.
		if i+1 == len(record) || record[i+1].At.After(now.At.Add(-window)) {
			kept = append(kept, sample)
		}
	}
	last := len(kept) - 1
	switch {
	case last >= 0 && now.At.Sub(kept[last].At) > window/gapsPerWindow:
		return []Sample{now}
	case last >= 0 && now.At.Sub(kept[last].At) < window/samplesPerWindow:
		kept[last].Highest = max(kept[last].Highest, now.Highest)
		kept[last].Stopped += now.Stopped
		return kept
	}
	return append(kept, now)
}

// past is what a record says of the window that ends now.
type past struct {
	highest, stopped int
	// known says that the record covers the window; since is when it began.
	known bool
	since time.Time
}

// look reads a record as it stands at a time.
func look(record []Sample, now time.Time, window time.Duration) past {
	if len(record) == 0 || now.Sub(record[len(record)-1].At) > window/gapsPerWindow {
		return past{since: now}
	}
	begin := now.Add(-window)
	p := past{since: record[0].At, known: !record[0].At.After(begin)}
	for i, sample := range record {
		if i+1 == len(record) || record[i+1].At.After(begin) {
			p.highest = max(p.highest, sample.Highest)
			p.stopped += sample.Stopped
		}
	}
	return p
}
