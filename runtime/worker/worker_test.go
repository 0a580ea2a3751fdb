package worker

import (
	"context"
	"errors"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/hostlink"
	"workerfleet/runtime/order"
)

// The loop's tests run in bubbles, where time passes at once when all wait. Sockets are pipes in memory there; real
// sockets and processes are in package agent's tests.

func TestMain(m *testing.M) {
	if probe := bodyProbe(); probe != nil {
		probe()
		return
	}
	goleak.VerifyTestMain(m)
}

// recorder is a broker that notes its calls. A nil login succeeds at once.
type recorder struct {
	login  func(ctx context.Context) error
	logout func(ctx context.Context) error
	began  []time.Time
	secret string
	logins int // that succeeded
	outs   int
	book
}

func (r *recorder) Login(ctx context.Context, _ order.Holder, credentials []byte) (order.Account, error) {
	r.began = append(r.began, time.Now())
	r.secret = string(credentials)
	if r.login != nil {
		if err := r.login(ctx); err != nil {
			return nil, err
		}
	}
	r.logins++
	return r, nil
}

func (r *recorder) Logout(ctx context.Context) error {
	r.outs++
	if r.logout != nil {
		return r.logout(ctx)
	}
	return nil
}

// stage is a worker in its third life, its broker, and the agent's end of each connection that it makes.
type stage struct {
	t      *testing.T
	dials  chan *hostlink.Conn
	broker *recorder
	worker *Worker
	ended  chan result
	stop   context.CancelFunc
	begin  time.Time
}

type result struct {
	ending Ending
	err    error
}

func newStage(t *testing.T, broker *recorder) *stage {
	s := &stage{t: t, dials: make(chan *hostlink.Conn), broker: broker, ended: make(chan result, 1), begin: time.Now()}
	var err error
	s.worker, err = New(Config{
		Self: Self{Worker: "w1", Life: 3, Revision: 7}, Beat: 2 * time.Second, Trust: trust, Broker: broker,
		Dial: func(ctx context.Context) (net.Conn, error) {
			near, far := net.Pipe()
			select {
			case s.dials <- hostlink.NewConn(far):
				return near, nil
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		},
		Now: s.now,
	})
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	s.stop = stop
	t.Cleanup(stop)
	go func() {
		ending, err := s.worker.Run(ctx)
		s.ended <- result{ending, err}
	}()
	return s
}

// now is the bubble's clock as an instant; it begins above 0, as a host's does.
func (s *stage) now() hostlink.Instant { return hostlink.Instant(time.Since(s.begin)) + 100*second }

// agent takes the worker's next connection and returns its hello, and the words that follow but signs of life.
func (s *stage) agent() (*hostlink.Conn, hostlink.Message, <-chan hostlink.Message) {
	conn := <-s.dials
	hello, err := conn.Receive(time.Minute)
	require.NoError(s.t, err)
	words := make(chan hostlink.Message, 100)
	go func() {
		defer close(words)
		for {
			m, err := conn.Receive(0)
			if err != nil {
				return
			}
			if m.Kind != hostlink.Alive {
				words <- m
			}
		}
	}()
	return conn, hello, words
}

// serve brings the worker into a session under epoch 9 on a connection.
func (s *stage) serve(conn *hostlink.Conn, words <-chan hostlink.Message) {
	require.NoError(s.t, conn.Send(hostlink.Message{Kind: hostlink.BeatOk, SentAt: s.now()}))
	require.NoError(s.t, conn.Send(subject{s.worker.machine, s.t}.assignment(9)))
	require.Equal(s.t, hostlink.Message{Kind: hostlink.Accepted, User: "ann", Epoch: 9}, <-words)
	require.Empty(s.t, s.broker.began, "before the confirmation")
	require.NoError(s.t, conn.Send(hostlink.Message{Kind: hostlink.Confirmed, Epoch: 9}))
	synctest.Wait()
}

// A whole life: hello, assignment, confirmation, login, release, logout.
func TestOneLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, &recorder{})
		conn, hello, words := s.agent()
		require.Equal(t, fleet.Worker("w1"), hello.Worker)
		require.Equal(t, int64(7), hello.Revision)
		require.Equal(t, fleet.Life(3), hello.Life)
		s.serve(conn, words)
		require.Equal(t, "secret of ann", s.broker.secret)
		require.Zero(t, s.broker.outs)
		require.NoError(t, conn.Send(hostlink.Message{Kind: hostlink.Release, Epoch: 9}))
		require.Equal(t, hostlink.Message{Kind: hostlink.Leaving, Life: 3, Epoch: 9, Reason: "released"}, <-words)
		require.Equal(t, result{Recycled, nil}, <-s.ended)
		require.Equal(t, 1, s.broker.outs)
	})
}

