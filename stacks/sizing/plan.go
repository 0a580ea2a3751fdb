package sizing

import "fmt"

// Allowed range of registered users. One million is where single resources (one load balancer, one Aurora writer,
// one hash slot) are so far past their published figures that more than one stack is the honest answer.
const (
	MinUsers = 1
	MaxUsers = 1_000_000
)

// Zones is the number of availability zones every stack spreads over: Aurora and Valkey Serverless take at most
// three, and two leave no quorum of capacity when one is lost.
const Zones = 3

// Architecture of the container hosts and functions.
type Architecture string

// The two architectures that images and functions are built for.
const (
	X86 Architecture = "x86_64"
	ARM Architecture = "arm64"
)

// Architectures lists the allowed words.
func Architectures() []Architecture { return []Architecture{X86, ARM} }

// Plan is what a number of users needs: capacity, switches, connections, quotas and cost.
type Plan struct {
	Users        int
	Tier         string // name of the published tier with exactly this many users, else empty
	Architecture Architecture
	PeakWorkers  int

	Workers    Workers
	API        API
	Lambda     Lambda
	Valkey     Valkey
	Database   Database
	Features   Features
	Network    Network
	Protection Protection

	Pool        PoolLoad
	Connections Connections
	Quotas      []Quota
	Cost        Cost
	Notes       []string // plain-language consequences that no single figure shows
}

// Workers is the fleet of hosts that carry one task per concurrent user.
type Workers struct {
	Type         InstanceType
	Instances    int // published count: the capacity at peak
	MinInstances int // what stays outside market hours
	MaxInstances int // what the Auto Scaling group may reach
	PerHost      int // planned workers a host

	CPU        int // units a worker reserves, 1,024 = one vCPU
	MemorySoft int // MiB a worker reserves
	MemoryHard int // MiB at which a worker is stopped
	VolumeGB   int // root volume of a host

	// ReservedUnits are the host's CPU units held by the agent and the log router: what is left is exactly
	// PerHost × CPU, so placement enforces the density.
	ReservedUnits int
}

// Slots is the number of workers the published hosts can carry.
func (w Workers) Slots() int { return w.Instances * w.PerHost }

// API is the group of hosts behind the load balancer.
type API struct {
	Type         InstanceType
	Instances    int
	MaxInstances int
	MinTasks     int
	MaxTasks     int
	VolumeGB     int
}

// Lambda is the concurrency shared by the five functions.
type Lambda struct{ Concurrency int }

// ValkeyMode says how the cache is provided.
type ValkeyMode string

// A stack may name both modes while it moves from one to the other.
const (
	Serverless ValkeyMode = "serverless"
	Cluster    ValkeyMode = "cluster"
	Both       ValkeyMode = "both"
)

// Valkey is the cache. Serverless uses StorageGB and ECPU (limits, not purchases), Cluster the rest.
type Valkey struct {
	Mode      ValkeyMode
	StorageGB int    // serverless: most data, GB
	ECPU      int    // serverless: most ECPU a second
	Shards    int    // cluster
	Replicas  int    // cluster: per shard
	NodeType  string // cluster
}

// Nodes is the number of nodes of a provisioned cluster, 0 for serverless.
func (v Valkey) Nodes() int { return v.Shards * (1 + v.Replicas) }

// MemoryGB is what the cache can hold without its replicas; with both modes, what the smaller of the two can.
func (v Valkey) MemoryGB() float64 {
	cluster := float64(v.Shards) * cacheNode(v.NodeType).MemoryGB
	switch v.Mode {
	case Serverless:
		return float64(v.StorageGB)
	case Cluster:
		return cluster
	}
	return min(float64(v.StorageGB), cluster)
}

// Database is the Aurora PostgreSQL cluster.
type Database struct {
	Class          DatabaseClass
	MultiAZ        bool
	ReadReplicas   int
	Instances      int // writer + failover reader (Multi-AZ) + read replicas
	MaxConnections int // default max_connections of the class
}

