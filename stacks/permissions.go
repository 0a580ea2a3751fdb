package stacks

import (
	"maps"
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"workerfleet/components/access"
	"workerfleet/components/cluster"
	"workerfleet/components/functions"
	"workerfleet/components/keys"
	"workerfleet/components/place"
	"workerfleet/components/queues"
	"workerfleet/components/workers"
	"workerfleet/runtime/settings"
)

// permissions write what each process may do. testdata/permissions.golden shows the whole.
type permissions struct {
	place   place.Place
	data    *dataParts
	keys    *keys.Keys
	work    map[string]*queues.Queue
	cluster *cluster.Cluster
	workers *workers.Workers
}

func (p permissions) api() access.Document {
	return p.with("api", p.store(), p.open(), p.send(), p.sealMessages())
}

func (p permissions) keeper() access.Document {
	return p.with("keeper", p.open(), p.send(), p.sealMessages(), p.launch(), p.grow(), p.shut())
}

// agent is also the role of the log router beside it.
func (p permissions) agent() access.Document {
	return access.Document{p.data.ValkeyConnect["agent"], p.workers.Logging()}
}

// migrate draws the password of the processes' role once, and keeps it where the proxy reads it.
func (p permissions) migrate() access.Document {
	return access.Document{
		{Sid: "RoleSecret", Actions: []string{"secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue"}, Resources: []pulumi.StringInput{p.data.RoleSecretARN}},
		{
			Sid: "SealSecret", Actions: []string{"kms:Decrypt", "kms:GenerateDataKey"}, Resources: []pulumi.StringInput{p.keys.Data},
			Conditions: []access.Condition{functions.Via(p.place, "secretsmanager")},
		},
	}
}

// function is what a handler may do. Only claim opens credentials; pool and maintenance run the keeper's passes, and
// send a wake where those would open any; what becomes of hosts is maintenance's alone.
func (p permissions) function(handler settings.Handler) access.Document {
	const user = "function"
	switch handler {
	case settings.HandlerClaim:
		return p.with(user, p.open())
	case settings.HandlerControl:
		return p.with(user, p.send(), p.ask())
	case settings.HandlerPool:
		return p.with(user, p.send(), p.launch(), p.grow())
	case settings.HandlerMaintenance:
		return p.with(user, p.send(), p.launch(), p.grow(), p.shut())
	default:
		return p.with(user, p.send())
	}
}

// with is a process that signs in to cache and database, and whatever else it may.
func (p permissions) with(user string, more ...access.Document) access.Document {
	return append(access.Document{p.data.ValkeyConnect[user], p.data.DatabaseConnect}, slices.Concat(more...)...)
}

// store and open are about users' credentials. The key's own policy denies either without the user's name.
func (p permissions) store() access.Document {
	return access.Document{{Sid: "StoreCredentials", Actions: []string{"kms:Encrypt"}, Resources: []pulumi.StringInput{p.keys.Credentials}}}
}

func (p permissions) open() access.Document {
	return access.Document{{Sid: "OpenCredentials", Actions: []string{"kms:Decrypt"}, Resources: []pulumi.StringInput{p.keys.Credentials}}}
}

// send writes to the work queues. They are encrypted: functions have the use of their key with them.
func (p permissions) send() access.Document {
	var arns []pulumi.StringInput
	for _, name := range slices.Sorted(maps.Keys(p.work)) {
		arns = append(arns, p.work[name].ARN)
	}
	return access.Document{{Sid: "Send", Actions: []string{"sqs:SendMessage"}, Resources: arns}}
}

func (p permissions) sealMessages() access.Document {
	return access.Document{{
		Sid: "SealMessages", Actions: []string{"kms:Decrypt", "kms:GenerateDataKey"}, Resources: []pulumi.StringInput{p.keys.Messages},
		Conditions: []access.Condition{functions.Via(p.place, "sqs")},
	}}
}

// inCluster holds a call to this stack's cluster.
func (p permissions) inCluster() []access.Condition {
	return []access.Condition{access.When("ArnEquals", "ecs:cluster", p.cluster.ARN)}
}

// ask confirms deaths with ECS and EC2, and ends tasks that are registered nowhere.
func (p permissions) ask() access.Document {
	tasks := access.Texts(p.place.ARN("ecs", "task/"+p.cluster.Name+"/*"))
	instances := access.Texts(p.place.ARN("ecs", "container-instance/"+p.cluster.Name+"/*"))
	return access.Document{
		{Sid: "Tasks", Actions: []string{"ecs:DescribeTasks", "ecs:StopTask"}, Resources: tasks, Conditions: p.inCluster()},
		{Sid: "Hosts", Actions: []string{"ecs:DescribeContainerInstances"}, Resources: instances, Conditions: p.inCluster()},
		// A list of tasks has no resource of its own, only the cluster as a condition.
		{Sid: "ListTasks", Actions: []string{"ecs:ListTasks"}, Resources: access.Texts("*"), Conditions: p.inCluster()},
		// EC2 describes everything or nothing.
		{Sid: "Instances", Actions: []string{"ec2:DescribeInstances"}, Resources: access.Texts("*")},
	}
}

// launch starts workers: every revision of their family, on this cluster, handing on the role that pulls their image.
func (p permissions) launch() access.Document {
	return append(p.ask(),
		access.Statement{
			Sid: "Launch", Actions: []string{"ecs:RunTask"}, Conditions: p.inCluster(),
			Resources: access.Texts(p.place.ARN("ecs", "task-definition/"+p.workers.Task.Family+":*")),
		},
		access.Statement{
			Sid: "HandOn", Actions: []string{"iam:PassRole"}, Resources: []pulumi.StringInput{p.workers.Task.ExecutionRole},
			Conditions: []access.Condition{access.When("StringEquals", "iam:PassedToService", "ecs-tasks.amazonaws.com")},
		})
}

// grow raises the number of worker hosts ahead of the workers. Empty ones the capacity provider's own scaling ends.
func (p permissions) grow() access.Document {
	return access.Document{
		{
			Sid: "Grow", Actions: []string{"autoscaling:SetDesiredCapacity"},
			Resources: []pulumi.StringInput{pulumi.Sprintf("%s/%s", p.place.ARN("autoscaling", "autoScalingGroup:*:autoScalingGroupName"), p.cluster.WorkerGroup)},
		},
		{
			Sid: "FindGroup", Actions: []string{"ecs:DescribeCapacityProviders"},
			Resources: []pulumi.StringInput{pulumi.Sprintf("%s/%s", p.place.ARN("ecs", "capacity-provider"), p.cluster.Workers)},
		},
		// Auto Scaling describes everything or nothing.
		{Sid: "Groups", Actions: []string{"autoscaling:DescribeAutoScalingGroups"}, Resources: access.Texts("*")},
	}
}

// shut keeps launches off hosts that go out of service, by an attribute.
func (p permissions) shut() access.Document {
	instances := access.Texts(p.place.ARN("ecs", "container-instance/"+p.cluster.Name+"/*"))
	return access.Document{
		{Sid: "Shut", Actions: []string{"ecs:PutAttributes", "ecs:DeleteAttributes"}, Resources: instances, Conditions: p.inCluster()},
		{Sid: "ListHosts", Actions: []string{"ecs:ListContainerInstances"}, Resources: access.Texts(p.cluster.ARN)},
	}
}
