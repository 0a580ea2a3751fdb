package postgres

import (
	"errors"
	"fmt"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"workerfleet/components/alarms"
	"workerfleet/components/names"
	"workerfleet/components/place"
	"workerfleet/components/protection"
)

// Limits of the arguments: a cluster has one writer and 15 readers, one of which is the failover reader.
const (
	mostReplicas      = 14
	fewestZones       = 2
	fewestGB, mostGB  = 1, 1_024
	fewestConnections = 10
	mostConnections   = 262_143 // PostgreSQL's own limit
)

// Class is what an instance has.
type Class struct {
	Name           string // such as db.r6g.large
	MemoryGB       int
	MaxConnections int // max_connections by default, of which alarms take a share
}

// Args describe the database.
type Args struct {
	Place      place.Place
	Protection protection.Level
	Class      Class
	// MultiAZ adds a reader in another zone that takes over when the writer fails.
	MultiAZ bool
	// ReadReplicas come on top; with one or more the proxy has an endpoint for reads.
	ReadReplicas int
	VPC          pulumi.StringInput
	// Subnets are private ones, one for each of Zones, in their order.
	Subnets pulumi.StringArray
	Zones   []string
	// Clients are the security groups that the proxy admits, by what they are: api, function.
	Clients map[string]pulumi.StringInput
	// Migrate is the security group that reaches the writer past the proxy.
	Migrate pulumi.StringInput
	// Key encrypts data, secrets and what Performance Insights keeps; LogsKey the logs.
	Key, LogsKey pulumi.StringInput
	Topic        *alarms.Topic
}

// complete returns what is wrong with the arguments, all of it.
func (args *Args) complete(name string) error {
	problems := []error{args.Protection.Validate(), names.Fits(names.Proxy, name)}
	refuse := func(format string, values ...any) { problems = append(problems, fmt.Errorf(format, values...)) }
	within := func(field string, value, least, most int) {
		if value < least || value > most {
			refuse("%s: %d is not allowed; allowed: %d to %d", field, value, least, most)
		}
	}
	if !strings.HasPrefix(args.Class.Name, "db.") {
		refuse("class.name: %q is not allowed; allowed: a class such as db.r6g.large", args.Class.Name)
	}
	within("class.memoryGB", args.Class.MemoryGB, fewestGB, mostGB)
	within("class.maxConnections", args.Class.MaxConnections, fewestConnections, mostConnections)
	within("readReplicas", args.ReadReplicas, 0, mostReplicas)
	if args.ReadReplicas > 0 && !args.MultiAZ {
		refuse("readReplicas: %d need multiAZ; allowed: 0, or multiAZ: true", args.ReadReplicas)
	}
	if len(args.Zones) < fewestZones || len(args.Zones) != len(args.Subnets) {
		refuse("zones: %d with %d subnets; allowed: at least %d zones, each with its subnet", len(args.Zones), len(args.Subnets), fewestZones)
	}
	if len(args.Clients) == 0 {
		refuse("clients: is empty; allowed: the security groups that may connect")
	}
	for field, missing := range map[string]bool{
		"vpc": args.VPC == nil, "migrate": args.Migrate == nil, "key": args.Key == nil, "logsKey": args.LogsKey == nil,
		"topic": args.Topic == nil,
	} {
		if missing {
			refuse("%s: is missing; allowed: a stated one", field)
		}
	}
	if err := errors.Join(problems...); err != nil {
		return fmt.Errorf("postgres.Postgres %q: %w", name, err)
	}
	return nil
}
