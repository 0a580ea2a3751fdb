package keys_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"workerfleet/components/alarms"
	"workerfleet/components/keys"
	"workerfleet/components/place"
	"workerfleet/components/protection"
	"workerfleet/stacks/graph"
)

var here = place.Place{Stack: "tier-1k", Account: "111122223333", Region: "ap-southeast-1"}

func program(level protection.Level) pulumi.RunFunc {
	return func(ctx *pulumi.Context) error {
		k, err := keys.New(ctx, "keys", &keys.Args{Place: here, Protection: level})
		if err != nil {
			return err
		}
		topic, err := alarms.NewTopic(ctx, "alarms", &alarms.Args{Place: here, Key: k.Messages})
		if err != nil {
			return err
		}
		_, err = keys.NewGuard(ctx, "keys-guard", &keys.GuardArgs{Keys: k, Topic: topic})
		return err
	}
}

func record(t *testing.T, level protection.Level) map[string]graph.Resource {
	t.Helper()
	g, err := graph.Record(program(level), graph.Run{})
	require.NoError(t, err)
	byName := map[string]graph.Resource{}
	for _, r := range g.OfType("aws:kms/key:Key") {
		byName[r.Name] = r
	}
	return byName
}

type statement struct {
	Sid, Effect string
	Principal   map[string][]string
	Action      []string
	Condition   map[string]map[string][]string
}

func statements(t *testing.T, key graph.Resource) map[string]statement {
	t.Helper()
	var document struct{ Statement []statement }
	require.NoError(t, json.Unmarshal([]byte(key.Text("policy")), &document))
	bySid := map[string]statement{}
	for _, s := range document.Statement {
		bySid[s.Sid] = s
	}
	require.Len(t, bySid, len(document.Statement), "a sid stands twice")
	return bySid
}

// There is one rotating key for each class of data, administered by the account, with an alias that names the stack.
// What KMS answers to a use of them is not shown here.
func TestKeys(t *testing.T) {
	byName := record(t, protection.Strict)
	require.Len(t, byName, 5)
	for _, name := range []string{"keys-credentials", "keys-data", "keys-messages", "keys-logs", "keys-compute"} {
		key := byName[name]
		require.True(t, key.Flag("enableKeyRotation"), name)
		require.Equal(t, statement{
			Sid: "Account", Effect: "Allow", Principal: map[string][]string{"AWS": {"arn:aws:iam::111122223333:root"}}, Action: []string{"kms:*"},
		}, statements(t, key)["Account"], name)
	}
	g, err := graph.Record(program(protection.Strict), graph.Run{})
	require.NoError(t, err)
	aliases := map[string]any{}
	for _, alias := range g.OfType("aws:kms/alias:Alias") {
		key, found := g.Refers("aws:kms/key:Key", alias.Outputs["targetKeyId"])
		require.True(t, found)
		aliases[alias.Text("name")] = key.Name
	}
	require.Equal(t, map[string]any{
		"alias/tier-1k-keys-credentials": "keys-credentials", "alias/tier-1k-keys-data": "keys-data",
		"alias/tier-1k-keys-messages": "keys-messages", "alias/tier-1k-keys-logs": "keys-logs", "alias/tier-1k-keys-compute": "keys-compute",
	}, aliases)
}

// Nobody but the account is let in without a condition, and each service only where it belongs.
func TestWhoMayUseAKey(t *testing.T) {
	byName := record(t, protection.Strict)
	allowed := map[string][]string{}
	for name, key := range byName {
		for sid, s := range statements(t, key) {
			if s.Effect == "Allow" && sid != "Account" {
				require.NotEmpty(t, s.Condition, "%s %s", name, sid)
				allowed[name] = append(allowed[name], sid)
			}
		}
		slices.Sort(allowed[name])
	}
	require.Equal(t, map[string][]string{
		"keys-logs":     {"Logs"},
		"keys-messages": {"AlarmsToTopics", "BudgetsToTopics", "CostAnomaliesToTopics", "EventsToQueues", "EventsToTopics"},
		"keys-compute":  {"AutoScaling", "AutoScalingGrants"},
	}, allowed)

	logs := statements(t, byName["keys-logs"])["Logs"]
	require.Equal(t, map[string][]string{"Service": {"logs.ap-southeast-1.amazonaws.com"}}, logs.Principal)
	require.Equal(t, map[string]map[string][]string{"ArnLike": {"kms:EncryptionContext:aws:logs:arn": {"arn:aws:logs:ap-southeast-1:111122223333:*"}}}, logs.Condition)

	grants := statements(t, byName["keys-compute"])["AutoScalingGrants"]
	require.Equal(t, []string{"kms:CreateGrant"}, grants.Action)
	require.Equal(t, []string{"true"}, grants.Condition["Bool"]["kms:GrantIsForAWSResource"])
	require.Equal(t, []string{"111122223333"}, grants.Condition["StringEquals"]["aws:PrincipalAccount"])
}

