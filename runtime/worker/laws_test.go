package worker

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/hostlink"
	"workerfleet/runtime/seal"
)

// Whatever a worker is told, in whatever order: it accepts one session a life; a login starts only after the
// confirmation of that session's epoch, within trust after the sending of a confirmed beat of that epoch or of the
// idle time before it, and never beside another one; and nothing follows the end.
//
// The law keeps its own account of words heard, beside the machine's state.
func TestMachineLaws(t *testing.T) {
	key, err := seal.NewKey()
	require.NoError(t, err)
	sealed := map[fleet.Epoch][]byte{}
	for epoch := fleet.Epoch(1); epoch <= 3; epoch++ {
		c := seal.Context{User: "ann", Worker: "w1", Life: 3, Epoch: epoch}
		if sealed[epoch], err = seal.Seal(key.Public(), c, []byte("secret")); err != nil {
			t.Fatal(err)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		m := NewMachine(Self{Worker: "w1", Life: 3}, key, trust)
		var (
			now            = 1000 * second
			accepted       fleet.Epoch
			confirmed      bool
			latest         hostlink.Instant // sending of the latest confirmed beat that counts
			running, ended bool
		)
		epochs := rapid.Uint64Range(0, 3)
		for range rapid.IntRange(1, 60).Draw(t, "events") {
			now += hostlink.Instant(rapid.Int64Range(0, int64(6*second)).Draw(t, "passes"))
			epoch := fleet.Epoch(epochs.Draw(t, "epoch"))
			life := fleet.Life(rapid.Uint64Range(2, 3).Draw(t, "life"))
			sent := now - hostlink.Instant(rapid.Int64Range(-int64(second), int64(20*second)).Draw(t, "age"))
			var event Event
			switch rapid.IntRange(0, 8).Draw(t, "kind") {
			case 0:
				event = Connected{}
			case 1:
				event = Heard{hostlink.Message{Kind: hostlink.Assign, User: "ann", Life: life, Epoch: max(epoch, 1), Sealed: sealed[max(epoch, 1)]}}
			case 2:
				event = Heard{hostlink.Message{Kind: hostlink.Confirmed, Epoch: epoch}}
				confirmed = confirmed || accepted != 0 && epoch == accepted
			case 3, 4, 5:
				event = Heard{ok(epoch, sent)}
				if epoch == accepted && sent <= now {
					latest = max(latest, sent)
				}
			case 6:
				event = Due{}
			case 7:
				if !running {
					continue
				}
				event, running = LoginEnded{Err: rapid.SampledFrom([]error{nil, errors.New("down"), errLapsed}).Draw(t, "login")}, false
			case 8:
				event = Heard{hostlink.Message{Kind: rapid.SampledFrom([]hostlink.Kind{hostlink.Release, hostlink.Fenced}).Draw(t, "end"), Life: life, Epoch: epoch}}
			}
			effects := m.Step(now, event)
			require.True(t, !ended || len(effects) == 0, "something follows the end")
			for _, effect := range effects {
				switch effect := effect.(type) {
				case Say:
					if effect.Kind == hostlink.Accepted {
						require.True(t, accepted == 0 || accepted == effect.Epoch, "a second session in one life")
						accepted = effect.Epoch
					}
				case Login:
					require.True(t, confirmed, "a login without the confirmation")
					require.False(t, running, "two logins at once")
					require.True(t, latest != 0 && now < latest.Add(trust), "a login without a lease")
					require.Equal(t, latest.Add(trust), effect.Until)
					running = true
				case End:
					ended = true
				}
			}
			require.Equal(t, !ended && confirmed && latest != 0 && now < latest.Add(trust), m.MayCall(now))
		}
	})
}
