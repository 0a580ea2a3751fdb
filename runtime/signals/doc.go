// Package signals knows what the platform measures: every metric's name, kind, unit and labels, once.
//
// The runtime records through a [Recorder]; the Pulumi program draws dashboards and alarms from the same names. A
// label's values are a closed set, and no label names a user or a worker: at 35,000 workers one such label costs
// thousands of dollars a month (docs/decisions/closed-labels.md).
package signals
