package agent

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"workerfleet/runtime/claim"
	"workerfleet/runtime/fleet"
	"workerfleet/runtime/hostlink"
)

// The roster's decisions, one after another, without processes, sockets or a store. What the effects come to when they
// are performed is in the tests with processes.

// desk is a roster and a clock that a test moves.
type desk struct {
	*roster
	now time.Time
}

func newDesk() *desk { return &desk{newRoster("h1", testTTL), time.Unix(1_000_000, 0)} }

func newLink(p *process) *link {
	return &link{process: p, out: make(chan hostlink.Message, linkQueue), cut: func() {}}
}

func hello(worker fleet.Worker, life fleet.Life) hostlink.Message {
	return hostlink.Message{Kind: hostlink.Hello, Worker: worker, Life: life, Key: fmt.Sprintf("key of life %d", life)}
}

// inSession is a hello of a worker that knows its epoch to be confirmed.
func inSession(worker fleet.Worker, epoch fleet.Epoch) hostlink.Message {
	m := hello(worker, 1)
	m.User, m.Epoch, m.Serving = "ann", epoch, true
	return m
}

func assignment(life fleet.Life, epoch fleet.Epoch) Letter {
	return Letter{ID: "1", Mail: fleet.Mail{
		Kind: fleet.MailAssign, Worker: "w1", Life: life, User: "ann", Epoch: epoch, Sealed: []byte("s"), ReplyTo: "api",
	}}
}

func release(life fleet.Life, epoch fleet.Epoch) Letter {
	return Letter{ID: "2", Mail: fleet.Mail{Kind: fleet.MailRelease, Worker: "w1", Life: life, User: "ann", Epoch: epoch}}
}

// words says what effects are.
func words(effects []effect) []string {
	var found []string
	for _, e := range effects {
		switch e := e.(type) {
		case say:
			found = append(found, fmt.Sprintf("say %s %d", e.Kind, e.Epoch))
		case drop:
			found = append(found, "drop: "+e.why)
		case register:
			found = append(found, fmt.Sprintf("register life %d %s", e.Life, e.User))
		case confirm:
			found = append(found, fmt.Sprintf("confirm %d", e.epoch))
		case exit:
			found = append(found, fmt.Sprintf("exit life %d, polite %v", e.life, e.polite))
		case tell:
			found = append(found, fmt.Sprintf("tell %s %d: %s", e.to, e.Epoch, e.Refused))
		case later:
			found = append(found, "later")
		case beatSoon:
			found = append(found, "beat soon")
		}
	}
	return found
}

// settled brings w1 to a registered life with a confirmed beat.
func (d *desk) settled(p *process, said hostlink.Message) *link {
	l := newLink(p)
	for _, e := range d.hello(d.now, l, said) {
		if asked, ok := e.(register); ok {
			d.registered(asked, claim.Ok, nil)
		}
	}
	d.beat(claim.Ok)
	return l
}

// beat sends a round in which each worker stands so.
func (d *desk) beat(s claim.Standing) []string {
	beats := d.beats(d.now, false)
	standings := make([]claim.Standing, len(beats))
	for i := range standings {
		standings[i] = s
	}
	return words(d.beaten(beats, standings, 5))
}

// taking gives w1 the assignment of epoch 9 and has it accepted.
func (d *desk) taking(l *link) []string {
	return append(words(d.arrived(d.now, assignment(1, 9))), words(d.heardFrom(d.now, l, hostlink.Message{Kind: hostlink.Accepted, User: "ann", Epoch: 9}))...)
}

// From hello to ready: every step waits for the one before it, and repeating one is harmless.
func TestOneAssignment(t *testing.T) {
	d := newDesk()
	l := newLink(&process{})
	require.Equal(t, []string{"register life 1 "}, words(d.hello(d.now, l, hello("w1", 1))))
	require.Empty(t, d.beats(d.now, false), "nothing is beaten for before it is registered")
	asked := register{Registration: d.workers["w1"].Registration}
	require.Equal(t, []string{"beat soon"}, words(d.registered(asked, claim.Ok, nil)))
	require.Len(t, d.beats(d.now, true), 1)
	require.Equal(t, []string{"say beat-ok 0"}, d.beat(claim.Ok))
	require.Empty(t, d.beats(d.now, true), "it is no longer fresh")

	require.Equal(t, []string{"say assign 9", "confirm 9"}, d.taking(l))
	require.Empty(t, d.taking(l)[1:], "a second acceptance asks for no second confirmation")
	require.Equal(t, []string{"say confirmed 9", "tell api 9: "}, words(d.answered(confirm{worker: "w1", life: 1, epoch: 9}, nil)))
	require.Empty(t, words(d.arrived(d.now, assignment(1, 9))), "the same letter again")
	require.Equal(t, []string{"say release 9"}, words(d.arrived(d.now, release(1, 9))))
}

