package stacks

import (
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"workerfleet/components/backup"
	"workerfleet/components/delivery"
	"workerfleet/components/protection"
	"workerfleet/components/watch"
)

// abroadProvider is the name of the provider of the second region.
const abroadProvider = "workerfleet-abroad"

// newBackup keeps copies of the database, from 50k on in a second region too.
func newBackup(ctx *pulumi.Context, cfg Config, on dataGround, parts *dataParts) error {
	args := &backup.Args{
		Place: on.place, Protection: protection.Level(cfg.Protection),
		Databases: map[string]pulumi.StringInput{"database": parts.DatabaseARN}, Key: on.keys.Data, Topic: on.topic,
	}
	if cfg.Features.CrossRegionBackup {
		there := cfg
		there.Region = cfg.Backup.Region
		provider, err := aws.NewProvider(ctx, abroadProvider, providerArgs(ctx.Stack(), there))
		if err != nil {
			return err
		}
		args.Abroad = &backup.Abroad{Region: cfg.Backup.Region, Provider: provider}
	}
	_, err := backup.New(ctx, "backup", args, on.through)
	return err
}

// newDelivery lets the stated repository's workflows release; nil where none is stated.
func newDelivery(ctx *pulumi.Context, cfg Config, on computeGround, compute *computeParts) (*delivery.Delivery, error) {
	if cfg.Delivery.Repository == "" {
		return nil, nil
	}
	args := &delivery.Args{
		Place: on.place, Provider: cfg.Account.GitHubOIDC, Repository: cfg.Delivery.Repository, Branches: cfg.Delivery.Branches,
		Repositories: map[string]pulumi.StringInput{}, Roles: compute.roles, Cluster: compute.cluster.ARN,
	}
	for process, arn := range on.images.ARNs {
		args.Repositories[process] = arn
	}
	return delivery.New(ctx, "delivery", args, on.through)
}

// watchParts are what the compute half adds to the watch: sections of the dashboard, and patterns of its alarms.
type watchParts struct {
	sections        []watch.Section
	users, capacity []string
}

// newWatch comes last: it gathers alarms that exist.
func newWatch(ctx *pulumi.Context, cfg Config, on dataGround, parts *dataParts, more watchParts) (*watch.Watch, error) {
	args := &watch.Args{
		Place: on.place, Topic: on.topic, MonthlyBudgetUSD: cfg.MonthlyBudgetUSD,
		CostAnomaly: cfg.Account.CostAnomaly, GuardDuty: cfg.Account.GuardDuty,
		// What users feel: errors and late answers at the edge, and work of theirs that waits or finds no database.
		Users: append([]string{
			"edge-errors", "edge-target-errors", "edge-unhealthy", "edge-latency", "edge-rejected", "pool-claim-age", "order-tasks-age",
			"worker-control-age", "database-proxy-borrow", "database-proxy-refused", "valkey-*-evictions*",
		}, more.users...),
		// What runs full: sizes, limits and ports.
		Capacity: append([]string{
			"database-cpu-*", "database-memory-*", "database-connections-*", "database-transactions-*", "database-volume",
			"valkey-*-connections*", "valkey-*-memory*", "network-nat-*-ports", "*-in-flight",
		}, more.capacity...),
		Sections: append(parts.sections(), more.sections...),
	}
	if parts.ValkeyCluster {
		args.Capacity = append(args.Capacity, "valkey-cluster-cpu-*", "valkey-cluster-lag-*")
	} else {
		args.Users = append(args.Users, "valkey-serverless-throttled")
		args.Capacity = append(args.Capacity, "valkey-serverless-ecpu")
	}
	return watch.New(ctx, "watch", args, on.through)
}
