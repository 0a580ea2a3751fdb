package provider

import (
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
)

// detail names every changed path and how it changed.
func detail(changes *resource.ObjectDiff) map[string]plugin.DiffKind {
	kinds := map[string]plugin.DiffKind{}
	for path, change := range plugin.NewDetailedDiffFromObjectDiff(changes, true) {
		kinds[path] = change.Kind
	}
	return kinds
}

func kindOf(kind plugin.DiffKind, forces bool) pulumirpc.PropertyDiff_Kind {
	switch {
	case kind.IsReplace() || forces:
		switch kind {
		case plugin.DiffAdd, plugin.DiffAddReplace:
			return pulumirpc.PropertyDiff_ADD_REPLACE
		case plugin.DiffDelete, plugin.DiffDeleteReplace:
			return pulumirpc.PropertyDiff_DELETE_REPLACE
		default:
			return pulumirpc.PropertyDiff_UPDATE_REPLACE
		}
	case kind == plugin.DiffAdd:
		return pulumirpc.PropertyDiff_ADD
	case kind == plugin.DiffDelete:
		return pulumirpc.PropertyDiff_DELETE
	default:
		return pulumirpc.PropertyDiff_UPDATE
	}
}
