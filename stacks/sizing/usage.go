package sizing

// What a month of use is taken to be, per worker at peak in every hour or per order. None of it is configured and none
// is published: these are planning figures, and each is the first thing to replace with a measured one.
const (
	// Hours a month in which the worker hosts stand at peak under the market calendar: 21 trading days of ten hours
	// (an hour before the open until an hour after the close).
	peakHours = 21 * 10

	tradingDays    = 21
	dailyActive    = 0.5                                      // share of users who trade on a day (published)
	ordersPerDay   = 5.0                                      // an active user's
	checksPerOrder = 2.0                                      // fill verification after 30 s and 60 s
	ordersPerMonth = dailyActive * ordersPerDay * tradingDays // per registered user

	natGBPerWorker    = 0.5  // both directions, about 200 bytes/s to a broker
	egressGBPerWorker = 0.1  // of which leaves AWS
	requestsPerHour   = 60.0 // an online user's; live events come over one stream
	logGBPerWorker    = 0.02

	// Flow logs write a record of about 120 bytes a minute for each connection, direction and interface that it crosses;
	// a month has 43,800 minutes. A worker's two connections to its broker cross its host and both sides of the NAT
	// (2 × 2 × 3 records), an API task's sixty cross its own interface (60 × 2).
	flowLogGBPerWorker  = 0.063
	flowLogGBPerAPITask = 0.63
	insightsGBPerTask   = 0.043 // Container Insights: 1 KB a task and minute

	databaseGBFixed, databaseGBPer1k = 10.0, 2.0
	iosPerOrder                      = 40.0
	keptImagesGB                     = 20.0
	insightsPerHost                  = 8.0   // metrics of an instance under Container Insights
	ownMetrics                       = 120.0 // without a dimension per worker or user
	compositeAlarms                  = 2.0   // users are affected, and capacity
	kmsKeys                          = 5.0   // by purpose: credentials, data, messages, logs, compute
	secrets                          = 2.0   // the database master's and the application role's
	webRules                         = 9.0

	functionGB      = 0.256
	functionSeconds = 0.1
	minutePasses    = 2 * 60 * HoursPerMonth         // pool and maintenance, every minute
	idlePolls       = 4 * 5 * 3 * 60 * HoursPerMonth // four queues, five pollers each, 20 s long polls
	callsPerMessage = 3.0                            // send, receive, delete
	million         = 1e6

	// Endpoints: ecr.api, ecr.dkr, logs, sqs, secretsmanager, kms, ecs, ecs-agent, ecs-telemetry, ssm, ssmmessages,
	// ec2messages, ec2, sts, monitoring.
	interfaceEndpoints = 15

	// Alarms are paid for by the metrics that they read: one of the worst of ten nodes counts ten. A test compares these
	// with what every tier makes.
	alarmMetricsFixed       = 82 // of hosts, load balancer, queues, functions, and the fleet's own
	alarmMetricsPerNAT      = 2
	alarmMetricsPerInstance = 6 // of the database; and its lag where there is more than one
	alarmMetricsServerless  = 8
	alarmMetricsPerNode     = 8 // of a cluster of Valkey
	alarmMetricsPerQueue    = 3

	// One load balancer unit carries 3,000 connections active in a minute (fact alb.lcu).
	connectionsPerLCU = 3_000
)

func storageLines(p Plan) []Line {
	data := databaseGBFixed + databaseGBPer1k*float64(p.Users)/1_000
	volumes := p.Workers.Instances*p.Workers.VolumeGB + p.API.Instances*p.API.VolumeGB
	orders := float64(p.Users) * ordersPerMonth
	all := []Line{
		monthly("database storage", data, "rds.io.sg.storage"),
		monthly("database I/O", orders*iosPerOrder/million, "rds.io.sg.requests"),
		monthly("database backups", data, "rds.backup.sg"),
		monthly("host volumes", float64(volumes), "ebs.gp3.sg"),
		monthly("container images", keptImagesGB, "ecr.storage"),
	}
	if p.Features.CrossRegionBackup {
		all = append(all,
			monthly("backup copies in a second region", data, "rds.backup.sg"),
			monthly("backup transfer to it", data, "dto.price.regions"))
	}
	return all
}

func networkLines(p Plan) []Line {
	peak := float64(p.PeakWorkers)
	all := []Line{
		hourly("NAT gateways", float64(p.Network.NATs()), "nat.price.sg.hour"),
		monthly("NAT data", peak*natGBPerWorker, "nat.price.sg.data"),
		monthly("internet egress", peak*egressGBPerWorker, "dto.price.sg"),
		hourly("load balancer", 1, "alb.price.sg.hour"),
		hourly("load balancer units", float64(ceilDiv(p.PeakWorkers, connectionsPerLCU)), "alb.price.sg.lcu"),
		monthly("WAF web ACL", 1, "waf.price.acl"),
		monthly("WAF rules", webRules, "waf.price.rule"),
		monthly("WAF requests", peak*requestsPerHour*HoursPerMonth/million, "waf.price.requests"),
	}
	if p.Network.InterfaceEndpoints {
		all = append(all, hourly("interface endpoints", interfaceEndpoints*Zones, "vpce.price.sg"))
	}
	if p.Features.ShieldAdvanced {
		all = append(all, monthly("Shield Advanced", 1, "shield.adv"))
	}
	return all
}

func operationLines(p Plan) []Line {
	tasks := float64(p.PeakWorkers + p.API.MinTasks)
	hosts := float64(p.Workers.Instances + p.API.Instances)
	checks := float64(p.Users) * ordersPerMonth * checksPerOrder
	calls := checks + minutePasses
	flowLogs := float64(p.PeakWorkers)*flowLogGBPerWorker + float64(p.API.MinTasks)*flowLogGBPerAPITask
	keys := kmsKeys
	if p.Features.CrossRegionBackup {
		keys++ // the copies' own, in their region
	}
	compute := "lambda.price.x86"
	if p.Architecture == ARM {
		compute = "lambda.price.arm"
	}
	return []Line{
		monthly("orchestrator functions, requests", calls/million, "lambda.price.req.sg"),
		monthly("orchestrator functions, compute", calls*functionGB*functionSeconds, compute),
		monthly("queues", (checks*callsPerMessage+idlePolls)/million, "sqs.price"),
		monthly("logs", float64(p.PeakWorkers)*logGBPerWorker, "cw.logs.sg"),
		monthly("flow logs", flowLogs, "cw.vended.sg"),
		monthly("Container Insights events", tasks*insightsGBPerTask, "cw.logs.sg"),
		monthly("metrics", ownMetrics+hosts*insightsPerHost, "cw.metric"),
		monthly("alarms, by metric", float64(p.AlarmMetrics()), "cw.alarm"),
		monthly("alarms of alarms", compositeAlarms, "cw.composite"),
		monthly("KMS keys", keys, "kms.key"),
		monthly("secrets", secrets, "secrets.secret"),
	}
}

// AlarmMetrics is how many metrics the plan's alarms read.
func (p Plan) AlarmMetrics() int {
	n := alarmMetricsFixed + alarmMetricsPerNAT*p.Network.NATs() + alarmMetricsPerInstance*p.Database.Instances
	if p.Database.Instances > 1 {
		n += p.Database.Instances
	}
	if p.Valkey.Mode != Cluster {
		n += alarmMetricsServerless
	}
	if p.Valkey.Mode != Serverless {
		n += alarmMetricsPerNode * p.Valkey.Nodes()
	}
	if p.Features.BackgroundTasks != Inline {
		n += alarmMetricsPerQueue
	}
	return n
}
