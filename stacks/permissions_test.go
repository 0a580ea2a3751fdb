package stacks

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"workerfleet/runtime/settings"
	"workerfleet/stacks/graph"
	"workerfleet/stacks/sizing"
)

const roleResource = "aws:iam/role:Role"

// statement is one statement of a policy, its lists as lists.
type statement struct {
	sid                string
	allow              bool
	actions, resources []string
	conditions         []string // operator key = values
}

// statementsOf are those of the inline policy of a role.
func statementsOf(t *testing.T, g *graph.Graph, role graph.Resource) []statement {
	t.Helper()
	var found []statement
	for _, policy := range g.OfType("aws:iam/rolePolicy:RolePolicy") {
		if policy.Text("role") != role.PhysicalName() {
			continue
		}
		document, ok := policy.Document("policy")
		require.True(t, ok, policy.Name)
		for _, item := range document["Statement"].([]any) {
			raw := item.(map[string]any)
			s := statement{sid: fmt.Sprint(raw["Sid"]), allow: raw["Effect"] == "Allow", actions: texts(raw["Action"]), resources: texts(raw["Resource"])}
			conditions, _ := raw["Condition"].(map[string]any)
			for _, operator := range slices.Sorted(maps.Keys(conditions)) {
				tests := conditions[operator].(map[string]any)
				for _, key := range slices.Sorted(maps.Keys(tests)) {
					s.conditions = append(s.conditions, fmt.Sprintf("%s %s = %s", operator, key, strings.Join(texts(tests[key]), ", ")))
				}
			}
			found = append(found, s)
		}
	}
	return found
}

func texts(value any) []string {
	var list []string
	items, _ := value.([]any)
	for _, item := range items {
		list = append(list, item.(string))
	}
	return list
}

// permissionsText writes what every role of a stack may do, for people to review.
func permissionsText(t *testing.T, g *graph.Graph) string {
	t.Helper()
	var b strings.Builder
	for _, role := range g.OfType(roleResource) {
		trust, _ := role.Document("assumeRolePolicy")
		principal := trust["Statement"].([]any)[0].(map[string]any)["Principal"].(map[string]any)
		fmt.Fprintf(&b, "%s, taken on by %s\n", strings.TrimSuffix(role.Name, "-role"), strings.Join(append(texts(principal["Service"]), texts(principal["Federated"])...), ", "))
		for _, attached := range g.OfType("aws:iam/rolePolicyAttachment:RolePolicyAttachment") {
			if attached.Text("role") == role.PhysicalName() {
				fmt.Fprintf(&b, "  everything of %s\n", attached.Text("policyArn"))
			}
		}
		for _, s := range statementsOf(t, g, role) {
			word := "may"
			if !s.allow {
				word = "may never"
			}
			fmt.Fprintf(&b, "  %s %s\n", word, strings.Join(s.actions, ", "))
			for _, resource := range s.resources {
				fmt.Fprintf(&b, "    on %s\n", resource)
			}
			for _, condition := range s.conditions {
				fmt.Fprintf(&b, "    if %s\n", condition)
			}
		}
		b.WriteString("\n")
	}
	return b.String()
}

// What each process may do is the list that was reviewed. go test ./stacks -run Permissions -update rewrites it.
func TestPermissionsGolden(t *testing.T) {
	got := permissionsText(t, deployTier(t, "10k", graph.Run{}))
	path := filepath.Join("testdata", "permissions.golden")
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	if got != string(want) {
		require.Fail(t, "permissions changed: "+firstDifference(string(want), got))
	}
}

// everywhere are the actions that may be allowed on every resource, each with its reason.
var everywhere = map[string]string{
	"autoscaling:DescribeAutoScalingGroups": "Auto Scaling describes everything or nothing",
	"ec2:AssignPrivateIpAddresses":          "Lambda asks for it before it makes a function in a VPC; the code itself is refused it",
	"ec2:CreateNetworkInterface":            "Lambda asks for it before it makes a function in a VPC; the code itself is refused it",
	"ec2:DeleteNetworkInterface":            "Lambda asks for it before it makes a function in a VPC; the code itself is refused it",
	"ec2:UnassignPrivateIpAddresses":        "Lambda asks for it before it makes a function in a VPC; the code itself is refused it",
	"ec2:DescribeInstances":                 "EC2 describes everything or nothing",
	"ec2:DescribeNetworkInterfaces":         "EC2 describes everything or nothing",
	"ec2:DescribeSubnets":                   "EC2 describes everything or nothing",
	"ec2:DescribeTags":                      "EC2 describes everything or nothing",
	"ecr:GetAuthorizationToken":             "one token for the whole registry",
	"ecs:DiscoverPollEndpoint":              "it is about no resource",
	"ecs:ListTasks":                         "a list of tasks has no resource; the cluster is a condition",
	"xray:PutTelemetryRecords":              "X-Ray knows no resources",
	"xray:PutTraceSegments":                 "X-Ray knows no resources",
}

