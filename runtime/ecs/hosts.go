package ecs

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	groups "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/pool"
)

// Hosts are the container instances of a cluster's capacity provider, and the Auto Scaling group that they come from.
type Hosts struct {
	cluster, provider string
	ecs               *ecs.Client
	scaling           *autoscaling.Client

	mu    sync.Mutex
	group string // its name, once it is found
}

var (
	_ pool.HostGroup  = (*Hosts)(nil)
	_ pool.HostKeeper = (*Hosts)(nil)
)

// closed is the attribute of a host that takes no launches: RunTask is told to look for hosts without it. ECS's own state
// DRAINING would end the host's agent too, which is a service's task, and with it every session.
const closed = "fleet.closed"

// NewHosts makes the hosts of a capacity provider. It makes no call. Errors name the field.
func NewHosts(config aws.Config, cluster, capacityProvider string) (*Hosts, error) {
	if cluster == "" || capacityProvider == "" {
		return nil, errors.New("cluster, capacity provider: one is empty; allowed: both stated")
	}
	return &Hosts{cluster: cluster, provider: capacityProvider, ecs: ecs.NewFromConfig(config), scaling: autoscaling.NewFromConfig(config)}, nil
}

// described is the group as Auto Scaling has it. Its name is asked for once: a capacity provider keeps its group.
func (h *Hosts) described(ctx context.Context) (groups.AutoScalingGroup, error) {
	name, err := h.named(ctx)
	if err != nil {
		return groups.AutoScalingGroup{}, err
	}
	answer, err := h.scaling.DescribeAutoScalingGroups(ctx, &autoscaling.DescribeAutoScalingGroupsInput{AutoScalingGroupNames: []string{name}})
	if err != nil {
		return groups.AutoScalingGroup{}, fmt.Errorf("describe the group: %w", typed(err))
	}
	if len(answer.AutoScalingGroups) != 1 {
		return groups.AutoScalingGroup{}, fmt.Errorf("describe the group: there is no %s", name)
	}
	return answer.AutoScalingGroups[0], nil
}

func (h *Hosts) named(ctx context.Context) (string, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.group != "" {
		return h.group, nil
	}
	answer, err := h.ecs.DescribeCapacityProviders(ctx, &ecs.DescribeCapacityProvidersInput{CapacityProviders: []string{h.provider}})
	if err != nil {
		return "", fmt.Errorf("find the group: %w", typed(err))
	}
	for _, p := range answer.CapacityProviders {
		if p.AutoScalingGroupProvider != nil {
			arn := aws.ToString(p.AutoScalingGroupProvider.AutoScalingGroupArn)
			_, h.group, _ = strings.Cut(arn, ":autoScalingGroupName/")
		}
	}
	if h.group == "" {
		return "", fmt.Errorf("find the group: the capacity provider %s has none", h.provider)
	}
	return h.group, nil
}

// Desired: see [pool.HostGroup]. There is one group: a second type of host is the group's own fallback.
func (h *Hosts) Desired(ctx context.Context, _ pool.HostType) (int, error) {
	group, err := h.described(ctx)
	if err != nil {
		return 0, err
	}
	return int(aws.ToInt32(group.DesiredCapacity)), nil
}

// Grow: see [pool.HostGroup]. Others change the number too, so it is looked at first: between the two calls a scaling in may
// be overruled, which costs a host for a while.
func (h *Hosts) Grow(ctx context.Context, _ pool.HostType, hosts int) error {
	group, err := h.described(ctx)
	if err != nil {
		return err
	}
	wanted := min(int32(hosts), aws.ToInt32(group.MaxSize))
	if wanted <= aws.ToInt32(group.DesiredCapacity) {
		return nil
	}
	if _, err := h.scaling.SetDesiredCapacity(ctx, &autoscaling.SetDesiredCapacityInput{
		AutoScalingGroupName: group.AutoScalingGroupName, DesiredCapacity: &wanted, HonorCooldown: aws.Bool(false),
	}); err != nil {
		return fmt.Errorf("set the desired capacity: %w", scalingTyped(err))
	}
	return nil
}

