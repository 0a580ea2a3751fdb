package graph

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// shape says what AWS makes of a resource type. In its texts {id}, {name}, {region}, {account} and
// {any input} are filled in.
type shape struct {
	// id is the form of the resource's id; empty means the physical name.
	id string
	// arn is the form of its ARN; empty means arn:aws:<service>:{region}:{account}:{id}.
	arn string
	// more are further outputs that programs and rules refer to.
	more map[string]string
	// numbers are outputs that are no text.
	numbers map[string]float64
	// lists are outputs that are lists of objects, whose texts are filled in too.
	lists map[string][]map[string]any
}

// shapeOf finds a type's shape; the zero shape is that of a type whose id is its name.
func shapeOf(token string) shape {
	if form, known := shapes[token]; known {
		return form
	}
	if form, known := dataShapes[token]; known {
		return form
	}
	return computeShapes[token]
}

// shapes lists the types whose ids are not simply their names. {hex} is a stable digest of 17 digits. What runs – hosts,
// tasks, functions – stands in computeShapes.
var shapes = map[string]shape{
	"aws:ec2/vpc:Vpc": {
		id: "vpc-{hex}", arn: "arn:aws:ec2:{region}:{account}:vpc/{id}",
		more: map[string]string{
			"defaultSecurityGroupId": "sg-{hex}", "defaultRouteTableId": "rtb-{hex}", "mainRouteTableId": "rtb-{hex}",
			"defaultNetworkAclId": "acl-{hex}",
		},
	},
	"aws:ec2/subnet:Subnet":                   {id: "subnet-{hex}", arn: "arn:aws:ec2:{region}:{account}:subnet/{id}"},
	"aws:ec2/internetGateway:InternetGateway": {id: "igw-{hex}"},
	"aws:ec2/eip:Eip": {id: "eipalloc-{hex}", more: map[string]string{
		"allocationId": "eipalloc-{hex}", "publicIp": "192.0.2.1",
	}},
	"aws:ec2/natGateway:NatGateway":   {id: "nat-{hex}"},
	"aws:ec2/routeTable:RouteTable":   {id: "rtb-{hex}", arn: "arn:aws:ec2:{region}:{account}:route-table/{id}"},
	"aws:ec2/route:Route":             {id: "r-rtb-{hex}"},
	"aws:ec2/vpcEndpoint:VpcEndpoint": {id: "vpce-{hex}", more: map[string]string{"prefixListId": "pl-{hex}"}},
	"aws:ec2/securityGroup:SecurityGroup": {
		id: "sg-{hex}", arn: "arn:aws:ec2:{region}:{account}:security-group/{id}",
	},
	"aws:ec2/defaultSecurityGroup:DefaultSecurityGroup":         {id: "sg-{hex}"},
	"aws:ec2/flowLog:FlowLog":                                   {id: "fl-{hex}"},
	"aws:ec2/routeTableAssociation:RouteTableAssociation":       {id: "rtbassoc-{hex}"},
	"aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": {id: "sgr-{hex}"},
	"aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule":   {id: "sgr-{hex}"},
	"aws:sqs/queue:Queue":                                       {id: "https://sqs.{region}.amazonaws.com/{account}/{name}", arn: "arn:aws:sqs:{region}:{account}:{name}", more: map[string]string{"url": "https://sqs.{region}.amazonaws.com/{account}/{name}"}},
	"aws:sns/topic:Topic":                                       {id: "arn:aws:sns:{region}:{account}:{name}", arn: "arn:aws:sns:{region}:{account}:{name}"},
	"aws:sns/topicSubscription:TopicSubscription":               {id: "arn:aws:sns:{region}:{account}:subscription:{hex}"},
	"aws:kms/key:Key":                                           {id: "{uuid}", arn: "arn:aws:kms:{region}:{account}:key/{id}", more: map[string]string{"keyId": "{uuid}"}},
	"aws:kms/alias:Alias":                                       {arn: "arn:aws:kms:{region}:{account}:{id}"},
	"aws:iam/role:Role":                                         {arn: "arn:aws:iam::{account}:role/{name}", more: map[string]string{"uniqueId": "AROA{hex}"}},
	"aws:iam/policy:Policy":                                     {id: "arn:aws:iam::{account}:policy/{name}", arn: "arn:aws:iam::{account}:policy/{name}"},
	"aws:cloudwatch/logGroup:LogGroup":                          {arn: "arn:aws:logs:{region}:{account}:log-group:{name}"},
	"aws:cloudwatch/metricAlarm:MetricAlarm":                    {arn: "arn:aws:cloudwatch:{region}:{account}:alarm:{name}"},
	"aws:cloudwatch/eventRule:EventRule":                        {arn: "arn:aws:events:{region}:{account}:rule/{name}"},
	"aws:ecr/repository:Repository":                             {arn: "arn:aws:ecr:{region}:{account}:repository/{name}", more: map[string]string{"repositoryUrl": "{account}.dkr.ecr.{region}.amazonaws.com/{name}", "registryId": "{account}"}},
	"pulumi:providers:aws":                                      {id: "{uuid}"},
}

