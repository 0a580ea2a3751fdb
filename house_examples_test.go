package main_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

type examples struct{ wrong, right []pkg }

func importExamples() map[string]examples {
	at := func(path string, imports ...string) pkg { return pkg{Path: path, Imports: imports} }
	links := func(path string, deps ...string) pkg { return pkg{Path: path, Deps: deps} }
	tests := func(path string, imports ...string) pkg { return pkg{Path: path, TestImports: imports} }
	return map[string]examples{
		"core order": {
			wrong: []pkg{
				at("runtime/fleet", "workerfleet/runtime/claim"), at("runtime/claim", "workerfleet/runtime/pool"),
				at("runtime/keeper", "workerfleet/runtime/agent"), at("runtime/pool", "github.com/redis/go-redis/v9"),
				at("runtime/claim", "github.com/stretchr/testify/require"), at("runtime/sim", "workerfleet/runtime/valkey"),
				at("runtime/claim/claimtest", "github.com/redis/go-redis/v9"), at("runtime/queue", "workerfleet/stacks/sizing"),
			},
			right: []pkg{
				at("runtime/claim", "workerfleet/runtime/fleet", "time", "github.com/shopspring/decimal"),
				at("runtime/agent", "workerfleet/runtime/hostlink", "workerfleet/runtime/claim"),
				at("runtime/claim/claimtest", "workerfleet/runtime/claim", "github.com/stretchr/testify/require", "pgregory.net/rapid"),
				at("runtime/valkey", "github.com/redis/go-redis/v9"),
			},
		},
		"adapters": {
			wrong: []pkg{at("runtime/postgres", "workerfleet/runtime/valkey"), at("runtime/console", "workerfleet/runtime/httpapi/problem"),
				at("runtime/ecs", "workerfleet/stacks/sizing"), at("runtime/valkey", "workerfleet/runtime/parts")},
			right: []pkg{at("runtime/valkey/valkeytest", "workerfleet/runtime/parts/partstest"), at("runtime/postgres", "workerfleet/runtime/order", "workerfleet/runtime/postgres/migrations", "github.com/jackc/pgx/v5")},
		},
		"wiring": {
			wrong: []pkg{at("runtime/keeper", "workerfleet/runtime/valkey"), at("stacks", "workerfleet/runtime/ecs"), at("offline", "workerfleet/runtime/sqs/x")},
			right: []pkg{at("runtime/cmd/api", "workerfleet/runtime/valkey", "workerfleet/runtime/httpapi")},
		},
		"environment": {
			wrong: []pkg{at("runtime/claim", "workerfleet/runtime/settings"), at("runtime/telemetry", "workerfleet/runtime/settings")},
			right: []pkg{at("runtime/cmd/api", "workerfleet/runtime/settings"), at("stacks", "workerfleet/runtime/settings")},
		},
		"no pulumi in the runtime": {
			wrong: []pkg{links("runtime/cmd/fleet", "github.com/pulumi/pulumi/sdk/v3/go/pulumi"), tests("runtime/ecs", "github.com/pulumi/pulumi/sdk/v3/go/auto")},
			right: []pkg{links("stacks", "github.com/pulumi/pulumi/sdk/v3/go/pulumi"), links("runtime/ecs", "github.com/aws/aws-sdk-go-v2/service/ecs")},
		},
		"two halves": {
			wrong: []pkg{links("", "workerfleet/runtime/fleet"), links("components/queues", "workerfleet/runtime/queue"), links("runtime/pool", "workerfleet/stacks/sizing"),
				links("runtime/cmd/api", "workerfleet/stacks"), links("runtime/cmd/fleet", "workerfleet/components/keys")},
			right: []pkg{links("stacks", "workerfleet/runtime/settings", "workerfleet/runtime/signals", "runtime/debug"), links("runtime/cmd/fleet", "workerfleet/stacks/sizing"),
				links("offline", "workerfleet/runtime/parts")},
		},
		"hinges": {
			wrong: []pkg{links("runtime/signals", "workerfleet/runtime/settings"), links("stacks/sizing", "gopkg.in/yaml.v3")},
			right: []pkg{links("runtime/settings", "net/url", "time/tzdata", "internal/abi"), links("stacks", "gopkg.in/yaml.v3")},
		},
		"components": {
			wrong: []pkg{at("components/keys", "workerfleet/stacks"), at("components/keys", "workerfleet/stacks/graph"), tests("components/edge", "workerfleet/stacks/policy")},
			right: []pkg{tests("components/edge", "workerfleet/stacks/graph"), at("stacks", "workerfleet/stacks/sizing"), at("components/watch", "workerfleet/components/keys")},
		},
		"wafv2": {
			wrong: []pkg{at("stacks", "github.com/pulumi/pulumi-aws/sdk/v6/go/aws/wafv2")},
			right: []pkg{at("components/edge", "github.com/pulumi/pulumi-aws/sdk/v6/go/aws/wafv2")},
		},
		"binaries": {
			wrong: []pkg{links("runtime/cmd/fleet", "github.com/jackc/pgx/v5"), links("runtime/cmd/worker", "github.com/redis/go-redis/v9"),
				links("runtime/cmd/agent", "github.com/jackc/pgx/v5"), links("runtime/cmd/api", "github.com/aws/aws-sdk-go-v2/service/ecs/types")},
			right: []pkg{links("runtime/cmd/keeper", "github.com/aws/aws-sdk-go-v2/service/ecs"), links("runtime/cmd/keeper", "github.com/redis/go-redis/v9"), links("runtime/cmd/agent", "github.com/redis/go-redis/v9")},
		},
		"suites": {
			wrong: []pkg{at("runtime/claim", "testing"), at("runtime/cmd/api", "workerfleet/runtime/claim/claimtest"), at("stacks", "github.com/stretchr/testify/assert")},
			right: []pkg{at("runtime/claim/claimtest", "testing", "workerfleet/runtime/parts/partstest"), tests("runtime/claim", "testing", "pgregory.net/rapid"),
				at("runtime/cmd/local", "workerfleet/runtime/parts")},
		},
		"rings": {
			wrong: []pkg{at("runtime/cache"), at("runtime/stuff/valkey")},
			right: []pkg{at("runtime/valkey"), at("runtime/cmd/api"), at("runtime/parts/report"), at("runtime/claim/claimtest"), at("components/keys")},
		},
	}
}

