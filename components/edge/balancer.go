package edge

import (
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/lb"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// TLS 1.3, and 1.2 with forward secrecy for senders of webhooks that do not have it yet.
const tlsPolicy = "ELBSecurityPolicy-TLS13-1-2-2021-06"

// DeregistrationSeconds is how long a task that leaves may finish its requests. Whoever stops the task waits at least
// as long.
const DeregistrationSeconds = 60

const (
	// targetPort is what the group says and no task listens on: each registers with the port of its host.
	targetPort = 8443
	// Live events are a long response: whoever writes them must not be silent for longer than this.
	idleSeconds = 60
	// A task that does not answer for 15 s gets no more requests; one that answers twice gets them.
	healthSeconds, healthTimeout = 5, 4
	healthy, unhealthy           = 2, 3
	// A year: browsers then never ask without TLS.
	strictTransport = "max-age=31536000"
)

// makeBalancer makes the load balancer.
func (b *builder) makeBalancer() (err error) {
	b.balancer, err = lb.NewLoadBalancer(b.ctx, b.child("balancer"), &lb.LoadBalancerArgs{
		LoadBalancerType: pulumi.String("application"), Internal: pulumi.Bool(false), IpAddressType: pulumi.String("ipv4"),
		Subnets: b.args.Subnets, SecurityGroups: pulumi.StringArray{b.c.Group},
		DropInvalidHeaderFields: pulumi.Bool(true), DesyncMitigationMode: pulumi.String("defensive"),
		EnableDeletionProtection: pulumi.Bool(b.args.Protection.Protects()),
		// A request that WAF cannot judge is not let through.
		EnableWafFailOpen: pulumi.Bool(false), IdleTimeout: pulumi.Int(idleSeconds), EnableHttp2: pulumi.Bool(true),
		AccessLogs:     lb.LoadBalancerAccessLogsArgs{Enabled: pulumi.Bool(true), Bucket: b.logs, Prefix: pulumi.String("access")},
		ConnectionLogs: lb.LoadBalancerConnectionLogsArgs{Enabled: pulumi.Bool(true), Bucket: b.logs, Prefix: pulumi.String("connections")},
	}, b.parent())
	if err != nil {
		return err
	}
	b.c.BalancerSuffix = b.balancer.ArnSuffix
	return nil
}

// makeTargets makes the group that the API's tasks register with. A request goes to the task with the fewest under way,
// which makes a slow start needless (the two exclude each other): a new task has none and answers from its first second.
func (b *builder) makeTargets() (err error) {
	b.targets, err = lb.NewTargetGroup(b.ctx, b.child("targets"), &lb.TargetGroupArgs{
		VpcId: b.args.VPC.ToStringOutput().ToStringPtrOutput(), TargetType: pulumi.String("instance"), Port: pulumi.Int(targetPort), Protocol: pulumi.String("HTTPS"),
		ProtocolVersion: pulumi.String("HTTP1"), LoadBalancingAlgorithmType: pulumi.String("least_outstanding_requests"),
		DeregistrationDelay: pulumi.Int(DeregistrationSeconds), SlowStart: pulumi.Int(0),
		HealthCheck: lb.TargetGroupHealthCheckArgs{
			Enabled: pulumi.Bool(true), Protocol: pulumi.String("HTTPS"), Port: pulumi.String("traffic-port"), Path: pulumi.String("/readyz"), Matcher: pulumi.String("200"),
			Interval: pulumi.Int(healthSeconds), Timeout: pulumi.Int(healthTimeout), HealthyThreshold: pulumi.Int(healthy), UnhealthyThreshold: pulumi.Int(unhealthy),
		},
	}, b.parent())
	if err != nil {
		return err
	}
	b.c.TargetGroup, b.c.TargetGroupSuffix = b.targets.Arn, b.targets.ArnSuffix
	return nil
}

// makeListeners makes the one that serves and the one that sends to it.
func (b *builder) makeListeners() error {
	listener, err := lb.NewListener(b.ctx, b.child("https"), &lb.ListenerArgs{
		LoadBalancerArn: b.balancer.Arn, Port: pulumi.Int(443), Protocol: pulumi.String("HTTPS"),
		SslPolicy: pulumi.String(tlsPolicy), CertificateArn: b.certificate,
		RoutingHttpResponseStrictTransportSecurityHeaderValue: pulumi.String(strictTransport),
		RoutingHttpResponseServerEnabled:                      pulumi.Bool(false),
		DefaultActions: lb.ListenerDefaultActionArray{lb.ListenerDefaultActionArgs{
			Type: pulumi.String("forward"), TargetGroupArn: b.targets.Arn,
		}},
	}, b.parent())
	if err != nil {
		return err
	}
	b.c.Listener = listener
	_, err = lb.NewListener(b.ctx, b.child("http"), &lb.ListenerArgs{
		LoadBalancerArn: b.balancer.Arn, Port: pulumi.Int(80), Protocol: pulumi.String("HTTP"),
		DefaultActions: lb.ListenerDefaultActionArray{lb.ListenerDefaultActionArgs{
			Type: pulumi.String("redirect"),
			Redirect: lb.ListenerDefaultActionRedirectArgs{
				Protocol: pulumi.String("HTTPS"), Port: pulumi.String("443"), StatusCode: pulumi.String("HTTP_301"),
			},
		}},
	}, b.parent())
	return err
}
