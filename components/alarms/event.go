package alarms

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"workerfleet/components/names"
)

// EventBridge retries what the topic does not take for a day, its longest; then the event goes to the queue.
const (
	oldestEventSeconds = 86_400
	eventAttempts      = 185 // EventBridge's own default, stated

	// longestEventText is EventBridge's limit of a rule's description, in characters.
	longestEventText = 512
)

var wordForm = regexp.MustCompile(`<([^<>]*)>`)

// Event is something that AWS tells by event.
type Event struct {
	// Pattern is the EventBridge pattern: source, detail-type, detail.
	Pattern pulumi.Map
	// Says is the text that people get. A word <x> in it stands for Values["x"].
	Says string
	// Values are paths into the event, such as $.detail.repository-name.
	Values map[string]string
}

// OnEvent makes a rule that tells the topic of events, with retries and the queue of undelivered ones.
func (c *Topic) OnEvent(ctx *pulumi.Context, name string, event Event, opts ...pulumi.ResourceOption) error {
	if err := event.validate(name); err != nil {
		return fmt.Errorf("event rule %q: %w", name, err)
	}
	rule, err := cloudwatch.NewEventRule(ctx, name, &cloudwatch.EventRuleArgs{
		Description:  pulumi.String(event.Says),
		EventPattern: pulumi.JSONMarshal(event.Pattern),
	}, opts...)
	if err != nil {
		return err
	}
	_, err = cloudwatch.NewEventTarget(ctx, names.Join(name, "target"), &cloudwatch.EventTargetArgs{
		Rule: rule.Name,
		Arn:  c.Arn,
		InputTransformer: cloudwatch.EventTargetInputTransformerArgs{
			InputPaths: pulumi.ToStringMap(event.Values),
			// A text, quoted as JSON wants it; EventBridge fills in the words in angle brackets.
			InputTemplate: pulumi.String(fmt.Sprintf("%q", c.place.Stack+": "+event.Says)),
		},
		RetryPolicy: cloudwatch.EventTargetRetryPolicyArgs{
			MaximumEventAgeInSeconds: pulumi.Int(oldestEventSeconds), MaximumRetryAttempts: pulumi.Int(eventAttempts),
		},
		DeadLetterConfig: cloudwatch.EventTargetDeadLetterConfigArgs{Arn: c.undelivered.Arn},
	}, opts...)
	return err
}

// validate also holds the words of the text against the values: EventBridge refuses a target whose template names a
// value that is not there.
func (e Event) validate(name string) error {
	var problems []error
	if err := names.Fits(names.Rule, name); err != nil {
		problems = append(problems, err)
	}
	if len(e.Pattern) == 0 {
		problems = append(problems, errors.New("pattern: is empty; allowed: at least a source"))
	}
	if e.Says == "" || len(e.Says) > longestEventText {
		problems = append(problems, fmt.Errorf("says: has %d characters; allowed: 1 to %d", len(e.Says), longestEventText))
	}
	for _, word := range wordForm.FindAllStringSubmatch(e.Says, -1) {
		if _, ok := e.Values[word[1]]; !ok {
			problems = append(problems, fmt.Errorf("says: <%s> has no value; allowed: %s", word[1], strings.Join(slices.Sorted(maps.Keys(e.Values)), ", ")))
		}
	}
	for _, word := range slices.Sorted(maps.Keys(e.Values)) {
		if !strings.Contains(e.Says, "<"+word+">") {
			problems = append(problems, fmt.Errorf("values: %q is not in the text; allowed: values that the text names", word))
		}
	}
	return errors.Join(problems...)
}
