package stacks

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// LoadFile reads a Pulumi.<stack>.yaml as Pulumi does: the object of workerfleet:platform as JSON for Decode, and
// aws:region. It is for tools and tests; a running stack reads FromStack.
func LoadFile(path string) (platform []byte, region string, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, "", err
	}
	var file struct {
		Config map[string]any `yaml:"config"`
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		return nil, "", fmt.Errorf("%s: %w", path, err)
	}
	for _, key := range slices.Sorted(maps.Keys(file.Config)) {
		if strings.HasPrefix(key, "workerfleet:") && key != "workerfleet:platform" {
			return nil, "", fmt.Errorf("%s: %s is not allowed; allowed: workerfleet:platform, which holds everything", path, key)
		}
	}
	value, stated := file.Config["workerfleet:platform"]
	if !stated {
		return nil, "", fmt.Errorf("%s: config has no workerfleet:platform", path)
	}
	if platform, err = json.Marshal(value); err != nil {
		return nil, "", fmt.Errorf("%s: workerfleet:platform: %w", path, err)
	}
	region, _ = file.Config["aws:region"].(string)
	return platform, region, nil
}
