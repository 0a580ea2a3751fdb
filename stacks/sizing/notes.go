package sizing

import "fmt"

// notes says what follows from a plan in words: what no single figure shows, or what nobody can configure away.
func notes(p Plan) []string {
	var out []string
	add := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	switch share := p.Pool.SlotShare; {
	case share > 1:
		add("The pool's slot would need %.0f %% of one core at the open: one slot is one core. Run two stacks of half "+
			"the users, or accept that the open takes longer than planned.", 100*share)
	case share > fullSlotShare:
		add("The pool's slot takes %.0f %% of one core at the open, more than the planned half: one slot is one core. "+
			"Run two stacks of half the users, or accept that the open takes longer in a retry storm.", 100*share)
	}
	if p.Database.Class.Name == databaseRows[0].class.Name {
		add("Aurora advises T classes for development and test only: raise database.instanceClass to db.r6g.large " +
			"before real orders depend on it.")
	}
	if !p.Database.MultiAZ {
		add("One database instance: its failure stops orders until Aurora has made a new one (up to ten minutes).")
	}
	if p.Users > moreReplicasAbove {
		add("db.r6g.16xlarge is the largest class: only reads still spread (%d replicas). Watch the writer.",
			p.Database.ReadReplicas)
	}
	if c := p.Connections; c.Database > c.DatabaseLimit {
		add("At its maximum the platform opens %d connections to the proxy, which multiplexes them onto at most %d.",
			c.Database, c.DatabaseLimit)
	}
	if c := p.Connections; c.Valkey > c.ValkeyLimit {
		add("At its maximum the platform opens %d connections to Valkey, which takes %d.", c.Valkey, c.ValkeyLimit)
	}
	if n := p.Network.NATAddresses; n > 1 {
		add("Sessions to one broker address need %d public addresses on each NAT gateway (55,000 connections each, "+
			"one zone lost).", n)
	}
	if p.API.MaxTasks == maxTasksPerService {
		add("The API service ends at %d tasks (an ECS limit that cannot be raised).", maxTasksPerService)
	}
	if p.Features.ShieldAdvanced {
		add("Shield Advanced is a one-year subscription of USD 3,000 a month for the whole organisation: protections " +
			"are made only when account.shieldSubscription says that it exists.")
	}
	return out
}
