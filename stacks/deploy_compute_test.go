package stacks

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"workerfleet/components/cluster"
	"workerfleet/components/edge"
	"workerfleet/stacks/graph"
	"workerfleet/stacks/sizing"
)

const (
	definitionResource = "aws:ecs/taskDefinition:TaskDefinition"
	serviceResource    = "aws:ecs/service:Service"
	functionResource   = "aws:lambda/function:Function"
)

// computeComponents are the components of what runs, beside those of the ground and of the data.
func computeComponents() []string {
	return []string{
		"agent", "agent-task", "api", "api-task", "cluster", "function-claim", "function-control", "function-failures", "function-maintenance",
		"function-orders", "function-pool", "keeper", "keeper-task", "migrate-task", "vitals", "witness", "workers",
	}
}

// The published tiers decide what the groups hold, which image hosts start from, and how many tasks the API may have.
func TestComputeTiers(t *testing.T) {
	for _, tier := range []struct {
		name                                string
		instance                            string
		least, peak, most, apiLeast, apiMax float64
		api                                 string
		tasks, mostTasks                    float64
	}{
		{"100", "r6i.large", 2, 2, 3, 3, 5, "m6i.large", 3, 5},
		{"500", "r6i.large", 2, 6, 9, 5, 8, "m6i.large", 5, 8},
		{"1k", "r6i.large", 2, 12, 18, 10, 15, "m6i.large", 10, 15},
		{"5k", "r6i.2xlarge", 3, 15, 23, 20, 30, "m6i.xlarge", 20, 90},
		{"10k", "r6i.4xlarge", 3, 15, 23, 30, 45, "m6i.xlarge", 30, 135},
		{"50k", "r7g.8xlarge", 4, 37, 56, 50, 75, "m7g.2xlarge", 50, 525},
		{"100k", "r7g.8xlarge", 8, 73, 110, 50, 75, "m7g.2xlarge", 50, 525},
	} {
		g := deployTier(t, tier.name, graph.Run{})
		group, api := byName(t, g, "cluster-workers-group"), byName(t, g, "cluster-api-group")
		require.Equal(t, []any{tier.least, tier.most, tier.apiLeast, tier.apiMax},
			[]any{group.Value("minSize"), group.Value("maxSize"), api.Value("minSize"), api.Value("maxSize")}, tier.name)
		require.Equal(t, tier.peak, byName(t, g, "cluster-workers-open").Value("minSize"), tier.name)
		require.Equal(t, tier.least, byName(t, g, "cluster-workers-close").Value("minSize"), tier.name)
		require.Equal(t, tier.instance, byName(t, g, "cluster-workers-template").Text("instanceType"), tier.name)
		require.Equal(t, tier.api, byName(t, g, "cluster-api-template").Text("instanceType"), tier.name)
		require.Regexp(t, `^ami-[0-9a-f]{17}$`, byName(t, g, "cluster-workers-template").Text("imageId"), tier.name)
		scaling := byName(t, g, "api-scaling")
		require.Equal(t, tier.tasks, scaling.Value("minCapacity"), tier.name)
		require.Equal(t, tier.mostTasks, scaling.Value("maxCapacity"), tier.name)
		require.Equal(t, 2.0, byName(t, g, "keeper-service").Value("desiredCount"), tier.name)
	}
}

// What agent and log router reserve leaves room for exactly the planned workers on every size of host, by processors;
// memory leaves room for as many.
func TestDensityIsEnforced(t *testing.T) {
	for _, tier := range sizing.TierNames() {
		g := deployTier(t, tier, graph.Run{})
		users, err := sizing.Tier(tier)
		require.NoError(t, err)
		plan, err := sizing.For(users)
		require.NoError(t, err)
		cpu, memory := 0, 0
		for _, c := range containersOf(t, g, "agent-task-definition") {
			cpu, memory = cpu+c.CPU, memory+c.MemoryReservation
		}
		worker := containersOf(t, g, "workers-worker-definition")[0]
		host := plan.Workers.Type
		require.Equal(t, plan.Workers.PerHost, (host.VCPU*1024-cpu)/worker.CPU, tier)
		require.LessOrEqual(t, plan.Workers.PerHost*worker.MemoryReservation+memory, host.WorkerMiB(), tier)
	}
}