// EventBridge and CloudWatch reach encrypted queues and topics of this account. The condition is on what is written to:
// one on the writer's account is documented not to work and would drop every event.
func TestMessengers(t *testing.T) {
	messages := statements(t, record(t, protection.Strict)["keys-messages"])
	require.Equal(t, map[string]map[string][]string{"ArnLike": {"kms:EncryptionContext:aws:sqs:arn": {"arn:aws:sqs:ap-southeast-1:111122223333:*"}}}, messages["EventsToQueues"].Condition)
	for _, sid := range []string{"EventsToTopics", "AlarmsToTopics", "BudgetsToTopics", "CostAnomaliesToTopics"} {
		require.Equal(t, map[string]map[string][]string{"ArnLike": {"kms:EncryptionContext:aws:sns:topicArn": {"arn:aws:sns:ap-southeast-1:111122223333:*"}}}, messages[sid].Condition)
		require.Equal(t, []string{"kms:Decrypt", "kms:GenerateDataKey*"}, messages[sid].Action)
	}
}

// Credentials are encrypted and opened under a user's name or not at all; no IAM policy can allow more.
func TestCredentialsNameTheirUser(t *testing.T) {
	byName := record(t, protection.Strict)
	denial := statements(t, byName["keys-credentials"])["UserNamed"]
	require.Equal(t, "Deny", denial.Effect)
	require.Equal(t, map[string][]string{"AWS": {"*"}}, denial.Principal)
	require.Equal(t, []string{"kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*"}, denial.Action)
	require.Equal(t, map[string]map[string][]string{"Null": {"kms:EncryptionContext:user": {"true"}}}, denial.Condition)
	grants := statements(t, byName["keys-credentials"])["NoGrants"]
	require.Equal(t, statement{
		Sid: "NoGrants", Effect: "Deny", Principal: map[string][]string{"AWS": {"*"}}, Action: []string{"kms:CreateGrant"},
	}, grants, "no condition lets a grant through")
	for name, key := range byName {
		require.Equal(t, name == "keys-credentials", strings.Contains(key.Text("policy"), `"Deny"`), name)
	}
}

// The stack's protection decides over keys too.
func TestProtection(t *testing.T) {
	for level, want := range map[protection.Level]struct {
		days    float64
		protect bool
	}{protection.Strict: {30, true}, "": {30, true}, protection.Relaxed: {7, false}} {
		for name, key := range record(t, level) {
			days, _ := key.Number("deletionWindowInDays")
			require.Equal(t, want.days, days, name)
			require.Equal(t, want.protect, key.Options.Protect, name)
		}
	}
	_, err := graph.Record(program("some"), graph.Run{})
	require.ErrorContains(t, err, `keys.Keys "keys": protection: "some" is not allowed; allowed: strict, relaxed`)
}

// The guard hears of exactly this stack's keys: of another stack's loss another topic is told.
func TestGuard(t *testing.T) {
	g, err := graph.Record(program(protection.Strict), graph.Run{})
	require.NoError(t, err)
	pattern, ok := g.OfType("aws:cloudwatch/eventRule:EventRule")[0].Document("eventPattern")
	require.True(t, ok)
	detail := pattern["detail"].(map[string]any)
	require.Equal(t, []any{"DisableKey", "ScheduleKeyDeletion", "PutKeyPolicy"}, detail["eventName"])
	require.Equal(t, []any{map[string]any{"exists": false}}, detail["errorCode"], "a refused call is no loss")
	watched := detail["resources"].(map[string]any)["ARN"].([]any)
	for _, key := range g.OfType("aws:kms/key:Key") {
		require.Contains(t, watched, key.Outputs["arn"])
	}
	require.Len(t, watched, 5)

	_, err = graph.Record(func(ctx *pulumi.Context) error {
		_, err := keys.NewGuard(ctx, "keys-guard", &keys.GuardArgs{})
		return err
	}, graph.Run{})
	require.ErrorContains(t, err, `keys.Guard "keys-guard": keys and topic: one is missing; allowed: both stated`)
}

// A preview shows every resource and, because no policy needs to know what AWS will answer, every policy.
func TestPreview(t *testing.T) {
	wet, err := graph.Record(program(protection.Strict), graph.Run{})
	require.NoError(t, err)
	dry, err := graph.Record(program(protection.Strict), graph.Run{DryRun: true})
	require.NoError(t, err)
	require.Len(t, dry.All(), len(wet.All()))
	for i, r := range dry.All() {
		require.Equal(t, wet.All()[i].URN, r.URN)
		if r.Type == "aws:kms/key:Key" {
			require.Equal(t, wet.All()[i].Text("policy"), r.Text("policy"))
		}
	}
}
