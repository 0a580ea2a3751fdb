package stacks

import (
	"fmt"
	"reflect"

	"workerfleet/stacks/sizing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Config is everything that a stack may state, under workerfleet:platform. Only users must be stated: the rest comes
// from sizing. Tags say what a value may be: range (numbers), words (one of), is (a format of decode_formats.go).
type Config struct {
	Region string      `json:"-"` // aws:region
	Plan   sizing.Plan `json:"-"` // what users need, with the values below in it: quotas, addresses and cost follow them

	Users            int               `json:"users" range:"1..1000000"`
	Architecture     string            `json:"architecture" words:"x86_64|arm64"`
	Workers          Workers           `json:"workers"`
	API              API               `json:"api"`
	Images           map[string]string `json:"images" words:"api|keeper|agent|worker|migrate|log-router" is:"image"`
	Account          Account           `json:"account"`
	Delivery         Delivery          `json:"delivery"`
	Backup           Backup            `json:"backup"`
	Identity         Identity          `json:"identity"`
	Broker           string            `json:"broker" words:"paper|alpaca"`
	Lambda           Lambda            `json:"lambda"`
	Valkey           Valkey            `json:"valkey"`
	Database         Database          `json:"database"`
	Features         Features          `json:"features"`
	Network          Network           `json:"network"`
	Edge             Edge              `json:"edge"`
	Market           Market            `json:"market"`
	Alarms           Alarms            `json:"alarms"`
	Protection       string            `json:"protection" words:"strict|relaxed"`
	MonthlyBudgetUSD int               `json:"monthlyBudgetUSD" range:"1..100000000"`
}

// Workers is the fleet of worker hosts and what one worker reserves.
type Workers struct {
	InstanceType string  `json:"instanceType"`
	FallbackType string  `json:"fallbackType"`              // another family of the same size, used when the first has no capacity
	Instances    int     `json:"instances" range:"2..4999"` // one fewer than the most: a roll adds a host
	MinInstances int     `json:"minInstances" range:"1..5000"`
	MaxInstances int     `json:"maxInstances" range:"3..5000"`
	CPU          int     `json:"cpu" range:"1..4096"`          // units, 1,024 = one vCPU
	MemorySoft   int     `json:"memorySoft" range:"6..262144"` // MiB
	MemoryHard   int     `json:"memoryHard" range:"6..262144"` // MiB
	AMI          string  `json:"ami" is:"ami"`                 // release of the ECS-optimized image
	Recycle      string  `json:"recycle" words:"exec|replace"` // how a worker becomes clean again after a session
	MaxLives     int     `json:"maxLives" range:"1..100000"`
	CanaryShare  float64 `json:"canaryShare" range:"0..1"` // of new stock, while an image rolls out
}

// API is the group of hosts that carry the API and the keepers.
type API struct {
	InstanceType string `json:"instanceType"`
	Instances    int    `json:"instances" range:"2..5000"`
	AMI          string `json:"ami" is:"ami"`
}

// Account says which account this is and who owns the things that exist once in it.
type Account struct {
	ID                 string `json:"id" is:"account"`
	GitHubOIDC         string `json:"githubOidc" words:"adopt|create|off"`
	GuardDuty          string `json:"guardDuty" words:"adopt|create|off"`
	CostAnomaly        string `json:"costAnomaly" words:"adopt|create|off"`
	ECSSettings        string `json:"ecsSettings" words:"adopt|create|off"`
	ShieldSubscription bool   `json:"shieldSubscription"`
}

// Delivery names the repository whose workflows may deploy, and from which branches.
type Delivery struct {
	Repository string   `json:"repository" is:"repository"`
	Branches   []string `json:"branches" is:"branch"`
}

// Backup names the second region for copies.
type Backup struct {
	Region string `json:"region" is:"region"`
}

// Identity is the issuer of the users' tokens.
type Identity struct {
	Issuer   string `json:"issuer" is:"https"`
	Audience string `json:"audience"`
}

// Lambda is the concurrency reserved for the five functions together. Ten at least: two for each of the four queue
// mappings (a mapping's smallest concurrency is 2) and one for each of the two passes that run every minute.
type Lambda struct {
	Concurrency int `json:"concurrency" range:"10..100000"`
}

// Valkey is the cache. Serverless reads storageGB and ecpu, cluster shards and nodeType, both all four.
type Valkey struct {
	Mode      string `json:"mode" words:"serverless|cluster|both"`
	StorageGB int    `json:"storageGB" range:"1..5000"`
	ECPU      int    `json:"ecpu" range:"1000..15000000"` // a second
	Shards    int    `json:"shards" range:"1..250"`       // two nodes each, 500 nodes a cluster at most
	NodeType  string `json:"nodeType"`
}

// Database is the Aurora cluster.
type Database struct {
	InstanceClass string `json:"instanceClass"`
	MultiAZ       bool   `json:"multiAz"`
	ReadReplicas  int    `json:"readReplicas" range:"0..14"` // a cluster has 15 readers, one is the failover reader
}

// Features are the switches of the tier table.
type Features struct {
	RateLimiting      bool   `json:"rateLimiting"`
	BackgroundTasks   string `json:"backgroundTasks" words:"inline|partial|queue"`
	ShieldAdvanced    bool   `json:"shieldAdvanced"`
	CrossRegionBackup bool   `json:"crossRegionBackup"`
	ReservedInstances bool   `json:"reservedInstances"`
}

// Network is the VPC.
type Network struct {
	CIDR               string `json:"cidr" is:"cidr"`
	NATPerZone         bool   `json:"natPerZone"`
	InterfaceEndpoints bool   `json:"interfaceEndpoints"`
}

// Edge is the public name of the API.
type Edge struct {
	Domain         string `json:"domain" is:"domain"`
	CertificateARN string `json:"certificateArn" is:"certificate"`
	HostedZoneID   string `json:"hostedZoneId" is:"zone"`
}

// Market is the calendar that capacity follows.
type Market struct {
	TimeZone string   `json:"timeZone" is:"timezone"`
	Open     string   `json:"open" is:"clock"`
	Close    string   `json:"close" is:"clock"`
	Holidays []string `json:"holidays" is:"holiday"`
}

// Alarms names who is told.
type Alarms struct {
	Email string `json:"email" is:"email"`
}

// FromStack reads and checks the configuration of the running stack.
func FromStack(ctx *pulumi.Context) (Config, error) {
	platform, ok := ctx.GetConfig("workerfleet:platform")
	if !ok {
		return Config{}, Problems{{"workerfleet:platform", "is not set; start from a committed file: " +
			"pulumi stack init tier-100 uses Pulumi.tier-100.yaml"}}
	}
	// `pulumi config set protection strict` writes beside the object, where nothing would read it.
	var beside Problems
	for _, key := range keysOf(reflect.TypeFor[Config]()) {
		if _, stated := ctx.GetConfig("workerfleet:" + key); stated {
			beside.add("workerfleet:"+key, "stands beside workerfleet:platform; allowed: inside it (pulumi config set --path workerfleet:platform.%s …)", key)
		}
	}
	if len(beside) > 0 {
		return Config{}, beside.sorted()
	}
	region, _ := ctx.GetConfig("aws:region")
	return Decode([]byte(platform), region)
}

// Decode reads one workerfleet:platform object (JSON) and aws:region, fills what is not stated from sizing, and checks
// the whole against it. A failure is of type Problems and holds everything that is wrong, not only the first.
func Decode(platform []byte, region string) (Config, error) {
	raw, err := object(platform)
	if err != nil {
		return Config{}, Problems{{"workerfleet:platform", err.Error()}}
	}
	var found Problems
	switch {
	case !formats("region", region):
		found.add("aws:region", "%s; allowed: %s", notAllowed(region), formatAllows("region"))
	case outside(region):
		found.add("aws:region", "%s", outsideSays(region))
	}
	if _, stated := raw["users"]; !stated {
		found.add("users", "is not stated; allowed: 1 to %d", sizing.MaxUsers)
	}
	var cfg Config
	plan, planned := planOf(raw)
	if planned {
		cfg = defaults(plan, region)
	}
	found = append(found, walk(raw, &cfg)...)
	if planned {
		cfg.Region, cfg.Plan = region, effective(cfg, plan)
		if _, stated := raw["monthlyBudgetUSD"]; !stated {
			cfg.MonthlyBudgetUSD = cfg.Plan.BudgetUSD()
		}
		found = append(found, consistency(cfg, plan, found)...)
	}
	if len(found) > 0 {
		return Config{}, found.sorted()
	}
	return cfg, nil
}

// planOf sizes the users and architecture that are stated; false when either does not say enough.
func planOf(raw map[string]any) (sizing.Plan, bool) {
	var asked struct {
		Users        int    `json:"users"`
		Architecture string `json:"architecture"`
	}
	for _, key := range []string{"users", "architecture"} {
		if value, stated := raw[key]; stated && len(walk(map[string]any{key: value}, &asked)) > 0 {
			return sizing.Plan{}, false
		}
	}
	plan, err := sizing.For(asked.Users)
	if _, stated := raw["architecture"]; stated && err == nil {
		plan, err = sizing.ForArchitecture(asked.Users, sizing.Architecture(asked.Architecture))
	}
	return plan, err == nil
}

// ShieldProtection says whether Shield Advanced protections are made: the switch is on and the stack states that the
// organisation's one-year subscription exists.
func (c Config) ShieldProtection() bool {
	return c.Features.ShieldAdvanced && c.Account.ShieldSubscription
}

// Unready lists what a preview may lack and a real deployment may not: the account, the real domain, the issuer.
func (c Config) Unready() Problems {
	var found Problems
	if c.Account.ID == "" {
		found.add("account.id", "is not stated; allowed: %s", formatAllows("account"))
	}
	if c.Edge.Domain == sizing.ExampleDomain {
		found.add("edge.domain", "%s is the example; allowed: a domain that you own", c.Edge.Domain)
	} else if c.Edge.CertificateARN == "" && c.Edge.HostedZoneID == "" {
		// A certificate that nobody proves is never issued, and a listener takes no other.
		found.add("edge.hostedZoneId", "is not stated, and no edge.certificateArn; allowed: the domain's zone in Route 53, or a certificate")
	}
	if c.Identity.Issuer == "" {
		found.add("identity.issuer", "is not stated; allowed: %s", formatAllows("https"))
	}
	return found
}

// AMIParameter is the public SSM parameter that holds the image id of a release for this stack's architecture. Images
// for ARM stand one level deeper.
func (c Config) AMIParameter(release string) string {
	folder := ""
	if c.Architecture == string(sizing.ARM) {
		folder = c.Architecture + "/"
	}
	return fmt.Sprintf("/aws/service/ecs/optimized-ami/amazon-linux-2023/%sal2023-ami-ecs-hvm-%s-kernel-6.1-%s/image_id",
		folder, release, c.Architecture)
}
