package worker

import (
	"time"

	"github.com/shopspring/decimal"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/hostlink"
	"workerfleet/runtime/order"
)

// job is one order, as this life knows it.
type job struct {
	fleet.Order
	// emitBy is the mark's last moment for a call, on this host's clock. A mark is executed at most once, however often
	// its letter comes; a new mark has another moment.
	emitBy hostlink.Instant
	stage  phase
	// leg is the leg of a reversal that is under way, and held what it found in the account; 0 for other orders.
	leg  int
	held decimal.Decimal
	// awaited is the outcome whose commit the second leg waits for, and legUntil when that ends.
	awaited  uint64
	legUntil hostlink.Instant
	// cancel says that the user wants the end, withdrawn that orders are off, and look that somebody asks what became of it.
	cancel, withdrawn, look bool
	// call is what is under way; there is one at a time. asked is when it began.
	call  call
	asked time.Time
	said  fleet.OutcomeState
	// closed says that this life knows what the first leg of a reversal came to; second is what a look-up found of the second
	// one, until it does.
	closed bool
	second *order.Report
}

// phase is how far a life has come with an order.
type phase int

const (
	// settled: nothing will be called for it, unless it is asked for.
	settled phase = iota
	// waiting for its turn, or for the right to call.
	waiting
	// sizing: a reversal asks what the account holds.
	sizing
	// placing: the call that hands it over is under way.
	placing
	// closing: the first leg of a reversal is the broker's, and not filled.
	closing
	// committing: the first leg is filled, and that is not in the ledger.
	committing
)

// begun says that the job is this life's business: it will say by itself what comes of it.
func (j *job) begun() bool { return j.stage != settled }

// marked makes the job execute a mark. Reversals begin with what the account holds.
func (j *job) marked(o fleet.Order, emitBy hostlink.Instant) {
	*j = job{Order: o, emitBy: emitBy, stage: waiting, look: j.look, cancel: j.cancel}
	if o.Side == fleet.Reverse {
		j.leg = 1
	}
}

// legs are the legs of which the broker may have an order, the last one first.
func (j *job) legs() []int {
	if j.Side == fleet.Reverse {
		return []int{2, 1}
	}
	return []int{0}
}

// call is a kind of call to the broker.
type call int

const (
	noCall call = iota
	callPosition
	callPlace
	callCancel
	callFind
)
