package stacks

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"workerfleet/components/queues"
	"workerfleet/components/registry"
	"workerfleet/stacks/sizing"
)

func configOf(t *testing.T, platform string) Config {
	t.Helper()
	cfg, err := Decode([]byte(platform), singapore)
	require.NoError(t, err)
	return cfg
}

// The outputs have the names that tools read, and the values of what was made. That the engine stores them is shown by
// the engine's own test.
func TestStackOutputs(t *testing.T) {
	url := pulumi.String("url").ToStringOutput()
	images := &registry.Registry{URLs: pulumi.StringMap{"api": pulumi.String("repository")}}
	found := stackOutputs(configOf(t, `{"users":100}`), map[string]*queues.Queue{poolClaim: {URL: url}}, images)
	require.Len(t, found, 4)
	require.Equal(t, pulumi.StringMap{poolClaim: url}, found["queueUrls"])
	require.Equal(t, images.URLs, found["repositories"])
	require.Contains(t, found, "quotasToRaise")
	require.Contains(t, found, "reservedInstancesToBuy")
}

// The quotas to raise are the plan's, word for word; a fleet of the largest tier asks for more than new accounts have.
func TestQuotasToRaise(t *testing.T) {
	cfg := configOf(t, `{"users":100000}`)
	quotas := quotasToRaise(cfg)
	require.NotEmpty(t, quotas)
	require.Len(t, quotas, len(cfg.Plan.Quotas))
	first := cfg.Plan.Quotas[0]
	require.Equal(t, pulumi.Map{
		"service": pulumi.String(first.Service), "name": pulumi.String(first.Name),
		"required": pulumi.Int(first.Required), "default": pulumi.Int(first.Default),
	}, quotas[0])
	require.Greater(t, first.Required, first.Default)
}

// Hosts that run around the clock are worth reserving where the switch is on: of the workers those that stay outside
// market hours, of the API all.
func TestReservedInstancesToBuy(t *testing.T) {
	require.Empty(t, reservedInstancesToBuy(configOf(t, `{"users":1000}`)))
	cfg := configOf(t, `{"users":100000}`)
	require.Equal(t, pulumi.Array{
		pulumi.Map{"instanceType": pulumi.String("r7g.8xlarge"), "quantity": pulumi.Int(8)},
		pulumi.Map{"instanceType": pulumi.String("m7g.2xlarge"), "quantity": pulumi.Int(50)},
	}, reservedInstancesToBuy(cfg))
	require.Equal(t, cfg.Plan.Cost.ReservedQuantity, 58, "what the cost report prices is what the stack says to buy")
}

// Of many zones the first three by name are taken; a region with fewer is refused.
func TestFirstZones(t *testing.T) {
	zones, err := firstZones("r-1", []string{"r-1d", "r-1a", "r-1c", "r-1b"})
	require.NoError(t, err)
	require.Equal(t, []string{"r-1a", "r-1b", "r-1c"}, zones)
	_, err = firstZones("r-1", []string{"r-1b", "r-1a"})
	require.EqualError(t, err, "aws:region: r-1 has 2 zones (r-1a, r-1b); allowed: a region with 3")
	require.Len(t, zones, sizing.Zones)
}
