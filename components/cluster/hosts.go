package cluster

import (
	"encoding/base64"
	"maps"
	"slices"
	"strconv"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/autoscaling"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ec2"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ecs"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/vpc"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"workerfleet/components/names"
)

// Times of hosts, in seconds.
const (
	// warmupSeconds is how long a host may take from its launch until it carries tasks.
	warmupSeconds = 180
	// DrainSeconds is how long a worker host that is to end is held back, so that its sessions are served elsewhere
	// before it is gone. Every container must be able to stop within it. (An API host is held back by ECS itself, until
	// its tasks run elsewhere.)
	DrainSeconds = 300
)

// group is one group of hosts as makeGroup makes it.
type group struct {
	name     string
	role     Role
	hosts    Hosts
	security pulumi.StringInput
	target   int // of managed scaling, in percent
	refresh  autoscaling.GroupInstanceRefreshPtrInput
	// suspended are processes of Auto Scaling that would end hosts which are in use.
	suspended []string
}

// makeWorkers makes the worker hosts with their calendar. There is no instance refresh: one ends hosts after two days
// at most, whoever is in session on them. Nor are zones rebalanced: that ends hosts to even out the zones' numbers.
func (b *builder) makeWorkers() (*ecs.CapacityProvider, error) {
	name := b.child("workers", "hosts")
	security, err := ec2.NewSecurityGroup(b.ctx, name, &ec2.SecurityGroupArgs{
		VpcId: b.args.VPC, Description: pulumi.String("Worker hosts: no store admits them, nobody calls them"),
		Tags: pulumi.StringMap{"Name": pulumi.String(names.Join(b.args.Place.Stack, name))},
	}, b.parent())
	if err != nil {
		return nil, err
	}
	if _, err := vpc.NewSecurityGroupEgressRule(b.ctx, names.Join(name, "https"), &vpc.SecurityGroupEgressRuleArgs{
		SecurityGroupId: security.ID(), IpProtocol: pulumi.String("tcp"), CidrIpv4: pulumi.String("0.0.0.0/0"),
		FromPort: pulumi.Int(443), ToPort: pulumi.Int(443), Description: pulumi.String("HTTPS: brokers and AWS services"),
	}, b.parent()); err != nil {
		return nil, err
	}
	b.c.WorkerHosts = security.ID().ToStringOutput()
	made, provider, err := b.makeGroup(group{
		name: b.child("workers"), role: WorkerHost, hosts: b.args.Workers, security: security.ID(), target: workerTarget,
		suspended: []string{"AZRebalance"},
	})
	if err != nil {
		return nil, err
	}
	b.c.WorkerGroup = made.Name
	if err := b.makeCalendar(made); err != nil {
		return nil, err
	}
	// Whoever ends a worker host – a failed health check, a person – first gives the keeper the time to serve its users
	// elsewhere. EC2 and ECS tell of it by event (witness). Managed scaling only ends hosts without tasks.
	_, err = autoscaling.NewLifecycleHook(b.ctx, b.child("workers", "ending"), &autoscaling.LifecycleHookArgs{
		AutoscalingGroupName: made.Name, LifecycleTransition: pulumi.String("autoscaling:EC2_INSTANCE_TERMINATING"),
		HeartbeatTimeout: pulumi.Int(DrainSeconds), DefaultResult: pulumi.String("CONTINUE"),
	}, b.parent())
	return provider, err
}

// makeAPI makes the API hosts, which take a new template at once: a new host stands before an old one goes, whether or
// not it is protected, and ECS drains it.
func (b *builder) makeAPI() (*ecs.CapacityProvider, error) {
	if _, err := vpc.NewSecurityGroupIngressRule(b.ctx, b.child("api", "balancer"), &vpc.SecurityGroupIngressRuleArgs{
		SecurityGroupId: b.args.APIGroup, ReferencedSecurityGroupId: b.args.Balancer.Group.ToStringOutput().ToStringPtrOutput(),
		IpProtocol: pulumi.String("tcp"), FromPort: pulumi.Int(b.args.Balancer.FirstPort), ToPort: pulumi.Int(b.args.Balancer.LastPort),
		Description: pulumi.String("The load balancer, on the ports that hosts give tasks"),
	}, b.parent()); err != nil {
		return nil, err
	}
	_, provider, err := b.makeGroup(group{
		name: b.child("api"), role: APIHost, hosts: b.args.API, security: b.args.APIGroup, target: apiTarget,
		refresh: autoscaling.GroupInstanceRefreshArgs{
			Strategy: pulumi.String("Rolling"),
			Preferences: autoscaling.GroupInstanceRefreshPreferencesArgs{
				MinHealthyPercentage: pulumi.Int(100), MaxHealthyPercentage: pulumi.Int(150),
				InstanceWarmup: pulumi.String(strconv.Itoa(warmupSeconds)), ScaleInProtectedInstances: pulumi.String("Refresh"),
				SkipMatching: pulumi.Bool(true), AutoRollback: pulumi.Bool(true),
			},
		},
	})
	return provider, err
}

