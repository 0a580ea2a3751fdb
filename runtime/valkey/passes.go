package valkey

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"workerfleet/runtime/claim"
	"workerfleet/runtime/fleet"
)

// Reap: see [claim.Passes].
func (s *Store) Reap(ctx context.Context, t claim.Terms) (claim.Reaped, error) {
	a, err := s.run(ctx, scriptReap, ms(t.TTL), ms(t.Guard), ms(t.Hold), ms(t.Acknowledge), ms(t.Renew))
	if err != nil {
		return claim.Reaped{}, err
	}
	reaped := claim.Reaped{Held: a.flag(), More: a.flag()}
	for hosts := a.list(); hosts.err == nil && len(hosts.parts) > 0; {
		reaped.Silent = append(reaped.Silent, fleet.Host(hosts.text()))
	}
	slices.Sort(reaped.Silent)
	deaths := a.list()
	for deaths.err == nil && len(deaths.parts) > 0 {
		reaped.Dead = append(reaped.Dead, deaths.death())
	}
	return reaped, deaths.failed(scriptReap)
}

// Unconfirmed: see [claim.Passes].
func (s *Store) Unconfirmed(ctx context.Context, skip, limit int) ([]claim.Unconfirmed, error) {
	a, err := s.run(ctx, scriptUnconfirmed, skip, limit)
	if err != nil {
		return nil, err
	}
	var list []claim.Unconfirmed
	items := a.list()
	for items.err == nil && len(items.parts) > 0 {
		item := items.list()
		list = append(list, claim.Unconfirmed{Binding: item.binding(), Overdue: item.flag()})
		items.err = item.err
	}
	return list, items.failed(scriptUnconfirmed)
}

// Expire: see [claim.Passes].
func (s *Store) Expire(ctx context.Context, worker fleet.Worker, epoch fleet.Epoch, t claim.Terms) (bool, error) {
	a, err := s.run(ctx, scriptExpire, string(worker), epoch.String(), ms(t.TTL), ms(t.Guard))
	if err != nil {
		return false, err
	}
	return a.flag(), a.failed(scriptExpire)
}

// Heal: see [claim.Passes].
func (s *Store) Heal(ctx context.Context, cursor, limit int, t claim.Terms) (claim.Healed, error) {
	a, err := s.run(ctx, scriptHeal, cursor, limit, ms(t.Acknowledge))
	if err != nil {
		return claim.Healed{}, err
	}
	healed := claim.Healed{Next: int(a.number()), Repairs: map[string]int{}}
	kinds := a.list()
	for kinds.err == nil && len(kinds.parts) > 0 {
		healed.Repairs[kinds.text()]++
	}
	return healed, kinds.failed(scriptHeal)
}

// Agree: see [claim.Passes].
func (s *Store) Agree(ctx context.Context, worker fleet.Worker, life fleet.Life, epoch fleet.Epoch) error {
	return s.fenced(ctx, scriptAgree, string(worker), life.String(), epoch.String())
}

// Census: see [claim.Directory].
func (s *Store) Census(ctx context.Context) (claim.Census, error) {
	a, err := s.run(ctx, scriptCensus)
	if err != nil {
		return claim.Census{}, err
	}
	census := claim.Census{
		Free: int(a.number()), Waiting: int(a.number()), Hosts: int(a.number()), Last: a.epoch(), Floor: a.epoch(),
		Incarnation: a.text(), Workers: map[claim.State]int{},
	}
	if since := a.number(); since != 0 {
		census.Closed = time.UnixMilli(since).UTC()
		census.ClosedFor = a.now.Sub(census.Closed)
	}
	stock := a.list()
	for stock.err == nil && len(stock.parts) > 0 {
		_, _, state := stock.shelf()
		census.Workers[state] += int(stock.number())
	}
	return census, stock.failed(scriptCensus)
}

// Plan is what was decided last, as the rounds keep it: see keeper.Last. "" is nothing yet.
func (s *Store) Plan(ctx context.Context) (string, error) {
	text, err := s.client.HGet(ctx, "{pool}:plan", "text").Result()
	if errors.Is(err, redis.Nil) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read the plan: %w", err)
	}
	return text, nil
}
