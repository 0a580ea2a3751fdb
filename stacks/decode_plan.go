package stacks

import "workerfleet/stacks/sizing"

// defaults are the values of a stack that states nothing but its users.
func defaults(p sizing.Plan, region string) Config {
	w := p.Workers
	return Config{
		Users: p.Users, Architecture: string(p.Architecture),
		Workers: Workers{
			InstanceType: w.Type.Name, Instances: w.Instances,
			MinInstances: w.MinInstances, MaxInstances: w.MaxInstances,
			CPU: w.CPU, MemorySoft: w.MemorySoft, MemoryHard: w.MemoryHard,
			// A worker execs itself anew after a session; after a hundred lives its container is replaced, so that
			// a slow leak never reaches the hard limit. One launch in ten takes a new image first.
			AMI: sizing.HostImage, Recycle: "exec", MaxLives: 100, CanaryShare: 0.1,
		},
		API:      API{InstanceType: p.API.Type.Name, Instances: p.API.Instances, AMI: sizing.HostImage},
		Account:  Account{GitHubOIDC: "off", GuardDuty: "off", CostAnomaly: "off", ECSSettings: "off"},
		Delivery: Delivery{Branches: []string{"main"}},
		Backup:   Backup{Region: secondRegion(region)},
		Identity: Identity{Audience: "workerfleet"},
		Broker:   "paper",
		Lambda:   Lambda{p.Lambda.Concurrency},
		Valkey: Valkey{
			Mode: string(p.Valkey.Mode), StorageGB: p.Valkey.StorageGB, ECPU: p.Valkey.ECPU,
			Shards: p.Valkey.Shards, NodeType: p.Valkey.NodeType,
		},
		Database: Database{p.Database.Class.Name, p.Database.MultiAZ, p.Database.ReadReplicas},
		Features: Features{
			RateLimiting: p.Features.RateLimiting, BackgroundTasks: string(p.Features.BackgroundTasks),
			ShieldAdvanced: p.Features.ShieldAdvanced, CrossRegionBackup: p.Features.CrossRegionBackup,
			ReservedInstances: p.Features.ReservedInstances,
		},
		Network: Network{sizing.NetworkCIDR, p.Network.NATPerZone, p.Network.InterfaceEndpoints},
		Edge:    Edge{Domain: sizing.ExampleDomain},
		Market:  Market{TimeZone: sizing.MarketTimeZone, Open: sizing.MarketOpen, Close: sizing.MarketClose},

		Protection: string(p.Protection), MonthlyBudgetUSD: p.BudgetUSD(),
	}
}

// secondRegion is where copies go unless the stack says otherwise: Tokyo, or Singapore for a stack in Tokyo.
func secondRegion(region string) string {
	if region == "ap-northeast-1" {
		return "ap-southeast-1"
	}
	return "ap-northeast-1"
}

// effective is the plan with the configuration's types, counts and switches in it, so that what follows from them –
// quotas, addresses, connections, cost – follows the stack and not the tier. A type that no plan may name leaves the
// plan's own in place: it is refused by name, and what follows from it is not judged.
func effective(c Config, p sizing.Plan) sizing.Plan {
	forWorkers, forAPI := sizing.Instances()
	if t, known := typeNamed(c.Workers.InstanceType, forWorkers); known {
		p.Workers.Type = t
	}
	if t, known := typeNamed(c.API.InstanceType, forAPI); known {
		p.API.Type = t
	}
	w := c.Workers
	p.Workers.Instances, p.Workers.MinInstances, p.Workers.MaxInstances = w.Instances, w.MinInstances, w.MaxInstances
	p.Workers.CPU, p.Workers.MemorySoft, p.Workers.MemoryHard = w.CPU, w.MemorySoft, w.MemoryHard
	p.API.Instances = c.API.Instances
	p.Lambda.Concurrency = c.Lambda.Concurrency
	if v := c.Valkey; v.known() {
		p.Valkey = sizing.Valkey{
			Mode: sizing.ValkeyMode(v.Mode), StorageGB: v.StorageGB, ECPU: v.ECPU, Shards: v.Shards, NodeType: v.NodeType,
		}.Only()
	}
	for _, class := range sizing.DatabaseClasses() {
		if class.Name == c.Database.InstanceClass {
			p.Database.Class = class
		}
	}
	p.Database.MultiAZ, p.Database.ReadReplicas = c.Database.MultiAZ, c.Database.ReadReplicas
	p.Network.NATPerZone, p.Network.InterfaceEndpoints = c.Network.NATPerZone, c.Network.InterfaceEndpoints
	p.Features = sizing.Features{
		RateLimiting: c.Features.RateLimiting, BackgroundTasks: sizing.Tasks(c.Features.BackgroundTasks),
		ShieldAdvanced: c.Features.ShieldAdvanced, CrossRegionBackup: c.Features.CrossRegionBackup,
		ReservedInstances: c.Features.ReservedInstances,
	}
	p.Protection = sizing.Protection(c.Protection)
	return p.Recounted()
}

// typeNamed finds a type by its name.
func typeNamed(name string, known []sizing.InstanceType) (sizing.InstanceType, bool) {
	for _, t := range known {
		if t.Name == name {
			return t, true
		}
	}
	return sizing.InstanceType{}, false
}

// node is the stated node type; zero for one that no plan may name.
func (v Valkey) node() sizing.CacheNode {
	for _, node := range sizing.CacheNodes() {
		if node.Name == v.NodeType {
			return node
		}
	}
	return sizing.CacheNode{}
}

// known says whether mode and node type are of those that a plan may name.
func (v Valkey) known() bool {
	switch sizing.ValkeyMode(v.Mode) {
	case sizing.Serverless:
		return true
	case sizing.Cluster, sizing.Both:
		return v.node().Name != ""
	}
	return false
}
