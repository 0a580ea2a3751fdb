package policy_test

import "workerfleet/stacks/graph"

func edgeJudgements() []judgement {
	balancer := res("aws:lb/loadBalancer:LoadBalancer", "edge", inputs{
		"accessLogs": inputs{"enabled": true, "bucket": "logs"}, "enableDeletionProtection": true, "dropInvalidHeaderFields": true, "desyncMitigationMode": "strictest",
		"subnets": bothZones, "internal": true,
	})
	public := change(balancer, inputs{"internal": nil})
	redirect := res("aws:lb/listener:Listener", "edge-http", inputs{"protocol": "HTTP", "defaultActions": []any{inputs{"type": "redirect", "redirect": inputs{"protocol": "HTTPS"}}}})
	secure := res("aws:lb/listener:Listener", "edge-https", inputs{"protocol": "HTTPS", "sslPolicy": "ELBSecurityPolicy-TLS13-1-2-2021-06"})
	targets := res("aws:lb/targetGroup:TargetGroup", "edge-targets", inputs{"targetType": "ip", "protocol": "HTTPS", "deregistrationDelay": 30.0, "healthCheck": inputs{"protocol": "HTTPS"}})
	metrics := inputs{"cloudwatchMetricsEnabled": true}
	firewall := res("aws:wafv2/webAcl:WebAcl", "edge-firewall", inputs{"visibilityConfig": metrics, "rules": []any{
		inputs{"visibilityConfig": inputs{"cloudwatchMetricsEnabled": true}, "overrideAction": inputs{"none": inputs{}}, "statement": inputs{"managedRuleGroupStatement": inputs{"name": "AWSManagedRulesKnownBadInputsRuleSet"}}},
		inputs{"visibilityConfig": inputs{"cloudwatchMetricsEnabled": true}, "action": inputs{"block": inputs{}}, "statement": inputs{"rateBasedStatement": inputs{"limit": 2000.0}}},
	}})
	logs := res("aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration", "edge-firewall-logs", inputs{"resourceArn": arnOf(firewall), "logDestinationConfigs": []any{"arn:aws:logs:x:1:log-group:aws-waf-logs-edge"}})
	return []judgement{
		broken(124, "accessLogs.enabled", balancer, inputs{"accessLogs.enabled": nil}, zones...),
		broken(125, "enableDeletionProtection", balancer, inputs{"enableDeletionProtection": false}),
		broken(126, "dropInvalidHeaderFields", balancer, inputs{"dropInvalidHeaderFields": nil}),
		broken(127, "desyncMitigationMode", balancer, inputs{"desyncMitigationMode": "monitor"}),
		broken(128, "subnets", balancer, inputs{"subnets": oneZone}, zones...),
		broken(129, "internal", balancer, inputs{"internal": nil}),
		broken(130, "defaultActions.0.type", redirect, inputs{"defaultActions.0.type": "forward"}),
		broken(130, "defaultActions.0.redirect.protocol", redirect, inputs{"defaultActions.0.redirect.protocol": "HTTP"}),
		broken(131, "sslPolicy", secure, inputs{"sslPolicy": nil}),
		broken(131, "sslPolicy", secure, inputs{"sslPolicy": "ELBSecurityPolicy-TLS13-1-0-2021-06"}),
		broken(132, "protocol", targets, inputs{"protocol": "HTTP"}),
		broken(133, "healthCheck.protocol", targets, inputs{"healthCheck.protocol": nil}),
		broken(134, "name", targets, inputs{"name": "api"}),
		broken(134, "deregistrationDelay", targets, inputs{"deregistrationDelay": nil}),
		lonely(135, "WebAclAssociation.resourceArn", public, res("aws:wafv2/webAclAssociation:WebAclAssociation", "edge-join", inputs{"resourceArn": arnOf(balancer)})),
		broken(136, "rules", firewall, inputs{"rules": nil}),
		broken(136, "rules.1", firewall, inputs{"rules.1.action": nil}),
		broken(137, "rules", firewall, inputs{"rules.0.overrideAction": inputs{"count": inputs{}}}),
		broken(138, "rules.0.visibilityConfig.cloudwatchMetricsEnabled", firewall, inputs{"rules.0.visibilityConfig.cloudwatchMetricsEnabled": false}),
		broken(138, "visibilityConfig.cloudwatchMetricsEnabled", firewall, inputs{"visibilityConfig": nil}),
		lonely(139, "WebAclLoggingConfiguration.resourceArn", firewall, logs),
		{139, "WebAclLoggingConfiguration.logDestinationConfigs", resources{firewall, change(logs, inputs{"logDestinationConfigs": []any{"arn:aws:logs:x:1:log-group:edge"}})}, resources{firewall, logs}},
		broken(140, "rules", firewall, inputs{"rules.1.statement.rateBasedStatement.limit": nil}),
		lonely(141, "Protection.resourceArn", public, res("aws:shield/protection:Protection", "edge-shield", inputs{"resourceArn": arnOf(balancer)})),
	}
}

