package task

import (
	"strconv"
	"strings"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ecs"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"workerfleet/components/access"
	"workerfleet/components/names"
)

// ecsTasks is the service that takes both roles on.
const ecsTasks = "ecs-tasks.amazonaws.com"

// Task is a task definition with its roles and its log.
type Task struct {
	pulumi.ResourceState
	// ARN names the newest revision, Family all of them. The family is stated, so that policies show it in a preview.
	ARN    pulumi.StringOutput
	Family string
	// ExecutionRole is what whoever starts the task must be allowed to pass on; TaskRole is empty where there is none.
	ExecutionRole, TaskRole pulumi.StringOutput
	// LogGroup is empty where every container has a router.
	LogGroup pulumi.StringOutput
	// Network is what services of this task must be made for.
	Network Network
	// StopSeconds is the longest that a container takes to stop.
	StopSeconds int
}

// New makes the definition, its roles and its log group.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Task, error) {
	a, err := args.complete(name)
	if err != nil {
		return nil, err
	}
	c := &Task{Family: a.Place.Stated(names.Family, name), Network: a.Network}
	if err := ctx.RegisterComponentResource("workerfleet:task:Task", name, c, opts...); err != nil {
		return nil, err
	}
	var log pulumi.StringInput
	if a.ownLog() {
		group, err := cloudwatch.NewLogGroup(ctx, names.Join(name, "log"), &cloudwatch.LogGroupArgs{
			KmsKeyId: a.LogsKey, RetentionInDays: pulumi.Int(a.LogDays),
		}, pulumi.Parent(c))
		if err != nil {
			return nil, err
		}
		c.LogGroup, log = group.Name, group.Arn
	}
	if err := c.makeExecutionRole(ctx, name, a, log); err != nil {
		return nil, err
	}
	definition := c.definition(a)
	if len(a.Policy) > 0 {
		role, err := access.NewServiceRole(ctx, names.Join(name, "process"), &access.ServiceRoleArgs{
			Place: a.Place, Service: ecsTasks, Description: "What " + name + " itself may do.", Policy: a.Policy,
		}, pulumi.Parent(c))
		if err != nil {
			return nil, err
		}
		c.TaskRole, definition.TaskRoleArn = role.Arn, role.Arn
	}
	made, err := ecs.NewTaskDefinition(ctx, names.Join(name, "definition"), definition, pulumi.Parent(c))
	if err != nil {
		return nil, err
	}
	c.ARN = made.Arn
	return c, ctx.RegisterResourceOutputs(c, pulumi.Map{"arn": c.ARN, "family": pulumi.String(c.Family)})
}

// makeExecutionRole makes the role under which ECS starts the containers: exactly their images, their secrets and their
// log.
func (c *Task) makeExecutionRole(ctx *pulumi.Context, name string, a Args, log pulumi.StringInput) error {
	// ECR hands out its token for the whole registry or not at all.
	policy := access.Document{{Sid: "SignIn", Actions: []string{"ecr:GetAuthorizationToken"}, Resources: access.Texts("*")}}
	var repositories, secrets []pulumi.StringInput
	for _, container := range a.Containers {
		if container.Image.Repository != nil {
			repositories = append(repositories, container.Image.Repository)
		}
		for _, key := range sorted(container.Secrets) {
			secrets = append(secrets, container.Secrets[key].ARN)
		}
	}
	if len(repositories) > 0 {
		policy = append(policy, access.Statement{
			Sid: "Pull", Actions: []string{"ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"},
			Resources: repositories,
		})
	}
	if log != nil {
		policy = append(policy, access.Statement{
			Sid: "Log", Actions: []string{"logs:CreateLogStream", "logs:PutLogEvents"},
			Resources: []pulumi.StringInput{pulumi.Sprintf("%s:*", log)},
		})
	}
	if len(secrets) > 0 {
		policy = append(policy,
			access.Statement{Sid: "Secrets", Actions: []string{"secretsmanager:GetSecretValue"}, Resources: secrets},
			access.Statement{
				Sid: "OpenSecrets", Actions: []string{"kms:Decrypt"}, Resources: []pulumi.StringInput{a.SecretsKey},
				Conditions: []access.Condition{access.When("StringEquals", "kms:ViaService", "secretsmanager."+a.Place.Region+".amazonaws.com")},
			})
	}
	role, err := access.NewServiceRole(ctx, names.Join(name, "execution"), &access.ServiceRoleArgs{
		Place: a.Place, Service: ecsTasks, Description: "Starts the containers of " + name + ".", Policy: policy,
	}, pulumi.Parent(c))
	if err != nil {
		return err
	}
	c.ExecutionRole = role.Arn
	return nil
}

// definition is the task definition but for its roles' existence.
func (c *Task) definition(a Args) *ecs.TaskDefinitionArgs {
	var containers pulumi.Array
	var volumes ecs.TaskDefinitionVolumeArray
	known := map[string]bool{}
	for _, container := range a.Containers {
		containers = append(containers, c.container(a, container))
		c.StopSeconds = max(c.StopSeconds, container.StopSeconds)
		for _, mount := range container.Mounts {
			if volume := volumeName(mount.Host); !known[volume] {
				known[volume] = true
				volumes = append(volumes, ecs.TaskDefinitionVolumeArgs{Name: pulumi.String(volume), HostPath: pulumi.String(mount.Host)})
			}
		}
	}
	args := &ecs.TaskDefinitionArgs{
		Family: pulumi.String(c.Family), NetworkMode: pulumi.String(string(a.Network)), ExecutionRoleArn: c.ExecutionRole,
		RequiresCompatibilities: pulumi.ToStringArray([]string{"EC2"}), SkipDestroy: pulumi.Bool(true),
		RuntimePlatform: ecs.TaskDefinitionRuntimePlatformArgs{
			OperatingSystemFamily: pulumi.String("LINUX"), CpuArchitecture: pulumi.String(strings.ToUpper(a.Architecture)),
		},
		ContainerDefinitions: pulumi.JSONMarshal(containers),
	}
	if len(volumes) > 0 {
		args.Volumes = volumes
	}
	if a.HostProcesses {
		args.PidMode = pulumi.String("host")
	}
	return args
}

// volumeName names a directory of the host: /run/fleet is run-fleet.
func volumeName(host string) string {
	return strings.ReplaceAll(strings.Trim(host, "/"), "/", "-")
}

func userAndGroup(id int) string { return strconv.Itoa(id) + ":" + strconv.Itoa(id) }
