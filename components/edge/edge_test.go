package edge_test

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"workerfleet/components/alarms"
	"workerfleet/components/edge"
	"workerfleet/components/place"
	"workerfleet/components/protection"
	"workerfleet/stacks/graph"
)

const (
	ingressRule = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
	egressRule  = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
	recordType  = "aws:route53/record:Record"
)

var here = place.Place{Stack: "tier-1k", Account: "111122223333", Region: "ap-southeast-1"}

func program(args edge.Args) pulumi.RunFunc {
	return func(ctx *pulumi.Context) error {
		topic, err := alarms.NewTopic(ctx, "alarms", &alarms.Args{Place: here, Key: pulumi.String("key-arn")})
		if err != nil {
			return err
		}
		args.Place, args.Topic, args.VPC, args.LogsKey = here, topic, pulumi.String("vpc-1"), pulumi.String("logs-key")
		args.Subnets = pulumi.ToStringArray([]string{"subnet-a", "subnet-b", "subnet-c"})
		args.Targets = map[string]pulumi.StringInput{"api": pulumi.String("sg-api")}
		args.Domain = "fleet.acme.com"
		_, err = edge.New(ctx, "edge", &args)
		return err
	}
}

func record(t *testing.T, args edge.Args) *graph.Graph {
	t.Helper()
	g, err := graph.Record(program(args), graph.Run{})
	require.NoError(t, err)
	return g
}

func named(t *testing.T, g *graph.Graph, name string) graph.Resource {
	t.Helper()
	for _, r := range g.All() {
		if r.Name == name && r.Custom {
			return r
		}
	}
	require.Fail(t, "no resource is called "+name)
	return graph.Resource{}
}

// The load balancer stands in public subnets, drops what is malformed, writes both of its logs, fails closed when WAF does
// not answer, and is hard to delete where the stack is protected.
func TestBalancer(t *testing.T) {
	g := record(t, edge.Args{})
	bucket := named(t, g, "edge-logs").PhysicalName()
	require.Equal(t, map[string]any{
		"loadBalancerType": "application", "internal": false, "ipAddressType": "ipv4",
		"subnets": []any{"subnet-a", "subnet-b", "subnet-c"}, "securityGroups": []any{named(t, g, "edge-group").Outputs["id"]},
		"dropInvalidHeaderFields": true, "desyncMitigationMode": "defensive", "enableDeletionProtection": true, "enableWafFailOpen": false,
		"idleTimeout": 60.0, "enableHttp2": true,
		"accessLogs":     map[string]any{"enabled": true, "bucket": bucket, "prefix": "access"},
		"connectionLogs": map[string]any{"enabled": true, "bucket": bucket, "prefix": "connections"},
	}, named(t, g, "edge-balancer").Inputs)
	require.Contains(t, named(t, g, "edge-balancer").Options.DependsOn, named(t, g, "edge-logs-policy").URN, "the policy stands before a log is asked for")
	require.False(t, named(t, record(t, edge.Args{Protection: protection.Relaxed}), "edge-balancer").Flag("enableDeletionProtection"))
}

// Tasks register as instances with the port that their host gives them, over HTTPS, and get requests while they are ready.
func TestTargets(t *testing.T) {
	require.Equal(t, map[string]any{
		"vpcId": "vpc-1", "targetType": "instance", "port": 8_443.0, "protocol": "HTTPS", "protocolVersion": "HTTP1",
		"loadBalancingAlgorithmType": "least_outstanding_requests", "deregistrationDelay": 60.0, "slowStart": 0.0,
		"healthCheck": map[string]any{
			"enabled": true, "protocol": "HTTPS", "port": "traffic-port", "path": "/readyz", "matcher": "200", "interval": 5.0, "timeout": 4.0,
			"healthyThreshold": 2.0, "unhealthyThreshold": 3.0,
		},
	}, named(t, record(t, edge.Args{}), "edge-targets").Inputs)
}