func functionJudgements() []judgement {
	function := res("aws:lambda/function:Function", "claim", inputs{
		"tracingConfig": inputs{"mode": "Active"}, "deadLetterConfig": inputs{"targetArn": "arn"}, "vpcConfig": inputs{"subnetIds": bothZones}, "reservedConcurrentExecutions": 10.0,
		"environment": inputs{"variables": inputs{"REGION": "x"}}, "kmsKeyArn": arnOf(theKey), "runtime": "provided.al2023", "codeSigningConfigArn": "arn",
	})
	alone := change(function, inputs{"deadLetterConfig": nil})
	queue := func(redrive any) graph.Resource {
		return res("aws:sqs/queue:Queue", "claims", inputs{"redrivePolicy": redrive})
	}
	mapping := res("aws:lambda/eventSourceMapping:EventSourceMapping", "claim-map", inputs{
		"functionName": nameOf(function), "eventSourceArn": arnOf(queue(nil)), "functionResponseTypes": []any{"ReportBatchItemFailures"}, "scalingConfig": inputs{"maximumConcurrency": 5.0},
	})
	invoke := res("aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig", "claim-invoke", inputs{"functionName": nameOf(function), "destinationConfig": inputs{"onFailure": inputs{"destination": "arn"}}})
	permission := res("aws:lambda/permission:Permission", "claim-events", inputs{"principal": "events.amazonaws.com", "sourceArn": "arn:aws:events:x:1:rule/r"})
	target := res("aws:cloudwatch/eventTarget:EventTarget", "tick", inputs{"deadLetterConfig": inputs{"arn": "arn"}, "retryPolicy": inputs{"maximumRetryAttempts": 3.0}})
	bus := res("aws:cloudwatch/eventBus:EventBus", "bus", inputs{})
	busPolicy := func(principal any) graph.Resource {
		return res("aws:cloudwatch/eventBusPolicy:EventBusPolicy", "bus-policy", inputs{"eventBusName": nameOf(bus), "policy": document(inputs{"Effect": "Allow", "Action": "events:PutEvents", "Principal": principal})})
	}
	schedule := res("aws:scheduler/schedule:Schedule", "open", inputs{"kmsKeyArn": arnOf(theKey)})
	return []judgement{
		broken(142, "tracingConfig.mode", function, inputs{"tracingConfig": nil}),
		broken(143, "deadLetterConfig.targetArn", function, inputs{"deadLetterConfig": nil}),
		{143, "deadLetterConfig.targetArn", resources{alone, mapping, queue(nil)}, resources{alone, mapping, queue(text(inputs{"maxReceiveCount": 3}))}},
		{143, "deadLetterConfig.targetArn", resources{alone, change(invoke, inputs{"destinationConfig.onFailure": nil})}, resources{alone, invoke}},
		broken(144, "vpcConfig.subnetIds", function, inputs{"vpcConfig.subnetIds": oneZone}, zones...),
		broken(144, "vpcConfig.subnetIds", function, inputs{"vpcConfig": nil}, zones...),
		broken(145, "reservedConcurrentExecutions", function, inputs{"reservedConcurrentExecutions": nil}),
		broken(146, "kmsKeyArn", function, inputs{"kmsKeyArn": nil}),
		broken(146, "environment.variables", function, inputs{"environment.variables.DB_PASSWORD": "x"}),
		broken(147, "packageType", function, inputs{"runtime": "go1.x"}),
		broken(148, "codeSigningConfigArn", function, inputs{"codeSigningConfigArn": nil}),
		broken(149, "sourceArn", permission, inputs{"sourceArn": nil}),
		broken(149, "principal", permission, inputs{"principal": "*"}),
		broken(150, "functionResponseTypes", mapping, inputs{"functionResponseTypes": nil}),
		broken(150, "scalingConfig.maximumConcurrency", mapping, inputs{"scalingConfig": nil}),
		broken(151, "deadLetterConfig.arn", target, inputs{"deadLetterConfig": nil}),
		broken(151, "retryPolicy", target, inputs{"retryPolicy": nil}),
		lonely(152, "EventBusPolicy.eventBusName", bus, busPolicy(inputs{"AWS": "arn:aws:iam::111122223333:root"})),
		{152, "EventBusPolicy.policy", resources{bus, busPolicy("*")}, resources{bus, busPolicy(inputs{"AWS": "arn:aws:iam::111122223333:root"})}},
		broken(153, "kmsKeyArn", schedule, inputs{"kmsKeyArn": nil}),
	}
}

