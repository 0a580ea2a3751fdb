package ecs

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/pool"
)

// pageSize is what one ListTasks answers and one DescribeTasks takes at most (fact ecs.describetasks.max).
const pageSize = 100

// List: see [pool.Provider]. A worker that was asked to end is not listed, though it may take a while about it. Reads are
// repeated by the SDK, three times with jitter: they change nothing, and nobody else counts them. At 35,000 workers it is
// 700 calls, 44 s at the default pace.
func (p *Provider) List(ctx context.Context) ([]pool.Task, error) {
	ctx, cancel := context.WithTimeout(ctx, p.ListLimit)
	defer cancel()
	// ListTasks takes a family by its name alone.
	family := p.family[strings.LastIndex(p.family, "/")+1:]
	var found []pool.Task
	for next := (*string)(nil); ; {
		if err := p.reads.wait(ctx); err != nil {
			return nil, fmt.Errorf("list: %w", err)
		}
		page, err := p.client.ListTasks(ctx, &ecs.ListTasksInput{
			Cluster: &p.Cluster, Family: &family, DesiredStatus: types.DesiredStatusRunning, MaxResults: aws.Int32(pageSize), NextToken: next,
		})
		if err != nil {
			return nil, fmt.Errorf("list: %w", typed(err))
		}
		tasks, err := p.describe(ctx, page.TaskArns)
		if err != nil {
			return nil, fmt.Errorf("list: %w", err)
		}
		found = append(found, tasks...)
		if next = page.NextToken; aws.ToString(next) == "" {
			return found, nil
		}
	}
}

// describe tells what the tasks are. One that ended between the two calls is missing from the answer.
func (p *Provider) describe(ctx context.Context, arns []string) ([]pool.Task, error) {
	if len(arns) == 0 {
		return nil, nil
	}
	if err := p.reads.wait(ctx); err != nil {
		return nil, err
	}
	answer, err := p.client.DescribeTasks(ctx, &ecs.DescribeTasksInput{Cluster: &p.Cluster, Tasks: arns})
	if err != nil {
		return nil, typed(err)
	}
	var found []pool.Task
	for _, task := range answer.Tasks {
		if aws.ToString(task.LastStatus) == stopped {
			continue
		}
		_, image, ok := cutRevision(aws.ToString(task.TaskDefinitionArn))
		if !ok {
			return nil, fmt.Errorf("%s: the task definition %q has no revision", aws.ToString(task.TaskArn), aws.ToString(task.TaskDefinitionArn))
		}
		found = append(found, pool.Task{
			Worker: fleet.Worker(aws.ToString(task.TaskArn)), Host: fleet.Host(aws.ToString(task.ContainerInstanceArn)),
			Image: image, Key: aws.ToString(task.StartedBy), Launched: aws.ToTime(task.CreatedAt),
		})
	}
	return found, nil
}

// stopped is a task's last state; it may be described for an hour after it.
const stopped = "STOPPED"
