package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"time"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/order"
	"workerfleet/runtime/paper"
	"workerfleet/runtime/webhook"
)

// trading is what users ordered, and what they were told.
type trading struct {
	mu       sync.Mutex
	accepted map[fleet.OrderID]fleet.User
	took     []time.Duration // from the first delivery to 202
	// refused are answers that say no and should not, and refusals the same by what they say; stale are those that should.
	refused, stale int
	refusals       map[string]int
	verdict        verdict
	judged         bool // verdict is one
	records        []order.Record
	// named is what each name of a user's came to be.
	named map[string]map[fleet.OrderID]bool
	naps  map[fleet.Worker][]nap
	// by is the API program that accepted each, and when.
	by map[fleet.OrderID]acceptance
	// sending tells whose order is on its way.
	sending chan fleet.User
}

func newTrading() trading {
	return trading{
		accepted: map[fleet.OrderID]fleet.User{}, named: map[string]map[fleet.OrderID]bool{}, naps: map[fleet.Worker][]nap{},
		by: map[fleet.OrderID]acceptance{}, refusals: map[string]int{}, sending: make(chan fleet.User, 1),
	}
}

// evidence is what is to be judged, but for the ledger's.
func (t *trading) evidence(x *paper.Exchange) evidence {
	t.mu.Lock()
	defer t.mu.Unlock()
	return evidence{accepted: maps.Clone(t.accepted), named: t.named, naps: t.slept(), held: x.Orders(), seen: x.Seen()}
}

// trade has every user send signals and orders, spread over a time, and waits until each is answered.
func (d *day) trade(ctx context.Context, within time.Duration) error {
	var group sync.WaitGroup
	errs := make([]error, d.users)
	for i := range d.users {
		random := rand.New(rand.NewPCG(d.seed, uint64(i)+1))
		group.Go(func() { errs[i] = d.tradeAs(ctx, d.user(i), random, within) })
	}
	group.Wait()
	return errors.Join(errs...)
}

func (d *day) tradeAs(ctx context.Context, user fleet.User, random *rand.Rand, within time.Duration) error {
	if d.orders == 0 {
		return nil
	}
	var hook struct{ Path, Secret string }
	answer, err := d.send(ctx, func(ctx context.Context) (*http.Request, error) {
		return d.authorized(ctx, http.MethodPost, "/v1/webhooks", user, nil)
	})
	if err == nil && answer.status != http.StatusCreated {
		err = fmt.Errorf("status %d: %s", answer.status, answer.body)
	}
	if err == nil {
		err = json.Unmarshal(answer.body, &hook)
	}
	if err != nil {
		return fmt.Errorf("make a webhook for %s: %w", user, err)
	}
	d.secrets.add(hook.Secret)
	asks := make([]ask, d.orders)
	for n := range asks {
		body := draw(random, n)
		asks[n] = ask{fmt.Sprintf("%s n-%d", user, n), user, d.byWebhook(hook.Path, hook.Secret, body)}
		if random.IntN(2) == 0 {
			asks[n].make = d.byAPI(user, body)
		}
	}
	rounds := deliveries(random, d.orders)
	for i, now := range rounds {
		pause := time.Duration(random.ExpFloat64() * float64(within) / float64(d.orders+1))
		if d.former != "" {
			pause = d.rolled(ctx, (float64(i)+random.Float64())/float64(len(rounds)), random)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
		if err := d.deliverAll(ctx, asks, now); err != nil {
			return err
		}
	}
	return nil
}

// ask is an order that a user sends, under the user's own name for it.
type ask struct {
	name string
	user fleet.User
	make func(context.Context) (*http.Request, error)
}

// deliveries says which orders arrive when, as from a sender who repeats: in each round one or two at once, which may be
// the same; some are overtaken by the next one, and some come again later. Each comes at least once.
func deliveries(random *rand.Rand, orders int) [][]int {
	var rounds [][]int
	late := -1
	for n := range orders {
		switch kind := random.IntN(10); {
		case kind == 0: // twice, one after the other
			rounds = append(rounds, []int{n}, []int{n})
		case kind == 1: // twice at once
			rounds = append(rounds, []int{n, n})
		case kind == 2 && late < 0: // after the next one
			late = n
			continue
		case kind == 3 && n > 0: // together with an old one
			rounds = append(rounds, []int{n, random.IntN(n)})
		default:
			rounds = append(rounds, []int{n})
		}
		if late >= 0 {
			rounds = append(rounds, []int{late})
			late = -1
		}
	}
	if late >= 0 {
		rounds = append(rounds, []int{late})
	}
	return rounds
}

// deliverAll sends a round's orders at once.
func (d *day) deliverAll(ctx context.Context, asks []ask, round []int) error {
	var group sync.WaitGroup
	errs := make([]error, len(round))
	for i, n := range round {
		group.Go(func() { errs[i] = d.deliver(ctx, asks[n]) })
	}
	group.Wait()
	return errors.Join(errs...)
}

// draw makes up an order.
func draw(random *rand.Rand, n int) string {
	side := []string{"buy", "sell", "buy", "sell", "reverse"}[random.IntN(5)]
	text := fmt.Sprintf(`"symbol":"SYM%d","side":%q,"quantity":"%d","id":"n-%d"`, random.IntN(5), side, 1+random.IntN(9), n)
	switch random.IntN(6) {
	case 0:
		if side != "reverse" {
			text += `,"type":"limit","limitPrice":"1","timeInForce":"ioc"`
		}
	case 1:
		text += `,"timeInForce":"gtc"`
	}
	return "{" + text + "}"
}

// byWebhook signs a body once, when it is first sent: each delivery of it is the same.
func (d *day) byWebhook(path, secret, body string) func(context.Context) (*http.Request, error) {
	sent := sync.OnceValue(func() string { return strconv.FormatInt(time.Now().Unix(), 10) })
	return func(ctx context.Context) (*http.Request, error) {
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, d.url()+path, bytes.NewReader([]byte(body)))
		if err != nil {
			return nil, err
		}
		r.Header.Set("X-Timestamp", sent())
		r.Header.Set("X-Signature", webhook.Sign([]byte(secret), sent(), []byte(body)))
		return r, nil
	}
}

