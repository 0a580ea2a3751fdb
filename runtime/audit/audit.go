// Package audit knows what users did that somebody may have to explain later, beside their orders, whose every change the
// ledger keeps.
package audit

import (
	"context"
	"time"

	"workerfleet/runtime/fleet"
)

// Action is what a user did.
type Action string

// The actions.
const (
	CredentialsKept Action = "credentials-kept"
	WebhookMade     Action = "webhook-made"
	WebhookRemoved  Action = "webhook-removed"
	OrdersOff       Action = "orders-off"
	OrdersOn        Action = "orders-on"
	SessionBegun    Action = "session-begun"
	SessionEnded    Action = "session-ended"
)

// Actions lists them.
func Actions() []Action {
	return []Action{CredentialsKept, WebhookMade, WebhookRemoved, OrdersOff, OrdersOn, SessionBegun, SessionEnded}
}

// MayWait says that an action is so frequent, and explains so little by itself, that its entry may be late.
func (a Action) MayWait() bool { return a == SessionBegun || a == SessionEnded }

// Entry is one thing that was done. ID tells it from every other one, however often it is written.
type Entry struct {
	ID     string
	User   fleet.User
	Action Action
	// Detail names what it was done to, and never a secret.
	Detail string
	At     time.Time
}

// Trail keeps entries; none is ever changed or removed.
type Trail interface {
	// Note keeps an entry; repeating it is harmless.
	Note(ctx context.Context, e Entry) error
	// Entries lists what a user did, the latest first.
	Entries(ctx context.Context, user fleet.User, limit int) ([]Entry, error)
}
