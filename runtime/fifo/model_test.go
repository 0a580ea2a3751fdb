package fifo

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

const (
	modelVisibility = 10 * time.Second
	modelReceives   = 3
)

// told is what the model knows of one message: what was sent, and what its receipts were.
type told struct {
	body, group, id string
	receives        int
	receipt         string
	old             []string // receipts of earlier receives
	hidden          time.Time
	gone            bool
}

// machine drives a queue with its dead-letter queue and a list that says in the plainest way what SQS documents.
type machine struct {
	queue, dead *queue
	now         time.Time
	sent        int
	live        []*told // in the order of sending
	dying       []*told // in the order of their moves
	windows     map[string]time.Time
	lastNumber  uint64
}

func (m *machine) send(t *rapid.T) {
	group := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "group")
	dedup := fmt.Sprint(rapid.IntRange(1, 6).Draw(t, "id"))
	m.sent++
	body := fmt.Sprint("body ", m.sent)
	answer := m.queue.send(m.now, entry{group, dedup, body})
	since, known := m.windows[group+dedup]
	if known && m.now.Sub(since) < 5*time.Minute {
		require.Less(t, answer.sequence, m.lastNumber+1, "law 4: a repetition is answered as the first")
		return
	}
	require.Greater(t, answer.sequence, m.lastNumber, "law 5")
	m.lastNumber, m.windows[group+dedup] = answer.sequence, m.now
	m.live = append(m.live, &told{body: body, group: group, id: answer.id})
}

func (m *machine) receive(t *rapid.T) {
	limit := rapid.IntRange(1, 10).Draw(t, "limit")
	var want []string
	blocked := map[string]bool{}
	for _, x := range m.live {
		blocked[x.group] = blocked[x.group] || x.hidden.After(m.now)
	}
	for _, x := range m.live {
		if blocked[x.group] {
			continue // law 1
		}
		if len(want) == limit {
			break
		}
		if x.receives == modelReceives { // law 6
			x.gone = true
			m.dying = append(m.dying, &told{body: x.body, group: x.group})
			continue
		}
		want = append(want, x.body)
	}
	m.live = slices.DeleteFunc(m.live, func(x *told) bool { return x.gone })
	var got []string
	for _, r := range m.queue.receive(m.now, limit, modelVisibility, m.dead) {
		got = append(got, r.body)
		i := slices.IndexFunc(m.live, func(x *told) bool { return x.id == r.id })
		require.GreaterOrEqual(t, i, 0, "nobody sent %s, or it is gone", r.body)
		x := m.live[i]
		require.NotEqual(t, x.receipt, r.receipt, "law 3: each receive has a receipt of its own")
		if x.receipt != "" {
			x.old = append(x.old, x.receipt)
		}
		x.receives, x.receipt, x.hidden = x.receives+1, r.receipt, m.now.Add(modelVisibility)
	}
	require.Equal(t, want, got, "laws 1, 2, 6 and 7")
}

// held picks a message that was received.
func (m *machine) held(t *rapid.T) *told {
	received := slices.DeleteFunc(slices.Clone(m.live), func(x *told) bool { return x.receipt == "" })
	if len(received) == 0 {
		t.Skip("nothing was received")
	}
	return rapid.SampledFrom(received).Draw(t, "message")
}

func (m *machine) delete(t *rapid.T) {
	x := m.held(t)
	state := m.queue.delete(m.now, x.receipt)
	if !x.hidden.After(m.now) {
		require.Equal(t, stale, state, "law 3: the receipt is dead after its timeout")
		return
	}
	require.Equal(t, current, state)
	require.Equal(t, gone, m.queue.delete(m.now, x.receipt), "deleting again is harmless")
	m.live = slices.DeleteFunc(m.live, func(other *told) bool { return other == x })
}

func (m *machine) hide(t *rapid.T) {
	x := m.held(t)
	timeout := time.Duration(rapid.IntRange(0, 20).Draw(t, "seconds")) * time.Second
	state := m.queue.hide(m.now, x.receipt, timeout)
	if x.hidden.After(m.now) {
		require.Equal(t, current, state)
		x.hidden = m.now.Add(timeout)
	} else {
		require.Equal(t, stale, state)
	}
}