// makeGroup makes a launch template, the group that launches from it, and its capacity provider.
func (b *builder) makeGroup(g group) (*autoscaling.Group, *ecs.CapacityProvider, error) {
	template, err := b.makeTemplate(g)
	if err != nil {
		return nil, nil, err
	}
	args := &autoscaling.GroupArgs{
		MinSize: pulumi.Int(g.hosts.Min), MaxSize: pulumi.Int(g.hosts.Max), VpcZoneIdentifiers: b.args.Subnets,
		HealthCheckType: pulumi.String("EC2"), HealthCheckGracePeriod: pulumi.Int(warmupSeconds),
		DefaultInstanceWarmup: pulumi.Int(warmupSeconds),
		ProtectFromScaleIn:    pulumi.Bool(true), ForceDelete: pulumi.Bool(b.args.Protection.ForceDelete()),
		// Hosts need not all be there before the rest of the stack is made: services wait for them by themselves.
		WaitForCapacityTimeout: pulumi.String("0"),
		EnabledMetrics:         pulumi.ToStringArray([]string{"GroupDesiredCapacity", "GroupInServiceInstances", "GroupMaxSize", "GroupPendingInstances", "GroupTerminatingInstances"}),
		InstanceRefresh:        g.refresh, Tags: b.groupTags(g.name),
	}
	if len(g.suspended) > 0 {
		args.SuspendedProcesses = pulumi.ToStringArray(g.suspended)
	}
	// The number and not $Latest: with $Latest no change of the template would ever start a refresh.
	version := pulumi.Sprintf("%d", template.LatestVersion)
	if g.hosts.FallbackType == "" {
		args.LaunchTemplate = autoscaling.GroupLaunchTemplateArgs{Id: template.ID(), Version: version}
	} else {
		args.MixedInstancesPolicy = fallback(template, version, g.hosts)
	}
	// The desired count belongs to managed scaling and the calendar.
	made, err := autoscaling.NewGroup(b.ctx, names.Join(g.name, "group"), args, b.parent(),
		pulumi.IgnoreChanges([]string{"desiredCapacity"}), pulumi.DependsOn(append([]pulumi.Resource{b.cluster}, b.args.Egress...)))
	if err != nil {
		return nil, nil, err
	}
	provider, err := ecs.NewCapacityProvider(b.ctx, names.Join(g.name, "provider"), &ecs.CapacityProviderArgs{
		AutoScalingGroupProvider: ecs.CapacityProviderAutoScalingGroupProviderArgs{
			AutoScalingGroupArn: made.Arn, ManagedDraining: pulumi.String("ENABLED"), ManagedTerminationProtection: pulumi.String("ENABLED"),
			ManagedScaling: ecs.CapacityProviderAutoScalingGroupProviderManagedScalingArgs{
				Status: pulumi.String("ENABLED"), TargetCapacity: pulumi.Int(g.target), InstanceWarmupPeriod: pulumi.Int(warmupSeconds),
				MinimumScalingStepSize: pulumi.Int(1), MaximumScalingStepSize: pulumi.Int(g.hosts.Max),
			},
		},
	}, b.parent())
	if err != nil {
		return nil, nil, err
	}
	return made, provider, b.watch(g, made, provider)
}

