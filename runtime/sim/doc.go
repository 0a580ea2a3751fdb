// Package sim knows what the platform does when everything goes wrong at once: it runs the claims, the orders and the
// rounds that keep both true, on virtual time, under faults that a seed draws, and judges what came of it.
//
//	users ──► api ×2 ──► ┌ index      keeper ×2: keep, refill, hosts, orders
//	                     │ database ◄──┤
//	agents, workers ◄──► │ mail        functions: control, claims
//	      └── exchange   └ provider ───┘ queues
//
// What is simulated is the surroundings: time, processes, the network between them, servers that lose data, an exchange
// that loses answers, hosts that come, go and reboot. What decides is the code that ships: the claim index's transitions,
// sessions, the keeper's rounds and the refill with the pool's decision on workers and hosts, the ledger's turns and their
// dispatch, agents and workers as their packages step them; and the functions' control of what the cluster saw, of what
// operators ask for, and of claims that were handed on. A restore of the database is made as operators are told to.
//
// One thread runs everything. Each process's work is a set of coroutines, of which one runs at a time and each waits in
// its calls to a service; the [loop] resumes them in the order of virtual time, and draws from one random source. So one
// seed is one history, however often it is played.
package sim
