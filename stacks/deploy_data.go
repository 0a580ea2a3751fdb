package stacks

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"workerfleet/components/access"
	"workerfleet/components/alarms"
	"workerfleet/components/edge"
	"workerfleet/components/keys"
	"workerfleet/components/network"
	"workerfleet/components/postgres"
	"workerfleet/components/protection"
	"workerfleet/components/valkey"
	"workerfleet/stacks/sizing"
)

// clients are the security groups of the processes that speak to the data stores.
type clients struct {
	API, Agent, Function, Migrate pulumi.StringInput
}

// dataGround is what the data half is built on.
type dataGround struct {
	ground
	through pulumi.ResourceOption // the one provider
	keys    *keys.Keys
	topic   *alarms.Topic
	network *network.Network
	clients clients
}

// dataParts are what the compute half needs of the data half: where things are, and what lets a role use them.
type dataParts struct {
	// ValkeyEndpoint is host:port, ValkeyName what IAM tokens are signed for, ValkeyCluster whether it is a cluster of
	// nodes (a token for a serverless cache says so).
	ValkeyEndpoint, ValkeyName pulumi.StringOutput
	ValkeyCluster              bool
	// ValkeyUserARNs and ValkeyUsers are ARN and name of each process's user: api, keeper, agent, function.
	ValkeyUserARNs map[string]pulumi.StringOutput
	ValkeyUsers    map[string]string
	// ValkeyConnect lets a role sign in as a process's user, DatabaseConnect at the proxy.
	ValkeyConnect   map[string]access.Statement
	DatabaseConnect access.Statement

	// DatabaseEndpoint and DatabaseReaderEndpoint are hosts of the proxy, the latter empty where there is none;
	// HasReader says which. DatabaseWriterEndpoint is the cluster's writer, for migrate alone.
	DatabaseEndpoint, DatabaseReaderEndpoint, DatabaseWriterEndpoint pulumi.StringOutput
	HasReader                                                        bool
	// DatabaseResourceID is the proxy's id, prx-…, for rds-db:connect.
	DatabaseResourceID pulumi.StringOutput
	// DatabaseName and DatabaseRole are what is behind the endpoints, and whom processes sign in as.
	DatabaseName, DatabaseRole string
	// MasterSecretARN is read by migrate, RoleSecretARN written.
	MasterSecretARN, RoleSecretARN pulumi.StringOutput
	// DatabaseReady must stand before a service starts.
	DatabaseReady []pulumi.Resource
	// DatabaseARN, DatabaseID and DatabaseProxy are what backups and dashboards call cluster and proxy by.
	DatabaseARN, DatabaseID, DatabaseProxy pulumi.StringOutput

	TargetGroupARN, LoadBalancerARNSuffix, TargetGroupARNSuffix pulumi.StringOutput
	Listener                                                    pulumi.Resource
	// EdgeGroup is the load balancer's security group: the API's hosts admit it on edge.FirstPort to edge.LastPort.
	EdgeGroup pulumi.StringOutput
	// URL is the API's address; WebACL and Region are what metrics of the web ACL are found by.
	URL, WebACL, Region string
}

// newData makes the cache, the database and the edge.
func newData(ctx *pulumi.Context, cfg Config, on dataGround) (*dataParts, error) {
	parts := &dataParts{Region: cfg.Region}
	cache, err := newValkey(ctx, cfg, on)
	if err != nil {
		return nil, err
	}
	parts.takeValkey(cache)
	database, err := newPostgres(ctx, cfg, on)
	if err != nil {
		return nil, err
	}
	parts.takePostgres(database, cfg)
	front, err := newEdge(ctx, cfg, on)
	if err != nil {
		return nil, err
	}
	parts.takeEdge(front)
	return parts, nil
}

