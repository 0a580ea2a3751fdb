package pool

// Decide says what to do now. It depends on the snapshot alone, and the same snapshot gives the same actions in the same
// order: hosts, launches, stops. A snapshot that is blind, or whose policy is wrong, gives one [Wait] that says so: a lost
// index looks like a lost fleet, and must not be answered with a second one.
//
// Repeating a decision is harmless once the snapshot shows what the last one began: reservations count as stock, hosts
// asked for count as there, until their deadlines.
func Decide(s Snapshot) []Action {
	p, err := s.Policy.Complete()
	if err != nil {
		return []Action{Wait{For: ForLaunches, Reason: "the policy is wrong: " + err.Error()}}
	}
	if s.Blind != "" {
		return []Action{Wait{For: ForLaunches, Reason: s.Blind}}
	}
	s.Policy = p
	d := &decision{Snapshot: s, tally: add(s), past: look(s.Record, s.Now, p.Window)}
	d.target = s.aim(s.Now, d.tally)
	d.extra = d.replacements()
	d.growHosts()
	d.removeHosts()
	d.launch()
	d.retire()
	d.stop()
	return d.actions
}

// decision is one run of [Decide]: its steps add actions.
type decision struct {
	Snapshot
	tally
	past   past
	target Target
	// extra are the workers launched beyond the target so that others can be replaced.
	extra   int
	actions []Action
	// calls counts those that the actions will take from the bucket.
	calls int
}

func (d *decision) do(a Action) { d.actions = append(d.actions, a) }

// step is how much of the idle target is replaced at a time.
func (d *decision) step() int { return max(1, ceilDiv(d.target.Idle, stepShare)) }

// replacements is how many workers to launch beyond the target: successors of outdated ones, which stop only when
// those are idle, and canaries for which nothing else makes room.
func (d *decision) replacements() int {
	// What is short of the target is launched anyhow, and takes canaries with it.
	short := max(0, d.target.Idle-d.stock())
	return min(d.step(), max(d.outdated, d.missingCanaries()-short))
}

func (d *decision) missingCanaries() int {
	wanted := d.Rollout.canaries(d.target.Idle, d.busy, d.canariesBusy, d.Policy.CanaryShare)
	return max(0, wanted-d.canaries)
}
