package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"workerfleet/runtime/claim"
	"workerfleet/runtime/fleet"
	"workerfleet/runtime/hostlink"
	"workerfleet/runtime/session"
)

// indexed is all that the index's keys say.
type indexed struct {
	workers map[fleet.Worker]claim.Worker
	users   map[fleet.User]session.Session // user, worker and epoch only
	sets    map[string][]string            // sorted sets by name, without their scores
	shelves []string                       // of all idle workers, by host and image
	counts  map[string]string              // workers by host, image and state
	onHost  map[fleet.Host]int
}

// indexSets are the sorted sets that must not hold what is not there.
var indexSets = []string{"lease", "free", "ack", "waiting", "renew", "hosts", "draining", "launching"}

// readIndex reads the keys themselves: what a script says of them could hide what it trips over.
func readIndex(ctx context.Context, client redis.UniversalClient) (*indexed, error) {
	x := &indexed{workers: map[fleet.Worker]claim.Worker{}, users: map[fleet.User]session.Session{}, sets: map[string][]string{}, onHost: map[fleet.Host]int{}}
	for _, name := range indexSets {
		members, err := client.ZRange(ctx, "{pool}:"+name, 0, -1).Result()
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
		x.sets[name] = members
	}
	var err error
	if x.counts, err = client.HGetAll(ctx, "{pool}:stock").Result(); err != nil {
		return nil, fmt.Errorf("read the counts: %w", err)
	}
	for cursor := uint64(0); ; {
		keys, next, err := client.Scan(ctx, cursor, "{pool}:*", page).Result()
		if err != nil {
			return nil, fmt.Errorf("list keys: %w", err)
		}
		if err := x.read(ctx, client, keys); err != nil {
			return nil, err
		}
		if cursor = next; cursor == 0 {
			return x, nil
		}
	}
}

// read takes the records among some keys.
func (x *indexed) read(ctx context.Context, client redis.UniversalClient, keys []string) error {
	pipe := client.Pipeline()
	hashes, shelves := map[string]*redis.MapStringStringCmd{}, []*redis.StringSliceCmd{}
	for _, key := range keys {
		_, rest, _ := strings.Cut(key, ":")
		kind, _, _ := strings.Cut(rest, ":")
		switch kind {
		case "worker", "user", "host":
			hashes[rest] = pipe.HGetAll(ctx, key)
		case "idle":
			shelves = append(shelves, pipe.ZRange(ctx, key, 0, -1))
		}
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return fmt.Errorf("read records: %w", err)
	}
	for _, shelf := range shelves {
		x.shelves = append(x.shelves, shelf.Val()...)
	}
	for rest, hash := range hashes {
		kind, name, _ := strings.Cut(rest, ":")
		f := hash.Val()
		number := func(field string) int64 { n, _ := strconv.ParseInt(f[field], 10, 64); return n }
		switch {
		case len(f) == 0: // gone since
		case kind == "worker":
			x.workers[fleet.Worker(name)] = claim.Worker{
				ID: fleet.Worker(name), Host: fleet.Host(f["host"]), Life: fleet.Life(number("life")), State: claim.State(f["state"]),
				Revision: number("revision"), User: fleet.User(f["user"]), Epoch: fleet.Epoch(number("epoch")),
			}
		case kind == "user":
			x.users[fleet.User(name)] = session.Session{User: fleet.User(name), Worker: fleet.Worker(f["worker"]), Epoch: fleet.Epoch(number("epoch"))}
		default:
			x.onHost[fleet.Host(name)] = int(number("workers"))
		}
	}
	return nil
}

