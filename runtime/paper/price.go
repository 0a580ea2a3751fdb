package paper

import (
	"encoding/binary"
	"hash/fnv"

	"github.com/shopspring/decimal"
)

// draw is a number from 0 up to 1 that follows from the seed and what it is drawn for.
func draw(seed uint64, of string, n int) float64 {
	h := fnv.New64a()
	var b [16]byte
	binary.LittleEndian.PutUint64(b[:8], seed)
	binary.LittleEndian.PutUint64(b[8:], uint64(n))
	_, _ = h.Write(b[:])
	_, _ = h.Write([]byte(of))
	return float64(mix(h.Sum64())>>11) / (1 << 53)
}

// mix spreads what an FNV hash leaves in its low bits (the finalizer of SplitMix64).
func mix(v uint64) uint64 {
	v = (v ^ v>>30) * 0xbf58476d1ce4e5b9
	v = (v ^ v>>27) * 0x94d049bb133111eb
	return v ^ v>>31
}

// swings are how far prices move around their middle, slowly and quickly: 3 % altogether.
var swings = []struct {
	ticks int
	by    float64
}{{64, 0.02}, {8, 0.007}, {1, 0.003}}

// Swing is how far a price may be from its symbol's middle, as a part of it.
const Swing = 0.03

// price is a symbol's price at a tick, in cents from 10 to 510, around a middle that does not move.
func price(seed uint64, symbol string, tick int) decimal.Decimal {
	middle := 10 + 500*draw(seed, symbol, -1)
	moved := 0.0
	for i, s := range swings {
		// Each swing goes in a straight line from one drawn height to the next.
		at, rest := tick/s.ticks, float64(tick%s.ticks)/float64(s.ticks)
		name := symbol + string(rune('a'+i))
		from, to := draw(seed, name, at), draw(seed, name, at+1)
		moved += s.by * (2*(from+(to-from)*rest) - 1)
	}
	return decimal.NewFromFloat(middle * (1 + moved)).Round(2)
}
