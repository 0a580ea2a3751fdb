package pool

import "math"

// Verdict is what is known of an image.
type Verdict string

// The verdicts. Another word counts as Held, the careful one; none counts as Promoted.
const (
	// Promoted: everything new runs it, and idle workers of other images are replaced.
	Promoted Verdict = "promoted"
	// Unproven: the canary share runs it, everything else that is new runs the proven image.
	Unproven Verdict = "unproven"
	// Held: nothing new runs it. What runs it stays, and is the first to be given away to users: to take an image
	// back, promote the proven one.
	Held Verdict = "held"
)

// Rollout says which image workers should run. Revisions are only compared for being the same.
type Rollout struct {
	// Image is the one to run; 0 leaves the choice to the provider, and nothing is replaced.
	Image int64
	// Proven is the image before it; 0 if there is none, which makes Image the only choice.
	Proven  int64
	Verdict Verdict
}

// verdict settles what words leave open.
func (r Rollout) verdict() Verdict {
	switch {
	case r.Image == 0 || r.Proven == 0 || r.Proven == r.Image || r.Verdict == "":
		return Promoted
	case r.Verdict == Promoted || r.Verdict == Unproven:
		return r.Verdict
	default:
		return Held
	}
}

// base is the image of new workers that are no canaries.
func (r Rollout) base() int64 {
	if r.verdict() == Promoted {
		return r.Image
	}
	return r.Proven
}

// outdated says that idle workers of the image are to be replaced: it is none that the rollout names.
func (r Rollout) outdated(image int64) bool {
	if r.Image == 0 {
		return false
	}
	return image != r.base() && (image != r.Image || r.verdict() == Promoted)
}

// canaries is how many workers should run an unproven image, where busyOnes of them are busy already: the share of the
// idle ones, which the next users get first, until it is the share of all. At least one, unless the share is 0.
func (r Rollout) canaries(idle, busy, busyOnes int, share float64) int {
	if r.verdict() != Unproven {
		return 0
	}
	of := func(n int) int { return int(math.Ceil(share*float64(n) - rounding)) }
	return min(of(idle+busy), busyOnes+of(idle))
}

// retireRank orders images for being stopped: the lowest first.
func (r Rollout) retireRank(image int64) int {
	switch {
	case r.outdated(image):
		return 0
	case image == r.Image && r.verdict() == Unproven:
		return 2 // the canary is what the rollout waits for
	default:
		return 1
	}
}
