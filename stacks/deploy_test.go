package stacks

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"workerfleet/components/network"
	"workerfleet/offline/provider"
	"workerfleet/stacks/graph"
	"workerfleet/stacks/policy"
	"workerfleet/stacks/sizing"
)

const (
	queueResource    = "aws:sqs/queue:Queue"
	providerResource = "pulumi:providers:aws"
)

// deployTier records what the committed stack file of a tier registers, in a simulated account.
func deployTier(t *testing.T, tier string, run graph.Run) *graph.Graph {
	t.Helper()
	run.Stack = "tier-" + tier
	return deployInto(t, tier, run)
}

// deployInto is deployTier for a stack with a name of its own.
func deployInto(t *testing.T, tier string, run graph.Run) *graph.Graph {
	t.Helper()
	platform, region, err := LoadFile(filepath.Join("..", "Pulumi.tier-"+tier+".yaml"))
	require.NoError(t, err)
	run.Region, run.Account = region, graph.SimulatedAccount
	run.Config = map[string]string{"workerfleet:platform": string(platform)}
	g, err := graph.Record(Program, run)
	require.NoError(t, err, tier)
	return g
}

func byName(t *testing.T, g *graph.Graph, name string) graph.Resource {
	t.Helper()
	for _, r := range g.All() {
		if r.Name == name && r.Custom {
			return r
		}
	}
	require.Fail(t, "no resource is called "+name)
	return graph.Resource{}
}

// In every tier each resource stands where a reader looks for it: below a component, under a name that begins with the
// component's, made through the one explicit provider – copies abroad through that of their
// region. Providers and the components of the diagram alone stand at the top.
func TestEveryResourceHasItsPlace(t *testing.T) {
	for _, tier := range sizing.TierNames() {
		g := deployTier(t, tier, graph.Run{})
		var top []string
		custom := 0
		for _, r := range g.All() {
			if r.Parent == "" {
				top = append(top, r.Name)
			} else {
				parent, found := g.Get(r.Parent)
				require.True(t, found, r.URN)
				require.True(t, strings.HasPrefix(r.Name, parent.Name+"-"), "%s: %s does not begin with its parent's name %s", tier, r.Name, parent.Name)
			}
			if r.Custom && r.Type != providerResource {
				custom++
				want := "workerfleet"
				if strings.HasPrefix(r.Name, "backup-abroad") {
					want = abroadProvider
				}
				require.Equal(t, want, r.Provider, "%s: %s is made through another provider", tier, r.URN)
				require.NotEmpty(t, r.Parent, "%s: %s stands beside the components", tier, r.URN)
			}
		}
		want := []string{
			"alarms", "backup", "database", "edge", "keys", "keys-guard", "network", "order-tasks", "perimeter", "pool-claim", "registry",
			"valkey", "watch", "worker-control", "workerfleet",
		}
		if tier == "50k" || tier == "100k" {
			want = append(want, abroadProvider)
		}
		want = append(want, computeComponents()...)
		if tier != "100" && tier != "500" && tier != "1k" {
			want = append(want, "background-tasks")
		}
		require.ElementsMatch(t, want, top, tier)
		t.Logf("tier %s: %d resources, %d components", tier, custom, len(g.All())-custom-1)
	}
}

