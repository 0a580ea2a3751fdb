package worker

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/hostlink"
	"workerfleet/runtime/order"
	"workerfleet/runtime/seal"
)

const trust = 13 * time.Second

// subject is a machine in its third life, with what is needed to talk to it.
type subject struct {
	*Machine
	t *testing.T
}

func newSubject(t *testing.T) subject {
	key, err := seal.NewKey()
	require.NoError(t, err)
	return subject{NewMachine(Self{Worker: "w1", Life: 3, Revision: 7}, key, trust), t}
}

// assignment seals credentials for ann to the machine's life.
func (s subject) assignment(epoch fleet.Epoch) hostlink.Message {
	c := seal.Context{User: "ann", Worker: "w1", Life: 3, Epoch: epoch}
	sealed, err := seal.Seal(s.key.Public(), c, []byte("secret of ann"))
	require.NoError(s.t, err)
	return hostlink.Message{Kind: hostlink.Assign, Life: 3, User: "ann", Epoch: epoch, Sealed: sealed, BeginAt: 1}
}

func (s subject) hear(now hostlink.Instant, m hostlink.Message) []string {
	return s.do(now, Heard{m})
}

// do steps the machine and says what it does in words.
func (s subject) do(now hostlink.Instant, e Event) []string {
	var words []string
	for _, effect := range s.Step(now, e) {
		switch effect := effect.(type) {
		case Say:
			word := "say " + string(effect.Kind)
			if effect.Epoch != 0 {
				word += fmt.Sprintf(" %d", effect.Epoch)
			}
			if effect.Reason != "" {
				word += ": " + effect.Reason
			}
			words = append(words, word)
		case Login:
			words = append(words, "login with "+string(effect.Credentials))
		case End:
			words = append(words, fmt.Sprintf("end, stop %v", effect.Stop))
		}
	}
	return words
}

func ok(epoch fleet.Epoch, sent hostlink.Instant) hostlink.Message {
	return hostlink.Message{Kind: hostlink.BeatOk, Epoch: epoch, SentAt: sent}
}

// served brings a machine to a confirmed session under epoch 9, at 10 s, on a beat sent at 9 s, with its login running.
func served(t *testing.T) subject {
	s := newSubject(t)
	s.hear(9*second, ok(0, 9*second))
	require.Equal(t, []string{"say accepted 9"}, s.hear(10*second, s.assignment(9)))
	require.Equal(t, []string{"login with secret of ann"}, s.hear(10*second, hostlink.Message{Kind: hostlink.Confirmed, Epoch: 9}))
	return s
}

// From idle to logged in: the login waits for the confirmation of this epoch, and for nothing else while the lease lasts.
func TestLoginNeedsTheConfirmation(t *testing.T) {
	s := newSubject(t)
	require.Equal(t, []string{"say hello"}, s.do(second, Connected{}))
	s.hear(9*second, ok(0, 9*second))
	require.Equal(t, []string{"say accepted 9"}, s.hear(10*second, s.assignment(9)))
	require.False(t, s.MayCall(10*second))
	require.Empty(t, s.hear(10*second, ok(9, 10*second)), "a confirmed beat is no confirmed assignment")
	require.Empty(t, s.hear(10*second, hostlink.Message{Kind: hostlink.Confirmed, Epoch: 8}), "another epoch's")
	require.Equal(t, Accepted, s.State())
	require.Equal(t, []string{"say hello 9"}, s.do(10*second, Connected{}))

	require.Equal(t, []string{"login with secret of ann"}, s.hear(11*second, hostlink.Message{Kind: hostlink.Confirmed, Epoch: 9}))
	require.Empty(t, s.hear(11*second, hostlink.Message{Kind: hostlink.Confirmed, Epoch: 9}), "one login at a time")
	require.False(t, s.MayOrder(11*second))
	require.Empty(t, s.do(11*second, LoginEnded{}))
	require.True(t, s.MayOrder(11*second))
	require.True(t, s.MayCall(23*second-1))
	require.False(t, s.MayCall(23*second))
	require.NotContains(t, string(s.credentials), "secret", "they are forgotten after the login")
}

// A worker that is not idle, or cannot open the seal, refuses; what it has already accepted it accepts again.
func TestTheWorkerIsTheJudgeOfItsOccupancy(t *testing.T) {
	s := newSubject(t)
	early := s.assignment(9)
	early.Life = 2
	require.Equal(t, []string{"say refused 9: meant for life 2; this is life 3"}, s.hear(second, early))
	foreign := s.assignment(9)
	foreign.Epoch = 10
	require.Equal(t, []string{"say refused 10: " + seal.ErrSealed.Error()}, s.hear(second, foreign))
	require.Equal(t, Idle, s.State())

	require.Equal(t, []string{"say accepted 9"}, s.hear(second, s.assignment(9)))
	require.Equal(t, []string{"say accepted 9"}, s.hear(second, s.assignment(9)))
	require.Equal(t, []string{"say refused 10: occupied"}, s.hear(second, s.assignment(10)))
	other := s.assignment(9)
	other.User = "bea"
	require.Equal(t, []string{"say refused 9: occupied"}, s.hear(second, other))
}

