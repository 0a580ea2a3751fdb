package valkey

import (
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"workerfleet/runtime/parts"
	"workerfleet/runtime/valkey/valkeytest"
)

// A burst passes, then one turn an interval; subjects do not share; and what is not used for a while leaves no key.
func TestLimits(t *testing.T) {
	embedded := redis.NewClient(&redis.Options{Addr: miniredis.RunT(t).Addr()})
	t.Cleanup(func() { _ = embedded.Close() })
	cluster, _ := valkeytest.Cluster(t, parts.Redis)
	for name, client := range map[string]redis.UniversalClient{
		"miniredis": embedded, "redis": valkeytest.Server(t, parts.Redis), "cluster": cluster,
	} {
		t.Run(name, func(t *testing.T) {
			limits, err := NewLimits(t.Context(), client)
			require.NoError(t, err)
			hour := func(subject string) Allowance { return Allowance{Subject: subject, Every: time.Hour, Burst: 3} }
			for range 3 {
				wait, err := limits.Take(t.Context(), hour("user:ann"), hour("address:1"))
				require.NoError(t, err)
				require.Zero(t, wait)
			}
			wait, err := limits.Take(t.Context(), hour("user:ann"), hour("address:2"))
			require.NoError(t, err)
			require.InDelta(t, time.Hour.Seconds(), wait.Seconds(), 60)
			wait, err = limits.Take(t.Context(), hour("user:bea"), hour("address:2"))
			require.NoError(t, err)
			require.Zero(t, wait)
			require.Greater(t, client.PTTL(t.Context(), "rl:user:ann").Val(), 2*time.Hour)

			quick := Allowance{Subject: "user:quick", Every: 5 * time.Millisecond, Burst: 1}
			passed := 0
			for begin := time.Now(); passed < 5 && time.Since(begin) < 20*time.Second; {
				wait, err := limits.Take(t.Context(), quick)
				require.NoError(t, err)
				if wait == 0 {
					passed++
				}
				time.Sleep(wait)
			}
			require.Equal(t, 5, passed)
		})
	}
}
