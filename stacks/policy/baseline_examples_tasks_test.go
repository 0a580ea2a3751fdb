package policy_test

import "workerfleet/stacks/graph"

func clusterJudgements() []judgement {
	const exec = "configuration.executeCommandConfiguration."
	cluster := res("aws:ecs/cluster:Cluster", "main", inputs{
		"settings": []any{inputs{"name": "containerInsights", "value": "enhanced"}},
		"configuration": inputs{"executeCommandConfiguration": inputs{
			"logging": "OVERRIDE", "kmsKeyId": arnOf(theKey), "logConfiguration": inputs{"cloudWatchEncryptionEnabled": true},
		}},
	})
	service := res("aws:ecs/service:Service", "api", inputs{
		"name": "api", "networkConfiguration": inputs{"assignPublicIp": false}, "enableExecuteCommand": false, "propagateTags": "SERVICE", "enableEcsManagedTags": true,
		"deploymentCircuitBreaker": inputs{"enable": true, "rollback": true}, "capacityProviderStrategies": []any{inputs{"capacityProvider": "hosts"}},
	})
	shell := change(service, inputs{"enableExecuteCommand": true})
	fargate := change(service, inputs{"launchType": "FARGATE", "platformVersion": "LATEST"})
	target := res("aws:appautoscaling/target:Target", "api-target", inputs{"resourceId": "service/main/api"})
	left := service
	left.Options.IgnoreChanges = []string{"desiredCount"}
	providers := res("aws:ecs/clusterCapacityProviders:ClusterCapacityProviders", "providers", inputs{})
	between := depending(res("aws:ecs/taskDefinition:TaskDefinition", "between", inputs{}), providers)
	return []judgement{
		broken(39, "settings", cluster, inputs{"settings.0.value": "disabled"}),
		broken(40, exec+"logging", cluster, inputs{exec + "logging": "NONE"}),
		broken(41, exec+"kmsKeyId", cluster, inputs{exec + "kmsKeyId": nil}, shell),
		broken(41, exec+"logConfiguration.cloudWatchEncryptionEnabled", cluster, inputs{exec + "logConfiguration": inputs{}}, shell),
		broken(46, "networkConfiguration.assignPublicIp", service, inputs{"networkConfiguration.assignPublicIp": true}),
		broken(47, "enableExecuteCommand", service, inputs{"enableExecuteCommand": true}),
		broken(48, "deploymentCircuitBreaker.rollback", service, inputs{"deploymentCircuitBreaker.rollback": nil}),
		broken(49, "launchType", service, inputs{"launchType": "EC2"}),
		{50, "desiredCount", resources{service, target}, resources{left, target}},
		broken(51, "propagateTags", service, inputs{"propagateTags": nil}),
		broken(51, "enableEcsManagedTags", service, inputs{"enableEcsManagedTags": false}),
		broken(52, "platformVersion", fargate, inputs{"platformVersion": "1.3.0"}),
		{53, "dependsOn", resources{service, between, providers}, resources{depending(service, between), between, providers}},
	}
}

// task is a task definition of one container; a change is made to the container before it is written as text.
func task(changes inputs) graph.Resource {
	container := change(graph.Resource{Inputs: inputs{
		"name": "main", "image": "1.dkr.ecr.x.amazonaws.com/api@sha256:00", "user": "10001:10001", "readonlyRootFilesystem": true, "privileged": false,
		"environment":      []any{inputs{"name": "POOL_TOKEN_URL", "value": "https://id"}, inputs{"name": "ROLE_SECRET", "value": "arn:aws:secretsmanager:x"}},
		"logConfiguration": inputs{"logDriver": "awslogs", "options": inputs{"mode": "non-blocking", "max-buffer-size": "25m"}},
		"linuxParameters":  inputs{"capabilities": inputs{"drop": []any{"ALL"}}},
	}}, changes)
	return res("aws:ecs/taskDefinition:TaskDefinition", "api-task", inputs{
		"networkMode": "awsvpc", "pidMode": "task", "ipcMode": "none", "taskRoleArn": "arn:aws:iam::1:role/api", "executionRoleArn": "arn:aws:iam::1:role/start",
		"volumes":              []any{inputs{"name": "tmp"}, inputs{"efsVolumeConfiguration": inputs{"transitEncryption": "ENABLED"}}},
		"containerDefinitions": text([]any{container.Inputs}),
	})
}

