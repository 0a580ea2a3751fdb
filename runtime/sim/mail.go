package sim

import (
	"context"
	"fmt"
	"slices"
	"time"

	"workerfleet/runtime/agent"
	"workerfleet/runtime/dispatch"
	"workerfleet/runtime/fleet"
)

// mail is the mailboxes of the hosts, the inbox of outcomes and the board with the switch. It stands on the index's
// server, and is lost with its data.
type mail struct {
	*server
	boxes    map[fleet.Host][]agent.Letter
	waiters  map[fleet.Host][]func() // who waits for a host's next letter
	inbox    []parcel
	takers   []func()
	numbered uint64
	halted   bool
	// repeats is how often a letter stands in its box twice, and delays how often it comes late.
	repeats, delays float64
}

// parcel is an outcome, and until when whoever took it has it.
type parcel struct {
	dispatch.Parcel
	until time.Duration
}

// Times of the mail: a read waits so long, and what was taken and not settled comes back after so long.
const (
	readLimit = 2 * time.Second
	takeLimit = time.Second
	takeBack  = 5 * time.Second
)

func (m *mail) flush() { m.boxes, m.inbox = map[fleet.Host][]agent.Letter{}, nil }

// put stands a letter into its box.
func (m *mail) put(host fleet.Host, letter fleet.Mail) {
	m.numbered++
	m.boxes[host] = append(m.boxes[host], agent.Letter{ID: fmt.Sprintf("%012d", m.numbered), Mail: letter})
	for _, wake := range m.waiters[host] {
		wake()
	}
	m.waiters[host] = nil
}

// post is the mail as one process reaches it.
type post struct {
	*mail
	from *process
}

var (
	_ agent.Post     = post{}
	_ dispatch.Inbox = post{}
	_ dispatch.Board = post{}
)

// Post: see [session.Mailbox].
func (p post) Post(_ context.Context, host fleet.Host, letter fleet.Mail) error {
	return tell(p.from, &p.service, func() error {
		p.from.say(p.from.name, "post %s to %s %s", letter.Kind, letter.Worker, p.short(letter.Epoch))
		switch {
		case p.chance(p.delays): // it is in the box, and whoever reads comes late
			p.after(p.between(0, 4*time.Second), func() { p.put(host, letter) })
		default:
			p.put(host, letter)
		}
		if p.chance(p.repeats) {
			p.after(p.between(0, 20*time.Second), func() { p.put(host, letter) })
		}
		return nil
	})
}

// Read: see [agent.Post].
func (p post) Read(_ context.Context, host fleet.Host, after string) ([]agent.Letter, error) {
	look := func() ([]agent.Letter, error) {
		var found []agent.Letter
		for _, l := range p.boxes[host] {
			if l.ID > after {
				found = append(found, l)
			}
		}
		return found, nil
	}
	found, err := ask(p.from, &p.service, look)
	if err != nil || len(found) > 0 {
		return found, err
	}
	if !p.await(func(wake func()) { p.waiters[host] = append(p.waiters[host], wake) }, readLimit) {
		return nil, errDead
	}
	return ask(p.from, &p.service, look)
}

// await waits for a word, at most so long; false: the process has ended.
func (p post) await(register func(wake func()), limit time.Duration) bool {
	return p.from.wait(func(wake func()) {
		register(wake)
		p.after(limit, wake)
	})
}

func (p post) Tell(_ context.Context, replyTo string, r fleet.Ready) error {
	return tell(p.from, &p.service, func() error { return nil })
}

func (p post) Report(_ context.Context, o fleet.Outcome) error {
	return tell(p.from, &p.service, func() error {
		p.numbered++
		p.inbox = append(p.inbox, parcel{Parcel: dispatch.Parcel{ID: fmt.Sprint(p.numbered), Outcome: o}})
		for _, wake := range p.takers {
			wake()
		}
		p.takers = nil
		return nil
	})
}

func (p post) Halted(context.Context) (bool, error) {
	return ask(p.from, &p.service, func() (bool, error) { return p.halted, nil })
}

// Take: see [dispatch.Inbox].
func (p post) Take(_ context.Context, limit int) ([]dispatch.Parcel, error) {
	take := func() ([]dispatch.Parcel, error) {
		var taken []dispatch.Parcel
		for i := range p.inbox {
			if len(taken) < limit && p.inbox[i].until <= p.at {
				p.inbox[i].until = p.at + takeBack
				taken = append(taken, p.inbox[i].Parcel)
			}
		}
		return taken, nil
	}
	taken, err := ask(p.from, &p.service, take)
	if err != nil || len(taken) > 0 {
		return taken, err
	}
	if !p.await(func(wake func()) { p.takers = append(p.takers, wake) }, takeLimit) {
		return nil, errDead
	}
	return ask(p.from, &p.service, take)
}

func (p post) Settle(_ context.Context, ids []string) error {
	return tell(p.from, &p.service, func() error {
		p.inbox = slices.DeleteFunc(p.inbox, func(o parcel) bool { return slices.Contains(ids, o.ID) })
		return nil
	})
}

func (p post) Show(_ context.Context, halted bool) error {
	return tell(p.from, &p.service, func() error {
		p.halted = halted
		return nil
	})
}