// A lost connection ends nothing: the worker comes back within a second, says which session it is in, and stays logged in.
func TestRedial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, &recorder{})
		conn, _, words := s.agent()
		s.serve(conn, words)
		for range 3 {
			lost := time.Now()
			require.NoError(t, conn.Close())
			var hello hostlink.Message
			conn, hello, _ = s.agent()
			require.Less(t, time.Since(lost), time.Second)
			require.Equal(t, fleet.Epoch(9), hello.Epoch)
			require.Equal(t, fleet.User("ann"), hello.User)
			require.True(t, hello.Serving)
		}
		require.Equal(t, 1, s.broker.logins)
		require.Zero(t, s.broker.outs)
		s.stop()
		require.Equal(t, result{Halted, nil}, <-s.ended)
		require.Equal(t, 1, s.broker.outs, "asked to stop, it logs out")
	})
}

// Without an agent the lease runs out by itself: no login starts after TTL − guard, and the next confirmed beat of the
// epoch lets them start again.
func TestLeaseWithoutAnAgent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broker := &recorder{login: func(context.Context) error { return errors.New("broker is down") }}
		s := newStage(t, broker)
		conn, _, words := s.agent()
		confirmed := time.Now()
		s.serve(conn, words)
		require.NoError(t, conn.Close())
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		require.Greater(t, len(broker.began), 3)
		for _, began := range broker.began {
			require.Less(t, began.Sub(confirmed), trust)
		}
		before := len(broker.began)
		conn, _, _ = s.agent()
		time.Sleep(time.Minute)
		require.Len(t, broker.began, before, "an agent alone is no confirmed beat")
		require.NoError(t, conn.Send(hostlink.Message{Kind: hostlink.BeatOk, Epoch: 9, SentAt: s.now()}))
		synctest.Wait()
		require.Len(t, broker.began, before+1)
		s.stop()
		require.Equal(t, result{Halted, nil}, <-s.ended)
	})
}

// The lease is looked at last of all: a process that was stopped between the decision and the call makes none.
func TestLeaseEndsBeforeTheCall(t *testing.T) {
	broker := &recorder{}
	now := 100 * second
	w, err := New(Config{
		Self: Self{Worker: "w1", Life: 1}, Beat: time.Second, Trust: trust, Broker: broker, Now: func() hostlink.Instant { return now },
		Dial: func(context.Context) (net.Conn, error) { return nil, errors.New("none") },
	})
	require.NoError(t, err)
	w.login(t.Context(), Login{Until: now})
	require.ErrorIs(t, (<-w.answers).(loggedIn).err, errLapsed)
	require.Empty(t, broker.began)
	w.login(t.Context(), Login{Until: now + 1})
	opened := (<-w.answers).(loggedIn)
	require.NoError(t, opened.err)
	require.Len(t, broker.began, 1)
	w.account = opened.account
	w.call(t.Context(), Call{kind: callPlace, Until: now})
	require.ErrorIs(t, (<-w.answers).(CallEnded).Err, order.ErrUnsent)
	require.Empty(t, broker.placed)
	w.call(t.Context(), Call{kind: callPlace, Until: now + 1})
	require.NoError(t, (<-w.answers).(CallEnded).Err)
	require.Len(t, broker.placed, 1)
}

// Whoever writes a call to the broker is told until when it may leave: the process may be stopped after the worker's own
// last look. The answer is waited for beyond that.
func TestCallsAreToldTheirEnd(t *testing.T) {
	now, told := 100*second, map[string]bool{}
	tell := func(what string) func(context.Context) {
		return func(ctx context.Context) {
			require.False(t, order.Late(ctx))
			time.Sleep(time.Second)
			require.NoError(t, ctx.Err())
			told[what] = order.Late(ctx)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		broker := &recorder{login: func(ctx context.Context) error { tell("login")(ctx); return nil }}
		broker.place = func(ctx context.Context, _ order.Ticket) (order.Report, error) {
			tell("place")(ctx)
			return order.Report{}, nil
		}
		w, err := New(Config{
			Self: Self{Worker: "w1", Life: 1}, Beat: time.Second, Trust: trust, Broker: broker, Now: func() hostlink.Instant { return now },
			Dial: func(context.Context) (net.Conn, error) { return nil, errors.New("none") },
		})
		require.NoError(t, err)
		w.login(t.Context(), Login{Until: now + second})
		opened := (<-w.answers).(loggedIn)
		require.NoError(t, opened.err)
		w.account = opened.account
		w.call(t.Context(), Call{kind: callPlace, Until: now + second})
		require.NoError(t, (<-w.answers).(CallEnded).Err)
	})
	require.Equal(t, map[string]bool{"login": true, "place": true}, told)
}

