package stacks

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"workerfleet/components/access"
	"workerfleet/components/cluster"
	"workerfleet/components/edge"
	"workerfleet/components/service"
	"workerfleet/components/task"
)

// What the services are made of. The API's figures are the published ones.
const (
	apiPort              = 8443
	apiCPU               = 1024 // units
	apiSoft, apiHard     = 1536, 3072
	apiBusyPercent       = 70   // of its processors, which one task is kept at
	apiRequests          = 1000 // a minute, which one task is kept at
	apiErrors            = 10   // answers of 500 and above a minute that are still well
	keeperTasks          = 2    // both active: either alone keeps the pool true
	keeperCPU            = 256
	keeperSoft, keepHard = 512, 1024
	migrateCPU           = 256
	agentSoft, agentHard = 128, 512
)

// How long a task may take to stop, in seconds. The load balancer takes a task that leaves out first and gives its
// requests DeregistrationSeconds; the container then has longer than that, and a host longer still:
//
//	edge.DeregistrationSeconds ≤ apiStop < cluster.DrainSeconds
const (
	apiStop    = edge.DeregistrationSeconds + 30
	keeperStop = 60
	agentStop  = 60
	_          = uint(cluster.DrainSeconds - apiStop - 1) // does not compile where a container outlives its host
)

// routerShare of what agent and log router reserve is the router's.
const routerShare = 4

// newServices makes what is kept running, and the migration that is run once before a release.
func (c *computeParts) newServices(ctx *pulumi.Context, cfg Config, on computeGround) error {
	for _, step := range []func(*pulumi.Context, Config, computeGround) error{c.newAPI, c.newKeeper, c.newAgent, c.newMigrate} {
		if err := step(ctx, cfg, on); err != nil {
			return err
		}
	}
	return nil
}

// process is a task of one container of the API hosts.
type process struct {
	name                  string
	network               task.Network
	cpu, soft, hard, stop int
	port                  int
	reads                 pulumi.StringMap
	may                   access.Document
	secrets               map[string]task.Secret
}

func (c *computeParts) newProcess(ctx *pulumi.Context, cfg Config, on computeGround, p process) (*task.Task, error) {
	made, err := task.New(ctx, p.name+"-task", &task.Args{
		Place: on.place, Network: p.network, Architecture: cfg.Architecture, LogsKey: on.keys.Logs, SecretsKey: on.keys.Data, Policy: p.may,
		Containers: []task.Container{{
			Name: p.name, Image: on.artifacts.image(p.name, on.images), CPU: p.cpu, MemorySoft: p.soft, MemoryHard: p.hard,
			User: cluster.WorkerUser, Environment: p.reads, Secrets: p.secrets, Port: p.port, StopSeconds: p.stop,
		}},
	}, on.through)
	if err != nil {
		return nil, err
	}
	c.roles = append(c.roles, made.ExecutionRole, made.TaskRole)
	return made, nil
}

// after is what every service waits for: the cluster with its providers, the way out, and the database behind its proxy.
func (c *computeParts) after(on computeGround) []pulumi.Resource {
	after := append([]pulumi.Resource{}, c.cluster.Ready...)
	return append(append(after, on.network.Egress...), on.data.DatabaseReady...)
}

func (c *computeParts) newAPI(ctx *pulumi.Context, cfg Config, on computeGround) error {
	made, err := c.newProcess(ctx, cfg, on, process{
		name: "api", network: task.Bridge, cpu: apiCPU, soft: apiSoft, hard: apiHard, stop: apiStop, port: apiPort,
		reads: c.reads.api(), may: c.may.api(),
	})
	if err != nil {
		return err
	}
	_, err = service.New(ctx, "api", &service.Args{
		Cluster: c.cluster.ARN, ClusterName: c.cluster.Name, Task: made, CapacityProvider: c.cluster.API,
		Min: cfg.Plan.API.MinTasks, Max: cfg.Plan.API.MaxTasks, MinHealthy: 100, MaxPercent: 200, CPUPercent: apiBusyPercent,
		Balanced: &service.Balanced{
			TargetGroupARN: on.data.TargetGroupARN, LoadBalancer: on.data.LoadBalancerARNSuffix, TargetGroup: on.data.TargetGroupARNSuffix,
			Container: "api", Port: apiPort, RequestsPerMinute: apiRequests, ErrorsPerMinute: apiErrors,
		},
		After: append(c.after(on), on.data.Listener), Topic: on.topic,
	}, on.through)
	return err
}

