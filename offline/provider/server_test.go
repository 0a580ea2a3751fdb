package provider

import (
	"bytes"
	"context"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/types/known/structpb"
)

const (
	queueURN  = "urn:pulumi:t::p::aws:sqs/queue:Queue::work"
	subnetURN = "urn:pulumi:t::p::aws:ec2/subnet:Subnet::"
	vpcURN    = "urn:pulumi:t::p::aws:ec2/vpc:Vpc::net"
)

type inputs = map[string]any

func properties(t *testing.T, values inputs) *structpb.Struct {
	t.Helper()
	s, err := marshal(resource.NewPropertyMapFromMap(values))
	require.NoError(t, err)
	return s
}

func configured(t *testing.T) *Server {
	t.Helper()
	s := NewServer("6.0.0")
	_, err := s.Configure(context.Background(), &pulumirpc.ConfigureRequest{Args: properties(t, inputs{"region": "ap-southeast-1"})})
	require.NoError(t, err)
	return s
}

func check(t *testing.T, s *Server, urn string, olds, news inputs) *pulumirpc.CheckResponse {
	t.Helper()
	response, err := s.Check(context.Background(), &pulumirpc.CheckRequest{Urn: urn, Olds: properties(t, olds), News: properties(t, news)})
	require.NoError(t, err)
	return response
}

func reasons(response *pulumirpc.CheckResponse) string {
	var lines []string
	for _, f := range response.GetFailures() {
		lines = append(lines, f.GetProperty()+": "+f.GetReason())
	}
	return strings.Join(lines, "\n")
}

// The provider knows only what it was taught: a type outside its table is refused with the table, not accepted on
// trust.
func TestUnknownTypeIsRefused(t *testing.T) {
	_, err := configured(t).Check(context.Background(), &pulumirpc.CheckRequest{Urn: "urn:pulumi:t::p::aws:mq/broker:Broker::b"})
	require.ErrorContains(t, err, "does not know the type aws:mq/broker:Broker")
	require.ErrorContains(t, err, "aws:sqs/queue:Queue")
}

// Property names are the SDK's own, at every depth. Values of the right name and a wrong scalar kind are the SDK's
// compiler's business.
func TestUnknownPropertiesAreRefused(t *testing.T) {
	s := configured(t)
	require.Empty(t, reasons(check(t, s, queueURN, nil, inputs{"fifoQueue": true, "tags": inputs{"any": "key"}})))
	require.Contains(t, reasons(check(t, s, queueURN, nil, inputs{"fifo": true})), `fifo: there is no property "fifo" here; allowed: contentBasedDeduplication`)

	const endpoint = "urn:pulumi:t::p::aws:ec2/vpcEndpoint:VpcEndpoint::e"
	nested := check(t, s, endpoint, nil, inputs{"vpcId": "vpc-1", "dnsOptions": inputs{"ipType": "ipv4"}})
	require.Contains(t, reasons(nested), `there is no property "ipType" here; allowed: dnsRecordIpType`)
	listed := check(t, s, "urn:pulumi:t::p::aws:ec2/securityGroup:SecurityGroup::g", nil, inputs{"ingress": []any{inputs{"port": 1.0}}})
	require.Contains(t, reasons(listed), `there is no property "port" here`)
	shape := check(t, s, queueURN, nil, inputs{"tags": "none", "name": []any{"a"}})
	require.Contains(t, reasons(shape), "a list stands where one value is expected")
}

// What AWS refuses is refused with AWS's words, the property and the rule's number, all findings at once; a rule that
// looks at two resources finds the one created earlier in the run.
func TestRulesAreApplied(t *testing.T) {
	s := configured(t)
	failed := reasons(check(t, s, queueURN, nil, inputs{"fifoQueue": true, "visibilityTimeoutSeconds": 50_000.0, "deduplicationScope": "messageGroup"}))
	require.Contains(t, failed, "visibilityTimeoutSeconds: property visibilityTimeoutSeconds: AWS would say: InvalidParameterValue: Value 50000 for parameter VisibilityTimeout is invalid. Reason: Must be between 0 and 43200, if provided. (rule aws-4)")
	require.Contains(t, failed, "(rule aws-5)")

	made, err := s.Create(context.Background(), &pulumirpc.CreateRequest{Urn: vpcURN, Properties: properties(t, inputs{"cidrBlock": "10.0.0.0/16"})})
	require.NoError(t, err)
	outside := check(t, s, subnetURN+"a", nil, inputs{"vpcId": made.GetId(), "cidrBlock": "10.1.0.0/24"})
	require.Contains(t, reasons(outside), "is not inside the VPC's 10.0.0.0/16 (rule aws-3)")
}

