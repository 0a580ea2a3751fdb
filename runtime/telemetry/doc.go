// Package telemetry knows how measurements leave a process: on /metrics for Prometheus, and as lines of CloudWatch's
// embedded metric format on an output for the metrics that alarms read.
package telemetry
