package claim

// gaps are the times in which the index was deaf. What it has not heard in one says nothing about a single host: it was
// away, or nobody reached it, or it goes on with a replica's data, in which the last beats before the failover are missing.
// After each, a worker may act as long as if it had beaten at the gap's end.
type gaps struct {
	attended int64 // when a host or a round was here last; 0: none has been
	end      int64 // of the last gap
	first    int64 // the end of the first of several that followed within a lease
}

// attend notes that somebody is here. Rounds come several times a second and hosts beat, so if nobody was here for longer
// than the guard, that was a gap. One that is shorter is covered by the guards: see settings.Lease.
func (g *gaps) attend(now int64, t Terms) {
	if g.attended != 0 && t.Guard > 0 && now-g.attended > millis(t.Guard) {
		g.close(now, t)
	}
	g.attended = now
}

// close ends a gap, or moves the end of one that goes on.
func (g *gaps) close(now int64, t Terms) {
	if now > g.end+millis(t.TTL+t.Guard) {
		g.first = now
	}
	g.end = now
}

// spare says whether nobody may be given up for a lease: until every worker that beat in a gap has had the time to beat
// again, or has stopped by itself. Gaps without end spare nobody for longer than the hold.
func (g *gaps) spare(now int64, t Terms) bool {
	return now <= min(g.end, g.first+millis(t.Hold))+millis(t.TTL+t.Guard)
}

// unsure says whether what is known of a worker that was heard of last at a time may have been overtaken: by words that were
// lost in a gap which has ended since, or that nobody has closed yet.
func (g *gaps) unsure(heard, now int64, t Terms) bool {
	return heard < g.end || g.attended != 0 && t.Guard > 0 && now-g.attended > millis(t.Guard)
}

// unheard says whether all hosts have been silent for so long that beats were missed: half of the time for which a worker
// trusts one, which no beat's period exceeds. A parked host's silence is none; that of the others is.
func (x *Index) unheard(now int64, t Terms) bool {
	last, known := int64(0), false
	for _, heard := range x.hosts {
		if heard <= now { // else it is parked
			last, known = max(last, heard), true
		}
	}
	return known && 2*(now-last) > millis(t.TTL-t.Guard)
}
