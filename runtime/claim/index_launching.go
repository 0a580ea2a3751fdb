package claim

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"workerfleet/runtime/fleet"
)

// launching is what the index keeps for those who launch and stop.
type launching struct {
	version uint64
	text    string
	note    string
	bucket  bucket
	due     scores             // reservations by key, workers of one by name → deadline
	what    map[string]request // of the same members
	retired scores             // draining workers → since when
}

// request is what a member of due stands for.
type request struct {
	count int
	image int64
	named bool // it is one worker's name
}

func newLaunching() launching {
	return launching{due: scores{}, what: map[string]request{}, retired: scores{}}
}

// bucket counts in thousandths of a call, so that every millisecond adds a whole number. The zero value was full long
// ago.
type bucket struct{ level, at int64 }

const full = CallsBurst * 1000

func (b bucket) now(now int64) int64 {
	if b.at == 0 {
		return full
	}
	return min(full, b.level+max(0, now-b.at)*CallsPerSecond)
}

// Stock: see [Launches].
func (x *Index) Stock(now int64, t Terms) Stocktake {
	s := Stocktake{
		Now: time.UnixMilli(now).UTC(), Open: x.incarnation != "", Version: x.launching.version, Text: x.launching.text, Note: x.launching.note,
		Calls: int(x.launching.bucket.now(now) / 1000), Waiting: len(x.waiting),
	}
	for _, host := range slices.Sorted(maps.Keys(x.hosts)) {
		if x.hosts[host]+millis(t.TTL+t.Guard) >= now {
			s.Hosts = append(s.Hosts, x.hostStock(fleet.Host(host)))
		}
	}
	s.Doubtful = Doubtful(len(x.hosts)-len(s.Hosts), len(x.hosts))
	for _, member := range x.launching.due.ordered() {
		if deadline := x.launching.due[member]; deadline > now {
			s.Coming = append(s.Coming, coming(member, x.launching.what[member], deadline))
		}
	}
	for _, worker := range x.launching.retired.ordered() {
		if len(s.Draining) < DrainingLimit {
			s.Draining = append(s.Draining, Drained{fleet.Worker(worker), time.UnixMilli(x.launching.retired[worker]).UTC()})
		}
	}
	return s
}

func coming(member string, r request, deadline int64) Coming {
	c := Coming{Reservation: Reservation{Count: r.count, Image: r.image}, Deadline: time.UnixMilli(deadline).UTC()}
	if r.named {
		c.Worker = fleet.Worker(member)
	} else {
		c.Key = member
	}
	return c
}

// hostStock counts one host's workers, by image.
func (x *Index) hostStock(host fleet.Host) HostStock {
	stock := HostStock{Host: host, Drained: x.drains.hosts[host]}
	for _, w := range x.workers {
		if w.Host == host {
			stock.Add(w.Revision, w.State, 1)
		}
	}
	return stock
}

// Add counts n workers of an image in a state; images stand in their order.
func (h *HostStock) Add(image int64, state State, n int) {
	at, found := slices.BinarySearchFunc(h.Images, image, func(have ImageStock, image int64) int { return cmp.Compare(have.Image, image) })
	if !found {
		h.Images = slices.Insert(h.Images, at, ImageStock{Image: image})
	}
	switch state {
	case Warm:
		h.Images[at].Idle += n
	case Resetting:
		h.Images[at].Resetting += n
	default:
		h.Images[at].Busy += n
	}
}

// Reserve: see [Launches].
func (x *Index) Reserve(now int64, p Plan, t Terms) error {
	l := &x.launching
	left := l.bucket.now(now) - int64(p.Calls)*1000
	if p.Seen != l.version || left < 0 {
		return ErrStale
	}
	l.version++
	l.text, l.bucket = p.Text, bucket{left, now}
	for seen, member := range l.due.ordered() {
		if l.due[member] > now || seen == LapsedLimit {
			break
		}
		l.forget(member)
	}
	for _, b := range p.Batches {
		l.due[b.Key], l.what[b.Key] = now+millis(t.Launch), request{count: b.Count, image: b.Image}
	}
	return nil
}

func (l *launching) forget(member string) {
	delete(l.due, member)
	delete(l.what, member)
}

// Note: see [Launches].
func (x *Index) Note(text string) { x.launching.note = text }

// Launched: see [Launches].
func (x *Index) Launched(key string, workers []fleet.Worker) {
	l := &x.launching
	reserved, known := l.what[key]
	if !known || reserved.named {
		return
	}
	deadline := l.due[key]
	l.forget(key)
	for _, worker := range workers {
		if x.workers[worker] == nil { // it may have been quicker than the answer
			l.due[string(worker)], l.what[string(worker)] = deadline, request{count: 1, image: reserved.image, named: true}
		}
	}
}

// Retire: see [Launches].
func (x *Index) Retire(now int64, r Retirement) (retired []fleet.Worker) {
	shelf := scores{} // the idle ones there, whether somebody may claim them or not
	for _, idle := range []scores{x.free, x.drains.held} {
		for member, score := range idle {
			if w := x.workers[fleet.Worker(member)]; w != nil && w.Host == r.Host && w.Revision == r.Image {
				shelf[member] = score
			}
		}
	}
	members := shelf.ordered()
	slices.Reverse(members)
	for _, member := range members[:min(max(r.Count, 0), len(members))] {
		w := x.workers[fleet.Worker(member)]
		x.withdraw(w.ID)
		w.State = Draining
		x.launching.retired[member] = now
		retired = append(retired, w.ID)
	}
	return retired
}