// A chosen name is the same in two runs, is kept by later runs, and differs for a replacement.
func TestChosenNames(t *testing.T) {
	name := func(response *pulumirpc.CheckResponse) string {
		return response.GetInputs().GetFields()["name"].GetStringValue()
	}
	fifo := name(check(t, configured(t), queueURN, nil, inputs{"fifoQueue": true}))
	require.Regexp(t, `^work-[0-9a-f]{7}\.fifo$`, fifo)
	require.Equal(t, fifo, name(check(t, configured(t), queueURN, nil, inputs{"fifoQueue": true})))
	require.Equal(t, "work-earlier.fifo", name(check(t, configured(t), queueURN, inputs{"name": "work-earlier.fifo"}, inputs{"fifoQueue": true})))
	require.NotEqual(t, strings.TrimSuffix(fifo, ".fifo"), name(check(t, configured(t), queueURN, nil, inputs{})))
	require.Equal(t, "work-x", name(check(t, configured(t), queueURN, nil, inputs{"name": "work-x"})))
}

func difference(t *testing.T, urn string, olds, news inputs) *pulumirpc.DiffResponse {
	t.Helper()
	response, err := configured(t).Diff(context.Background(), &pulumirpc.DiffRequest{
		Urn: urn, Id: "id", Olds: properties(t, olds), OldInputs: properties(t, olds), News: properties(t, news),
	})
	require.NoError(t, err)
	require.True(t, response.GetHasDetailedDiff())
	return response
}

// A changed input is an update, or a replacement where AWS cannot change it in place; equal inputs are no change.
func TestDiff(t *testing.T) {
	same := difference(t, vpcURN, inputs{"cidrBlock": "10.0.0.0/16"}, inputs{"cidrBlock": "10.0.0.0/16"})
	require.Equal(t, pulumirpc.DiffResponse_DIFF_NONE, same.GetChanges())

	moved := difference(t, vpcURN, inputs{"cidrBlock": "10.0.0.0/16"}, inputs{"cidrBlock": "10.1.0.0/16"})
	require.Equal(t, []string{"cidrBlock"}, moved.GetReplaces())
	require.Equal(t, pulumirpc.PropertyDiff_UPDATE_REPLACE, moved.GetDetailedDiff()["cidrBlock"].GetKind())

	tagged := difference(t, vpcURN, inputs{"tags": inputs{"a": "1", "gone": "x"}}, inputs{"tags": inputs{"a": "2", "new": "y"}})
	require.Empty(t, tagged.GetReplaces())
	kinds := map[string]pulumirpc.PropertyDiff_Kind{}
	for path, d := range tagged.GetDetailedDiff() {
		kinds[path] = d.GetKind()
	}
	require.Equal(t, map[string]pulumirpc.PropertyDiff_Kind{
		"tags.a": pulumirpc.PropertyDiff_UPDATE, "tags.new": pulumirpc.PropertyDiff_ADD, "tags.gone": pulumirpc.PropertyDiff_DELETE,
	}, kinds)
}

// Creation answers like AWS: an id and an ARN of its form in an apply, nothing in a preview. An update keeps both.
func TestCreateAndUpdate(t *testing.T) {
	s := configured(t)
	made, err := s.Create(context.Background(), &pulumirpc.CreateRequest{Urn: queueURN, Properties: properties(t, inputs{"name": "work-1", "tags": inputs{"a": "b"}})})
	require.NoError(t, err)
	require.Equal(t, "https://sqs.ap-southeast-1.amazonaws.com/000000000000/work-1", made.GetId())
	require.Equal(t, "arn:aws:sqs:ap-southeast-1:000000000000:work-1", made.GetProperties().GetFields()["arn"].GetStringValue())

	seen, err := s.Create(context.Background(), &pulumirpc.CreateRequest{Urn: queueURN, Preview: true, Properties: properties(t, inputs{"name": "work-1"})})
	require.NoError(t, err)
	require.Empty(t, seen.GetId())
	require.NotContains(t, seen.GetProperties().GetFields(), "arn")

	for _, preview := range []bool{true, false} {
		updated, err := s.Update(context.Background(), &pulumirpc.UpdateRequest{
			Urn: queueURN, Id: made.GetId(), Preview: preview, Olds: made.GetProperties(),
			OldInputs: properties(t, inputs{"name": "work-1", "tags": inputs{"a": "b"}}), News: properties(t, inputs{"name": "work-1", "delaySeconds": 3.0}),
		})
		require.NoError(t, err)
		fields := updated.GetProperties().GetFields()
		require.Equal(t, made.GetProperties().GetFields()["arn"], fields["arn"])
		require.Equal(t, 3.0, fields["delaySeconds"].GetNumberValue())
		require.NotContains(t, fields, "tags", "an input that is gone stays in the state")
	}
}

