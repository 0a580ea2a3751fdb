package stacks

import (
	"net/netip"
	"slices"
	"strings"

	"workerfleet/stacks/sizing"
)

// hostMemoryMiB is what a host's operating system and agents take before workers: 512 MiB, as published.
const hostMemoryMiB = 512

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

// consistency returns what each value alone cannot show. A field that already has a problem is not judged again.
func consistency(c Config, before Problems) Problems {
	k := check{Config: c, before: before}
	k.architecture()
	k.workers()
	k.valkey()
	k.database()
	k.network()
	k.rest()
	return k.found
}

type check struct {
	Config
	before, found Problems
	worker        sizing.InstanceType // zero when instanceType is not one that a plan may name
}

// says adds a problem with the first field unless one of the fields that it follows from already has one.
func (k *check) says(fields []string, format string, args ...any) {
	if !slices.ContainsFunc(fields, k.before.about) {
		k.found.add(fields[0], format, args...)
	}
}

// architecture: images, functions and hosts are of one architecture, and only types with a planned density are known.
func (k *check) architecture() {
	forWorkers, forAPI := sizing.Instances()
	k.worker = k.instance("workers.instanceType", k.Workers.InstanceType, forWorkers)
	k.instance("api.instanceType", k.API.InstanceType, forAPI)
	fallback := k.Workers.FallbackType
	if allowed := k.fallbacks(); fallback != "" && k.worker.Name != "" && !slices.Contains(allowed, fallback) {
		k.says([]string{"workers.fallbackType"}, "%s; allowed: %s", notAllowed(fallback), strings.Join(allowed, ", "))
	}
}

// fallbacks are other families with the same vCPU, memory and architecture, in the size of the worker hosts.
func (k *check) fallbacks() []string {
	families := []string{"r6a", "r5", "r7i"}
	if k.Architecture == string(sizing.ARM) {
		families = []string{"r6g", "r8g"}
	}
	for i, family := range families {
		families[i] = family + "." + sizeOf(k.Workers.InstanceType)
	}
	return families
}

// instance finds a type among those that a plan may name, for the stack's architecture.
func (k *check) instance(field, name string, known []sizing.InstanceType) sizing.InstanceType {
	var allowed []string
	for _, t := range known {
		if string(t.Architecture()) != k.Architecture {
			continue
		}
		if t.Name == name {
			return t
		}
		allowed = append(allowed, t.Name)
	}
	k.says([]string{field, "architecture"}, "%q is not allowed with architecture %s; allowed: %s",
		name, k.Architecture, strings.Join(allowed, ", "))
	return sizing.InstanceType{}
}

// workers: counts in order, the peak fits, and the density that placement enforces fits the host's CPU and memory.
func (k *check) workers() {
	w := k.Workers
	if w.MinInstances > w.Instances {
		k.says([]string{"workers.minInstances", "workers.instances"}, "%d is more than workers.instances; allowed: 1 to %d",
			w.MinInstances, w.Instances)
	}
	if w.MaxInstances < w.Instances {
		k.says([]string{"workers.maxInstances", "workers.instances"}, "%d is less than workers.instances; allowed: %d to 5000",
			w.MaxInstances, w.Instances)
	}
	if w.MemorySoft > w.MemoryHard {
		k.says([]string{"workers.memorySoft", "workers.memoryHard"}, "%d is more than workers.memoryHard; allowed: 6 to %d",
			w.MemorySoft, w.MemoryHard)
	}
	if k.worker.Name == "" {
		return
	}
	per := k.worker.PerHost
	if need := max(2, (k.Plan.PeakWorkers+per-1)/per); w.Instances < need {
		k.says([]string{"workers.instances", "workers.instanceType"},
			"%d × %s hold %d workers, %d users need %d at peak; allowed: %d to 5000",
			w.Instances, k.worker.Name, w.Instances*per, k.Users, k.Plan.PeakWorkers, need)
	}
	units := k.worker.VCPU * 1024 * 15 / 16
	if w.CPU*per > units {
		k.says([]string{"workers.cpu", "workers.instanceType"},
			"%d × %d planned workers exceed the %d units of %s; allowed: 1 to %d", w.CPU, per, units, k.worker.Name, units/per)
	}
	memory := k.worker.MemoryGB*1024 - hostMemoryMiB
	if w.MemorySoft*per > memory {
		k.says([]string{"workers.memorySoft", "workers.instanceType"},
			"%d × %d planned workers exceed the %d MiB of %s; allowed: 6 to %d", w.MemorySoft, per, memory, k.worker.Name,
			memory/per)
	}
}

