package settings

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// ValkeyAuth is how a process signs in to Valkey.
type ValkeyAuth string

// The ways to sign in to Valkey: IAM tokens on AWS, a password in the URL, nothing on a developer's machine.
const (
	ValkeyIAM      ValkeyAuth = "iam"
	ValkeyPassword ValkeyAuth = "password"
	ValkeyNone     ValkeyAuth = "none"
)

func (a *ValkeyAuth) parse(text string) error {
	return word(a, text, ValkeyIAM, ValkeyPassword, ValkeyNone)
}

// DatabaseAuth is how a process signs in to PostgreSQL.
type DatabaseAuth string

// The ways to sign in to PostgreSQL: IAM tokens through the proxy, or a password.
const (
	DatabaseIAM      DatabaseAuth = "iam"
	DatabasePassword DatabaseAuth = "password"
)

func (a *DatabaseAuth) parse(text string) error {
	return word(a, text, DatabaseIAM, DatabasePassword)
}

// Broker is where orders go.
type Broker string

// The brokers.
const (
	BrokerPaper  Broker = "paper"
	BrokerAlpaca Broker = "alpaca"
)

func (b *Broker) parse(text string) error { return word(b, text, BrokerPaper, BrokerAlpaca) }

// Handler is which of the five functions a function is.
type Handler string

// The functions.
const (
	HandlerClaim       Handler = "claim"
	HandlerControl     Handler = "control"
	HandlerOrders      Handler = "orders"
	HandlerPool        Handler = "pool"
	HandlerMaintenance Handler = "maintenance"
)

// Handlers returns the five, in the order above.
func Handlers() []Handler {
	return []Handler{HandlerClaim, HandlerControl, HandlerOrders, HandlerPool, HandlerMaintenance}
}

func (h *Handler) parse(text string) error { return word(h, text, Handlers()...) }

// Recycle is how a worker begins its next life.
type Recycle string

// A worker executes itself anew within its container, or ends and leaves its place to a new container.
const (
	RecycleExec    Recycle = "exec"
	RecycleReplace Recycle = "replace"
)

func (r *Recycle) parse(text string) error { return word(r, text, RecycleExec, RecycleReplace) }

// Background is where background work is done.
type Background string

// Background work is done by the process that meets it, goes to the queue where it may wait, or goes there at all times.
const (
	BackgroundInline  Background = "inline"
	BackgroundPartial Background = "partial"
	BackgroundQueue   Background = "queue"
)

func (b *Background) parse(text string) error {
	return word(b, text, BackgroundInline, BackgroundPartial, BackgroundQueue)
}

// Orders is what a one-off run does about the switch for all orders.
type Orders string

// Orders are switched off, or on again; or the ledger is that of a backup, so that they are switched off and whatever is
// not final is looked up at the broker.
const (
	OrdersHalt    Orders = "halt"
	OrdersResume  Orders = "resume"
	OrdersRecover Orders = "recover"
	// OrdersResumeAnyway resumes although orders of a restored ledger are still looked up.
	OrdersResumeAnyway Orders = "resume-anyway"
)

func (o *Orders) parse(text string) error {
	return word(o, text, OrdersHalt, OrdersResume, OrdersResumeAnyway, OrdersRecover)
}

// Count is a number of things, at least one.
type Count int

func (c *Count) parse(text string) error {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return errors.New("is not a whole number from 1 up")
	}
	*c = Count(n)
	return nil
}

func (c Count) text() string { return strconv.Itoa(int(c)) }

// Share is a part of a whole, 0 to 1.
type Share float64

func (s *Share) parse(text string) error {
	part, err := strconv.ParseFloat(text, 64)
	if err != nil || !(part >= 0 && part <= 1) { // also refuses NaN
		return errors.New("is not a number from 0 to 1")
	}
	*s = Share(part)
	return nil
}

func (s Share) text() string { return strconv.FormatFloat(float64(s), 'g', -1, 64) }

// Secret is text that is never printed; string(s) is the secret itself.
type Secret string

// String keeps the secret out of logs.
func (s Secret) String() string { return "[secret]" }

func (s *Secret) parse(text string) error {
	*s = Secret(text)
	return nil
}

// word accepts the allowed words, spelt exactly so.
func word[W ~string](to *W, text string, allowed ...W) error {
	if !slices.Contains(allowed, W(text)) {
		names := make([]string, len(allowed))
		for i, a := range allowed {
			names[i] = string(a)
		}
		return fmt.Errorf("is not one of the allowed values: %s", strings.Join(names, ", "))
	}
	*to = W(text)
	return nil
}