// The answer to a login that is under way when the session ends is waited for, because whoever is logged in has to log out; but
// not for long.
func TestEndDuringLogin(t *testing.T) {
	for name, c := range map[string]struct {
		login func(ctx context.Context) error
		after time.Duration
	}{
		"answered late": {func(ctx context.Context) error {
			select {
			case <-time.After(loginGrace / 2):
				return nil
			case <-ctx.Done():
				return ctx.Err() // and the broker has a session that nobody ends
			}
		}, loginGrace / 2},
		"called off": {func(ctx context.Context) error { <-ctx.Done(); return nil }, loginGrace},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				broker := &recorder{login: c.login}
				s := newStage(t, broker)
				conn, _, words := s.agent()
				s.serve(conn, words)
				synctest.Wait()
				begin := time.Now()
				require.NoError(t, conn.Send(hostlink.Message{Kind: hostlink.Fenced, Life: 3, Epoch: 9}))
				require.Equal(t, result{Recycled, nil}, <-s.ended)
				require.Equal(t, c.after, time.Since(begin))
				require.Equal(t, 1, broker.outs)
			})
		})
	}
}

// A broker that does not answer at all keeps the next life from beginning, but not for long: the process has to end.
func TestCallsThatDoNotEnd(t *testing.T) {
	stuck := func(answer chan struct{}) func(context.Context) error {
		return func(context.Context) error { <-answer; return nil }
	}
	for name, broker := range map[string]func(answer chan struct{}) *recorder{
		"login":  func(answer chan struct{}) *recorder { return &recorder{login: stuck(answer)} },
		"logout": func(answer chan struct{}) *recorder { return &recorder{logout: stuck(answer)} },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				answer := make(chan struct{})
				s := newStage(t, broker(answer))
				conn, _, words := s.agent()
				s.serve(conn, words)
				begin := time.Now()
				require.NoError(t, conn.Send(hostlink.Message{Kind: hostlink.Release, Epoch: 9}))
				ended := <-s.ended
				require.ErrorContains(t, ended.err, "does not end")
				require.Equal(t, resetLimit, time.Since(begin))
				close(answer)
			})
		})
	}
}

// A failed logout is logged and no obstacle: what it would have ended goes with the process's memory.
func TestLogoutFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, &recorder{logout: func(context.Context) error { return errors.New("broker is down") }})
		conn, _, words := s.agent()
		s.serve(conn, words)
		require.NoError(t, conn.Send(hostlink.Message{Kind: hostlink.Release, Epoch: 9}))
		require.Equal(t, result{Recycled, nil}, <-s.ended)
	})
}

// The worker shows signs of life every beat. An agent that takes none is left, and looked for anew.
func TestSignsOfLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, &recorder{})
		conn := <-s.dials
		_, err := conn.Receive(0)
		require.NoError(t, err)
		for range 3 {
			begin := time.Now()
			m, err := conn.Receive(3 * time.Second)
			require.NoError(t, err)
			require.Equal(t, hostlink.Alive, m.Kind)
			require.LessOrEqual(t, time.Since(begin), 2*time.Second)
		}
		begin := time.Now()
		again := <-s.dials // conn takes nothing any more
		require.Less(t, time.Since(begin), 10*time.Second)
		hello, err := again.Receive(0)
		require.NoError(t, err)
		require.Equal(t, hostlink.Hello, hello.Kind)
		s.stop()
		go func() { _, _ = again.Receive(0) }()
		require.Equal(t, result{Halted, nil}, <-s.ended)
		_, _ = conn.Close(), again.Close()
	})
}

// A configuration that cannot work is refused, and the error names the field.
func TestConfig(t *testing.T) {
	good := Config{
		Self: Self{Worker: "w1", Life: 1}, Beat: time.Second, Trust: time.Second, Broker: &recorder{},
		Dial: func(context.Context) (net.Conn, error) { return nil, errors.New("none") },
	}
	_, err := New(good)
	require.NoError(t, err)
	for want, spoil := range map[string]func(c *Config){
		"worker": func(c *Config) { c.Worker = "" },
		"life":   func(c *Config) { c.Life = 0 },
		"beat":   func(c *Config) { c.Beat = 0 },
		"trust":  func(c *Config) { c.Trust = 0 },
		"dial":   func(c *Config) { c.Dial = nil },
		"broker": func(c *Config) { c.Broker = nil },
	} {
		bad := good
		spoil(&bad)
		_, err := New(bad)
		require.ErrorContains(t, err, want)
	}
}
