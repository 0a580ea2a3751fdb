package agent

import (
	"time"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/hostlink"
)

// questionLimit is how old a question about an order may be. An agent that starts finds those of hours in the mailbox, each
// of which would be a call to the broker; the ledger asks again by itself what it still wants to know. It is longer than a
// host is without an agent while that is replaced, so that a user's wish for an order's end is not put off by it.
const questionLimit = 3 * time.Minute

// arrived takes a letter from the host's mailbox: for a worker on the line it is delivered or dropped, else it waits
// for the worker's hello.
func (r *roster) arrived(now time.Time, l Letter) []effect {
	if l.Kind == fleet.MailCommitted {
		r.committed(l.Mail)
	}
	if (l.Kind == fleet.MailVerify || l.Kind == fleet.MailCancel) && l.Age > questionLimit {
		return nil
	}
	m := r.workers[l.Worker]
	if m == nil || m.link == nil || l.Life > m.Life {
		waiting := append(r.early[l.Worker], held{l, now})
		r.early[l.Worker] = waiting[max(0, len(waiting)-earlyLimit):]
		return nil
	}
	return r.deliver(m, l)
}

// deliver gives a letter to its worker, unless it is not current: another life's, an earlier session's, or the
// assignment of a session that is confirmed already, as a new agent finds them at the beginning of the mailbox. What
// is current the worker itself judges once more.
func (r *roster) deliver(m *member, l Letter) []effect {
	if l.Life != m.Life || l.Epoch < m.Epoch || m.leaving {
		return nil
	}
	switch l.Kind {
	case fleet.MailAssign:
		if l.Epoch == m.Epoch && m.confirmed {
			return nil
		}
		// A keeper repeats what it does not know to be delivered, and waits for nobody: who waits for the first one still does.
		if asked := m.assignment; l.ReplyTo == "" && asked != nil && asked.Epoch == l.Epoch {
			l.ReplyTo = asked.ReplyTo
		} else if l.ReplyTo == "" && m.Epoch == l.Epoch {
			l.ReplyTo = m.replyTo
		}
		m.assignment = &l
		return []effect{say{m.link, hostlink.Message{
			Kind: hostlink.Assign, Life: l.Life, User: l.User, Epoch: l.Epoch, Sealed: l.Sealed, BeginAt: l.BeginAt,
		}}}
	case fleet.MailRelease:
		if m.assignment != nil && m.assignment.Epoch == l.Epoch {
			m.assignment = nil
		}
		return []effect{say{m.link, hostlink.Message{Kind: hostlink.Release, Epoch: l.Epoch}}}
	case fleet.MailCommitted:
		return []effect{say{m.link, hostlink.Message{Kind: hostlink.Committed, Epoch: l.Epoch, Number: l.Number}}}
	}
	if kind, asks := questions[l.Kind]; asks && l.Order != nil {
		return []effect{say{m.link, hostlink.Message{Kind: kind, Epoch: l.Epoch, Order: l.Order}}}
	}
	return nil
}

// questions is what a letter about an order becomes on the worker's line.
var questions = map[fleet.MailKind]hostlink.Kind{
	fleet.MailOrder: hostlink.Execute, fleet.MailCancel: hostlink.Cancel, fleet.MailVerify: hostlink.Verify,
	fleet.MailWithdraw: hostlink.Withdraw,
}

// forget drops early letters whose workers have not come for a TTL: whoever waited for them has been told otherwise by
// then, and a release reaches its worker as a fence.
func (r *roster) forget(now time.Time) {
	for worker, letters := range r.early {
		kept := letters[:0]
		for _, l := range letters {
			if now.Sub(l.at) < r.ttl {
				kept = append(kept, l)
			}
		}
		if r.early[worker] = kept; len(kept) == 0 {
			delete(r.early, worker)
		}
	}
}
