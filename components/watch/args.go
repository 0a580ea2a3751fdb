package watch

import (
	"errors"
	"fmt"
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"workerfleet/components/alarms"
	"workerfleet/components/place"
)

// What becomes of a thing that an account has once: the words of the stack's configuration.
const (
	Create = "create"
	Adopt  = "adopt"
	Off    = "off"
)

// mostWidgets is CloudWatch's limit of a dashboard.
const mostWidgets = 500

// Args say what is seen, and who is told.
type Args struct {
	Place place.Place
	Topic *alarms.Topic
	// Users and Capacity are patterns of alarms' logical names, such as edge-* (alarms.Topic.Matching). Each must match.
	Users, Capacity []string
	// Sections of the dashboard, below those of the fleet's own metrics.
	Sections []Section
	// MonthlyBudgetUSD is what the stack may cost.
	MonthlyBudgetUSD int
	// CostAnomaly and GuardDuty are create, adopt or off.
	CostAnomaly, GuardDuty string
}

// Section is a row of graphs under a title.
type Section struct {
	Title  string
	Graphs []Graph
}

// Graph shows some series.
type Graph struct {
	Title   string
	Series  []Series
	Stacked bool
}

// Series is one metric, or an expression over many.
type Series struct {
	Namespace, Name string
	Dimensions      pulumi.StringMap
	Statistic       string // such as Sum, Maximum, p99
	Label           string
	// Search finds metrics instead, such as those of all nodes of a cluster: CloudWatch's SEARCH.
	Search pulumi.StringInput
}

// complete returns what is wrong with the arguments, all of it.
func (args *Args) complete(name string) error {
	var problems []error
	refuse := func(format string, values ...any) { problems = append(problems, fmt.Errorf(format, values...)) }
	for field, value := range map[string]string{"costAnomaly": args.CostAnomaly, "guardDuty": args.GuardDuty} {
		if !slices.Contains([]string{Create, Adopt, Off}, value) {
			refuse("%s: %q is not allowed; allowed: %s, %s, %s", field, value, Create, Adopt, Off)
		}
	}
	if args.MonthlyBudgetUSD < 1 {
		refuse("monthlyBudgetUSD: %d is not allowed; allowed: 1 or more", args.MonthlyBudgetUSD)
	}
	for field, patterns := range map[string][]string{"users": args.Users, "capacity": args.Capacity} {
		if len(patterns) == 0 {
			refuse("%s: is empty; allowed: at least one pattern of alarms", field)
		}
	}
	if n := widgets(args.sections()); n > mostWidgets {
		refuse("sections: make %d widgets; allowed: at most %d", n, mostWidgets)
	}
	if args.Topic == nil {
		refuse("topic: is missing; allowed: the stack's alarm topic")
	}
	if err := errors.Join(problems...); err != nil {
		return fmt.Errorf("watch.Watch %q: %w", name, err)
	}
	return nil
}
