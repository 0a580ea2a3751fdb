package paper

import (
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"workerfleet/runtime/order"
	"workerfleet/runtime/order/brokertest"
)

func open(t *testing.T, r Rules) *Exchange {
	t.Helper()
	x, err := NewExchange(r)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, x.Close()) })
	return x
}

// count is how many calls of a kind reached the exchange.
func count(x *Exchange, c Call) (n int) {
	for _, s := range x.Seen() {
		if s.Call == c {
			n++
		}
	}
	return n
}

func judged(x *Exchange, b order.Broker) brokertest.Broker {
	next := func(kind FaultKind) func(*testing.T) {
		return func(t *testing.T) { require.NoError(t, x.Break(Fault{Call: Place, Kind: kind, Next: 1})) }
	}
	return brokertest.Broker{
		Broker: b, Accepted: []byte(`{"account":"a1","secret":"hush-hush"}`), Rejected: []byte(`{"account":"a1","secret":"refused-hush-hush"}`),
		Lose: next(Cut), Mute: next(Silent), Arrived: func() int { return count(x, Place) },
	}
}

// served is an exchange behind HTTP, and a broker that reaches it.
func served(t *testing.T, x *Exchange) (*Broker, *httptest.Server) {
	t.Helper()
	server := httptest.NewServer(Handler(x))
	t.Cleanup(server.Close)
	b, err := New(Config{URL: server.URL})
	require.NoError(t, err)
	t.Cleanup(b.caller.Close)
	return b, server
}

// The exchange keeps the contract of brokers: in this process and over HTTP, refusing repeated ids or not, with a way
// to it and with look-ups that lag.
func TestBroker(t *testing.T) {
	for name, rules := range map[string]Rules{
		"near":    {Seed: 1, Parts: 1, Tick: 10 * time.Millisecond},
		"far":     {Seed: 2, Parts: 1, Tick: 10 * time.Millisecond, Latency: 4 * time.Millisecond},
		"repeats": {Seed: 3, Parts: 1, Tick: 10 * time.Millisecond, Repeats: true},
		"lag":     {Seed: 4, Parts: 1, Tick: 10 * time.Millisecond, Lag: 50 * time.Millisecond},
		"twice":   {Seed: 5, Parts: 1, Tick: 10 * time.Millisecond, Faults: []Fault{{Call: News, Kind: Twice, Rate: 1}}},
	} {
		t.Run(name+" in process", func(t *testing.T) {
			defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
			brokertest.Run(t, func(t *testing.T) brokertest.Broker {
				x := open(t, rules)
				return judged(x, x.Broker())
			})
		})
		t.Run(name+" over HTTP", func(t *testing.T) {
			brokertest.Run(t, func(t *testing.T) brokertest.Broker {
				x := open(t, rules)
				b, _ := served(t, x)
				under := judged(x, b)
				gone, err := New(Config{URL: "http://127.0.0.1:1"})
				require.NoError(t, err)
				under.Unreachable = gone
				return under
			})
		})
	}
}
