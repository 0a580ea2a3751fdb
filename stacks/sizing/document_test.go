package sizing

import (
	"fmt"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const document = "../../docs/tiers.md"

// The generated tables of docs/tiers.md equal what sizing computes. The hand-written ones repeat published cells, which
// TestDocumentRepeatsTables compares.
func TestDocumentFigures(t *testing.T) {
	text, err := os.ReadFile(document)
	require.NoError(t, err)
	want := between(t, string(text), "figures", figuresTable(t))
	want = between(t, want, "prices", pricesTable())
	if *update {
		require.NoError(t, os.WriteFile(document, []byte(want), 0o644))
		return
	}
	require.Equal(t, want, string(text), "rewrite with: go test ./stacks/sizing -update")
}

// between replaces what stands between a marker and the next end marker.
func between(t *testing.T, text, marker, table string) string {
	t.Helper()
	head, rest, found := strings.Cut(text, "<!-- "+marker+": go test ./stacks/sizing -update -->\n")
	require.True(t, found, marker)
	_, tail, found := strings.Cut(rest, "<!-- end -->\n")
	require.True(t, found, marker)
	return head + "<!-- " + marker + ": go test ./stacks/sizing -update -->\n" + table + "<!-- end -->\n" + tail
}

func figuresTable(t *testing.T) string {
	var b strings.Builder
	b.WriteString("| users | architecture | worker slots | hosts min–max | API tasks | slot full | vCPU quota | USD/month | " +
		"USD/user | against 1.61 | calendar | reserved |\n|---|---|---|---|---|---|---|---|---|---|---|---|\n")
	for _, row := range []struct {
		users int
		arch  Architecture
	}{{100, X86}, {500, X86}, {1_000, X86}, {5_000, X86}, {10_000, X86}, {25_000, X86}, {50_000, X86}, {50_000, ARM},
		{100_000, X86}, {100_000, ARM}, {250_000, ARM}, {1_000_000, ARM}} {
		p, err := ForArchitecture(row.users, row.arch)
		require.NoError(t, err)
		c := p.Cost
		reserved := "–"
		if c.ReservedQuantity > 0 {
			reserved = whole(c.Reserved)
		}
		against := "–"
		if p.Tier == "100k" {
			against = fmt.Sprintf("%+.0f %%", 100*(c.PerUserUSD/BaselinePerUserUSD-1))
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %d–%d | %d–%d | %.1f %% | %s | %s | %.2f | %s | %s | %s |\n",
			Thousands(p.Users), p.Architecture, Thousands(p.Workers.Slots()), p.Workers.MinInstances, p.Workers.MaxInstances,
			p.API.MinTasks, p.API.MaxTasks, 100*p.Pool.SlotShare, Thousands(p.Quotas[0].Required),
			whole(c.MonthlyUSD), c.PerUserUSD, against, whole(c.Calendar), reserved)
	}
	return b.String()
}

func whole(usd float64) string { return Thousands(int(math.Round(usd))) }

func pricesTable() string {
	var b strings.Builder
	b.WriteString("| id | USD | per | read there | source |\n|---|---|---|---|---|\n")
	for _, f := range Facts() {
		read := "no"
		if f.Verified {
			read = "yes"
		}
		fmt.Fprintf(&b, "| %s | %.6g | %s | %s | %s |\n", f.ID, f.USD, f.Per, read, f.Source)
	}
	return b.String()
}

// The document's copies of the published tables name the same cells as the tests of the tables.
func TestDocumentRepeatsTables(t *testing.T) {
	text, err := os.ReadFile(document)
	require.NoError(t, err)
	for _, c := range published {
		row := fmt.Sprintf("| %s | %s | %s | %d | %s | %d | %s | %d | ", c.name, Thousands(c.users), Thousands(c.peak),
			c.workers, c.workerType, c.api, c.apiType, c.lambda)
		require.Contains(t, string(text), row)
	}
	for _, r := range workerRows {
		require.Contains(t, string(text), fmt.Sprintf("| r6i.%s | %d | %d | %.3f | %d | %d | %d | 0.00507 |", r.size, r.vcpu,
			r.memoryGB, r.hourUSD, r.byMemory, r.byCPU, r.planned))
	}
}

// The user counts at which the document says the pool's slot passes half of a core and all of it.
func TestDocumentSlotEdges(t *testing.T) {
	edge := func(share float64) int {
		for users := clusterFrom; users <= MaxUsers; users += 1_000 {
			if capacity(users, ARM).Pool.SlotShare > share {
				return users
			}
		}
		return 0
	}
	require.InDelta(t, 454_000, edge(0.5), 1_000)
	require.InDelta(t, 908_000, edge(1), 1_000)
}
