package claim

import "maps"

// Clone is a copy that nothing done to this one changes: a replica as it stands at one moment.
func (x *Index) Clone() *Index {
	c := *x
	c.workers = maps.Clone(x.workers)
	for id, w := range x.workers {
		copied := *w
		c.workers[id] = &copied
	}
	c.users = maps.Clone(x.users)
	for _, set := range []*scores{&c.free, &c.lease, &c.hosts, &c.ack, &c.waiting, &c.renew, &c.exited, &c.launching.due, &c.launching.retired, &c.drains.held} {
		*set = maps.Clone(*set)
	}
	c.launching.what = maps.Clone(x.launching.what)
	c.drains.hosts, c.drains.leaving = maps.Clone(x.drains.hosts), maps.Clone(x.drains.leaving)
	c.arrivals = maps.Clone(x.arrivals)
	return &c
}
