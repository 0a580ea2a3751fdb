package valkey

import (
	"math"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"

	"workerfleet/runtime/claim"
	"workerfleet/runtime/fleet"
	"workerfleet/runtime/session"
)

// undoable is what a user has been told, and what a store that fails over may make of it.
type undoable struct {
	seen
	// recent are the states since the replica heard nothing any more, in their order; nil while it hears.
	recent []seen
}

// lossModel is [userModel] with a loss that is stated: between "cut" and "takeover" the store remembers each state, and the
// takeover leads back to any one of them, for all that came after it is lost. Nothing else goes back: not to what was over
// before the cut, and not a second time.
var lossModel = porcupine.NondeterministicModel{
	Init: func() []any { return []any{undoable{seen: seen{over: true}}} },
	Step: func(state, input, output any) []any {
		s := state.(undoable)
		switch input.(call).kind {
		case "cut":
			return []any{undoable{s.seen, []seen{s.seen}}}
		case "takeover":
			next := []any{undoable{seen: s.seen}}
			for _, before := range s.recent {
				next = append(next, undoable{seen: before})
			}
			return next
		}
		var all []any
		for _, next := range userModel.Step(s.seen, input, output) {
			to := undoable{next.(seen), s.recent}
			if s.recent != nil && to.seen != s.seen {
				to.recent = append(append([]seen{}, s.recent...), to.seen)
			}
			all = append(all, to)
		}
		return all
	},
	Equal: func(a, b any) bool { return reflect.DeepEqual(a, b) },
}

// without is [lossModel] for stores that lose nothing.
var without = porcupine.NondeterministicModel{
	Init: lossModel.Init, Equal: lossModel.Equal,
	Step: func(state, input, output any) []any {
		if kind := input.(call).kind; kind == "cut" || kind == "takeover" {
			return []any{state}
		}
		return lossModel.Step(state, input, output)
	},
}

// diary is what a crowd's users asked and were told.
type diary struct {
	mu     sync.Mutex
	began  time.Time
	byUser map[fleet.User][]porcupine.Operation
	// owner is who was told of each epoch, and wrong what was told twice.
	owner map[fleet.Epoch]claim.Binding
	wrong []claim.Binding
}

func newDiary() *diary {
	return &diary{began: time.Now(), byUser: map[fleet.User][]porcupine.Operation{}, owner: map[fleet.Epoch]claim.Binding{}}
}

// clock is the time of operations.
func (d *diary) clock() int64 { return time.Since(d.began).Nanoseconds() }

// claimed notes a claim that was answered. One whose answer was lost may have happened, and is not noted: all that it can
// do to a user's state is to end the session, or to begin one that nobody was told of, and the model allows both at any
// time; every history that has an order with it has one without it.
func (d *diary) claimed(user fleet.User, began int64, p session.Progress) {
	out := outcome{}
	d.mu.Lock()
	defer d.mu.Unlock()
	if b := p.Bound; b != nil {
		out = outcome{worker: b.Worker, epoch: b.Epoch}
		told := claim.Binding{User: user, Worker: b.Worker, Epoch: b.Epoch}
		if other, known := d.owner[b.Epoch]; known && other != told {
			d.wrong = append(d.wrong, other, told)
		}
		d.owner[b.Epoch] = told
	}
	d.note(user, began, call{kind: "claim", user: user}, out)
}

// ended notes that a user's session was ended. One whose answer was lost is not noted, for the same reason.
func (d *diary) ended(user fleet.User, began int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.note(user, began, call{kind: "end", user: user}, outcome{})
}

// befell notes what befell the store, for all users.
func (d *diary) befell(users []fleet.User, what string, do func()) {
	began := d.clock()
	do()
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, user := range users {
		d.note(user, began, call{kind: what, user: user}, outcome{})
	}
}

// note appends an operation that ends now. The lock is held.
func (d *diary) note(user fleet.User, began int64, in call, out outcome) {
	d.byUser[user] = append(d.byUser[user], porcupine.Operation{
		ClientId: len(d.byUser[user]), Input: in, Output: out, Call: began, Return: max(d.clock(), began+1),
	})
}

// check holds each user's history against a model, and returns how many have no order and how many were looked at.
func (d *diary) check(model porcupine.NondeterministicModel) (without []fleet.User, looked int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	m := model.ToModel()
	for user, operations := range d.byUser {
		looked += len(operations)
		if !porcupine.CheckOperations(m, operations) {
			without = append(without, user)
		}
	}
	return without, looked
}

