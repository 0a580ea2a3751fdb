package stacks

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"workerfleet/stacks/graph"
)

// uncalled are actions that a process may do and does not call itself, each with its reason. An entry goes when its part
// comes: it is refused once the process makes the call.
var uncalled = []struct {
	reason    string
	actions   []string
	processes []string
}{
	{"no round reconciles by ECS's own list of workers yet", []string{"ecs:ListTasks", "ecs:DescribeTasks"}, []string{"keeper", "function-pool", "function-maintenance"}},
	{"the second signals are to come: asking ECS and EC2 about hosts that fell silent",
		[]string{"ec2:DescribeInstances"}, []string{"keeper", "function-control", "function-pool", "function-maintenance"}},
	{"the second signals are to come: asking ECS about a host that fell silent", []string{"ecs:DescribeContainerInstances"}, []string{"function-control", "function-pool"}},
	{"RunTask hands it on; nobody calls it", []string{"iam:PassRole"}, []string{"keeper", "function-pool", "function-maintenance"}},
	{"its rounds look at orders and claims themselves; what it hands on is to come", []string{"sqs:SendMessage"}, []string{"keeper"}},
	{"pool asks the index alone; every function may sign in to the database", []string{"rds-db:connect"}, []string{"function-pool"}},
	{"the log router beside the agent writes the workers' log", []string{"logs:CreateLogStream", "logs:PutLogEvents"}, []string{"agent"}},
}

// reachedByName are calls that a process is found to make only because a method that it calls has the name of another type's: the
// sources are read without types. Each was looked at.
var reachedByName = map[string][]string{
	"api":                  {"sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:ReceiveMessage"},
	"function-claim":       {"autoscaling:DescribeAutoScalingGroups", "autoscaling:SetDesiredCapacity", "ecs:DeleteAttributes", "ecs:DescribeCapacityProviders", "ecs:DescribeContainerInstances", "ecs:ListContainerInstances", "ecs:PutAttributes", "ecs:RunTask", "ecs:StopTask", "sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:ReceiveMessage"},
	"function-control":     {"autoscaling:DescribeAutoScalingGroups", "autoscaling:SetDesiredCapacity", "ecs:DeleteAttributes", "ecs:DescribeCapacityProviders", "ecs:DescribeContainerInstances", "ecs:ListContainerInstances", "ecs:PutAttributes", "ecs:RunTask", "kms:Decrypt", "sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:ReceiveMessage"},
	"function-pool":        {"ecs:DeleteAttributes", "ecs:DescribeContainerInstances", "ecs:ListContainerInstances", "ecs:PutAttributes", "kms:Decrypt", "sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:ReceiveMessage"},
	"function-orders":      {"autoscaling:DescribeAutoScalingGroups", "autoscaling:SetDesiredCapacity", "ecs:DeleteAttributes", "ecs:DescribeCapacityProviders", "ecs:DescribeContainerInstances", "ecs:ListContainerInstances", "ecs:PutAttributes", "ecs:RunTask", "ecs:StopTask", "kms:Decrypt", "sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:ReceiveMessage"},
	"function-maintenance": {"kms:Decrypt", "sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:ReceiveMessage"},
}

// lambdasOwn is what Lambda does itself under a function's role: the log, traces, the network, and feeding it.
var lambdasOwn = []string{
	"logs:CreateLogStream", "logs:PutLogEvents", "xray:PutTelemetryRecords", "xray:PutTraceSegments",
	"ec2:AssignPrivateIpAddresses", "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface", "ec2:DescribeNetworkInterfaces",
	"ec2:DescribeSubnets", "ec2:UnassignPrivateIpAddresses",
	"sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage",
}

// ofTools are calls that no process makes: what receives for the functions of one machine, and what people send dead letters
// back with.
var ofTools = []string{
	"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes", "sqs:GetQueueUrl",
	"sqs:StartMessageMoveTask", "sqs:ListMessageMoveTasks",
}

