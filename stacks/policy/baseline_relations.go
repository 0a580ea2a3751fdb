package policy

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"workerfleet/stacks/graph"
)

// pointing finds the resources of a type whose input at a path names the target. unsure says that some of the type name
// something that is not known yet.
func pointing(g *graph.Graph, token, path string, target graph.Resource) (found []graph.Resource, unsure bool) {
	for _, r := range g.OfType(token) {
		for _, at := range spots(r, path) {
			if at.value == graph.Unknown {
				unsure = true
			} else if names(at.value, target) {
				found = append(found, r)
				break
			}
		}
	}
	return found, unsure
}

// identifiers are the inputs that name a resource before AWS has made it.
var identifiers = []string{"name", "bucket", "clusterIdentifier", "identifier", "replicationGroupId"}

// names says whether a reference means the target: by id, ARN, URL or name, or by the name that the target states.
func names(reference any, target graph.Resource) bool {
	text, ok := reference.(string)
	if !ok || text == "" {
		return false
	}
	for _, property := range []string{"id", "arn", "url", "name"} {
		if target.Outputs[property] == text {
			return true
		}
	}
	return slices.ContainsFunc(identifiers, func(property string) bool { return target.Inputs[property] == text })
}

// pointedAt wants a resource of the type that names the judged one at the path and passes the check.
func pointedAt(token, path string, and check) check {
	return func(g *graph.Graph, r graph.Resource) []Finding {
		found, unsure := pointing(g, token, path, r)
		property := token[strings.LastIndexByte(token, ':')+1:] + "." + path
		if len(found) == 0 && unsure {
			return []Finding{undecided(property)}
		}
		if len(found) == 0 {
			return []Finding{finding(property, "no such resource names this one; wanted: one")}
		}
		best := []Finding{}
		for i, one := range found {
			findings := []Finding{}
			if and != nil {
				findings = and(g, one)
			}
			if i == 0 || len(findings) < len(best) {
				best = findings
			}
		}
		for i := range best {
			best[i].Property = token[strings.LastIndexByte(token, ':')+1:] + "." + best[i].Property
		}
		return best
	}
}

// zonesAt counts the zones of the subnets that a path names.
func zonesAt(g *graph.Graph, r graph.Resource, path string) (zones int, unsure bool) {
	var seen []string
	for _, at := range spots(r, path) {
		subnet, found := g.Refers(subnetType, at.value)
		zone := subnet.Text("availabilityZone")
		switch {
		case at.value == graph.Unknown || found && zone == "":
			unsure = true
		case found && !slices.Contains(seen, zone):
			seen = append(seen, zone)
		}
	}
	return len(seen), unsure
}

// inTwoZones wants subnets of two zones at least.
func inTwoZones(path string) check {
	return func(g *graph.Graph, r graph.Resource) []Finding {
		zones, unsure := zonesAt(g, r, path+".*")
		switch {
		case zones >= 2:
			return nil
		case unsure || valueAt(r, path) == graph.Unknown:
			return []Finding{undecided(path)}
		}
		return []Finding{finding(path, "are subnets of %d zones; wanted: 2 or more", zones)}
	}
}

// reaches says whether a resource depends on one of the type, directly or through others.
func reaches(g *graph.Graph, r graph.Resource, token string) bool {
	seen := map[string]bool{}
	var visit func(graph.Resource) bool
	visit = func(at graph.Resource) bool {
		for _, urn := range at.Options.DependsOn {
			if on, found := g.Get(urn); found && !seen[urn] {
				seen[urn] = true
				if on.Type == token || visit(on) {
					return true
				}
			}
		}
		return false
	}
	return visit(r)
}

// parsed reads the JSON text of an input. known is false when the text is not known yet, and says then holds what to
// answer; a text that is absent or no JSON of the kind asked leaves into as it is.
func parsed(r graph.Resource, property string, into any) (says []Finding, known bool) {
	if valueAt(r, property) == graph.Unknown {
		return []Finding{undecided(property)}, false
	}
	if text := r.Text(property); text != "" && json.Unmarshal([]byte(text), into) != nil {
		return []Finding{finding(property, "is no JSON of the form that is expected here")}, false
	}
	return nil, true
}

// allowed judges every Allow statement of a policy; an empty answer is a pass.
func allowed(property string, judge func(statement map[string]any) string) check {
	return func(_ *graph.Graph, r graph.Resource) []Finding {
		var document map[string]any
		if says, known := parsed(r, property, &document); !known {
			return says
		}
		var findings []Finding
		for i, statement := range statements(document) {
			if statement["Effect"] != "Allow" {
				continue
			}
			if says := judge(statement); says != "" {
				findings = append(findings, finding(property, "%s %s", named(statement, i), says))
			}
		}
		return findings
	}
}

func named(statement map[string]any, i int) string {
	if sid, ok := statement["Sid"].(string); ok && sid != "" {
		return "statement " + sid
	}
	return fmt.Sprintf("statement %d", i+1)
}

// encryptedOnly wants a denial of what comes without TLS.
func encryptedOnly(property string) check {
	return func(_ *graph.Graph, r graph.Resource) []Finding {
		var document map[string]any
		if says, known := parsed(r, property, &document); !known {
			return says
		}
		for _, statement := range statements(document) {
			condition, _ := statement["Condition"].(map[string]any)
			test, _ := condition["Bool"].(map[string]any)
			if value := listed(test["aws:SecureTransport"]); statement["Effect"] == "Deny" && len(value) == 1 && shown(value[0]) == "false" {
				return nil
			}
		}
		return []Finding{finding(property, "denies nothing; wanted: a denial where aws:SecureTransport is false")}
	}
}

// actions returns the actions of a statement as texts.
func actions(statement map[string]any) []string { return texts(statement["Action"]) }

func texts(value any) []string {
	items := listed(value)
	found := make([]string, len(items))
	for i, item := range items {
		found[i] = shown(item)
	}
	return found
}

// openToAll answers for a statement that lets everyone in on no condition.
func openToAll(statement map[string]any) string {
	if _, bound := statement["Condition"]; !bound && slices.Contains(principals(statement, "AWS"), "*") {
		return "lets everyone in without a condition; wanted: a principal, or a condition"
	}
	return ""
}

// userData opens a launch template's script, which is written as base64 or plain.
func userData(r graph.Resource) (text string, known bool) {
	if valueAt(r, "userData") == graph.Unknown {
		return "", false
	}
	text = r.Text("userData")
	if plain, err := base64.StdEncoding.DecodeString(text); err == nil && utf8.Valid(plain) {
		return string(plain), true
	}
	return text, true
}
