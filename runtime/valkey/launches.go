package valkey

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"workerfleet/runtime/claim"
	"workerfleet/runtime/fleet"
)

// Stock: see [claim.Launches].
func (s *Store) Stock(ctx context.Context, t claim.Terms) (claim.Stocktake, error) {
	a, err := s.run(ctx, scriptStock, ms(t.TTL+t.Guard), claim.DrainingLimit)
	if err != nil {
		return claim.Stocktake{}, err
	}
	stock := claim.Stocktake{
		Now: a.now, Open: a.flag(), Version: uint64(a.number()), Text: a.text(), Note: a.text(), Calls: int(a.number()), Waiting: int(a.number()),
	}
	registered := int(a.number())
	stock.Hosts = hosts(a.list(), a.list(), a.list())
	stock.Doubtful = claim.Doubtful(registered-len(stock.Hosts), registered)
	for coming := a.list(); coming.err == nil && len(coming.parts) > 0; {
		stock.Coming = append(stock.Coming, coming.coming())
		a.err = coming.err
	}
	for draining := a.list(); draining.err == nil && len(draining.parts) > 0; {
		stock.Draining = append(stock.Draining, claim.Drained{Worker: fleet.Worker(draining.text()), Since: draining.instant()})
		a.err = draining.err
	}
	return stock, a.failed(scriptStock)
}

// hosts puts drains and stock beside the hosts that beat, which they may name more of.
func hosts(beating, drains, stock *answer) []claim.HostStock {
	drained := map[fleet.Host]claim.Drainer{}
	for drains.err == nil && len(drains.parts) > 0 {
		host := fleet.Host(drains.text())
		drained[host] = claim.Drainer(drains.text())
	}
	var list []claim.HostStock
	for beating.err == nil && len(beating.parts) > 0 {
		host := fleet.Host(beating.text())
		list = append(list, claim.HostStock{Host: host, Drained: drained[host]})
	}
	order := func(a claim.HostStock, b fleet.Host) int { return strings.Compare(string(a.Host), string(b)) }
	slices.SortFunc(list, func(a, b claim.HostStock) int { return order(a, b.Host) })
	for stock.err == nil && len(stock.parts) > 0 {
		host, image, state := stock.shelf()
		n := int(stock.number())
		if at, beats := slices.BinarySearchFunc(list, host, order); beats {
			list[at].Add(image, state, n)
		}
	}
	return list
}

// shelf reads where workers are counted: host, image and state in one text.
func (a *answer) shelf() (fleet.Host, int64, claim.State) {
	text := a.text()
	parts := strings.Split(text, " ")
	if len(parts) != 3 {
		a.misfit("host, image and state", text)
		return "", 0, ""
	}
	return fleet.Host(parts[0]), a.whole(parts[1]), claim.State(parts[2])
}

// coming reads a reservation, or one worker of it.
func (a *answer) coming() claim.Coming {
	member, deadline, what := a.text(), a.instant(), a.text()
	parts := strings.Split(what, " ")
	if len(parts) != 3 {
		a.misfit("workers, image and kind", what)
		return claim.Coming{}
	}
	c := claim.Coming{Deadline: deadline, Reservation: claim.Reservation{Count: int(a.whole(parts[0])), Image: a.whole(parts[1])}}
	if parts[2] == "named" {
		c.Worker = fleet.Worker(member)
	} else {
		c.Key = member
	}
	return c
}

func (a *answer) whole(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		a.misfit("a whole number", text)
	}
	return n
}

func (a *answer) instant() time.Time { return time.UnixMilli(a.number()).UTC() }

// Reserve: see [claim.Launches].
func (s *Store) Reserve(ctx context.Context, p claim.Plan, t claim.Terms) error {
	args := []any{strconv.FormatUint(p.Seen, 10), p.Text, p.Calls, ms(t.Launch)}
	for _, b := range p.Batches {
		args = append(args, b.Key, b.Image, b.Count)
	}
	a, err := s.run(ctx, scriptReserve, args...)
	if err != nil {
		return err
	}
	if a.text() == "stale" {
		return claim.ErrStale
	}
	return a.failed(scriptReserve)
}

// Launched: see [claim.Launches].
func (s *Store) Launched(ctx context.Context, key string, workers []fleet.Worker) error {
	args := []any{key}
	for _, worker := range workers {
		args = append(args, string(worker))
	}
	_, err := s.run(ctx, scriptLaunched, args...)
	return err
}

// Note: see [claim.Launches].
func (s *Store) Note(ctx context.Context, text string) error {
	_, err := s.run(ctx, scriptNote, text)
	return err
}

// Retire: see [claim.Launches].
func (s *Store) Retire(ctx context.Context, r claim.Retirement) ([]fleet.Worker, error) {
	a, err := s.run(ctx, scriptRetire, string(r.Host), r.Image, r.Count)
	if err != nil {
		return nil, err
	}
	var retired []fleet.Worker
	list := a.list()
	for list.err == nil && len(list.parts) > 0 {
		retired = append(retired, fleet.Worker(list.text()))
	}
	if list.err != nil {
		return nil, fmt.Errorf("retire: %w", list.err)
	}
	return retired, nil
}
