package policy

import (
	"regexp"
	"strings"

	"workerfleet/stacks/graph"
)

const (
	vaultType     = "aws:backup/vault:Vault"
	planType      = "aws:backup/plan:Plan"
	compositeType = "aws:cloudwatch/compositeAlarm:CompositeAlarm"
)

// oncePerAccount are the types of which an account has one, or a region of it.
var oncePerAccount = []string{
	"aws:iam/openIdConnectProvider:OpenIdConnectProvider", "aws:guardduty/detector:Detector", "aws:costexplorer/anomalyMonitor:AnomalyMonitor",
}

// keepRules are about what outlives the stack and what watches it.
func keepRules() []Rule {
	return []Rule{
		{ID: "aws-34", Title: "a backup vault's key is of the vault's own region", Types: []string{vaultType}, Check: checkVaultKey},
		{ID: "aws-34", Title: "a copy of a backup goes to a vault of another region", Types: []string{planType}, Check: checkCopies},
		{ID: "aws-36", Title: "what an account has once is made once", Types: oncePerAccount, Check: checkOnce},
		{ID: "aws-35", Title: "a composite alarm names alarms that exist", Types: []string{compositeType}, Check: checkComposite},
	}
}

// checkOnce compares what tells two of a type apart: the issuer of tokens, the kind of monitor, the provider's region.
func checkOnce(g *graph.Graph, r graph.Resource) []Finding {
	for _, other := range g.OfType(r.Type) {
		same := other.Provider == r.Provider && other.Text("url") == r.Text("url") && other.Text("monitorType") == r.Text("monitorType")
		if other.URN != r.URN && same {
			return []Finding{finding("", "EntityAlreadyExists: %q makes the same: one of them is to be adopted", other.Name)}
		}
	}
	return nil
}

// regionOf is the region of an ARN.
func regionOf(arn any) string {
	text, _ := arn.(string)
	region, _, _ := strings.Cut(arnPlace(text), ":")
	return region
}

func checkVaultKey(_ *graph.Graph, r graph.Resource) []Finding {
	vault, key := regionOf(r.Outputs["arn"]), regionOf(r.Value("kmsKeyArn"))
	if vault != "" && key != "" && vault != key {
		return []Finding{finding("kmsKeyArn", "InvalidParameterValueException: the vault is in %s and its key in %s: make a key through the provider of the vault's region", vault, key)}
	}
	return nil
}

func checkCopies(g *graph.Graph, r graph.Resource) []Finding {
	var findings []Finding
	for _, item := range listed(r.Value("rules")) {
		rule, _ := item.(map[string]any)
		vault, found := g.Refers(vaultType, rule["targetVaultName"])
		for _, copied := range listed(rule["copyActions"]) {
			action, _ := copied.(map[string]any)
			there := regionOf(action["destinationVaultArn"])
			if here := regionOf(vault.Outputs["arn"]); found && here != "" && there == here {
				findings = append(findings, finding("rules", "nothing, but the copy stays in %s and is lost with it; allowed: a vault of another region", here))
			}
		}
	}
	return findings
}

var namedAlarm = regexp.MustCompile(`\b(?:ALARM|OK|INSUFFICIENT_DATA)\("?([^")]+)"?\)`)

func checkComposite(g *graph.Graph, r graph.Resource) []Finding {
	var findings []Finding
	for _, named := range namedAlarm.FindAllStringSubmatch(r.Text("alarmRule"), -1) {
		if !exists(g, named[1]) {
			findings = append(findings, finding("alarmRule", "ValidationError: AlarmRule is invalid: the alarm %q does not exist", named[1]))
		}
	}
	return findings
}

// exists says whether an alarm, or a composite one, has the name. In a preview an alarm has no outputs yet, but a name.
func exists(g *graph.Graph, name string) bool {
	for _, alarm := range g.OfType(alarmType) {
		if alarm.PhysicalName() == name {
			return true
		}
	}
	for _, composite := range g.OfType(compositeType) {
		if composite.Text("alarmName") == name {
			return true
		}
	}
	return false
}
