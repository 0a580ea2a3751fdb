package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"workerfleet/runtime/cmd/internal/running"
	"workerfleet/runtime/fleet"
	"workerfleet/runtime/queue"
	"workerfleet/runtime/sqs"
)

// deadJSON is one queue of the object that `fleet dlq list --json` ends with, {queues: [...]}.
type deadJSON struct {
	Queue    queue.Name    `json:"queue"`
	Dead     int           `json:"dead"` // about
	Messages []messageJSON `json:"messages"`
}

type messageJSON struct {
	ID   string     `json:"id"`
	Type queue.Type `json:"type,omitempty"`
	User fleet.User `json:"user,omitempty"`
	Sent time.Time  `json:"sent"`
	// Problem is why the body is none of the queue's messages.
	Problem string `json:"problem,omitempty"`
}

// redriveJSON is the object that `fleet dlq redrive --json` ends with.
type redriveJSON struct {
	Queue queue.Name `json:"queue"`
	State string     `json:"state"` // SQS's word: COMPLETED, RUNNING, …
	Moved int        `json:"moved"`
}

func deadCommand(s surroundings) *cobra.Command {
	c := &cobra.Command{
		Use: "dlq", Short: "Messages that could not be done: list them, or send them back to their queue",
		Args: cobra.ArbitraryArgs,
		RunE: func(_ *cobra.Command, args []string) error {
			return fmt.Errorf("dlq: what? allowed: list, redrive%s", map[bool]string{true: "; not " + strings.Join(args, " ")}[len(args) > 0])
		},
	}
	c.AddCommand(deadListCommand(s), redriveCommand(s))
	return c
}

// queues are those of the platform, by name.
func (c *choice) queues() (map[queue.Name]*sqs.Source, error) {
	outputs, err := c.outputs()
	if err != nil {
		return nil, err
	}
	if len(outputs.QueueURLs) == 0 {
		return nil, failure{errors.New("the outputs name no queues; allowed: --local, or --stack FILE with queueUrls")}
	}
	return c.sources(outputs)
}

func (c *choice) sources(outputs running.Outputs) (map[queue.Name]*sqs.Source, error) {
	config, err := c.aws(outputs)
	if err != nil {
		return nil, failure{explained(err)}
	}
	sources := map[queue.Name]*sqs.Source{}
	for name, url := range outputs.QueueURLs {
		if sources[name], err = sqs.NewSource(config, url); err != nil {
			return nil, failure{err}
		}
	}
	return sources, nil
}

func deadListCommand(s surroundings) *cobra.Command {
	chosen := choice{surroundings: s}
	c := &cobra.Command{
		Use: "list", Short: "How many messages are dead, and the first ten of each queue", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			sources, err := chosen.queues()
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(c.Context(), callLimit)
			defer cancel()
			list := []deadJSON{}
			for _, name := range queue.Names() {
				if source := sources[name]; source != nil {
					dead, err := look(ctx, name, source)
					if err != nil {
						return failure{fmt.Errorf("%s: %w", name, err)}
					}
					list = append(list, dead)
				}
			}
			return chosen.print(c, deadTable(list), map[string]any{"queues": list})
		},
	}
	chosen.flags(c)
	return c
}

// look counts a queue's dead messages and looks at the first. What is looked at is hidden from others for as long as that
// takes; nothing is moved by it.
func look(ctx context.Context, name queue.Name, source *sqs.Source) (deadJSON, error) {
	found := deadJSON{Queue: name, Messages: []messageJSON{}}
	dead, err := source.Dead(ctx)
	if err != nil {
		return found, err
	}
	waiting, hidden, err := dead.Depth(ctx)
	if err != nil || waiting == 0 {
		found.Dead = waiting + hidden
		return found, err
	}
	found.Dead = waiting + hidden
	messages, err := dead.Receive(ctx, queue.BatchLimit, 0)
	if err != nil {
		return found, err
	}
	// The last first: a group goes on where its first message lies.
	for _, m := range slices.Backward(messages) {
		err = errors.Join(err, dead.Hide(ctx, m, 0))
	}
	for _, m := range messages {
		seen := messageJSON{ID: m.ID, Sent: m.Sent.UTC()}
		if task, err := queue.Parse(name, m.Body); err != nil {
			seen.Problem = err.Error()
		} else {
			seen.Type, seen.User = task.Type, task.User
		}
		found.Messages = append(found.Messages, seen)
	}
	return found, err
}

func deadTable(list []deadJSON) string {
	var b strings.Builder
	rows, all := []string{"queue\tdead"}, 0
	for _, d := range list {
		rows, all = append(rows, fmt.Sprintf("%s\t%d", d.Queue, d.Dead)), all+d.Dead
	}
	fmt.Fprintf(&b, "%s given up after the last receive\n", counted(all, "message"))
	section(&b, "By queue", rows)
	for _, d := range list {
		if len(d.Messages) == 0 {
			continue
		}
		rows = []string{"message\tasks for\tuser\tsent\tproblem"}
		for _, m := range d.Messages {
			rows = append(rows, fmt.Sprintf("%s\t%s\t%s\t%s\t%s", m.ID, m.Type, m.User, m.Sent.Format(time.DateTime), m.Problem))
		}
		section(&b, string(d.Queue)+"; why is in the function's log, under the message's id", rows)
	}
	return b.String()
}

func redriveCommand(s surroundings) *cobra.Command {
	chosen := choice{surroundings: s}
	c := &cobra.Command{
		Use: "redrive QUEUE", Short: "Send a queue's dead messages back to it, in order", Args: cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error {
			names := strings.Join(words(queue.Names()), ", ")
			if len(args) != 1 || !slices.Contains(queue.Names(), queue.Name(args[0])) {
				return fmt.Errorf("redrive what? allowed: one of %s", names)
			}
			sources, err := chosen.queues()
			if err != nil {
				return err
			}
			name := queue.Name(args[0])
			if sources[name] == nil {
				return failure{fmt.Errorf("this platform has no queue %s", name)}
			}
			ctx, cancel := context.WithTimeout(c.Context(), callLimit)
			defer cancel()
			object, err := redrive(ctx, name, sources[name])
			if err != nil {
				return failure{fmt.Errorf("%s: %w", name, err)}
			}
			return chosen.print(c, fmt.Sprintf("%s: %s moved, %s\n", name, counted(object.Moved, "message"), strings.ToLower(object.State)), object)
		},
	}
	chosen.flags(c)
	return c
}

// lookAgain is how often the redrive's progress is asked for; SQS goes on without anybody who watches.
const lookAgain = 200 * time.Millisecond

// finished are SQS's words for a redrive that is over.
func finished(state string) bool {
	return state == "" || state == "COMPLETED" || state == "FAILED" || state == "CANCELLED"
}

func redrive(ctx context.Context, name queue.Name, source *sqs.Source) (redriveJSON, error) {
	object := redriveJSON{Queue: name}
	if err := source.Redrive(ctx); err != nil {
		return object, err
	}
	for {
		var err error
		if object.State, object.Moved, err = source.Redriven(ctx); err != nil || finished(object.State) {
			return object, err
		}
		select {
		case <-ctx.Done():
			return object, nil // it goes on
		case <-time.After(lookAgain):
		}
	}
}
