package ordertest

import (
	"fmt"
	"slices"
	"time"

	"github.com/stretchr/testify/require"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/order"
)

// doubted makes an order of which a call may have been made, and which is marked again.
func (b *bench) doubted(key string) fleet.OrderID {
	b.Helper()
	a := b.accept(key)
	b.commit(b.says(a.ID, 7, fleet.OutcomeDoubt))
	b.commit(b.says(a.ID, 7, fleet.OutcomeAbsent, absence(time.Second, true)))
	require.True(b, b.stands(a.ID, order.Dispatched).Doubted)
	return a.ID
}

// returned makes one that its worker has given back since.
func (b *bench) returned(key string) fleet.OrderID {
	b.Helper()
	id := b.doubted(key)
	marked := b.read(id)
	b.commit(b.says(id, 7, fleet.OutcomeUnsent, because("busy")))
	r := b.stands(id, order.Accepted)
	require.True(b, r.EmitBy.Equal(marked.EmitBy), "the last moment of an earlier call is forgotten")
	return id
}

// Whatever ends an order that nobody is asked to execute, of a doubted one the broker is asked first.
func doubtedLookedUp(b *bench) {
	b.served(7)
	cancel := func(id fleet.OrderID) {
		b.Helper()
		_, _, err := b.ledger.Cancel(b.ctx, "ann", id)
		require.NoError(b, err)
	}
	unsent := func(id fleet.OrderID) { b.commit(b.says(id, 7, fleet.OutcomeUnsent, because("too late"))) }
	for i, c := range []struct {
		name string
		end  func(key string) fleet.OrderID
		kind fleet.MailKind
		to   order.State
	}{
		{"cancelled", func(key string) fleet.OrderID { id := b.returned(key); cancel(id); return id }, fleet.MailCancel, order.Cancelled},
		{"not sent, and cancelled", func(key string) fleet.OrderID { id := b.doubted(key); cancel(id); unsent(id); return id }, fleet.MailCancel, order.Cancelled},
		{"not sent, while orders are off", func(key string) fleet.OrderID { id := b.doubted(key); b.halt("", true); unsent(id); return id }, fleet.MailVerify, order.Expired},
		{"not sent, and too late", func(key string) fleet.OrderID { id := b.doubted(key); b.Age("ann", time.Minute); unsent(id); return id }, fleet.MailVerify, order.Expired},
		{"looked at too late", func(key string) fleet.OrderID { id := b.returned(key); b.attend(time.Minute); return id }, fleet.MailVerify, order.Expired},
	} {
		id := c.end(fmt.Sprint(i))
		r := b.stands(id, order.Unknown)
		require.False(b, r.CheckAt.IsZero(), c.name)
		mail, _ := b.attend(3 * time.Minute)
		mail = slices.DeleteFunc(mail, func(m fleet.Mail) bool { return m.Order.ID != id }) // the late looks at those before
		b.sent(mail, c.kind, id)
		b.commit(b.says(id, 7, fleet.OutcomeAbsent, absence(time.Second, true)))
		b.stands(id, c.to)
		b.halt("", false)
	}
	late := b.returned("late")
	b.Age("ann", time.Minute)
	require.Equal(b, order.Accepted, b.accept("next").State, "it passed one that may be at the broker")
	b.stands(late, order.Unknown)
}

// A broker that was asked while a call could still land has not said that none will, whenever its word arrives.
func absentAsked(b *bench) {
	b.served(7)
	a := b.accept("1")
	const settle = 5 * time.Second
	at := func(moment time.Time) func(*fleet.Outcome) { return func(o *fleet.Outcome) { o.At = moment } }
	b.commit(b.says(a.ID, 7, fleet.OutcomeAbsent, absence(settle, false), at(time.Now().Add(time.Hour))))
	b.stands(a.ID, order.Unknown)
	b.Age("ann", 20*time.Second)
	settled := b.read(a.ID).EmitBy.Add(settle)
	require.True(b, settled.Before(time.Now()))
	mail := b.commit(b.says(a.ID, 7, fleet.OutcomeAbsent, absence(settle, false), at(settled.Add(-time.Second))))
	require.Empty(b, mail, "it is asked again without a pause")
	r := b.stands(a.ID, order.Unknown)
	require.WithinDuration(b, time.Now().Add(time.Second), r.CheckAt, 1500*time.Millisecond)
	b.commit(b.says(a.ID, 7, fleet.OutcomeAbsent, absence(settle, false), at(settled.Add(time.Second))))
	b.stands(a.ID, order.Expired)
}
