// Package brokertest knows what every [order.Broker] must do: one suite that all adapters run alike, against the real
// far side or one that plays it.
package brokertest
