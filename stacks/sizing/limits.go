package sizing

// Connections a process keeps, each at its most: what the plan counts is what the processes are given.
const (
	AgentToValkey    = 2 // one blocking read of the host's mail, one for batches
	APIToValkey      = 8
	KeeperToValkey   = 8
	FunctionToValkey = 1 // an environment handles one event at a time

	APIToDatabase      = 4
	KeeperToDatabase   = 8
	FunctionToDatabase = 1
)

const (
	// Per node and per serverless cache alike (facts ec.node.conn, ec.sls.maxclients).
	valkeyConnections = 65_000
)

func connections(p Plan) Connections {
	return Connections{
		Valkey: p.Workers.MaxInstances*AgentToValkey + p.API.MaxTasks*APIToValkey +
			keepers*KeeperToValkey + p.Lambda.Concurrency*FunctionToValkey,
		ValkeyLimit: valkeyConnections,
		Database: p.API.MaxTasks*APIToDatabase + keepers*KeeperToDatabase +
			p.Lambda.Concurrency*FunctionToDatabase,
		DatabaseLimit: p.Database.MaxConnections,
	}
}

// Addresses. Bridge-mode workers share their host's address, so that subnets are sized by hosts.
const (
	addressesPerWorkerHost = 2 // the host and its agent, which is awsvpc
	addressesPerAPIHost    = 1

	// In every zone, at most: 5 functions, 15 interface endpoints, 8 for the load balancer to grow into, NAT,
	// the proxy, and the 5 that AWS keeps of every subnet.
	addressesPerZone = 40

	// A zone's private subnet is a quarter of the VPC; public subnets share the last quarter.
	vpcShareBits = 2

	longestPrefix, shortestPrefix = 28, 16 // what AWS allows for a VPC

	natPerZoneFrom         = 1_000
	interfaceEndpointsFrom = 10_000 // where NAT data charges exceed their hourly price

	// MaxNATAddresses is how many public addresses one NAT gateway takes (fact nat.conn).
	MaxNATAddresses = 8

	// Connections of one NAT address to one destination (fact nat.conn), and what a session keeps to its broker.
	natConnections   = 55_000
	socketsPerBroker = 2
)

// addressed is the plan's network with the addresses that its counts take.
func addressed(p Plan) Network {
	n := p.Network
	hosts := p.Workers.MaxInstances*addressesPerWorkerHost + p.API.MaxInstances*addressesPerAPIHost
	n.Addresses = hosts + p.Valkey.Nodes() + p.Database.Instances + Zones*addressesPerZone
	perZone := ceilDiv(n.Addresses-Zones*addressesPerZone, Zones-1) + addressesPerZone // one zone lost
	for n.MaxPrefix = longestPrefix; n.MaxPrefix > shortestPrefix && 1<<(32-n.MaxPrefix-vpcShareBits) < perZone; {
		n.MaxPrefix--
	}
	gateways := 1
	if n.NATPerZone {
		gateways = Zones - 1 // one zone lost
	}
	n.NATAddresses = ceilDiv(ceilDiv(p.PeakWorkers*socketsPerBroker, gateways), natConnections)
	return n
}

// NATs is the number of NAT gateways.
func (n Network) NATs() int {
	if n.NATPerZone {
		return Zones
	}
	return 1
}

// Filling: what a cold fleet may take to reach its peak, at ten tasks a RunTask call (fact ecs.runtask.count).
const (
	fillSeconds  = 600
	tasksPerCall = 10
	callBurst    = 100 // spent at once before the sustained rate counts (fact ecs.api.clustermod.burst)
)

// Where the defaults of account limits stand: an id, and the document it was read in.
const (
	srcVCPU        = "ec2.vcpu.default: EC2 user guide, On-Demand Instances"
	srcAddresses   = "ec2.eip: not read, check Service Quotas"
	srcNAT         = "nat.conn: VPC user guide, NAT gateway basics"
	srcLambda      = "lambda.conc: Lambda developer guide, quotas"
	srcECS         = "ecs.instances.cluster: AWS General Reference, ECS quotas"
	srcECSRate     = "ecs.api.clustermod.sustained: ECS API reference, request throttling"
	srcElastiCache = "ec.quota: ElastiCache user guide, quotas"
	srcTargets     = "alb.targets: Application Load Balancers guide, quotas"
)

// unreserved concurrency that Lambda keeps for functions without a reservation.
const unreserved = 100

// quotas lists what a plan needs above the account's default, and what new accounts may not have although it is the
// default: Lambda's concurrency starts lower there (fact lambda.conc), by how much AWS does not say.
func quotas(p Plan) []Quota {
	calls := ceilDiv(p.PeakWorkers, tasksPerCall)
	w, a := p.Workers, p.API
	needs := func(service, name string, required, standard int, source string) Quota {
		return Quota{Service: service, Name: name, Required: required, Default: standard, Source: source}
	}
	lambda := needs("Lambda", "Concurrent executions", p.Lambda.Concurrency+unreserved, 1_000, srcLambda)
	lambda.NewAccounts = true
	all := []Quota{
		needs("EC2", "Running On-Demand Standard instances (vCPU)",
			w.MaxInstances*w.Type.VCPU+a.MaxInstances*a.Type.VCPU, 5, srcVCPU),
		lambda,
		needs("ECS", "Cluster resource modify actions, sustained (calls/s)",
			ceilDiv(max(0, calls-callBurst), fillSeconds), 40, srcECSRate),
		needs("ECS", "Container instances per cluster", w.MaxInstances+a.MaxInstances, 5_000, srcECS),
		needs("ElastiCache", "Nodes per cluster (cluster mode enabled)", p.Valkey.Nodes(), 90, srcElastiCache),
		needs("ElastiCache", "Nodes per region", p.Valkey.Nodes(), 300, srcElastiCache),
		needs("Elastic Load Balancing", "Targets per Application Load Balancer", a.MaxTasks, 1_000, srcTargets),
		needs("Elastic Load Balancing", "Targets per target group", a.MaxTasks, 1_000, srcTargets),
		needs("EC2", "Elastic IP addresses per NAT gateway", p.Network.NATAddresses, 2, srcNAT),
		needs("EC2", "Elastic IP addresses", p.Network.NATs()*p.Network.NATAddresses, 5, srcAddresses),
	}
	var raise []Quota
	for _, q := range all {
		if q.Required > q.Default || q.NewAccounts {
			raise = append(raise, q)
		}
	}
	return raise
}
