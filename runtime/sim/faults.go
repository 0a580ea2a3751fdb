package sim

import "time"

// faults are what a seed draws: how often calls go wrong, and how often in a minute something happens.
type faults struct {
	index, database, mail, exchange, cloud rates
	drift                                  float64
	throttled                              float64
	repeats, delays                        float64
	witness                                float64 // part of the ends of workers that the cluster tells
	restored                               bool    // the database is put back, once
	// per minute
	kill, pauses, agents, polite, freeze, hosts, keepers, fronts, cuts, outage, flush, halts, failover, reports, restarts, drains, ages, bars, scales, reboots, steps, outs float64
}

// drawFaults draws the faults of one history: each kind is in it or not, so that some are alone and some meet.
func (w *world) drawFaults() {
	some := func(most float64) float64 {
		if w.chance(0.5) {
			return 0
		}
		return most * w.random.Float64()
	}
	calls := func(most float64) rates { return rates{some(most), some(most), some(most), some(most)} }
	w.faults = faults{
		index: calls(0.06), database: calls(0.06), mail: calls(0.06), exchange: calls(0.1), cloud: calls(0.1),
		drift: some(0.01), throttled: some(0.2), repeats: some(0.2), delays: some(0.2), witness: some(1),
		kill: some(6), pauses: some(6), agents: some(3), polite: some(2), freeze: some(2), hosts: some(1), keepers: some(4), fronts: some(3),
		cuts: some(4), outage: some(2), flush: some(1), halts: some(2), failover: some(2), reports: some(1), restarts: some(2), drains: some(1), ages: some(1), bars: some(2),
	}
	w.faults.restored = w.chance(0.2)
	w.faults.scales, w.faults.reboots, w.faults.steps, w.faults.outs = some(8), some(3), some(3), some(2)
}

// quiet ends all faults: what follows has to come to rest.
func (w *world) quiet() {
	w.faults = faults{}
	w.apply()
	w.index.stopped = true
	for _, s := range w.services() {
		s.down = 0
	}
	for _, h := range w.hosts {
		h.state.Ending, h.state.Outdated = false, false
		h.setClock(-h.step)
	}
	for _, u := range w.users {
		u.renew()
	}
	for _, p := range w.processes {
		p.cut = 0
		p.paused = 0
	}
}

// apply gives the services their rates.
func (w *world) apply() {
	f := w.faults
	w.index.rates, w.database.rates, w.mail.rates, w.exchange.rates, w.cloud.rates = f.index, f.database, f.mail, f.exchange, f.cloud
	w.exchange.rates.twice = 0 // no client of an exchange repeats a call by itself
	w.mail.repeats, w.mail.delays = f.repeats, f.delays
}

// often has something happen at random moments, so many times a minute, while there are faults.
func (w *world) often(perMinute float64, happens func()) {
	if perMinute == 0 {
		return
	}
	pause := time.Duration(w.random.ExpFloat64() * float64(time.Minute) / perMinute)
	w.after(pause, func() {
		if w.at >= w.stormy {
			return
		}
		happens()
		w.often(perMinute, happens)
	})
}

