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
	Decision Decision      `json:"decision,omitzero"`
	Record   []pool.Sample `json:"record,omitempty"`
	// Tried is when a call that is repeated was last made, by reservation or worker.
	Tried map[string]time.Time `json:"tried,omitempty"`
	// Group is what is known of the hosts' number.
	Group group `json:"group,omitzero"`
	// Lesson is what past weeks say of the next minutes.
	Lesson lesson `json:"lesson,omitzero"`
}

// due says whether a call that was first made at a time may be repeated now.
func (m memory) due(of string, first, now time.Time, after time.Duration) bool {
	if last, again := m.Tried[of]; again {
		first = last
	}
	return now.Sub(first) > after
}

// notes is what stands beside the plan: what calls have come to is written after them, when the plan may be another one
// already.
type notes struct {
	Launches refused `json:"launches,omitzero"`
	Hosts    refused `json:"hosts,omitzero"`
}

// refused is a [pool.Refusal] as the note carries it.
type refused struct {
	Why   string    `json:"why"`
	Last  time.Time `json:"last"`
	Times int       `json:"times"`
}

func read[T any](text string) (value T, err error) {
	if text == "" {
		return value, nil
	}
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		return value, fmt.Errorf("read the plan: %w", err)
	}
	return value, nil
}

func written(value any) (string, error) {
	text, err := json.Marshal(value)
	if err != nil {
		return "", fmt.Errorf("write the plan: %w", err)
	}
	return string(text), nil
}

func (r refused) refusal() pool.Refusal {
	if r.Times == 0 {
		return pool.Refusal{}
	}
	err := pool.Refusing(r.Why)
	if err == nil {
		err = errors.New(r.Why)
	}
	return pool.Refusal{Err: err, Last: r.Last, Times: r.Times}
}

// failed stands for an error whose outcome is open.
const failed = "failed"

// after adds the result of one more round's launches: nil ends the run.
func (r refused) after(err error, now time.Time) refused {
	if err == nil {
		return refused{}
	}
	next := r.refusal().After(err, now)
	why := pool.Refused(err)
	if why == "" {
		why = failed
	}
	return refused{Why: why, Last: next.Last, Times: next.Times}
}
