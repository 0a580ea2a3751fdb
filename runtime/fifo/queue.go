package fifo

import (
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"
)

// Config describes one queue.
type Config struct {
	// Name ends in .fifo, as SQS wants it.
	Name string
	// Visibility is how long a received message stays hidden; 0 is 30 s.
	Visibility time.Duration
	// Retention is how long a message is kept; 0 is 4 days.
	Retention time.Duration
	// Dead names the queue that a message moves to once it was received MaxReceives times; "" is none.
	Dead        string
	MaxReceives int
	// ContentDeduplication gives a message without a deduplication id the digest of its body as one.
	ContentDeduplication bool
}

// SQS's defaults, and the window of deduplication (fact sqs.dedup).
const (
	defaultVisibility = 30 * time.Second
	defaultRetention  = 4 * 24 * time.Hour
	dedupWindow       = 5 * time.Minute
)

func (c Config) complete() Config {
	c.Visibility = cmp.Or(c.Visibility, defaultVisibility)
	c.Retention = cmp.Or(c.Retention, defaultRetention)
	return c
}

// message is one that waits or was handed out.
type message struct {
	id, group, dedup, body string
	sequence               uint64
	sent, first            time.Time // taken by this queue; received first
	receives               int
	receipt                string    // of the latest receive
	hidden                 time.Time // until then nobody gets it
	source                 string    // the queue that it was moved from
}

// taken is what became of a deduplication id's message.
type taken struct {
	at       time.Time
	id       string
	sequence uint64
}

// queue is the messages of one queue, in the order of their sequence numbers. Its callers hold the server's lock.
type queue struct {
	Config
	created  time.Time
	sequence uint64
	messages []*message
	recent   map[string]taken // by group and deduplication id
	order    []string         // their keys, the oldest first
	purged   time.Time
}

// entry is a message to be sent.
type entry struct{ group, dedup, body string }

// send takes a message, or answers a repetition as it did the first time.
func (q *queue) send(now time.Time, e entry) taken {
	if e.dedup == "" {
		sum := sha256.Sum256([]byte(e.body))
		e.dedup = hex.EncodeToString(sum[:])
	}
	for len(q.order) > 0 && now.Sub(q.recent[q.order[0]].at) >= dedupWindow {
		delete(q.recent, q.order[0])
		q.order = q.order[1:]
	}
	key := e.group + "\x00" + e.dedup
	if t, repeated := q.recent[key]; repeated {
		return t
	}
	m := &message{id: rand.Text(), group: e.group, dedup: e.dedup, body: e.body}
	q.add(now, m)
	if q.recent == nil {
		q.recent = map[string]taken{}
	}
	q.recent[key] = taken{at: now, id: m.id, sequence: m.sequence}
	q.order = append(q.order, key)
	return q.recent[key]
}

// add puts a message at the end. Its age and its receives begin anew.
func (q *queue) add(now time.Time, m *message) {
	q.sequence++
	m.sequence, m.sent, m.first, m.receives, m.receipt, m.hidden = q.sequence, now, time.Time{}, 0, "", time.Time{}
	q.messages = append(q.messages, m)
}

// expire forgets what is too old.
func (q *queue) expire(now time.Time) {
	q.messages = slices.DeleteFunc(q.messages, func(m *message) bool { return now.Sub(m.sent) >= q.Retention })
}

// blocked are the groups of which a message is hidden.
func (q *queue) blocked(now time.Time) map[string]bool {
	groups := map[string]bool{}
	for _, m := range q.messages {
		if m.hidden.After(now) {
			groups[m.group] = true
		}
	}
	return groups
}

// receive hands out messages of groups that are not blocked, hides them, and moves to dead what was received too often.
func (q *queue) receive(now time.Time, limit int, visibility time.Duration, dead *queue) []*message {
	q.expire(now)
	blocked := q.blocked(now)
	var out []*message
	moved := map[*message]bool{}
	for _, m := range q.messages {
		if len(out) == limit {
			break
		}
		if blocked[m.group] {
			continue
		}
		if dead != nil && m.receives >= q.MaxReceives {
			moved[m] = true
			copied := *m
			copied.source = q.Name
			dead.add(now, &copied)
			continue
		}
		m.receives++
		m.receipt, m.hidden = m.id+receiptMark+rand.Text(), now.Add(visibility)
		if m.first.IsZero() {
			m.first = now
		}
		out = append(out, m)
	}
	q.messages = slices.DeleteFunc(q.messages, func(m *message) bool { return moved[m] })
	return out
}

// receiptMark stands between a message's id and what tells its receipts apart.
const receiptMark = "-"

// held finds the message that a receipt stands for.
func (q *queue) held(now time.Time, receipt string) (m *message, state holding) {
	id, _, ok := strings.Cut(receipt, receiptMark)
	if !ok {
		return nil, malformed
	}
	i := slices.IndexFunc(q.messages, func(m *message) bool { return m.id == id })
	switch {
	case i < 0:
		return nil, gone
	case q.messages[i].receipt != receipt || !q.messages[i].hidden.After(now):
		return q.messages[i], stale
	}
	return q.messages[i], current
}

// holding is what a receipt is worth.
type holding int

// A receipt is current until its timeout; of a message that is not there any more it is none.
const (
	current holding = iota
	stale
	gone
	malformed
)

// delete settles a message; one that is gone is settled already.
func (q *queue) delete(now time.Time, receipt string) holding {
	m, state := q.held(now, receipt)
	if state == current {
		q.messages = slices.DeleteFunc(q.messages, func(other *message) bool { return other == m })
	}
	return state
}

// hide changes when a message comes again.
func (q *queue) hide(now time.Time, receipt string, timeout time.Duration) holding {
	m, state := q.held(now, receipt)
	if state == current {
		m.hidden = now.Add(timeout)
	}
	return state
}

// purge empties the queue. Deduplication ids are kept.
func (q *queue) purge(now time.Time) { q.messages, q.purged = nil, now }

// counts are the messages that wait and those that are hidden.
func (q *queue) counts(now time.Time) (visible, hidden int) {
	q.expire(now)
	for _, m := range q.messages {
		if m.hidden.After(now) {
			hidden++
		} else {
			visible++
		}
	}
	return visible, hidden
}

// next is when the next hidden message comes again; zero if none is hidden.
func (q *queue) next(now time.Time) (next time.Time) {
	for _, m := range q.messages {
		if m.hidden.After(now) && (next.IsZero() || m.hidden.Before(next)) {
			next = m.hidden
		}
	}
	return next
}

// move puts every message that could be received now to the end of the queue that to names for it, as new ones there. It
// returns how many were moved.
func (q *queue) move(now time.Time, to func(source string) *queue) (moved int) {
	q.expire(now)
	blocked := q.blocked(now)
	q.messages = slices.DeleteFunc(q.messages, func(m *message) bool {
		target := to(m.source)
		if blocked[m.group] || target == nil {
			return false
		}
		copied := *m
		copied.id, copied.source = rand.Text(), ""
		target.add(now, &copied)
		moved++
		return true
	})
	return moved
}