// storm begins what happens to processes and servers.
func (w *world) storm() {
	f := w.faults
	lease := w.terms.TTL + w.terms.Guard
	w.often(f.kill, func() {
		if v := w.anyWorker(); v != nil {
			v.say(v.name, "is killed")
			v.die()
		}
	})
	w.often(f.pauses, func() {
		if v := w.anyWorker(); v != nil {
			d := w.between(0, 2*lease)
			v.say(v.name, "is stopped for %s", d)
			v.pause(d)
		}
	})
	w.often(f.agents, func() { w.anyHost().stopAgent(false, w.between(0, lease)) })
	w.often(f.polite, func() { w.anyHost().stopAgent(true, w.between(time.Second, w.terms.TTL)) })
	w.often(f.freeze, func() {
		h, d := w.anyHost(), w.between(0, 2*lease)
		h.say(string(h.name), "the agent is stopped for %s", d)
		if h.agent != nil {
			h.agent.pause(d)
		}
		if w.chance(0.5) {
			for _, v := range h.workers {
				v.pause(d)
			}
		}
	})
	w.often(f.hosts, func() {
		if len(w.hosts) > 1 {
			w.anyHost().lose()
		}
	})
	w.often(f.keepers, func() { w.loseKeeper(w.random.IntN(len(w.keepers))) })
	w.often(f.fronts, func() { w.loseFront(w.random.IntN(len(w.fronts))) })
	w.often(f.cuts, func() {
		p := w.processes[w.random.IntN(len(w.processes))]
		d := w.between(0, 2*lease)
		p.say(p.name, "is cut off for %s", d)
		p.cut = p.at + d
	})
	w.often(f.outage, func() {
		s := w.services()[w.random.IntN(len(w.services()))]
		s.down = w.at + w.between(0, lease)
		w.say(s.name, "is away until %s", s.down)
	})
	w.often(f.flush, func() {
		w.say("index", "loses everything")
		w.index.flush()
		w.mail.flush()
	})
	w.often(f.reports, func() { w.cloud.report(w.anyHost().name) })
	w.often(f.restarts, func() { w.users[w.random.IntN(len(w.users))].restart() })
	w.often(f.drains, func() {
		if len(w.hosts) > 1 {
			w.anyHost().giveUp(w.chance(0.3))
		}
	})
	w.often(f.ages, func() { w.anyHost().age() })
	w.often(f.bars, func() { w.users[w.random.IntN(len(w.users))].bar() })
	w.often(f.scales, w.cloud.scale)
	w.often(f.reboots, func() { w.anyHost().reboot() })
	w.often(f.steps, func() { w.anyHost().setClock(w.between(-2*lease, 2*lease)) })
	w.often(f.outs, func() { w.anyHost().takeOut() })
	w.often(f.halts, w.halt)
	if f.restored {
		w.after(w.between(0, storms-20*time.Second), w.backUp)
	}
	w.often(f.failover, w.failover)
	if f.failover > 0 {
		w.index.copying()
	}
}

// failover has the index go on after a while with data and a clock of its own. Writes are lost only where a primary dies,
// which nobody notices sooner than within a guard; and servers' clocks are closer together than that.
func (w *world) failover() {
	lost, guard := w.between(0, 2*time.Second), w.terms.Guard
	w.index.failover(lost)
	w.index.down = w.at + w.between(3*guard/2, w.terms.TTL+guard)
	w.index.skew += w.between(-guard/2, guard/2)
	w.say("index", "fails over until %s, and loses %s", w.index.down, lost)
}

// loseKeeper ends one, or stops it for a while; another one comes.
func (w *world) loseKeeper(i int) {
	k := w.keepers[i]
	if w.chance(0.4) {
		d := w.between(0, 2*(w.terms.TTL+w.terms.Guard))
		k.say(k.name, "is stopped for %s", d)
		k.pause(d)
		return
	}
	k.say(k.name, "is killed")
	k.kill()
	w.after(w.between(0, 20*time.Second), func() {
		if k == w.keepers[i] && !w.stopped {
			w.keepers[i] = w.startKeeper(k.name)
		}
	})
}

func (w *world) loseFront(i int) {
	d := w.fronts[i]
	d.say(d.name, "is killed")
	d.kill()
	w.after(w.between(0, 10*time.Second), func() {
		if d == w.fronts[i] && !w.stopped {
			w.fronts[i] = w.newDesk(w.process(d.name))
		}
	})
}

// anyHost is one of those that are there; the last one is never lost, so that there is one.
func (w *world) anyHost() *host { return w.hosts[w.random.IntN(len(w.hosts))] }

func (w *world) anyWorker() *worked {
	h := w.anyHost()
	if len(h.workers) == 0 {
		return nil
	}
	return h.workers[w.random.IntN(len(h.workers))]
}
