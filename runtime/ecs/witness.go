package ecs

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"workerfleet/runtime/fleet"
)

// Witness says what a cluster has seen of its workers' ends.
type Witness struct {
	cluster string
	client  *ecs.Client
}

// NewWitness makes a witness of a cluster, by its name or ARN. It makes no call.
func NewWitness(config aws.Config, cluster string) *Witness {
	return &Witness{cluster, ecs.NewFromConfig(config)}
}

// Ended lists the tasks that ran on a container instance and have stopped, as long as ECS remembers them: an hour. That a
// task is to stop is not that it has: each is described, and only one in its last state is listed.
func (w *Witness) Ended(ctx context.Context, host fleet.Host) (ended []fleet.Worker, err error) {
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	for next := (*string)(nil); ; {
		page, err := w.client.ListTasks(ctx, &ecs.ListTasksInput{
			Cluster: &w.cluster, ContainerInstance: aws.String(string(host)), DesiredStatus: types.DesiredStatusStopped,
			MaxResults: aws.Int32(pageSize), NextToken: next,
		})
		if err != nil {
			return nil, fmt.Errorf("list what stopped: %w", err)
		}
		if len(page.TaskArns) > 0 {
			answer, err := w.client.DescribeTasks(ctx, &ecs.DescribeTasksInput{Cluster: &w.cluster, Tasks: page.TaskArns})
			if err != nil {
				return nil, fmt.Errorf("describe what stopped: %w", err)
			}
			for _, task := range answer.Tasks {
				if aws.ToString(task.LastStatus) == stopped {
					ended = append(ended, fleet.Worker(aws.ToString(task.TaskArn)))
				}
			}
		}
		if next = page.NextToken; aws.ToString(next) == "" {
			return ended, nil
		}
	}
}