// No role of any tier may do everything of anything, and on every resource only what AWS gives no narrower one for.
func TestPermissionsAreNarrow(t *testing.T) {
	used := map[string]bool{}
	for _, tier := range sizing.TierNames() {
		g := deployTier(t, tier, graph.Run{})
		for _, role := range g.OfType(roleResource) {
			sids := map[string]bool{}
			for _, s := range statementsOf(t, g, role) {
				require.False(t, sids[s.sid], "%s: two statements are called %s, which IAM refuses", role.Name, s.sid)
				sids[s.sid] = true
				for _, action := range s.actions {
					require.NotContains(t, action, "*", role.Name)
					if s.allow && slices.Contains(s.resources, "*") {
						require.NotEmpty(t, everywhere[action], "%s may %s on every resource, and no reason is recorded", role.Name, action)
						used[action] = true
					}
				}
			}
		}
	}
	for action := range everywhere {
		require.True(t, used[action], "%s: the exception is not used", action)
	}
}

// who lists the roles that may do something, under their logical names.
func who(t *testing.T, g *graph.Graph, action string) []string {
	t.Helper()
	var found []string
	for _, role := range g.OfType(roleResource) {
		for _, s := range statementsOf(t, g, role) {
			if s.allow && slices.Contains(s.actions, action) {
				found = append(found, strings.TrimSuffix(role.Name, "-role"))
			}
		}
	}
	return slices.Compact(slices.Sorted(slices.Values(found)))
}

// Credentials are opened on the claim path alone, workers are started by those who run the pool's passes, and a worker's
// process has no role at all.
func TestWhoMayDoWhat(t *testing.T) {
	g := deployTier(t, "10k", graph.Run{})
	credentials := byName(t, g, "keys-credentials").Outputs["arn"].(string)
	var openers []string
	for _, role := range g.OfType(roleResource) {
		for _, s := range statementsOf(t, g, role) {
			if s.allow && slices.Contains(s.resources, credentials) && slices.Contains(s.actions, "kms:Decrypt") {
				openers = append(openers, strings.TrimSuffix(role.Name, "-role"))
			}
		}
	}
	require.ElementsMatch(t, []string{"api-task-process", "keeper-task-process", "function-claim-process"}, openers)
	passes := []string{"function-maintenance-process", "function-pool-process", "keeper-task-process"}
	require.Equal(t, passes, who(t, g, "ecs:RunTask"))
	require.Equal(t, passes, who(t, g, "iam:PassRole"))
	require.Equal(t, append([]string{"function-control-process"}, passes...), who(t, g, "ecs:StopTask"))
	require.Equal(t, []string{"migrate-task-process"}, who(t, g, "secretsmanager:PutSecretValue"))
	require.NotContains(t, who(t, g, "rds-db:connect"), "agent-task-process")
	require.NotContains(t, byName(t, g, "workers-worker-definition").Inputs, "taskRoleArn")
	require.Equal(t, []string{"agent-task-process", "api-task-process", "function-claim-process", "function-control-process",
		"function-maintenance-process", "function-orders-process", "function-pool-process", "keeper-task-process"}, who(t, g, "elasticache:Connect"))
}

// RunTask starts this stack's worker on this stack's cluster and hands on the role that pulls its image, and no other.
func TestLaunchingIsNarrow(t *testing.T) {
	g := deployTier(t, "1k", graph.Run{})
	account := graph.SimulatedAccount
	for _, s := range statementsOf(t, g, byName(t, g, "keeper-task-process-role")) {
		switch {
		case slices.Contains(s.actions, "ecs:RunTask"):
			require.Equal(t, []string{"arn:aws:ecs:ap-southeast-1:" + account + ":task-definition/tier-1k-workers-worker:*"}, s.resources)
			require.Equal(t, []string{"ArnEquals ecs:cluster = arn:aws:ecs:ap-southeast-1:" + account + ":cluster/tier-1k-cluster"}, s.conditions)
		case slices.Contains(s.actions, "iam:PassRole"):
			require.Equal(t, []string{byName(t, g, "workers-worker-execution-role").Outputs["arn"].(string)}, s.resources)
			require.Equal(t, []string{"StringEquals iam:PassedToService = ecs-tasks.amazonaws.com"}, s.conditions)
		case slices.Contains(s.actions, "ecs:StopTask"):
			require.Equal(t, []string{"arn:aws:ecs:ap-southeast-1:" + account + ":task/tier-1k-cluster/*"}, s.resources)
			require.Len(t, s.conditions, 1)
		}
	}
}

// A function may call what its handler reads the address of, and the other way round: a permission without a setting is
// unused, a setting without a permission fails at night.
func TestPermissionsAgreeWithSettings(t *testing.T) {
	g := deployTier(t, "10k", graph.Run{})
	for _, handler := range settings.Handlers() {
		role := "function-" + string(handler) + "-process"
		reads := map[string]bool{}
		for _, spec := range settings.Specs[settings.Function](handler) {
			reads[spec.Name] = true
		}
		for variable, action := range map[string]string{
			settings.EnvWorkerTaskDefinition: "ecs:RunTask", settings.EnvCluster: "ecs:StopTask", settings.EnvValkeyURL: "elasticache:Connect",
			settings.EnvDatabaseURL: "rds-db:connect",
		} {
			require.Equal(t, reads[variable], slices.Contains(who(t, g, action), role), "%s: %s and %s", role, variable, action)
		}
	}
}
