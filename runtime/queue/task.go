package queue

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"workerfleet/runtime/fleet"
)

// Name is a queue's name.
type Name string

// The queues.
const (
	WorkerControl   Name = "worker-control"
	OrderTasks      Name = "order-tasks"
	PoolClaim       Name = "pool-claim"
	BackgroundTasks Name = "background-tasks"
)

// Type is what a task asks for.
type Type string

// The types of worker-control. The first three are asked for by people and processes and carry the epoch that they are
// about; the last two are what AWS saw and EventBridge wrote.
const (
	Start       Type = "start"
	Stop        Type = "stop"
	Restart     Type = "restart"
	HostLost    Type = "host-lost"
	TaskStopped Type = "task-stopped"
)

// The types of the other queues.
const (
	Dispatch Type = "dispatch"
	Verify   Type = "verify"
	Wake     Type = "wake"
	Audit    Type = "audit"
)

// EventGroup is the group of everything that EventBridge writes: it cannot name one by what an event says.
const EventGroup = "aws-events"

// Names lists the queues.
func Names() []Name { return []Name{WorkerControl, OrderTasks, PoolClaim, BackgroundTasks} }

// Types lists what a queue's messages may ask for.
func (n Name) Types() []Type {
	switch n {
	case WorkerControl:
		return []Type{Start, Stop, Restart, HostLost, TaskStopped}
	case OrderTasks:
		return []Type{Dispatch, Verify}
	case PoolClaim:
		return []Type{Wake}
	case BackgroundTasks:
		return []Type{Audit}
	}
	return nil
}

// version is the form of the messages; a reader refuses every other one.
const version = 1

// Task is what a message's body says.
type Task struct {
	Type Type
	// ID tells this task from every other one of its type; senders draw it.
	ID string
	// User is whom it is about; empty in what EventBridge writes.
	User fleet.User
	// Epoch is that of the session which the sender saw; 0 is none. What is asked of an older session than the current one
	// has been done, or is of no use any more.
	Epoch fleet.Epoch
	// At is when the sender asked, or when a check is due.
	At time.Time
	// Order is the order's id, in tasks about one.
	Order string
	// Worker is a task's ARN in task-stopped; Host a container instance's ARN or Instance an EC2 instance's id in
	// host-lost, with the Status that AWS gave it.
	Worker   fleet.Worker
	Host     fleet.Host
	Instance string
	Status   string
	// Action is what the user did, and Detail what to, in audit.
	Action, Detail string
}

// body is a task as it travels. Times and names are read as texts, so that what is wrong with one can name it.
type body struct {
	Version  int    `json:"v"`
	Type     Type   `json:"type"`
	ID       string `json:"id"`
	User     string `json:"user,omitempty"`
	Epoch    string `json:"epoch,omitempty"`
	At       string `json:"at"`
	Order    string `json:"order,omitempty"`
	Worker   string `json:"worker,omitempty"`
	Host     string `json:"host,omitempty"`
	Instance string `json:"instance,omitempty"`
	Status   string `json:"status,omitempty"`
	Action   string `json:"action,omitempty"`
	Detail   string `json:"detail,omitempty"`
}

// Outgoing is a message as a queue takes it.
type Outgoing struct {
	Group, DedupID string
	Body           string
}

// Outgoing writes the task for a queue. What [Parse] would refuse is refused here, with the same words.
func (t Task) Outgoing(to Name) (Outgoing, error) {
	b := body{
		Version: version, Type: t.Type, ID: t.ID, User: string(t.User), At: t.At.UTC().Format(time.RFC3339Nano), Order: t.Order,
		Worker: string(t.Worker), Host: string(t.Host), Instance: t.Instance, Status: t.Status,
		Action: t.Action, Detail: t.Detail,
	}
	if t.Epoch != 0 {
		b.Epoch = t.Epoch.String()
	}
	text, err := json.Marshal(b)
	if err != nil {
		return Outgoing{}, fmt.Errorf("write a task: %w", err)
	}
	if _, err := Parse(to, string(text)); err != nil {
		return Outgoing{}, err
	}
	return Outgoing{Group: t.group(), DedupID: t.dedupID(), Body: string(text)}, nil
}

// longestGroup is the longest group id that SQS takes; a user's name may be twice as long.
const longestGroup = 128

// group is the user's, so that a user's tasks come in order and nobody waits for another's. Checks of orders are in no
// order among themselves: each order is a group of its own.
func (t Task) group() string {
	group := string(t.User)
	switch {
	case t.Type == Verify:
		group = t.Order
	case slices.Contains([]Type{HostLost, TaskStopped}, t.Type):
		group = EventGroup
	}
	if len(group) > longestGroup {
		return digest(group)
	}
	return group
}

// dedupID names what is one task however often it is sent: a type about a user's session of one epoch, a check of an order
// at one due time. Without an epoch only the sender knows what a repetition is, and says so by the id.
func (t Task) dedupID() string {
	about := t.ID
	switch {
	case t.Type == Verify:
		about = t.Order + " " + t.At.UTC().Format(time.RFC3339Nano)
	case t.Epoch != 0 && slices.Contains([]Type{Start, Stop, Restart, Wake, Dispatch}, t.Type):
		about = string(t.User) + " " + t.Order
	}
	return string(t.Type) + "-" + t.Epoch.String() + "-" + digest(about)
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:16])
}