// There is one provider: of the configured region, with the tags that every resource gets. Its account is fixed as soon
// as one is stated.
func TestProvider(t *testing.T) {
	for tier, env := range map[string]string{"100": "development", "500": "development", "1k": "production", "100k": "production"} {
		g := deployTier(t, tier, graph.Run{})
		providers := g.OfType(providerResource)
		if tier == "100k" {
			require.Len(t, providers, 2, "and the second region's")
			require.Equal(t, "ap-northeast-1", byName(t, g, abroadProvider).Text("region"))
			require.Equal(t, byName(t, g, "workerfleet").Inputs["defaultTags"], byName(t, g, abroadProvider).Inputs["defaultTags"])
			continue
		}
		require.Len(t, providers, 1)
		require.Equal(t, "ap-southeast-1", providers[0].Text("region"))
		require.NotContains(t, providers[0].Inputs, "allowedAccountIds")
		require.Equal(t, map[string]any{
			"app": "workerfleet", "env": env, "tier": tier, "owner": "workerfleet", "cost-center": "tier-" + tier,
		}, providers[0].Value("defaultTags.tags"))
	}
	cfg, err := Decode([]byte(`{"users":1234,"account":{"id":"111122223333","githubOidc":"adopt"},"delivery":{"repository":"acme/fleet"}}`), "eu-west-1")
	require.NoError(t, err)
	require.Equal(t, pulumi.ToStringArray([]string{"111122223333"}), providerArgs("acme", cfg).AllowedAccountIds)
	require.Equal(t, map[string]string{
		"app": "workerfleet", "env": "production", "tier": "users-1234", "owner": "acme/fleet", "cost-center": "acme",
	}, tags("acme", cfg))
}

// The switches of the published tiers decide how many gateways, endpoints and queues there are.
func TestTierSwitches(t *testing.T) {
	for _, tier := range []struct {
		name                  string
		nats, endpoints, fifo int
	}{
		{"100", 1, 1, 6}, {"500", 1, 1, 6}, {"1k", 3, 1, 6}, {"5k", 3, 1, 8},
		{"10k", 3, 16, 8}, {"50k", 3, 16, 8}, {"100k", 3, 16, 8},
	} {
		g := deployTier(t, tier.name, graph.Run{})
		require.Len(t, g.OfType("aws:ec2/natGateway:NatGateway"), tier.nats, tier.name)
		require.Len(t, g.OfType("aws:ec2/eip:Eip"), tier.nats, tier.name)
		require.Len(t, g.OfType("aws:ec2/vpcEndpoint:VpcEndpoint"), tier.endpoints, tier.name)
		fifo := 0
		for _, queue := range g.OfType(queueResource) {
			if queue.Flag("fifoQueue") {
				fifo++
			}
		}
		require.Equal(t, tier.fifo, fifo, tier.name)
	}
	require.Len(t, network.Services(), 15, "what sizing prices")
}

// Every work queue is a pair: the queue leads to its own dead-letter queue, which admits that queue alone. Only
// worker-control takes what EventBridge writes.
func TestQueuesArePairs(t *testing.T) {
	g := deployTier(t, "10k", graph.Run{})
	for name, visibility := range map[string]float64{workerControl: 180, orderTasks: 360, poolClaim: 180, backgroundTasks: 360} {
		queue, dead := byName(t, g, name+"-queue"), byName(t, g, name+"-dead")
		require.Equal(t, visibility, queue.Value("visibilityTimeoutSeconds"), name)
		redrive, ok := queue.Document("redrivePolicy")
		require.True(t, ok)
		require.Equal(t, dead.Outputs["arn"], redrive["deadLetterTargetArn"])
		sources, ok := byName(t, g, name+"-dead-sources").Document("redriveAllowPolicy")
		require.True(t, ok)
		require.Equal(t, []any{queue.Outputs["arn"]}, sources["sourceQueueArns"])
		require.Equal(t, name == workerControl, queue.Flag("contentBasedDeduplication"), name)
		require.Equal(t, name == workerControl, strings.Contains(byName(t, g, name+"-policy").Text("policy"), "events.amazonaws.com"), name)
		key, found := g.Refers("aws:kms/key:Key", queue.Inputs["kmsMasterKeyId"])
		require.True(t, found)
		require.Equal(t, "keys-messages", key.Name)
	}
}

// What holds data refuses to go, from tier 1k on; below, the stack can be destroyed with its data.
func TestProtectionByTier(t *testing.T) {
	for _, tier := range sizing.TierNames() {
		strict := tier != "100" && tier != "500"
		g := deployTier(t, tier, graph.Run{})
		kept := slices.Concat(g.OfType("aws:kms/key:Key"), g.OfType("aws:ecr/repository:Repository"))
		abroad := 0
		if tier == "50k" || tier == "100k" {
			abroad = 1
		}
		require.Len(t, kept, 5+6+abroad)
		for _, r := range kept {
			require.Equal(t, strict, r.Options.Protect, "%s %s", tier, r.Name)
		}
		for _, r := range g.OfType("aws:ecr/repository:Repository") {
			require.Equal(t, !strict, r.Flag("forceDelete"), "%s %s", tier, r.Name)
		}
	}
}

