// Package alpaca knows the trading API of Alpaca: its REST endpoints, its errors, and its stream of trade updates.
//
// Each call is made once, by package once: never repeated, never after its deadline. What an answer means for an order is
// decided in one place (verdict), and whatever that place does not know leaves the order in doubt.
//
// Fills have one source, the account's activities, so that one execution has one name whether news or a look-up brought
// it. The stream only says that it is time to look.
package alpaca
