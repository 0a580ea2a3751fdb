package sizing

import (
	"fmt"
	"strconv"
	"strings"
)

// InstanceType is one size of an EC2 family.
type InstanceType struct {
	Name     string // as EC2 writes it
	VCPU     int
	MemoryGB int
	PerHost  int     // planned workers; 0 for families that carry none
	HourUSD  float64 // on demand, Linux, ap-southeast-1
	fact     string  // id of the price
}

// DatabaseClass is one Aurora instance class.
type DatabaseClass struct {
	Name           string
	VCPU           int
	MemoryGB       int
	MaxConnections int // default max_connections of Aurora PostgreSQL
	fact           string
}

// workerRow is one row of the published density table: how many workers a host carries, and the rule's inputs.
type workerRow struct {
	size                     string
	vcpu, memoryGB           int
	byMemory, byCPU, planned int
	hourUSD                  float64
}

// workerRows is the published density table (r6i, on demand, ap-southeast-1). `planned` is data, not a formula: it
// leaves room for the operating system (about 512 MB), the ECS agent and memory spikes during broker calls.
var workerRows = [...]workerRow{
	{"large", 2, 16, 42, 32, 30, 0.152},
	{"xlarge", 4, 32, 85, 64, 60, 0.304},
	{"2xlarge", 8, 64, 170, 128, 120, 0.608},
	{"4xlarge", 16, 128, 340, 256, 240, 1.216},
	{"8xlarge", 32, 256, 680, 512, 480, 2.432},
}

// tierRow is one row of the published tier table.
type tierRow struct {
	name     string
	users    int
	apiHosts int
	apiSize  string
	lambda   int
}

// tierRows is the published tier table, as far as it is data. Worker hosts, Valkey, the database and the switches
// follow from rules that give the published cells (all of them are tests).
var tierRows = [...]tierRow{
	{"100", 100, 3, "large", 50},
	{"500", 500, 5, "large", 50},
	{"1k", 1_000, 10, "large", 100},
	{"5k", 5_000, 20, "xlarge", 200},
	{"10k", 10_000, 30, "xlarge", 500},
	{"50k", 50_000, 50, "2xlarge", 500},
	{"100k", 100_000, 50, "2xlarge", 500},
}

// databaseRows are the classes by the most users they serve. Up to 5,000 the breakpoints are the published tiers;
// from r6g.xlarge on a class serves its memory at the published 1.28 GB per 1,000 users (64 GB at 50k, 128 GB at 100k).
// Default max_connections: LEAST(memory/9531392, 5000), AWS's own table (facts rds.maxconn.*).
var databaseRows = [...]struct {
	users int
	class DatabaseClass
}{
	{500, DatabaseClass{"db.t3.large", 2, 8, 844, "rds.price.sg.db.t3.large"}},
	{5_000, DatabaseClass{"db.r6g.large", 2, 16, 1_722, "rds.price.sg.db.r6g.large"}},
	{25_000, DatabaseClass{"db.r6g.xlarge", 4, 32, 3_479, "rds.price.sg.db.r6g.xlarge"}},
	{50_000, DatabaseClass{"db.r6g.2xlarge", 8, 64, 5_000, "rds.price.sg.db.r6g.2xlarge"}},
	{100_000, DatabaseClass{"db.r6g.4xlarge", 16, 128, 5_000, "rds.price.sg.db.r6g.4xlarge"}},
	{200_000, DatabaseClass{"db.r6g.8xlarge", 32, 256, 5_000, "rds.price.sg.db.r6g.8xlarge"}},
	{MaxUsers, DatabaseClass{"db.r6g.16xlarge", 64, 512, 5_000, "rds.price.sg.db.r6g.16xlarge"}},
}

// CacheNode is one node type of a Valkey cluster.
type CacheNode struct {
	Name     string
	MemoryGB float64 // GiB that AWS states, of which a quarter is its own reserve
	fact     string  // id of the price
}

// cacheNodes are the memory-optimized Graviton nodes with a known price. All run scripts on one core: a larger one buys
// memory only. Memory: ElastiCache user guide, supported node types.
var cacheNodes = [...]CacheNode{
	{"cache.r6g.large", 13.07, "ec.price.sg.r6g.large"},
	{"cache.r7g.large", 13.07, "ec.price.sg.r7g.large"},
	{"cache.r6g.xlarge", 26.32, "ec.price.sg.r6g.xlarge"},
	{"cache.r7g.xlarge", 26.32, "ec.price.sg.r7g.xlarge"},
	{"cache.r7g.2xlarge", 52.82, "ec.price.sg.r7g.2xlarge"},
	{"cache.r7g.4xlarge", 105.81, "ec.price.sg.r7g.4xlarge"},
	{"cache.r7g.8xlarge", 209.55, "ec.price.sg.r7g.8xlarge"},
}

// TierNames lists the published tiers, smallest first.
func TierNames() []string {
	names := make([]string, len(tierRows))
	for i, t := range tierRows {
		names[i] = t.name
	}
	return names
}

// Tier gives the users of a published tier, named as `10k`, `tier-10k` or `10000`. The error lists the names.
func Tier(name string) (int, error) {
	bare := strings.TrimPrefix(name, "tier-")
	for _, t := range tierRows {
		if bare == t.name || bare == strconv.Itoa(t.users) {
			return t.users, nil
		}
	}
	return 0, fmt.Errorf("tier: %q is not allowed; allowed: %s", name, strings.Join(TierNames(), ", "))
}

// TierName gives the name of the published tier with exactly so many users.
func TierName(users int) (string, bool) {
	for _, t := range tierRows {
		if t.users == users {
			return t.name, true
		}
	}
	return "", false
}
