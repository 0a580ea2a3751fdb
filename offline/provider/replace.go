package provider

// Replacing lists the inputs of a type of which AWS cannot change the value in place.
func Replacing(token string) []string {
	if inputs, known := replacing[token]; known {
		return inputs
	}
	if inputs, known := dataReplacing[token]; known {
		return inputs
	}
	return computeReplacing[token]
}

// replacing lists the inputs of which AWS cannot change the value in place: a change makes a new resource. What is
// not listed is updated.
var replacing = map[string][]string{
	"aws:cloudwatch/eventRule:EventRule":                        {"name", "namePrefix", "eventBusName"},
	"aws:cloudwatch/eventTarget:EventTarget":                    {"rule", "targetId", "eventBusName"},
	"aws:cloudwatch/logGroup:LogGroup":                          {"name", "namePrefix", "logGroupClass"},
	"aws:cloudwatch/metricAlarm:MetricAlarm":                    {"name"},
	"aws:ec2/defaultSecurityGroup:DefaultSecurityGroup":         {"vpcId"},
	"aws:ec2/eip:Eip":                                           {"domain", "networkBorderGroup"},
	"aws:ec2/flowLog:FlowLog":                                   {"vpcId", "subnetId", "eniId", "trafficType", "logDestination", "logDestinationType", "iamRoleArn", "logFormat", "maxAggregationInterval"},
	"aws:ec2/natGateway:NatGateway":                             {"subnetId", "allocationId", "connectivityType", "privateIp"},
	"aws:ec2/route:Route":                                       {"routeTableId", "destinationCidrBlock", "destinationIpv6CidrBlock", "destinationPrefixListId"},
	"aws:ec2/routeTable:RouteTable":                             {"vpcId"},
	"aws:ec2/routeTableAssociation:RouteTableAssociation":       {"subnetId", "gatewayId"},
	"aws:ec2/securityGroup:SecurityGroup":                       {"name", "namePrefix", "description", "vpcId"},
	"aws:ec2/subnet:Subnet":                                     {"vpcId", "cidrBlock", "availabilityZone", "availabilityZoneId"},
	"aws:ec2/vpc:Vpc":                                           {"cidrBlock", "instanceTenancy"},
	"aws:ec2/vpcEndpoint:VpcEndpoint":                           {"vpcId", "serviceName", "vpcEndpointType"},
	"aws:ecr/lifecyclePolicy:LifecyclePolicy":                   {"repository", "policy"},
	"aws:ecr/repository:Repository":                             {"name", "encryptionConfigurations"},
	"aws:ecr/repositoryPolicy:RepositoryPolicy":                 {"repository"},
	"aws:iam/role:Role":                                         {"name", "namePrefix", "path"},
	"aws:iam/rolePolicy:RolePolicy":                             {"name", "namePrefix", "role"},
	"aws:iam/rolePolicyAttachment:RolePolicyAttachment":         {"role", "policyArn"},
	"aws:kms/alias:Alias":                                       {"name", "namePrefix"},
	"aws:kms/key:Key":                                           {"customerMasterKeySpec", "keyUsage", "multiRegion"},
	"aws:sns/topic:Topic":                                       {"name", "namePrefix", "fifoTopic"},
	"aws:sns/topicPolicy:TopicPolicy":                           {"arn"},
	"aws:sns/topicSubscription:TopicSubscription":               {"topic", "protocol", "endpoint"},
	"aws:sqs/queue:Queue":                                       {"name", "namePrefix", "fifoQueue"},
	"aws:sqs/queuePolicy:QueuePolicy":                           {"queueUrl"},
	"aws:sqs/redriveAllowPolicy:RedriveAllowPolicy":             {"queueUrl"},
	"aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule":   {"securityGroupId"},
	"aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": {"securityGroupId"},
}
