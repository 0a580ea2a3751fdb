package graph

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	"github.com/pulumi/pulumi/sdk/v3/go/common/tokens"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Run says how to run a program without an engine.
type Run struct {
	// Project and Stack default to "workerfleet" and "test".
	Project, Stack string
	// Region and Account default to ap-southeast-1 and an account that could be real, so that what a program refuses
	// only outside a simulation is seen to be refused.
	Region, Account string
	// Config holds stack configuration by full key, such as "workerfleet:platform"; objects as JSON text.
	Config map[string]string
	// DryRun runs the program as a preview does: what AWS would answer stays unknown.
	DryRun bool
}

// Record runs a program under Pulumi's mocks and returns all that it registered, together with the program's error.
func Record(program pulumi.RunFunc, run Run) (*Graph, error) {
	run = run.withDefaults()
	recorder := &recorder{run: run, place: Place{Region: run.Region, Account: run.Account}, graph: New()}
	err := pulumi.RunErr(program, pulumi.WithMocks(run.Project, run.Stack, recorder), func(info *pulumi.RunInfo) {
		info.Config = run.Config
		info.DryRun = run.DryRun
	})
	return recorder.graph, err
}

func (r Run) withDefaults() Run {
	for field, standard := range map[*string]string{
		&r.Project: "workerfleet", &r.Stack: "test", &r.Region: "ap-southeast-1", &r.Account: "111122223333",
	} {
		if *field == "" {
			*field = standard
		}
	}
	r.Config = maps.Clone(r.Config)
	if r.Config == nil {
		r.Config = map[string]string{}
	}
	if r.Config["aws:region"] == "" {
		r.Config["aws:region"] = r.Region
	}
	return r
}

// recorder answers Pulumi's mock monitor, which calls it from many goroutines.
type recorder struct {
	run   Run
	place Place

	mu    sync.Mutex
	graph *Graph
}

// NewResource records a registration and answers with simulated outputs, or with none in a dry run.
func (r *recorder) NewResource(args pulumi.MockResourceArgs) (string, resource.PropertyMap, error) {
	if args.RegisterRPC == nil {
		return "", nil, fmt.Errorf("%s %q is read, not registered: use a lookup through the explicit provider", args.TypeToken, args.Name)
	}
	rpc := args.RegisterRPC
	recorded := Resource{
		URN:  r.urn(rpc.GetParent(), args.TypeToken, args.Name),
		Type: args.TypeToken, Name: args.Name, Custom: args.Custom,
		Parent: withoutStack(rpc.GetParent()), Provider: ProviderName(args.Provider),
		Options: Options{
			Protect: rpc.GetProtect(), IgnoreChanges: slices.Sorted(slices.Values(rpc.GetIgnoreChanges())),
			DependsOn:           slices.Sorted(slices.Values(rpc.GetDependencies())),
			DeleteBeforeReplace: rpc.GetDeleteBeforeReplace(), RetainOnDelete: rpc.GetRetainOnDelete(),
		},
	}
	// Read off the request itself: the mock monitor drops what is not known yet. (It cannot carry a secret that is not
	// known yet, so a dry run of a program that has one fails.)
	inputs, err := plugin.UnmarshalProperties(rpc.GetObject(), plugin.MarshalOptions{KeepUnknowns: true, KeepSecrets: true, KeepResources: true})
	if err != nil {
		return "", nil, fmt.Errorf("read the inputs of %s: %w", recorded.URN, err)
	}
	recorded.Inputs, recorded.Secrets = Plain(inputs)

	r.mu.Lock()
	defer r.mu.Unlock()
	if _, twice := r.graph.Get(recorded.URN); twice {
		return "", nil, fmt.Errorf("%s is registered twice", recorded.URN)
	}
	defer func() { r.graph.Put(recorded) }()
	if !args.Custom {
		return "", args.Inputs, nil
	}
	if r.run.DryRun && args.TypeToken != "pulumi:providers:aws" {
		return "", args.Inputs, nil
	}
	id, outputs := r.placeOf(args.Provider).Simulate(recorded, recorded.URN)
	recorded.Outputs = outputs
	state := args.Inputs.Copy()
	for key, value := range outputs {
		if _, stated := state[resource.PropertyKey(key)]; !stated && key != "id" {
			state[resource.PropertyKey(key)] = resource.NewPropertyValue(value)
		}
	}
	return id, state, nil
}

// placeOf is where a provider's resources stand: in the region that the provider states. The caller holds the lock.
func (r *recorder) placeOf(reference string) Place {
	place := r.place
	for _, provider := range r.graph.OfType("pulumi:providers:aws") {
		if region := provider.Text("region"); region != "" && provider.Name == ProviderName(reference) {
			place.Region = region
		}
	}
	return place
}

// Call answers lookups.
func (r *recorder) Call(args pulumi.MockCallArgs) (resource.PropertyMap, error) {
	plainArgs, _ := Plain(args.Args)
	answer, ok := r.place.Answer(args.Token, plainArgs)
	if !ok {
		return nil, fmt.Errorf("no answer is known to the lookup %s", args.Token)
	}
	return resource.NewPropertyMapFromMap(answer), nil
}

func (r *recorder) urn(parent, token, name string) string {
	parentType := tokens.Type("")
	if urn := resource.URN(parent); urn != "" && urn.QualifiedType() != resource.RootStackType {
		parentType = urn.QualifiedType()
	}
	return string(resource.NewURN(tokens.QName(r.run.Stack), tokens.PackageName(r.run.Project), parentType, tokens.Type(token), name))
}

// withoutStack empties the URN of the stack itself: its children are the graph's roots.
func withoutStack(parent string) string {
	if parent != "" && resource.URN(parent).Type() == resource.RootStackType {
		return ""
	}
	return parent
}

// ProviderName returns "workerfleet" of a provider reference "urn:pulumi:…::pulumi:providers:aws::workerfleet::id".
func ProviderName(reference string) string {
	parts := strings.Split(reference, "::")
	if len(parts) < 2 {
		return ""
	}
	return parts[len(parts)-2]
}
