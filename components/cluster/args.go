package cluster

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"workerfleet/components/alarms"
	"workerfleet/components/names"
	"workerfleet/components/place"
	"workerfleet/components/protection"
)

// Limits of the arguments.
const (
	// The ECS-optimized image's snapshot is 30 GB.
	smallestVolumeGB = 30
	// A stack's largest group (stacks/sizing).
	mostHosts = 5_000
	// Auto Scaling groups take capacity from two zones at least, or a lost one takes all.
	fewestZones = 2
)

// Args describe the cluster. Everything that decides its shape is a plain value.
type Args struct {
	Place      place.Place
	Protection protection.Level
	// VPC, its block and its private subnets are where the hosts live.
	VPC     pulumi.StringInput
	CIDR    string
	Subnets pulumi.StringArray
	// Egress must stand before the first host: it would fail to join, and be replaced until it does.
	Egress []pulumi.Resource
	// APIGroup is the security group of the API hosts. The worker hosts' one is made here: no store admits it.
	APIGroup pulumi.StringInput
	// Balancer is the load balancer that calls the API hosts.
	Balancer Balancer
	// VolumesKey encrypts the hosts' volumes, LogsKey what is typed in interactive sessions.
	VolumesKey, LogsKey pulumi.StringPtrInput
	Workers, API        Hosts
	// Calendar raises the worker group's minimum for the market's hours.
	Calendar Calendar
	// Tags are what instances and volumes carry: default tags of the provider do not reach them.
	Tags map[string]string
	// Topic is told when hosts do not come, fail, or reach their maximum.
	Topic *alarms.Topic
}

// Balancer is who calls the API hosts, and on which of their ports tasks listen.
type Balancer struct {
	Group               pulumi.StringInput
	FirstPort, LastPort int
}

// Hosts describe one group of hosts.
type Hosts struct {
	// Image is the AMI's id.
	Image        string
	InstanceType string
	// FallbackType of the same size and architecture is used while the first has no capacity; empty is none.
	FallbackType string
	Min, Max     int
	VolumeGB     int
}

// Cluster is the ECS cluster with its two groups of hosts.
type Cluster struct {
	pulumi.ResourceState
	// Name is stated, so that policies and the hosts' script show it before the cluster exists; ARN is as plain.
	Name, ARN string
	// Workers and API are the capacity providers' names.
	Workers, API pulumi.StringOutput
	// WorkerGroup is the Auto Scaling group of the worker hosts, WorkerHosts their security group.
	WorkerGroup, WorkerHosts pulumi.StringOutput
	// Ready is what services must wait for: cluster and providers, in the order in which they can be taken down again.
	Ready []pulumi.Resource
}

func (args *Args) validate(name string) error {
	var problems []error
	refuse := func(format string, values ...any) { problems = append(problems, fmt.Errorf(format, values...)) }
	problems = append(problems, args.Protection.Validate(),
		names.Fits(names.Group, names.Join(name, "workers", "group")), names.Fits(names.Role, names.Join(name, "workers", "host", "role")))
	if args.VPC == nil || args.APIGroup == nil || args.CIDR == "" {
		refuse("vpc, cidr and apiGroup: one is missing; allowed: all stated")
	}
	if b := args.Balancer; b.Group == nil || b.FirstPort < 1 || b.LastPort < b.FirstPort {
		refuse("balancer: ports %d to %d, with or without a group; allowed: a group and its range of ports", b.FirstPort, b.LastPort)
	}
	if len(args.Subnets) < fewestZones {
		refuse("subnets: %d are not allowed; allowed: %d or more, each in a zone of its own", len(args.Subnets), fewestZones)
	}
	if args.VolumesKey == nil || args.LogsKey == nil {
		refuse("volumesKey and logsKey: one is missing; allowed: the ARNs of both keys")
	}
	if args.Topic == nil {
		refuse("topic: is missing; allowed: the stack's alarm topic")
	}
	for field, hosts := range map[string]Hosts{"workers": args.Workers, "api": args.API} {
		problems = append(problems, hosts.validate(field)...)
	}
	if _, err := args.Calendar.actions(args.Workers); err != nil {
		problems = append(problems, err)
	}
	slices.SortFunc(problems, func(a, b error) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	return errors.Join(problems...)
}

func (h Hosts) validate(field string) []error {
	var problems []error
	refuse := func(format string, values ...any) {
		problems = append(problems, fmt.Errorf(field+"."+format, values...))
	}
	if !strings.HasPrefix(h.Image, "ami-") {
		refuse("image: %q is not allowed; allowed: the id of an image, ami-…", h.Image)
	}
	if h.Min < 1 || h.Max < h.Min || h.Max > mostHosts {
		refuse("min: %d with max %d is not allowed; allowed: 1 ≤ min ≤ max ≤ %d", h.Min, h.Max, mostHosts)
	}
	if h.VolumeGB < smallestVolumeGB {
		refuse("volumeGB: %d is not allowed; allowed: %d or more, the image's own size", h.VolumeGB, smallestVolumeGB)
	}
	_, size, typed := strings.Cut(h.InstanceType, ".")
	if !typed {
		refuse("instanceType: %q is not allowed; allowed: a type such as r6i.large", h.InstanceType)
	}
	if _, fallback, _ := strings.Cut(h.FallbackType, "."); h.FallbackType != "" && (fallback != size || h.FallbackType == h.InstanceType) {
		refuse("fallbackType: %q is not allowed; allowed: another type of the size %s, so that a host holds as many workers", h.FallbackType, size)
	}
	return problems
}
