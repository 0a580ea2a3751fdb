package agent

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"workerfleet/runtime/claim"
	"workerfleet/runtime/fleet"
	"workerfleet/runtime/hostlink"
	"workerfleet/runtime/order"
	"workerfleet/runtime/seal"
	"workerfleet/runtime/worker"
	"workerfleet/runtime/worker/workertest"
)

// The tests with processes run the agent in this process, on a real socket, with the reference store. Workers are
// processes: the built worker binary, or this test binary in the role that AGENT_TEST_ROLE names, where a test needs a
// broker that writes down its calls.

func TestMain(m *testing.M) {
	switch os.Getenv("AGENT_TEST_ROLE") {
	case "worker":
		ended(workerRole())
	case "agent":
		ended(agentRole())
	default:
		testsMain(m)
	}
}

func testsMain(m *testing.M) {
	var remove func()
	var err error
	if workerBinary, remove, err = workertest.Build(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		remove()
		os.Exit(code)
	}))
}

// workerBinary is the worker as it ships.
var workerBinary string

func ended(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// The tests' lease: short, so that it runs out while one waits for it.
const (
	testBeat  = 50 * time.Millisecond
	testTTL   = time.Second
	testGuard = 200 * time.Millisecond
	testTrust = testTTL - testGuard
)

func testTerms() claim.Terms {
	t := claim.DefaultTerms()
	t.TTL, t.Guard = testTTL, testGuard
	return t
}

// host is an agent, what it talks to, and the workers that were started beside it.
type host struct {
	t      *testing.T
	socket string
	store  *store
	post   *post
	agent  *Agent
	stop   func() // the agent; returns when it has ended
}

func newHost(t *testing.T) *host {
	h := &host{t: t, socket: filepath.Join(t.TempDir(), "run", "agent.sock"), store: newStore(), post: newPost()}
	_, err := h.store.Open(t.Context(), "test")
	require.NoError(t, err)
	h.startAgent()
	t.Cleanup(func() { h.stop() })
	return h
}

func (h *host) startAgent() {
	var err error
	h.agent, err = New(Config{Host: "h1", Socket: h.socket, Store: h.store, Post: h.post, Terms: testTerms(), Beat: testBeat})
	require.NoError(h.t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- h.agent.Run(ctx) }()
	h.stop = sync.OnceFunc(func() {
		cancel()
		require.NoError(h.t, <-ended)
	})
}

// onRoster runs f where the roster is owned.
func (h *host) onRoster(f func(r *roster)) {
	done := make(chan struct{})
	h.agent.turn(func(r *roster, _ time.Time) []effect {
		f(r)
		close(done)
		return nil
	})
	<-done
}

// process is a worker's, and where it writes.
type child struct {
	*exec.Cmd
	name    fleet.Worker
	scratch string // its TMPDIR
	calls   string // the file of its broker's calls
	output  *bytes.Buffer
	exited  chan struct{}
}

// start runs a worker; arguments are further variables, NAME=value.
func (h *host) start(name, binary string, environ ...string) *child {
	h.t.Helper()
	dir := h.t.TempDir()
	c := &child{
		Cmd: exec.Command(binary), name: fleet.Worker(name), scratch: dir, calls: filepath.Join(dir, "calls"),
		output: &bytes.Buffer{}, exited: make(chan struct{}),
	}
	c.Env = append([]string{
		"PATH=" + os.Getenv("PATH"), "TMPDIR=" + dir, "FLEET_WORKER=" + name, "FLEET_AGENT_SOCKET=" + h.socket, "FLEET_BROKER=paper",
		"FLEET_BEAT=50ms", "FLEET_TTL=1s", "FLEET_GUARD=200ms", "CALLS=" + c.calls,
	}, environ...)
	c.Stdout, c.Stderr = c.output, c.output
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	require.NoError(h.t, c.Start())
	go func() {
		_ = c.Wait()
		close(c.exited)
	}()
	h.t.Cleanup(func() {
		_ = c.Process.Signal(syscall.SIGCONT)
		_ = c.Process.Kill()
		<-c.exited
		if h.t.Failed() {
			h.t.Logf("output of %s:\n%s", name, c.output)
		}
	})
	return c
}

// startRole runs this binary as a worker whose broker writes down its calls.
func (h *host) startRole(name string, environ ...string) *child {
	return h.start(name, testBinary(), append(environ, "AGENT_TEST_ROLE=worker")...)
}

func (h *host) startReal(name string, environ ...string) *child {
	return h.start(name, workerBinary, environ...)
}

// record reads a worker's record from the store.
func (h *host) record(name fleet.Worker) (claim.Worker, bool) {
	w, ok, err := h.store.inner().Worker(context.Background(), name)
	require.NoError(h.t, err)
	return w, ok
}

// awaitState waits for a worker to stand in a state of a life.
func (h *host) awaitState(name fleet.Worker, state claim.State, life fleet.Life) claim.Worker {
	h.t.Helper()
	var w claim.Worker
	require.Eventually(h.t, func() bool {
		w, _ = h.record(name)
		return w.State == state && w.Life == life
	}, 20*time.Second, time.Millisecond, "%s: %s in life %d", name, state, life)
	return w
}

// claim binds a user to a free worker and posts the assignment with those credentials.
func (h *host) claim(user fleet.User, credentials string) claim.Binding {
	h.t.Helper()
	b := h.bind(user)
	h.assign(b, credentials)
	return b
}

func (h *host) bind(user fleet.User) claim.Binding {
	h.t.Helper()
	answer, err := h.store.Claim(h.t.Context(), claim.Request{User: user}, testTerms())
	require.NoError(h.t, err)
	require.NotNil(h.t, answer.Bound, "no worker is free for %s", user)
	return *answer.Bound
}

func (h *host) assign(b claim.Binding, credentials string) {
	h.t.Helper()
	sealed, err := seal.Seal(b.Key, seal.Context{User: b.User, Worker: b.Worker, Life: b.Life, Epoch: b.Epoch}, []byte(credentials))
	require.NoError(h.t, err)
	h.post.post(fleet.Mail{
		Kind: fleet.MailAssign, Worker: b.Worker, Life: b.Life, User: b.User, Epoch: b.Epoch, Sealed: sealed, ReplyTo: string(b.User), BeginAt: 1,
	})
}

// serve claims and waits for the word that the worker is ready.
func (h *host) serve(user fleet.User) claim.Binding {
	h.t.Helper()
	b := h.claim(user, "secret of "+string(user))
	require.Equal(h.t, fleet.Ready{Worker: b.Worker, User: user, Epoch: b.Epoch}, h.post.told(h.t, string(user)))
	return b
}

// agree is the database's word for a session whose worker comes back late.
func (h *host) agree(b claim.Binding) {
	h.t.Helper()
	h.awaitState(b.Worker, claim.Returned, b.Life)
	require.NoError(h.t, h.store.inner().Agree(h.t.Context(), b.Worker, b.Life, b.Epoch))
}

// release ends a session as the platform does: in the store, and by mail.
func (h *host) release(b claim.Binding) {
	h.t.Helper()
	require.NoError(h.t, h.store.Release(h.t.Context(), b.User, b.Epoch))
	h.post.post(fleet.Mail{Kind: fleet.MailRelease, Worker: b.Worker, Life: b.Life, User: b.User, Epoch: b.Epoch})
}

// errLost stands for a network that loses a call or its answer.
var errLost = errors.New("connection lost")

// store is the reference store with a network before it that can fail, and an account of what passed.
type store struct {
	claim.Store
	mu       sync.Mutex
	exits    map[fleet.Worker]time.Time
	confirms map[fleet.Worker]int
	parks    []time.Duration
	// okays are the moments at which confirmed beats were on their way, by worker.
	okays map[fleet.Worker][]hostlink.Instant
	// lose says whether a call's answer is lost, and refuse whether the call is; nil loses none.
	lose, refuse func(call string) bool
}

func newStore() *store {
	return &store{Store: claim.NewMemory(), exits: map[fleet.Worker]time.Time{}, confirms: map[fleet.Worker]int{}, okays: map[fleet.Worker][]hostlink.Instant{}}
}

func (s *store) faults(lose, refuse func(call string) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lose, s.refuse = lose, refuse
}

// inner is the store behind the network.
func (s *store) inner() claim.Store {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.Store
}

// replace puts another store in its place.
func (s *store) replace(with claim.Store) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Store = with
}

