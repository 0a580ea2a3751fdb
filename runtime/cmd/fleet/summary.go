package main

import "workerfleet/stacks/sizing"

// planJSON is the object that `fleet plan --json` ends with. Its keys are a contract: they are added to, never renamed.
type planJSON struct {
	Users              int            `json:"users"`
	Tier               string         `json:"tier,omitempty"`
	Architecture       string         `json:"architecture"`
	PeakWorkers        int            `json:"peakWorkers"`
	WorkerInstanceType string         `json:"workerInstanceType"`
	WorkersPerHost     int            `json:"workersPerHost"`
	WorkerInstances    int            `json:"workerInstances"`
	MinWorkerInstances int            `json:"minWorkerInstances"`
	MaxWorkerInstances int            `json:"maxWorkerInstances"`
	ReservedCPUUnits   int            `json:"reservedCpuUnits"` // of a worker host, for agent and log router; 1,024 = one vCPU
	APIInstanceType    string         `json:"apiInstanceType"`
	APIInstances       int            `json:"apiInstances"`
	MaxAPIInstances    int            `json:"maxApiInstances"`
	LambdaConcurrency  int            `json:"lambdaConcurrency"`
	Valkey             valkeyJSON     `json:"valkey"`
	Database           databaseJSON   `json:"database"`
	Connections        connectionJSON `json:"connections"`
	HeartbeatsPerSec   int            `json:"heartbeatsPerSecond"`
	ClaimsPerSecond    float64        `json:"claimsPerSecond"` // at the open
	PoolSlotShare      float64        `json:"poolSlotShare"`   // 1 = the slot's core or ECPU cap is full
	MonthlyUSD         float64        `json:"monthlyUSD"`
	PerUserUSD         float64        `json:"perUserUSD"`
	WorkerHourlyUSD    float64        `json:"workerHourlyUSD"`
	CalendarMonthlyUSD float64        `json:"calendarMonthlyUSD"`
	ReservedInstances  int            `json:"reservedInstances"`
	ReservedMonthlyUSD float64        `json:"reservedMonthlyUSD"`
	Cost               []sizing.Line  `json:"cost"`
	Quotas             []sizing.Quota `json:"quotas"`
	Notes              []string       `json:"notes"`
}

type valkeyJSON struct {
	Mode      string `json:"mode"`
	StorageGB int    `json:"storageGB,omitempty"`
	ECPU      int    `json:"ecpu,omitempty"`
	Shards    int    `json:"shards,omitempty"`
	Nodes     int    `json:"nodes,omitempty"`
	NodeType  string `json:"nodeType,omitempty"`
}

type databaseJSON struct {
	InstanceClass  string `json:"instanceClass"`
	MultiAZ        bool   `json:"multiAz"`
	ReadReplicas   int    `json:"readReplicas"`
	Instances      int    `json:"instances"`
	MaxConnections int    `json:"maxConnections"`
}

type connectionJSON struct {
	Valkey        int `json:"valkey"`
	ValkeyLimit   int `json:"valkeyLimit"`
	Database      int `json:"database"`
	DatabaseLimit int `json:"databaseLimit"`
}

// summary flattens a plan into the keys that scripts read. Lists are never null, so that `jq '.quotas[]'` always works.
func summary(p sizing.Plan) planJSON {
	v, d := p.Valkey, p.Database
	return planJSON{
		Users: p.Users, Tier: p.Tier, Architecture: string(p.Architecture), PeakWorkers: p.PeakWorkers,
		WorkerInstanceType: p.Workers.Type.Name, WorkersPerHost: p.Workers.PerHost,
		WorkerInstances: p.Workers.Instances, MinWorkerInstances: p.Workers.MinInstances,
		MaxWorkerInstances: p.Workers.MaxInstances, ReservedCPUUnits: p.Workers.ReservedUnits,
		APIInstanceType: p.API.Type.Name, APIInstances: p.API.Instances, MaxAPIInstances: p.API.MaxInstances,
		LambdaConcurrency: p.Lambda.Concurrency,
		Valkey:            valkeyJSON{string(v.Mode), v.StorageGB, v.ECPU, v.Shards, v.Nodes(), v.NodeType},
		Database:          databaseJSON{d.Class.Name, d.MultiAZ, d.ReadReplicas, d.Instances, d.MaxConnections},
		Connections:       connectionJSON(p.Connections),
		HeartbeatsPerSec:  p.Pool.BeatsPerSecond, ClaimsPerSecond: p.Pool.ClaimsPerSecond, PoolSlotShare: p.Pool.SlotShare,
		MonthlyUSD: p.Cost.MonthlyUSD, PerUserUSD: p.Cost.PerUserUSD, WorkerHourlyUSD: p.Cost.WorkerHourlyUSD,
		CalendarMonthlyUSD: p.Cost.Calendar,
		ReservedInstances:  p.Cost.ReservedQuantity, ReservedMonthlyUSD: p.Cost.Reserved,
		Cost: p.Cost.Lines, Quotas: append([]sizing.Quota{}, p.Quotas...), Notes: append([]string{}, p.Notes...),
	}
}
