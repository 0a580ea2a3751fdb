package agent

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"workerfleet/runtime/claim"
	"workerfleet/runtime/fleet"
	"workerfleet/runtime/hostlink"
)

func outcome(number uint64) fleet.Outcome {
	return fleet.Outcome{User: "ann", Epoch: 9, Order: "o", Number: number, State: fleet.OutcomeFilled}
}

func says(o fleet.Outcome) hostlink.Message {
	return hostlink.Message{Kind: hostlink.Reported, Epoch: o.Epoch, Outcome: &o}
}

// published are the outcomes among effects.
func published(effects []effect) (found []publish) {
	for _, e := range effects {
		if p, ok := e.(publish); ok {
			found = append(found, p)
		}
	}
	return found
}

// An outcome is handed on once when it comes, again when that failed or no commit followed, and no more once it is
// committed; its worker may be gone by then.
func TestOutcomesAreKept(t *testing.T) {
	d := newDesk()
	p := &process{}
	l := d.settled(p, inSession("w1", 9))
	out := published(d.heardFrom(d.now, l, says(outcome(1))))
	require.Len(t, out, 1)
	require.Equal(t, fleet.Worker("w1"), out[0].Worker)
	require.Equal(t, fleet.Host("h1"), out[0].Host)
	require.Empty(t, d.heardFrom(d.now, l, says(outcome(1))), "the worker repeats itself")

	again := d.published(d.now, out[0], errors.New("the store is away"))
	require.Len(t, again, 1)
	out = published(again[0].(later).turn(d.roster))
	require.Equal(t, 1, out[0].tries)
	d.roster.published(d.now, out[0], nil)
	require.Empty(t, d.republish(d.now.Add(republishPause)))
	d.exited(p)
	require.Len(t, d.republish(d.now.Add(republishPause+1)), 1, "no commit has followed")
	d.arrived(d.now, Letter{Mail: fleet.Mail{Kind: fleet.MailCommitted, Worker: "w1", Life: 1, User: "ann", Epoch: 9, Number: 1}})
	require.Empty(t, d.outcomes)
	require.Empty(t, d.republish(d.now.Add(time.Hour)))
}

// What nobody commits is given up, so that it does not fill the memory.
func TestOutcomesEnd(t *testing.T) {
	d := newDesk()
	l := d.settled(&process{}, inSession("w1", 9))
	for n := range uint64(outcomesLimit + 10) {
		d.heardFrom(d.now, l, says(outcome(n+1)))
	}
	require.Len(t, d.outcomes, outcomesLimit)
	d.republish(d.now.Add(outcomePatient + 1))
	require.Empty(t, d.outcomes)
}

// The word that the broker refuses the credentials is kept as outcomes are, though it ends the life.
func TestDenialIsKept(t *testing.T) {
	d := newDesk()
	l := d.settled(&process{}, inSession("w1", 9))
	o := fleet.Outcome{User: "ann", Epoch: 9, Number: 3, State: fleet.OutcomeDenied, Reason: "closed"}
	out := published(d.heardFrom(d.now, l, hostlink.Message{Kind: hostlink.Denied, Epoch: 9, Outcome: &o}))
	require.Len(t, out, 1)
	require.Equal(t, fleet.Worker("w1"), out[0].Worker)
	d.heardFrom(d.now, l, hostlink.Message{Kind: hostlink.Leaving, Life: 1, Epoch: 9})
	d.published(d.now, out[0], nil)
	require.Len(t, published(d.republish(d.now.Add(republishPause+1))), 1)
	d.arrived(d.now, Letter{Mail: fleet.Mail{Kind: fleet.MailCommitted, Worker: "w1", Life: 1, User: "ann", Epoch: 9, Number: 3}})
	require.Empty(t, d.outcomes)
}

// A worker speaks for its own session alone, whatever names it writes.
func TestOutcomesOfOthers(t *testing.T) {
	d := newDesk()
	l := d.settled(&process{}, inSession("w1", 9))
	for _, wrong := range []fleet.Outcome{
		{User: "bea", Epoch: 9, Order: "o", Number: 1}, {User: "ann", Epoch: 8, Order: "o", Number: 1},
	} {
		require.Empty(t, d.heardFrom(d.now, l, says(wrong)))
	}
	forged := outcome(1)
	forged.Worker, forged.Host, forged.Life = "w2", "h2", 77
	out := published(d.heardFrom(d.now, l, says(forged)))
	require.Equal(t, fleet.Worker("w1"), out[0].Worker)
	require.Equal(t, fleet.Life(1), out[0].Life)
}

