package engine

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"workerfleet/offline/provider"
	"workerfleet/stacks"
	"workerfleet/stacks/graph"
	"workerfleet/stacks/policy"
	"workerfleet/stacks/sizing"
)

var update = flag.Bool("update", false, "rewrite the moves in docs/tiers.md")

// kept are the types that no move between neighbouring tiers may replace or delete, but for the cache that the other one
// takes over from: what holds data, and what everything stands in.
func kept() []string {
	return append(policy.Stateful(), "aws:ec2/vpc:Vpc", "aws:ec2/subnet:Subnet", "aws:lb/loadBalancer:LoadBalancer", "aws:ecs/cluster:Cluster", "aws:autoscaling/group:Group", "aws:rds/proxy:Proxy")
}

// cutOver names what holds data and goes in a move all the same: docs/tiers.md says what to do before. protected of it
// are those that the engine refuses to delete.
func cutOver(from, to string) (gone, protected []string) {
	switch from + " to " + to {
	case "10k to 50k":
		return []string{"valkey-serverless"}, nil
	case "50k to 10k":
		held := []string{"backup-abroad", "backup-abroad-key", "valkey-cluster"}
		return held, held
	}
	return nil, nil
}

// move is what one step on the ladder does to the resources of AWS, by logical name.
type move struct {
	from, to                            string
	created, updated, replaced, deleted []string
}

// ladder lists every move between neighbours, up and down, judged on the recorded graphs by the table of what AWS
// replaces. What a replacement changes in turn is seen by the engine alone.
func ladder(t *testing.T) []move {
	tiers := sizing.TierNames()
	graphs := map[string]*graph.Graph{}
	for _, tier := range tiers {
		platform, region, err := stacks.LoadFile(filepath.Join("..", "..", "Pulumi.tier-"+tier+".yaml"))
		require.NoError(t, err)
		graphs[tier], err = graph.Record(stacks.Program, graph.Run{
			Stack: "moving", Region: region, Account: graph.SimulatedAccount, Config: map[string]string{"workerfleet:platform": string(platform)},
		})
		require.NoError(t, err)
	}
	var moves []move
	for i := 1; i < len(tiers); i++ {
		moves = append(moves, between(graphs, tiers[i-1], tiers[i]))
	}
	for i := len(tiers) - 1; i > 0; i-- {
		moves = append(moves, between(graphs, tiers[i], tiers[i-1]))
	}
	return moves
}

func between(graphs map[string]*graph.Graph, from, to string) move {
	m := move{from: from, to: to}
	for _, old := range graphs[from].All() {
		next, stays := graphs[to].Get(old.URN)
		replaced := slices.ContainsFunc(provider.Replacing(old.Type), func(property string) bool {
			return !reflect.DeepEqual(old.Inputs[property], next.Inputs[property])
		})
		switch {
		case !old.Custom, old.Type == "pulumi:providers:aws":
		case !stays:
			m.deleted = append(m.deleted, old.Type+" "+old.Name)
		case replaced:
			m.replaced = append(m.replaced, old.Type+" "+old.Name)
		case !reflect.DeepEqual(old.Inputs, next.Inputs):
			m.updated = append(m.updated, old.Type+" "+old.Name)
		}
	}
	for _, next := range graphs[to].All() {
		if _, stood := graphs[from].Get(next.URN); next.Custom && !stood {
			m.created = append(m.created, next.Type+" "+next.Name)
		}
	}
	return m
}

// Moving a stack by one tier, up or down, replaces and deletes nothing that holds data or carries everything else, but
// for the cache at the one move that changes its kind. What is replaced are definitions of tasks, of which AWS keeps every
// revision; what is deleted on the way up is that cache and its alarms.
func TestMovesKeepWhatHoldsData(t *testing.T) {
	moves := ladder(t)
	require.Len(t, moves, 12)
	for _, m := range moves {
		var lost []string
		for _, gone := range slices.Concat(m.replaced, m.deleted) {
			if token, name, _ := strings.Cut(gone, " "); slices.Contains(kept(), token) {
				lost = append(lost, name)
			}
		}
		named, _ := cutOver(m.from, m.to)
		require.ElementsMatch(t, named, lost, "%s to %s", m.from, m.to)
		for _, replaced := range m.replaced {
			require.True(t, strings.HasPrefix(replaced, "aws:ecs/taskDefinition:TaskDefinition "), "%s to %s replaces %s", m.from, m.to, replaced)
		}
		require.NotEmpty(t, m.updated)
	}
	for _, m := range moves[:6] {
		for _, deleted := range m.deleted {
			_, name, _ := strings.Cut(deleted, " ")
			require.True(t, strings.HasPrefix(name, "valkey-serverless") && m.from == "10k", "%s to %s deletes %s", m.from, m.to, deleted)
		}
	}
}

const (
	tiersPage  = "../../docs/tiers.md"
	movesBegin = "<!-- moves: go test ./offline/engine -run Page -update -->\n"
	movesEnd   = "<!-- end of moves -->\n"
)