func (s *store) refused(call string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.refuse != nil && s.refuse(call)
}

// account notes a call, and says whether its answer is lost.
func (s *store) account(call string, note func()) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	note()
	if s.lose != nil && s.lose(call) {
		return errLost
	}
	return nil
}

func (s *store) Register(ctx context.Context, r claim.Registration, t claim.Terms) (claim.Standing, error) {
	if s.refused("register") {
		return "", errLost
	}
	standing, err := s.inner().Register(ctx, r, t)
	return standing, errors.Join(err, s.account("register", func() {}))
}

func (s *store) Beat(ctx context.Context, h fleet.Host, beats []claim.Beat, t claim.Terms) ([]claim.Standing, error) {
	if s.refused("beat") {
		return nil, errLost
	}
	sent := hostlink.Now()
	standings, err := s.inner().Beat(ctx, h, beats, t)
	if err != nil {
		return nil, err
	}
	return standings, s.account("beat", func() {
		for i, b := range beats {
			if standings[i] == claim.Ok {
				s.okays[b.Worker] = append(s.okays[b.Worker], sent)
			}
		}
	})
}

func (s *store) Confirm(ctx context.Context, w fleet.Worker, life fleet.Life, epoch fleet.Epoch) error {
	if s.refused("confirm") {
		return errLost
	}
	err := s.inner().Confirm(ctx, w, life, epoch)
	return errors.Join(err, s.account("confirm", func() { s.confirms[w]++ }))
}

