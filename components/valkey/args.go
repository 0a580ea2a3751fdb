package valkey

import (
	"errors"
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"workerfleet/components/alarms"
	"workerfleet/components/names"
	"workerfleet/components/place"
	"workerfleet/components/protection"
)

// Limits of the arguments (ElastiCache user guide: serverless limits, and nodes of a cluster).
const (
	fewestStorage, mostStorage = 1, 5_000 // GB
	fewestECPU, mostECPU       = 1_000, 15_000_000
	fewestShards, mostShards   = 1, 250
	fewestZones, mostZones     = 2, 3
)

// Serverless are the limits of a serverless cache. They bound its cost and what a mistake may do.
type Serverless struct {
	StorageGB int
	ECPU      int // a second
}

// Cluster is a cluster of nodes: each shard has a primary and a replica.
type Cluster struct {
	Shards   int
	NodeType string
}

// Args describe the cache. At least one of Serverless and Cluster is stated; with both, processes use the cluster.
type Args struct {
	Place      place.Place
	Protection protection.Level
	Serverless *Serverless
	Cluster    *Cluster
	VPC        pulumi.StringInput
	// Subnets are private ones, one in each of two or three zones.
	Subnets pulumi.StringArray
	// Clients are the security groups that may connect, by what they are: api, agent, function.
	Clients map[string]pulumi.StringInput
	// Key encrypts what is stored, LogsKey the cluster's logs.
	Key, LogsKey pulumi.StringPtrInput
	Topic        *alarms.Topic
}

// complete returns what is wrong with the arguments, all of it.
func (args *Args) complete(name string) error {
	problems := []error{args.Protection.Validate(), names.Fits(names.Cache, names.Join(name, "serverless"))}
	refuse := func(format string, values ...any) { problems = append(problems, fmt.Errorf(format, values...)) }
	within := func(field string, value, least, most int) {
		if value < least || value > most {
			refuse("%s: %d is not allowed; allowed: %d to %d", field, value, least, most)
		}
	}
	if args.Serverless == nil && args.Cluster == nil {
		refuse("serverless, cluster: neither is stated; allowed: one of them, or both while a stack moves")
	}
	if s := args.Serverless; s != nil {
		within("serverless.storageGB", s.StorageGB, fewestStorage, mostStorage)
		within("serverless.ecpu", s.ECPU, fewestECPU, mostECPU)
	}
	if c := args.Cluster; c != nil {
		within("cluster.shards", c.Shards, fewestShards, mostShards)
		if c.NodeType == "" {
			refuse("cluster.nodeType: is empty; allowed: a node type such as cache.r7g.large")
		}
	}
	within("subnets: their number", len(args.Subnets), fewestZones, mostZones)
	if len(args.Clients) == 0 {
		refuse("clients: is empty; allowed: the security groups that may connect")
	}
	for field, missing := range map[string]bool{
		"vpc": args.VPC == nil, "key": args.Key == nil, "logsKey": args.LogsKey == nil, "topic": args.Topic == nil,
	} {
		if missing {
			refuse("%s: is missing; allowed: a stated one", field)
		}
	}
	if err := errors.Join(problems...); err != nil {
		return fmt.Errorf("valkey.Valkey %q: %w", name, err)
	}
	return nil
}
