// Package vitals knows what the fleet's own measurements must not show: users who wait or are refused, orders that stand
// still, deaths that take too long, limits that are nearly used up.
//
// The processes record them (package signals) and write them to their logs, from which CloudWatch takes them. AWS's own
// metrics of hosts, queues and functions are watched by the components that make those.
package vitals