// The page of the tiers lists what every move replaces and deletes.
func TestThePageListsTheMoves(t *testing.T) {
	text, err := os.ReadFile(tiersPage)
	require.NoError(t, err)
	before, rest, found := strings.Cut(string(text), movesBegin)
	require.True(t, found, "%s has lost its first mark", tiersPage)
	_, after, found := strings.Cut(rest, movesEnd)
	require.True(t, found, "%s has lost its second mark", tiersPage)
	var b strings.Builder
	b.WriteString("| move | created | updated in place | replaced | deleted |\n|---|---|---|---|---|\n")
	for _, m := range ladder(t) {
		fmt.Fprintf(&b, "| %s to %s | %d | %d | %s | %s |\n", m.from, m.to, len(m.created), len(m.updated), counted(m.replaced), counted(m.deleted))
	}
	want := before + movesBegin + b.String() + movesEnd + after
	if *update {
		require.NoError(t, os.WriteFile(tiersPage, []byte(want), 0o644))
	}
	require.Equal(t, want, string(text), "run go test ./offline/engine -run Page -update")
}

// counted writes "3 MetricAlarm, Queue"; nothing is a dash.
func counted(resources []string) string {
	counts := map[string]int{}
	for _, one := range resources {
		token, _, _ := strings.Cut(one, " ")
		counts[shortType(token)]++
	}
	var written []string
	for _, short := range slices.Sorted(maps.Keys(counts)) {
		if counts[short] == 1 {
			written = append(written, short)
		} else {
			written = append(written, fmt.Sprintf("%d %s", counts[short], short))
		}
	}
	if written == nil {
		return "–"
	}
	return strings.Join(written, ", ")
}

// The real engine takes one stack up the whole ladder and down again. At the move that changes the cache's kind it goes
// through mode both, as docs/tiers.md tells; a cluster is protected, and the engine refuses to delete it until somebody
// says so. Nothing else that holds data is replaced or deleted, also not as a consequence of something else's
// replacement. The provider is simulated; its table of what AWS replaces is what this is worth.
func TestTheLadderInTheEngine(t *testing.T) {
	b := newBench(t)
	tiers := sizing.TierNames()
	climb := append(slices.Clone(tiers), slices.Clone(tiers)...)
	slices.Reverse(climb[len(tiers):])
	at := ""
	for _, tier := range climb {
		if tier == at {
			continue
		}
		file, err := b.Read(tier)
		require.NoError(t, err)
		goes, protected := cutOver(at, tier)
		if goes != nil {
			both, err := b.Read(at)
			require.NoError(t, err)
			both.Text = withBothCaches(t, both.Text)
			b.step(t, at+" with both caches", both, nil)
		}
		for _, name := range protected {
			_, err = b.preview(t.Context(), "moving", file)
			require.Error(t, err, "the engine would delete %s, which is protected", name)
			require.Contains(t, err.Error()+b.progress.String(), "protected")
			b.unprotect(t, file, name)
		}
		b.step(t, tier, file, goes)
		at = tier
	}
}

// step applies a stack file to the stack that moves and looks at what went.
func (b *bench) step(t *testing.T, to string, file StackFile, goes []string) {
	t.Helper()
	b.progress.Reset()
	steps, err := b.apply(t.Context(), "moving", file)
	require.NoError(t, err, "%s: %s", to, &b.progress)
	var gone []string
	for _, step := range steps {
		if (step.Op == "delete" || step.Op == "replace") && slices.Contains(kept(), step.Type) {
			gone = append(gone, step.URN[strings.LastIndex(step.URN, "::")+2:])
		}
	}
	require.ElementsMatch(t, goes, gone, "to %s", to)
}

// withBothCaches is a stack file of a serverless tier or of a cluster's with the other cache beside its own.
func withBothCaches(t *testing.T, text []byte) []byte {
	t.Helper()
	file := string(text)
	file = strings.Replace(file, "      mode: serverless\n", "      mode: both\n      shards: 3\n      nodeType: cache.r7g.large\n", 1)
	file = strings.Replace(file, "      mode: cluster\n", "      mode: both\n      storageGB: 39\n      ecpu: 500000\n", 1)
	require.Contains(t, file, "mode: both")
	return []byte(file)
}

// unprotect does what `pulumi state unprotect` does.
func (b *bench) unprotect(t *testing.T, file StackFile, name string) {
	t.Helper()
	b.progress.Reset()
	stack, done, err := b.open(t.Context(), "moving", file)
	require.NoError(t, err)
	defer done()
	state, err := stack.Export(t.Context())
	require.NoError(t, err)
	var deployment map[string]any
	require.NoError(t, json.Unmarshal(state.Deployment, &deployment))
	found := false
	for _, item := range deployment["resources"].([]any) {
		if r := item.(map[string]any); strings.HasSuffix(fmt.Sprint(r["urn"]), "::"+name) {
			require.Equal(t, true, r["protect"])
			delete(r, "protect")
			found = true
		}
	}
	require.True(t, found, name)
	state.Deployment, err = json.Marshal(deployment)
	require.NoError(t, err)
	require.NoError(t, stack.Import(t.Context(), state))
}
