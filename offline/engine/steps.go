package engine

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/auto/events"
	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
)

// Step is what the engine does, or would do, to one resource.
type Step struct {
	URN    string `json:"urn"`
	Type   string `json:"type"`
	Parent string `json:"-"`
	Custom bool   `json:"-"`
	// Op is the engine's word: create, update, replace, delete, same.
	Op string `json:"op"`
	// Replaces are the properties whose change forces a replacement.
	Replaces []string `json:"replaces,omitempty"`
	// Changes are the paths that differ, sorted.
	Changes []string `json:"changes,omitempty"`
	// Inputs are the resource's new inputs; nil where it is deleted.
	Inputs map[string]any `json:"-"`
}

// collect gathers the steps of one operation until the engine closes the channel. The engine announces a replacement
// in several steps and in an order that varies; what is returned has one step a resource, sorted by URN.
func collect(stream <-chan events.EngineEvent) <-chan []Step {
	collected := make(chan []Step, 1)
	go func() {
		steps := map[string]Step{}
		for event := range stream {
			if event.ResourcePreEvent != nil {
				note(steps, event.ResourcePreEvent.Metadata)
			}
		}
		sorted := make([]Step, 0, len(steps))
		for _, urn := range slices.Sorted(maps.Keys(steps)) {
			sorted = append(sorted, steps[urn])
		}
		collected <- sorted
	}()
	return collected
}

func note(steps map[string]Step, m apitype.StepEventMetadata) {
	op := string(m.Op)
	switch m.Op {
	case apitype.OpCreateReplacement, apitype.OpDeleteReplaced, apitype.OpDiscardReplaced:
		op = string(apitype.OpReplace)
	}
	step := Step{URN: m.URN, Type: m.Type, Op: op, Replaces: slices.Sorted(slices.Values(m.Keys))}
	step.Changes = slices.Sorted(maps.Keys(m.DetailedDiff))
	if step.Changes == nil {
		step.Changes = slices.Sorted(slices.Values(m.Diffs))
	}
	if m.New != nil {
		step.Parent, step.Custom, step.Inputs = m.New.Parent, m.New.Custom, readable(m.New.Inputs)
	} else if m.Old != nil {
		step.Parent, step.Custom = m.Old.Parent, m.Old.Custom
	}
	if earlier, seen := steps[m.URN]; seen {
		if step.Inputs == nil {
			step.Inputs, step.Parent = earlier.Inputs, earlier.Parent
		}
		step.Replaces = union(step.Replaces, earlier.Replaces)
		step.Changes = union(step.Changes, earlier.Changes)
	}
	steps[m.URN] = step
}

func union(a, b []string) []string {
	both := slices.Concat(a, b)
	slices.Sort(both)
	return slices.Compact(both)
}

// readable shows the engine's marks for values that exist only after AWS has answered as what they mean.
func readable(inputs map[string]any) map[string]any {
	text, err := json.Marshal(inputs)
	if err != nil {
		return inputs
	}
	shown := string(text)
	for _, mark := range []string{
		plugin.UnknownBoolValue, plugin.UnknownNumberValue, plugin.UnknownStringValue, plugin.UnknownArrayValue,
		plugin.UnknownAssetValue, plugin.UnknownArchiveValue, plugin.UnknownObjectValue,
	} {
		shown = strings.ReplaceAll(shown, mark, "<unknown>")
	}
	var clean map[string]any
	if json.Unmarshal([]byte(shown), &clean) != nil {
		return inputs
	}
	return clean
}

// component names the top component that a resource belongs to, such as "network"; what stands directly below the
// stack and is no component belongs to "stack".
func component(step Step, byURN map[string]Step) string {
	for step.Parent != "" && resource.URN(step.Parent).Type() != resource.RootStackType {
		parent, known := byURN[step.Parent]
		if !known {
			break
		}
		step = parent
	}
	if step.Custom {
		return "stack"
	}
	return resource.URN(step.URN).Name()
}
