// Package claimtest knows what every [claim.Store] must do: one suite that the in-memory reference and the adapters
// run alike.
//
// Time passes without waiting: callers send durations, and a negative one is a deadline that has passed already.
package claimtest
