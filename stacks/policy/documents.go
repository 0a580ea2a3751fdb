package policy

import "strings"

// statements returns the statements of a policy document; a single statement may stand without a list.
func statements(document map[string]any) []map[string]any {
	var found []map[string]any
	for _, item := range listed(document["Statement"]) {
		if statement, ok := item.(map[string]any); ok {
			found = append(found, statement)
		}
	}
	return found
}

// listed returns a list as it is and anything else as a list of one; nothing is an empty list.
func listed(value any) []any {
	switch v := value.(type) {
	case nil:
		return nil
	case []any:
		return v
	default:
		return []any{v}
	}
}

// principals returns the principals of one kind ("AWS", "Service") that a statement names.
func principals(statement map[string]any, kind string) []string {
	named, ok := statement["Principal"].(map[string]any)
	if !ok {
		if everyone, _ := statement["Principal"].(string); everyone == "*" && kind == "AWS" {
			return []string{"*"}
		}
		return nil
	}
	var found []string
	for _, principal := range listed(named[kind]) {
		if text, ok := principal.(string); ok {
			found = append(found, text)
		}
	}
	return found
}

// admitsService says whether an Allow statement of the document names the service.
func admitsService(document map[string]any, service string) bool {
	for _, statement := range statements(document) {
		if statement["Effect"] != "Allow" {
			continue
		}
		for _, principal := range principals(statement, "Service") {
			if principal == service {
				return true
			}
		}
	}
	return false
}

// conditioned says whether a condition key such as aws:SourceAccount stands in a statement, under any operator.
func conditioned(statement map[string]any, keys ...string) bool {
	condition, _ := statement["Condition"].(map[string]any)
	for _, operands := range condition {
		tests, _ := operands.(map[string]any)
		for key := range tests {
			for _, wanted := range keys {
				if strings.EqualFold(key, wanted) {
					return true
				}
			}
		}
	}
	return false
}
