package ecs

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/smithy-go"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/pool"
)

// throttling are the codes and the words by which AWS says “too many calls”: ECS itself, and EC2 through ECS, whose
// refusal comes as a wrong parameter.
var throttling = []string{"throttling", "rate exceeded", "requestlimitexceeded", "request limit exceeded", "toomanyrequests", "too many concurrent attempts"}

// full are the words by which a whole call is refused for want of room: 500 tasks wait for a host already (fact
// ecs.provisioning), or there is none.
var full = []string{"provisioning capacity limit", "no container instances were found"}

// refused are the codes of what AWS will not do whoever asks again: nothing has happened.
var refused = []string{"accessdenied", "unrecognizedclient", "invalidsignature", "incompletesignature", "expiredtoken", "invalidclienttokenid", "optinrequired"}

// answered is an error that AWS itself has sent.
type answered interface {
	error
	ErrorCode() string
	ErrorMessage() string
	ErrorFault() smithy.ErrorFault
}

// typed makes AWS's refusal one that the pool tells apart. Anything else leaves open whether the call happened.
func typed(err error) error {
	var refusal answered
	if !errors.As(err, &refusal) {
		return err // a lost answer, an ended context, or nil
	}
	switch text := strings.ToLower(refusal.ErrorCode() + " " + refusal.ErrorMessage()); {
	case containsAny(text, throttling):
		return fmt.Errorf("%w: %w", pool.ErrThrottled, err)
	case containsAny(text, full):
		return fmt.Errorf("%w: %w", pool.ErrNoCapacity, err)
	case refusal.ErrorFault() == smithy.FaultClient, containsAny(strings.ToLower(refusal.ErrorCode()), refused):
		return fmt.Errorf("%w: %w", pool.ErrRejected, err)
	}
	return err
}

func containsAny(text string, words []string) bool {
	return slices.ContainsFunc(words, func(word string) bool { return strings.Contains(text, word) })
}

// never are the words by which StopTask says that there is no such task: not any more – AWS forgets a task an hour after
// its end –, or never, by the form of its name.
var never = []string{"task was not found", "taskid length", "task identifier is invalid"}

// gone reports whether a task cannot be stopped because it is none.
func gone(err error) bool {
	var parameter *types.InvalidParameterException
	return errors.As(err, &parameter) && containsAny(strings.ToLower(parameter.ErrorMessage()), never)
}

// launchedBefore is the answer to a key that stands for tasks already, asked for with other parameters: a deployment
// between a launch and its repetition may have changed the capacity provider. They are the key's workers all the same.
// Another number of them is another batch.
func launchedBefore(err error, b pool.Batch) ([]fleet.Worker, bool) {
	var conflict *types.ConflictException
	if !errors.As(err, &conflict) || len(conflict.ResourceIds) != b.Count {
		return nil, false
	}
	workers := make([]fleet.Worker, 0, b.Count)
	for _, arn := range conflict.ResourceIds {
		workers = append(workers, fleet.Worker(arn))
	}
	return workers, true
}

// shortfall says why an answer has fewer tasks than were asked for. AWS lists reasons by host, not by task. One that
// will pass with room or hosts makes it want of room; what only a changed configuration cures is rejected, so that it is
// seen.
func shortfall(missing int, failures []types.Failure) error {
	count := map[string]int{}
	room := len(failures) == 0
	for _, f := range failures {
		why := aws.ToString(f.Reason)
		count[strings.TrimSpace(why+" "+aws.ToString(f.Detail))]++
		room = room || wantOfRoom(why)
	}
	var why []string
	for _, reason := range slices.Sorted(maps.Keys(count)) {
		why = append(why, fmt.Sprintf("%s ×%d", reason, count[reason]))
	}
	said := fmt.Sprintf("%d of the workers were not started: %s", missing, strings.Join(why, ", "))
	if room {
		return fmt.Errorf("%w: %s", pool.ErrNoCapacity, said)
	}
	return fmt.Errorf("%w: %s", pool.ErrRejected, said)
}

// wantOfRoom: RESOURCE:CPU and its like are a full host, AGENT one whose agent is away, and the rest is a sentence.
func wantOfRoom(reason string) bool {
	return strings.HasPrefix(reason, "RESOURCE") || reason == "AGENT" || strings.Contains(strings.ToLower(reason), "capacity")
}