// judged lists the processes: those with a binary of their own, and each function.
func judged(t *testing.T) map[string][]string {
	t.Helper()
	called := map[string][]string{}
	for _, process := range []string{"api", "keeper", "agent", "migrate"} {
		called[process] = callsOf(t, "runtime/cmd/"+process).made()
	}
	all := callsOf(t, "runtime/cmd/function")
	for _, handler := range []string{"claim", "control", "orders", "pool", "maintenance"} {
		require.NotEmpty(t, all.names[runtimeModule+"cmd/function."+handler+"Function"], "the function %s begins elsewhere", handler)
		process := "function-" + handler
		called[process] = all.from(handler + "Function").made()
	}
	for process, named := range reachedByName {
		for _, action := range named {
			require.Contains(t, called[process], action, "%s is not found to call it any more: reachedByName need not list it", process)
		}
		called[process] = slices.DeleteFunc(called[process], func(action string) bool { return slices.Contains(named, action) })
	}
	return called
}

// grantedTo are the actions that a process may ask AWS for itself, without those that a service asks for in its name and it
// does not.
func grantedTo(t *testing.T, g *graph.Graph, process string, called []string) []string {
	t.Helper()
	var actions []string
	role := process + "-task-process-role"
	isFunction := strings.HasPrefix(process, "function-")
	if isFunction {
		role = process + "-process-role"
	}
	for _, s := range statementsOf(t, g, byName(t, g, role)) {
		through := slices.ContainsFunc(s.conditions, func(c string) bool { return strings.Contains(c, "kms:ViaService") })
		if s.allow && !through {
			actions = append(actions, s.actions...)
		}
	}
	if isFunction {
		actions = slices.DeleteFunc(actions, func(action string) bool {
			return slices.Contains(lambdasOwn, action) && !slices.Contains(called, action)
		})
	}
	return actions
}

// Each process may do what its source calls, and nothing that it does not: a call without a grant fails in the account
// only, and a grant that nobody needs is an attacker's. That AWS takes an action for
// the one that the call needs is seen in an account.
func TestProcessesMayDoWhatTheyCall(t *testing.T) {
	g := deployTier(t, "10k", graph.Run{})
	all := map[string]bool{}
	used := map[string]bool{}
	for process, called := range judged(t) {
		granted := grantedTo(t, g, process, called)
		for _, action := range called {
			all[action] = true
			require.Contains(t, granted, action, "%s calls it and may not", process)
		}
		reasons := map[string]bool{}
		for _, exception := range uncalled {
			for _, action := range exception.actions {
				reasons[action] = reasons[action] || slices.Contains(exception.processes, process)
			}
		}
		for _, action := range granted {
			require.NotEqual(t, slices.Contains(called, action), reasons[action],
				"%s may do %s: either its source calls it, or uncalled has the reason, not both", process, action)
			used[process+action] = true
		}
	}
	for _, exception := range uncalled {
		for _, process := range exception.processes {
			for _, action := range exception.actions {
				require.True(t, used[process+action], "%s may not do %s any more: the exception is not used", process, action)
			}
		}
	}
	require.Subset(t, all, map[string]bool{"elasticache:Connect": true, "rds-db:connect": true, "kms:Decrypt": true, "secretsmanager:PutSecretValue": true,
		"sqs:SendMessage": true, "ecs:ListTasks": true},
		"what is known to be called is found")
}

// Every operation that the runtime names is one that the test above recognises as a call, and reaches from a binary or
// has a reason for: an input that is built elsewhere and handed over would be missed, and so would a call in a method that
// a library alone calls.
func TestEveryCallIsRecognised(t *testing.T) {
	recognised, reached := map[string]bool{}, map[string]bool{}
	for _, binary := range []string{"api", "keeper", "agent", "migrate", "function"} {
		c := callsOf(t, "runtime/cmd/"+binary)
		for _, actions := range c.actions {
			for _, action := range actions {
				recognised[action] = true
			}
		}
		for _, action := range c.made() {
			reached[action] = true
		}
	}
	for _, exception := range uncalled {
		for _, action := range exception.actions {
			reached[action] = true
		}
	}
	for _, action := range ofTools {
		reached[action] = true
	}
	found := 0
	for _, file := range runtimeFiles(t) {
		for _, action := range inputsIn(t, file) {
			found++
			require.True(t, recognised[action], "%s names the input of %s, and no call of it is seen in a binary", file, action)
			require.True(t, reached[action], "%s calls %s, and no binary is seen to come there", file, action)
		}
	}
	require.GreaterOrEqual(t, found, 3)
}
