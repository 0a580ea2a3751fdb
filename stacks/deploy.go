package stacks

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"workerfleet/components/alarms"
	"workerfleet/components/keys"
	"workerfleet/components/network"
	"workerfleet/components/perimeter"
	"workerfleet/components/protection"
	"workerfleet/components/registry"
)

// Program is the Pulumi program: it reads the stack's configuration and deploys it.
func Program(ctx *pulumi.Context) error {
	cfg, err := FromStack(ctx)
	if err != nil {
		return err
	}
	return Deploy(ctx, cfg)
}

// Deploy registers everything that a configuration asks for, from the ground up. An update outside a simulation is
// refused with all problems at once while account, domain or issuer are not the real ones; a preview only warns.
func Deploy(ctx *pulumi.Context, cfg Config) error {
	on, err := newGround(ctx, cfg)
	if err != nil {
		return err
	}
	provider, level := pulumi.Provider(on.provider), protection.Level(cfg.Protection)

	encryption, err := keys.New(ctx, "keys", &keys.Args{Place: on.place, Protection: level}, provider)
	if err != nil {
		return err
	}
	topic, err := alarms.NewTopic(ctx, "alarms", &alarms.Args{
		Place: on.place, Key: encryption.Messages, Email: cfg.Alarms.Email,
	}, provider)
	if err != nil {
		return err
	}
	if _, err := keys.NewGuard(ctx, "keys-guard", &keys.GuardArgs{Keys: encryption, Topic: topic}, provider); err != nil {
		return err
	}
	net, err := network.New(ctx, "network", &network.Args{
		Place: on.place, CIDR: cfg.Network.CIDR, Zones: on.zones, Addresses: cfg.Plan.Network.Addresses,
		NATPerZone: cfg.Network.NATPerZone, NATAddresses: cfg.Plan.Network.NATAddresses,
		InterfaceEndpoints: cfg.Network.InterfaceEndpoints, LogsKey: encryption.Logs, Topic: topic,
	}, provider)
	if err != nil {
		return err
	}
	work, err := newQueues(ctx, cfg, queueParts{place: on.place, key: encryption.Messages, topic: topic, provider: provider})
	if err != nil {
		return err
	}
	images, err := registry.New(ctx, "registry", &registry.Args{
		Place: on.place, Protection: level, Processes: imageProcesses(), Key: encryption.Compute, Topic: topic,
	}, provider)
	if err != nil {
		return err
	}
	who, err := perimeter.New(ctx, "perimeter", &perimeter.Args{Place: on.place, VPC: net.VPC, CIDR: net.CIDR}, provider)
	if err != nil {
		return err
	}
	parts := dataGround{
		ground: on, through: provider, keys: encryption, topic: topic, network: net,
		clients: clients{API: who.API, Agent: who.Agent, Function: who.Function, Migrate: who.Migrate},
	}
	data, err := newData(ctx, cfg, parts)
	if err != nil {
		return err
	}
	running := computeGround{dataGround: parts, data: data, work: work, images: images}
	compute, err := newCompute(ctx, cfg, running)
	if err != nil {
		return err
	}
	if err := newFunctions(ctx, cfg, running, compute); err != nil {
		return err
	}
	return finish(ctx, cfg, running, outputParts{work: work, images: images, data: data, compute: compute})
}

// finish makes what rests on everything else: copies of the database, the way for releases, and the watch over all of it.
func finish(ctx *pulumi.Context, cfg Config, on computeGround, out outputParts) (err error) {
	if err := newBackup(ctx, cfg, on.dataGround, on.data); err != nil {
		return err
	}
	if out.releases, err = newDelivery(ctx, cfg, on, out.compute); err != nil {
		return err
	}
	more := out.compute.watched()
	more.sections = append(more.sections, queuesSection(out.work))
	if out.watch, err = newWatch(ctx, cfg, on.dataGround, on.data, more); err != nil {
		return err
	}
	for name, value := range stackOutputs(cfg, out) {
		ctx.Export(name, value)
	}
	return nil
}

// imageProcesses are the processes that run from an image of their own.
func imageProcesses() []string {
	return []string{"agent", "api", "keeper", "log-router", "migrate", "worker"}
}