func (s *store) Exit(ctx context.Context, w fleet.Worker, life fleet.Life, t claim.Terms) (claim.Death, error) {
	at := time.Now()
	if s.refused("exit") {
		return claim.Death{}, errLost
	}
	death, err := s.Store.Exit(ctx, w, life, t)
	return death, errors.Join(err, s.account("exit", func() { s.exits[w] = at }))
}

func (s *store) Park(ctx context.Context, h fleet.Host, workers []fleet.Worker, silence time.Duration) error {
	if s.refused("park") {
		return errLost
	}
	err := s.inner().Park(ctx, h, workers, silence)
	return errors.Join(err, s.account("park", func() { s.parks = append(s.parks, silence) }))
}

func (s *store) exitOf(w fleet.Worker) (time.Time, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at, ok := s.exits[w]
	return at, ok
}

func (s *store) exitCount() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.exits)
}

func (s *store) confirmCount(w fleet.Worker) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.confirms[w]
}

func (s *store) okay(w fleet.Worker) []hostlink.Instant {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]hostlink.Instant(nil), s.okays[w]...)
}

// post is a mailbox in memory: letters stay, as in a stream, and readers wait for the next one.
type post struct {
	mu      sync.Mutex
	letters []Letter
	arrived chan struct{} // closed when a letter comes
	replies map[string]chan fleet.Ready
	// outcomes are those that were reported; down refuses them, and halted is the switch.
	outcomes     []fleet.Outcome
	down, halted bool
}

func newPost() *post {
	return &post{arrived: make(chan struct{}), replies: map[string]chan fleet.Ready{}}
}

func (p *post) post(m fleet.Mail) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.letters = append(p.letters, Letter{ID: fmt.Sprintf("%09d", len(p.letters)+1), Mail: m})
	close(p.arrived)
	p.arrived = make(chan struct{})
}