func identityJudgements() []judgement {
	may := func(action, resource any) resources {
		return resources{res("aws:iam/rolePolicy:RolePolicy", "api-policy", inputs{"policy": document(inputs{"Effect": "Allow", "Action": action, "Resource": resource})})}
	}
	trusting := func(principal, condition inputs) resources {
		statement := inputs{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal}
		if condition != nil {
			statement["Condition"] = condition
		}
		return resources{res("aws:iam/role:Role", "api-role", inputs{"assumeRolePolicy": document(statement)})}
	}
	account := inputs{"StringEquals": inputs{"aws:SourceAccount": "111122223333"}}
	tasks, hub := inputs{"Service": "ecs-tasks.amazonaws.com"}, inputs{"Federated": "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"}
	workflow := func(operator, sub string) inputs {
		return inputs{operator: inputs{"token.actions.githubusercontent.com:sub": sub, "token.actions.githubusercontent.com:aud": "sts.amazonaws.com"}}
	}
	role := res("aws:iam/role:Role", "api-role", inputs{})
	attachment := res("aws:iam/rolePolicyAttachment:RolePolicyAttachment", "api-more", inputs{"policyArn": "arn:aws:iam::aws:policy/CloudWatchAgentServerPolicy"})
	const queue = "arn:aws:sqs:x:1:q"
	return []judgement{
		{159, "policy", may("*", "*"), may("sqs:SendMessage", queue)},
		{160, "policy", may("sqs:*", queue), may([]string{"sqs:SendMessage"}, queue)},
		{160, "policy", may("sqs:SendMessage", "*"), may("ecr:GetAuthorizationToken", "*")},
		broken(160, "inlinePolicies", role, inputs{"inlinePolicies": []any{inputs{"policy": "{}"}}}),
		{161, "policy", may([]string{"kms:De*"}, []string{"*"}), may("kms:Decrypt", arnOf(theKey))},
		{162, "assumeRolePolicy", trusting(inputs{"AWS": "*"}, account), trusting(inputs{"AWS": "arn:aws:iam::111122223333:role/api"}, nil)},
		{162, "assumeRolePolicy", trusting(inputs{"AWS": "arn:aws:iam::111122223333:root"}, nil), trusting(inputs{"Service": "ec2.amazonaws.com"}, nil)},
		{162, "assumeRolePolicy", trusting(tasks, nil), trusting(tasks, account)},
		{163, "assumeRolePolicy", trusting(hub, workflow("StringLike", "repo:acme/fleet:*")), trusting(hub, workflow("StringEquals", "repo:acme/fleet:ref:refs/heads/main"))},
		{163, "assumeRolePolicy", trusting(hub, workflow("StringEquals", "repo:acme/*")), trusting(hub, workflow("StringEquals", "repo:acme/fleet:ref:refs/heads/main"))},
		broken(164, "policyArn", attachment, inputs{"policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}),
		broken(164, "managedPolicyArns.0", change(role, inputs{"managedPolicyArns": []any{"arn:aws:iam::aws:policy/ReadOnly"}}), inputs{"managedPolicyArns.0": "arn:aws:iam::aws:policy/IAMFullAccess"}),
	}
}

func stackJudgements() []judgement {
	provider := res("pulumi:providers:aws", "workerfleet", inputs{"defaultTags": inputs{"tags": inputs{"app": "a", "env": "e", "tier": "t", "owner": "o", "cost-center": "c"}}})
	component := graph.Resource{URN: "urn:pulumi:t::p::workerfleet:keys:Keys::keys", Type: "workerfleet:keys:Keys", Name: "keys"}
	placed := theKey
	placed.Parent, placed.Provider = component.URN, "workerfleet"
	top, misnamed, byDefault, kept := placed, placed, placed, theKey
	top.Parent, misnamed.Name, byDefault.Provider = "", "data", ""
	kept.Options.Protect = true
	return []judgement{
		broken(175, "defaultTags.tags", provider, inputs{"defaultTags.tags.owner": nil}),
		{176, "parent", resources{top, component}, resources{placed, component}},
		{176, "name", resources{misnamed, component}, resources{placed, component}},
		{176, "provider", resources{byDefault, component}, resources{placed, component}},
		{177, "protect", resources{theKey}, resources{kept}},
	}
}
