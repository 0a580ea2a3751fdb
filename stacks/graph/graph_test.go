package graph_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/sqs"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"workerfleet/stacks/graph"
)

type pair struct{ pulumi.ResourceState }

// program registers a component with a queue and the queue that it refers to, and a secret output.
func program(ctx *pulumi.Context) error {
	c := &pair{}
	if err := ctx.RegisterComponentResource("workerfleet:test:Pair", "pair", c); err != nil {
		return err
	}
	dead, err := sqs.NewQueue(ctx, "pair-dead", &sqs.QueueArgs{FifoQueue: pulumi.Bool(true)}, pulumi.Parent(c), pulumi.Protect(true))
	if err != nil {
		return err
	}
	_, err = sqs.NewQueue(ctx, "pair-main", &sqs.QueueArgs{
		FifoQueue:      pulumi.Bool(true),
		RedrivePolicy:  pulumi.Sprintf(`{"maxReceiveCount":5,"deadLetterTargetArn":"%s"}`, dead.Arn),
		KmsMasterKeyId: pulumi.ToSecret(pulumi.String("hidden")).(pulumi.StringOutput),
		Tags:           pulumi.StringMap{"digest": pulumi.String("sha256:" + strings.Repeat("ab", 32))},
	}, pulumi.Parent(c), pulumi.IgnoreChanges([]string{"tags"}))
	if err != nil {
		return err
	}
	return ctx.RegisterResourceOutputs(c, pulumi.Map{})
}

// Record shows what a program registers and lets references resolve. That the engine would register the same is shown
// by the engine's own test.
func TestRecord(t *testing.T) {
	g, err := graph.Record(program, graph.Run{Stack: "tier-100"})
	require.NoError(t, err)
	require.Len(t, g.All(), 3)

	main := g.OfType("aws:sqs/queue:Queue")[1]
	require.Equal(t, "pair-main", main.Name)
	require.Equal(t, "urn:pulumi:tier-100::workerfleet::workerfleet:test:Pair$aws:sqs/queue:Queue::pair-main", main.URN)
	require.Equal(t, "urn:pulumi:tier-100::workerfleet::workerfleet:test:Pair::pair", main.Parent)
	require.Equal(t, []string{"tags"}, main.Options.IgnoreChanges)
	require.Equal(t, []string{"kmsMasterKeyId"}, main.Secrets)
	require.True(t, strings.HasSuffix(main.PhysicalName(), ".fifo"), main.PhysicalName())

	redrive, ok := main.Document("redrivePolicy")
	require.True(t, ok)
	dead, found := g.Refers("aws:sqs/queue:Queue", redrive["deadLetterTargetArn"])
	require.True(t, found)
	require.Equal(t, "pair-dead", dead.Name)
	require.True(t, dead.Options.Protect)
}

// In a dry run nothing is known that only AWS could tell, and the same resources are registered all the same.
func TestRecordDryRun(t *testing.T) {
	wet, err := graph.Record(program, graph.Run{})
	require.NoError(t, err)
	dry, err := graph.Record(program, graph.Run{DryRun: true})
	require.NoError(t, err)
	require.Equal(t, len(wet.All()), len(dry.All()))
	for i, r := range dry.All() {
		require.Equal(t, wet.All()[i].URN, r.URN)
	}
	require.Equal(t, graph.Unknown, dry.OfType("aws:sqs/queue:Queue")[1].Inputs["redrivePolicy"])
}

// A golden text is the same in every run, hides secrets and masks what changes with each build.
func TestGolden(t *testing.T) {
	first, err := graph.Record(program, graph.Run{})
	require.NoError(t, err)
	second, err := graph.Record(program, graph.Run{})
	require.NoError(t, err)
	require.Equal(t, first.Golden(), second.Golden())
	require.Contains(t, first.Golden(), ".kmsMasterKeyId = <secret>")
	require.Contains(t, first.Golden(), `.tags = {"digest":"<digest>"}`)
	require.Contains(t, first.Golden(), "  protect\n")
	require.Contains(t, first.Golden(), "  ignore changes: tags\n")
}

// What a real run would get wrong unseen is refused here: a name registered twice, a resource that is read instead of
// looked up, and a lookup that nobody taught.
func TestRecordRefuses(t *testing.T) {
	twice := func(ctx *pulumi.Context) error {
		for range 2 {
			if _, err := sqs.NewQueue(ctx, "same", nil); err != nil {
				return err
			}
		}
		return nil
	}
	_, err := graph.Record(twice, graph.Run{})
	require.ErrorContains(t, err, "is registered twice")

	read := func(ctx *pulumi.Context) error {
		_, err := sqs.GetQueue(ctx, "old", pulumi.ID("x"), nil)
		return err
	}
	_, err = graph.Record(read, graph.Run{})
	require.ErrorContains(t, err, "is read, not registered")

	lookup := func(ctx *pulumi.Context) error {
		_, err := sqs.LookupQueue(ctx, &sqs.LookupQueueArgs{Name: "x"})
		return err
	}
	_, err = graph.Record(lookup, graph.Run{})
	require.ErrorContains(t, err, "no answer is known to the lookup aws:sqs/getQueue:getQueue")

	broken := errors.New("the program's own")
	_, err = graph.Record(func(*pulumi.Context) error { return broken }, graph.Run{})
	require.ErrorContains(t, err, broken.Error())
}

// The same seed gives the same names, and another seed other ones: two runs compare, a replacement differs.
func TestSimulate(t *testing.T) {
	place := graph.Place{Region: "eu-west-1", Account: graph.SimulatedAccount}
	r := graph.Resource{URN: "u", Type: "aws:ec2/vpc:Vpc", Name: "net", Inputs: map[string]any{"cidrBlock": "10.0.0.0/16"}}
	id, outputs := place.Simulate(r, "one")
	again, _ := place.Simulate(r, "one")
	other, _ := place.Simulate(r, "two")
	require.Equal(t, id, again)
	require.NotEqual(t, id, other)
	require.Regexp(t, `^vpc-[0-9a-f]{17}$`, id)
	require.Equal(t, "arn:aws:ec2:eu-west-1:000000000000:vpc/"+id, outputs["arn"])
	require.Equal(t, "10.0.0.0/16", outputs["cidrBlock"])
}