// A preview registers the same resources with the same inputs as an update; only values of AWS are not known yet, and
// what is known is the same to the letter.
func TestPreviewShowsEverything(t *testing.T) {
	for _, tier := range sizing.TierNames() {
		wet, dry := deployTier(t, tier, graph.Run{}), deployTier(t, tier, graph.Run{DryRun: true})
		require.Len(t, dry.All(), len(wet.All()), tier)
		for i, r := range dry.All() {
			same := wet.All()[i]
			require.Equal(t, same.URN, r.URN)
			require.Equal(t, r.Inputs, asPreviewed(same.Inputs, r.Inputs), r.URN)
		}
	}
}

// asPreviewed is a value of an update with everything blotted out that the preview does not know.
func asPreviewed(value, previewed any) any {
	switch shown := previewed.(type) {
	case map[string]any:
		if all, ok := value.(map[string]any); ok {
			known := make(map[string]any, len(all))
			for name, one := range all {
				known[name] = asPreviewed(one, shown[name])
			}
			return known
		}
	case []any:
		if all, ok := value.([]any); ok && len(all) == len(shown) {
			known := make([]any, len(all))
			for i, one := range all {
				known[i] = asPreviewed(one, shown[i])
			}
			return known
		}
	default:
		if previewed == graph.Unknown {
			return previewed
		}
	}
	return value
}

// Nothing of any tier is what AWS is known to refuse or to do wrong.
func TestNoRuleIsBroken(t *testing.T) {
	for _, tier := range sizing.TierNames() {
		for _, finding := range policy.JudgeAll(deployTier(t, tier, graph.Run{})) {
			require.Fail(t, "tier "+tier+": "+finding.String())
		}
	}
}

// Two stacks share an account: what they name themselves carries the stack's name, and the rest is left to the provider.
func TestTwoStacksInOneAccount(t *testing.T) {
	taken := map[string]string{}
	for _, tier := range sizing.TierNames() {
		stated := 0
		for _, r := range deployTier(t, tier, graph.Run{}).All() {
			name := r.Text("name")
			if name == "" {
				continue
			}
			stated++
			require.Contains(t, name, "tier-"+tier+"-", r.URN)
			require.Empty(t, taken[r.Type+name], "%s is named by two stacks", name)
			taken[r.Type+name] = tier
		}
		require.Positive(t, stated)
	}
}

// Moving a stack to the next tier takes nothing away, and of what stands it replaces nothing: every input that differs is
// one that AWS changes in place. Task definitions alone are new revisions, beside which the old ones stay. One thing goes:
// from 50k on the cache is a cluster, and the serverless one, whose content is rebuilt from the agents, makes room for it.
func TestMovingUpTakesNothingAway(t *testing.T) {
	tiers := sizing.TierNames()
	for i, tier := range tiers[1:] {
		larger := deployInto(t, tier, graph.Run{Stack: "acme"})
		for _, r := range deployInto(t, tiers[i], graph.Run{Stack: "acme"}).All() {
			kept, found := larger.Get(r.URN)
			if !found && tier == "50k" && strings.HasPrefix(r.Name, "valkey-serverless") {
				continue
			}
			require.True(t, found, "%s to %s: %s", tiers[i], tier, r.URN)
			if r.Type == definitionResource {
				require.True(t, r.Flag("skipDestroy"))
				continue
			}
			for _, property := range provider.Replacing(r.Type) {
				require.Equal(t, r.Inputs[property], kept.Inputs[property], "%s to %s: %s of %s", tiers[i], tier, property, r.URN)
			}
		}
	}
}
