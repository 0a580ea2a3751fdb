// Package alpacatest knows how Alpaca's trading API answers, as far as its public documentation says it: a server for
// tests that keeps orders, fills them in parts, and loses answers as it is told to.
//
// It was written from https://docs.alpaca.markets (orders, positions, account activities, websocket streaming) and
// Alpaca's guide to its errors; it has never been compared with the real service.
package alpacatest