// Each import rule finds what breaks it and lets pass what does not; none is without an example of both. The real module
// is TestImportRules's subject.
func TestImportRulesCanFail(t *testing.T) {
	all := importExamples()
	for _, r := range rules() {
		e, ok := all[r.name]
		require.True(t, ok && len(e.wrong) > 0 && len(e.right) > 0 && r.reason != "", "%s has no examples or no reason", r.name)
		for _, p := range e.wrong {
			require.NotEmpty(t, r.breaks(p), "%s does not see %+v", r.name, p)
		}
		for _, p := range e.right {
			require.Empty(t, r.breaks(p), "%s refuses %+v", r.name, p)
		}
	}
	require.Len(t, all, len(rules()), "examples of a rule that does not exist")
}

// go list's stream becomes packages with paths relative to the module.
func TestDecodeList(t *testing.T) {
	packages, err := decode(strings.NewReader(`{"ImportPath": "workerfleet"} {"ImportPath": "workerfleet/stacks", "Imports": ["fmt"], "TestImports": ["os"], "XTestImports": ["io"]}`))
	require.NoError(t, err)
	require.Equal(t, []pkg{{}, {Path: "stacks", Imports: []string{"fmt"}, TestImports: []string{"os", "io"}}}, packages)
	_, err = decode(strings.NewReader(`{`))
	require.Error(t, err)
}
