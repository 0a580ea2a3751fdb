package alarms

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"workerfleet/components/names"
)

// Missing says what the absence of data means. There is no default: silence is good news from a counter of errors and
// bad news from a heartbeat.
type Missing string

// What missing data may mean, in CloudWatch's words.
const (
	NotBreaching Missing = "notBreaching"
	Breaching    Missing = "breaching"
	Ignored      Missing = "ignore" // the alarm keeps its state
)

// Statistic is how the values of one period become one.
type Statistic string

// The statistics in use. Maximum is the default: most alarms ask whether something happened at all.
const (
	Maximum Statistic = "Maximum"
	Sum     Statistic = "Sum"
	Average Statistic = "Average"
	Minimum Statistic = "Minimum"
)

// Metric is one CloudWatch metric and how it is read.
type Metric struct {
	Namespace, Name string
	Dimensions      pulumi.StringMap
	// Statistic defaults to Maximum.
	Statistic Statistic
	// Seconds of one period; default 60.
	Seconds int
}

// Alarm is one thing to be told of.
type Alarm struct {
	// Says tells in two sentences what happened and what to do first. It is the text that people get.
	Says   string
	Metric Metric
	// Above is the highest value that is still well, in the metric's unit.
	Above float64
	// Periods in a row must be above.
	Periods int
	Missing Missing
}

// longestText is CloudWatch's limit of an alarm's description, in characters.
const longestText = 1024

// Alarm makes an alarm that goes to the topic when it starts and when it ends. The name is the logical one; the
// physical one carries the stack's name, because it is the subject of the message that people get.
func (c *Topic) Alarm(ctx *pulumi.Context, name string, a Alarm, opts ...pulumi.ResourceOption) (*cloudwatch.MetricAlarm, error) {
	if err := a.validate(); err != nil {
		return nil, fmt.Errorf("alarm %q: %w", name, err)
	}
	if a.Metric.Seconds == 0 {
		a.Metric.Seconds = 60
	}
	if a.Metric.Statistic == "" {
		a.Metric.Statistic = Maximum
	}
	return cloudwatch.NewMetricAlarm(ctx, name, &cloudwatch.MetricAlarmArgs{
		Name:               pulumi.String(c.place.Stated(names.Alarm, name)),
		AlarmDescription:   pulumi.String(a.Says),
		Namespace:          pulumi.String(a.Metric.Namespace),
		MetricName:         pulumi.String(a.Metric.Name),
		Dimensions:         a.Metric.Dimensions,
		Statistic:          pulumi.String(string(a.Metric.Statistic)),
		Period:             pulumi.Int(a.Metric.Seconds),
		ComparisonOperator: pulumi.String("GreaterThanThreshold"),
		Threshold:          pulumi.Float64(a.Above),
		EvaluationPeriods:  pulumi.Int(a.Periods),
		TreatMissingData:   pulumi.String(string(a.Missing)),
		AlarmActions:       pulumi.Array{c.Arn},
		OkActions:          pulumi.Array{c.Arn},
	}, opts...)
}

func (a Alarm) validate() error {
	var problems []error
	refuse := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	if a.Says == "" || len(a.Says) > longestText {
		refuse("says: has %d characters; allowed: 1 to %d, what happened and what to do first", len(a.Says), longestText)
	}
	if a.Metric.Namespace == "" || a.Metric.Name == "" {
		refuse("metric: namespace %q and name %q; allowed: both stated", a.Metric.Namespace, a.Metric.Name)
	}
	if a.Periods < 1 {
		refuse("periods: %d is not allowed; allowed: 1 or more", a.Periods)
	}
	if allowed := []Missing{NotBreaching, Breaching, Ignored}; !slices.Contains(allowed, a.Missing) {
		refuse("missing: %q is not allowed; allowed: %s", a.Missing, listed(allowed))
	}
	if allowed := []Statistic{"", Maximum, Sum, Average, Minimum}; !slices.Contains(allowed, a.Metric.Statistic) {
		refuse("metric.statistic: %q is not allowed; allowed: %s", a.Metric.Statistic, listed(allowed[1:]))
	}
	// CloudWatch takes 10, 20, 30 and multiples of 60; AWS's own metrics have no finer ones than 60.
	if a.Metric.Seconds < 0 || a.Metric.Seconds%60 != 0 {
		refuse("metric.seconds: %d is not allowed; allowed: multiples of 60", a.Metric.Seconds)
	}
	return errors.Join(problems...)
}

func listed[T ~string](allowed []T) string {
	words := make([]string, len(allowed))
	for i, word := range allowed {
		words[i] = string(word)
	}
	return strings.Join(words, ", ")
}
