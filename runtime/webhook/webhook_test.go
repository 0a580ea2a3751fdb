package webhook_test

import (
	"context"
	"crypto/rand"
	"errors"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/order"
	"workerfleet/runtime/webhook"
)

const body = `{"symbol":"aapl","side":"BUY","quantity":"2.50","id":"s-1","strategy":"ignored"}`

func seconds(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }

// A signature holds for these bytes under this timestamp and secret, within the window, and for nothing else.
func TestSigned(t *testing.T) {
	secret, now := []byte("secret"), time.Now()
	good := webhook.Delivery{Timestamp: seconds(now), Signature: webhook.Sign(secret, seconds(now), []byte(body)), Body: []byte(body)}
	draft, err := webhook.Check(secret, good, now)
	require.NoError(t, err)
	require.Equal(t, "AAPL", draft.Symbol)
	require.Equal(t, fleet.Buy, draft.Side)
	require.Equal(t, "2.5", draft.Quantity.String())
	require.Equal(t, "hook:s-1", draft.Key)
	for name, c := range map[string]struct {
		change func(d *webhook.Delivery)
		want   error
	}{
		"other body":      {func(d *webhook.Delivery) { d.Body = []byte(strings.Replace(body, "2.5", "9.5", 1)) }, webhook.ErrSignature},
		"other time":      {func(d *webhook.Delivery) { d.Timestamp = seconds(now.Add(time.Second)) }, webhook.ErrSignature},
		"no signature":    {func(d *webhook.Delivery) { d.Signature = "" }, webhook.ErrSignature},
		"no timestamp":    {func(d *webhook.Delivery) { d.Timestamp = "" }, webhook.ErrStale},
		"no number":       {func(d *webhook.Delivery) { d.Timestamp = "soon" }, webhook.ErrStale},
		"too old":         {func(d *webhook.Delivery) { sign(d, secret, now.Add(-webhook.Window-2*time.Second)) }, webhook.ErrStale},
		"from the future": {func(d *webhook.Delivery) { sign(d, secret, now.Add(webhook.Window+2*time.Second)) }, webhook.ErrStale},
		"another secret":  {func(d *webhook.Delivery) { sign(d, []byte("other"), now) }, webhook.ErrSignature},
	} {
		d := good
		c.change(&d)
		_, err := webhook.Check(secret, d, now)
		require.ErrorIs(t, err, c.want, name)
	}
}

func sign(d *webhook.Delivery, secret []byte, at time.Time) {
	d.Timestamp = seconds(at)
	d.Signature = webhook.Sign(secret, d.Timestamp, d.Body)
}

// A body that carries the secret needs an id; a signed one without is its own key.
func TestKeys(t *testing.T) {
	secret, now := []byte("secret"), time.Now()
	plain := func(extra string) webhook.Delivery {
		return webhook.Delivery{Body: []byte(`{"symbol":"A","side":"sell","quantity":1,"secret":"secret","timestamp":` + seconds(now) + extra + `}`)}
	}
	draft, err := webhook.Check(secret, plain(`,"id":"7"`), now)
	require.NoError(t, err)
	require.Equal(t, "hook:7", draft.Key)
	var invalid *order.Invalid
	_, err = webhook.Check(secret, plain(""), now)
	require.ErrorAs(t, err, &invalid)
	require.ErrorContains(t, err, "id: is missing")
	_, err = webhook.Check([]byte("other"), plain(`,"id":"7"`), now)
	require.ErrorIs(t, err, webhook.ErrSignature)
	_, err = webhook.Check(secret, plain(`,"id":"{{strategy.order.id}}"`), now)
	require.ErrorContains(t, err, "was not filled in")
	for _, at := range []string{`"` + now.UTC().Format(time.RFC3339) + `"`, strconv.FormatInt(now.UnixMilli(), 10)} {
		_, err = webhook.Check(secret, webhook.Delivery{Body: []byte(`{"symbol":"A","side":"sell","quantity":1,"secret":"secret","id":"1","timestamp":` + at + `}`)}, now)
		require.NoError(t, err)
	}

	unnamed := webhook.Delivery{Body: []byte(`{"symbol":"A","side":"sell","quantity":1}`)}
	sign(&unnamed, secret, now)
	one, err := webhook.Check(secret, unnamed, now)
	require.NoError(t, err)
	again, err := webhook.Check(secret, unnamed, now)
	require.NoError(t, err)
	require.Equal(t, one.Key, again.Key, "the same delivery")
	sign(&unnamed, secret, now.Add(time.Second))
	later, err := webhook.Check(secret, unnamed, now)
	require.NoError(t, err)
	require.NotEqual(t, one.Key, later.Key)
}

// store is one process's hooks, which counts what is asked of it.
type store struct {
	hooks map[string]webhook.Hook
	asked int
}

func (s *store) Hook(_ context.Context, name string) (webhook.Hook, error) {
	s.asked++
	h, ok := s.hooks[name]
	if !ok {
		return h, webhook.ErrToken
	}
	return h, nil
}

func (s *store) AddHook(_ context.Context, h webhook.Hook) error {
	s.hooks[h.Name] = h
	return nil
}

func (s *store) Hooks(context.Context, fleet.User) ([]webhook.Hook, error) { return nil, nil }

func (s *store) RemoveHook(_ context.Context, _ fleet.User, name string) error {
	delete(s.hooks, name)
	return nil
}

