package claim

import "workerfleet/runtime/fleet"

// Register: see [Hosts].
func (x *Index) Register(now int64, r Registration, t Terms) Standing {
	x.hostSeen(now, r.Host, t)
	w := x.workers[r.Worker]
	switch {
	case w != nil && r.Life < w.Life:
		return Fenced
	case r.Idle():
		return x.registerIdle(now, w, r, t)
	default:
		return x.registerBusy(now, w, r, t)
	}
}

// registerIdle frees a worker on its own word. Within one life that word counts only where it cannot be older than
// what the index knows: an assigned worker may have said it before it was assigned, and a serving one cannot be idle
// before its next life. One that is draining stays so.
func (x *Index) registerIdle(now int64, w *Worker, r Registration, t Terms) Standing {
	if w != nil && r.Life == w.Life {
		switch w.State {
		case Assigned, Draining:
			x.prolong(now, w.ID, t)
			return Ok
		case Serving, Returned:
			return Fenced
		}
	}
	var epoch fleet.Epoch
	if w != nil {
		x.unbind(w)
		epoch = w.Epoch
	}
	x.put(now, r, t)
	fresh := x.workers[r.Worker]
	fresh.State, fresh.Epoch = Warm, epoch
	x.offer(now, fresh)
	x.match(now, t)
	return Ok
}

// registerBusy takes back a worker that is in a session. One that the index has a record of goes on: its agent was
// replaced. One that it has none of is only returned, because its session may have ended meanwhile: the database knows.
func (x *Index) registerBusy(now int64, w *Worker, r Registration, t Terms) Standing {
	if w != nil && r.Life == w.Life {
		if w.User != r.User || w.Epoch != r.Epoch {
			return Fenced
		}
		w.Host = r.Host
		x.affirm(now, w, t)
		x.prolong(now, w.ID, t)
		return Ok
	}
	if _, taken := x.users[r.User]; taken || w != nil {
		return Fenced
	}
	x.put(now, r, t)
	fresh := x.workers[r.Worker]
	fresh.State, fresh.User, fresh.Epoch, fresh.Sent = Returned, r.User, r.Epoch, true
	x.ack[string(r.Worker)] = now + millis(t.Acknowledge)
	x.users[r.User] = session{r.Worker, r.Epoch}
	x.leave(r.User)
	x.last = max(x.last, r.Epoch)
	return Ok
}

func (x *Index) put(now int64, r Registration, t Terms) {
	x.launching.forget(string(r.Worker))
	x.withdraw(r.Worker)
	delete(x.exited, exit(r.Worker, r.Life)) // it has returned: its lease ran out, and no more
	x.workers[r.Worker] = &Worker{ID: r.Worker, Host: r.Host, Life: r.Life, Revision: r.Revision, Key: r.Key}
	x.lease[string(r.Worker)] = now + millis(t.TTL) // it is parked no longer
}

// preference orders idle workers: the newest image first, then the host with the most workers, so that old images and
// nearly empty hosts run out of users and can be retired. It is fixed when the worker becomes idle.
func (x *Index) preference(of Worker) int64 {
	beside := int64(0)
	for _, w := range x.workers {
		if w.Host == of.Host {
			beside++
		}
	}
	return -(of.Revision*BeatLimit + min(beside, BeatLimit-1))
}

func (x *Index) hostSeen(now int64, name fleet.Host, t Terms) {
	x.gaps.attend(now, t)
	x.hosts[string(name)] = now
}

func (x *Index) prolong(now int64, worker fleet.Worker, t Terms) {
	x.lease.raise(string(worker), now+millis(t.TTL))
}

// Beat: see [Hosts].
func (x *Index) Beat(now int64, host fleet.Host, beats []Beat, t Terms) []Standing {
	x.hostSeen(now, host, t)
	standings := make([]Standing, len(beats))
	for i, b := range beats {
		standings[i] = x.standing(now, host, b, t)
	}
	for i, b := range beats {
		if x.workers[b.Worker] != nil && standings[i] != Fenced {
			x.prolong(now, b.Worker, t)
		}
	}
	return standings
}