// Simulate gives the id and the outputs that a created resource has: its inputs, an id and an ARN of AWS's form, and
// the physical name that the provider chooses where none is stated. The same seed gives the same id and name in every
// run; the resource's URN is the natural one, and a replacement needs another.
func (p Place) Simulate(r Resource, seed string) (id string, outputs map[string]any) {
	outputs = maps.Clone(r.Inputs)
	if outputs == nil {
		outputs = map[string]any{}
	}
	name := PhysicalName(r, seed)
	outputs["name"] = name
	form := shapeOf(r.Type)
	digest := Digest(seed, 32)
	words := []string{
		"{hex}", digest[:17], "{hex6}", digest[:6], "{name}", name, "{region}", p.Region, "{account}", p.Account,
		// A task definition that differs is another revision. Which one, AWS counts; here it follows from the digest.
		"{revision}", revision(digest),
		"{uuid}", strings.Join([]string{digest[:8], digest[8:12], digest[12:16], digest[16:20], digest[20:32]}, "-"),
	}
	// An id may be made of an input, such as {clusterIdentifier}.
	for _, property := range slices.Sorted(maps.Keys(r.Inputs)) {
		if text, isText := r.Inputs[property].(string); isText {
			words = append(words, "{"+property+"}", text)
		}
	}
	fill := strings.NewReplacer(words...)
	id = name
	if form.id != "" {
		id = fill.Replace(form.id)
	}
	arn := form.arn
	if arn == "" {
		arn = "arn:aws:" + module(r.Type) + ":{region}:{account}:{id}"
	}
	outputs["arn"] = strings.ReplaceAll(fill.Replace(arn), "{id}", id)
	for property, text := range form.more {
		outputs[property] = fill.Replace(text)
	}
	for property, number := range form.numbers {
		outputs[property] = number
	}
	for property, objects := range form.lists {
		outputs[property] = filled(objects, fill)
	}
	outputs["id"] = id
	return id, outputs
}

// filled fills in the texts of a list of objects.
func filled(objects []map[string]any, fill *strings.Replacer) []any {
	list := make([]any, len(objects))
	for i, object := range objects {
		made := maps.Clone(object)
		for name, value := range made {
			if text, isText := value.(string); isText {
				made[name] = fill.Replace(text)
			}
		}
		list[i] = made
	}
	return list
}

// revision is a number from 1 to 4,096.
func revision(digest string) string {
	number, err := strconv.ParseInt(digest[:3], 16, 32)
	if err != nil {
		return "1" // no digest has other digits
	}
	return strconv.FormatInt(number+1, 10)
}

// PhysicalName is the stated name, or the one that the provider chooses: the logical name, a dash and seven digits of
// the seed, and the suffix that AWS asks of a FIFO queue.
func PhysicalName(r Resource, seed string) string {
	if name, ok := r.Inputs["name"].(string); ok && name != "" {
		return name
	}
	suffix := ""
	if fifo, _ := r.Inputs["fifoQueue"].(bool); fifo {
		suffix = ".fifo"
	}
	if prefix, ok := r.Inputs["namePrefix"].(string); ok && prefix != "" {
		return prefix + Digest(seed, 26) + suffix
	}
	return r.Name + "-" + Digest(seed, 7) + suffix
}
