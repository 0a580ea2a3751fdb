package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"workerfleet/runtime/claim"
	"workerfleet/runtime/cmd/bench/baseline"
)

// trackingFigures are what tracking measures.
type trackingFigures struct {
	Sizes []trackingSize `json:"sizes"`
	Dead  int            `json:"dead"` // that are to be found each time
	// Flat are the costs at the largest size over those at the smallest, in the store's server time.
	LookFlat      float64 `json:"lookFlat"`
	ReapFlat      float64 `json:"reapFlat"`
	ScanFlat      float64 `json:"scanFlat"`
	PipelinedFlat float64 `json:"pipelinedFlat"`
	Seed          uint64  `json:"seed"`
	Machine       machine `json:"machine"`
}

// trackingSize is what it takes to find the dead among so many workers, by the middle of some rounds.
type trackingSize struct {
	Workers   int  `json:"workers"`
	Look      cost `json:"look"`      // a reap that finds nobody dead, as nearly all do
	Reap      cost `json:"reap"`      // a reap that finds them, drops them, and queues their users
	Scan      cost `json:"scan"`      // the baseline: heartbeat keys are scanned and read one by one
	Pipelined cost `json:"pipelined"` // the same keys, a page's values in one round trip
	// Ratio is the wall clock of the baseline's scan over that of the reap that finds them.
	Ratio float64 `json:"ratio"`
}

// cost is one search's.
type cost struct {
	WallMs       float64 `json:"wallMs"`
	ServerMicros float64 `json:"serverMicros"` // that the store's server has computed, by its own count
	Found        int     `json:"found"`
}

// runTracking finds the same number of dead workers among ever more that live: by the sorted set of leases, and by the two
// ways of a design that keeps a key for each worker's heartbeat.
func runTracking(ctx context.Context, args []string, out, errs io.Writer) error {
	var o runOptions
	var sizes string
	r := trackingFigures{}
	flags := flag.NewFlagSet("bench tracking", flag.ContinueOnError)
	o.serverOptions.flags(flags)
	flags.StringVar(&sizes, "sizes", "350,3500,35000,350000", "numbers of workers")
	flags.IntVar(&r.Dead, "dead", 16, "dead workers among them")
	flags.Uint64Var(&o.seed, "seed", 1, "seed of what is drawn")
	flags.BoolVar(&o.json, "json", false, "end with one JSON object")
	if err := parse(flags, args, errs); err != nil {
		return err
	}
	limits := []limit{{"dead", r.Dead, 1, claim.ReapLimit}}
	for text := range strings.SplitSeq(sizes, ",") {
		n, _ := strconv.Atoi(text) // what is no number is 0, and refused
		limits = append(limits, limit{"sizes", n, 2 * r.Dead, 1_000_000})
		r.Sizes = append(r.Sizes, trackingSize{Workers: n})
	}
	if err := check(flags, limits...); err != nil {
		return err
	}
	r.Seed = o.seed
	before := look()
	p, err := openPopulation(ctx, o.serverOptions, out)
	if err != nil {
		return err
	}
	defer p.close()
	var words strings.Builder
	fmt.Fprintf(&words, "workers   nobody dead               some dead, dropped           scan, one by one          scan, pipelined           baseline / ours\n")
	for i := range r.Sizes {
		s := &r.Sizes[i]
		if err := s.measure(ctx, p, r); err != nil {
			return err
		}
		fmt.Fprintf(&words, "%7d   %s   %s   %s   %s   %.0f\n", s.Workers, s.Look, s.Reap, s.Scan, s.Pipelined, s.Ratio)
	}
	first, last := r.Sizes[0], r.Sizes[len(r.Sizes)-1]
	r.LookFlat, r.ScanFlat = last.Look.ServerMicros/first.Look.ServerMicros, last.Scan.ServerMicros/first.Scan.ServerMicros
	r.ReapFlat = last.Reap.ServerMicros / first.Reap.ServerMicros
	r.PipelinedFlat = last.Pipelined.ServerMicros / first.Pipelined.ServerMicros
	r.Machine = before.until(look())
	fmt.Fprintf(&words, "flat      a look %.2f × from the smallest to the largest (aim ≤ 1.5), with the dropping %.2f ×, scan %.0f ×, pipelined %.0f ×\nmachine   %s\n", r.LookFlat, r.ReapFlat, r.ScanFlat, r.PipelinedFlat, r.Machine)
	return tell(out, o.json, r, words.String())
}

func (c cost) String() string { return fmt.Sprintf("%8.2f ms %8.0f µs", c.WallMs, c.ServerMicros) }

// trackingRounds is how often each search is made: a long one less often.
func trackingRounds(workers int) int { return max(3, min(50, 500_000/workers)) }

