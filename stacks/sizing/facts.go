package sizing

// Fact is one price with the place it was read in.
type Fact struct {
	ID       string
	USD      float64
	Per      string // hour, or what is counted in a month
	Verified bool   // read in the source; false: memory, or derived from a neighbour
	Source   string
}

// Where prices were read. All are public; none is the live price list, which decides.
const (
	srcPublished = "the published density table"
	srcSkyPilot  = "skypilot-catalog v7 aws/vms.csv, ap-southeast-1"
	srcLinear    = "linear from the sizes read in skypilot-catalog v7"
	srcCache     = "ec2-instances-info elasticache-instances.json, 2025-04-24, ap-southeast-1"
	srcRDS       = "ec2instances.info rds/instances.json, 2021-03-30, ap-southeast-1"
	srcGoldens   = "infracost test goldens, 2026-08-21"
	srcMemory    = "not read: check the price list"
	srcEstimate  = "us-east-1 × 1.20, the ratio of node prices"
)

// factRows are all prices that cost lines use: USD, ap-southeast-1 unless the source says otherwise.
var factRows = [...]Fact{
	{"ec2.price.sg.r6i.large", 0.152, "hour", false, srcPublished},
	{"ec2.price.sg.r6i.xlarge", 0.304, "hour", false, srcPublished},
	{"ec2.price.sg.r6i.2xlarge", 0.608, "hour", false, srcPublished},
	{"ec2.price.sg.r6i.4xlarge", 1.216, "hour", false, srcPublished},
	{"ec2.price.sg.r6i.8xlarge", 2.432, "hour", false, srcPublished},
	{"ec2.price.sg.r7g.large", 0.1292, "hour", true, srcSkyPilot},
	{"ec2.price.sg.r7g.xlarge", 0.2584, "hour", false, srcLinear},
	{"ec2.price.sg.r7g.2xlarge", 0.5168, "hour", false, srcLinear},
	{"ec2.price.sg.r7g.4xlarge", 1.0336, "hour", true, srcSkyPilot},
	{"ec2.price.sg.r7g.8xlarge", 2.0672, "hour", true, srcSkyPilot},
	{"ec2.price.sg.m6i.large", 0.12, "hour", true, srcSkyPilot},
	{"ec2.price.sg.m6i.xlarge", 0.24, "hour", false, srcLinear},
	{"ec2.price.sg.m6i.2xlarge", 0.48, "hour", false, srcLinear},
	{"ec2.price.sg.m6i.4xlarge", 0.96, "hour", true, srcSkyPilot},
	{"ec2.price.sg.m6i.8xlarge", 1.92, "hour", true, srcSkyPilot},
	{"ec2.price.sg.m7g.large", 0.102, "hour", true, srcSkyPilot},
	{"ec2.price.sg.m7g.xlarge", 0.204, "hour", true, srcSkyPilot},
	{"ec2.price.sg.m7g.2xlarge", 0.408, "hour", false, srcLinear},
	{"ec2.price.sg.m7g.4xlarge", 0.816, "hour", false, srcLinear},
	{"ec2.price.sg.m7g.8xlarge", 1.632, "hour", false, srcLinear},

	{"ec.sls.price.sg.storage", 0.101, "GB-hour", false, srcEstimate},
	{"ec.sls.price.sg.ecpu", 0.0028, "million ECPU", false, srcEstimate},
	{"ec.price.sg.r6g.large", 0.1976, "hour", true, srcCache},
	{"ec.price.sg.r6g.xlarge", 0.3944, "hour", true, srcCache},
	{"ec.price.sg.r7g.large", 0.2104, "hour", true, srcCache},
	{"ec.price.sg.r7g.xlarge", 0.42, "hour", true, srcCache},
	{"ec.price.sg.r7g.2xlarge", 0.8384, "hour", true, srcCache},
	{"ec.price.sg.r7g.4xlarge", 1.6752, "hour", true, srcCache},
	{"ec.price.sg.r7g.8xlarge", 3.3488, "hour", true, srcCache},

	{"rds.price.sg.db.t3.large", 0.252, "hour", true, srcRDS},
	{"rds.price.sg.db.r6g.large", 0.313, "hour", true, srcRDS},
	{"rds.price.sg.db.r6g.xlarge", 0.627, "hour", true, srcRDS},
	{"rds.price.sg.db.r6g.2xlarge", 1.253, "hour", true, srcRDS},
	{"rds.price.sg.db.r6g.4xlarge", 2.506, "hour", true, srcRDS},
	{"rds.price.sg.db.r6g.8xlarge", 5.012, "hour", true, srcRDS},
	{"rds.price.sg.db.r6g.16xlarge", 10.024, "hour", false, "twice db.r6g.8xlarge"},
	{"rdsproxy.price", 0.018, "hour", false, srcMemory},
	{"rds.io.sg.requests", 0.22, "million I/Os", false, srcMemory},
	{"rds.io.sg.storage", 0.11, "GB-month", false, srcMemory},
	{"rds.backup.sg", 0.023, "GB-month", false, srcMemory},

	{"nat.price.sg.hour", 0.059, "hour", true, "public price-list script, ap-southeast-1"},
	{"nat.price.sg.data", 0.059, "GB", true, "public price-list script, ap-southeast-1"},
	{"dto.price.sg", 0.120, "GB", true, srcGoldens + ", ap-southeast-1, first 10 TB"},
	{"dto.price.regions", 0.09, "GB", false, srcMemory},
	{"vpce.price.sg", 0.013, "hour", false, srcMemory},
	{"alb.price.sg.hour", 0.0252, "hour", false, srcMemory},
	{"alb.price.sg.lcu", 0.008, "hour", false, srcMemory},
	{"waf.price.acl", 5, "web ACL", true, srcGoldens + ", the same in all regions"},
	{"waf.price.rule", 1, "rule", true, srcGoldens + ", the same in all regions"},
	{"waf.price.requests", 0.60, "million requests", true, srcGoldens + ", the same in all regions"},
	{"shield.adv", 3_000, "subscription", false, srcMemory},

	{"ebs.gp3.sg", 0.096, "GB-month", false, srcMemory},
	{"kms.key", 1, "key", false, srcMemory},
	{"secrets.secret", 0.40, "secret", false, srcMemory},
	{"ecr.storage", 0.10, "GB-month", false, srcMemory},
	{"cw.vended.sg", 0.70, "GB", false, srcMemory},
	{"cw.logs.sg", 0.70, "GB", false, srcMemory},
	{"cw.metric", 0.30, "metric", false, srcMemory},
	{"cw.alarm", 0.10, "alarm metric", true, srcGoldens + ", us-east-1"},
	{"cw.composite", 0.50, "alarm of alarms", false, srcMemory},

	{"lambda.price.x86", 1.66667e-05, "GB-second", true, srcGoldens + ", us-east-1"},
	{"lambda.price.arm", 1.33334e-05, "GB-second", true, srcGoldens + ", us-east-1"},
	{"lambda.price.req.sg", 0.20, "million requests", true, "public price-list script, ap-southeast-1"},
	{"sqs.price", 0.50, "million requests", true, srcGoldens + ", us-east-1, FIFO"},
}

// Facts lists every price with its source.
func Facts() []Fact { return append([]Fact(nil), factRows[:]...) }

func fact(id string) Fact {
	for _, f := range factRows {
		if f.ID == id {
			return f
		}
	}
	// Unreachable for every plan (a test prices all of them): ids are literals of this package.
	panic("sizing: no price " + id)
}

func price(id string) float64 { return fact(id).USD }
