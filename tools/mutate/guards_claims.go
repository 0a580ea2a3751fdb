package main

// claims are the guards of the claims: who acts for a user.
func claims() []guard {
	return []guard{
		{"epochs only rise, also over a lost index", "the floor in `NextEpoch`",
			"runtime/fleet/epoch.go", "return max(last+1, floor, Epoch(nowMillis)*ticks)",
			"return max(last+1, Epoch(nowMillis)*ticks)", "./runtime/fleet", "TestNextEpochRises"},
		{"… and the row refuses what is not above it", "`Begin`",
			"runtime/session/memory.go", `	case r.Epoch >= s.Epoch:
		return &Outdated{Row: r.Epoch}
`,
			"", "./runtime/session", "TestMemory"},
		{"a user has one worker", "`registerBusy` asks whether the user is taken",
			"runtime/claim/index_hosts.go", "if _, taken := x.users[r.User]; taken || w != nil {",
			"if w != nil {", "./runtime/claim", "TestMemory"},
		{"a worker has one user: it is the judge of its own occupancy", "`assign`",
			"runtime/worker/machine.go", `	case m.state != Idle:
		return refuse("occupied")
`,
			"", "./runtime/worker", "TestTheWorkerIsTheJudgeOfItsOccupancy|TestMachineLaws"},
		{"only its own report makes a worker free", "`registerIdle` passes over a word that is older than the assignment",
			"runtime/claim/index_hosts.go", `		case Assigned, Draining:
`,
			`		case Draining:
`, "./runtime/claim", "TestMemory"},
		{"… and a session is not idle within its life", "`registerIdle`",
			"runtime/claim/index_hosts.go", `		case Serving, Returned:
			return Fenced
`,
			`		case Returned:
			return Fenced
`, "./runtime/claim", "TestMemory"},
		{"who confirms an epoch that is not current is fenced", "the epoch in `Confirm`",
			"runtime/claim/index_hosts.go", `	case w == nil || w.Life != life || w.Epoch != epoch || w.User == "":
`,
			`	case w == nil || w.Life != life || w.User == "":
`, "./runtime/claim", "TestMemory"},
		{"who beats under an epoch that is not current is fenced", "the epoch in `standing`",
			"runtime/claim/index_hosts.go", `		case b.Epoch == w.Epoch: // an acknowledgement is on its way, or was lost
`,
			`		case b.Epoch != 0:
`, "./runtime/claim", "TestMemory"},
		{"… or in a life that is over", "the life in `standing`",
			"runtime/claim/index_hosts.go", `	case b.Life < w.Life:
		return Fenced
	case b.Life > w.Life:`,
			`	case b.Life < w.Life:
		return Ok
	case b.Life > w.Life:`, "./runtime/claim", "TestMemory"},
		{"a release ends the session that it names", "the epoch in `Release`",
			"runtime/claim/index.go", `	case s.epoch > epoch:
		return ErrFenced
	}
	delete(x.users, user)`,
			`	}
	delete(x.users, user)`, "./runtime/claim", "TestMemory"},
		{"no login before the confirmation", "`Accepted` in `assign`",
			"runtime/worker/machine.go", "m.state, m.user, m.epoch, m.credentials = Accepted, msg.User, msg.Epoch, credentials",
			"m.state, m.user, m.epoch, m.credentials = Serving, msg.User, msg.Epoch, credentials", "./runtime/worker", "TestMachineLaws|TestLoginNeedsTheConfirmation"},
		{"no call begins after the lease", "`MayCall`",
			"runtime/worker/lease.go", "return now < l.Until() }",
			"return l.sent != 0 }", "./runtime/worker", "TestLeaseLaw|TestMachineLaws"},
		{"the lease counts from the sending of the beat", "`Prolong`",
			"runtime/worker/lease.go", `		l.sent = max(l.sent, sent)`,
			`		l.sent = max(l.sent, now)`, "./runtime/worker", "TestLeaseCountsFromTheSending"},
		{"a worker is dropped after lease and guard", "`Reap`",
			"runtime/claim/index_passes.go", "if x.lease[worker]+millis(t.Guard) >= now || seen == ReapWindow || spare {",
			"if x.lease[worker]-millis(2*t.Guard) >= now || seen == ReapWindow || spare {", "./runtime/claim", "TestMemory"},
		{"nobody is given up for what a deaf index has not heard", "`spare`",
			"runtime/claim/index_gaps.go", "return now <= min(g.end, g.first+millis(t.Hold))+millis(t.TTL+t.Guard)",
			"return now < 0", "./runtime/claim", "TestMemory"},
		{"… nor while no host is heard", "`unheard`",
			"runtime/claim/index_passes.go", `	if x.unheard(now, t) {
`,
			`	if x.unheard(0, t) {
`, "./runtime/claim", "TestMemory"},
		{"… though not for ever", "the hold in `spare`",
			"runtime/claim/index_gaps.go", "min(g.end, g.first+millis(t.Hold))",
			"g.end", "./runtime/claim", "TestMemory"},
		{"the database is asked about a session whose worker's word comes late", "the lease in `affirm`",
			"runtime/claim/index_hosts.go", "	case w.State == Assigned, w.State == Serving && x.lease[id]+millis(t.Guard) < now:\n",
			"	case w.State == Assigned:\n", "./runtime/claim", "TestMemory"},
		{"… and about a late acknowledgement", "the deadline in `affirm`",
			"runtime/claim/index_hosts.go", "	case w.State == Assigned && x.ack[id] >= now:\n",
			"	case w.State == Assigned:\n", "./runtime/claim", "TestMemory"},
		{"an assignment expires only when its worker says that it is idle", "`Expire` waits for a beat",
			"runtime/claim/index_passes.go", "heard := x.lease[string(worker)] - millis(t.TTL); heard <= due ||",
			"heard := x.lease[string(worker)] - millis(t.TTL); heard < 0 ||", "./runtime/claim", "TestMemory"},
		{"… and an acknowledgement that was lost is said again", "`affirm` of a beat or a registration",
			"runtime/claim/index_hosts.go", `		x.serve(w)
	case w.State == Assigned,`,
			`	case w.State == Assigned,`, "./runtime/claim", "TestMemory"},
		{"a user is taken over after lease and guard", "the wait in `Begin`",
			"runtime/session/memory.go", "left := r.takeover.Add(wait).Sub(now); left > 0 {",
			"left := r.takeover.Add(wait).Sub(now); left > wait {", "./runtime/session", "TestMemory"},
		{"… or on proof that the worker is gone", "`begin` asks the index",
			"runtime/session/sessions.go", `		return s.Directory.Gone(ctx, occupied.By.Worker, occupied.By.Life)
`,
			`		return occupied != nil, nil
`, "./runtime/session", "TestPredecessorIsAwaited"},
		{"… which is none once it has returned", "`put` forgets it",
			"runtime/claim/index_hosts.go", `	delete(x.exited, exit(r.Worker, r.Life)) // it has returned: its lease ran out, and no more
`,
			"", "./runtime/claim", "TestMemory"},
		{"… and not if it returned since", "`Fence` compares what it read",
			"runtime/session/memory.go", " || !r.open || r.affirmed != seen {",
			" || !r.open || r.affirmed < seen {", "./runtime/session", "TestMemory"},
		{"a takeover that nobody completed begins anew", "`begin` of a row",
			"runtime/session/memory.go", "if r.takeover.IsZero() || now.Sub(r.takeover) > wait+TakeoverKept {",
			"if r.takeover.IsZero() {", "./runtime/session", "TestTakeoverGrowsOld"},
		{"a returned session waits for the database", "`Pending` in `affirm`",
			"runtime/claim/index_hosts.go", `		return Pending
	}
`,
			`		return Ok
	}
`, "./runtime/claim", "TestMemory"},
		{"… also for an acknowledgement that was on its way", "`ErrPending` in `Confirm`",
			"runtime/claim/index_hosts.go", `	case w.State != Serving && x.affirm(now, w, Terms{}) == Pending:
		return ErrPending
	}
`,
			`	}
	x.serve(w)
`, "./runtime/claim", "TestMemory"},
		{"… which agrees to the session that it has open", "`agree`",
			"runtime/keeper/keeper.go", `	if kept {
`,
			`	if kept = true; kept {
`, "./runtime/keeper", "TestReturnedWithoutRight"},
		{"an acknowledgement waits for a confirmed beat after each hello", "`doubt` in the roster's `confirm`",
			"runtime/agent/standings.go", " || m.confirming == m.Epoch || m.doubt {",
			" || m.confirming == m.Epoch {", "./runtime/agent", "TestDoubt"},
		{"what was accepted and is not current ends", "`accepted` in the roster",
			"runtime/agent/roster.go", `		return []effect{say{m.link, hostlink.Message{Kind: hostlink.Fenced, Life: m.Life, Epoch: said.Epoch}}}
`,
			`		return nil
`, "./runtime/agent", "TestOvertakenAcceptance"},
		{"a lost index waits before it opens", "`rebuild`",
			"runtime/keeper/rebuild.go", "early := census.ClosedFor <= wait",
			"early := census.ClosedFor < 0", "./runtime/keeper", "TestRebuildWithoutSome"},
		{"… from when it was first seen closed", "`Reap` keeps that moment with the data",
			"runtime/claim/index_passes.go", `if x.incarnation == "" && x.closed == 0 {`,
			`if x.incarnation == "" {`, "./runtime/claim", "TestMemory"},
		{"who began or was affirmed lately is not doubted", "`Doubt`",
			"runtime/session/memory.go", "if r.open && m.now().Sub(r.began) >= lately {",
			"if r.open {", "./runtime/session", "TestMemory"},
		{"an assignment is taken back only on a word that came after the last gap", "`unsure` in `Expire`",
			"runtime/claim/index_passes.go", "heard <= due || x.gaps.unsure(heard, now, t) {",
			"heard <= due {", "./runtime/claim", "TestMemory"},
		{"… and undone", "`unsure` in `Undo`",
			"runtime/claim/index.go", "	if x.gaps.unsure(x.lease[string(w.ID)]-millis(t.TTL), now, t) {\n",
			"	if false {\n", "./runtime/claim", "TestMemory"},
		{"parking is no word of a worker that has not acknowledged", "`Assigned` in `Park`",
			"runtime/claim/index_hosts.go", "if w == nil || w.Host != name || w.State == Assigned {",
			"if w == nil || w.Host != name {", "./runtime/claim", "TestMemory"},
		{"… nor of one that is assigned later: nobody is bound to a parked worker", "`withdraw` in `Park`",
			"runtime/claim/index_hosts.go", "		if w.State == Warm {\n			x.withdraw(worker)\n",
			"		if w.State == Warm {\n", "./runtime/claim", "TestMemory"},
		{"… and its registration ends the parking", "the lease in `put`",
			"runtime/claim/index_hosts.go", "	x.lease[string(r.Worker)] = now + millis(t.TTL) // it is parked no longer\n",
			"	x.prolong(now, r.Worker, t)\n", "./runtime/claim", "TestMemory"},
		{"a session that the index does not know is given a lease to come back", "`patience`",
			"runtime/keeper/forgotten.go", "return int((k.Terms.TTL+k.Terms.Guard)/k.Period) + 1",
			"return 0", "./runtime/keeper", "TestReturningIsNotRecalled"},
		{"… and its user is not served who has left", "`recall`",
			"runtime/keeper/forgotten.go", "	case !open || current != s:\n",
			"	case current != s && open:\n", "./runtime/keeper", "TestLeavingIsNotRecalled"},
		{"too many silent hosts are not reaped unasked", "`silentAllowed`",
			"runtime/claim/terms.go", "return min(max(1, (registered+9)/10), registered-1)",
			"return registered", "./runtime/claim", "TestMemory"},
		{"nobody is bound to a worker whose lease has run out", "`match`",
			"runtime/claim/index.go", `		if x.lease[worker] < now {
`,
			`		if x.lease[worker] < 0 {
`, "./runtime/claim", "TestMemory"},
		{"nobody gets a host that an operator has taken out, though it was silent meanwhile", "the mark in `forget`",
			"runtime/claim/index_passes.go", "if x.drains.hosts[name] != ByOperator {",
			"if true {", "./runtime/claim", "TestMemory"},
		{"an undo spares what somebody has delivered", "`Sent` in `Undo`",
			"runtime/claim/index.go", "|| w.State != Assigned || w.Sent {",
			"|| w.State != Assigned {", "./runtime/claim", "TestMemory"},
		{"one plan is decided on once", "the version in `Reserve`",
			"runtime/claim/index_launching.go", `	if p.Seen != l.version || left < 0 {`,
			`	if left < 0 {`, "./runtime/claim", "TestMemory"},
		{"calls are taken from one bucket", "`left` in `Reserve`",
			"runtime/claim/index_launching.go", `	if p.Seen != l.version || left < 0 {`,
			`	if p.Seen != l.version {`, "./runtime/claim", "TestMemory"},
		{"what was launched counts as coming", "`Stock`",
			"runtime/claim/index_launching.go", "if deadline := x.launching.due[member]; deadline > now {",
			"if deadline := x.launching.due[member]; deadline > 2*now {", "./runtime/claim", "TestMemory"},
		{"what hands a binding on finishes that one alone", "the epoch in `PoolClaim`",
			"runtime/control/control.go", "if task.Epoch != 0 {",
			"if false {", "./runtime/control", "TestWakeMeansAnEpoch"},
		{"… unless somebody has delivered it", "`Sent` in `finish`",
			"runtime/control/control.go", " || w.State != claim.Assigned || w.Sent {",
			" || w.State != claim.Assigned {", "./runtime/control", "TestWakeMeansAnEpoch"},
		{"whose end the cluster tells is fenced before anybody is served", "`fence` in `ended`",
			"runtime/control/control.go", `	if err := c.fence(ctx, lost); err != nil {
		return`,
			`	if err := c.fence(ctx, nil); err != nil {
		return`, "./runtime/control", "TestTheDeadAreFencedFirst"},
	}
}