// One listener serves, under TLS 1.2 or 1.3; the other sends everybody to it.
func TestListeners(t *testing.T) {
	g := record(t, edge.Args{CertificateARN: "certificate"})
	balancer := named(t, g, "edge-balancer").Outputs["arn"]
	require.Equal(t, map[string]any{
		"loadBalancerArn": balancer, "port": 443.0, "protocol": "HTTPS", "sslPolicy": "ELBSecurityPolicy-TLS13-1-2-2021-06",
		"certificateArn": "certificate", "routingHttpResponseServerEnabled": false,
		"routingHttpResponseStrictTransportSecurityHeaderValue": "max-age=31536000",
		"defaultActions": []any{map[string]any{"type": "forward", "targetGroupArn": named(t, g, "edge-targets").Outputs["arn"]}},
	}, named(t, g, "edge-https").Inputs)
	require.Equal(t, map[string]any{
		"loadBalancerArn": balancer, "port": 80.0, "protocol": "HTTP",
		"defaultActions": []any{map[string]any{"type": "redirect", "redirect": map[string]any{"protocol": "HTTPS", "port": "443", "statusCode": "HTTP_301"}}},
	}, named(t, g, "edge-http").Inputs)
}

// Anybody comes in by HTTP and HTTPS; nothing goes out but to the API's hosts, on the ports that tasks are given.
func TestWall(t *testing.T) {
	g := record(t, edge.Args{})
	ports := map[any]any{}
	for _, rule := range g.OfType(ingressRule) {
		require.Equal(t, "0.0.0.0/0", rule.Text("cidrIpv4"))
		ports[rule.Inputs["fromPort"]] = rule.Inputs["toPort"]
	}
	require.Equal(t, map[any]any{80.0: 80.0, 443.0: 443.0}, ports)
	require.Len(t, g.OfType(egressRule), 1)
	out := named(t, g, "edge-group-api")
	require.Equal(t, []any{"sg-api", 32_768.0, 65_535.0}, []any{out.Inputs["referencedSecurityGroupId"], out.Inputs["fromPort"], out.Inputs["toPort"]})
}

// A stated zone brings a certificate that Route 53 proves, and records for both families; a stated certificate brings
// neither; without both the certificate is asked for, so that a preview shows it, and never proven.
func TestDomain(t *testing.T) {
	g := record(t, edge.Args{HostedZone: "Z1"})
	certificate := named(t, g, "edge-certificate")
	require.Equal(t, map[string]any{"domainName": "fleet.acme.com", "validationMethod": "DNS", "keyAlgorithm": "EC_prime256v1"}, certificate.Inputs)
	proof := named(t, g, "edge-certificate-proof")
	require.Equal(t, "CNAME", proof.Text("type"))
	require.Equal(t, "Z1", proof.Text("zoneId"))
	require.Equal(t, []any{proof.Outputs["fqdn"]}, named(t, g, "edge-certificate-proven").Inputs["validationRecordFqdns"])
	require.Equal(t, certificate.Outputs["arn"], named(t, g, "edge-https").Inputs["certificateArn"])
	require.Contains(t, named(t, g, "edge-https").Options.DependsOn, named(t, g, "edge-certificate-proven").URN, "an unproven certificate serves nobody")
	balancer := named(t, g, "edge-balancer")
	for name, kind := range map[string]string{"edge-record-v4": "A", "edge-record-v6": "AAAA"} {
		require.Equal(t, map[string]any{
			"zoneId": "Z1", "name": "fleet.acme.com", "type": kind,
			"aliases": []any{map[string]any{"name": balancer.Outputs["dnsName"], "zoneId": balancer.Outputs["zoneId"], "evaluateTargetHealth": true}},
		}, named(t, g, name).Inputs)
	}

	g = record(t, edge.Args{CertificateARN: "certificate"})
	require.Empty(t, g.OfType(recordType))
	require.Empty(t, g.OfType("aws:acm/certificate:Certificate"))

	g = record(t, edge.Args{})
	require.Empty(t, g.OfType(recordType))
	require.Len(t, g.OfType("aws:acm/certificate:Certificate"), 1)
	require.Empty(t, g.OfType("aws:acm/certificateValidation:CertificateValidation"))
}