// Tasks says how far background work goes through its queue.
type Tasks string

// Background tasks run inline, partly on the queue, or all on the queue.
const (
	Inline  Tasks = "inline"
	Partial Tasks = "partial"
	Queue   Tasks = "queue"
)

// Features are the switches of the published table.
type Features struct {
	RateLimiting      bool
	BackgroundTasks   Tasks
	ShieldAdvanced    bool
	CrossRegionBackup bool
	ReservedInstances bool
}

// Protection says whether stateful resources refuse to be destroyed.
type Protection string

// Relaxed stacks may be destroyed with their data; strict ones may not.
const (
	Relaxed Protection = "relaxed"
	Strict  Protection = "strict"
)

// Network is the shape of the VPC and the addresses that it must hold.
type Network struct {
	NATPerZone         bool
	InterfaceEndpoints bool
	Addresses          int // private addresses in use at the maximum, all zones
	MaxPrefix          int // longest prefix (smallest VPC block) that holds them with one zone lost
	NATAddresses       int // public addresses per NAT gateway
}

// PoolLoad is the load on the one hash slot that holds the pool's keys.
type PoolLoad struct {
	BeatsPerSecond   int     // heartbeats of workers at peak
	BatchesPerSecond int     // host batches that carry them
	ClaimsPerSecond  float64 // at the market's open
	ECPUPerSecond    int     // the same load in ECPU
	SlotShare        float64 // of one core (cluster) or of the cap per slot (serverless); 1 = full
}

// Connections compares clients with limits, everything at its maximum.
type Connections struct {
	Valkey        int // to one node or to the serverless cache
	ValkeyLimit   int
	Database      int // clients of the proxy, which multiplexes them
	DatabaseLimit int // max_connections behind it
}

// Quota is an account limit to raise, or to look up, before the plan can start.
type Quota struct {
	Service  string `json:"service"`
	Name     string `json:"name"`
	Required int    `json:"required"`
	Default  int    `json:"default"` // the documented one; what the account really has decides
	// NewAccounts start lower than Default: the quota is named although Default is enough, to be looked up.
	NewAccounts bool   `json:"newAccountsStartLower,omitempty"`
	Source      string `json:"source"` // id of the limit and the document it was read in
}

// For plans a number of users on the architecture that the published tiers give it.
func For(users int) (Plan, error) {
	return ForArchitecture(users, defaultArchitecture(users))
}

// ForArchitecture plans a number of users on a given architecture. It fails, naming the field and the allowed
// values, when either argument is not allowed.
func ForArchitecture(users int, arch Architecture) (Plan, error) {
	if users < MinUsers || users > MaxUsers {
		return Plan{}, fmt.Errorf("users: %d is not allowed; allowed: 1 to 1,000,000", users)
	}
	if arch != X86 && arch != ARM {
		return Plan{}, fmt.Errorf("architecture: %q is not allowed; allowed: x86_64, arm64", arch)
	}
	return capacity(users, arch).Recounted(), nil
}

// Recounted gives what follows from a plan's types, counts and switches, after a stack has stated some of its own:
// density, API tasks, connections of the database, load, addresses, quotas, cost, notes.
//
// What the plan says about its users (peak, tier) stays. Whether what is stated is enough for them is the caller's
// question; types must be of those that [Instances], [DatabaseClasses] and [CacheNodes] list.
func (p Plan) Recounted() Plan {
	p.Workers.PerHost = p.Workers.Type.PerHost
	p.Workers.ReservedUnits = p.Workers.Type.reservedUnits()
	p.API = apiGroup(p.API.Type, p.API.Instances)
	p.Database = p.Database.counted()
	p.Pool = poolLoad(p)
	p.Network = addressed(p)
	p.Connections = connections(p)
	p.Quotas = quotas(p)
	p.Cost = cost(p)
	p.Notes = notes(p)
	return p
}