// A launch template that would launch other hosts has another version, which its group follows; one whose tags change
// has not.
func TestLaunchTemplateVersions(t *testing.T) {
	s := configured(t)
	const urn = "urn:pulumi:t::p::" + launchTemplate + "::hosts"
	made, err := s.Create(context.Background(), &pulumirpc.CreateRequest{Urn: urn, Properties: properties(t, inputs{"imageId": "ami-1"})})
	require.NoError(t, err)
	require.Equal(t, 1.0, made.GetProperties().GetFields()["latestVersion"].GetNumberValue())
	for version, news := range map[float64]inputs{1: {"imageId": "ami-1", "tags": inputs{"a": "b"}}, 2: {"imageId": "ami-2"}} {
		updated, err := s.Update(context.Background(), &pulumirpc.UpdateRequest{
			Urn: urn, Id: made.GetId(), Preview: true, Olds: made.GetProperties(), OldInputs: properties(t, inputs{"imageId": "ami-1"}), News: properties(t, news),
		})
		require.NoError(t, err)
		require.Equal(t, version, updated.GetProperties().GetFields()["latestVersion"].GetNumberValue())
	}
}

// The provider's own settings are checked too, and an unknown lookup is an error, not an empty answer.
func TestSettingsAndLookups(t *testing.T) {
	s := configured(t)
	config := func(values inputs) string {
		response, err := s.CheckConfig(context.Background(), &pulumirpc.CheckRequest{News: properties(t, values)})
		require.NoError(t, err)
		return reasons(response)
	}
	require.Empty(t, config(inputs{"region": "ap-southeast-1", "defaultTags": `{"tags":{}}`}))
	require.Contains(t, config(inputs{"region": "ap-southeast-1", "regoin": "x"}), `regoin: the AWS provider has no such setting; allowed: accessKey`)
	require.Contains(t, config(inputs{"region": "Singapore"}), `region: Invalid AWS Region: "Singapore"`)
	require.Contains(t, config(inputs{}), "region: Invalid AWS Region")

	moved, err := s.DiffConfig(context.Background(), &pulumirpc.DiffRequest{OldInputs: properties(t, inputs{"region": "a"}), News: properties(t, inputs{"region": "b"})})
	require.NoError(t, err)
	require.Equal(t, []string{"region"}, moved.GetReplaces())

	zones, err := s.Invoke(context.Background(), &pulumirpc.InvokeRequest{Tok: "aws:index/getAvailabilityZones:getAvailabilityZones"})
	require.NoError(t, err)
	require.Len(t, zones.GetReturn().GetFields()["names"].GetListValue().GetValues(), 3)
	_, err = s.Invoke(context.Background(), &pulumirpc.InvokeRequest{Tok: "aws:ec2/getVpc:getVpc"})
	require.ErrorContains(t, err, "no answer to the lookup aws:ec2/getVpc:getVpc")
}

// The replacement table names types and properties that exist: a typing error would silently turn a replacement into
// an update.
func TestReplacementTableNamesWhatExists(t *testing.T) {
	c := NewCatalogue()
	require.NotEmpty(t, c.Types())
	all := maps.Clone(replacing)
	for _, half := range []map[string][]string{dataReplacing, computeReplacing} {
		for token, names := range half {
			require.NotContains(t, all, token, "said twice")
			all[token] = names
		}
	}
	for token, names := range all {
		form, known := c.types[token]
		require.True(t, known, token)
		for _, name := range names {
			require.True(t, form.has(name), "%s has no %s; it has %s", token, name, form.names())
		}
	}
	for _, token := range c.Types() {
		if _, listed := all[token]; !listed {
			require.Contains(t, []string{"aws:ec2/internetGateway:InternetGateway", "aws:guardduty/detector:Detector"}, token, "say what replaces it, or that nothing does")
		}
	}
}