// A request that runs when its task leaves is answered: the load balancer waits no longer than the container may take to
// stop, and no container outlives its host.
func TestStoppingTakesItsTime(t *testing.T) {
	g := deployTier(t, "1k", graph.Run{})
	delay := byName(t, g, "edge-targets").Value("deregistrationDelay")
	require.Equal(t, float64(edge.DeregistrationSeconds), delay)
	require.LessOrEqual(t, delay, float64(containersOf(t, g, "api-task-definition")[0].StopTimeout))
	hook := byName(t, g, "cluster-workers-ending").Value("heartbeatTimeout")
	require.Equal(t, float64(cluster.DrainSeconds), hook)
	for _, definition := range g.OfType(definitionResource) {
		for _, c := range containersOf(t, g, definition.Name) {
			require.Positive(t, c.StopTimeout, c.Name)
			require.Less(t, float64(c.StopTimeout), hook, c.Name)
		}
	}
}

// dependsOn says whether a resource waits for another, directly or through others. Whatever waits is made later and
// taken down first.
func dependsOn(g *graph.Graph, from, to graph.Resource) bool {
	seen := map[string]bool{}
	next := []string{from.URN}
	for len(next) > 0 {
		urn := next[0]
		next = next[1:]
		if urn == to.URN {
			return true
		}
		if seen[urn] {
			continue
		}
		seen[urn] = true
		if r, found := g.Get(urn); found {
			next = append(next, r.Options.DependsOn...)
		}
	}
	return false
}

// A stack comes down in an order that ends: services, then the cluster's providers, the providers, the groups, the
// cluster; and whatever starts by itself waits for the way out.
func TestDestroyOrder(t *testing.T) {
	g := deployTier(t, "100", graph.Run{})
	ecs, providers := byName(t, g, "cluster-ecs"), byName(t, g, "cluster-providers")
	services := g.OfType(serviceResource)
	require.Len(t, services, 3)
	for _, s := range services {
		require.True(t, dependsOn(g, s, providers), s.Name)
	}
	for _, name := range []string{"workers", "api"} {
		group, provider := byName(t, g, "cluster-"+name+"-group"), byName(t, g, "cluster-"+name+"-provider")
		require.True(t, dependsOn(g, providers, provider), name)
		require.True(t, dependsOn(g, provider, group), name)
		require.True(t, dependsOn(g, group, ecs), name)
		require.False(t, dependsOn(g, ecs, group), name)
		services = append(services, group)
	}
	nats := g.OfType("aws:ec2/natGateway:NatGateway")
	for _, r := range append(services, g.OfType(functionResource)...) {
		require.True(t, dependsOn(g, r, nats[0]), "%s does not wait for the way out", r.Name)
	}
	require.True(t, dependsOn(g, byName(t, g, "api-service"), byName(t, g, "edge-https")), "the target group has a listener first")
	require.True(t, dependsOn(g, byName(t, g, "keeper-service"), g.OfType(instanceResource)[0]))
}

// A release whose scripts use a command that the last one's did not gives the right first, to everybody.
func TestRightsComeBeforeReleases(t *testing.T) {
	g := deployTier(t, "100", graph.Run{})
	users := g.OfType("aws:elasticache/user:User")
	require.NotEmpty(t, users)
	for _, runs := range append(g.OfType(serviceResource), g.OfType(functionResource)...) {
		for _, user := range users {
			require.True(t, dependsOn(g, runs, user), "%s does not wait for %s", runs.Name, user.Name)
		}
	}
}

// Who is let into cache and database: API hosts, agents, functions and the migration. Worker hosts are let in nowhere.
func TestWorkerHostsAreLetInNowhere(t *testing.T) {
	g := deployTier(t, "10k", graph.Run{})
	hosts := byName(t, g, "cluster-workers-hosts").Outputs["id"]
	require.Equal(t, []any{hosts}, byName(t, g, "cluster-workers-template").Value("vpcSecurityGroupIds"))
	for _, rule := range g.OfType("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule") {
		require.NotEqual(t, hosts, rule.Value("referencedSecurityGroupId"), rule.Name)
		require.NotEqual(t, hosts, rule.Value("securityGroupId"), rule.Name)
	}
	agents := byName(t, g, "agent-service").Value("networkConfiguration.securityGroups")
	require.Equal(t, []any{byName(t, g, "perimeter-agent").Outputs["id"]}, agents)
	require.Equal(t, []any{byName(t, g, "perimeter-api").Outputs["id"]}, byName(t, g, "cluster-api-template").Value("vpcSecurityGroupIds"))
}

