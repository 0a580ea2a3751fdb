package sim

import (
	"context"
	"fmt"
	"slices"
	"time"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/pool"
)

// cloud launches workers on the hosts, as the provider of a cluster does.
type cloud struct {
	service
	*world
	batches map[string][]fleet.Worker
	tasks   []placed
	ended   map[fleet.Host][]fleet.Worker // by the host on which they ran
	made    int
	hostGroup
}

// placed is a worker that was launched and has not ended.
type placed struct {
	worker fleet.Worker
	host   *host
}

// provider is the cloud as one process reaches it.
type provider struct {
	*cloud
	from *process
}

var (
	_ pool.Provider   = provider{}
	_ pool.HostKeeper = provider{}
)

// Launch: see [pool.Provider].
func (p provider) Launch(_ context.Context, b pool.Batch) ([]fleet.Worker, error) {
	type answer struct {
		workers []fleet.Worker
		err     error
	}
	a, err := ask(p.from, &p.service, func() (answer, error) {
		if p.chance(p.faults.throttled) {
			return answer{err: pool.ErrThrottled}, nil
		}
		if known, again := p.batches[b.Key]; again {
			if len(known) < b.Count {
				return answer{known, pool.ErrNoCapacity}, nil
			}
			return answer{workers: known}, nil
		}
		var started []fleet.Worker
		for range b.Count {
			h := p.room()
			if h == nil {
				break
			}
			p.made++
			id := fleet.Worker(fmt.Sprintf("w%d", p.made))
			p.tasks = append(p.tasks, placed{id, h})
			started = append(started, id)
			p.after(p.between(300*time.Millisecond, 4*time.Second), func() { h.startWorker(id) })
		}
		p.batches[b.Key] = started
		p.from.say(p.from.name, "launch %s: %v of %d", b.Key, started, b.Count)
		if len(started) < b.Count {
			p.short = true
			return answer{started, pool.ErrNoCapacity}, nil
		}
		return answer{workers: started}, nil
	})
	if err != nil {
		return nil, err
	}
	return slices.Clone(a.workers), a.err
}

// room is the host with the most free places; nil: none has any.
func (c *cloud) room() *host {
	var best *host
	most := 0
	for _, h := range c.hosts {
		if h.state.Ending || h.state.Shut || h.down {
			continue
		}
		if free := c.free(h); free > most {
			best, most = h, free
		}
	}
	return best
}

// free is how many places a host has left.
func (c *cloud) free(h *host) int {
	free := c.perHost
	for _, t := range c.tasks {
		if t.host == h {
			free--
		}
	}
	return free
}

// Stop: see [pool.Provider].
func (p provider) Stop(_ context.Context, id fleet.Worker) error {
	return tell(p.from, &p.service, func() error {
		p.from.say(p.from.name, "stop %s", id)
		for _, t := range p.tasks {
			for _, w := range t.host.workers {
				if t.worker == id && w.id == id {
					w.stop()
				}
			}
		}
		return nil
	})
}

// List: see [pool.Provider].
func (p provider) List(context.Context) ([]pool.Task, error) {
	return ask(p.from, &p.service, func() ([]pool.Task, error) {
		var all []pool.Task
		for _, t := range p.tasks {
			all = append(all, pool.Task{Worker: t.worker, Host: t.host.name, Image: 1})
		}
		return all, nil
	})
}

// taskEnded gives a worker's place free.
func (c *cloud) taskEnded(id fleet.Worker) {
	c.tasks = slices.DeleteFunc(c.tasks, func(t placed) bool { return t.worker == id })
}