func (s *trackingSize) measure(ctx context.Context, p *population, r trackingFigures) error {
	random := rand.New(rand.NewPCG(r.Seed, uint64(s.Workers)))
	if err := errors.Join(p.empty(ctx), p.register(ctx, s.Workers, max(2, s.Workers/workersPerHost))); err != nil {
		return err
	}
	p.dropped = nil
	reap := search{
		rounds: 50, commands: []string{"evalsha"},
		prepare: func() error { return p.kill(ctx, random, s.Workers, r.Dead) },
		find: func() (int, error) {
			reaped, err := p.path.Store.Reap(ctx, p.path.Terms)
			return len(reaped.Dead), err
		},
	}
	var err error
	if s.Reap, err = reap.run(ctx, p.path.Client); err != nil {
		return err
	}
	reap.prepare = func() error { return p.kill(ctx, random, s.Workers, 0) }
	if s.Look, err = reap.run(ctx, p.path.Client); err != nil {
		return err
	}
	keys := baseline.NewTracker(p.path.Client)
	if err := errors.Join(p.empty(ctx), keys.Fill(ctx, s.Workers)); err != nil {
		return err
	}
	walk := func(find func(context.Context) ([]int, error)) (cost, error) {
		var found []int
		return search{
			rounds: trackingRounds(s.Workers), commands: []string{"scan", "get", "mget"},
			prepare: func() (err error) {
				for _, i := range found {
					err = errors.Join(err, keys.Beat(ctx, i))
				}
				for _, i := range random.Perm(s.Workers)[:r.Dead] {
					err = errors.Join(err, keys.Silence(ctx, i))
				}
				return err
			},
			find: func() (n int, err error) {
				found, err = find(ctx)
				return len(found), err
			},
		}.run(ctx, p.path.Client)
	}
	if s.Scan, err = walk(keys.Scan); err != nil {
		return err
	}
	if err := keys.Fill(ctx, s.Workers); err != nil {
		return err
	}
	if s.Pipelined, err = walk(keys.ScanPipelined); err != nil {
		return err
	}
	s.Ratio = s.Scan.WallMs / s.Reap.WallMs
	if s.Look.Found != 0 {
		return fmt.Errorf("%d of %d workers were dead although none was", s.Look.Found, s.Workers)
	}
	for _, c := range []cost{s.Reap, s.Scan, s.Pipelined} {
		if c.Found != r.Dead {
			return fmt.Errorf("%d of %d dead workers were found among %d", c.Found, r.Dead, s.Workers)
		}
	}
	return nil
}

// search is one way to find the dead, and what is done before each time.
type search struct {
	rounds   int
	commands []string // that it sends
	prepare  func() error
	find     func() (int, error)
}

// run returns the middle of each cost, and the least that was found.
func (s search) run(ctx context.Context, client redis.UniversalClient) (c cost, err error) {
	var walls, servers []float64
	for range s.rounds {
		if err := s.prepare(); err != nil {
			return c, err
		}
		used, began := commandMicros(ctx, client, s.commands...), time.Now()
		found, err := s.find()
		if err != nil {
			return c, err
		}
		walls = append(walls, milliseconds(time.Since(began)))
		servers = append(servers, commandMicros(ctx, client, s.commands...)-used)
		if len(walls) == 1 || found < c.Found {
			c.Found = found
		}
	}
	c.WallMs, c.ServerMicros = quantile(walls, 0.5), middle(servers)
	return c, nil
}

// middle is the mean of the middle half: the server counts whole microseconds, and a search may take two.
func middle(of []float64) (mean float64) {
	sorted := slices.Sorted(slices.Values(of))
	half := sorted[len(sorted)/4 : len(sorted)-len(sorted)/4]
	for _, v := range half {
		mean += v / float64(len(half))
	}
	return mean
}

// kill lets some workers' leases have run out, after those were registered again that were dropped before. All hosts beat, and
// the last of what the store hears is the beat of one host, so that each look finds its processor's caches as a fleet leaves
// them: behind other work, which is the same at every size.
func (p *population) kill(ctx context.Context, random *rand.Rand, workers, dead int) error {
	hosts := max(2, workers/workersPerHost)
	for _, n := range p.dropped {
		if err := p.registerOne(ctx, n, hosts); err != nil {
			return err
		}
	}
	p.dropped = random.Perm(workers)[:dead]
	pipe := p.path.Client.Pipeline()
	now := time.Now()
	for i := range hosts {
		pipe.ZAdd(ctx, "{pool}:hosts", member(float64(now.UnixMilli()), string(hostName(i))))
	}
	for _, n := range p.dropped {
		pipe.ZAdd(ctx, "{pool}:lease", member(float64(now.Add(-ttl-2*guard).UnixMilli()), string(workerName(n))))
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return err
	}
	host := random.IntN(hosts)
	var beats []claim.Beat
	for n := host; n < workers && len(beats) < workersPerHost; n += hosts {
		if !slices.Contains(p.dropped, n) {
			beats = append(beats, claim.Beat{Worker: workerName(n), Life: life})
		}
	}
	_, err := p.path.Store.Beat(ctx, hostName(host), beats, p.path.Terms)
	return err
}

// commandMicros is what the store's server has spent in these commands, by its own count. What a script calls is counted
// with the script, and with the commands that it calls once more.
func commandMicros(ctx context.Context, client redis.UniversalClient, commands ...string) (sum float64) {
	text, err := client.Info(ctx, "commandstats").Result()
	if err != nil {
		return 0
	}
	for line := range strings.Lines(text) {
		name, fields, found := strings.Cut(strings.TrimSpace(line), ":")
		if !found || !slices.Contains(commands, strings.TrimPrefix(name, "cmdstat_")) {
			continue
		}
		for field := range strings.SplitSeq(fields, ",") {
			if value, ok := strings.CutPrefix(field, "usec="); ok {
				n, _ := strconv.ParseFloat(value, 64)
				sum += n
			}
		}
	}
	return sum
}