// scalingTyped: another change of the group is under way, which is over in seconds.
func scalingTyped(err error) error {
	var busy *groups.ScalingActivityInProgressFault
	var contended *groups.ResourceContentionFault
	if errors.As(err, &busy) || errors.As(err, &contended) {
		return fmt.Errorf("%w: %w", pool.ErrThrottled, err)
	}
	return typed(err)
}

// States: see [pool.HostKeeper].
func (h *Hosts) States(ctx context.Context) ([]pool.HostState, error) {
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	group, err := h.described(ctx)
	if err != nil {
		return nil, err
	}
	members := membersOf(group)
	var states []pool.HostState
	for next := (*string)(nil); ; {
		page, err := h.ecs.ListContainerInstances(ctx, &ecs.ListContainerInstancesInput{
			Cluster: &h.cluster, Filter: aws.String("attribute:fleet.role == worker"), MaxResults: aws.Int32(pageSize), NextToken: next,
		})
		if err != nil {
			return nil, fmt.Errorf("list the hosts: %w", typed(err))
		}
		if len(page.ContainerInstanceArns) > 0 {
			answer, err := h.ecs.DescribeContainerInstances(ctx, &ecs.DescribeContainerInstancesInput{Cluster: &h.cluster, ContainerInstances: page.ContainerInstanceArns})
			if err != nil {
				return nil, fmt.Errorf("describe the hosts: %w", typed(err))
			}
			for _, instance := range answer.ContainerInstances {
				states = append(states, state(instance, members))
			}
		}
		if next = page.NextToken; aws.ToString(next) == "" {
			return states, nil
		}
	}
}

// member is an instance as its group has it.
type member struct{ ending, outdated bool }

// membersOf compares each instance's launch template with the one that the group starts from now.
func membersOf(group groups.AutoScalingGroup) map[string]member {
	current := group.LaunchTemplate
	if policy := group.MixedInstancesPolicy; policy != nil && policy.LaunchTemplate != nil {
		current = policy.LaunchTemplate.LaunchTemplateSpecification
	}
	members := map[string]member{}
	for _, i := range group.Instances {
		var m member
		// Terminating, Terminating:Wait, Terminating:Proceed: the hook gives sessions their time.
		m.ending = strings.HasPrefix(string(i.LifecycleState), "Terminating")
		if current != nil && i.LaunchTemplate != nil {
			m.outdated = aws.ToString(i.LaunchTemplate.LaunchTemplateId) != aws.ToString(current.LaunchTemplateId) ||
				aws.ToString(i.LaunchTemplate.Version) != aws.ToString(current.Version)
		}
		members[aws.ToString(i.InstanceId)] = m
	}
	return members
}

func state(instance types.ContainerInstance, members map[string]member) pool.HostState {
	m := members[aws.ToString(instance.Ec2InstanceId)]
	s := pool.HostState{
		Host: fleet.Host(aws.ToString(instance.ContainerInstanceArn)), Outdated: m.outdated,
		Ending: m.ending || aws.ToString(instance.Status) != "ACTIVE",
	}
	for _, a := range instance.Attributes {
		s.Shut = s.Shut || aws.ToString(a.Name) == closed
	}
	return s
}

// Shut: see [pool.HostKeeper].
func (h *Hosts) Shut(ctx context.Context, host fleet.Host, shut bool) (err error) {
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	if shut {
		_, err = h.ecs.PutAttributes(ctx, &ecs.PutAttributesInput{Cluster: &h.cluster, Attributes: []types.Attribute{mark(host)}}, once)
	} else {
		_, err = h.ecs.DeleteAttributes(ctx, &ecs.DeleteAttributesInput{Cluster: &h.cluster, Attributes: []types.Attribute{mark(host)}}, once)
	}
	var gone *types.TargetNotFoundException
	if err == nil || errors.As(err, &gone) {
		return nil
	}
	return fmt.Errorf("mark %s: %w", host, typed(err))
}

func mark(host fleet.Host) types.Attribute {
	return types.Attribute{Name: aws.String(closed), TargetId: aws.String(string(host)), TargetType: types.TargetTypeContainerInstance}
}