func (p *post) Read(ctx context.Context, _ fleet.Host, after string) ([]Letter, error) {
	for {
		p.mu.Lock()
		var found []Letter
		for _, l := range p.letters {
			if l.ID > after {
				found = append(found, l)
			}
		}
		arrived := p.arrived
		p.mu.Unlock()
		if len(found) > 0 {
			return found, nil
		}
		select {
		case <-arrived:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (p *post) replyTo(name string) chan fleet.Ready {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.replies[name] == nil {
		p.replies[name] = make(chan fleet.Ready, 100)
	}
	return p.replies[name]
}

func (p *post) Tell(_ context.Context, to string, r fleet.Ready) error {
	p.replyTo(to) <- r
	return nil
}

func (p *post) Report(_ context.Context, o fleet.Outcome) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.down {
		return errors.New("the store is down")
	}
	p.outcomes = append(p.outcomes, o)
	return nil
}

func (p *post) Halted(context.Context) (bool, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.halted, nil
}

func (p *post) told(t *testing.T, name string) fleet.Ready {
	t.Helper()
	select {
	case r := <-p.replyTo(name):
		return r
	case <-time.After(20 * time.Second):
		require.FailNow(t, "nobody was told", name)
		return fleet.Ready{}
	}
}

// workerRole is a worker whose broker writes down the instant at which each call starts.
func workerRole() error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	life, err := worker.LifeOf(os.Getenv)
	if err != nil {
		return err
	}
	calls, err := os.OpenFile(os.Getenv("CALLS"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	name := os.Getenv("FLEET_WORKER")
	body := worker.Body{Scratch: filepath.Join(os.Getenv("TMPDIR"), "scratch"), Lives: 1000, Environ: os.Environ()}
	return body.Live(ctx, worker.Config{
		Self: worker.Self{Worker: fleet.Worker(name), Life: life}, Beat: testBeat, Trust: testTrust,
		Broker: &scribe{calls, os.Getenv("BROKER")}, Dial: func(ctx context.Context) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", os.Getenv("FLEET_AGENT_SOCKET"))
		},
	})
}

// scribe is a broker that notes what it is asked. Its mode "down" fails each login.
type scribe struct {
	calls *os.File
	mode  string
}

func (s *scribe) Login(_ context.Context, _ order.Holder, credentials []byte) (order.Account, error) {
	fmt.Fprintf(s.calls, "login %d %s\n", hostlink.Now(), credentials)
	if s.mode == "down" {
		return nil, errors.New("broker is down")
	}
	return s, nil
}

func (s *scribe) Traits() order.Traits { return order.Traits{} }

func (s *scribe) Place(_ context.Context, t order.Ticket) (order.Report, error) {
	fmt.Fprintf(s.calls, "place %d %s\n", hostlink.Now(), t.ClientID)
	return order.Report{ClientID: t.ClientID, State: fleet.OutcomeFilled}, nil
}

func (s *scribe) Cancel(context.Context, string) error { return order.ErrAbsent }

func (s *scribe) Find(context.Context, string) (order.Report, error) {
	return order.Report{}, order.ErrAbsent
}

func (s *scribe) Position(context.Context, string) (decimal.Decimal, error) { return decimal.Zero, nil }

func (s *scribe) Next(ctx context.Context) (order.Report, error) {
	<-ctx.Done()
	return order.Report{}, ctx.Err()
}

func (s *scribe) Logout(context.Context) error {
	fmt.Fprintf(s.calls, "logout %d\n", hostlink.Now())
	return nil
}

// brokerCalls reads when calls of a kind started.
func (c *child) brokerCalls(t *testing.T, kind string) []hostlink.Instant {
	content, err := os.ReadFile(c.calls)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	require.NoError(t, err)
	var found []hostlink.Instant
	for line := range strings.Lines(string(content)) {
		var what string
		var at hostlink.Instant
		if _, err := fmt.Sscan(line, &what, &at); err == nil && what == kind {
			found = append(found, at)
		}
	}
	return found
}

// agentRole is an agent in a process of its own, so that a test can stop it. Its store is its own, and gives ann the
// first worker that registers.
func agentRole() error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	s, p := newStore(), newPost()
	if _, err := s.Open(ctx, "test"); err != nil {
		return err
	}
	a, err := New(Config{Host: "h1", Socket: os.Getenv("FLEET_AGENT_SOCKET"), Store: s, Post: p, Terms: testTerms(), Beat: testBeat})
	if err != nil {
		return err
	}
	go func() {
		posted := false
		for range time.Tick(10 * time.Millisecond) {
			if posted { // from here on it is the database, which agrees
				late, _ := s.Unconfirmed(ctx, 0, 1)
				for _, u := range late {
					_ = s.Agree(ctx, u.Worker, u.Life, u.Epoch)
				}
				continue
			}
			answer, err := s.Claim(ctx, claim.Request{User: "ann"}, testTerms())
			if err != nil || answer.Bound == nil {
				continue
			}
			b := answer.Bound
			sealed, err := seal.Seal(b.Key, seal.Context{User: "ann", Worker: b.Worker, Life: b.Life, Epoch: b.Epoch}, []byte("secret"))
			ended(err)
			p.post(fleet.Mail{Kind: fleet.MailAssign, Worker: b.Worker, Life: b.Life, User: "ann", Epoch: b.Epoch, Sealed: sealed})
			posted = true
		}
	}()
	return a.Run(ctx)
}

func testBinary() string { return os.Args[0] }