// An epoch that nobody assigned is not confirmed, whoever claims to have accepted it.
func TestUnaskedAcceptance(t *testing.T) {
	d := newDesk()
	l := d.settled(&process{}, hello("w1", 1))
	require.Equal(t, []string{"say fenced 9"}, words(d.heardFrom(d.now, l, hostlink.Message{Kind: hostlink.Accepted, User: "ann", Epoch: 9})))
	d.arrived(d.now, assignment(1, 9))
	require.Equal(t, []string{"say fenced 8"}, words(d.heardFrom(d.now, l, hostlink.Message{Kind: hostlink.Accepted, User: "ann", Epoch: 8})))
	require.Empty(t, d.heardFrom(d.now, l, hostlink.Message{Kind: hostlink.Refused, Epoch: 8}))
}

// Mail of another life or an earlier session is dropped; mail of a life to come waits for it, for one TTL.
func TestMail(t *testing.T) {
	p := &process{}
	d := newDesk()
	d.settled(p, inSession("w1", 9))
	for name, letter := range map[string]Letter{
		"an earlier session":      release(1, 8),
		"an earlier assignment":   assignment(1, 8),
		"a confirmed assignment":  assignment(1, 9),
		"an unknown kind of mail": {Mail: fleet.Mail{Kind: "new", Worker: "w1", Life: 1, Epoch: 9}},
	} {
		require.Empty(t, d.arrived(d.now, letter), name)
	}
	require.Empty(t, d.arrived(d.now, assignment(2, 10)), "of the next life")
	require.Equal(t, []string{"register life 2 ", "say assign 10"}, words(d.hello(d.now, newLink(p), hello("w1", 2)))[1:], "after dropping the old connection")
	require.Empty(t, d.arrived(d.now, release(1, 9)), "the earlier life's leftovers")
	require.Empty(t, d.early)

	d = newDesk()
	require.Empty(t, d.arrived(d.now, assignment(1, 9)), "nobody has called")
	d.forget(d.now.Add(testTTL - 1))
	require.Len(t, d.early["w1"], 1)
	d.forget(d.now.Add(testTTL))
	require.Empty(t, d.early)
	for i := range earlyLimit + 5 {
		d.arrived(d.now, assignment(1, fleet.Epoch(i+1)))
	}
	require.Len(t, d.early["w1"], earlyLimit)
	require.Equal(t, fleet.Epoch(6), d.early["w1"][0].Epoch, "the oldest goes first")
}

// Whoever waits for a session is told, also when the assignment was repeated by somebody who waits for nothing, before or
// after the worker accepted it.
func TestRepeatedAssignment(t *testing.T) {
	for name, accept := range map[string]bool{"before the acceptance": false, "after it": true} {
		d := newDesk()
		l := d.settled(&process{}, hello("w1", 1))
		accepted := func() []effect {
			return d.heardFrom(d.now, l, hostlink.Message{Kind: hostlink.Accepted, User: "ann", Epoch: 9})
		}
		first, repeated := assignment(1, 9), assignment(1, 9)
		first.ReplyTo, repeated.ReplyTo = "api-1", ""
		d.arrived(d.now, first)
		if accept {
			accepted()
		}
		d.arrived(d.now, repeated)
		accepted()
		effects := d.answered(confirm{worker: "w1", life: 1, epoch: 9}, nil)
		require.Contains(t, fmt.Sprint(words(effects)), "tell api-1", name)
	}
}

// What was on its way to a worker whose connection closed is said again on the next one, while it is unanswered.
func TestLostConnection(t *testing.T) {
	p := &process{}
	d := newDesk()
	l := d.settled(p, hello("w1", 1))
	require.Equal(t, []string{"say assign 9"}, words(d.arrived(d.now, assignment(1, 9))))
	d.closed(l)
	require.Empty(t, d.arrived(d.now, release(1, 8)), "it waits")
	l = newLink(p)
	require.Equal(t, []string{"register life 1 ", "say assign 9", "say release 8"}, words(d.hello(d.now, l, hello("w1", 1))))
	d.closed(newLink(p))
	require.NotNil(t, d.workers["w1"].link, "the end of an older connection is not the end of this one")
	require.Empty(t, d.heardFrom(d.now, newLink(p), hostlink.Message{Kind: hostlink.Accepted, Epoch: 9}), "nor is its voice heard")
}

