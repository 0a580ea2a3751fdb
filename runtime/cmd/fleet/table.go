package main

import (
	"fmt"
	"math"
	"strings"
	"text/tabwriter"

	"workerfleet/stacks/sizing"
)

// table is a plan for people: what there will be, how near its limits, what to ask AWS for, and the bill.
func table(p sizing.Plan) string {
	var b strings.Builder
	name := "between the published tiers"
	if p.Tier != "" {
		name = "tier " + p.Tier
	}
	fmt.Fprintf(&b, "%s users (%s), %s: %s workers at peak\n", sizing.Thousands(p.Users), name, p.Architecture,
		sizing.Thousands(p.PeakWorkers))
	section(&b, "Capacity", capacityRows(p))
	section(&b, "Load at the open", loadRows(p))
	section(&b, "Quotas to raise or look up before the first deployment", quotaRows(p))
	section(&b, "Cost, USD, on demand, everything at peak count in every hour", costRows(p))
	section(&b, "Which is", totalRows(p))
	if len(p.Notes) > 0 {
		b.WriteString("\nNotes\n")
		for _, note := range p.Notes {
			fmt.Fprintf(&b, "  - %s\n", note)
		}
	}
	return b.String()
}

// section writes rows under a title; cells are separated by tabs.
func section(b *strings.Builder, title string, rows []string) {
	fmt.Fprintf(b, "\n%s\n", title)
	w := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		fmt.Fprintln(w, "  "+row)
	}
	w.Flush() // a strings.Builder never fails
}

// capacityRows follow the order of the published tier table.
func capacityRows(p sizing.Plan) []string {
	w, a, d := p.Workers, p.API, p.Database
	valkey := fmt.Sprintf("serverless\tup to %d GB, %s ECPU/s", p.Valkey.StorageGB, sizing.Thousands(p.Valkey.ECPU))
	if p.Valkey.Mode == sizing.Cluster {
		valkey = fmt.Sprintf("%d × %s\t%d shards, one replica each", p.Valkey.Nodes(), p.Valkey.NodeType, p.Valkey.Shards)
	}
	return []string{
		fmt.Sprintf("worker hosts\t%d × %s\t%d workers each, %s in all; %d to %d hosts", w.Instances, w.Type.Name, w.PerHost,
			sizing.Thousands(w.Slots()), w.MinInstances, w.MaxInstances),
		fmt.Sprintf("on each host\t%s CPU units\tfor the agent and the log router, %s for workers (1,024 = one vCPU)",
			sizing.Thousands(w.ReservedUnits), sizing.Thousands(w.Type.WorkerUnits())),
		fmt.Sprintf("API hosts\t%d × %s\tup to %d hosts; %s to %s tasks", a.Instances, a.Type.Name, a.MaxInstances,
			sizing.Thousands(a.MinTasks), sizing.Thousands(a.MaxTasks)),
		fmt.Sprintf("functions\tconcurrency %s\tfive functions together", sizing.Thousands(p.Lambda.Concurrency)),
		"Valkey\t" + valkey,
		fmt.Sprintf("database\t%d × %s\t%s, read replicas: %d", d.Instances, d.Class.Name, multiAZ(d), d.ReadReplicas),
		fmt.Sprintf("network\t%d NAT, %s\t%d addresses, VPC of /%d or larger", p.Network.NATs(), endpoints(p), p.Network.Addresses,
			p.Network.MaxPrefix),
	}
}

func multiAZ(d sizing.Database) string {
	if d.MultiAZ {
		return "writer and failover reader in two zones"
	}
	return "one writer"
}

func endpoints(p sizing.Plan) string {
	if p.Network.InterfaceEndpoints {
		return "interface endpoints"
	}
	return "no interface endpoints"
}

// loadRows compare demand with the limit it runs into first, everything at its maximum.
func loadRows(p sizing.Plan) []string {
	c := p.Connections
	return []string{
		fmt.Sprintf("connections to Valkey\t%s of %s\teverything at its maximum", sizing.Thousands(c.Valkey),
			sizing.Thousands(c.ValkeyLimit)),
		fmt.Sprintf("clients of the database proxy\t%s\tmultiplexed onto at most %s", sizing.Thousands(c.Database),
			sizing.Thousands(c.DatabaseLimit)),
		fmt.Sprintf("heartbeats\t%s/s\tin %s host batches/s", sizing.Thousands(p.Pool.BeatsPerSecond),
			sizing.Thousands(p.Pool.BatchesPerSecond)),
		fmt.Sprintf("claims\t%.1f/s\tthe pool's slot is %.1f %% full", p.Pool.ClaimsPerSecond, 100*p.Pool.SlotShare),
	}
}

// quotaRows always has two at least: the vCPU, of which an account has five, and what new accounts have less of.
func quotaRows(p sizing.Plan) []string {
	rows := []string{"service\tquota\tneeds\tdefault\tsource"}
	for _, q := range p.Quotas {
		standard := sizing.Thousands(q.Default)
		if q.NewAccounts {
			standard += " (new accounts: less)"
		}
		rows = append(rows, fmt.Sprintf("%s\t%s\t%s\t%s\t%s", q.Service, q.Name, sizing.Thousands(q.Required), standard, q.Source))
	}
	return rows
}

// costRows marks every price that was not read in a source, so that nobody takes an estimate for a quotation.
func costRows(p sizing.Plan) []string {
	rows := []string{"item\tquantity\tunit price\thourly\tmonthly\tprice source"}
	for _, l := range p.Cost.Lines {
		source := l.Source
		if !l.Verified {
			source += " (unverified)"
		}
		rows = append(rows, fmt.Sprintf("%s\t%s\t%.6g per %s\t%.3f\t%s\t%s", l.Item, quantity(l.Quantity), l.UnitUSD, l.Per,
			l.Hourly(), dollars(l.Monthly), source))
	}
	return append(rows, fmt.Sprintf("total\t\t\t%.3f\t%s", p.Cost.HourlyUSD(), dollars(p.Cost.MonthlyUSD)))
}

// totalRows are the same bill seen in other ways. The baseline's figure is published for 100,000 users only.
func totalRows(p sizing.Plan) []string {
	c := p.Cost
	rows := []string{
		fmt.Sprintf("per user and month\t%.2f\tthe queue-claim baseline: %.2f at 100,000 users", c.PerUserUSD,
			sizing.BaselinePerUserUSD),
		fmt.Sprintf("per worker and hour\t%.5f\ta host's price by its planned workers", c.WorkerHourlyUSD),
		fmt.Sprintf("prices read in a source\t%.0f %%\tof the total", 100*c.VerifiedShare()),
		fmt.Sprintf("with the market calendar\t%s\ta month, %d worker hosts outside market hours", dollars(c.Calendar),
			p.Workers.MinInstances),
	}
	if c.ReservedQuantity > 0 {
		rows = append(rows, fmt.Sprintf("with %d hosts reserved\t%s\ta month, 1 year, nothing upfront (planning figure, unverified)",
			c.ReservedQuantity, dollars(c.Reserved)))
	}
	return rows
}

// quantity writes whole counts without decimals.
func quantity(q float64) string {
	if q == math.Trunc(q) {
		return sizing.Thousands(int(q))
	}
	return fmt.Sprintf("%.2f", q)
}

// dollars rounds to whole dollars with commas, or to cents below ten.
func dollars(usd float64) string {
	if usd < 10 {
		return fmt.Sprintf("%.2f", usd)
	}
	return sizing.Thousands(int(math.Round(usd)))
}