// newKeeper makes the two keepers. One may stop while the other takes over, so that a deployment needs no more room
// than there is.
func (c *computeParts) newKeeper(ctx *pulumi.Context, cfg Config, on computeGround) error {
	made, err := c.newProcess(ctx, cfg, on, process{
		name: "keeper", network: task.Bridge, cpu: keeperCPU, soft: keeperSoft, hard: keepHard, stop: keeperStop,
		reads: c.reads.keeper(), may: c.may.keeper(),
	})
	if err != nil {
		return err
	}
	_, err = service.New(ctx, "keeper", &service.Args{
		Cluster: c.cluster.ARN, ClusterName: c.cluster.Name, Task: made, CapacityProvider: c.cluster.API,
		Min: keeperTasks, Max: keeperTasks, MinHealthy: 50, MaxPercent: 150, After: c.after(on), Topic: on.topic,
	}, on.through)
	return err
}

// newAgent puts an agent and a log router on every worker host. What the two reserve leaves exactly the planned number
// of workers on the host. Three hosts in four keep their agent while it is replaced; of two hosts, one does.
func (c *computeParts) newAgent(ctx *pulumi.Context, cfg Config, on computeGround) error {
	reserved := cfg.Plan.Workers.ReservedUnits
	router := c.workers.Router(on.artifacts.image("log-router", on.images), reserved/routerShare)
	made, err := task.New(ctx, "agent-task", &task.Args{
		Place: on.place, Network: task.Own, HostProcesses: true, Architecture: cfg.Architecture, LogsKey: on.keys.Logs, Policy: c.may.agent(),
		Containers: []task.Container{{
			Name: "agent", Image: on.artifacts.image("agent", on.images), CPU: reserved - router.CPU, MemorySoft: agentSoft, MemoryHard: agentHard,
			User: cluster.WorkerUser, Environment: c.reads.agent(), StopSeconds: agentStop, Restart: true,
			Mounts: []task.Mount{{Host: cluster.SocketDirectory, Container: cluster.SocketDirectory}},
		}, router},
	}, on.through)
	if err != nil {
		return err
	}
	c.roles = append(c.roles, made.ExecutionRole, made.TaskRole)
	healthy := 66
	if cfg.Workers.MinInstances == 2 {
		healthy = 50
	}
	_, err = service.NewDaemon(ctx, "agent", &service.DaemonArgs{
		Cluster: c.cluster.ARN, ClusterName: c.cluster.Name, Task: made, Attribute: cluster.RoleAttribute, Value: string(cluster.WorkerHost),
		Subnets: on.network.PrivateSubnets, SecurityGroup: on.clients.Agent, MinHealthy: healthy, After: c.after(on), Topic: on.topic,
	}, on.through)
	return err
}

// newMigrate describes the migration; running it is the release's. It alone reaches the writer itself, and so has an
// interface of its own.
func (c *computeParts) newMigrate(ctx *pulumi.Context, cfg Config, on computeGround) error {
	made, err := c.newProcess(ctx, cfg, on, process{
		name: "migrate", network: task.Own, cpu: migrateCPU, soft: keeperSoft, hard: keepHard, stop: keeperStop,
		reads: c.reads.migrate(), may: c.may.migrate(), secrets: c.reads.owner(),
	})
	if err != nil {
		return err
	}
	c.migration = pulumi.Map{
		"taskDefinition": made.ARN, "capacityProvider": c.cluster.API,
		"subnets": on.network.PrivateSubnets, "securityGroup": on.clients.Migrate,
	}
	return nil
}
