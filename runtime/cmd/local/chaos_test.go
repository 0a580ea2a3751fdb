package main

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// Under every deed of chaos – workers killed and stopped past their lease, programs killed and stopped, the store flushed,
// restarted empty and with old data, the database shut down – no order is executed twice, lost, out of its sequence or by a
// fenced worker, and ledger and exchange agree in the end. One seed is played here; make local plays any, for as long as one
// likes. When processes are hit is not the seed's alone, so no two runs are the same.
func TestChaos(t *testing.T) {
	realParts(t)
	s := playDay(t, "--json", "--bin", binaries, "--users", "12", "--workers", "18", "--hosts", "2", "--orders", "10", "--kill", "0", "--chaos",
		"--for", "10s", "--seed", "3", "--ttl", "3s", "--guard", "500ms", "--beat", "300ms")
	require.Equal(t, 12*10, s.Orders)
	for _, kind := range []deed{killWorker, stopWorker, killProgram, stopProgram, flushStore, loseStore, ageStore, breakLedger} {
		require.NotZero(t, s.Deeds[kind], "%s was not done", kind)
	}
	require.Zero(t, s.Unknown)
	require.Empty(t, processesOf(t, binaries), "processes outlive the platform")
}

// Senders repeat, overtake and come late; nothing that they send is left out.
func TestDeliveries(t *testing.T) {
	const orders = 200
	counts, together, overtaken := map[int]int{}, 0, 0
	last := -1
	for _, round := range deliveries(rand.New(rand.NewPCG(1, 1)), orders) {
		if len(round) == 2 {
			together++
		}
		for _, n := range round {
			counts[n]++
		}
		if round[0] == last-1 {
			overtaken++
		}
		last = round[0]
	}
	require.Len(t, counts, orders)
	require.NotZero(t, together)
	require.NotZero(t, overtaken)
}