// The bucket of logs is the account's alone, encrypted by S3 (no other encryption is taken), with versions and an end, and
// only load balancers that write into this account's folder may write to it.
func TestLogs(t *testing.T) {
	g := record(t, edge.Args{})
	bucket := named(t, g, "edge-logs")
	require.True(t, bucket.Options.Protect)
	require.Equal(t, map[string]any{"forceDestroy": false}, bucket.Inputs)
	name := bucket.PhysicalName()
	require.Equal(t, map[string]any{
		"bucket": name, "blockPublicAcls": true, "blockPublicPolicy": true, "ignorePublicAcls": true, "restrictPublicBuckets": true,
	}, named(t, g, "edge-logs-private").Inputs)
	require.Equal(t, "BucketOwnerEnforced", named(t, g, "edge-logs-owner").Text("rule.objectOwnership"))
	require.Equal(t, []any{map[string]any{"applyServerSideEncryptionByDefault": map[string]any{"sseAlgorithm": "AES256"}}}, named(t, g, "edge-logs-encryption").Inputs["rules"])
	require.Equal(t, "Enabled", named(t, g, "edge-logs-versions").Text("versioningConfiguration.status"))
	require.Equal(t, []any{map[string]any{
		"id": "expire", "status": "Enabled", "filter": map[string]any{}, "expiration": map[string]any{"days": 90.0},
		"noncurrentVersionExpiration": map[string]any{"noncurrentDays": 7.0}, "abortIncompleteMultipartUpload": map[string]any{"daysAfterInitiation": 7.0},
	}}, named(t, g, "edge-logs-lifecycle").Inputs["rules"])
	policy := named(t, g, "edge-logs-policy").Text("policy")
	require.Contains(t, policy, `{"Sid":"LoadBalancerLogs","Effect":"Allow","Principal":{"Service":["logdelivery.elasticloadbalancing.amazonaws.com"]},"Action":["s3:PutObject"],`+
		`"Resource":["arn:aws:s3:::`+name+`/access/AWSLogs/111122223333/*","arn:aws:s3:::`+name+`/connections/AWSLogs/111122223333/*"]}`)
	require.Contains(t, policy, `"Effect":"Deny","Principal":{"AWS":["*"]},"Action":["s3:*"],"Resource":["arn:aws:s3:::`+name+`/*"],"Condition":{"Bool":{"aws:SecureTransport":["false"]}}`)
}

// Shield Advanced is asked for where the organisation has it, and nowhere else: it costs from the first day of a year.
func TestShield(t *testing.T) {
	require.Empty(t, record(t, edge.Args{}).OfType("aws:shield/protection:Protection"))
	g := record(t, edge.Args{Shield: true})
	require.Equal(t, map[string]any{"name": "tier-1k-edge", "resourceArn": named(t, g, "edge-balancer").Outputs["arn"]}, named(t, g, "edge-shield").Inputs)
}

// Every wrong argument is named at once, with what is allowed, and nothing is registered.
func TestRefuses(t *testing.T) {
	g, err := graph.Record(func(ctx *pulumi.Context) error {
		_, err := edge.New(ctx, "edge", &edge.Args{
			Domain: "acme", HostedZone: "Z1", CertificateARN: "c", PerAddress: 9, Webhooks: -1, Protection: "some",
		})
		return err
	}, graph.Run{})
	for _, problem := range []string{
		`edge.Edge "edge": `, `domain: "acme" is not allowed; allowed: a domain such as fleet.example.com`,
		"hostedZone, certificateARN: both are stated; allowed: one", "subnets: 0 are not allowed; allowed: at least 2", "targets: is empty",
		"perAddress: 9 is not allowed; allowed: 10 or more in five minutes", "webhooks: -1 is not allowed", `protection: "some" is not allowed`,
		"vpc: is missing", "logsKey: is missing", "topic: is missing",
	} {
		require.ErrorContains(t, err, problem)
	}
	require.Empty(t, g.All())
}

// A preview shows the same resources, and every rule of the web ACL.
func TestPreview(t *testing.T) {
	args := edge.Args{HostedZone: "Z1", Shield: true}
	wet := record(t, args)
	dry, err := graph.Record(program(args), graph.Run{DryRun: true})
	require.NoError(t, err)
	require.Len(t, dry.All(), len(wet.All()))
	for i, r := range dry.All() {
		require.Equal(t, wet.All()[i].URN, r.URN)
	}
	require.Equal(t, named(t, wet, "edge-acl").Inputs, named(t, dry, "edge-acl").Inputs)
}
