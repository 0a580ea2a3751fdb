package policy_test

import (
	"encoding/json"
	"strings"

	"workerfleet/stacks/graph"
)

type inputs = map[string]any

func examples() []example {
	vpc := res("aws:ec2/vpc:Vpc", "net", inputs{"cidrBlock": "10.0.0.0/16"})
	small := res("aws:ec2/vpc:Vpc", "small", inputs{"cidrBlock": "10.9.0.0/20"})
	subnet := func(name, block string) graph.Resource {
		return res("aws:ec2/subnet:Subnet", name, inputs{"vpcId": idOf(vpc), "cidrBlock": block})
	}
	queue := func(name string, in inputs) graph.Resource { return res("aws:sqs/queue:Queue", name, in) }
	fifo := queue("work", inputs{"fifoQueue": true})
	plain := queue("plain", inputs{})
	deduplicating := queue("events", inputs{"fifoQueue": true, "contentBasedDeduplication": true})
	keeping := func(seconds float64) graph.Resource {
		return queue("dead", inputs{"fifoQueue": true, "messageRetentionSeconds": seconds})
	}
	abroad := queue("abroad", inputs{"fifoQueue": true, "messageRetentionSeconds": 1_209_600.0})
	abroad.Outputs = inputs{"arn": "arn:aws:sqs:eu-west-1:111122223333:abroad.fifo"}
	abroadArn := abroad.Outputs["arn"].(string)
	redrive := func(target string, count int) string {
		text, _ := json.Marshal(inputs{"deadLetterTargetArn": target, "maxReceiveCount": count})
		return string(text)
	}
	policyOn := func(q graph.Resource) graph.Resource {
		return res("aws:sqs/queuePolicy:QueuePolicy", "events-policy", inputs{"queueUrl": idOf(q), "policy": document(inputs{
			"Effect": "Allow", "Action": "sqs:SendMessage", "Principal": inputs{"Service": "events.amazonaws.com"},
		})})
	}
	root := inputs{"Effect": "Allow", "Action": "kms:*", "Principal": inputs{"AWS": "arn:aws:iam::111122223333:root"}}
	logs := inputs{
		"Effect": "Allow", "Action": []string{"kms:Encrypt"}, "Principal": inputs{"Service": "logs.ap-southeast-1.amazonaws.com"},
		"Condition": inputs{"ArnLike": inputs{"kms:EncryptionContext:aws:logs:arn": "arn:aws:logs:ap-southeast-1:111122223333:*"}},
	}
	anyAccount := inputs{"Effect": "Allow", "Action": "kms:Decrypt", "Principal": inputs{"Service": "sns.amazonaws.com"}}
	rootUses := inputs{"Effect": "Allow", "Action": "kms:Decrypt", "Principal": root["Principal"]}
	stranger := inputs{"Effect": "Allow", "Action": "kms:*", "Principal": inputs{"AWS": "arn:aws:iam::111122223333:role/keys"}}
	ofAccount := inputs{"Effect": "Allow", "Action": "kms:Decrypt", "Principal": anyAccount["Principal"], "Condition": inputs{"StringEquals": inputs{"aws:SourceAccount": "111122223333"}}}
	key := func(statements ...map[string]any) graph.Resource {
		return res("aws:kms/key:Key", "key", inputs{"policy": document(statements...)})
	}
	group := func(k graph.Resource) graph.Resource {
		return res("aws:cloudwatch/logGroup:LogGroup", "logs", inputs{"kmsKeyId": arnOf(k), "retentionInDays": 365.0})
	}
	rule := func(schedule string) graph.Resource {
		return res("aws:cloudwatch/eventRule:EventRule", "tick", inputs{"scheduleExpression": schedule})
	}
	target := func(in inputs) graph.Resource { return res("aws:cloudwatch/eventTarget:EventTarget", "target", in) }
	balancer := func(name string) graph.Resource {
		return res("aws:lb/loadBalancer:LoadBalancer", "edge", inputs{"name": name})
	}
	const (
		names, times, fifoName = "names keep AWS's lengths, letters and prefixes", "a queue's times are within SQS's limits", "a .fifo name and fifoQueue go together"
		dead                   = "a queue and its dead-letter queue are of one kind, account and region, and the latter keeps messages longer"
		vpcs, subnets          = "a VPC is /16 to /28 and not docker0's 172.17.0.0/16", "subnets lie inside their VPC and do not overlap"
		throughput             = "high throughput needs both of its settings"
		admin                  = "a key's policy keeps the account able to administer it"
	)
	return append(dataExamples(), []example{
		{"aws-1", names, "too long", "name", nil, balancer(strings.Repeat("a", 33)), balancer(strings.Repeat("a", 32))},
		{"aws-1", names, "trailing hyphen", "name", nil, balancer("edge-"), balancer("edge")},
		{"aws-1", names, "reserved prefix", "name", nil, balancer("internal-edge"), balancer("edge-internal")},
		{"aws-1", names, "a chosen name counts with its digits", "name", nil,
			res("aws:lb/targetGroup:TargetGroup", strings.Repeat("t", 25), inputs{}), res("aws:lb/targetGroup:TargetGroup", strings.Repeat("t", 24), inputs{})},
		{"aws-1", names, "alias of AWS", "name", nil,
			res("aws:kms/alias:Alias", "alias", inputs{"name": "alias/aws/sqs"}), res("aws:kms/alias:Alias", "alias", inputs{"name": "alias/fleet"})},
		{"aws-1", names, "alias without its prefix", "name", nil,
			res("aws:kms/alias:Alias", "alias", inputs{"name": "fleet"}), res("aws:kms/alias:Alias", "alias", inputs{"name": "alias/fleet"})},
		{"aws-1", names, "a cluster's own property", "clusterIdentifier", nil,
			res("aws:rds/cluster:Cluster", "db", inputs{"clusterIdentifier": "1db"}), res("aws:rds/cluster:Cluster", "db", inputs{"clusterIdentifier": "db1"})},
		{"aws-1", "the log destination of a web ACL starts aws-waf-logs-", "log group", "logDestinationConfigs", nil,
			res("aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration", "waf", inputs{"logDestinationConfigs": []any{"arn:aws:logs:ap-southeast-1:111122223333:log-group:waf"}}),
			res("aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration", "waf", inputs{"logDestinationConfigs": []any{"arn:aws:logs:ap-southeast-1:111122223333:log-group:aws-waf-logs-edge"}})},
		{"aws-2", "a capacity provider's name does not start with aws, ecs or fargate", "reserved", "name", nil,
			res("aws:ecs/capacityProvider:CapacityProvider", "hosts", inputs{"name": "EcsHosts"}), res("aws:ecs/capacityProvider:CapacityProvider", "hosts", inputs{"name": "hosts"})},

		{"aws-3", vpcs, "too wide", "cidrBlock", nil, res("aws:ec2/vpc:Vpc", "net", inputs{"cidrBlock": "10.0.0.0/8"}), vpc},
		{"aws-3", vpcs, "no network", "cidrBlock", nil, res("aws:ec2/vpc:Vpc", "net", inputs{"cidrBlock": "10.0.0.1/16"}), vpc},
		{"aws-3", vpcs, "link-local", "cidrBlock", nil, res("aws:ec2/vpc:Vpc", "net", inputs{"cidrBlock": "169.254.0.0/16"}), vpc},
		{"aws-3", vpcs, "docker0", "cidrBlock", nil, res("aws:ec2/vpc:Vpc", "net", inputs{"cidrBlock": "172.17.128.0/17"}), vpc},
		{"aws-3", subnets, "outside", "cidrBlock", []graph.Resource{vpc}, subnet("a", "10.1.0.0/20"), subnet("a", "10.0.0.0/20")},
		{"aws-3", subnets, "overlap", "cidrBlock", []graph.Resource{vpc, subnet("b", "10.0.16.0/20")}, subnet("a", "10.0.24.0/21"), subnet("a", "10.0.32.0/20")},

		{"aws-3", subnets, "larger than its VPC", "cidrBlock", []graph.Resource{small}, res("aws:ec2/subnet:Subnet", "a", inputs{"vpcId": idOf(small), "cidrBlock": "10.9.0.0/16"}), res("aws:ec2/subnet:Subnet", "a", inputs{"vpcId": idOf(small), "cidrBlock": "10.9.0.0/21"})},
		{"aws-4", times, "delay", "delaySeconds", nil, queue("q", inputs{"delaySeconds": 901.0}), queue("q", inputs{"delaySeconds": 900.0})},
		{"aws-4", times, "long poll", "receiveWaitTimeSeconds", nil, queue("q", inputs{"receiveWaitTimeSeconds": 21.0}), queue("q", inputs{"receiveWaitTimeSeconds": 20.0})},
		{"aws-4", times, "retention", "messageRetentionSeconds", nil, queue("q", inputs{"messageRetentionSeconds": 1_209_601.0}), queue("q", inputs{"messageRetentionSeconds": 1_209_600.0})},
		{"aws-4", times, "visibility", "visibilityTimeoutSeconds", nil, queue("q", inputs{"visibilityTimeoutSeconds": 43_201.0}), queue("q", inputs{"visibilityTimeoutSeconds": 0.0})},
		{"aws-4", fifoName, "standard queue with the suffix", "name", nil, queue("q", inputs{"name": "q-1.fifo"}), queue("q", inputs{"name": "q-1"})},
		{"aws-4", fifoName, "FIFO queue without it", "name", nil, queue("q", inputs{"name": "q-1", "fifoQueue": true}), queue("q", inputs{"name": "q-1.fifo", "fifoQueue": true})},
		{"aws-4", dead, "other kind", "redrivePolicy", []graph.Resource{plain, keeping(1_209_600)},
			queue("q", inputs{"fifoQueue": true, "redrivePolicy": redrive(arnOf(plain), 5)}), queue("q", inputs{"fifoQueue": true, "redrivePolicy": redrive(arnOf(keeping(1)), 5)})},
		{"aws-4", dead, "another region", "redrivePolicy", []graph.Resource{abroad, keeping(1_209_600)},
			queue("q", inputs{"fifoQueue": true, "redrivePolicy": redrive(abroadArn, 5)}), queue("q", inputs{"fifoQueue": true, "redrivePolicy": redrive(arnOf(keeping(1)), 5)})},
		{"aws-4", dead, "no receive count", "redrivePolicy", nil,
			queue("q", inputs{"redrivePolicy": redrive("arn:aws:sqs:x:y:z", 0)}), queue("q", inputs{"redrivePolicy": redrive("arn:aws:sqs:x:y:z", 1)})},
		{"aws-4", dead, "kept as short as its source", "redrivePolicy", []graph.Resource{keeping(345_600)},
			queue("q", inputs{"fifoQueue": true, "redrivePolicy": redrive(arnOf(keeping(1)), 5)}),
			queue("q", inputs{"fifoQueue": true, "redrivePolicy": redrive(arnOf(keeping(1)), 5), "messageRetentionSeconds": 86_400.0})},
		{"aws-5", throughput, "limit alone", "fifoThroughputLimit", nil, queue("q", inputs{"fifoQueue": true, "fifoThroughputLimit": "perMessageGroupId"}),
			queue("q", inputs{"fifoQueue": true, "fifoThroughputLimit": "perMessageGroupId", "deduplicationScope": "messageGroup"})},
		{"aws-5", throughput, "scope alone", "deduplicationScope", nil, queue("q", inputs{"fifoQueue": true, "deduplicationScope": "messageGroup"}),
			queue("q", inputs{"fifoQueue": true, "deduplicationScope": "queue"})},
		{"aws-5", throughput, "standard queue", "deduplicationScope", nil, queue("q", inputs{"deduplicationScope": "messageGroup"}), queue("q", inputs{})},
		{"aws-6", "a queue has no fixed name: one deleted less than 60 s ago cannot be made again", "fixed", "name", nil,
			queue("q", inputs{"name": "orders"}), queue("q", inputs{"name": "q-1a2b3c4"})},
		{"aws-41", "a FIFO queue that EventBridge writes to deduplicates by content", "without", "policy", []graph.Resource{fifo, deduplicating}, policyOn(fifo), policyOn(deduplicating)},
		{"aws-41", "an event target that is a FIFO queue has a constant message group", "without", "sqsTarget.messageGroupId", []graph.Resource{deduplicating},
			target(inputs{"arn": arnOf(deduplicating)}), target(inputs{"arn": arnOf(deduplicating), "sqsTarget": inputs{"messageGroupId": "aws-events"}})},
		{"aws-11", "a rate's unit is singular for one and plural for more", "one minutes", "scheduleExpression", nil, rule("rate(1 minutes)"), rule("rate(1 minute)")},
		{"aws-11", "a rate's unit is singular for one and plural for more", "five minute", "scheduleExpression", nil, rule("rate(5 minute)"), rule("rate(5 minutes)")},
		{"aws-11", "a rate's unit is singular for one and plural for more", "none", "scheduleExpression", nil, rule("rate(0 minutes)"), rule("rate(2 minutes)")},
		{"aws-37", "an event target's dead-letter queue is a standard queue", "FIFO", "deadLetterConfig.arn", []graph.Resource{fifo, plain},
			target(inputs{"deadLetterConfig": inputs{"arn": arnOf(fifo)}}), target(inputs{"deadLetterConfig": inputs{"arn": arnOf(plain)}})},

		{"aws-32", "log retention is one of CloudWatch's steps", "ten days", "retentionInDays", nil,
			res("aws:cloudwatch/logGroup:LogGroup", "logs", inputs{"retentionInDays": 10.0}), res("aws:cloudwatch/logGroup:LogGroup", "logs", inputs{"retentionInDays": 14.0})},
		{"aws-32", "the key of an encrypted log group admits CloudWatch Logs of its region", "not admitted", "kmsKeyId", []graph.Resource{key(root), res("aws:kms/key:Key", "open", inputs{"policy": document(root, logs)})},
			group(key(root)), group(res("aws:kms/key:Key", "open", inputs{}))},
		{"aws-33", admin, "locked out", "policy", nil, key(logs), key(root, logs)},
		{"aws-33", admin, "root may use but not administer", "policy", nil, key(rootUses, logs), key(root, logs)},
		{"aws-33", admin, "somebody else administers", "policy", nil, key(stranger), key(stranger, root)},
		{"aws-33", "a service is let into a key with a condition on the account", "source account", "policy", nil, key(root, anyAccount), key(root, ofAccount)},
		{"aws-33", "a service is let into a key with a condition on the account", "any account", "policy", nil, key(root, anyAccount), key(root, logs)},
		{"aws-35", "a dashboard has at most 500 widgets", "501", "dashboardBody", nil, dashboard(501), dashboard(500)},
		{"aws-35", "a metric-math alarm reads at most 10 metrics", "11", "metricQueries", nil, alarm(11), alarm(10)},
	}...)
}

func dashboard(widgets int) graph.Resource {
	text, _ := json.Marshal(inputs{"widgets": list(widgets, inputs{"type": "text"})})
	return res("aws:cloudwatch/dashboard:Dashboard", "board", inputs{"dashboardBody": string(text)})
}

func alarm(metrics int) graph.Resource {
	return res("aws:cloudwatch/metricAlarm:MetricAlarm", "alarm", inputs{"metricQueries": list(metrics, inputs{"metric": inputs{"metricName": "m"}})})
}
