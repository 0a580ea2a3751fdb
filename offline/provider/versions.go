package provider

import "github.com/pulumi/pulumi/sdk/v3/go/common/resource"

const launchTemplate = "aws:ec2/launchTemplate:LaunchTemplate"

// latest is the output that groups of hosts follow.
const latest resource.PropertyKey = "latestVersion"

// beside are the inputs of a launch template that are no part of its versions.
var beside = map[resource.PropertyKey]bool{"tags": true, "description": true, "updateDefaultVersion": true, "defaultVersion": true}

// countVersion gives a changed launch template its next version, in a preview too: what launches from it shows that it
// would change.
func countVersion(state, olds, news resource.PropertyMap) {
	same := func(key resource.PropertyKey) bool { return beside[key] || olds[key].DeepEquals(news[key]) }
	changed := false
	for key := range olds {
		changed = changed || !same(key)
	}
	for key := range news {
		changed = changed || !same(key)
	}
	if version, ok := state[latest]; ok && version.IsNumber() && changed {
		state[latest] = resource.NewProperty(version.NumberValue() + 1)
	}
}
