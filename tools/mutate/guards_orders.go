package main

// orders are the guards of the orders: each once, in its user's sequence.
func orders() []guard {
	return []guard{
		{"one key of a user is one order", "`accept` finds the order that the key has",
			"runtime/order/accept.go", "if known := s.byKey(d.Key); known != nil {",
			`if known := s.byKey(d.Key); known != nil && d.Key == "" {`, "./runtime/order", "TestMemory|TestLaws"},
		{"… with one content", "`accept` compares the digest",
			"runtime/order/accept.go", "if known.Digest != d.Digest() {",
			`if known.Digest == "" {`, "./runtime/order", "TestMemory"},
		{"only the marked worker and the user's current one speak for an order", "the epochs in `apply`",
			"runtime/order/apply.go", "if o.User != s.User || o.Epoch == 0 || o.Epoch != r.Epoch && o.Epoch != s.Session.Epoch {",
			"if o.User != s.User || o.Epoch == 0 {", "./runtime/order", "TestMemory|TestLaws"},
		{"“not sent” is the marked worker's word", "the epoch in `unsent`",
			"runtime/order/apply.go", "if o.Epoch != r.Epoch || !r.InFlight() {",
			"if !r.InFlight() {", "./runtime/order", "TestMemory"},
		{"“not there” is the current one's", "the epoch in `absent`",
			"runtime/order/apply.go", "if o.Epoch != s.Session.Epoch || !r.InFlight() {",
			"if !r.InFlight() {", "./runtime/order", "TestMemory"},
		{"a late word is not the answer to a later mark", "`Heard` in `apply`",
			"runtime/order/apply.go", "o.Epoch == r.HeardEpoch && o.Number <= r.Heard || ",
			"", "./runtime/order", "TestMemory"},
		{"… of an earlier session either", "`HeardEpoch` in `apply`",
			"runtime/order/apply.go", "if o.Epoch < r.HeardEpoch || o.Epoch",
			"if o.Epoch", "./runtime/order", "TestMemory"},
		{"… and no refusal of an earlier mark", "`refusal` in `apply`",
			"runtime/order/apply.go", `refusal := o.State == fleet.OutcomeRejected && o.BrokerID == "" &&`,
			"refusal := o.State == fleet.OutcomeRejected && o.Epoch == 0 &&", "./runtime/order", "TestMemory"},
		{"one order of a user is on its way", "`InFlight` in `mark`",
			"runtime/order/accept.go", `		case r.InFlight():
			return
		case r.State != Accepted:`,
			`		case r.State != Accepted:`, "./runtime/order", "TestMemory|TestLaws"},
		{"an order whose worker is gone is looked up, not sent", "`look` makes it unknown",
			"runtime/order/check.go", `		s.move(r, Unknown, "its worker has not answered")
		s.lookUp(r)
`,
			`		s.ask(r, fleet.MailOrder, firstRepeat)
`, "./runtime/order", "TestMemory|TestLaws"},
		{"… as soon as the session is another", "the epoch in `look`",
			"runtime/order/check.go", "case r.State == Dispatched && r.Epoch == s.Session.Epoch && s.Now.Before(r.EmitBy):",
			"case r.State == Dispatched && s.Now.Before(r.EmitBy):", "./runtime/order", "TestMemory"},
		{"… and by the user's next one, if the session was ended", "`Look` asks the index",
			"runtime/dispatch/passes.go", "if len(next.Mail) > 0 { // all",
			"if len(next.Mail) > 1<<20 { // all", "./runtime/dispatch", "TestOrderOutlivesItsSession"},
		{"an order that is not there is sent again only where the broker refuses repeats", "`Resend` in `absent`",
			"runtime/order/apply.go", "case wanted && o.Resend && s.Now.Before(r.ValidUntil):",
			"case wanted && s.Now.Before(r.ValidUntil):", "./runtime/order", "TestMemory|TestLaws"},
		{"… and ends only when no call can land", "`settled` in `absent`",
			"runtime/order/apply.go", `	case asked.Before(settled):
`,
			`	case asked.Before(settled) && r.Leg == 9:
`, "./runtime/order", "TestMemory|TestLaws"},
		{"… after which it is looked up once more", "`conclude`",
			"runtime/order/apply.go", `	r.CheckAt = s.Now.Add(lateLook)
`,
			"", "./runtime/order", "TestMemory"},
		{"an order in doubt never ends without a look-up", "`endUnlessDoubted`",
			"runtime/order/accept.go", `	if !r.Doubted {
`,
			`	if r != nil {
`, "./runtime/order", "TestMemory|TestLaws"},
		{"each execution counts once", "`addFills`",
			"runtime/order/record.go", "k.Leg == leg && k.ID == f.ID",
			`k.Leg == leg && k.ID == ""`, "./runtime/order", "TestMemory|TestLaws"},
		{"a reversal that nobody waits for ends half-way", "`closing` looks at `InFlight`",
			"runtime/order/apply.go", `	case state == Filled && !r.InFlight():`,
			`	case state == Filled && r.Leg == 9:`, "./runtime/order", "TestMemory"},
		{"a reversal whose second leg's word comes first is not sent again", "`Leg` in `unsent`",
			"runtime/order/apply.go", "case o.Leg == 2 || r.Leg == 2:",
			"case r.Leg == 2:", "./runtime/order", "TestMemory"},
		{"switched off, nothing is accepted", "`off` in `accept`",
			"runtime/order/accept.go", `	case s.off() != nil:
		return nil, s.off()
`,
			"", "./runtime/order", "TestMemory"},
		{"… or marked", "`off` in `mark`",
			"runtime/order/accept.go", "if off := s.off() != nil; off ||",
			"if off := false; off ||", "./runtime/order", "TestMemory|TestLaws"},
		{"… or begun", "`halted` in `tooLate`",
			"runtime/worker/emit.go", "case m.trade.halted || j.withdrawn:",
			"case m.trade.halted && j.cancel || j.withdrawn:", "./runtime/worker", "TestNoCall|TestTradeLaws"},
		{"an outcome stays in the inbox until it is committed", "`Settle` comes after `Commit`",
			"runtime/dispatch/passes.go", `		if err != nil {
			return err
		}
		err = errors.Join(d.Follow`,
			`		if err != nil {
			return errors.Join(err, d.Inbox.Settle(ctx, ids))
		}
		err = errors.Join(d.Follow`, "./runtime/dispatch", "TestOutcomesStayUntilCommitted"},
		{"… with the agent", "`republish`",
			"runtime/agent/outcomes.go", "now.Sub(k.published) > republishPause:",
			"now.Sub(k.published) > outcomePatient:", "./runtime/agent", "TestOutcomesAreKept"},
		{"… with the worker", "`kept` in `report`",
			"runtime/worker/answer.go", `	t.kept = append(t.kept, o)
`,
			"", "./runtime/worker", "TestOrderOnce|TestTradeLaws|TestOutcomeSurvivesTheAgent"},
		{"a worker takes letters of its session only", "the epoch of `Ordered` in `Step`",
			"runtime/worker/machine.go", "case e.Epoch != m.epoch || m.state == Idle:",
			"case m.state == Idle:", "./runtime/worker", "TestLettersOfAnotherEpoch"},
		{"no order is begun without a lease", "`MayCall` in `advance`",
			"runtime/worker/emit.go", "may := m.MayCall(now) && m.login.done",
			"may := m.state == Serving && m.login.done", "./runtime/worker", "TestNoCall|TestOrderWaitsForTheLease"},
		{"no call begins after the lease, though the process was stopped", "the look at `Until` in `call`",
			"runtime/worker/call.go", `	if w.Now() >= c.Until {`,
			`	if w.Now() < 0 {`, "./runtime/worker", "TestLeaseEndsBeforeTheCall"},
		{"… and none leaves after it", "`startBy`",
			"runtime/worker/call.go", `	return order.StartBy(ctx, w.wall().Add(until.Sub(w.Now())))`,
			`	return ctx`, "./runtime/worker", "TestCallsAreToldTheirEnd"},
		{"no call begins after the order's time", "`emitBy` in `tooLate`",
			"runtime/worker/emit.go", `	case now >= j.emitBy:
		reason = lateReason`,
			`	case now < 0:
		reason = lateReason`, "./runtime/worker", "TestNoCall"},
		{"… though it was decided before", "`until` in `begin`",
			"runtime/worker/emit.go", "until := min(m.lease.Until(), j.emitBy)",
			"until := m.lease.Until()", "./runtime/worker", "TestCallsEndWithLeaseAndOrder"},
		{"a leg has one name at the broker, and each its own", "`ClientID`",
			"runtime/order/clientid.go", "strconv.Itoa(leg)",
			"strconv.Itoa(leg - leg)", "./runtime/order", "FuzzClientID"},
		{"a mark is executed once", "the marks in `execute`",
			"runtime/worker/trade.go", `	case known && !j.EmitBy.IsZero() && !o.EmitBy.After(j.EmitBy): //`,
			`	case known && !j.EmitBy.IsZero() && !o.EmitBy.After(j.EmitBy) && o.Sequence == 0: //`, "./runtime/worker", "TestOrderOnce|TestDoubt|TestTradeLaws"},
		{"… while its call is under way", "`begun` in `execute`",
			"runtime/worker/trade.go", `	case known && (j.begun() || j.call == callPlace):`,
			`	case known && j.call == callFind:`, "./runtime/worker", "TestTradeLaws|TestMarkedAgainDuringTheCall"},
		{"no order follows a later one", "`last` in `execute`",
			"runtime/worker/trade.go", "|| o.Sequence < t.last, !known",
			"|| o.Sequence == 0, !known", "./runtime/worker", "TestOrderWaitsForTheLease|TestTradeLaws"},
		{"… of an earlier session", "`begin` in `execute`",
			"runtime/worker/trade.go", `	case o.Sequence < t.begin || o.Sequence`,
			`	case o.Sequence`, "./runtime/worker", "TestOrdersBelowTheFirst"},
		{"a reversal opens after its closing is committed", "`committing` in `word`",
			"runtime/worker/answer.go", `		j.stage, j.awaited, j.legUntil = committing, m.trade.number, now.Add(order.LegLimit)
`,
			`		j.stage, j.leg, j.emitBy = waiting, 2, now.Add(order.LegLimit)
`, "./runtime/worker", "TestReversal"},
		{"nothing is written after a call's deadline", "the clock in `admit`",
			"runtime/order/once/gate.go", "a.ctx.Err() != nil || a.on == nil && order.Late(a.ctx) || late(a.ctx):",
			"a.ctx.Err() != nil && order.Late(a.ctx):", "./runtime/order/once", "TestNothingLeavesLate"},
		{"the transport repeats no call by itself", "one connection for each attempt, in `admit`",
			"runtime/order/once/gate.go", `	case a.on != nil && a.on != g:`,
			`	case a.on != nil && a.on == nil:`, "./runtime/order/once", "TestNothingIsRepeated|TestEndedCallsDoNotWrite"},
	}
}
