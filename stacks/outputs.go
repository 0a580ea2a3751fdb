package stacks

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"workerfleet/components/queues"
	"workerfleet/components/registry"
)

// stackOutputs are what people and tools read of a deployed stack. The names are a contract: tools and workflows read
// them.
func stackOutputs(cfg Config, work map[string]*queues.Queue, images *registry.Registry) pulumi.Map {
	urls := pulumi.StringMap{}
	for name, queue := range work {
		urls[name] = queue.URL
	}
	return pulumi.Map{
		"queueUrls":              urls,
		"repositories":           images.URLs,
		"quotasToRaise":          quotasToRaise(cfg),
		"reservedInstancesToBuy": reservedInstancesToBuy(cfg),
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
