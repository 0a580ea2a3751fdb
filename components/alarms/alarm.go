package alarms

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
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
	P99     Statistic = "p99" // of what is measured for each request, such as latency
)

// Metric is one CloudWatch metric and how it is read.
type Metric struct {
	Namespace, Name string
	Dimensions      pulumi.StringMap
	// Each are the dimensions of up to ten of a kind, such as the nodes of a cluster, instead of Dimensions: the alarm
	// judges the worst of them.
	Each []pulumi.StringMap
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
	// Below is the lowest value that is still well, where less is worse; stated instead of Above.
	Below float64
	// Periods in a row must be beyond it.
	Periods int
	Missing Missing
}

// mostEach is how many metrics one alarm reads at most (CloudWatch user guide, metric math in alarms).
const mostEach = 10

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
	args := &cloudwatch.MetricAlarmArgs{
		Name:               pulumi.String(c.place.Stated(names.Alarm, name)),
		AlarmDescription:   pulumi.String(a.Says),
		ComparisonOperator: pulumi.String("GreaterThanThreshold"),
		Threshold:          pulumi.Float64(a.Above),
		EvaluationPeriods:  pulumi.Int(a.Periods),
		TreatMissingData:   pulumi.String(string(a.Missing)),
		AlarmActions:       pulumi.Array{c.Arn},
		OkActions:          pulumi.Array{c.Arn},
	}
	if a.Below > 0 {
		args.ComparisonOperator, args.Threshold = pulumi.String("LessThanThreshold"), pulumi.Float64(a.Below)
	}
	a.read(args)
	made, err := cloudwatch.NewMetricAlarm(ctx, name, args, opts...)
	if err != nil {
		return nil, err
	}
	c.made[name] = made.Name
	return made, nil
}

// Matching are the names of the alarms made so far whose logical name matches the pattern, by that name: what is made of
// other alarms can name none that does not exist. A pattern is one of path.Match, such as valkey-*-memory*.
func (c *Topic) Matching(pattern string) (map[string]pulumi.StringOutput, error) {
	found := map[string]pulumi.StringOutput{}
	for name, physical := range c.made {
		matches, err := path.Match(pattern, name)
		if err != nil {
			return nil, fmt.Errorf("alarms %q: %w", pattern, err)
		}
		if matches {
			found[name] = physical
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("alarms %q: none has such a name; allowed: %s", pattern, strings.Join(slices.Sorted(maps.Keys(c.made)), ", "))
	}
	return found, nil
}

// AlarmOfAll makes as many alarms as it takes for all of a kind, each of the worst of ten. They are numbered also where
// there is one, so that what grows keeps the alarms that it has.
func (c *Topic) AlarmOfAll(ctx *pulumi.Context, name string, a Alarm, all []pulumi.StringMap, opts ...pulumi.ResourceOption) error {
	batch := 0
	for some := range slices.Chunk(all, mostEach) {
		batch++
		a.Metric.Each = some
		if _, err := c.Alarm(ctx, names.Join(name, strconv.Itoa(batch)), a, opts...); err != nil {
			return err
		}
	}
	return nil
}

// read says what the alarm judges: one metric, or the worst of several.
func (a Alarm) read(args *cloudwatch.MetricAlarmArgs) {
	if len(a.Metric.Each) > 0 {
		args.MetricQueries = a.worst()
		return
	}
	args.Namespace, args.MetricName = pulumi.String(a.Metric.Namespace), pulumi.String(a.Metric.Name)
	args.Dimensions, args.Period = a.Metric.Dimensions, pulumi.Int(a.Metric.Seconds)
	if a.Metric.Statistic == P99 {
		args.ExtendedStatistic = pulumi.String(string(P99))
		return
	}
	args.Statistic = pulumi.String(string(a.Metric.Statistic))
}

// worst reads every one of a kind and makes the greatest of them, or the least, the value to judge.
func (a Alarm) worst() cloudwatch.MetricAlarmMetricQueryArray {
	function := "MAX"
	if a.Below > 0 {
		function = "MIN"
	}
	queries := cloudwatch.MetricAlarmMetricQueryArray{cloudwatch.MetricAlarmMetricQueryArgs{
		Id: pulumi.String("worst"), Expression: pulumi.String(function + "(METRICS())"), Label: pulumi.String(a.Metric.Name),
		ReturnData: pulumi.Bool(true),
	}}
	for i, dimensions := range a.Metric.Each {
		queries = append(queries, cloudwatch.MetricAlarmMetricQueryArgs{
			Id: pulumi.String(fmt.Sprintf("m%d", i+1)),
			Metric: cloudwatch.MetricAlarmMetricQueryMetricArgs{
				Namespace: pulumi.String(a.Metric.Namespace), MetricName: pulumi.String(a.Metric.Name), Dimensions: dimensions,
				Stat: pulumi.String(string(a.Metric.Statistic)), Period: pulumi.Int(a.Metric.Seconds),
			},
		})
	}
	return queries
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
	if len(a.Metric.Each) > mostEach || len(a.Metric.Each) > 0 && a.Metric.Dimensions != nil {
		refuse("metric.each: has %d dimensions beside %d of the metric's own; allowed: at most %d, and none of its own",
			len(a.Metric.Each), len(a.Metric.Dimensions), mostEach)
	}
	if a.Below < 0 || a.Below > 0 && a.Above != 0 {
		refuse("below: %g is not allowed beside above: %g; allowed: a positive value, and no other bound", a.Below, a.Above)
	}
	if a.Periods < 1 {
		refuse("periods: %d is not allowed; allowed: 1 or more", a.Periods)
	}
	if allowed := []Missing{NotBreaching, Breaching, Ignored}; !slices.Contains(allowed, a.Missing) {
		refuse("missing: %q is not allowed; allowed: %s", a.Missing, listed(allowed))
	}
	if allowed := []Statistic{"", Maximum, Sum, Average, Minimum, P99}; !slices.Contains(allowed, a.Metric.Statistic) {
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
