package keeper

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"workerfleet/runtime/claim"
	"workerfleet/runtime/fleet"
	"workerfleet/runtime/pool"
	"workerfleet/runtime/signals"
)

// RefillConfig is what keeping the number of workers right works on. Launches, Provider, Policy and Key must be set.
type RefillConfig struct {
	Launches claim.Launches
	Provider pool.Provider
	// Arrivals are carried over into the History once a minute, from which the prediction learns. Without a History a round
	// predicts by what the others have learned.
	Arrivals claim.Arrivals
	History  pool.History
	// Group grows the hosts ahead of the workers; nil where they are given.
	Group pool.HostGroup
	// Policy and Rollout say how many workers there should be, and of which image.
	Policy  pool.Policy
	Rollout pool.Rollout
	Terms   claim.Terms
	// Key names one request to the provider; it must differ each time.
	Key      func() string
	Recorder signals.Recorder
	// Period is the time between two rounds; 0 means a second.
	Period time.Duration
	// Go starts one call to the provider beside others; nil is a goroutine. One that runs it at once is as good, and slower.
	Go func(func())
}

// Refill keeps the number of workers right: it decides by the index's stock, and launches and stops through the
// provider. Any number of them may work on one pool.
type Refill struct{ RefillConfig }

// Rounds look every second: a worker takes longer to start. A launch whose answer was lost is repeated after ten, and a
// worker that was asked to end and did not is asked again after thirty.
const (
	refillPeriod = time.Second
	repeatAfter  = 10 * time.Second
	stopAgain    = 30 * time.Second
	// placing is how long a launch that was answered counts as one without a place: nothing is launched that hosts have no
	// room for, so that ECS places it at once. Where it does not, its limit refuses a launch, and all passes pause.
	placing = 2 * time.Second
	// parallel bounds the calls under way at once: a fifth of what one second's bucket holds.
	parallel = 8
)

// NewRefill checks the policy. Its error names the field.
func NewRefill(c RefillConfig) (*Refill, error) {
	policy, err := c.Policy.Complete()
	if err != nil {
		return nil, fmt.Errorf("policy: %w", err)
	}
	c.Policy = policy
	if c.Period == 0 {
		c.Period = refillPeriod
	}
	if c.Go == nil {
		c.Go = func(run func()) { go run() }
	}
	return &Refill{c}, nil
}

// RefillReport is what one round decided and did.
type RefillReport struct {
	Target  pool.Target
	Actions []pool.Action
	// Launched and Stopped count workers.
	Launched, Stopped int
	// Stale says that another round was quicker: nothing was done.
	Stale bool
}

// Run makes rounds until the context ends.
func (r *Refill) Run(ctx context.Context, failed func(error)) error {
	return every(ctx, r.Period, func(ctx context.Context) error {
		_, err := r.Pass(ctx)
		return err
	}, failed)
}

// Pass makes one round. What fails is found again by the next: reservations keep what was asked for, and the index
// keeps who was retired.
func (r *Refill) Pass(ctx context.Context) (RefillReport, error) {
	stock, err := r.Launches.Stock(ctx, r.Terms)
	if err != nil {
		return RefillReport{}, fmt.Errorf("count the stock: %w", err)
	}
	m, err := read[memory](stock.Text)
	if err != nil {
		return RefillReport{}, err
	}
	earlier, err := read[notes](stock.Note)
	if err != nil {
		return RefillReport{}, err
	}
	learnErr := errors.Join(r.learn(ctx, stock.Now, &m.Lesson), r.askGroup(ctx, stock.Now, &m.Group))
	snapshot := r.snapshot(stock, m, earlier)
	report := RefillReport{Target: pool.Aim(snapshot), Actions: pool.Decide(snapshot)}
	r.Recorder.Set(signals.WarmTarget, float64(report.Target.Idle))
	r.Recorder.Set(signals.Workers, float64(snapshot.Provisioning), "launching")
	m.Decision = decided(stock.Now, report.Target, report.Actions)
	work := r.calls(stock, m, snapshot.Launches, report.Actions)
	grow := r.growth(stock.Now, &m.Group, report.Actions)
	m.Tried = work.tried
	m.Record = pool.Remember(m.Record, pool.Sample{At: stock.Now, Highest: report.Target.Idle, Stopped: work.stopping()}, r.Policy.Window)
	if err := r.commit(ctx, stock.Version, m, work); err != nil {
		report.Stale = errors.Is(err, claim.ErrStale)
		if report.Stale {
			err = nil
		}
		return report, errors.Join(learnErr, err)
	}
	growErr := r.grow(ctx, stock.Now, grow, &earlier)
	stopped, stopErr := r.stop(ctx, work)
	launched, refusal, launchErr := r.launch(ctx, work.batches)
	report.Stopped, report.Launched = stopped, launched
	noted := earlier
	if len(work.batches) > 0 && (refusal != nil || earlier.Launches.Times > 0) {
		noted.Launches = earlier.Launches.after(refusal, stock.Now)
	}
	if grow != nil || noted != earlier {
		launchErr = errors.Join(launchErr, r.note(ctx, noted))
	}
	return report, errors.Join(learnErr, growErr, stopErr, launchErr)
}