// A lease that ran out stops logins; only a later confirmed beat of the same epoch brings them back.
func TestOnlyTheSameEpochResumes(t *testing.T) {
	s := served(t)
	require.Empty(t, s.do(11*second, LoginEnded{Err: errors.New("broker is down")}))
	due, waits := s.Wake(11 * second)
	require.True(t, waits)
	require.Equal(t, 11*second+hostlink.Instant(pause(1, 9)), due)
	require.Empty(t, s.do(due-1, Due{}), "not before its time")

	require.Empty(t, s.do(30*second, Due{}), "the lease of 9 s has ended at 22 s")
	_, waits = s.Wake(30 * second)
	require.False(t, waits, "there is nothing to wake for until a beat is confirmed")
	require.Empty(t, s.hear(30*second, ok(0, 29*second)), "idle's beat")
	require.Empty(t, s.hear(30*second, ok(8, 29*second)), "an earlier session's beat")
	require.Empty(t, s.hear(30*second, ok(9, 17*second)), "too long ago: its trust ends at 30 s")
	require.Empty(t, s.hear(30*second, hostlink.Message{Kind: hostlink.Confirmed, Epoch: 9}), "a confirmation prolongs nothing")
	require.False(t, s.MayCall(30*second))
	require.Equal(t, []string{"login with secret of ann"}, s.hear(30*second, ok(9, 29*second)))
}

// A login that did not begin because its lease ran out waits for the next beat without a pause, and is no failure.
func TestLapsedLogin(t *testing.T) {
	s := served(t)
	require.Empty(t, s.do(40*second, LoginEnded{Err: errLapsed}))
	require.Zero(t, s.login.failures)
	require.Equal(t, []string{"login with secret of ann"}, s.hear(41*second, ok(9, 41*second)))
}

// Each way in which a session ends, and which words do not end it.
func TestEnds(t *testing.T) {
	for name, c := range map[string]struct {
		event Event
		want  []string
	}{
		"released":               {Heard{hostlink.Message{Kind: hostlink.Release, Epoch: 9}}, []string{"say leaving 9: released", "end, stop false"}},
		"another's release":      {Heard{hostlink.Message{Kind: hostlink.Release, Epoch: 8}}, nil},
		"fenced":                 {Heard{hostlink.Message{Kind: hostlink.Fenced, Life: 3, Epoch: 9}}, []string{"say leaving 9: fenced", "end, stop false"}},
		"another epoch's fence":  {Heard{hostlink.Message{Kind: hostlink.Fenced, Life: 3, Epoch: 8}}, nil},
		"another life's fence":   {Heard{hostlink.Message{Kind: hostlink.Fenced, Life: 2, Epoch: 9}}, nil},
		"stopped":                {Stopped{}, []string{"say leaving 9: stopped", "end, stop true"}},
		"credentials refused":    {LoginEnded{Err: fmt.Errorf("login: %w", order.ErrCredentials)}, []string{"say denied 9", "say leaving 9: " + order.ErrCredentials.Error(), "end, stop false"}},
		"broker fails":           {LoginEnded{Err: errors.New("down")}, nil},
		"asked to announce":      {Heard{hostlink.Message{Kind: hostlink.Announce}}, []string{"say hello 9"}},
		"a word of a later time": {Heard{hostlink.Message{Kind: "new"}}, nil},
	} {
		s := served(t)
		require.Equal(t, c.want, s.do(11*second, c.event), name)
		if len(c.want) == 2 {
			require.Equal(t, Ended, s.State(), name)
			require.Empty(t, s.hear(12*second, s.assignment(10)), name)
			require.Empty(t, s.do(12*second, Connected{}), name)
			require.NotContains(t, string(s.credentials), "secret", name)
		}
	}
	idle := newSubject(t)
	require.Empty(t, idle.hear(second, hostlink.Message{Kind: hostlink.Release, Epoch: 9}), "an idle worker has nothing to release")
	require.Equal(t, []string{"say leaving: fenced", "end, stop false"}, idle.hear(second, hostlink.Message{Kind: hostlink.Fenced, Life: 3}))
}

// A refusal at the login shows that no order was called; one of a call afterwards does not, because another may be on its way.
func TestDenialsSayWhatWasCalled(t *testing.T) {
	denial := func(effects []Effect) *fleet.Outcome {
		for _, e := range effects {
			if say, ok := e.(Say); ok && say.Kind == hostlink.Denied {
				return say.Outcome
			}
		}
		return nil
	}
	s := served(t)
	s.Step(11*second, LoginEnded{Err: errors.New("down")})
	said := denial(s.Step(12*second, LoginEnded{Err: order.ErrCredentials}))
	require.NotNil(t, said)
	require.True(t, said.Uncalled)

	s = served(t)
	s.Step(11*second, LoginEnded{})
	said = denial(s.Step(12*second, CallEnded{Call: Call{kind: callFind, Order: "o"}, Err: order.ErrCredentials}))
	require.NotNil(t, said)
	require.False(t, said.Uncalled)
	require.Equal(t, Ended, s.State())
}

// The switch stops orders, not the session, until it is turned back.
func TestHalt(t *testing.T) {
	s := served(t)
	s.do(10*second, LoginEnded{})
	off := ok(9, 11*second)
	off.Off = true
	s.hear(11*second, off)
	require.False(t, s.MayOrder(11*second))
	require.True(t, s.MayCall(11*second))
	s.hear(11*second, ok(9, 11*second))
	require.True(t, s.MayOrder(11*second))
}

// Pauses grow from half of the first to the longest, and epochs spread them.
func TestPauses(t *testing.T) {
	require.Equal(t, firstPause/2, pause(1, 0))
	require.Greater(t, pause(1, 500), pause(1, 0))
	for failures := 1; failures < 100; failures++ {
		for _, epoch := range []fleet.Epoch{0, 1, 1020, 1021, 1<<64 - 1} {
			require.GreaterOrEqual(t, pause(failures, epoch), firstPause/2)
			require.Less(t, pause(failures, epoch), longestPause)
			require.GreaterOrEqual(t, pause(failures+1, epoch), pause(failures, epoch))
		}
	}
}
