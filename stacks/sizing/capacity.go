package sizing

// Rules that turn users into hosts. Integers only: 0.35 × N in floating point is one worker too many at some N.
const (
	// Half of the registered users trade on a day, 70 % of those at once: 0.35 × N, rounded up.
	peakNumerator, peakDenominator = 35, 100

	// One host could never be rolled.
	fewestHosts = 2

	// The largest size that still leaves this many hosts is taken: losing one host then ends at most 7 % of sessions.
	hostsForLargerSize = 15

	// The maximum is 1.5 × the published count: warm stock, a roll and the loss of one of three zones fit.
	spareNumerator, spareDenominator = 3, 2

	// A tenth of the hosts stays outside market hours; from 15 hosts on at least one a zone.
	idleHostShare = 10

	// A worker's reservation. The soft limit is what placement subtracts, the hard one what stops a leak.
	workerCPU, workerMemorySoft, workerMemoryHard = 64, 384, 1024

	unitsPerVCPU = 1024

	// Agent and log router hold 1/16 of a host's CPU units; the other 15/16 are planned × 64 on every size.
	reservedShare = 16

	// What the operating system and the agents of a host take of its memory before workers, MiB, as published.
	hostMiB = 512

	// Root volumes: the ECS AMI's snapshot needs 30 GB. A worker host adds the images of worker, agent and log
	// router, 480 containers' layers until the agent cleans up, and the log router's buffer.
	workerVolumeGB, apiVolumeGB = 50, 30

	// From here Graviton is the default: published with the 50k tier.
	armFrom = 50_000

	// Two keepers run, both active.
	keepers = 2
)

// Limits that shape a plan rather than being reported by it.
const (
	maxTasksPerService = 5_000  // not adjustable (fact ecs.tasks.service)
	slotECPU           = 30_000 // ECPU/s of one slot of a serverless cache (fact ec.sls.ecpu.slot)
)

func ceilDiv(a, b int) int { return (a + b - 1) / b }

func defaultArchitecture(users int) Architecture {
	if users >= armFrom {
		return ARM
	}
	return X86
}

// capacity is the part of a plan that carries load. It is cheap enough to be checked for every allowed N.
func capacity(users int, arch Architecture) Plan {
	name, _ := TierName(users)
	p := Plan{
		Users: users, Tier: name, Architecture: arch,
		PeakWorkers: ceilDiv(users*peakNumerator, peakDenominator),
		Lambda:      Lambda{Concurrency: lambdaConcurrency(users)},
		Valkey:      valkey(users),
		Database:    database(users),
		Features:    features(users),
		Network:     Network{NATPerZone: users >= natPerZoneFrom, InterfaceEndpoints: users >= interfaceEndpointsFrom},
		Protection:  Relaxed,
	}
	if users >= 1_000 {
		p.Protection = Strict
	}
	p.Workers = workers(p.PeakWorkers, arch)
	p.API = api(users, arch)
	p.Pool = poolLoad(p)
	p.Network = addressed(p)
	return p
}

func workers(peak int, arch Architecture) Workers {
	row := workerRows[0]
	for _, larger := range workerRows[1:] {
		if ceilDiv(peak, larger.planned) >= hostsForLargerSize {
			row = larger
		}
	}
	hosts := max(fewestHosts, ceilDiv(peak, row.planned))
	idle := max(fewestHosts, ceilDiv(hosts, idleHostShare))
	if hosts >= hostsForLargerSize {
		idle = max(idle, Zones)
	}
	t := instanceType(workerFamily, row.size, arch)
	return Workers{
		Type:         t,
		Instances:    hosts,
		MinInstances: idle,
		MaxInstances: ceilDiv(hosts*spareNumerator, spareDenominator),
		PerHost:      row.planned,
		CPU:          workerCPU, MemorySoft: workerMemorySoft, MemoryHard: workerMemoryHard,
		VolumeGB:      workerVolumeGB,
		ReservedUnits: t.reservedUnits(),
	}
}

// api interpolates vCPU linearly between the published tiers, in whole hosts of the upper tier's type; it is flat
// below the smallest tier and proportional above the largest.
func api(users int, arch Architecture) API {
	first, last := tierRows[0], tierRows[len(tierRows)-1]
	size, hosts := first.apiSize, first.apiHosts
	switch {
	case users > last.users:
		size, hosts = last.apiSize, ceilDiv(last.apiHosts*users, last.users)
	case users > first.users:
		size, hosts = apiBetween(users)
	}
	return apiGroup(instanceType(apiFamily, size, arch), hosts)
}

// apiGroup is the group of so many API hosts, with the tasks that they may carry.
func apiGroup(t InstanceType, hosts int) API {
	most := ceilDiv(hosts*spareNumerator, spareDenominator)
	return API{
		Type: t, Instances: hosts, MaxInstances: most, VolumeGB: apiVolumeGB,
		// A task reserves one vCPU; the last vCPU of every host carries the keepers, the host's agents and a roll.
		MinTasks: hosts,
		MaxTasks: min(most*(t.VCPU-1), maxTasksPerService),
	}
}

func apiBetween(users int) (size string, hosts int) {
	i := 1
	for users > tierRows[i].users {
		i++
	}
	low, high := tierRows[i-1], tierRows[i]
	lowVCPU, highVCPU := low.apiHosts*vcpuOf(low.apiSize), high.apiHosts*vcpuOf(high.apiSize)
	span := high.users - low.users
	scaled := lowVCPU*span + (highVCPU-lowVCPU)*(users-low.users) // vCPU × span
	return high.apiSize, ceilDiv(scaled, span*vcpuOf(high.apiSize))
}

// lambdaConcurrency is the next published tier's figure: a limit costs nothing, and too low a one grows queues.
func lambdaConcurrency(users int) int {
	for _, t := range tierRows {
		if users <= t.users {
			return t.lambda
		}
	}
	last := tierRows[len(tierRows)-1]
	return last.lambda * ceilDiv(users, last.users)
}

// features are the published switches, each on from the tier that names it first.
func features(users int) Features {
	f := Features{
		RateLimiting:      users >= 1_000,
		BackgroundTasks:   Inline,
		ShieldAdvanced:    users >= 50_000,
		CrossRegionBackup: users >= 50_000,
		ReservedInstances: users >= 5_000,
	}
	switch {
	case users >= 10_000:
		f.BackgroundTasks = Queue
	case users >= 5_000:
		f.BackgroundTasks = Partial
	}
	return f
}
