package sim

import (
	"context"
	"fmt"
	"time"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/order"
	"workerfleet/runtime/session"
)

// credentials are what the database keeps of a user's.
type credentials struct {
	text    string
	at      time.Time // by the database's clock
	number  int
	refused string
}

// keep replaces a user's credentials.
func (d *database) keep(user fleet.User) {
	number := 1
	if before := d.kept[user]; before != nil {
		number = before.number + 1
	}
	d.kept[user] = &credentials{text: fmt.Sprintf("credentials of %s, number %d", user, number), at: d.clock(d.loop), number: number}
}

// vault is the database's credentials as one process reaches them.
type vault struct {
	*database
	from *process
}

// Credentials: see [session.Vault].
func (v vault) Credentials(_ context.Context, user fleet.User) ([]byte, error) {
	kept, err := ask(v.from, &v.service, func() (credentials, error) { return *v.kept[user], nil })
	switch {
	case err != nil:
		return nil, err
	case kept.refused != "":
		return nil, &session.Refused{Reason: kept.refused, Since: kept.at}
	}
	return []byte(kept.text), nil
}

// Refuse: see [session.Safe].
func (b book) Refuse(ctx context.Context, user fleet.User, epoch fleet.Epoch, reason string) error {
	return tell(b.from, &b.service, func() error {
		latest, err := b.authority.Latest(ctx, user)
		kept := b.kept[user]
		if err == nil && latest == epoch && !kept.at.After(b.begun[epoch].Add(-session.KeptBefore)) {
			b.from.say(b.from.name, "%s's credentials are refused", user)
			kept.refused = reason
		}
		return err
	})
}

// denied is what the exchange says of credentials that it takes no longer.
func (x *exchange) denied(text []byte) error {
	if x.barred[string(text)] {
		return order.ErrCredentials
	}
	return nil
}

// bar has the exchange take the user's credentials no longer. Who is logged in with them stays so, or calls in vain; the user
// keeps others after a while.
func (u *user) bar() {
	if u.barred {
		return
	}
	u.barred = true
	u.say("exchange", "takes %s's credentials no longer", u.name)
	text := u.database.kept[u.name].text
	u.exchange.barred[text], u.exchange.revoked[text] = true, u.chance(0.5)
	u.after(u.between(time.Second, 40*time.Second), u.renew)
}

// renew has the user keep others, if the exchange takes these no longer.
func (u *user) renew() {
	if u.barred {
		u.barred = false
		u.say(string(u.name), "keeps other credentials")
		u.database.keep(u.name)
	}
}
