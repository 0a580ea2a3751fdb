package sim

import (
	"fmt"
	"slices"
	"time"

	"workerfleet/runtime/agent"
	"workerfleet/runtime/claim"
	"workerfleet/runtime/fleet"
	"workerfleet/runtime/order"
	"workerfleet/runtime/pool"
)

// world is everything that there is.
type world struct {
	*loop
	faults   faults
	index    *server
	database *database
	mail     *mail
	exchange *exchange
	cloud    *cloud
	// functions are the queues and what they feed.
	functions *functions
	hosts     []*host
	keepers   []*kept
	fronts    []*desk
	users     []*user
	// processes are those that live.
	processes []*process

	terms           claim.Terms
	beat, parked    time.Duration
	keeps, fills    time.Duration // the keepers' periods
	rules           order.Rules
	policy          pool.Policy
	perHost         int
	stormy          time.Duration // until when there are faults
	hostsMade, pids int
	incarnations    int
	forgot          bool
	restoration
}

// apart is how far synchronized clocks are from one another: those that orders' times are read on. The index's is only
// compared with itself.
const apart = 50 * time.Millisecond

// newWorld draws a world and its faults.
func newWorld(seed uint64) *world {
	l := newLoop(seed)
	w := &world{loop: l, perHost: 4, restoration: restoration{lost: map[string]bool{}}}
	w.terms = claim.DefaultTerms()
	w.beat, w.parked = 2*time.Second, 60*time.Second
	if w.chance(0.7) { // a short lease has more of its ends in one history
		w.terms.TTL, w.terms.Guard, w.beat, w.parked = 5*time.Second, time.Second, time.Second, 20*time.Second
		w.terms.Hold = 20 * time.Second
		w.rules = order.Rules{Validity: 20 * time.Second, Emission: 5 * time.Second}
	}
	w.keeps, w.fills = 500*time.Millisecond, time.Second
	w.index = &server{loop: l, index: claim.NewIndex(), out: map[fleet.Host]bool{}, service: service{name: "index", limit: 2 * time.Second, latest: 4 * time.Second, fast: 200 * time.Microsecond, slow: 3 * time.Millisecond}}
	w.database = newDatabase(l)
	w.database.service = service{name: "database", limit: 2 * time.Second, latest: 4 * time.Second, fast: time.Millisecond, slow: 20 * time.Millisecond}
	w.mail = &mail{server: w.index, boxes: map[fleet.Host][]agent.Letter{}, waiters: map[fleet.Host][]func(){}}
	w.exchange = &exchange{loop: l, feeds: map[fleet.User][]*feed{}, barred: map[string]bool{}, revoked: map[string]bool{}, allowed: w.allowed, off: func() bool { return w.off },
		service: service{name: "exchange", limit: 5 * time.Second, latest: 4500 * time.Millisecond, fast: 5 * time.Millisecond, slow: 200 * time.Millisecond}}
	w.exchange.traits = order.Traits{RefusesRepeats: w.chance(0.7), Lag: w.between(0, 3*time.Second)}
	w.cloud = &cloud{world: w, batches: map[string][]fleet.Worker{}, ended: map[fleet.Host][]fleet.Worker{}, service: service{name: "cloud", limit: 5 * time.Second, latest: 10 * time.Second, fast: 50 * time.Millisecond, slow: 800 * time.Millisecond}}
	w.functions = &functions{world: w, groups: map[string]*group{}, seen: map[string]bool{}}
	w.drawFaults()
	w.apply()
	w.index.skew, w.database.skew = w.between(-time.Minute, time.Minute), w.between(-apart, apart)
	w.people()
	return w
}

// people draws users and what they run on.
func (w *world) people() {
	users := 3 + w.random.IntN(4)
	for i := range users {
		u := &user{world: w, name: fleet.User(fmt.Sprintf("u%d", i+1))}
		w.users = append(w.users, u)
		w.database.keep(u.name)
	}
	hosts := 2 + w.random.IntN(2)
	w.policy = pool.Policy{Peak: users, PerHost: w.perHost, MinHosts: hosts, MaxHosts: hosts, Buffer: 2}
	if w.faults.scales > 0 { // few and small ones, so that more are needed soon
		w.perHost = 2
		w.policy.PerHost, w.policy.MinHosts, w.policy.MaxHosts, w.policy.HostLead = w.perHost, 1, hosts+2, 30*time.Second
		hosts = 1 + w.random.IntN(hosts)
	}
	w.cloud.desired = hosts
	for range hosts {
		w.newHost()
	}
	for i := range 2 {
		w.fronts = append(w.fronts, w.newDesk(w.process(fmt.Sprintf("api%d", i+1))))
		w.keepers = append(w.keepers, w.startKeeper(fmt.Sprintf("keeper%d", i+1)))
	}
}

// process makes one that can be stopped and cut off.
func (w *world) process(name string) *process {
	p := newProcess(w.loop, name)
	p.skew = w.between(-apart, apart)
	w.processes = slices.DeleteFunc(w.processes, func(o *process) bool { return o.dead })
	w.processes = append(w.processes, p)
	return p
}

func (w *world) services() []*service {
	return []*service{&w.index.service, &w.database.service, &w.exchange.service, &w.cloud.service}
}

func (h *host) taskEnded(id fleet.Worker) {
	h.cloud.taskEnded(id)
	h.cloud.witness(h.name, id)
}

// end unwinds everything that still waits.
func (w *world) end() {
	for _, h := range w.hosts {
		for _, v := range h.workers {
			v.stepper.HangUp()
		}
	}
	for _, p := range w.processes {
		p.kill()
	}
}