// Whose name it is, and whose life.
func TestNames(t *testing.T) {
	p := &process{}
	d := newDesk()
	l := d.settled(p, hello("w1", 3))
	require.Equal(t, []string{"drop: another process has that name"}, words(d.hello(d.now, newLink(&process{}), hello("w1", 4))))
	require.Equal(t, []string{"drop: its process has another name"}, words(d.hello(d.now, newLink(p), hello("w2", 1))))
	require.Equal(t, []string{"drop: an older life than the one that is known"}, words(d.hello(d.now, newLink(p), hello("w1", 2))))
	require.Same(t, l, d.workers["w1"].link)
	require.Equal(t, []string{"drop: replaced by a newer connection", "register life 4 "}, words(d.hello(d.now, newLink(p), hello("w1", 4))))
}

// Only what has been heard within the TTL is beaten for, so that a worker that hangs is not kept alive; and only
// answers about the session that it is in reach it.
func TestBeats(t *testing.T) {
	d := newDesk()
	l := d.settled(&process{}, inSession("w1", 9))
	require.Equal(t, []string{"say beat-ok 9"}, d.beat(claim.Ok))
	require.Equal(t, []string{"say announce 0"}, d.beat(claim.Announce))
	require.Equal(t, []string{"say fenced 9"}, d.beat(claim.Fenced))
	require.Empty(t, d.beat(claim.Pending))
	stale := []claim.Beat{{Worker: "w1", Life: 1, Epoch: 8}, {Worker: "w1", Life: 2, Epoch: 9}, {Worker: "w2", Life: 1}}
	for _, s := range []claim.Standing{claim.Ok, claim.Announce, claim.Fenced} {
		require.Empty(t, d.beaten(stale, []claim.Standing{s, s, s}, 5))
	}
	d.now = d.now.Add(testTTL - 1)
	require.Len(t, d.beats(d.now, false), 1)
	d.now = d.now.Add(1)
	require.Empty(t, d.beats(d.now, false))
	d.heardFrom(d.now, l, hostlink.Message{Kind: hostlink.Alive})
	require.Len(t, d.beats(d.now, false), 1)
	d.closed(l)
	require.Len(t, d.beats(d.now, false), 1, "a closed connection is suspicion only")
	require.Empty(t, d.beat(claim.Fenced), "there is nobody to tell")
}

// After a hello the store may have lost its record: an acceptance is confirmed only when a beat has shown that it has
// not. A returned worker's session is the database's to confirm.
func TestDoubt(t *testing.T) {
	p := &process{}
	d := newDesk()
	l := d.settled(p, hello("w1", 1))
	require.Equal(t, []string{"say assign 9", "confirm 9"}, d.taking(l))
	again := inSession("w1", 9)
	again.Serving = false
	d.hello(d.now, l, again)
	retry := d.answered(confirm{worker: "w1", life: 1, epoch: 9}, errLost)[0].(later)
	require.Empty(t, retry.turn(d.roster), "the acknowledgement is not repeated blindly")
	require.Empty(t, d.beat(claim.Pending))
	require.Equal(t, []string{"confirm 9", "say beat-ok 9"}, d.beat(claim.Ok))
	require.Equal(t, []string{"say beat-ok 9"}, d.beat(claim.Ok), "once")
	retry = d.answered(confirm{worker: "w1", life: 1, epoch: 9}, errLost)[0].(later)
	require.Equal(t, []string{"confirm 9"}, words(retry.turn(d.roster)), "without a doubt it is repeated")
}

// Whoever waits for a session is told when it will not come: refused, undone, or its worker gone.
func TestBadNews(t *testing.T) {
	for name, c := range map[string]struct {
		happens func(d *desk, l *link) []effect
		want    []string
	}{
		"refused": {func(d *desk, l *link) []effect {
			d.arrived(d.now, assignment(1, 9))
			return d.heardFrom(d.now, l, hostlink.Message{Kind: hostlink.Refused, Epoch: 9, Reason: "occupied"})
		}, []string{"tell api 9: occupied"}},
		"undone": {func(d *desk, l *link) []effect {
			d.taking(l)
			return d.answered(confirm{worker: "w1", life: 1, epoch: 9}, claim.ErrFenced)
		}, []string{"say fenced 9", "tell api 9: " + claim.ErrFenced.Error()}},
		"left": {func(d *desk, l *link) []effect {
			d.taking(l)
			return d.heardFrom(d.now, l, hostlink.Message{Kind: hostlink.Leaving, Epoch: 9, Reason: "stopped"})
		}, []string{"tell api 9: stopped"}},
		"another life": {func(d *desk, l *link) []effect {
			d.arrived(d.now, assignment(1, 9))
			return d.hello(d.now, l, hello("w1", 2))
		}, []string{"tell api 9: the worker began another life", "register life 2 "}},
		"died": {func(d *desk, l *link) []effect {
			d.taking(l)
			return d.exited(l.process)
		}, []string{"tell api 9: the worker's process ended", "exit life 1, polite false"}},
	} {
		d := newDesk()
		l := d.settled(&process{}, hello("w1", 1))
		require.Equal(t, c.want, words(c.happens(d, l)), name)
	}
}