// standing compares a beat with what the index holds.
func (x *Index) standing(now int64, host fleet.Host, b Beat, t Terms) Standing {
	w := x.workers[b.Worker]
	switch {
	case w == nil || w.Host != host && b.Life >= w.Life:
		return Announce
	case b.Life < w.Life:
		return Fenced
	case b.Life > w.Life:
		return Announce
	}
	switch w.State {
	case Warm:
		if b.Epoch != 0 {
			return Fenced
		}
		_, free := x.free[string(w.ID)]
		if _, held := x.drains.held[string(w.ID)]; free || held {
			return Ok
		}
		return Announce
	case Draining:
		if b.Epoch != 0 {
			return Fenced
		}
		return Ok
	case Assigned, Serving, Returned:
		switch {
		case b.Epoch == w.Epoch: // an acknowledgement is on its way, or was lost
			return x.affirm(now, w, t)
		case b.Epoch == 0 && w.State == Assigned:
			return Ok
		}
		return Fenced
	default: // Resetting
		if b.Epoch == 0 {
			return Announce
		}
		return Fenced
	}
}

// affirm takes a worker's word that it is in the session that the index knows. Of one that comes so late that the session
// may have been ended – an assignment after its deadline, a session after lease and guard – the index may have forgotten
// that it was: a failover loses the last writes. The database has not forgotten, and is asked, as if the worker had returned.
func (x *Index) affirm(now int64, w *Worker, t Terms) Standing {
	id := string(w.ID)
	switch {
	case w.State == Assigned && x.ack[id] >= now:
		x.serve(w)
	case w.State == Assigned, w.State == Serving && x.lease[id]+millis(t.Guard) < now:
		w.State, x.ack[id] = Returned, now
	}
	if w.State == Returned {
		return Pending
	}
	return Ok
}

// Confirm: see [Hosts].
func (x *Index) Confirm(now int64, worker fleet.Worker, life fleet.Life, epoch fleet.Epoch) error {
	w := x.workers[worker]
	switch {
	case w == nil || w.Life != life || w.Epoch != epoch || w.User == "":
		return ErrFenced
	case w.State != Serving && x.affirm(now, w, Terms{}) == Pending:
		return ErrPending
	}
	return nil
}

// Agree: see [Passes].
func (x *Index) Agree(worker fleet.Worker, life fleet.Life, epoch fleet.Epoch) error {
	w := x.workers[worker]
	if w == nil || w.Life != life || w.Epoch != epoch || w.State != Returned && w.State != Serving {
		return ErrFenced
	}
	x.serve(w)
	return nil
}

func (x *Index) serve(w *Worker) {
	w.State = Serving
	delete(x.ack, string(w.ID))
}

// Exit: see [Hosts].
func (x *Index) Exit(now int64, worker fleet.Worker, life fleet.Life, t Terms) (Death, error) {
	w := x.workers[worker]
	switch {
	case w == nil:
		x.remember(now, exit(worker, life))
		return Death{Worker: worker, Life: life}, nil
	case w.Life > life:
		return Death{}, ErrFenced
	}
	d := x.drop(now, w, t)
	x.match(now, t)
	return d, nil
}

// remember keeps a dropped worker's life as proof for whoever takes its user over; the oldest are forgotten.
func (x *Index) remember(now int64, life string) {
	x.exited[life] = now
	for len(x.exited) > GoneLimit {
		oldest, _ := x.exited.least()
		delete(x.exited, oldest)
	}
}

// drop forgets a worker, ends its session and puts its user at the head of the queue.
func (x *Index) drop(now int64, w *Worker, t Terms) Death {
	d := Death{Worker: w.ID, Host: w.Host, Life: w.Life}
	if w.User != "" {
		d.User, d.Epoch = w.User, w.Epoch
	}
	x.unbind(w)
	delete(x.workers, w.ID)
	x.withdraw(w.ID)
	delete(x.drains.leaving, w.ID)
	delete(x.lease, string(w.ID))
	x.remember(now, exit(w.ID, w.Life))
	if _, bound := x.users[d.User]; d.User != "" && !bound {
		x.waiting[string(d.User)] = now - millis(LongestBonus)
		x.renew[string(d.User)] = now + millis(t.Renew)
	}
	return d
}

// Park: see [Hosts]. What a lease says of a parked worker is no word of it. So one that has not acknowledged its assignment is
// not parked, and idle ones are given to nobody before they are heard of again.
func (x *Index) Park(now int64, name fleet.Host, workers []fleet.Worker, silence int64) {
	x.hosts[string(name)] = now + silence
	for _, worker := range workers {
		w := x.workers[worker]
		if w == nil || w.Host != name || w.State == Assigned {
			continue
		}
		if w.State == Warm {
			x.withdraw(worker)
		}
		x.lease.raise(string(worker), now+silence)
	}
}
