package pool_test

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/pool"
)

// world carries out decisions on a fleet that exists as counts only: hosts join and workers start after fixed times,
// and users come as a scenario says. It shows how decisions follow from each other, not how AWS behaves.
type world struct {
	now    time.Time
	policy pool.Policy

	hosts     []*pool.Host
	launching []launched
	arriving  []arrival
	desired   map[pool.HostType]int

	resets  []reset
	waiting int

	tokens   float64
	arrivals map[int][]int
	rollout  pool.Rollout
	record   []pool.Sample
	launches pool.Refusal
	refused  map[pool.HostType]pool.Refusal
	next     int

	// What the scenario breaks.
	throttled bool
	full      map[pool.HostType]bool

	// starts is how long a placed worker takes, joins how long a host takes.
	starts, joins time.Duration
	zones         []string

	// What happened since the last look.
	launched, stopped, asked, removed int
}

type launched struct {
	image         int64
	due, deadline time.Time
}

type arrival struct {
	of            pool.HostType
	due, deadline time.Time
}

type reset struct {
	host  *pool.Host
	image int64
	due   time.Time
}

// The shared bucket of the cluster's calls: burst and refill a second (facts ecs.api.clustermod.*).
const burst, refill = 100, 40

func newWorld(now time.Time, p pool.Policy, hosts int) *world {
	w := &world{
		now: now, policy: p, desired: map[pool.HostType]int{pool.Primary: hosts}, tokens: burst,
		rollout: pool.Rollout{Image: 1}, refused: map[pool.HostType]pool.Refusal{}, full: map[pool.HostType]bool{},
		starts: 5 * time.Second, joins: 3 * time.Minute, zones: []string{"a", "b", "c"},
	}
	for range hosts {
		w.join(pool.Primary)
	}
	return w
}

func (w *world) join(of pool.HostType) {
	zone := slices.MinFunc(w.zones, func(a, b string) int { return cmp.Compare(w.inZone(a), w.inZone(b)) })
	w.next++
	w.hosts = append(w.hosts, &pool.Host{Name: fleet.Host(fmt.Sprintf("h%03d", w.next)), Type: of, Zone: zone})
}

func (w *world) inZone(zone string) (n int) {
	for _, h := range w.hosts {
		if h.Zone == zone {
			n++
		}
	}
	return n
}

// step lets time pass, and lets users come or go until that many are there; then it decides and acts.
func (w *world) step(by time.Duration, users int) []pool.Action {
	w.now = w.now.Add(by)
	w.tokens = min(burst, w.tokens+refill*by.Seconds())
	w.arrive()
	w.serve(users)
	s := w.snapshot()
	actions := pool.Decide(s)
	stopped := w.act(actions)
	p, _ := s.Policy.Complete()
	w.record = pool.Remember(w.record, pool.Sample{At: w.now, Highest: pool.Aim(s).Idle, Stopped: stopped}, p.Window)
	return actions
}

func (w *world) snapshot() pool.Snapshot {
	s := pool.Snapshot{
		Now: w.now, Policy: w.policy, Waiting: w.waiting, Arrivals: w.arrivals, Rollout: w.rollout, Tokens: int(w.tokens),
		Launches: w.launches, Record: w.record,
		Primary:  pool.Group{Desired: w.desired[pool.Primary], Refused: w.refused[pool.Primary]},
		Fallback: pool.Group{Desired: w.desired[pool.Fallback], Refused: w.refused[pool.Fallback]},
	}
	for _, h := range w.hosts {
		s.Hosts = append(s.Hosts, *h)
	}
	for _, l := range w.launching {
		s.Launching = append(s.Launching, pool.Reservation{Count: 1, Image: l.image, Deadline: l.deadline})
		if w.now.Before(l.due.Add(-w.starts + time.Second)) { // placed within a second, where there is room
			s.Provisioning++
		}
	}
	for _, a := range w.arriving {
		group := &s.Primary
		if a.of == pool.Fallback {
			group = &s.Fallback
		}
		group.Coming = append(group.Coming, pool.Reservation{Count: 1, Deadline: a.deadline})
	}
	return s
}

// arrive brings in what is due: hosts, idle workers, workers that were reset.
func (w *world) arrive() {
	w.hosts = slices.DeleteFunc(w.hosts, func(h *pool.Host) bool { return h.Leaving })
	w.arriving = slices.DeleteFunc(w.arriving, func(a arrival) bool {
		if w.now.Before(a.due) {
			return false
		}
		w.join(a.of)
		return true
	})
	w.launching = slices.DeleteFunc(w.launching, func(l launched) bool {
		if w.now.Before(l.due) {
			return false
		}
		host := w.place()
		if host == nil {
			return !w.now.Before(l.deadline)
		}
		stock(host, l.image).Idle++
		return true
	})
	w.resets = slices.DeleteFunc(w.resets, func(r reset) bool {
		if w.now.Before(r.due) {
			return false
		}
		s := stock(r.host, r.image)
		s.Resetting--
		s.Idle++
		return true
	})
}