func containerJudgements() []judgement {
	inContainer := func(row int, changes inputs) judgement {
		return judgement{row, "containerDefinitions", resources{task(changes)}, resources{task(nil)}}
	}
	return []judgement{
		broken(54, "networkMode", task(nil), inputs{"networkMode": "host"}),
		broken(55, "pidMode", task(nil), inputs{"pidMode": "host"}),
		broken(56, "ipcMode", task(nil), inputs{"ipcMode": "host"}),
		inContainer(57, inputs{"privileged": true}),
		broken(57, "containerDefinitions", task(nil), inputs{"containerDefinitions": "{}"}),
		inContainer(58, inputs{"readonlyRootFilesystem": nil}),
		inContainer(59, inputs{"user": nil}),
		inContainer(59, inputs{"user": "0:1000"}),
		inContainer(60, inputs{"environment.0.name": "DB_PASSWORD"}),
		inContainer(61, inputs{"logConfiguration": nil}),
		inContainer(62, inputs{"logConfiguration.options.mode": "blocking"}),
		inContainer(62, inputs{"logConfiguration.options.max-buffer-size": nil}),
		broken(63, "taskRoleArn", task(nil), inputs{"taskRoleArn": "arn:aws:iam::1:role/start"}),
		broken(63, "taskRoleArn", task(nil), inputs{"taskRoleArn": nil}),
		broken(63, "executionRoleArn", task(nil), inputs{"executionRoleArn": nil}),
		broken(64, "volumes.1.efsVolumeConfiguration.transitEncryption", task(nil), inputs{"volumes.1.efsVolumeConfiguration.transitEncryption": nil}),
		inContainer(65, inputs{"image": "1.dkr.ecr.x.amazonaws.com/api:latest"}),
		inContainer(66, inputs{"linuxParameters": nil}),
		inContainer(66, inputs{"linuxParameters.capabilities.add": []any{"NET_ADMIN"}}),
	}
}

func registryJudgements() []judgement {
	const encryption = "encryptionConfigurations.0."
	repository := res("aws:ecr/repository:Repository", "registry-api", inputs{
		"imageScanningConfiguration": inputs{"scanOnPush": true}, "imageTagMutability": "IMMUTABLE", "forceDelete": false,
		"encryptionConfigurations": []any{inputs{"encryptionType": "KMS", "kmsKey": arnOf(theKey)}},
	})
	policy := func(principal any) graph.Resource {
		return res("aws:ecr/repositoryPolicy:RepositoryPolicy", "registry-policy", inputs{"policy": document(inputs{"Effect": "Allow", "Action": "ecr:BatchGetImage", "Principal": principal})})
	}
	return []judgement{
		broken(68, "imageScanningConfiguration.scanOnPush", repository, inputs{"imageScanningConfiguration": nil}),
		broken(69, "imageTagMutability", repository, inputs{"imageTagMutability": "MUTABLE"}),
		lonely(70, "LifecyclePolicy.repository", repository, res("aws:ecr/lifecyclePolicy:LifecyclePolicy", "registry-old", inputs{"repository": idOf(repository)})),
		broken(71, encryption+"encryptionType", repository, inputs{encryption + "encryptionType": "AES256"}),
		broken(71, encryption+"kmsKey", repository, inputs{encryption + "kmsKey": nil}),
		{72, "policy", resources{policy("*")}, resources{policy(inputs{"AWS": "arn:aws:iam::111122223333:root"})}},
		broken(73, "forceDelete", repository, inputs{"forceDelete": true}),
	}
}

