package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"runtime/debug"
	"time"

	"github.com/redis/go-redis/v9"

	"workerfleet/runtime/claim"
	"workerfleet/runtime/fleet"
	"workerfleet/runtime/session"
)

// hostLossFigures are what hostloss measures. Times count from the host's loss.
type hostLossFigures struct {
	Workers       int     `json:"workers"`
	Hosts         int     `json:"hosts"`
	Users         int     `json:"users"`
	Lost          int     `json:"lost"` // users of the lost host
	ServedAgain   int     `json:"servedAgain"`
	ServedP50     float64 `json:"servedP50Seconds"`
	ServedSeconds float64 `json:"servedSeconds"` // until the last of them; 0: not all were
	Untouched     int     `json:"untouched"`     // other users, whose sessions went on as they were
	LeaseSeconds  float64 `json:"leaseSeconds"`  // TTL and guard, which nobody may go below
	shares
	Seed    uint64  `json:"seed"`
	Machine machine `json:"machine"`
}

// runHostLoss takes one host of a fleet away without a word, as a power cut does, and measures when its users are served on
// other hosts.
func runHostLoss(ctx context.Context, args []string, out, errs io.Writer) error {
	var o runOptions
	flags := flag.NewFlagSet("bench hostloss", flag.ContinueOnError)
	o.flags(flags)
	flags.IntVar(&o.users, "users", 0, "users with a session (default: all but what two hosts hold)")
	flags.DurationVar(&o.lease.TTL, "ttl", ttl, "how long a lease lasts; beats and guard shrink with it")
	if err := parse(flags, args, errs); err != nil {
		return err
	}
	share := o.workers / max(1, o.hosts)
	if o.users == 0 {
		o.users = max(1, o.workers-2*share)
	}
	if err := check(flags, append(o.sizes(), limit{"users", o.users, 1, o.workers - share}, limit{"ttl", int(o.lease.TTL.Milliseconds()), 100, 60_000})...); err != nil {
		return err
	}
	o.lease.Beat, o.lease.Guard = o.lease.TTL/(ttl/beat), o.lease.TTL/(ttl/guard)
	before := look()
	defer debug.SetGCPercent(debug.SetGCPercent(collectAt)) // as for claims: one process stands for many small ones
	f, err := startFleet(ctx, o.fleetOptions, out)
	if err != nil {
		return err
	}
	defer f.stop()
	fmt.Fprintf(out, "store     %s\ndatabase  %s\nfleet     %d workers on %d hosts, warm after %.1f s\n", f.storeName, f.databaseName, o.workers, o.hosts, f.warmed.Seconds())
	figures := hostLossFigures{Workers: o.workers, Hosts: o.hosts, Users: o.users, LeaseSeconds: (f.path.Terms.TTL + f.path.Terms.Guard).Seconds(), Seed: o.seed}
	if err := o.profiled(func() error { return figures.measure(ctx, f, o) }); err != nil {
		return err
	}
	figures.Machine = before.until(look())
	return tellJudged(out, o.json, figures, fmt.Sprintf(`loss      1 of %d hosts, with %d users; %d of them served again, %d others untouched
served    p50 %.1f s, all after %.1f s (aim < 20, of which the lease takes %.0f); who was not counts as %.0f s
cores     %s
machine   %s
`, figures.Hosts, figures.Lost, figures.ServedAgain, figures.Untouched, figures.ServedP50, figures.ServedSeconds, figures.LeaseSeconds, figures.LeaseSeconds+reserveBeyond.Seconds(), figures.shares, figures.Machine))
}

// wrong: see [judged].
func (r hostLossFigures) wrong() error {
	return errors.Join(
		never(r.Lost-r.ServedAgain, "users of the lost host were not served again"),
		never(r.Users-r.Lost-r.Untouched, "users of other hosts have lost their sessions"),
	)
}

// reserveBeyond is how much longer than a lease the last user may take before the measurement is given up.
const reserveBeyond = time.Minute

