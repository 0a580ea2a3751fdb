package keeper

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"workerfleet/runtime/pool"
)

// memory is what one round leaves to the next, whoever makes it: the text of the plan in the index.
type memory struct {
	Record  []pool.Sample `json:"record,omitempty"`
	Refused refused       `json:"refused,omitzero"`
}

// refused is a [pool.Refusal] as text carries it.
type refused struct {
	Why   string    `json:"why"`
	Last  time.Time `json:"last"`
	Times int       `json:"times"`
}

func recall(text string) (m memory, err error) {
	if text == "" {
		return m, nil
	}
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		return m, fmt.Errorf("read the plan: %w", err)
	}
	return m, nil
}

func (m memory) text() (string, error) {
	text, err := json.Marshal(m)
	if err != nil {
		return "", fmt.Errorf("write the plan: %w", err)
	}
	return string(text), nil
}

// The words of the two typed refusals; any other error is only known as one.
const wordNoCapacity, wordThrottled = "no capacity", "throttled"

func (r refused) refusal() pool.Refusal {
	if r.Times == 0 {
		return pool.Refusal{}
	}
	err := errors.New(r.Why)
	switch r.Why {
	case wordNoCapacity:
		err = pool.ErrNoCapacity
	case wordThrottled:
		err = pool.ErrThrottled
	}
	return pool.Refusal{Err: err, Last: r.Last, Times: r.Times}
}

// after adds the result of one more round's launches: nil ends the run.
func (r refused) after(err error, now time.Time) refused {
	next := r.refusal().After(err, now)
	word := "failed"
	switch {
	case err == nil:
		return refused{}
	case errors.Is(err, pool.ErrNoCapacity):
		word = wordNoCapacity
	case errors.Is(err, pool.ErrThrottled):
		word = wordThrottled
	}
	return refused{Why: word, Last: next.Last, Times: next.Times}
}
