package valkey

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

// Limits counts what subjects may do, spread over the slots by subject. It is safe for concurrent use.
type Limits struct {
	client redis.UniversalClient
	source string
}

// Allowance is what one subject has: a turn each Every in the long run, and Burst of them at once.
type Allowance struct {
	// Subject names a user or an address, "user:ann".
	Subject string
	Every   time.Duration
	Burst   int
}

// NewLimits asks the server what it understands. The client stays the caller's to close.
func NewLimits(ctx context.Context, client redis.UniversalClient) (*Limits, error) {
	source, err := sources.ReadFile("limit.lua")
	if err != nil {
		return nil, fmt.Errorf("read the script limit: %w", err)
	}
	strict, err := understands(ctx, client)
	if err != nil {
		return nil, err
	}
	if strict {
		source = append([]byte("#!lua\n"), source...)
	}
	return &Limits{client, string(source)}, nil
}

// Take takes a turn of each allowance, in one round trip. It returns 0, or how long until the last of those that had
// none has one again.
func (l *Limits) Take(ctx context.Context, allowances ...Allowance) (wait time.Duration, err error) {
	answers := make([]*redis.Cmd, len(allowances))
	_, err = l.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, a := range allowances {
			every := float64(a.Every) / float64(time.Millisecond)
			answers[i] = p.Eval(ctx, l.source, []string{"rl:" + a.Subject}, every, every*float64(a.Burst-1))
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("limit: %w", err)
	}
	for _, answer := range answers {
		text, err := answer.Text()
		if err != nil {
			return 0, fmt.Errorf("limit: %w", err)
		}
		millis, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("limit: answers %q: %w", text, err)
		}
		wait = max(wait, time.Duration(millis)*time.Millisecond)
	}
	return wait, nil
}