func messagingJudgements() []judgement {
	dead := res("aws:sqs/queue:Queue", "work-dead", inputs{"fifoQueue": true, "kmsMasterKeyId": arnOf(theKey), "messageRetentionSeconds": 1_209_600.0})
	queue := res("aws:sqs/queue:Queue", "work-queue", inputs{
		"fifoQueue": true, "kmsMasterKeyId": arnOf(theKey), "visibilityTimeoutSeconds": 180.0, "deduplicationScope": "messageGroup", "fifoThroughputLimit": "perMessageGroupId",
		"redrivePolicy": text(inputs{"deadLetterTargetArn": arnOf(dead), "maxReceiveCount": 5}),
	})
	plain := res("aws:sqs/queue:Queue", "plain", inputs{"kmsMasterKeyId": arnOf(theKey), "redrivePolicy": text(inputs{"deadLetterTargetArn": arnOf(dead), "maxReceiveCount": 5})})
	function := res("aws:lambda/function:Function", "fn", inputs{"timeout": 30.0})
	mapping := res("aws:lambda/eventSourceMapping:EventSourceMapping", "map", inputs{"eventSourceArn": arnOf(queue), "functionName": idOf(function)})
	admission := func(permission string) graph.Resource {
		return res("aws:sqs/redriveAllowPolicy:RedriveAllowPolicy", "work-sources", inputs{"queueUrl": idOf(dead), "redriveAllowPolicy": text(inputs{"redrivePermission": permission, "sourceQueueArns": []string{arnOf(queue)}})})
	}
	alarm := res("aws:cloudwatch/metricAlarm:MetricAlarm", "work-alarm", inputs{
		"metricName": "ApproximateNumberOfMessagesVisible", "dimensions": inputs{"QueueName": nameOf(dead)}, "comparisonOperator": "GreaterThanThreshold", "threshold": 0.0,
	})
	topic := res("aws:sns/topic:Topic", "alarms", inputs{"kmsMasterKeyId": arnOf(theKey)})
	tls := inputs{"Effect": "Deny", "Action": "*", "Principal": "*", "Condition": inputs{"Bool": inputs{"aws:SecureTransport": []string{"false"}}}}
	writer := inputs{"Effect": "Allow", "Action": "sqs:SendMessage", "Principal": inputs{"Service": "events.amazonaws.com"}}
	rights := func(statements ...map[string]any) resources {
		return resources{res("aws:sqs/queuePolicy:QueuePolicy", "work-policy", inputs{"policy": document(statements...)})}
	}
	topicRights := func(statements ...map[string]any) resources {
		return resources{res("aws:sns/topicPolicy:TopicPolicy", "alarms-policy", inputs{"policy": document(statements...)})}
	}
	anyone := inputs{"Effect": "Allow", "Action": "sqs:SendMessage", "Principal": inputs{"AWS": []string{"*"}}}
	plainDead := change(dead, inputs{"fifoQueue": nil})
	return []judgement{
		broken(74, "kmsMasterKeyId", queue, inputs{"kmsMasterKeyId": nil}, dead),
		broken(75, "kmsMasterKeyId", queue, inputs{"kmsMasterKeyId": "alias/aws/sqs"}, dead),
		broken(75, "kmsMasterKeyId", queue, inputs{"kmsMasterKeyId": nil}, dead),
		broken(76, "redrivePolicy", queue, inputs{"redrivePolicy": nil}, dead),
		broken(76, "redrivePolicy", queue, inputs{"redrivePolicy": text(inputs{"deadLetterTargetArn": arnOf(dead), "maxReceiveCount": 1})}, dead),
		{77, "policy", rights(writer), rights(writer, tls)},
		{78, "policy", rights(anyone), rights(writer, tls)},
		{79, "policy", rights(inputs{"Effect": "Allow", "Action": "sqs:*", "Principal": writer["Principal"]}), rights(writer)},
		broken(80, "name", change(queue, inputs{"name": "work-1.fifo"}), inputs{"name": "work-1"}, dead),
		broken(80, "redrivePolicy", queue, inputs{"fifoQueue": nil}, dead),
		broken(81, "deduplicationScope", queue, inputs{"fifoThroughputLimit": nil}, dead),
		broken(82, "visibilityTimeoutSeconds", queue, inputs{"visibilityTimeoutSeconds": 179.0}, function, mapping),
		broken(83, "messageRetentionSeconds", dead, inputs{"messageRetentionSeconds": 345_600.0}, queue),
		{84, "redriveAllowPolicy", resources{dead, queue, admission("allowAll")}, resources{dead, queue, admission("byQueue")}},
		{84, "redriveAllowPolicy", resources{dead, queue}, resources{dead, queue, admission("byQueue")}},
		{85, "MetricAlarm.metricName", resources{dead, queue}, resources{dead, queue, alarm}},
		{85, "MetricAlarm.metricName", resources{dead, queue, change(alarm, inputs{"threshold": 10.0})}, resources{dead, queue, alarm}},
		broken(86, "kmsMasterKeyId", topic, inputs{"kmsMasterKeyId": "alias/aws/sns"}),
		{87, "policy", topicRights(writer), topicRights(writer, tls)},
		{87, "policy", topicRights(anyone, tls), topicRights(writer, tls)},
		{80, "redrivePolicy", resources{change(plain, inputs{"fifoQueue": nil}), dead}, resources{change(queue, inputs{}), dead}},
		{83, "messageRetentionSeconds", resources{change(plainDead, inputs{"fifoQueue": true, "messageRetentionSeconds": 60.0}), queue}, resources{dead, queue}},
	}
}

func nameOf(r graph.Resource) string {
	_, outputs := place.Simulate(r, r.URN)
	return outputs["name"].(string)
}