// reversing is a cipher that a test can see through.
type reversing struct{}

func (reversing) Encrypt(_ context.Context, user fleet.User, secret []byte) ([]byte, error) {
	return append([]byte(user+":"), secret...), nil
}

func (reversing) Decrypt(_ context.Context, user fleet.User, text []byte) ([]byte, error) {
	secret, ok := strings.CutPrefix(string(text), string(user)+":")
	if !ok {
		return nil, errors.New("another user's")
	}
	return []byte(secret), nil
}

// A hook is looked up once in a while, holds neither token nor secret in the open, and ends when it is removed.
func TestHooks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &store{hooks: map[string]webhook.Hook{}}
		h := webhook.New(s, reversing{})
		made, err := h.Make(t.Context(), "ann")
		require.NoError(t, err)
		require.NotContains(t, s.hooks, made.Token)
		d := webhook.Delivery{Body: []byte(body)}
		sign(&d, []byte(made.Secret), time.Now())
		for range 3 {
			user, draft, err := h.Open(t.Context(), made.Token, d)
			require.NoError(t, err)
			require.Equal(t, fleet.User("ann"), user)
			require.Equal(t, "AAPL", draft.Symbol)
		}
		require.Equal(t, 1, s.asked)
		time.Sleep(31 * time.Second)
		_, _, err = h.Open(t.Context(), made.Token, d)
		require.NoError(t, err)
		require.Equal(t, 2, s.asked)
		for _, guess := range []string{"guessed", "", strings.Repeat("A", 65), strings.ToLower(made.Token), made.Token[:25] + "1", rand.Text()} {
			_, _, err = h.Open(t.Context(), guess, d)
			require.ErrorIs(t, err, webhook.ErrToken)
		}
		require.Equal(t, 3, s.asked, "what cannot be a token is looked up")
		require.NoError(t, h.Remove(t.Context(), "ann", made.Name))
		_, _, err = h.Open(t.Context(), made.Token, d)
		require.ErrorIs(t, err, webhook.ErrToken)
	})
}

// slow is a store whose look-ups take a second, and that knows how many were made at once.
type slow struct {
	store
	mu               sync.Mutex
	now, most, asked int
}

func (s *slow) Hook(ctx context.Context, name string) (webhook.Hook, error) {
	s.mu.Lock()
	s.asked++
	s.now++
	s.most = max(s.most, s.now)
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.now--
		s.mu.Unlock()
	}()
	select {
	case <-time.After(time.Second):
	case <-ctx.Done():
		return webhook.Hook{}, ctx.Err()
	}
	return webhook.Hook{}, webhook.ErrToken
}

// Strangers cost the database little: whoever asks for one address at once shares a look-up, also if the first one's
// patience ends; an address that nobody has is not looked up again for a while; and few look-ups run at once.
func TestStrangers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &slow{}
		h := webhook.New(s, reversing{})
		var group sync.WaitGroup
		ask := func(ctx context.Context, token string, want error) {
			group.Go(func() {
				_, _, err := h.Open(ctx, token, webhook.Delivery{})
				require.ErrorIs(t, err, want)
			})
		}
		removed := rand.Text()
		for range 20 {
			ask(t.Context(), removed, webhook.ErrToken)
		}
		group.Wait()
		ask(t.Context(), removed, webhook.ErrToken)
		group.Wait()
		require.Equal(t, 1, s.asked)
		time.Sleep(5 * time.Second)
		ask(t.Context(), removed, webhook.ErrToken)
		group.Wait()
		require.Equal(t, 2, s.asked, "an address that is made meanwhile would never be found")

		hasty, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		other := rand.Text()
		ask(hasty, other, context.DeadlineExceeded)
		synctest.Wait()
		ask(t.Context(), other, webhook.ErrToken)
		group.Wait()
		require.Equal(t, 4, s.asked)

		for range 10 {
			ask(t.Context(), rand.Text(), webhook.ErrToken)
		}
		began := time.Now()
		group.Wait()
		require.Equal(t, 14, s.asked)
		require.Equal(t, 2, s.most)
		require.Equal(t, 5*time.Second, time.Since(began))
	})
}

// Whatever comes: it is refused with one of the known errors, or it was signed.
func FuzzCheck(f *testing.F) {
	now := time.Unix(1_800_000_000, 0)
	f.Add("1800000000", "v1=00", []byte(body))
	f.Add("", "", []byte(`{"secret":"secret","timestamp":1800000000,"id":"1","symbol":"A","side":"buy","quantity":1}`))
	f.Add("", "", []byte(`{"secret":null,"timestamp":"2027-01-15T08:00:00Z"}`))
	f.Fuzz(func(t *testing.T, timestamp, signature string, body []byte) {
		draft, err := webhook.Check([]byte("secret"), webhook.Delivery{Timestamp: timestamp, Signature: signature, Body: body}, now)
		var invalid *order.Invalid
		switch {
		case err == nil:
			fields, err := order.ReadFields(body)
			require.NoError(t, err)
			said, _ := fields.Text("secret")
			require.True(t, said == "secret" || signature == webhook.Sign([]byte("secret"), timestamp, body))
			require.True(t, draft.Quantity.IsPositive())
			require.NotEmpty(t, draft.Key)
		default:
			require.True(t, errors.Is(err, webhook.ErrStale) || errors.Is(err, webhook.ErrSignature) || errors.As(err, &invalid), err)
		}
	})
}
