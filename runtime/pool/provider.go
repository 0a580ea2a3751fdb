package pool

import (
	"context"
	"errors"
	"time"

	"workerfleet/runtime/fleet"
)

// What a provider refuses, in words that are kept and sent. Any other error leaves open whether the call happened.
var (
	// ErrNoCapacity: there is no room, or no host to be had, now. Asking again at once would not change it.
	ErrNoCapacity = errors.New("no capacity")
	// ErrThrottled: too many calls. Nothing happened; the same call may be repeated after a pause.
	ErrThrottled = errors.New("throttled")
	// ErrRejected: the request as it is will never be granted, as by a missing permission. Nothing happened.
	ErrRejected = errors.New("rejected")
)

// Refused is which of the three an error is, as a word that travels; "" is none of them.
func Refused(err error) string {
	for _, refusal := range []error{ErrNoCapacity, ErrThrottled, ErrRejected} {
		if errors.Is(err, refusal) {
			return refusal.Error()
		}
	}
	return ""
}

// Refusing is the error of such a word; nil of any other text.
func Refusing(word string) error {
	for _, refusal := range []error{ErrNoCapacity, ErrThrottled, ErrRejected} {
		if refusal.Error() == word {
			return refusal
		}
	}
	return nil
}

// BatchLimit is the most workers that one call launches (RunTask's count; fact ecs.runtask.count).
const BatchLimit = 10

// Batch asks for new workers of one image.
type Batch struct {
	// Key tells this request from every other one: the reservation that it was made under. 1 to 64 letters, digits, -, _
	// and /, as RunTask takes for its client token and for startedBy alike.
	Key string
	// Count is 1 to [BatchLimit].
	Count int
	// Image is the revision to run; 0 is whichever the provider starts by itself.
	Image int64
}

// Task is one worker as the provider sees it, which says nothing about whether it is registered or busy.
type Task struct {
	Worker fleet.Worker
	// Host is empty until the worker is placed: it waits for room (PROVISIONING on ECS).
	Host  fleet.Host
	Image int64
	// Key is that of the batch which the worker was launched in.
	Key string
	// Launched is when the provider took the request.
	Launched time.Time
}

// Provider starts and stops workers. It never decides how many. Implementations are safe for concurrent use, and are
// held to this contract by package pooltest.
type Provider interface {
	// Launch starts a batch and returns the workers that it will have, which need not run yet. Repeating it with the
	// same key and batch within ten minutes, longer than any reservation lives, starts nothing more and answers the same.
	//
	// Both results may count: workers together with an error that is ErrNoCapacity or ErrRejected mean that only those
	// were started; the rest is asked for under a new key. ErrThrottled: none was. After any other error repeat with the
	// same key. A count outside 1 to [BatchLimit] is refused and starts nothing.
	Launch(ctx context.Context, b Batch) ([]fleet.Worker, error)
	// Stop asks the worker to end, and ends it after a grace period. It returns when that is under way, not when it
	// is over. Stopping a worker that has ended, or that never was, is no error. ErrThrottled, ErrRejected: nothing happened.
	Stop(ctx context.Context, worker fleet.Worker) error
	// List returns the workers that were launched and have not ended, in no order. It may be a few seconds behind
	// Launch and Stop. At 35,000 workers it takes ECS about 30 s and most of the read budget (fact derived.describe):
	// it is for reconciling, not for every pass.
	List(ctx context.Context) ([]Task, error)
}

// HostType is one of the two instance types that hosts may have; both hold the same number of workers.
type HostType string

// The types: the planned one, and the one to fall back on while that cannot be had.
const (
	Primary  HostType = "primary"
	Fallback HostType = "fallback"
)

// HostGroup changes how many hosts there are. A provider whose hosts are given, as one machine is, has none. Whoever is empty
// the provider's own scaling ends, so that nobody here has to know which host holds nothing.
type HostGroup interface {
	// Grow raises the number of hosts of a type to the count, and never lowers it. Repeating it is harmless.
	// ErrNoCapacity: none of this type can be had now. ErrThrottled: nothing happened.
	Grow(ctx context.Context, of HostType, hosts int) error
	// Desired returns the number of hosts of a type that the provider keeps.
	Desired(ctx context.Context, of HostType) (int, error)
}

// HostKeeper says what becomes of hosts, and keeps launches off some of them. Implementations are safe for concurrent use.
type HostKeeper interface {
	// States lists the hosts that are there, in no order.
	States(ctx context.Context) ([]HostState, error)
	// Shut keeps launches off a host, or lets them on again. What runs there is not touched. Repeating it is harmless, and
	// a host that is gone is no error.
	Shut(ctx context.Context, host fleet.Host, shut bool) error
}

// HostState is a host as the provider sees it.
type HostState struct {
	Host fleet.Host
	// Ending: the provider gives the host up.
	Ending bool
	// Outdated: hosts that start now are started from something newer.
	Outdated bool
	// Shut: launches are kept off it.
	Shut bool
}