// Letters about orders reach the worker of their life and epoch, and no other; the switch travels with every beat.
func TestOrderLetters(t *testing.T) {
	d := newDesk()
	l := d.settled(&process{}, inSession("w1", 9))
	letter := func(kind fleet.MailKind, life fleet.Life, epoch fleet.Epoch) Letter {
		return Letter{Mail: fleet.Mail{Kind: kind, Worker: "w1", Life: life, User: "ann", Epoch: epoch, Order: &fleet.Order{ID: "o"}, Number: 1}}
	}
	for kind, want := range map[fleet.MailKind]string{
		fleet.MailOrder: "say execute 9", fleet.MailCancel: "say cancel 9", fleet.MailVerify: "say verify 9", fleet.MailCommitted: "say committed 9",
		fleet.MailWithdraw: "say withdraw 9",
	} {
		require.Equal(t, []string{want}, words(d.arrived(d.now, letter(kind, 1, 9))))
		require.Empty(t, d.arrived(d.now, letter(kind, 1, 8)), "an earlier session's")
	}
	d.halted = true
	effects := d.standing(d.workers["w1"], claim.Ok, 5)
	require.True(t, effects[0].(say).Off)
	require.Equal(t, l, effects[0].(say).to)
}

// Old questions, as an agent that starts finds them, are not asked; whatever else is old is current or not by its epoch.
func TestOldQuestions(t *testing.T) {
	d := newDesk()
	d.settled(&process{}, inSession("w1", 9))
	for kind, want := range map[fleet.MailKind]int{
		fleet.MailVerify: 0, fleet.MailCancel: 0, fleet.MailOrder: 1, fleet.MailCommitted: 1, fleet.MailRelease: 1,
	} {
		l := Letter{Age: questionLimit + 1, Mail: fleet.Mail{Kind: kind, Worker: "w1", Life: 1, User: "ann", Epoch: 9, Order: &fleet.Order{ID: "o"}}}
		require.Len(t, d.arrived(d.now, l), want, kind)
		l.Age = questionLimit
		require.Len(t, d.arrived(d.now, l), 1, kind)
	}
}

// Orders are switched off for all: from two beats on no worker of the host begins one, and each says so. That the store has
// the word by then is the dispatcher's part.
func TestSwitchReachesWorkers(t *testing.T) {
	h := newHost(t)
	h.startRole("w1")
	h.awaitState("w1", claim.Warm, 1)
	b := h.serve("ann")
	h.post.mu.Lock()
	h.post.halted = true
	h.post.mu.Unlock()
	time.Sleep(2*testBeat + 100*time.Millisecond) // what two beats and their answers take on a busy machine
	h.post.post(fleet.Mail{Kind: fleet.MailOrder, Worker: b.Worker, Life: b.Life, User: "ann", Epoch: b.Epoch, Order: &fleet.Order{
		ID: "o", Sequence: 1, EmitBy: time.Now().Add(time.Minute),
	}})
	require.Eventually(t, func() bool {
		h.post.mu.Lock()
		defer h.post.mu.Unlock()
		return len(h.post.outcomes) > 0
	}, 20*time.Second, time.Millisecond)
	require.Equal(t, fleet.OutcomeUnsent, h.post.outcomes[0].State)
	require.Equal(t, "orders are switched off", h.post.outcomes[0].Reason)
}

// A real worker hands an order over and its outcome is reported, with the store away at first; a new agent, which has
// lost what the old one kept, hears it from the worker.
func TestOrderThroughProcesses(t *testing.T) {
	h := newHost(t)
	h.startRole("w1")
	h.awaitState("w1", claim.Warm, 1)
	b := h.serve("ann")
	h.post.mu.Lock()
	h.post.down = true
	h.post.mu.Unlock()
	o := fleet.Order{ID: "o", Sequence: 1, EmitBy: time.Now().Add(time.Minute)}
	mail := fleet.Mail{Kind: fleet.MailOrder, Worker: b.Worker, Life: b.Life, User: "ann", Epoch: b.Epoch, Order: &o}
	h.post.post(mail)
	require.Eventually(t, func() bool {
		kept := 0
		h.onRoster(func(r *roster) { kept = len(r.outcomes) })
		return kept == 1
	}, 20*time.Second, time.Millisecond)
	h.stop()
	h.post.mu.Lock()
	h.post.down = false
	h.post.mu.Unlock()
	h.startAgent()
	require.Eventually(t, func() bool {
		h.post.mu.Lock()
		defer h.post.mu.Unlock()
		return len(h.post.outcomes) > 0
	}, 20*time.Second, time.Millisecond)
	require.Equal(t, fleet.OutcomeFilled, h.post.outcomes[0].State)
	require.Equal(t, fleet.OrderID("o"), h.post.outcomes[0].Order)
}
