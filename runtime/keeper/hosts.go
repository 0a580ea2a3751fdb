package keeper

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"workerfleet/runtime/claim"
	"workerfleet/runtime/fleet"
	"workerfleet/runtime/pool"
)

// HostStore is what the hosts' rounds ask of the index.
type HostStore interface {
	claim.Drains
	Stock(ctx context.Context, t claim.Terms) (claim.Stocktake, error)
}

// HostsConfig is what the hosts' rounds work on. All fields but the period must be set.
type HostsConfig struct {
	Store  HostStore
	Keeper pool.HostKeeper
	Terms  claim.Terms
	// Period is the time between two rounds; 0 means fifteen seconds.
	Period time.Duration
}

// Hosts takes hosts out of service that the provider gives up, or that are outdated, a few at a time, and keeps launches off
// every host that goes out of service, whoever said so. Any number of them may work on one pool.
type Hosts struct{ HostsConfig }

const hostsPeriod = 15 * time.Second

// NewHosts makes the rounds.
func NewHosts(c HostsConfig) *Hosts {
	c.Period = cmp.Or(c.Period, hostsPeriod)
	return &Hosts{c}
}

// HostsReport is what one round did.
type HostsReport struct {
	// Drained and Undrained are marked, or no longer; Shut and Opened take no launches, or do again.
	Drained, Undrained, Shut, Opened []fleet.Host
}

// Run makes rounds until the context ends.
func (h *Hosts) Run(ctx context.Context, failed func(error)) error {
	return every(ctx, h.Period, func(ctx context.Context) error {
		_, err := h.Pass(ctx)
		return err
	}, failed)
}

// Pass makes one round. What fails the next one finds again.
func (h *Hosts) Pass(ctx context.Context) (HostsReport, error) {
	var r HostsReport
	stock, err := h.Store.Stock(ctx, h.Terms)
	if err != nil {
		return r, fmt.Errorf("count the stock: %w", err)
	}
	states, err := h.Keeper.States(ctx)
	if err != nil {
		return r, fmt.Errorf("ask about the hosts: %w", err)
	}
	marks := map[fleet.Host]claim.Drainer{}
	for _, host := range stock.Hosts {
		marks[host.Host] = host.Drained
	}
	var errs []error
	for _, c := range changes(stock, states) {
		if err := h.mark(ctx, c, &r); err != nil {
			errs = append(errs, err)
			continue
		}
		marks[c.host] = c.to
	}
	for _, s := range states {
		if mark, beats := marks[s.Host]; beats {
			errs = append(errs, h.shut(ctx, s, mark != "", &r))
		}
	}
	return r, errors.Join(errs...)
}

// change is the mark that a host gets, or loses.
type change struct {
	host     fleet.Host
	from, to claim.Drainer
}

// changes decides which marks to set and to take back, by what the index and the provider say. An operator's mark is the
// operator's. While too many hosts are silent, or the pool is being rebuilt, no host is taken for outdated: those that are
// left are needed. A host that the provider no longer has is none, though the index waits for its lease.
func changes(stock claim.Stocktake, states []pool.HostState) (all []change) {
	seen := map[fleet.Host]pool.HostState{}
	for _, s := range states {
		seen[s.Host] = s
	}
	var old, aged []claim.HostStock
	there, out := 0, 0
	for _, host := range stock.Hosts {
		s, known := seen[host.Host]
		if !known {
			continue
		}
		there++
		switch {
		case s.Ending && host.Drained == "":
			all = append(all, change{host.Host, "", claim.ByCluster})
			out++
		case !s.Ending && host.Drained == claim.ByCluster, !s.Outdated && host.Drained == claim.ByImage:
			all = append(all, change{host.Host, host.Drained, ""})
		case host.Drained != "":
			if out++; host.Drained == claim.ByImage {
				aged = append(aged, host)
			}
		case s.Outdated:
			old = append(old, host)
		}
	}
	if stock.Doubtful || !stock.Open {
		return all
	}
	// Rounds that decide at once may take out one each, and hosts that end leave fewer to serve: the last of them return.
	free := atOnce(there) - out
	for _, host := range aged[max(0, len(aged)+min(0, free)):] {
		all = append(all, change{host.Host, claim.ByImage, ""})
	}
	slices.SortStableFunc(old, func(a, b claim.HostStock) int { return cmp.Compare(busy(a), busy(b)) })
	for _, host := range old[:min(len(old), max(0, free))] {
		all = append(all, change{host.Host, "", claim.ByImage})
	}
	return all
}

// atOnce is how many hosts may be out of service before another one is taken out for its age: a tenth, and none where it
// would be the only one.
func atOnce(hosts int) int { return min(max(1, hosts/10), hosts-1) }

func busy(h claim.HostStock) (n int) {
	for _, image := range h.Images {
		n += image.Busy
	}
	return n
}

func (h *Hosts) mark(ctx context.Context, c change, r *HostsReport) error {
	if c.to == "" {
		if _, err := h.Store.Undrain(ctx, c.host, c.from, h.Terms); err != nil {
			return fmt.Errorf("take %s back into service: %w", c.host, err)
		}
		r.Undrained = append(r.Undrained, c.host)
		return nil
	}
	if _, err := h.Store.Drain(ctx, c.host, c.to); err != nil {
		return fmt.Errorf("take %s out of service: %w", c.host, err)
	}
	r.Drained = append(r.Drained, c.host)
	return nil
}

// shut lets a host take launches just when it is in service. One that the provider ends takes none anyhow.
func (h *Hosts) shut(ctx context.Context, s pool.HostState, out bool, r *HostsReport) error {
	switch {
	case out && !s.Shut && !s.Ending:
		if err := h.Keeper.Shut(ctx, s.Host, true); err != nil {
			return fmt.Errorf("keep launches off %s: %w", s.Host, err)
		}
		r.Shut = append(r.Shut, s.Host)
	case !out && s.Shut:
		if err := h.Keeper.Shut(ctx, s.Host, false); err != nil {
			return fmt.Errorf("let launches onto %s: %w", s.Host, err)
		}
		r.Opened = append(r.Opened, s.Host)
	}
	return nil
}
