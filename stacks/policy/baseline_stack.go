package policy

import (
	"slices"
	"strings"

	"workerfleet/stacks/graph"
)

const awsProviderType = "pulumi:providers:aws"

// stateful are the types whose loss loses something that no update brings back.
var stateful = []string{
	clusterType, replicationType, serverlessType, keyType, bucketType, oldBucketType, repositoryType, vaultType, secretType,
}

// Stateful lists the types whose loss loses something that no update brings back.
func Stateful() []string { return slices.Clone(stateful) }

// required are the tags that say what a resource belongs to, to people and to the bill.
var required = []string{"app", "env", "tier", "owner", "cost-center"}

func stackBaseline(asked Asked) []Rule {
	return []Rule{
		{Row: 175, Title: "everything says what it belongs to", Types: of(awsProviderType), Refs: refs("SH tagging controls"), Check: func(_ *graph.Graph, r graph.Resource) []Finding {
			if valueAt(r, "defaultTags") == graph.Unknown || valueAt(r, "defaultTags.tags") == graph.Unknown {
				return []Finding{undecided("defaultTags.tags")}
			}
			for _, key := range required {
				if valueAt(r, "defaultTags.tags."+key) == nil {
					return []Finding{finding("defaultTags.tags", "lack %s; wanted: %s", key, strings.Join(required, ", "))}
				}
			}
			return nil
		}},
		{Row: 176, Title: "everything stands below the component whose name it carries, and is made by the one provider", Refs: refs("house"), Check: checkPlace},
		{Row: 177, Title: "what holds data refuses to go", Types: stateful, Off: unless(asked.Strict, "the stack asks for relaxed protection"), Refs: refs("house"), Check: func(_ *graph.Graph, r graph.Resource) []Finding {
			if r.Options.Protect {
				return nil
			}
			return []Finding{finding("protect", "is not set; wanted: protect")}
		}},
	}
}

// checkPlace judges where a resource stands. The provider alone stands at the top: everything else is made through it.
func checkPlace(g *graph.Graph, r graph.Resource) []Finding {
	if r.Type == awsProviderType {
		return nil
	}
	parent, found := g.Get(r.Parent)
	switch {
	case !found:
		return []Finding{finding("parent", "is the stack; wanted: a component")}
	case !strings.HasPrefix(r.Name, parent.Name+"-"):
		return []Finding{finding("name", "does not begin with %s-, its parent's name", parent.Name)}
	case r.Provider == "":
		return []Finding{finding("provider", "is the default one; wanted: the stack's own")}
	}
	return nil
}