// note keeps for every round what the last launches came to. It does not wait for the plan: a refused call may take longer
// than the time between two rounds, and that is when its pause counts.
func (r *Refill) note(ctx context.Context, came notes) error {
	text, err := written(came)
	if err != nil {
		return err
	}
	if err := r.Launches.Note(ctx, text); err != nil {
		return fmt.Errorf("note a refusal: %w", err)
	}
	return nil
}

// snapshot puts what the index counts into the words of the decision. Hosts are those that joined: who has none to ask
// for more desires as many as there are.
func (r *Refill) snapshot(stock claim.Stocktake, m memory, earlier notes) pool.Snapshot {
	s := pool.Snapshot{
		Now: stock.Now, Policy: r.Policy, Waiting: stock.Waiting, Rollout: r.Rollout, Tokens: stock.Calls,
		Launches: earlier.Launches.refusal(), Record: m.Record, Arrivals: m.Lesson.Arrivals(r.Policy.Calendar),
		Primary: r.primary(stock, m.Group, earlier),
	}
	switch {
	case !stock.Open:
		s.Blind = "the pool is being rebuilt"
	case stock.Doubtful:
		s.Blind = "too many hosts are silent at once: what stands on them may be alive"
	}
	for _, h := range stock.Hosts {
		host := pool.Host{Name: h.Host, Type: pool.Primary, Draining: h.Drained != ""}
		for _, image := range h.Images {
			host.Workers = append(host.Workers, pool.Stock{Image: image.Image, Idle: image.Idle, Resetting: image.Resetting, Busy: image.Busy})
		}
		s.Hosts = append(s.Hosts, host)
	}
	for _, c := range stock.Coming {
		s.Launching = append(s.Launching, pool.Reservation{Count: c.Count, Image: c.Image, Deadline: c.Deadline})
		if c.Worker == "" || stock.Now.Sub(c.Deadline.Add(-r.Terms.Launch)) < placing {
			s.Provisioning += c.Count
		}
	}
	return s
}

// calls are what one round asks of the provider.
type calls struct {
	batches []pool.Batch // launches that are new, and those whose answer was lost
	fresh   []claim.Reservation
	retire  []claim.Retirement
	again   []fleet.Worker // retired before, and still there
	// tried are the calls that are repeated, and when they were last made.
	tried map[string]time.Time
}

func (w calls) stopping() (n int) {
	for _, s := range w.retire {
		n += s.Count
	}
	return n
}

// count is what the round takes from the bucket.
func (w calls) count() int { return len(w.batches) + w.stopping() + len(w.again) }

