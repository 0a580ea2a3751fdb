package queues

import (
	"errors"
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"workerfleet/components/access"
	"workerfleet/components/alarms"
	"workerfleet/components/names"
)

// Limits of the arguments, in seconds or receives.
const (
	// A function runs for 15 minutes at most.
	longestConsumer = 900
	// AWS advises six times the function's timeout: its retries of a throttled batch must end before the message
	// appears a second time (https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html).
	visibilityFactor = 6
	// SQS hides a message for 12 hours at most.
	longestVisibility = 43_200
	// AWS advises five receives: throttling counts as a receive, and three of them are no sign of a bad message.
	defaultReceives, fewestReceives, mostReceives = 5, 3, 1_000
	// A message that waits five minutes is one that somebody should look at.
	defaultOldest = 300
)

// Args describe one queue.
type Args struct {
	// Key encrypts the queue and its dead-letter queue. Its policy admits the producers that are AWS services.
	Key pulumi.StringPtrInput
	// Topic is told of dead messages, old messages and a full queue.
	Topic *alarms.Topic
	// ConsumerSeconds is the timeout of the slowest consumer.
	ConsumerSeconds int
	// VisibilitySeconds defaults to six times the consumer's timeout, which is also the least.
	VisibilitySeconds int
	// MaxReceives before a message is dead; default 5.
	MaxReceives int
	// OldestSeconds is the age of the oldest message above which the topic is told; default 300.
	OldestSeconds int
	// ContentBasedDeduplication gives a message without a deduplication id the digest of its body as one.
	ContentBasedDeduplication bool
	// Producers are AWS services that may send, such as access.EventRules. Roles need no mention: their own policies
	// decide.
	Producers []access.Principal
}

// complete returns the arguments with defaults, or all that is wrong with them.
func (args *Args) complete(name string) (Args, error) {
	a := *args
	var problems []error
	refuse := func(format string, values ...any) { problems = append(problems, fmt.Errorf(format, values...)) }
	for _, suffix := range []string{"queue", "dead"} {
		if err := names.Fits(names.FIFOQueue, names.Join(name, suffix)); err != nil {
			problems = append(problems, err)
		}
	}
	if a.Key == nil {
		refuse("key: is missing; allowed: the ARN of the key for messages")
	}
	if a.Topic == nil {
		refuse("topic: is missing; allowed: the stack's alarm topic")
	}
	if a.ConsumerSeconds < 1 || a.ConsumerSeconds > longestConsumer {
		refuse("consumerSeconds: %d is not allowed; allowed: 1 to %d", a.ConsumerSeconds, longestConsumer)
	}
	least := visibilityFactor * a.ConsumerSeconds
	if a.VisibilitySeconds == 0 {
		a.VisibilitySeconds = least
	}
	if a.VisibilitySeconds < least || a.VisibilitySeconds > longestVisibility {
		refuse("visibilitySeconds: %d is not allowed; allowed: %d (%d × consumerSeconds) to %d", a.VisibilitySeconds, least, visibilityFactor, longestVisibility)
	}
	if a.MaxReceives == 0 {
		a.MaxReceives = defaultReceives
	}
	if a.MaxReceives < fewestReceives || a.MaxReceives > mostReceives {
		refuse("maxReceives: %d is not allowed; allowed: %d to %d", a.MaxReceives, fewestReceives, mostReceives)
	}
	if a.OldestSeconds == 0 {
		a.OldestSeconds = defaultOldest
	}
	if a.OldestSeconds < 0 || a.OldestSeconds >= retention {
		refuse("oldestSeconds: %d is not allowed; allowed: 1 to %d", a.OldestSeconds, retention-1)
	}
	if len(a.Producers) > 0 && !a.ContentBasedDeduplication {
		refuse("contentBasedDeduplication: is off while AWS services send; allowed: on, because they cannot state a deduplication id")
	}
	if err := errors.Join(problems...); err != nil {
		return a, fmt.Errorf("queues.Queue %q: %w", name, err)
	}
	return a, nil
}