func newValkey(ctx *pulumi.Context, cfg Config, on dataGround) (*valkey.Valkey, error) {
	args := &valkey.Args{
		Place: on.place, Protection: protection.Level(cfg.Protection), VPC: on.network.VPC, Subnets: on.network.PrivateSubnets,
		Clients: map[string]pulumi.StringInput{"api": on.clients.API, "agent": on.clients.Agent, "function": on.clients.Function},
		Key:     on.keys.Data, LogsKey: on.keys.Logs, Topic: on.topic,
	}
	mode := sizing.ValkeyMode(cfg.Valkey.Mode)
	if mode != sizing.Cluster {
		args.Serverless = &valkey.Serverless{StorageGB: cfg.Valkey.StorageGB, ECPU: cfg.Valkey.ECPU}
	}
	if mode != sizing.Serverless {
		args.Cluster = &valkey.Cluster{Shards: cfg.Valkey.Shards, NodeType: cfg.Valkey.NodeType}
	}
	return valkey.New(ctx, "valkey", args, on.through)
}

func (d *dataParts) takeValkey(cache *valkey.Valkey) {
	d.ValkeyEndpoint, d.ValkeyName, d.ValkeyCluster = cache.Endpoint, cache.Name, cache.IsCluster
	d.ValkeyUserARNs, d.ValkeyUsers = map[string]pulumi.StringOutput{}, map[string]string{}
	d.ValkeyConnect = map[string]access.Statement{}
	for process, user := range cache.Users {
		d.ValkeyUserARNs[process], d.ValkeyUsers[process] = user.ARN, user.Name
		d.ValkeyConnect[process] = cache.Connect(process)
	}
}

func newPostgres(ctx *pulumi.Context, cfg Config, on dataGround) (*postgres.Postgres, error) {
	class := cfg.Plan.Database.Class
	return postgres.New(ctx, "database", &postgres.Args{
		Place: on.place, Protection: protection.Level(cfg.Protection),
		Class:   postgres.Class{Name: class.Name, MemoryGB: class.MemoryGB, MaxConnections: class.MaxConnections},
		MultiAZ: cfg.Database.MultiAZ, ReadReplicas: cfg.Database.ReadReplicas,
		VPC: on.network.VPC, Subnets: on.network.PrivateSubnets, Zones: on.zones,
		Clients: map[string]pulumi.StringInput{"api": on.clients.API, "function": on.clients.Function}, Migrate: on.clients.Migrate,
		Key: on.keys.Data, LogsKey: on.keys.Logs, Topic: on.topic,
	}, on.through)
}

func (d *dataParts) takePostgres(database *postgres.Postgres, cfg Config) {
	d.DatabaseEndpoint, d.DatabaseReaderEndpoint = database.Endpoint, database.ReaderEndpoint
	d.DatabaseWriterEndpoint, d.HasReader = database.WriterEndpoint, cfg.Database.ReadReplicas > 0
	d.DatabaseResourceID, d.DatabaseName, d.DatabaseRole = database.ResourceID, postgres.Database, postgres.Role
	d.MasterSecretARN, d.RoleSecretARN = database.OwnerSecret, database.RoleSecret
	d.DatabaseConnect, d.DatabaseReady = database.Connect(), database.Ready
	d.DatabaseARN, d.DatabaseID, d.DatabaseProxy = database.ClusterARN, database.ClusterID, database.ProxyName
}

func newEdge(ctx *pulumi.Context, cfg Config, on dataGround) (*edge.Edge, error) {
	return edge.New(ctx, "edge", &edge.Args{
		Place: on.place, Protection: protection.Level(cfg.Protection), Domain: cfg.Edge.Domain,
		HostedZone: cfg.Edge.HostedZoneID, CertificateARN: cfg.Edge.CertificateARN,
		VPC: on.network.VPC, Subnets: on.network.PublicSubnets,
		Targets: map[string]pulumi.StringInput{"api": on.clients.API}, Shield: cfg.ShieldProtection(),
		LogsKey: on.keys.Logs, Topic: on.topic,
	}, on.through)
}

func (d *dataParts) takeEdge(front *edge.Edge) {
	d.TargetGroupARN, d.Listener, d.EdgeGroup = front.TargetGroup, front.Listener, front.Group
	d.LoadBalancerARNSuffix, d.TargetGroupARNSuffix = front.BalancerSuffix, front.TargetGroupSuffix
	d.URL, d.WebACL = front.URL, front.WebACL
}