// fallback takes the first type while there is any, and the second otherwise; always on demand.
func fallback(template *ec2.LaunchTemplate, version pulumi.StringOutput, h Hosts) autoscaling.GroupMixedInstancesPolicyPtrInput {
	override := func(instanceType string) autoscaling.GroupMixedInstancesPolicyLaunchTemplateOverrideInput {
		return autoscaling.GroupMixedInstancesPolicyLaunchTemplateOverrideArgs{InstanceType: pulumi.String(instanceType)}
	}
	return autoscaling.GroupMixedInstancesPolicyArgs{
		InstancesDistribution: autoscaling.GroupMixedInstancesPolicyInstancesDistributionArgs{
			OnDemandAllocationStrategy: pulumi.String("prioritized"), OnDemandPercentageAboveBaseCapacity: pulumi.Int(100),
		},
		LaunchTemplate: autoscaling.GroupMixedInstancesPolicyLaunchTemplateArgs{
			LaunchTemplateSpecification: autoscaling.GroupMixedInstancesPolicyLaunchTemplateLaunchTemplateSpecificationArgs{
				LaunchTemplateId: template.ID(), Version: version,
			},
			Overrides: autoscaling.GroupMixedInstancesPolicyLaunchTemplateOverrideArray{override(h.InstanceType), override(h.FallbackType)},
		},
	}
}

// groupTags are the tags that instances get. AmazonECSManaged is what ECS would add for its capacity provider; unstated
// it would be taken away by every update.
func (b *builder) groupTags(name string) autoscaling.GroupTagArray {
	tags := maps.Clone(b.args.Tags)
	if tags == nil {
		tags = map[string]string{}
	}
	tags["Name"], tags["AmazonECSManaged"] = names.Join(b.args.Place.Stack, name), "true"
	var list autoscaling.GroupTagArray
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		list = append(list, autoscaling.GroupTagArgs{Key: pulumi.String(key), Value: pulumi.String(tags[key]), PropagateAtLaunch: pulumi.Bool(true)})
	}
	return list
}

// makeTemplate makes what a host is launched from: no key pair, no public address, metadata for the host alone.
func (b *builder) makeTemplate(g group) (*ec2.LaunchTemplate, error) {
	profile, err := b.makeProfile(names.Join(g.name, "host"), g.role)
	if err != nil {
		return nil, err
	}
	script, err := Script{Cluster: b.c.Name, Role: g.role, VPC: b.args.CIDR}.Text()
	if err != nil {
		return nil, err
	}
	return ec2.NewLaunchTemplate(b.ctx, names.Join(g.name, "template"), &ec2.LaunchTemplateArgs{
		ImageId: pulumi.String(g.hosts.Image), InstanceType: pulumi.String(g.hosts.InstanceType), EbsOptimized: pulumi.String("true"),
		IamInstanceProfile:   ec2.LaunchTemplateIamInstanceProfileArgs{Arn: profile.Arn},
		VpcSecurityGroupIds:  pulumi.StringArray{g.security},
		UpdateDefaultVersion: pulumi.Bool(true),
		UserData:             pulumi.String(base64.StdEncoding.EncodeToString([]byte(script))),
		Monitoring:           ec2.LaunchTemplateMonitoringArgs{Enabled: pulumi.Bool(true)},
		MetadataOptions: ec2.LaunchTemplateMetadataOptionsArgs{
			HttpEndpoint: pulumi.String("enabled"), HttpTokens: pulumi.String("required"), HttpPutResponseHopLimit: pulumi.Int(1),
		},
		BlockDeviceMappings: ec2.LaunchTemplateBlockDeviceMappingArray{ec2.LaunchTemplateBlockDeviceMappingArgs{
			DeviceName: pulumi.String("/dev/xvda"),
			Ebs: ec2.LaunchTemplateBlockDeviceMappingEbsArgs{
				VolumeType: pulumi.String("gp3"), VolumeSize: pulumi.Int(g.hosts.VolumeGB), DeleteOnTermination: pulumi.String("true"),
				Encrypted: pulumi.String("true"), KmsKeyId: b.args.VolumesKey,
			},
		}},
		TagSpecifications: ec2.LaunchTemplateTagSpecificationArray{ec2.LaunchTemplateTagSpecificationArgs{
			ResourceType: pulumi.String("volume"), Tags: pulumi.ToStringMap(b.args.Tags),
		}},
	}, b.parent())
}
