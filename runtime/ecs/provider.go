package ecs

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/pool"
)

// Config says where workers run. Cluster, TaskDefinition and CapacityProvider must be set.
type Config struct {
	// Cluster is its name or ARN.
	Cluster string
	// TaskDefinition is FAMILY:REVISION or the ARN of one. A batch's image is another revision of the same family.
	TaskDefinition string
	// CapacityProvider is the one of the worker hosts.
	CapacityProvider string
	// Limit bounds one launch or stop; 0 is 8 s, less than a lost launch waits for its repetition.
	Limit time.Duration
	// ListLimit bounds a whole listing; 0 is 2 minutes, more than twice what 35,000 workers need.
	ListLimit time.Duration
	// Reads is how many calls a second listings make after the first few; 0 is 16, four fifths of what the account has
	// (fact ecs.api.clusterread.sustained: 20).
	Reads int
}

const (
	callLimit, listLimit = 8 * time.Second, 2 * time.Minute
	readsPerSecond       = 16
)

// Provider launches workers on one cluster.
type Provider struct {
	Config
	family string // the task definition without its revision, as RunTask takes it
	client *ecs.Client
	reads  *pace
}

var _ pool.Provider = (*Provider)(nil)

// New makes a provider that calls AWS as it is configured. It makes no call. Errors name the field.
func New(config aws.Config, c Config) (*Provider, error) {
	family, revision, _ := cutRevision(c.TaskDefinition)
	switch {
	case c.Cluster == "":
		return nil, fmt.Errorf("cluster: is empty; allowed: the name or ARN of a cluster")
	case c.CapacityProvider == "":
		return nil, fmt.Errorf("capacity provider: is empty; allowed: the name of one of the cluster's")
	case family == "" || revision < 1:
		return nil, fmt.Errorf("task definition: %q is not allowed; allowed: FAMILY:REVISION or the ARN of one", c.TaskDefinition)
	}
	c.Limit = cmp.Or(c.Limit, callLimit)
	c.ListLimit = cmp.Or(c.ListLimit, listLimit)
	c.Reads = cmp.Or(c.Reads, readsPerSecond)
	return &Provider{Config: c, family: family, client: ecs.NewFromConfig(config), reads: newPace(c.Reads)}, nil
}

// cutRevision takes FAMILY:REVISION, or an ARN that ends in it, apart.
func cutRevision(definition string) (family string, revision int64, ok bool) {
	at := strings.LastIndex(definition, ":")
	if at < 0 {
		return "", 0, false
	}
	revision, err := strconv.ParseInt(definition[at+1:], 10, 64)
	return definition[:at], revision, err == nil
}

// once makes a call exactly one time: whoever calls pays for each from a bucket that all processes share, and repeats
// by itself. A repetition in here would be spent twice and unseen, at the moment when the account has least to spend.
func once(o *ecs.Options) { o.Retryer = aws.NopRetryer{} }

// keyCharacters are those that both RunTask's client token and its startedBy take.
func keyCharacters(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' || r == '/'
}

// longestKey is the most that a client token may have.
const longestKey = 64

func check(b pool.Batch) error {
	other := func(r rune) bool { return !keyCharacters(r) }
	switch {
	case b.Count < 1 || b.Count > pool.BatchLimit:
		return fmt.Errorf("count: is %d; allowed: 1 to %d", b.Count, pool.BatchLimit)
	case b.Key == "" || len(b.Key) > longestKey || strings.ContainsFunc(b.Key, other):
		return fmt.Errorf("key: %q is not allowed; allowed: 1 to %d letters, digits, -, _ and /", b.Key, longestKey)
	case b.Image < 0:
		return fmt.Errorf("image: is %d; allowed: a revision, or 0 for the configured one", b.Image)
	}
	return nil
}

// Launch: see [pool.Provider]. AWS remembers a key for hours. That some of a batch could not be placed is known to it as
// well, but whether it answers the same a second time is documented for calls that succeeded only; under one key there
// are never more than the batch's count in any case.
func (p *Provider) Launch(ctx context.Context, b pool.Batch) ([]fleet.Worker, error) {
	if err := check(b); err != nil {
		return nil, fmt.Errorf("launch: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, p.Limit)
	defer cancel()
	answer, err := p.runTask(ctx, b)
	if err != nil {
		if workers, ok := launchedBefore(err, b); ok {
			return workers, nil
		}
		return nil, fmt.Errorf("launch: %w", typed(err))
	}
	workers := make([]fleet.Worker, 0, len(answer.Tasks))
	for _, task := range answer.Tasks {
		workers = append(workers, fleet.Worker(aws.ToString(task.TaskArn)))
	}
	if missing := b.Count - len(workers); missing > 0 {
		return workers, fmt.Errorf("launch: %w", shortfall(missing, answer.Failures))
	}
	return workers, nil
}

// runTask spreads over zones first, so that a lost zone takes its share only, and fills hosts one after the other within
// a zone, so that others empty and can go. Hosts that are out of service are left out.
func (p *Provider) runTask(ctx context.Context, b pool.Batch) (*ecs.RunTaskOutput, error) {
	definition := p.TaskDefinition
	if b.Image > 0 {
		definition = p.family + ":" + strconv.FormatInt(b.Image, 10)
	}
	return p.client.RunTask(ctx, &ecs.RunTaskInput{
		Cluster: &p.Cluster, TaskDefinition: &definition, Count: aws.Int32(int32(b.Count)),
		ClientToken: &b.Key, StartedBy: &b.Key,
		CapacityProviderStrategy: []types.CapacityProviderStrategyItem{{CapacityProvider: &p.CapacityProvider, Weight: 1}},
		PlacementConstraints:     []types.PlacementConstraint{{Type: types.PlacementConstraintTypeMemberOf, Expression: aws.String("attribute:" + closed + " not_exists")}},
		PlacementStrategy: []types.PlacementStrategy{
			{Type: types.PlacementStrategyTypeSpread, Field: aws.String("attribute:ecs.availability-zone")},
			{Type: types.PlacementStrategyTypeBinpack, Field: aws.String("cpu")},
		},
	}, once)
}

// reason is what DescribeTasks and the console show of a task that was stopped here.
const reason = "retired by the pool"

// Stop: see [pool.Provider].
func (p *Provider) Stop(ctx context.Context, worker fleet.Worker) error {
	ctx, cancel := context.WithTimeout(ctx, p.Limit)
	defer cancel()
	_, err := p.client.StopTask(ctx, &ecs.StopTaskInput{Cluster: &p.Cluster, Task: aws.String(string(worker)), Reason: aws.String(reason)}, once)
	if err = typed(err); err != nil && !gone(err) {
		return fmt.Errorf("stop %s: %w", worker, err)
	}
	return nil
}