// A process's end is reported once, after the registration that may be under way, and repeated until it is answered.
func TestExits(t *testing.T) {
	p := &process{}
	d := newDesk()
	l := newLink(p)
	asked := d.hello(d.now, l, hello("w1", 1))[0].(register)
	require.Empty(t, d.exited(&process{}), "nobody's process")
	require.Empty(t, d.exited(p), "a registration is under way")
	require.Empty(t, d.names())
	require.Equal(t, []string{"drop: another process has that name"}, words(d.hello(d.now, newLink(&process{}), hello("w1", 1))))
	effects := d.registered(asked, claim.Ok, nil)
	require.Equal(t, []string{"exit life 1, polite false"}, words(effects))
	require.Empty(t, d.workers)
	retry := d.buried(effects[0].(exit), errLost)
	require.Equal(t, []string{"later"}, words(retry))
	require.Equal(t, []string{"exit life 1, polite false"}, words(retry[0].(later).turn(d.roster)))
	require.Empty(t, d.buried(effects[0].(exit), nil))
	require.Empty(t, d.buried(effects[0].(exit), claim.ErrFenced), "a newer life is registered: it was not this one")

	d = newDesk()
	l = d.settled(p, hello("w1", 1))
	d.heardFrom(d.now, l, hostlink.Message{Kind: hostlink.Leaving, Life: 1, Reason: "stopped"})
	require.Empty(t, d.arrived(d.now, assignment(1, 9)), "a life that ends takes no more")
	require.Equal(t, []string{"exit life 1, polite true"}, words(d.exited(p)))
}

// Registrations of one worker do not overtake one another, and an answer about what it no longer is counts for nothing.
func TestRegistrations(t *testing.T) {
	p := &process{}
	d := newDesk()
	l := newLink(p)
	first := d.hello(d.now, l, hello("w1", 1))[0].(register)
	require.Empty(t, d.hello(d.now, l, hello("w1", 2)), "one at a time")
	second := d.registered(first, claim.Fenced, nil)
	require.Equal(t, []string{"register life 2 "}, words(second), "the fence was life 1's")
	retry := d.registered(second[0].(register), "", errLost)
	require.Equal(t, []string{"later"}, words(retry))
	d.hello(d.now, l, hello("w1", 3))
	third := retry[0].(later).turn(d.roster)
	require.Equal(t, []string{"register life 3 "}, words(third), "repeated with what holds by now")
	require.Equal(t, []string{"say fenced 0"}, words(d.registered(third[0].(register), claim.Fenced, nil)))
	require.Empty(t, d.beats(d.now, false))

	d = newDesk()
	l = newLink(p)
	idle := d.hello(d.now, l, hello("w1", 1))[0].(register)
	d.taking(l)
	require.Equal(t, []string{"beat soon"}, words(d.registered(idle, "", errLost)), "it has a session, so the store knows it")
	require.Equal(t, fleet.Epoch(9), d.beats(d.now, false)[0].Epoch)
}

// A worker that was stopped may accept an assignment that another one has followed since. Nobody will confirm it, so it is
// told to end: else it would look idle to the index, and refuse everybody.
func TestOvertakenAcceptance(t *testing.T) {
	d := newDesk()
	l := d.settled(&process{}, hello("w1", 1))
	require.Equal(t, []string{"say assign 9"}, words(d.arrived(d.now, assignment(1, 9))))
	require.Equal(t, []string{"say assign 11"}, words(d.arrived(d.now, assignment(1, 11))))
	accepted := hostlink.Message{Kind: hostlink.Accepted, User: "ann", Epoch: 9}
	require.Equal(t, []string{"say fenced 9"}, words(d.heardFrom(d.now, l, accepted)))
	accepted.Epoch = 11
	require.Equal(t, []string{"confirm 11"}, words(d.heardFrom(d.now, l, accepted)))
	require.Empty(t, words(d.heardFrom(d.now, l, accepted)), "said twice")
}
