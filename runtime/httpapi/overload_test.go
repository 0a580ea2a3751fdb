package httpapi_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"workerfleet/runtime/claim"
)

// Who stands in line too long is told when to come again, and holds no worker meanwhile. The clock is the bubble's; the one
// place is held by a claim whose mail cannot be posted.
func TestLineIsAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBenchOf(t, 1)
		b.idle("w1", 1)
		b.idle("w2", 1)
		b.host.gate = make(chan struct{})
		stuck := make(chan int)
		go func() {
			status, _ := b.do("POST", "/v1/sessions", "ann")
			stuck <- status
		}()
		synctest.Wait()
		began := time.Now()
		status, body := b.do("POST", "/v1/sessions", "bea")
		require.Equal(t, http.StatusAccepted, status)
		require.Equal(t, map[string]any{"rank": 0.0, "estimateSeconds": 1.0}, body)
		require.Equal(t, 5*time.Second, time.Since(began))
		census, err := b.store.Census(t.Context())
		require.NoError(t, err)
		require.Equal(t, 1, census.Workers[claim.Warm], "only ann's claim was begun")

		close(b.host.gate)
		require.Equal(t, http.StatusOK, <-stuck)
		status, _ = b.do("POST", "/v1/sessions", "bea")
		require.Equal(t, http.StatusOK, status)
	})
}
