// Package place knows where a stack stands: its own name, the account and the region.
//
// Names and ARNs that no resource produces – those that policies admit by pattern – are written here and nowhere else.
package place
