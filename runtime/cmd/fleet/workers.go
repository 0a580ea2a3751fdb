package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"workerfleet/runtime/claim"
	"workerfleet/runtime/fleet"
	"workerfleet/runtime/valkey"
)

// workersJSON is the object that `fleet workers --json` ends with. Its keys are a contract, as those of all objects here.
type workersJSON struct {
	Total   int                 `json:"total"`
	States  map[claim.State]int `json:"states"`
	Hosts   []hostJSON          `json:"hosts"`
	Workers []workerJSON        `json:"workers"` // with --host, --user or --each
}

type hostJSON struct {
	Host    fleet.Host    `json:"host"`
	Heard   time.Time     `json:"heard"` // its last batch of beats, or until when its silence is expected
	Drained claim.Drainer `json:"drained,omitempty"`
	Images  []imageJSON   `json:"images"`
}

type imageJSON struct {
	Image  int64               `json:"image"`
	States map[claim.State]int `json:"states"`
}

type workerJSON struct {
	Worker  fleet.Worker `json:"worker"`
	Host    fleet.Host   `json:"host"`
	Image   int64        `json:"image"`
	State   claim.State  `json:"state"`
	User    fleet.User   `json:"user,omitempty"`
	Epoch   string       `json:"epoch,omitempty"`
	Life    string       `json:"life"`
	Lease   time.Time    `json:"lease"`
	Leaving bool         `json:"leaving,omitempty"`
}

func workersCommand(s surroundings) *cobra.Command {
	chosen := choice{surroundings: s}
	var host, user string
	var each bool
	c := &cobra.Command{
		Use: "workers", Short: "The workers by host, image and state", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return chosen.use(c, func(ctx context.Context, store *valkey.Store) error {
				all, err := everyWorker(ctx, store)
				if err != nil {
					return failure{err}
				}
				hosts, err := store.Heard(ctx)
				if err != nil {
					return failure{err}
				}
				wanted := slices.DeleteFunc(slices.Clone(all), func(w claim.Listed) bool {
					return host != "" && w.Host != fleet.Host(host) || user != "" && w.User != fleet.User(user)
				})
				hosts = slices.DeleteFunc(hosts, func(h claim.Heard) bool { return host != "" && h.Host != fleet.Host(host) })
				if host != "" && len(hosts) == 0 {
					return failure{fmt.Errorf("host %s is not registered", host)}
				}
				object := summarized(wanted, hosts)
				if each || host != "" || user != "" {
					object.Workers = listed(wanted)
				}
				return chosen.print(c, object.table(), object)
			})
		},
	}
	chosen.flags(c)
	c.Flags().StringVar(&host, "host", "", "only those of this `HOST`, one by one")
	c.Flags().StringVar(&user, "user", "", "only the one of this `USER`")
	c.Flags().BoolVar(&each, "each", false, "one by one")
	return c
}

// page is how many workers one call lists at first: it holds the index up for a few milliseconds.
const page = 1000

// everyWorker lists all workers, once each, while they go on prolonging their leases.
func everyWorker(ctx context.Context, store claim.Overview) ([]claim.Listed, error) {
	found := map[fleet.Worker]claim.Listed{}
	from := time.UnixMilli(0)
	for limit := page; ; {
		list, err := store.Workers(ctx, from, limit)
		if err != nil {
			return nil, err
		}
		for _, w := range list {
			found[w.ID] = w
		}
		if len(list) < limit {
			break
		}
		last := list[len(list)-1].Lease
		if last.Equal(from) { // more than a page ends at once: a host's workers beat together
			limit *= 2
		}
		from = last
	}
	return slices.SortedFunc(maps.Values(found), func(a, b claim.Listed) int { return cmp.Or(cmp.Compare(a.Host, b.Host), cmp.Compare(a.ID, b.ID)) }), nil
}

func summarized(workers []claim.Listed, hosts []claim.Heard) workersJSON {
	object := workersJSON{Total: len(workers), States: map[claim.State]int{}, Hosts: []hostJSON{}, Workers: []workerJSON{}}
	at := map[fleet.Host]map[int64]map[claim.State]int{}
	for _, w := range workers {
		object.States[w.State]++
		if at[w.Host] == nil {
			at[w.Host] = map[int64]map[claim.State]int{}
		}
		if at[w.Host][w.Revision] == nil {
			at[w.Host][w.Revision] = map[claim.State]int{}
		}
		at[w.Host][w.Revision][w.State]++
	}
	for _, h := range hosts {
		host := hostJSON{h.Host, h.Last, h.Drained, []imageJSON{}}
		for image, states := range at[h.Host] {
			host.Images = append(host.Images, imageJSON{image, states})
		}
		slices.SortFunc(host.Images, func(a, b imageJSON) int { return cmp.Compare(a.Image, b.Image) })
		object.Hosts = append(object.Hosts, host)
	}
	return object
}

func listed(workers []claim.Listed) []workerJSON {
	list := []workerJSON{}
	for _, w := range workers {
		item := workerJSON{Worker: w.ID, Host: w.Host, Image: w.Revision, State: w.State, User: w.User, Life: w.Life.String(), Lease: w.Lease, Leaving: w.Leaving}
		if w.User != "" {
			item.Epoch = w.Epoch.String()
		}
		list = append(list, item)
	}
	return list
}

func states() []claim.State {
	return []claim.State{claim.Warm, claim.Assigned, claim.Serving, claim.Returned, claim.Resetting, claim.Draining}
}

func (o workersJSON) table() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %s\n", counted(o.Total, "worker"), counted(len(o.Hosts), "host"))
	rows := []string{"host\timage\t" + strings.Join(words(states()), "\t") + "\tout of service by"}
	for _, h := range o.Hosts {
		for _, i := range h.Images {
			row := fmt.Sprintf("%s\t%d", h.Host, i.Image)
			for _, state := range states() {
				row += fmt.Sprintf("\t%d", i.States[state])
			}
			rows = append(rows, row+"\t"+string(h.Drained))
		}
		if len(h.Images) == 0 {
			rows = append(rows, string(h.Host)+"\t–"+strings.Repeat("\t0", len(states()))+"\t"+string(h.Drained))
		}
	}
	section(&b, "By host", rows)
	if len(o.Workers) > 0 {
		rows = []string{"worker\thost\timage\tstate\tuser\tepoch\tlease"}
		for _, w := range o.Workers {
			state := string(w.State)
			if w.Leaving {
				state += ", leaving"
			}
			rows = append(rows, fmt.Sprintf("%s\t%s\t%d\t%s\t%s\t%s\t%s", w.Worker, w.Host, w.Image, state, w.User, w.Epoch, clock(w.Lease)))
		}
		section(&b, "One by one", rows)
	}
	return b.String()
}

func words[T ~string](of []T) (all []string) {
	for _, word := range of {
		all = append(all, string(word))
	}
	return all
}

func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// clock is a time of today as people read it, in UTC as all of the platform's.
func clock(at time.Time) string { return at.UTC().Format("15:04:05") }
