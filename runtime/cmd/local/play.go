package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"workerfleet/runtime/cmd/internal/running"
	"workerfleet/runtime/fleet"
)

// play runs the platform through a market's open, a day's orders and some deaths, and says what happened: notes are on
// what must not have.
func play(ctx context.Context, o options, out io.Writer) (summary, []string, error) {
	dir, err := os.MkdirTemp("", "fleet")
	if err != nil {
		return summary{}, nil, fmt.Errorf("make a folder: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	// A server that runs as another account must be able to reach its folder below.
	if err := os.Chmod(dir, 0o755); err != nil {
		return summary{}, nil, fmt.Errorf("open the folder: %w", err)
	}
	p, err := startPlatform(ctx, o, dir)
	if err != nil {
		return summary{}, nil, err
	}
	defer p.stop()
	if err := running.Write(running.File, p.outputs()); err != nil {
		return summary{}, nil, err
	}
	defer func() { _ = running.Remove(running.File, p.outputs()) }()
	fmt.Fprintf(out, "store     %s\ndatabase  %s\nqueue     %s\nprograms  2 api, 2 keeper, %s%d agent, %d worker; logs in %s\nAPI       %s\n",
		p.Valkey, p.Database, p.Queue, p.functionsSaid(), p.hosts, p.workers, dir, strings.Join(p.urls, ", "))
	d := newDay(p)
	defer d.client.CloseIdleConnections()
	stop := d.show(ctx, out)
	defer stop()
	err = d.warm(ctx)
	unwatch := d.watch(ctx)
	defer unwatch()
	if err == nil {
		if err = errors.Join(d.open(ctx), d.tradeThrough(ctx)); err == nil {
			err = d.settle(ctx)
		}
	}
	unwatch()
	if trouble := p.trouble(); trouble != "" {
		err = errors.Join(err, errors.New(trouble))
	}
	return d.summary(), append(d.accounts.doubles(), d.trading.verdict.firstNotes()...), err
}

// day is what the users see.
type day struct {
	*platform
	client *http.Client
	random *rand.Rand

	mu       sync.Mutex
	sessions map[fleet.User]opened
	claims   []time.Duration // as the API measures a claim
	readies  []time.Duration // from a user's arrival to the worker being ready
	recovery []time.Duration // from a kill to the user's next worker being ready
	served   atomic.Int64
	asked    atomic.Int64
	killed   int
	spared   int // of those that were to be killed
	lost     int
	deeds    map[deed]int
	awake    time.Time // when the last one wakes that chaos has stopped
	trading  trading
	held     []held
	steps    []step
	progress atomic.Pointer[progress]
}

// opened is a session as the API answers it.
type opened struct {
	WorkerID string      `json:"workerId"`
	Epoch    fleet.Epoch `json:"epoch"`
	ReadyMs  float64     `json:"readyMs"`
}

func newDay(p *platform) *day {
	return &day{
		platform: p, client: p.client(), random: rand.New(rand.NewPCG(p.seed, 0)),
		sessions: map[fleet.User]opened{}, deeds: map[deed]int{}, trading: newTrading(),
	}
}

// patience is how long a user waits for a worker before the session counts as lost.
const patience = time.Minute

// warm waits until the fleet is there, and stores every user's credentials.
func (d *day) warm(ctx context.Context) error {
	for user := range d.users {
		name := d.user(user)
		secret := strconv.FormatUint(d.random.Uint64(), 36) + strconv.FormatUint(d.random.Uint64(), 36)
		d.secrets.add(secret)
		account, err := json.Marshal(map[string]string{"account": string(name), "secret": secret})
		if err != nil {
			return err
		}
		if err := d.deposit(ctx, name, account); err != nil {
			return err
		}
	}
	return d.stocked(ctx)
}

// deposit stores a user's credentials as the user does, whatever release answers.
func (d *day) deposit(ctx context.Context, user fleet.User, credentials []byte) error {
	answer, err := d.send(ctx, func(ctx context.Context) (*http.Request, error) {
		return d.authorized(ctx, http.MethodPut, "/v1/credentials", user, credentials)
	})
	if err == nil && answer.status != http.StatusNoContent {
		err = fmt.Errorf("status %d: %s", answer.status, answer.body)
	}
	if err != nil {
		return fmt.Errorf("store the credentials of %s: %w", user, err)
	}
	return nil
}

// stocked waits until every place has an idle worker.
func (d *day) stocked(ctx context.Context) error {
	for began := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		census, err := d.path.Store.Census(ctx)
		switch {
		case err != nil:
			return err
		case census.Free >= d.workers && census.Incarnation != "":
			return nil
		case time.Since(began) > patience:
			return fmt.Errorf("%d of %d workers are warm after %s\n%s", census.Free, d.workers, patience, d.keepers[0].obituary())
		}
	}
}

// tradeThrough has users trade while workers die.
func (d *day) tradeThrough(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	traded := make(chan error, 1)
	go func() { traded <- d.trade(ctx, max(d.stay, time.Second)) }()
	err := d.deaths(ctx)
	if err != nil {
		stop() // what was to be shown is not: nobody needs the rest of the day
	}
	return errors.Join(err, <-traded)
}

func (d *day) user(n int) fleet.User { return fleet.User("user-" + strconv.Itoa(n+1)) }

// open lets all users come at times that were drawn before the first of them: nobody waits for anybody else.
func (d *day) open(ctx context.Context) error {
	arrivals := make([]time.Duration, d.users)
	for i := range arrivals {
		arrivals[i] = time.Duration(d.random.Float64() * float64(d.options.open))
	}
	slices.Sort(arrivals)
	began := time.Now()
	var group sync.WaitGroup
	for i, at := range arrivals {
		group.Go(func() {
			time.Sleep(time.Until(began.Add(at)))
			s, err := d.claim(ctx, d.user(i), "")
			took := time.Since(began.Add(at))
			d.mu.Lock()
			defer d.mu.Unlock()
			if err != nil {
				d.lost++
				return
			}
			d.served.Add(1)
			d.sessions[d.user(i)] = s
			d.readies = append(d.readies, took)
			d.claims = append(d.claims, time.Duration(s.ReadyMs*float64(time.Millisecond)))
		})
	}
	group.Wait()
	return ctx.Err()
}

// claim asks for a session until there is one on another worker than the one that was lost.
func (d *day) claim(ctx context.Context, user fleet.User, but string) (opened, error) {
	return d.claimUntil(ctx, user, 5*time.Millisecond, func(s opened) bool { return s.WorkerID != but })
}

// claimUntil asks for a session, every so often, until there is one that will do.
func (d *day) claimUntil(ctx context.Context, user fleet.User, every time.Duration, will func(opened) bool) (opened, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	token := d.tokens.Token(user, time.Now().Add(time.Hour))
	for ctx.Err() == nil {
		s, ready, err := d.ask(ctx, token)
		if err == nil && ready && will(s) {
			return s, nil
		}
		pause := every
		if err != nil {
			pause = 100 * time.Millisecond
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
	return opened{}, ctx.Err()
}

func (d *day) ask(ctx context.Context, token string) (s opened, ready bool, err error) {
	url := d.urls[int(d.asked.Add(1))%len(d.urls)] // as a load balancer would; who asks a dead one asks again
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/v1/sessions", nil)
	if err != nil {
		return s, false, err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := d.client.Do(request)
	if err != nil {
		return s, false, err
	}
	defer func() { _ = response.Body.Close() }()
	switch response.StatusCode {
	case http.StatusOK:
		return s, true, json.NewDecoder(response.Body).Decode(&s)
	case http.StatusAccepted:
		_, err = io.Copy(io.Discard, response.Body)
		return s, false, err
	default:
		text, _ := io.ReadAll(response.Body)
		return s, false, fmt.Errorf("status %d: %s", response.StatusCode, text)
	}
}