// requireOrder fails the test where a user's history has no order.
func (c *crowd) requireOrder(model porcupine.NondeterministicModel) {
	c.Helper()
	without, looked := c.diary.check(model)
	require.Empty(c, without, "users whose history has no order")
	require.Greater(c, looked, 4*len(c.users), "too few answers to show anything")
	c.diary.mu.Lock() // clerks go on
	defer c.diary.mu.Unlock()
	c.Logf("%d answers, of %d epochs, have an order", looked, len(c.diary.owner))
}

// told is a history of one answer after the other: each an epoch, on the worker of that number; 0 is a place in the queue.
func told(epochs ...any) (operations []porcupine.Operation) {
	for i, what := range epochs {
		in, out := call{kind: "claim", user: "ann"}, outcome{}
		switch what := what.(type) {
		case string:
			in.kind = what
		case seen:
			out = outcome{worker: what.worker, epoch: what.epoch}
		case int:
			out = outcome{worker: fleet.Worker("w" + string(rune('0'+what))), epoch: fleet.Epoch(what)}
			if what == 0 {
				out = outcome{}
			}
		}
		operations = append(operations, porcupine.Operation{ClientId: i, Input: in, Output: out, Call: int64(2 * i), Return: int64(2*i + 1)})
	}
	return operations
}

// The models know a history that must not be from one that may.
func TestModelsOfHistories(t *testing.T) {
	for name, c := range map[string]struct {
		history []porcupine.Operation
		plain   bool // there is an order without a loss
		loss    bool // … or with the loss that is stated
	}{
		"on and on":                       {told(1, 1, 3, 0, 5), true, true},
		"ended, and another one":          {told(1, "end", 3), true, true},
		"back to an earlier session":      {told(1, 3, 1), false, false},
		"one epoch on two workers":        {told(1, seen{worker: "w2", epoch: 1}), false, false},
		"back after the end":              {told(1, "end", 1), false, false},
		"back after a place in the queue": {told(1, 0, 1), false, false},
		"back to what the replica had":    {told(1, "cut", 3, "takeover", 1), false, true},
		"back to an end that was lost":    {told(1, "cut", "end", "takeover", 1), false, true},
		"back half-way":                   {told(1, "cut", 3, 5, "takeover", 3), false, true},
		"on from what the replica had":    {told(1, "cut", 3, "takeover", 1, 1, 3), false, true},
		"back to what was over before":    {told(1, 3, "cut", 5, "takeover", 1), false, false},
		"back twice":                      {told(1, "cut", 3, "takeover", 3, 1), false, false},
		"back without a takeover":         {told(1, "cut", 3, 1), false, false},
		"another worker by a lost epoch":  {told(1, "cut", 3, "takeover", seen{worker: "w9", epoch: 1}), false, false},
		"nothing was lost":                {told(1, "cut", 3, "takeover", 3), true, true},
	} {
		t.Run(name, func(t *testing.T) {
			var calls []porcupine.Operation
			for _, o := range c.history {
				if kind := o.Input.(call).kind; kind != "cut" && kind != "takeover" {
					calls = append(calls, o)
				}
			}
			require.Equal(t, c.plain, porcupine.CheckOperations(userModel.ToModel(), calls))
			require.Equal(t, c.loss, porcupine.CheckOperations(lossModel.ToModel(), c.history))
		})
	}
	overlapping := told(3, 1)
	require.False(t, porcupine.CheckOperations(userModel.ToModel(), overlapping))
	overlapping[1].Call, overlapping[1].Return = 0, math.MaxInt64
	require.True(t, porcupine.CheckOperations(userModel.ToModel(), overlapping), "answers that overtook one another")
}

// The diary notices an epoch that two were told of.
func TestDiary(t *testing.T) {
	d := newDiary()
	say := func(user fleet.User, worker fleet.Worker, epoch fleet.Epoch) {
		d.claimed(user, d.clock(), session.Progress{Bound: &claim.Binding{User: user, Worker: worker, Epoch: epoch}})
	}
	say("ann", "w1", 1)
	say("ann", "w1", 1)
	d.ended("ann", d.clock())
	say("ann", "w1", 2)
	without, looked := d.check(userModel)
	require.Empty(t, without)
	require.Equal(t, 4, looked)
	require.Empty(t, d.wrong)
	say("bea", "w1", 2)
	require.Len(t, d.wrong, 2)
	say("ann", "w1", 1)
	without, _ = d.check(userModel)
	require.Equal(t, []fleet.User{"ann"}, without)
}
