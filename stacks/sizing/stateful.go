package sizing

// Valkey and the database: what they hold and how much of one core or slot the pool takes.
const (
	clusterFrom = 50_000 // published: a provisioned cluster from the 50k tier

	// Nodes of cache.r7g.large: 13.07 GiB, 2 vCPU. Scripts run on one core, so that a larger node would buy memory
	// only; the published shard counts (3 at 50k, 6 at 100k) carry the rest.
	valkeyNodeType   = "cache.r7g.large"
	valkeyReplicas   = 1 // one a shard: Multi-AZ needs it
	fewestShards     = 3
	shardsPer100k    = 6
	usersPerShardSet = 100_000

	// Storage grows a GB per 1,000 users past the last published tier, never beyond the cluster that follows it.
	mostStorageGB = fewestShards * 13

	// ECPU/s: the published ratio at 1k, 5k and 10k is 10 a user. The floor keeps the market's open of a small
	// fleet from being throttled: a limit costs nothing until it is used.
	ecpuPerUser, fewestECPU = 10, 5_000

	// A worker beats every 2 s. Measured on one core of a server: a beat in a host batch costs 2–4 µs, a claim with
	// its acknowledgement and release 67 µs. At 35,000 workers: 17,500 beats/s = 7 %, 600 claims/s = 4 %.
	beatSeconds               = 2
	beatMicros, claimMicros   = 4.0, 67.0
	openClaims, openOfWorkers = 600.0, 35_000.0 // claims/s at the open, for so many workers

	// A simple command is 1 ECPU and takes about as long as a beat, so that one ECPU stands for 4 µs.
	ecpuMicros = 4.0

	// Half a slot is the plan's limit: the other half is what a retry storm at the open may use.
	fullSlotShare = 0.5
)

// ECPU is the ECPU/s that a serverless cache of so many users is limited to.
func ECPU(users int) int { return max(fewestECPU, ecpuPerUser*users) }

// Only keeps of a cache what its mode has: a serverless one no nodes, a cluster no limits.
func (v Valkey) Only() Valkey {
	switch v.Mode {
	case Serverless:
		v.Shards, v.Replicas, v.NodeType = 0, 0, ""
	case Cluster:
		v.StorageGB, v.ECPU, v.Replicas = 0, 0, valkeyReplicas
	case Both:
		v.Replicas = valkeyReplicas
	}
	return v
}

func valkey(users int) Valkey {
	if users >= clusterFrom {
		return Valkey{
			Mode:     Cluster,
			Shards:   max(fewestShards, ceilDiv(shardsPer100k*users, usersPerShardSet)),
			Replicas: valkeyReplicas,
			NodeType: valkeyNodeType,
		}
	}
	v := Valkey{Mode: Serverless, ECPU: ECPU(users)}
	switch {
	case users <= 500:
		v.StorageGB = 1
	case users <= 5_000:
		v.StorageGB = 5
	case users <= 10_000:
		v.StorageGB = 10
	default:
		v.StorageGB = min(ceilDiv(users, 1_000), mostStorageGB)
	}
	return v
}

// Replicas follow the published tiers; above them one more per further 200,000 users, because r6g.16xlarge is the
// largest class and reads are all that can still be spread.
const (
	multiAZFrom            = 1_000
	oneReplicaFrom         = 5_000
	twoReplicasFrom        = 50_000
	moreReplicasAbove      = 400_000
	usersPerFurtherReplica = 200_000
)

func database(users int) Database {
	d := Database{MultiAZ: users >= multiAZFrom}
	for _, row := range databaseRows {
		if users <= row.users {
			d.Class = row.class
			break
		}
	}
	switch {
	case users > moreReplicasAbove:
		d.ReadReplicas = 2 + ceilDiv(users-moreReplicasAbove, usersPerFurtherReplica)
	case users >= twoReplicasFrom:
		d.ReadReplicas = 2
	case users >= oneReplicaFrom:
		d.ReadReplicas = 1
	}
	return d.counted()
}

// counted gives the instances and connections that follow from the class, Multi-AZ and replicas.
func (d Database) counted() Database {
	d.Instances = 1 + d.ReadReplicas
	if d.MultiAZ {
		d.Instances++
	}
	d.MaxConnections = d.Class.MaxConnections
	return d
}

// poolLoad is the load on the slot of the pool's hash tag, at the open with every worker beating.
func poolLoad(p Plan) PoolLoad {
	l := PoolLoad{
		BeatsPerSecond:   ceilDiv(p.PeakWorkers, beatSeconds),
		BatchesPerSecond: ceilDiv(p.Workers.Instances, beatSeconds),
		ClaimsPerSecond:  float64(p.PeakWorkers) * openClaims / openOfWorkers,
	}
	micros := float64(l.BeatsPerSecond)*beatMicros + l.ClaimsPerSecond*claimMicros
	l.ECPUPerSecond = int(micros/ecpuMicros) + 1
	l.SlotShare = micros / 1e6
	if p.Valkey.Mode != Cluster { // with both, the one that is full first
		l.SlotShare = float64(l.ECPUPerSecond) / slotECPU
	}
	return l
}
