package policy

import "workerfleet/stacks/graph"

func cacheBaseline() []Rule {
	group, serverless := of(replicationType), of(serverlessType)
	return []Rule{
		{Row: 88, Title: "a cache is encrypted at rest", Types: group, Refs: refs("SH ElastiCache.4; CKV_AWS_29; AwsSolutions-AEC3; AWS-0045"), Check: be("atRestEncryptionEnabled", true)},
		{Row: 89, Title: "a cache is reached over TLS alone", Types: group, Refs: refs("SH ElastiCache.5; CKV_AWS_30; cfn-lint E3704; AWS-0051"), Check: every(be("transitEncryptionEnabled", true), be("transitEncryptionMode", nil, "required"))},
		{Row: 90, Title: "a cache knows who signs in", Types: group, Refs: refs("CKV_AWS_31; AwsSolutions-AEC6"), Check: either(stated("userGroupIds"), stated("authToken"))},
		{Row: 91, Title: "a cache is encrypted with a key of ours", Types: group, Refs: refs("CKV_AWS_191"), Check: stated("kmsKeyId")},
		{Row: 92, Title: "a cache outlives a node and a zone", Types: group, Refs: refs("SH ElastiCache.3; CKV2_AWS_50; AwsSolutions-AEC4"),
			Check: every(be("automaticFailoverEnabled", true), be("multiAzEnabled", true), either(least("replicasPerNodeGroup", 1), least("numCacheClusters", 2)))},
		{Row: 93, Title: "a cache is copied every day and the copies are kept for a week", Types: group, Refs: refs("SH ElastiCache.1; CKV_AWS_134; AWS-0050"), Check: least("snapshotRetentionLimit", 7)},
		{Row: 94, Title: "a cache takes small updates by itself", Types: group, Refs: refs("SH ElastiCache.2; CKV_AWS_322"), Check: be("autoMinorVersionUpgrade", true)},
		{Row: 95, Title: "a cache stands in subnets of ours", Types: group, Refs: refs("SH ElastiCache.7; CKV_AWS_323; AwsSolutions-AEC1"), Check: each("subnetGroupName", func(value any) string {
			if empty(value) || value == "default" {
				return "is " + shown(value) + "; wanted: a subnet group of the stack"
			}
			return ""
		})},
		{Row: 96, Title: "a cache listens on a port of its own", Types: group, Refs: refs("AwsSolutions-AEC5"), Check: otherPort(6379)},
		{Row: 97, Title: "a cache's slow commands and its own log are kept", Types: group, Refs: refs("house"), Check: checkCacheLogs},
		{Row: 98, Title: "a serverless cache stands in our subnets and groups, under our key, copied, with users", Types: serverless, Refs: refs("house"),
			Check: every(stated("subnetIds", "securityGroupIds", "kmsKeyId", "userGroupId"), least("snapshotRetentionLimit", 1))},
		{Row: 99, Title: "a serverless cache cannot cost without end", Types: serverless, Refs: refs("house"),
			Check: every(least("cacheUsageLimits.dataStorage.maximum", 1), some("cacheUsageLimits.ecpuPerSeconds"), least("cacheUsageLimits.ecpuPerSeconds.*.maximum", 1))},
		{Row: 100, Title: "nobody signs in to a cache without proof", Types: of(cacheUserType), Refs: refs("house"),
			Check: every(be("noPasswordRequired", nil, false), either(be("authenticationMode.type", "iam", "password"), stated("passwords")))},
	}
}

// otherPort wants a port that is not the one that scanners try first.
func otherPort(standard float64) check {
	return each("port", func(value any) string {
		if port, stated := number(value); stated && port != standard {
			return ""
		}
		return "is " + shown(value) + ", the engine's standard; wanted: another"
	})
}

func checkCacheLogs(_ *graph.Graph, r graph.Resource) []Finding {
	kept := map[any]bool{}
	for _, at := range spots(r, "logDeliveryConfigurations.*.logType") {
		if at.value == graph.Unknown {
			return []Finding{undecided(at.path)}
		}
		kept[at.value] = true
	}
	for _, log := range []string{"slow-log", "engine-log"} {
		if !kept[log] {
			return []Finding{finding("logDeliveryConfigurations", "has no %s; wanted: slow-log and engine-log", log)}
		}
	}
	return nil
}