// broken says which of the index's invariants does not hold while nobody comes, dies or is assigned; "" if all do.
func (x *indexed) broken() string {
	idle, all, counts, hosts := map[string]bool{}, map[string]bool{}, map[string]int{}, map[fleet.Host]int{}
	epochs := map[fleet.Epoch]fleet.Worker{}
	for id, w := range x.workers {
		all[string(id)] = true
		hosts[w.Host]++
		counts[fmt.Sprintf("%s %d %s", w.Host, w.Revision, w.State)]++
		switch {
		case w.State == claim.Warm && w.User == "":
			idle[string(id)] = true
		case w.State != claim.Serving || w.User == "":
			return fmt.Sprintf("%s is %s for %q", id, w.State, w.User)
		case x.users[w.User] != session.Session{User: w.User, Worker: id, Epoch: w.Epoch}:
			return fmt.Sprintf("%s serves %s under %d, whose record is %+v", id, w.User, w.Epoch, x.users[w.User])
		case epochs[w.Epoch] != "":
			return fmt.Sprintf("%s and %s have one epoch, %d", id, epochs[w.Epoch], w.Epoch)
		default:
			epochs[w.Epoch] = id
		}
	}
	if len(x.users) != len(epochs) {
		return fmt.Sprintf("%d users have a record, and %d workers serve", len(x.users), len(epochs))
	}
	for name, want := range map[string]map[string]bool{"lease": all, "free": idle, "ack": {}, "waiting": {}, "renew": {}, "draining": {}, "launching": {}} {
		if why := differ(x.sets[name], want); why != "" {
			return fmt.Sprintf("in %s %s", name, why)
		}
	}
	if why := differ(x.shelves, idle); why != "" {
		return "on the hosts' shelves " + why
	}
	for name, n := range x.counts {
		if strconv.Itoa(counts[name]) != n {
			return fmt.Sprintf("%s: %s workers are counted, and there are %d", name, n, counts[name])
		}
	}
	if len(x.counts) != len(counts) {
		return fmt.Sprintf("%d kinds of workers are counted, and there are %d", len(x.counts), len(counts))
	}
	for host, n := range x.onHost {
		if hosts[host] != n {
			return fmt.Sprintf("%s is said to have %d workers, and has %d", host, n, hosts[host])
		}
	}
	return ""
}

// differ says how a list is not the set that it should be.
func differ(list []string, want map[string]bool) string {
	if len(list) != len(want) {
		return fmt.Sprintf("there are %d, not %d", len(list), len(want))
	}
	for _, name := range list {
		if !want[name] {
			return name + " should not be"
		}
	}
	return ""
}

// disagreement says in what workers, database and index are not one, while nobody comes or goes; "" if they are.
func (f *faulted) disagreement(ctx context.Context) (string, error) {
	acting, lapsed := f.judge.acting(hostlink.Now())
	wanting := f.users.wanting()
	if lapsed > 0 || len(acting) != len(wanting) {
		return fmt.Sprintf("%d users want a session, workers act for %d and hold %d more", len(wanting), len(acting), lapsed), nil
	}
	for i := range wanting {
		if _, served := acting[user(i)]; !served {
			return fmt.Sprintf("nobody acts for %s", user(i)), nil
		}
	}
	rows, err := openSessions(ctx, f.seen.Database)
	if err != nil {
		return "", err
	}
	if !maps.Equal(rows, acting) {
		return firstDifference("the database has", rows, acting), nil
	}
	x, err := readIndex(ctx, f.seen.Client)
	if err != nil {
		return "", err
	}
	if why := x.broken(); why != "" {
		return why, nil
	}
	if why := f.unlike(x, acting); why != "" {
		return why, nil
	}
	return f.healable(ctx)
}

// unlike says in what the index is not what the workers themselves are.
func (f *faulted) unlike(x *indexed, acting map[fleet.User]session.Session) string {
	known := map[fleet.User]session.Session{}
	for user, s := range x.users {
		w := x.workers[s.Worker]
		known[user] = session.Session{User: user, Epoch: s.Epoch, Worker: s.Worker, Host: w.Host, Life: w.Life}
	}
	if !maps.Equal(known, acting) {
		return firstDifference("the index has", known, acting)
	}
	hosts, _ := f.all()
	names := map[string]bool{}
	workers := 0
	for _, h := range hosts {
		names[string(h.name)] = true
		for _, p := range h.players {
			workers++
			p.mu.Lock()
			life := p.life
			p.mu.Unlock()
			if w, there := x.workers[p.name]; !there || w.Life != life || w.Host != h.name {
				return fmt.Sprintf("%s lives life %d on %s, and the index has %+v", p.name, life, h.name, w)
			}
		}
	}
	if workers != len(x.workers) {
		return fmt.Sprintf("there are %d workers, and %d in the index", workers, len(x.workers))
	}
	if why := differ(x.sets["hosts"], names); why != "" {
		return "among the hosts " + why
	}
	return ""
}

// healable says what a whole round of healing finds.
func (f *faulted) healable(ctx context.Context) (string, error) {
	for cursor := 0; ; {
		healed, err := f.seen.Store.Heal(ctx, cursor, page, f.terms)
		if err != nil || len(healed.Repairs) > 0 {
			return fmt.Sprintf("the index had to be healed: %v", healed.Repairs), err
		}
		if cursor = healed.Next; cursor == 0 {
			return "", nil
		}
	}
}

func firstDifference(who string, got, want map[fleet.User]session.Session) string {
	users := slices.Sorted(maps.Keys(got))
	users = append(users, slices.Sorted(maps.Keys(want))...)
	for _, user := range users {
		if got[user] != want[user] {
			return fmt.Sprintf("%s %+v for %s, the workers %+v; %d and %d in all", who, got[user], user, want[user], len(got), len(want))
		}
	}
	return ""
}
