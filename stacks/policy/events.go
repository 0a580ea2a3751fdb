package policy

import (
	"regexp"
	"strings"

	"workerfleet/stacks/graph"
)

const eventTargetType = "aws:cloudwatch/eventTarget:EventTarget"

var rateForm = regexp.MustCompile(`^rate\((\d+) (minute|minutes|hour|hours|day|days)\)$`)

func eventRules() []Rule {
	return []Rule{
		{ID: "aws-11", Title: "a rate's unit is singular for one and plural for more", Types: []string{"aws:cloudwatch/eventRule:EventRule"}, Check: checkSchedule},
		{ID: "aws-37", Title: "an event target's dead-letter queue is a standard queue", Types: []string{eventTargetType}, Check: checkEventDeadLetters},
		{ID: "aws-41", Title: "an event target that is a FIFO queue has a constant message group", Types: []string{eventTargetType}, Check: checkEventGroup},
	}
}

func checkSchedule(_ *graph.Graph, r graph.Resource) []Finding {
	schedule := r.Text("scheduleExpression")
	if !strings.HasPrefix(schedule, "rate(") {
		return nil
	}
	parts := rateForm.FindStringSubmatch(schedule)
	one := parts != nil && parts[1] == "1"
	if parts == nil || strings.Trim(parts[1], "0") == "" || one == strings.HasSuffix(parts[2], "s") {
		return []Finding{finding("scheduleExpression", "ValidationException: Parameter ScheduleExpression is not valid: %q; allowed: rate(1 minute), rate(5 minutes), rate(1 hour) …", schedule)}
	}
	return nil
}

func checkEventDeadLetters(g *graph.Graph, r graph.Resource) []Finding {
	queue, found := g.Refers(queueType, r.Value("deadLetterConfig.arn"))
	if found && queue.Flag("fifoQueue") {
		return []Finding{finding("deadLetterConfig.arn", "ValidationException: %q is a FIFO queue; allowed: a standard queue", queue.Name)}
	}
	return nil
}

func checkEventGroup(g *graph.Graph, r graph.Resource) []Finding {
	queue, found := g.Refers(queueType, r.Value("arn"))
	if found && queue.Flag("fifoQueue") && r.Text("sqsTarget.messageGroupId") == "" {
		return []Finding{finding("sqsTarget.messageGroupId", "ValidationException: Parameter(s) SqsParameters must be specified for target: %q is a FIFO queue and needs a message group", queue.Name)}
	}
	return nil
}
