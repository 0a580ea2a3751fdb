package keeper

import (
	"workerfleet/runtime/claim"
	"workerfleet/runtime/signals"
)

// record measures a round. Deaths that agents see by themselves are theirs to count.
func (k *Keeper) record(r Report) {
	k.Recorder.Add(signals.Deaths, float64(len(r.Dead)), "lease")
	for kind, n := range r.Healed {
		k.Recorder.Add(signals.Healed, float64(n), kind)
	}
	k.Recorder.Add(signals.Recalled, float64(r.Recalled))
	held := 0.0
	if r.Held {
		held = 1
	}
	k.Recorder.Set(signals.Hold, held)
	for _, state := range []claim.State{claim.Warm, claim.Assigned, claim.Serving, claim.Returned, claim.Resetting, claim.Draining} {
		k.Recorder.Set(signals.Workers, float64(r.Workers[state]), string(state))
	}
}