// valkey: a mode that the plan does not give has no figures in it, so the stack file must state them.
// None is guessed.
func (k *check) valkey() {
	v := k.Valkey
	if v.Mode != string(sizing.Cluster) {
		k.stated("valkey.storageGB", v.StorageGB != 0, "1 to 5000")
		k.stated("valkey.ecpu", v.ECPU != 0, "1000 to 15000000")
	}
	if v.Mode != string(sizing.Serverless) {
		k.stated("valkey.shards", v.Shards != 0, "1 to 250")
		k.stated("valkey.nodeType", v.NodeType != "", formatAllows("node"))
	}
}

// stated reports a value that the mode needs and that neither the stack file nor the plan gives.
func (k *check) stated(field string, is bool, allowed string) {
	if !is {
		k.says([]string{field, "valkey.mode"}, "must be stated with mode %s; allowed: %s", k.Valkey.Mode, allowed)
	}
}

// database: replicas are counted on top of the failover reader, so that they need Multi-AZ.
func (k *check) database() {
	d := k.Database
	var allowed []string
	for _, class := range sizing.DatabaseClasses() {
		allowed = append(allowed, class.Name)
	}
	if !slices.Contains(allowed, d.InstanceClass) {
		k.says([]string{"database.instanceClass"}, "%s; allowed: %s", notAllowed(d.InstanceClass), strings.Join(allowed, ", "))
	}
	if d.ReadReplicas > 0 && !d.MultiAZ {
		k.says([]string{"database.readReplicas", "database.multiAz"},
			"%d need database.multiAz, which is false; allowed: 0, or multiAz: true", d.ReadReplicas)
	}
}

// network: a VPC's block cannot be changed without replacing everything in it, so it must be large enough at once.
func (k *check) network() {
	block, err := netip.ParsePrefix(k.Network.CIDR)
	if most := k.Plan.Network.MaxPrefix; err == nil && block.Bits() > most {
		k.says([]string{"network.cidr"}, "%s is too small for the %d addresses of %d users; allowed: /16 to /%d",
			k.Network.CIDR, k.Plan.Network.Addresses, k.Users, most)
	}
}

// rest: pairs of values that contradict each other.
func (k *check) rest() {
	if k.Market.Open >= k.Market.Close {
		k.says([]string{"market.close", "market.open"}, "%q is not after market.open %q; allowed: a later time of the same day",
			k.Market.Close, k.Market.Open)
	}
	if k.Features.CrossRegionBackup && k.Backup.Region == k.Region {
		k.says([]string{"backup.region", "aws:region"}, "%s is the stack's own region; allowed: another region", k.Backup.Region)
	}
	if k.Delivery.Repository != "" && k.Account.GitHubOIDC == "off" {
		k.says([]string{"account.githubOidc", "delivery.repository"},
			"\"off\" leaves delivery.repository nobody to trust; allowed: adopt, create")
	}
	if arn := k.Edge.CertificateARN; arn != "" && formats("certificate", arn) && strings.Split(arn, ":")[3] != k.Region {
		k.says([]string{"edge.certificateArn", "aws:region"}, "the certificate is in %s; allowed: one in %s",
			strings.Split(arn, ":")[3], k.Region)
	}
}