// place spreads by zone, then packs.
func (w *world) place() *pool.Host {
	inZone := map[string]int{}
	for _, h := range w.hosts {
		inZone[h.Zone] += workers(h)
	}
	var best *pool.Host
	for _, h := range w.hosts {
		if h.Draining || h.Leaving || workers(h) >= w.policy.PerHost {
			continue
		}
		if best == nil || cmp.Or(cmp.Compare(inZone[h.Zone], inZone[best.Zone]), cmp.Compare(workers(best), workers(h))) < 0 {
			best = h
		}
	}
	return best
}

// serve gives idle workers to users, the newest image first, or ends sessions.
func (w *world) serve(users int) {
	busy := w.count().Busy
	for _, h := range w.hosts {
		for i := range h.Workers {
			ended := min(h.Workers[i].Busy, max(0, busy-users))
			h.Workers[i].Busy -= ended
			h.Workers[i].Resetting += ended
			busy -= ended
			for range ended {
				w.resets = append(w.resets, reset{h, h.Workers[i].Image, w.now.Add(3 * time.Second)})
			}
		}
	}
	for _, newest := range w.images() {
		for _, h := range w.hosts {
			if h.Draining {
				continue
			}
			s := stock(h, newest)
			taken := min(s.Idle, max(0, users-busy))
			s.Idle -= taken
			s.Busy += taken
			busy += taken
		}
	}
	w.waiting = max(0, users-busy)
}

func (w *world) images() []int64 {
	var images []int64
	for _, h := range w.hosts {
		for _, s := range h.Workers {
			images = append(images, s.Image)
		}
	}
	slices.Sort(images)
	images = slices.Compact(images)
	slices.Reverse(images)
	return images
}

func (w *world) act(actions []pool.Action) (stopped int) {
	for _, action := range actions {
		switch a := action.(type) {
		case pool.Launch:
			w.launch(a)
		case pool.Stop:
			s := stock(w.host(a.Host), a.Image)
			if s.Idle < a.Count {
				panic(fmt.Sprintf("%v, but %d are idle", a, s.Idle))
			}
			s.Idle -= a.Count
			w.tokens -= float64(a.Count)
			w.stopped += a.Count
			stopped += a.Count
		case pool.ScaleHosts:
			w.scale(a)
		case pool.RemoveHosts:
			for _, name := range a.Hosts {
				h := w.host(name)
				h.Leaving = true
				w.desired[h.Type]--
				w.removed++
			}
		}
	}
	return stopped
}

func (w *world) launch(a pool.Launch) {
	w.tokens--
	if w.throttled {
		if !errors.Is(w.launches.Err, pool.ErrThrottled) || w.launches.Last.Before(w.now) {
			w.launches = w.launches.After(pool.ErrThrottled, w.now)
		}
		return
	}
	w.launches = w.launches.After(nil, w.now)
	w.launched += a.Count
	for range a.Count {
		w.launching = append(w.launching, launched{a.Image, w.now.Add(w.starts), w.now.Add(time.Minute)})
	}
}

func (w *world) scale(a pool.ScaleHosts) {
	if w.full[a.Type] {
		w.refused[a.Type] = w.refused[a.Type].After(pool.ErrNoCapacity, w.now)
		return
	}
	w.refused[a.Type] = pool.Refusal{}
	for range a.Hosts - w.desired[a.Type] {
		w.arriving = append(w.arriving, arrival{a.Type, w.now.Add(w.joins), w.now.Add(2 * w.joins)})
		w.asked++
	}
	w.desired[a.Type] = a.Hosts
}

func (w *world) host(name fleet.Host) *pool.Host {
	return w.hosts[slices.IndexFunc(w.hosts, func(h *pool.Host) bool { return h.Name == name })]
}

// lose takes a zone's hosts away, and their sessions: the provider still counts them.
func (w *world) lose(zone string) {
	gone := func(h *pool.Host) bool { return h.Zone == zone }
	w.resets = slices.DeleteFunc(w.resets, func(r reset) bool { return gone(r.host) })
	w.hosts = slices.DeleteFunc(w.hosts, gone)
	w.zones = slices.DeleteFunc(w.zones, func(z string) bool { return z == zone })
}

// count adds up the workers that are registered.
func (w *world) count() (sum pool.Stock) {
	for _, h := range w.hosts {
		for _, s := range h.Workers {
			sum.Idle += s.Idle
			sum.Resetting += s.Resetting
			sum.Busy += s.Busy
		}
	}
	return sum
}

// of counts the workers of one image.
func (w *world) of(image int64) (sum pool.Stock) {
	for _, h := range w.hosts {
		s := stock(h, image)
		sum.Idle += s.Idle
		sum.Resetting += s.Resetting
		sum.Busy += s.Busy
	}
	return sum
}

// warm puts idle workers of an image onto the hosts.
func (w *world) warm(n int, image int64) {
	for range n {
		stock(w.place(), image).Idle++
	}
}

func stock(h *pool.Host, image int64) *pool.Stock {
	i := slices.IndexFunc(h.Workers, func(s pool.Stock) bool { return s.Image == image })
	if i < 0 {
		h.Workers = append(h.Workers, pool.Stock{Image: image})
		i = len(h.Workers) - 1
	}
	return &h.Workers[i]
}

func workers(h *pool.Host) (n int) {
	for _, s := range h.Workers {
		n += s.Idle + s.Resetting + s.Busy
	}
	return n
}