// calls turns a decision into calls, and adds those that earlier rounds left open, each from time to time, while the bucket
// has some to spare and the provider takes any.
func (r *Refill) calls(stock claim.Stocktake, m memory, launches pool.Refusal, actions []pool.Action) calls {
	w := calls{tried: map[string]time.Time{}}
	for _, a := range actions {
		switch a := a.(type) {
		case pool.Launch:
			batch := pool.Batch{Key: r.Key(), Count: a.Count, Image: a.Image}
			w.batches = append(w.batches, batch)
			w.fresh = append(w.fresh, claim.Reservation{Key: batch.Key, Image: a.Image, Count: a.Count})
		case pool.Stop:
			w.retire = append(w.retire, claim.Retirement{Host: a.Host, Image: a.Image, Count: a.Count})
		}
	}
	paused := stock.Now.Before(launches.Until())
	again := func(of string, first time.Time, after time.Duration) bool {
		if last, was := m.Tried[of]; was {
			w.tried[of] = last
		}
		if paused || w.count() >= stock.Calls || !m.due(of, first, stock.Now, after) {
			return false
		}
		w.tried[of] = stock.Now
		return true
	}
	for _, c := range stock.Coming {
		if c.Worker == "" && again(c.Key, c.Deadline.Add(-r.Terms.Launch), repeatAfter) {
			w.batches = append(w.batches, pool.Batch{Key: c.Key, Count: c.Count, Image: c.Image})
		}
	}
	for _, d := range stock.Draining {
		if again(string(d.Worker), d.Since, stopAgain) {
			w.again = append(w.again, d.Worker)
		}
	}
	return w
}

func (r *Refill) commit(ctx context.Context, seen uint64, m memory, w calls) error {
	text, err := written(m)
	if err != nil {
		return err
	}
	if err := r.Launches.Reserve(ctx, claim.Plan{Seen: seen, Text: text, Calls: w.count(), Batches: w.fresh}, r.Terms); err != nil {
		return fmt.Errorf("reserve: %w", err)
	}
	return nil
}

// launch makes the calls, a few at once. refusal is the provider's answer where it refused any.
func (r *Refill) launch(ctx context.Context, batches []pool.Batch) (launched int, refusal error, err error) {
	var mu sync.Mutex
	var errs []error
	each(r.Go, batches, func(b pool.Batch) {
		workers, err := r.Provider.Launch(ctx, b)
		settled := r.settle(ctx, b, workers, err)
		mu.Lock()
		defer mu.Unlock()
		launched += len(workers)
		if err != nil {
			refusal = err
		}
		errs = append(errs, settled)
	})
	return launched, refusal, errors.Join(errs...)
}

// settle notes what became of a launch. One that may have happened stays reserved, and is repeated under its key.
func (r *Refill) settle(ctx context.Context, b pool.Batch, workers []fleet.Worker, err error) error {
	if err != nil && pool.Refused(err) == "" {
		r.Recorder.Add(signals.Launches, float64(b.Count), failed)
		return fmt.Errorf("launch: %w", err)
	}
	r.Recorder.Add(signals.Launches, float64(len(workers)), "started")
	if err != nil {
		outcome := map[string]string{pool.ErrNoCapacity.Error(): "no_capacity", pool.ErrThrottled.Error(): "throttled", pool.ErrRejected.Error(): failed}
		r.Recorder.Add(signals.Launches, float64(b.Count-len(workers)), outcome[pool.Refused(err)])
	}
	var rejected error
	if errors.Is(err, pool.ErrRejected) {
		rejected = fmt.Errorf("launch: %w", err) // nobody waits for it, and somebody has to look
	}
	if err := r.Launches.Launched(ctx, b.Key, workers); err != nil {
		return errors.Join(rejected, fmt.Errorf("note what was launched: %w", err))
	}
	return rejected
}

// stop takes idle workers out of the pool and asks them to end.
func (r *Refill) stop(ctx context.Context, w calls) (stopped int, err error) {
	var errs []error
	end := w.again
	for _, retirement := range w.retire {
		retired, err := r.Launches.Retire(ctx, retirement)
		if err != nil {
			errs = append(errs, fmt.Errorf("retire: %w", err))
		}
		end = append(end, retired...)
		stopped += len(retired)
	}
	var mu sync.Mutex
	each(r.Go, end, func(worker fleet.Worker) {
		if err := r.Provider.Stop(ctx, worker); err != nil {
			mu.Lock()
			defer mu.Unlock()
			errs = append(errs, fmt.Errorf("stop %s: %w", worker, err))
		}
	})
	return stopped, errors.Join(errs...)
}

// each runs a call for every item, a few at once, and returns when all have ended.
func each[T any](start func(func()), items []T, call func(T)) {
	var group sync.WaitGroup
	places := make(chan struct{}, parallel)
	for _, item := range items {
		places <- struct{}{}
		group.Add(1)
		start(func() {
			defer group.Done()
			defer func() { <-places }()
			call(item)
		})
	}
	group.Wait()
}
