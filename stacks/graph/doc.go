// Package graph knows a stack's resources: what a program registers, what AWS would answer about each of it, and how
// the whole is written down so that two runs compare equal.
//
// The same [Graph] is read in three places. Tests record one by running the program under Pulumi's mocks ([Record]);
// the simulated provider builds one from the calls that the real engine makes; the offline runner builds one from the
// engine's events. The rules of package policy therefore have a single form of resource to judge.
//
// Values are plain: strings, float64, bool, []any and map[string]any. A value that only AWS can give is [Unknown].
package graph