// Of two hosts one keeps its agent while agents are replaced, of more two in three.
func TestAgentsRoll(t *testing.T) {
	for tier, healthy := range map[string]float64{"100": 50, "1k": 50, "5k": 66, "100k": 66} {
		made := byName(t, deployTier(t, tier, graph.Run{}), "agent-service")
		require.Equal(t, healthy, made.Value("deploymentMinimumHealthyPercent"), tier)
		require.Equal(t, "DAEMON", made.Text("schedulingStrategy"))
	}
}

// The functions have all that is reserved, every queue a share, every pass one, at every size.
func TestConcurrencyIsDivided(t *testing.T) {
	for _, background := range []string{"inline", "queue"} {
		all := handlers(Config{Features: Features{BackgroundTasks: background}})
		for whole := 10; whole <= 1_000; whole++ {
			s := sharesOf(whole, all)
			sum := 2 * s.pass
			for queue, share := range s.queues {
				require.GreaterOrEqual(t, share, 2, "%s of %d", queue, whole)
				sum += share
			}
			require.Equal(t, whole, sum)
			require.GreaterOrEqual(t, s.queues[orderTasks], s.queues[poolClaim])
		}
		for queue, share := range sharesOf(100_000, all).queues {
			require.Equal(t, 1000, share, "%s: more than a mapping takes", queue)
		}
	}
	for _, tier := range sizing.TierNames() {
		g := deployTier(t, tier, graph.Run{})
		users, err := sizing.Tier(tier)
		require.NoError(t, err)
		plan, err := sizing.For(users)
		require.NoError(t, err)
		sum := 0.0
		for _, f := range g.OfType(functionResource) {
			reserved, _ := f.Number("reservedConcurrentExecutions")
			sum += reserved
		}
		require.Len(t, g.OfType(functionResource), 5)
		require.Equal(t, float64(plan.Lambda.Concurrency), sum, tier)
	}
}

// Each function is fed by its own queue or by the clock; orders also does what may wait, where that has a queue.
func TestWhatFeedsFunctions(t *testing.T) {
	g := deployTier(t, "10k", graph.Run{})
	fed := map[string]string{}
	for _, mapping := range g.OfType("aws:lambda/eventSourceMapping:EventSourceMapping") {
		queue, found := g.Refers(queueResource, mapping.Value("eventSourceArn"))
		require.True(t, found)
		function, found := g.Refers(functionResource, mapping.Value("functionName"))
		require.True(t, found)
		fed[queue.Name] = function.Name
	}
	require.Equal(t, map[string]string{
		"pool-claim-queue": "function-claim-lambda", "worker-control-queue": "function-control-lambda",
		"order-tasks-queue": "function-orders-lambda", "background-tasks-queue": "function-orders-lambda",
	}, fed)
	for _, name := range []string{"pool", "maintenance"} {
		require.Equal(t, "rate(1 minute)", byName(t, g, fmt.Sprintf("function-%s-clock", name)).Text("scheduleExpression"))
	}
	require.Len(t, deployTier(t, "1k", graph.Run{}).OfType("aws:lambda/eventSourceMapping:EventSourceMapping"), 3)
}

// Second signals reach worker-control, of this stack's workers and hosts.
func TestSecondSignals(t *testing.T) {
	g := deployTier(t, "1k", graph.Run{})
	queue := byName(t, g, "worker-control-queue")
	for _, name := range []string{"task", "host", "instance"} {
		require.Equal(t, queue.Outputs["arn"], byName(t, g, "witness-"+name+"-target").Text("arn"))
	}
	require.Contains(t, byName(t, g, "witness-task").Text("eventPattern"), "task-definition/"+byName(t, g, "workers-worker-definition").Text("family")+":")
	require.Contains(t, byName(t, g, "witness-host").Text("eventPattern"), byName(t, g, "cluster-ecs").Outputs["arn"])
}

// What exists once in an account is made by the stack whose file says so, and adopted by all others.
func TestAccountSettingsOnce(t *testing.T) {
	for word, made := range map[string]int{"create": 3, "adopt": 0, "off": 0} {
		g, err := upIn(graph.SimulatedAccount, `{"users":100,"account":{"ecsSettings":"`+word+`"}}`, false)
		require.NoError(t, err)
		require.Len(t, g.OfType("aws:ecs/accountSettingDefault:AccountSettingDefault"), made, word)
	}
}
