package sizing

import (
	"bytes"
	"fmt"
	"math"
)

// What a stack file states that does not depend on the number of users. Configuration uses the same values as defaults.
const (
	// HostImage is the pinned release of the ECS-optimized Amazon Linux 2023 image (ECS agent 1.108.3).
	HostImage = "2023.0.20261113"

	// NetworkCIDR does not overlap Docker's 172.17.0.0/16 and holds every plan up to one million users.
	NetworkCIDR = "10.20.0.0/16"

	// ExampleDomain stands in committed files; a real deployment refuses it.
	ExampleDomain = "workerfleet.example.com"

	Region         = "ap-southeast-1" // the region of the published prices
	MarketTimeZone = "Asia/Singapore"
	MarketOpen     = "09:00"
	MarketClose    = "17:00"
)

// BudgetUSD is the monthly budget a stack starts with: the plan's cost, rounded up to a hundred dollars.
func (p Plan) BudgetUSD() int { return int(math.Ceil(p.Cost.MonthlyUSD/100)) * 100 }

// StackName is the stack that a plan's file configures: `tier-10k`, or `users-12000` between the tiers.
func (p Plan) StackName() string {
	if p.Tier != "" {
		return "tier-" + p.Tier
	}
	return fmt.Sprintf("users-%d", p.Users)
}

// StackFile writes a plan as a Pulumi stack file, in the order and the words of the published tier table. It states
// every value that the plan decides, so that a reader can compare the file with the table line by line.
func StackFile(p Plan) []byte {
	var b bytes.Buffer
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("# %s users, %s workers at peak. Written by `%s`.",
		Thousands(p.Users), Thousands(p.PeakWorkers), planCommand(p))
	line("config:")
	line("  aws:region: %s", Region)
	line("  pulumi:disable-default-providers: [aws]") // every resource names its provider: region, account and tags stand once
	line("  workerfleet:platform:")
	line("    users: %d", p.Users)
	line("    architecture: %s", p.Architecture)
	w := p.Workers
	line("    workers:")
	line("      instances: %d", w.Instances)
	line("      instanceType: %s", w.Type.Name)
	line("      minInstances: %d", w.MinInstances)
	line("      maxInstances: %d", w.MaxInstances)
	line("      cpu: %d", w.CPU)
	line("      memorySoft: %d", w.MemorySoft)
	line("      memoryHard: %d", w.MemoryHard)
	line("      ami: %s", HostImage)
	line("    api:")
	line("      instances: %d", p.API.Instances)
	line("      instanceType: %s", p.API.Type.Name)
	line("      ami: %s", HostImage)
	line("    lambda:")
	line("      concurrency: %d", p.Lambda.Concurrency)
	valkeyStanza(line, p.Valkey)
	line("    database:")
	line("      instanceClass: %s", p.Database.Class.Name)
	line("      multiAz: %t", p.Database.MultiAZ)
	line("      readReplicas: %d", p.Database.ReadReplicas)
	f := p.Features
	line("    features:")
	line("      rateLimiting: %t", f.RateLimiting)
	line("      backgroundTasks: %s", f.BackgroundTasks)
	line("      reservedInstances: %t", f.ReservedInstances)
	line("      shieldAdvanced: %t", f.ShieldAdvanced)
	line("      crossRegionBackup: %t", f.CrossRegionBackup)
	line("    network:")
	line("      cidr: %s", NetworkCIDR)
	line("      natPerZone: %t", p.Network.NATPerZone)
	line("      interfaceEndpoints: %t", p.Network.InterfaceEndpoints)
	line("    edge:")
	line("      domain: %s", ExampleDomain)
	line("    market:")
	line("      timeZone: %s", MarketTimeZone)
	line("      open: %q", MarketOpen)
	line("      close: %q", MarketClose)
	line("      holidays: []")
	line("    protection: %s", p.Protection)
	line("    monthlyBudgetUSD: %d", p.BudgetUSD())
	return b.Bytes()
}

func valkeyStanza(line func(string, ...any), v Valkey) {
	line("    valkey:")
	line("      mode: %s", v.Mode)
	if v.Mode == Serverless {
		line("      storageGB: %d", v.StorageGB)
		line("      ecpu: %d", v.ECPU)
		return
	}
	line("      shards: %d", v.Shards)
	line("      nodeType: %s", v.NodeType)
}

func planCommand(p Plan) string {
	command := fmt.Sprintf("fleet plan --users %d", p.Users)
	if p.Tier != "" {
		command = "fleet plan --tier " + p.Tier
	}
	if p.Architecture != defaultArchitecture(p.Users) {
		command += " --architecture " + string(p.Architecture)
	}
	return command + " --write"
}

// Thousands writes a count with commas: 35,000.
func Thousands(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
