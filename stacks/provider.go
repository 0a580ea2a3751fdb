package stacks

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"workerfleet/components/place"
	"workerfleet/stacks/graph"
	"workerfleet/stacks/sizing"
)

// ground is what a stack is built on: the one provider, and what it was asked once.
type ground struct {
	provider *aws.Provider
	place    place.Place
	// zones are the names of the region's first three zones.
	zones []string
	// artifacts are what a build has left to run.
	artifacts artifacts
}

// newGround makes the provider, asks AWS where it is, and refuses to build on ground that is not ready. The provider is
// the only resource that exists by then: it is what AWS is asked through.
func newGround(ctx *pulumi.Context, cfg Config) (ground, error) {
	provider, err := aws.NewProvider(ctx, "workerfleet", providerArgs(ctx.Stack(), cfg))
	if err != nil {
		return ground{}, err
	}
	caller, err := aws.GetCallerIdentity(ctx, nil, pulumi.Provider(provider))
	if err != nil {
		err = fmt.Errorf("ask AWS for the account of these credentials: %w", err)
		if unready := cfg.Unready(); !ctx.DryRun() && len(unready) > 0 {
			err = errors.Join(err, unready)
		}
		return ground{}, err
	}
	built, missing, err := findArtifacts(cfg)
	if err != nil {
		return ground{}, err
	}
	if problems := unreadyIn(cfg, missing, caller.AccountId); len(problems) > 0 {
		if !ctx.DryRun() {
			return ground{}, problems
		}
		for _, problem := range problems {
			if err := ctx.Log.Warn("an update will refuse this: "+problem.Field+": "+problem.Says, nil); err != nil {
				return ground{}, err
			}
		}
	}
	zones, err := zonesOf(ctx, cfg.Region, provider)
	if err != nil {
		return ground{}, err
	}
	return ground{
		provider: provider, zones: zones, artifacts: built,
		place: place.Place{Stack: ctx.Stack(), Account: caller.AccountId, Region: cfg.Region},
	}, nil
}

// unreadyIn lists what an update in the caller's account refuses, with what has not been built. A simulated account takes
// everything: nothing is created there, and whoever tries it has neither account nor domain.
func unreadyIn(cfg Config, missing Problems, account string) Problems {
	if account == graph.SimulatedAccount {
		return nil
	}
	problems := append(cfg.Unready(), missing...)
	if cfg.Account.ID != "" && cfg.Account.ID != account {
		problems.add("account.id", "is %s and the credentials belong to %s; allowed: credentials of the stated account", cfg.Account.ID, account)
	}
	return problems
}

// providerArgs hold the provider to the region, to the account where one is stated, and give every resource its tags.
func providerArgs(stack string, cfg Config) *aws.ProviderArgs {
	args := &aws.ProviderArgs{
		Region:      pulumi.String(cfg.Region),
		DefaultTags: aws.ProviderDefaultTagsArgs{Tags: pulumi.ToStringMap(tags(stack, cfg))},
	}
	if cfg.Account.ID != "" {
		args.AllowedAccountIds = pulumi.ToStringArray([]string{cfg.Account.ID})
	}
	return args
}

// tags say what a resource belongs to, to people and to the bill. env follows protection: what may be destroyed with its
// data is no production. owner is the repository that deploys the stack, as soon as one is stated.
func tags(stack string, cfg Config) map[string]string {
	env, tier, owner := "production", cfg.Plan.Tier, cfg.Delivery.Repository
	if cfg.Protection == string(sizing.Relaxed) {
		env = "development"
	}
	if tier == "" {
		tier = fmt.Sprintf("users-%d", cfg.Users)
	}
	if owner == "" {
		owner = "workerfleet"
	}
	return map[string]string{"app": "workerfleet", "env": env, "tier": tier, "owner": owner, "cost-center": stack}
}

// zonesOf asks for the zones of the region that every account has. Local zones and others that an account must opt into
// lack most services.
func zonesOf(ctx *pulumi.Context, region string, provider *aws.Provider) ([]string, error) {
	available := "available"
	found, err := aws.GetAvailabilityZones(ctx, &aws.GetAvailabilityZonesArgs{
		State:   &available,
		Filters: []aws.GetAvailabilityZonesFilter{{Name: "opt-in-status", Values: []string{"opt-in-not-required"}}},
	}, pulumi.Provider(provider))
	if err != nil {
		return nil, fmt.Errorf("ask AWS for the zones of %s: %w", region, err)
	}
	return firstZones(region, found.Names)
}

// firstZones are the first three by name, which stay the same when AWS adds one at the end.
func firstZones(region string, found []string) ([]string, error) {
	zones := slices.Sorted(slices.Values(found))
	if len(zones) < sizing.Zones {
		return nil, Problems{{"aws:region", fmt.Sprintf("%s has %d zones (%s); allowed: a region with %d", region, len(zones), strings.Join(zones, ", "), sizing.Zones)}}
	}
	return zones[:sizing.Zones], nil
}
