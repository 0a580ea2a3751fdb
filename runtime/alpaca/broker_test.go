package alpaca

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"workerfleet/runtime/alpaca/alpacatest"
	"workerfleet/runtime/order/brokertest"
)

// credentials of the account that is served, or of another one.
func credentials(t *testing.T, secret string) []byte {
	t.Helper()
	encoded, err := json.Marshal(map[string]any{"key": alpacatest.Key, "secret": secret, "paper": true})
	require.NoError(t, err)
	return encoded
}

func reaching(t *testing.T, url string) *Broker {
	t.Helper()
	b, err := New(Config{Live: "http://127.0.0.1:1", Paper: url})
	require.NoError(t, err)
	t.Cleanup(b.caller.Close)
	return b
}

// The adapter keeps the contract of brokers against a server that answers as Alpaca's documentation says.
func TestBroker(t *testing.T) {
	brokertest.Run(t, func(t *testing.T) brokertest.Broker {
		server := alpacatest.New(t)
		return brokertest.Broker{
			Broker: reaching(t, server.URL), Unreachable: reaching(t, "http://127.0.0.1:1"),
			Accepted: credentials(t, alpacatest.Secret), Rejected: credentials(t, "another-secret"),
			Lose:    func(*testing.T) { server.Answer(alpacatest.Instead{Effect: true, Status: http.StatusBadGateway}) },
			Mute:    func(*testing.T) { server.Answer(alpacatest.Instead{Effect: true, Status: -1}) },
			Arrived: server.Arrived,
		}
	})
}