func (r *hostLossFigures) measure(ctx context.Context, f *simulated, o runOptions) error {
	each(o.users, func(i int) { f.insist(ctx, user(i)) })
	sessions, err := f.sessions(ctx)
	if err != nil {
		return err
	}
	if len(sessions) != o.users {
		return fmt.Errorf("%d of %d users have a session", len(sessions), o.users)
	}
	settle(ctx, o.workers)
	lost := f.fullest(sessions)
	var of []session.Session
	for _, s := range sessions {
		if s.Host == lost {
			of = append(of, s)
		}
	}
	before, began := f.spent(ctx), time.Now()
	f.cut(lost, true)
	defer f.cut(lost, false) // its agent ends with the others
	r.Lost = len(of)
	longest := f.path.Terms.TTL + f.path.Terms.Guard + reserveBeyond
	served, err := f.servedAgain(ctx, of, longest)
	if err != nil {
		return err
	}
	r.shares = f.spent(ctx).shares(before)
	var after []time.Duration
	for _, at := range served {
		after = append(after, at.Sub(began))
	}
	r.ServedAgain, r.ServedP50 = len(after), quantile(withFailed(after, len(of)-len(after), longest), 0.5).Seconds()
	if len(after) == len(of) {
		r.ServedSeconds = quantile(after, 1).Seconds()
	}
	now, err := f.sessions(ctx)
	for who, s := range sessions {
		if s.Host != lost && now[who] == s {
			r.Untouched++
		}
	}
	return err
}

// sessions reads all open ones.
func (f *simulated) sessions(ctx context.Context) (map[fleet.User]session.Session, error) {
	return openSessions(ctx, f.path.Database)
}

// page is how many rows or keys are read at once.
const page = 1000

func openSessions(ctx context.Context, database session.Authority) (map[fleet.User]session.Session, error) {
	all := map[fleet.User]session.Session{}
	for after := fleet.User(""); ; {
		found, err := database.Open(ctx, after, page)
		if err != nil {
			return nil, err
		}
		for _, s := range found {
			all[s.User], after = s, s.User
		}
		if len(found) < page {
			return all, nil
		}
	}
}

// fullest is the host with the most sessions.
func (f *simulated) fullest(sessions map[fleet.User]session.Session) (host fleet.Host) {
	on := map[fleet.Host]int{}
	for _, s := range sessions {
		if on[s.Host]++; on[s.Host] > on[host] || on[s.Host] == on[host] && s.Host < host {
			host = s.Host
		}
	}
	return host
}

// cut takes a host away, or brings it back: meanwhile nothing that its agent says arrives anywhere.
func (f *simulated) cut(host fleet.Host, gone bool) { f.lines[host].gone.Store(gone) }

// servedAgain asks until every one of these users serves under another session, and notes when each was first seen to.
func (f *simulated) servedAgain(ctx context.Context, lost []session.Session, limit time.Duration) (map[fleet.User]time.Time, error) {
	served := map[fleet.User]time.Time{}
	err := until(ctx, 20*time.Millisecond, limit, func() (bool, error) {
		pipe := f.path.Client.Pipeline()
		asked := map[fleet.User]*redis.SliceCmd{}
		for _, s := range lost {
			if _, done := served[s.User]; !done {
				asked[s.User] = pipe.HMGet(ctx, "{pool}:user:"+string(s.User), "worker", "epoch")
			}
		}
		if _, err := pipe.Exec(ctx); err != nil {
			return false, fmt.Errorf("look for users: %w", err)
		}
		for _, s := range lost {
			if asked[s.User] == nil {
				continue
			}
			name, _ := asked[s.User].Val()[0].(string)
			if name == "" || fleet.Worker(name) == s.Worker {
				continue
			}
			w, known, err := f.path.Store.Worker(ctx, fleet.Worker(name))
			if err != nil {
				return false, err
			}
			if known && w.User == s.User && w.State == claim.Serving && w.Epoch > s.Epoch {
				served[s.User] = time.Now()
			}
		}
		return len(served) == len(lost), nil
	})
	if errors.Is(err, errLate) {
		return served, nil
	}
	return served, err
}
