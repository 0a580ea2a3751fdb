package perimeter_test

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"workerfleet/components/perimeter"
	"workerfleet/components/place"
	"workerfleet/stacks/graph"
)

func program(ctx *pulumi.Context) error {
	_, err := perimeter.New(ctx, "perimeter", &perimeter.Args{
		Place: place.Place{Stack: "tier-1k"}, VPC: pulumi.String("vpc-1"), CIDR: "10.0.0.0/16",
	})
	return err
}

// Each kind of process reaches HTTPS and the stores that it needs, and nothing else; nobody is let in by these groups.
// That a store admits them is the store's own proof.
func TestWhoReachesWhat(t *testing.T) {
	g, err := graph.Record(program, graph.Run{})
	require.NoError(t, err)
	reached := map[string][]float64{}
	for _, rule := range g.OfType("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule") {
		group, found := g.Refers("aws:ec2/securityGroup:SecurityGroup", rule.Inputs["securityGroupId"])
		require.True(t, found)
		port, _ := rule.Number("toPort")
		require.Equal(t, port, rule.Inputs["fromPort"])
		require.NotEmpty(t, rule.Text("description"))
		want := "10.0.0.0/16"
		if port == 443 {
			want = "0.0.0.0/0"
		}
		require.Equal(t, want, rule.Text("cidrIpv4"), rule.Name)
		reached[group.Name] = append(reached[group.Name], port)
	}
	require.ElementsMatch(t, []float64{443, 5432, 6379}, reached["perimeter-api"])
	require.ElementsMatch(t, []float64{443, 6379}, reached["perimeter-agent"])
	require.ElementsMatch(t, []float64{443, 5432, 6379}, reached["perimeter-function"])
	require.ElementsMatch(t, []float64{443, 5432}, reached["perimeter-migrate"])
	require.Empty(t, g.OfType("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"))
}

// A group without a network is refused before anything is registered.
func TestRefuses(t *testing.T) {
	g, err := graph.Record(func(ctx *pulumi.Context) error {
		_, err := perimeter.New(ctx, "perimeter", &perimeter.Args{})
		return err
	}, graph.Run{})
	require.ErrorContains(t, err, `perimeter.Perimeter "perimeter": vpc and cidr: one is missing; allowed: both stated`)
	require.Empty(t, g.All())
}
