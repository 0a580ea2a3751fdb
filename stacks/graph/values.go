package graph

import (
	"maps"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/archive"
)

// Plain turns Pulumi's property values into plain ones and names the top-level properties that are secret.
func Plain(properties resource.PropertyMap) (values map[string]any, secrets []string) {
	values = make(map[string]any, len(properties))
	for key, value := range properties {
		if value.ContainsSecrets() {
			secrets = append(secrets, string(key))
		}
		values[string(key)] = plain(value)
	}
	slices.Sort(secrets)
	return values, secrets
}

func plain(v resource.PropertyValue) any {
	switch {
	case v.IsSecret():
		return plain(v.SecretValue().Element)
	case v.IsComputed():
		return Unknown
	case v.IsOutput():
		if !v.OutputValue().Known {
			return Unknown
		}
		return plain(v.OutputValue().Element)
	case v.IsResourceReference():
		return string(v.ResourceReferenceValue().URN)
	case v.IsArchive():
		return map[string]any{"archive": contents(v.ArchiveValue())}
	case v.IsAsset():
		return map[string]any{"asset": v.AssetValue().Hash}
	case v.IsArray():
		items := make([]any, 0, len(v.ArrayValue()))
		for _, item := range v.ArrayValue() {
			items = append(items, plain(item))
		}
		return items
	case v.IsObject():
		object := make(map[string]any, len(v.ObjectValue()))
		for key, item := range v.ObjectValue() {
			object[string(key)] = plain(item)
		}
		return object
	default:
		return v.V
	}
}

// contents names an archive by its digest, which the engine works out; a program's mocks see the file or the names of
// what is inside.
func contents(a *archive.Archive) string {
	switch {
	case a.Hash != "":
		return a.Hash
	case a.Path != "":
		return a.Path
	default:
		return strings.Join(slices.Sorted(maps.Keys(a.Assets)), ", ")
	}
}
