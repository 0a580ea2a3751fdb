package stacks

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"workerfleet/components/delivery"
	"workerfleet/components/queues"
	"workerfleet/components/registry"
	"workerfleet/components/watch"
	"workerfleet/runtime/settings"
)

// outputParts are what the outputs are read from.
type outputParts struct {
	work     map[string]*queues.Queue
	images   *registry.Registry
	data     *dataParts
	compute  *computeParts
	watch    *watch.Watch
	releases *delivery.Delivery // nil where no repository is stated
}

// stackOutputs are what people and tools read of a deployed stack. The names are a contract: tools and workflows read
// them.
func stackOutputs(cfg Config, of outputParts) pulumi.Map {
	urls := pulumi.StringMap{}
	for name, queue := range of.work {
		urls[name] = queue.URL
	}
	role := pulumi.String("").ToStringOutput() // nobody releases from workflows unless a repository is stated
	if of.releases != nil {
		role = of.releases.RoleARN
	}
	return pulumi.Map{
		"clusterName":            pulumi.String(of.compute.cluster.Name),
		"workerTaskDefinition":   of.compute.workers.Task.ARN,
		"migration":              of.compute.migration,
		"apiUrl":                 pulumi.String(of.data.URL),
		"consoleUrl":             pulumi.String(of.data.URL + "/console"),
		"valkeyEndpoint":         of.data.ValkeyEndpoint,
		"databaseProxyEndpoint":  of.data.DatabaseEndpoint,
		"databaseReaderEndpoint": of.data.DatabaseReaderEndpoint,
		"dashboardUrl":           pulumi.String(of.watch.DashboardURL),
		"deployRoleArn":          role,
		"queueUrls":              urls,
		"operator":               operator(cfg, of.data),
		"repositories":           of.images.URLs,
		"quotasToRaise":          quotasToRaise(cfg),
		"reservedInstancesToBuy": reservedInstancesToBuy(cfg),
	}
}

// operator is how people reach the index with the fleet tool: as a user that may look and drain.
func operator(cfg Config, data *dataParts) pulumi.Map {
	valkey := environments{data: data}.valkey("operator")
	return pulumi.Map{
		"region": pulumi.String(cfg.Region), "valkeyUrl": valkey[settings.EnvValkeyURL], "valkeyCache": valkey[settings.EnvValkeyCache],
	}
}

// quotasToRaise are the account's limits that the stack passes at its maximum, and those that new accounts have less of
// than the documented default: those are to be looked up. AWS raises them on request, within days: they come
// before the first update.
func quotasToRaise(cfg Config) pulumi.Array {
	quotas := pulumi.Array{}
	for _, q := range cfg.Plan.Quotas {
		quota := pulumi.Map{
			"service": pulumi.String(q.Service), "name": pulumi.String(q.Name),
			"required": pulumi.Int(q.Required), "default": pulumi.Int(q.Default),
		}
		if q.NewAccounts {
			quota["newAccountsStartLower"] = pulumi.Bool(true)
		}
		quotas = append(quotas, quota)
	}
	return quotas
}

// reservedInstancesToBuy are the hosts that run around the clock. Reserving them is a purchase and no resource: the
// stack says the quantity and buys nothing.
func reservedInstancesToBuy(cfg Config) pulumi.Array {
	if !cfg.Features.ReservedInstances {
		return pulumi.Array{}
	}
	hosts := func(instanceType string, quantity int) pulumi.Map {
		return pulumi.Map{"instanceType": pulumi.String(instanceType), "quantity": pulumi.Int(quantity)}
	}
	return pulumi.Array{
		hosts(cfg.Workers.InstanceType, cfg.Workers.MinInstances),
		hosts(cfg.API.InstanceType, cfg.API.Instances),
	}
}