// Serve tells the engine its port and stops when asked.
func TestServe(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	var port bytes.Buffer
	done := make(chan error, 1)
	go func() { done <- Serve(ctx, &port) }()
	time.AfterFunc(50*time.Millisecond, cancel)
	require.NoError(t, <-done)
	require.Regexp(t, `^\d+\n$`, port.String())
}

// What AWS is known to replace shows as a replacement, property by property: a row that is lost would turn a
// replacement of data into a harmless-looking update.
func TestKnownReplacements(t *testing.T) {
	for token, properties := range map[string][]string{
		"aws:ec2/vpc:Vpc":                     {"cidrBlock", "instanceTenancy"},
		"aws:ec2/subnet:Subnet":               {"cidrBlock", "availabilityZone", "vpcId"},
		"aws:ec2/securityGroup:SecurityGroup": {"name", "vpcId", "description"},
		"aws:ec2/natGateway:NatGateway":       {"subnetId", "allocationId"},
		"aws:ec2/vpcEndpoint:VpcEndpoint":     {"vpcId", "serviceName", "vpcEndpointType"},
		"aws:sqs/queue:Queue":                 {"name", "fifoQueue"},
		"aws:sns/topic:Topic":                 {"name", "fifoTopic"},
		"aws:ecr/repository:Repository":       {"name", "encryptionConfigurations"},
		"aws:iam/role:Role":                   {"name", "path"},
		"aws:cloudwatch/logGroup:LogGroup":    {"name"},
		"aws:kms/alias:Alias":                 {"name"},

		"aws:autoscaling/group:Group":                      {"name"},
		"aws:ecs/cluster:Cluster":                          {"name"},
		"aws:ecs/taskDefinition:TaskDefinition":            {"containerDefinitions", "executionRoleArn", "networkMode", "taskRoleArn"},
		"aws:ecs/service:Service":                          {"cluster", "launchType", "schedulingStrategy"},
		"aws:ec2/launchTemplate:LaunchTemplate":            {"name"},
		"aws:lambda/function:Function":                     {"name", "packageType"},
		"aws:lambda/eventSourceMapping:EventSourceMapping": {"eventSourceArn"},
	} {
		urn := "urn:pulumi:t::p::" + token + "::r"
		for _, property := range properties {
			changed := difference(t, urn, inputs{property: "old"}, inputs{property: "new"})
			require.Equal(t, []string{property}, changed.GetReplaces(), "%s of %s", property, token)
		}
		tagged := difference(t, urn, inputs{"tags": inputs{"a": "1"}}, inputs{"tags": inputs{"a": "2"}})
		require.Empty(t, tagged.GetReplaces(), "a tag replaces %s", token)
	}
	key := difference(t, "urn:pulumi:t::p::aws:kms/key:Key::k", inputs{"policy": "a", "deletionWindowInDays": 7.0}, inputs{"policy": "b", "deletionWindowInDays": 30.0})
	require.Empty(t, key.GetReplaces(), "a key is never replaced by its policy")
}

// The provider's default tags are on every resource that can carry tags, under its own, so that a preview shows what
// changing one of them changes.
func TestDefaultTags(t *testing.T) {
	s := NewServer("6.0.0")
	_, err := s.Configure(context.Background(), &pulumirpc.ConfigureRequest{Args: properties(t, inputs{
		"region": "ap-southeast-1", "defaultTags": `{"tags":{"app":"fleet","tier":"1k"}}`,
	})})
	require.NoError(t, err)
	tags := func(urn string, news inputs) map[string]any {
		value := check(t, s, urn, nil, news).GetInputs().GetFields()["tags"]
		if value == nil {
			return nil
		}
		return value.GetStructValue().AsMap()
	}
	require.Equal(t, map[string]any{"app": "fleet", "tier": "1k"}, tags(queueURN, inputs{}))
	require.Equal(t, map[string]any{"app": "mine", "tier": "1k", "x": "y"}, tags(queueURN, inputs{"tags": inputs{"app": "mine", "x": "y"}}))
	require.Nil(t, tags("urn:pulumi:t::p::aws:sqs/queuePolicy:QueuePolicy::p", inputs{}))
	object, err := defaultTags(inputs{"tags": inputs{"app": "fleet"}})
	require.NoError(t, err)
	require.Equal(t, map[string]string{"app": "fleet"}, object)
	_, err = s.Configure(context.Background(), &pulumirpc.ConfigureRequest{Args: properties(t, inputs{"defaultTags": "no JSON"})})
	require.ErrorContains(t, err, "defaultTags: ")
}
