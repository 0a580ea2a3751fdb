package workers

import (
	"errors"
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"workerfleet/components/access"
	"workerfleet/components/cluster"
	"workerfleet/components/names"
	"workerfleet/components/place"
	"workerfleet/components/task"
)

const (
	// logDays is how long workers' logs are kept: a quarter of a year is how far back a user's complaint is looked into.
	logDays = 90
	// scratchMiB a session may write; it is emptied before the next life.
	scratchMiB = 32
	// stopSeconds are enough to finish the call to the broker that is in flight and to sign out.
	stopSeconds = 30
	// routerSocket is where the log router takes what the Docker daemon sends it.
	routerSocket = cluster.LogsDirectory + "/router.sock"
	// routerBuffer is what waits in the router's memory while CloudWatch does not take it.
	routerBuffer = "32M"
)

// Args describe the worker.
type Args struct {
	Place        place.Place
	Architecture string
	Image        task.Image
	// CPU units and MiB of one worker: the density of a host follows from them.
	CPU, MemorySoft, MemoryHard int
	// Environment is the worker's whole configuration.
	Environment pulumi.StringMap
	LogsKey     pulumi.StringPtrInput
}

// Workers are the worker's task definition and the log that all of them share.
type Workers struct {
	pulumi.ResourceState
	// Task is what the pool's passes start.
	Task *task.Task
	// LogGroup holds one stream a host, written by the hosts' log routers.
	LogGroup, LogGroupARN pulumi.StringOutput

	region string
}

// New makes the task definition and the log group.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Workers, error) {
	if args.LogsKey == nil {
		return nil, fmt.Errorf("workers.Workers %q: %w", name, errors.New("logsKey: is missing; allowed: the ARN of the key for logs"))
	}
	c := &Workers{region: args.Place.Region}
	if err := ctx.RegisterComponentResource("workerfleet:workers:Workers", name, c, opts...); err != nil {
		return nil, err
	}
	log, err := cloudwatch.NewLogGroup(ctx, names.Join(name, "log"), &cloudwatch.LogGroupArgs{
		KmsKeyId: args.LogsKey, RetentionInDays: pulumi.Int(logDays),
	}, pulumi.Parent(c))
	if err != nil {
		return nil, err
	}
	c.LogGroup, c.LogGroupARN = log.Name, log.Arn
	c.Task, err = task.New(ctx, names.Join(name, "worker"), &task.Args{
		Place: args.Place, Network: task.Bridge, Architecture: args.Architecture,
		Containers: []task.Container{{
			Name: "worker", Image: args.Image, CPU: args.CPU, MemorySoft: args.MemorySoft, MemoryHard: args.MemoryHard,
			User: cluster.WorkerUser, Environment: args.Environment, ScratchMiB: scratchMiB, StopSeconds: stopSeconds, DNS: cluster.DNS,
			// A socket that cannot be replaced from inside can still be connected to: the directory is mounted read-only.
			Mounts: []task.Mount{{Host: cluster.SocketDirectory, Container: cluster.SocketDirectory, ReadOnly: true}},
			Router: &task.Router{Address: "unix://" + routerSocket, Tag: "worker"},
		}},
	}, pulumi.Parent(c))
	if err != nil {
		return nil, err
	}
	return c, ctx.RegisterResourceOutputs(c, pulumi.Map{"definition": c.Task.ARN, "logGroup": c.LogGroup})
}

// Router is the container of a host's log router, Fluent Bit: it takes what workers log and writes one stream for the
// whole host, because CloudWatch opens 50 streams a second. It runs beside the agent.
func (c *Workers) Router(image task.Image, cpu int) task.Container {
	return task.Container{
		Name: "log-router", Image: image, CPU: cpu, MemorySoft: 64, MemoryHard: 256, User: cluster.RouterUser, StopSeconds: stopSeconds,
		Command: []string{
			"/fluent-bit/bin/fluent-bit",
			"-i", "forward", "-p", "unix_path=" + routerSocket, "-p", "mem_buf_limit=" + routerBuffer,
			"-o", "cloudwatch_logs", "-m", "*", "-p", "region=${LOG_REGION}", "-p", "log_group_name=${LOG_GROUP}",
			"-p", "log_stream_name=${HOSTNAME}", "-p", "auto_create_group=Off",
		},
		Environment: pulumi.StringMap{"LOG_GROUP": c.LogGroup, "LOG_REGION": pulumi.String(c.region)},
		Mounts:      []task.Mount{{Host: cluster.LogsDirectory, Container: cluster.LogsDirectory}},
		Restart:     true,
	}
}

// Logging is what the log router's task must be allowed.
func (c *Workers) Logging() access.Statement {
	return access.Statement{
		Sid: "WorkersLog", Actions: []string{"logs:CreateLogStream", "logs:PutLogEvents"},
		Resources: []pulumi.StringInput{pulumi.Sprintf("%s:*", c.LogGroupARN)},
	}
}
