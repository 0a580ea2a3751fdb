package queue

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"

	"workerfleet/runtime/fleet"
)

// Parse reads the body of a message of a queue. Its error lists everything that is wrong, each with the field's name and
// what would be allowed. Fields that it does not know are passed over: a sender may be newer than its reader.
func Parse(from Name, text string) (Task, error) {
	var b body
	if err := json.Unmarshal([]byte(text), &b); err != nil {
		var wrong *json.UnmarshalTypeError
		if errors.As(err, &wrong) && wrong.Field != "" {
			allowed := map[bool]string{true: "a text", false: "a number"}[wrong.Type.Kind() == reflect.String]
			return Task{}, fmt.Errorf("%s: is a %s; allowed: %s", wrong.Field, wrong.Value, allowed)
		}
		return Task{}, fmt.Errorf("body: is no JSON object: %w", err)
	}
	if b.Version != version {
		return Task{}, fmt.Errorf("v: %d is not allowed; allowed: %d", b.Version, version)
	}
	if !slices.Contains(from.Types(), b.Type) {
		return Task{}, fmt.Errorf("type: %q is not allowed; allowed on %s: %v", b.Type, from, from.Types())
	}
	t := Task{Type: b.Type, ID: b.ID, Order: b.Order, Instance: b.Instance, Status: b.Status, Action: b.Action, Detail: b.Detail}
	problems := []error{stated("id", b.ID)}
	keep := func(err error) { problems = append(problems, err) }
	var err error
	if t.At, err = time.Parse(time.RFC3339, b.At); err != nil {
		keep(fmt.Errorf("at: %q is not allowed; allowed: a time such as 2026-01-02T15:04:05Z", b.At))
	}
	if b.User != "" || t.needsUser() {
		t.User, err = fleet.ParseUser(b.User)
		keep(err)
	}
	if b.Epoch != "" {
		t.Epoch, err = fleet.ParseEpoch(b.Epoch)
		keep(err)
	}
	return t, errors.Join(append(problems, t.complete(b))...)
}

// needsUser: what EventBridge writes is about no user that it knew.
func (t Task) needsUser() bool { return t.Type != HostLost && t.Type != TaskStopped }

// complete reads the fields that belong to the task's type alone.
func (t *Task) complete(b body) (err error) {
	switch t.Type {
	case Stop, Restart:
		if t.Epoch == 0 && b.Epoch == "" {
			return errors.New("epoch: is missing; allowed: that of the session which is to end")
		}
	case Dispatch, Verify:
		return stated("order", b.Order)
	case Audit:
		return stated("action", b.Action)
	case TaskStopped:
		t.Worker, err = fleet.ParseWorker(b.Worker)
		return err
	case HostLost:
		if (b.Host == "") == (b.Instance == "") {
			return errors.New("host and instance: both or neither are stated; allowed: one of them")
		}
		if b.Host != "" {
			t.Host, err = fleet.ParseHost(b.Host)
		}
		return errors.Join(err, stated("status", b.Status))
	}
	return nil
}

func stated(field, text string) error {
	if text == "" {
		return fmt.Errorf("%s: is missing; allowed: any text", field)
	}
	return nil
}