func (d *day) byAPI(user fleet.User, body string) func(context.Context) (*http.Request, error) {
	return func(ctx context.Context) (*http.Request, error) {
		return d.authorized(ctx, http.MethodPost, "/v1/orders", user, []byte(body))
	}
}

func (d *day) authorized(ctx context.Context, method, path string, user fleet.User, body []byte) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, method, d.url()+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer "+d.tokens.Token(user, time.Now().Add(time.Hour)))
	return r, nil
}

// url is an API's, one after the other, as a load balancer would have it.
func (d *day) url() string { return d.urls[int(d.asked.Add(1))%len(d.urls)] }

// deliver sends an order until it is answered, and notes what the answer says.
func (d *day) deliver(ctx context.Context, a ask) error {
	began := time.Now()
	select {
	case d.trading.sending <- a.user:
	default:
	}
	answer, err := d.send(ctx, a.make)
	if err != nil {
		return fmt.Errorf("order %s: %w", a.name, err)
	}
	d.trading.mu.Lock()
	defer d.trading.mu.Unlock()
	if answer.status >= 300 {
		d.trading.refuse(a, answer, time.Now())
		return nil
	}
	var told struct{ ID fleet.OrderID }
	if err := json.Unmarshal(answer.body, &told); err != nil {
		return fmt.Errorf("order %s: %w", a.name, err)
	}
	if d.trading.accepted[told.ID] == "" {
		d.trading.took = append(d.trading.took, time.Since(began))
		d.trading.by[told.ID] = acceptance{answer.from, time.Now()}
	}
	d.trading.accepted[told.ID] = a.user
	if d.trading.named[a.name] == nil {
		d.trading.named[a.name] = map[fleet.OrderID]bool{}
	}
	d.trading.named[a.name][told.ID] = true
	return nil
}

// answered is an answer that says something, the address that it came from, and the timestamp of the request that was signed.
type answered struct {
	status       int
	body         []byte
	from, signed string
}

// acceptance says by whom an order was accepted, and when.
type acceptance struct {
	from string
	at   time.Time
}

// send repeats a request until somebody answers it, as whoever sends signals does.
func (d *day) send(ctx context.Context, ask func(context.Context) (*http.Request, error)) (answered, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		r, err := ask(ctx)
		if err != nil {
			return answered{}, err
		}
		response, err := d.client.Do(r)
		if err == nil {
			body, reading := io.ReadAll(response.Body)
			_ = response.Body.Close()
			if reading == nil && response.StatusCode < 500 && response.StatusCode != http.StatusTooManyRequests {
				return answered{response.StatusCode, body, r.URL.Host, r.Header.Get("X-Timestamp")}, nil
			}
			err = fmt.Errorf("status %d: %s", response.StatusCode, body)
		}
		select {
		case <-ctx.Done():
			return answered{}, errors.Join(err, ctx.Err())
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// settlePatience is how long orders may take to end after the last one: their validity, look-ups after it, and what a
// paused process adds.
const settlePatience = 3 * time.Minute

// settle waits until every order has ended, and judges. A database that is just back may refuse at first.
func (d *day) settle(ctx context.Context) error {
	for began := time.Now(); ; {
		e := d.trading.evidence(d.exchange)
		var err error
		e.ledger, err = d.ledger(ctx)
		patient := time.Since(began) < settlePatience
		if err != nil && !patient {
			return err
		}
		if err == nil {
			v := judge(e)
			if v.Unresolved == 0 && v.Disagree == 0 || !patient {
				d.trading.verdict, d.trading.judged, d.trading.records = v, true, e.ledger
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// ledger is every user's orders.
func (d *day) ledger(ctx context.Context) (all []order.Record, err error) {
	for i := range d.users {
		records, err := d.path.Reader.Orders(ctx, d.user(i), 0, 2*d.orders+1)
		if err != nil {
			return nil, err
		}
		all = append(all, records...)
	}
	return all, nil
}

// filled counts the orders that are, and says how long each took from its acceptance to its first arrival at the
// exchange with effect.
func (t *trading) filled(seen []paper.Seen) (count int, took []time.Duration) {
	arrived := map[string]time.Time{}
	for _, s := range seen {
		if _, known := arrived[s.ClientID]; s.Call == paper.Place && s.Effect && !known {
			arrived[s.ClientID] = s.At
		}
	}
	for i := range t.records {
		r := &t.records[i]
		if r.State != order.Filled {
			continue
		}
		count++
		if at, ok := arrived[order.ClientID(r.ID, legsOf(r)[0])]; ok {
			took = append(took, at.Sub(r.AcceptedAt))
		}
	}
	return count, took
}