// useOld tries every receipt of an earlier receive.
func (m *machine) useOld(t *rapid.T) {
	for _, receipt := range m.held(t).old {
		require.Equal(t, stale, m.queue.delete(m.now, receipt), "law 3")
		require.Equal(t, stale, m.queue.hide(m.now, receipt, 0), "law 3")
	}
}

func (m *machine) wait(t *rapid.T) {
	m.now = m.now.Add(time.Duration(rapid.SampledFrom([]int{1, 5, 10, 100, 299, 300}).Draw(t, "seconds")) * time.Second)
}

// redrive sends the dead ones back as new messages, in order.
func (m *machine) redrive(t *rapid.T) {
	require.Equal(t, len(m.dying), m.dead.move(m.now, func(source string) *queue {
		require.Equal(t, m.queue.Name, source)
		return m.queue
	}))
	for _, x := range m.dying {
		i := slices.IndexFunc(m.queue.messages, func(other *message) bool { return other.body == x.body })
		require.GreaterOrEqual(t, i, 0)
		x.id = m.queue.messages[i].id
		m.lastNumber = m.queue.messages[i].sequence
	}
	m.live, m.dying = append(m.live, m.dying...), nil
}

func (m *machine) check(t *rapid.T) {
	hidden := 0
	for _, x := range m.live {
		if x.hidden.After(m.now) {
			hidden++
		}
	}
	visible, counted := m.queue.counts(m.now)
	require.Equal(t, []int{len(m.live) - hidden, hidden}, []int{visible, counted})
	var dead []string
	for _, x := range m.dead.messages {
		dead = append(dead, x.body)
	}
	var want []string
	for _, x := range m.dying {
		want = append(want, x.body)
	}
	require.Equal(t, want, dead)
}

// No sequence of sends, receives, deletions, timeouts, waits and redrives brings the queue to do what SQS's laws, listed in
// doc.go, do not let it do. That SQS keeps these laws is SQS's documentation; the same suite runs on moto in runtime/sqs.
func TestLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		began := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
		m := &machine{
			queue: &queue{Config: Config{Name: "work.fifo", Dead: "dead.fifo", MaxReceives: modelReceives}.complete()},
			dead:  &queue{Config: Config{Name: "dead.fifo"}.complete()},
			now:   began, windows: map[string]time.Time{},
		}
		t.Repeat(map[string]func(*rapid.T){
			"send": m.send, "receive": m.receive, "delete": m.delete, "hide": m.hide, "use old receipts": m.useOld, "wait": m.wait, "redrive": m.redrive, "": m.check,
		})
	})
}

// What is older than the retention is gone, and a message's age begins anew in the dead-letter queue.
func TestRetention(t *testing.T) {
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	q := &queue{Config: Config{Name: "work.fifo", Retention: time.Hour, MaxReceives: 1}.complete()}
	dead := &queue{Config: Config{Name: "dead.fifo", Retention: time.Hour}.complete()}
	q.send(now, entry{"a", "1", "body"})
	require.Len(t, q.receive(now.Add(59*time.Minute), 1, 30*time.Second, dead), 1)
	now = now.Add(59*time.Minute + 30*time.Second)
	require.Empty(t, q.receive(now, 1, time.Second, dead))
	require.Len(t, dead.receive(now.Add(59*time.Minute), 1, time.Second, nil), 1)
	visible, hidden := dead.counts(now.Add(time.Hour))
	require.Zero(t, visible+hidden)
}

// A message without a deduplication id has its body's digest as one, as SQS makes it.
func TestContentIsAnID(t *testing.T) {
	now := time.Now()
	q := &queue{Config: Config{Name: "work.fifo", ContentDeduplication: true}.complete()}
	require.Equal(t, q.send(now, entry{"a", "", "same"}), q.send(now, entry{"a", "", "same"}))
	require.NotEqual(t, q.send(now, entry{"a", "", "same"}).id, q.send(now, entry{"b", "", "same"}).id, "its scope is the group")
	require.Len(t, q.messages, 2)
}
