// Package refilling is what every process needs that keeps the number of workers right: where they are launched, and how
// many there should be.
package refilling

import (
	"fmt"
	"strconv"
	"strings"

	"workerfleet/runtime/ecs"
	"workerfleet/runtime/iam"
	"workerfleet/runtime/pool"
	"workerfleet/runtime/process"
	"workerfleet/runtime/settings"
)

// Settings are the groups of settings that it reads.
type Settings struct {
	Stack     settings.Stack
	Cluster   settings.Cluster
	Launching settings.Launching
	Pool      settings.Pool
	Market    settings.Market
}

// Provider is where workers are launched: an ECS cluster, or on one machine the process that forks them.
func Provider(set Settings, getenv func(string) string) (pool.Provider, error) {
	if url, ok := set.Cluster.Launcher(); ok {
		return process.NewRemote(url), nil
	}
	config, err := iam.Config(set.Stack.Region, getenv)
	if err != nil {
		return nil, err
	}
	provider, err := ecs.New(config, ecs.Config{
		Cluster: set.Cluster.Name, TaskDefinition: set.Launching.TaskDefinition, CapacityProvider: set.Launching.CapacityProvider,
	})
	if err != nil {
		return nil, err
	}
	return provider, nil
}

// Hosts are those that workers are launched onto: who says what becomes of them, and who grows their number, which on one
// machine is given.
func Hosts(set Settings, getenv func(string) string) (pool.HostKeeper, pool.HostGroup, error) {
	if url, ok := set.Cluster.Launcher(); ok {
		return process.NewRemote(url), nil, nil
	}
	config, err := iam.Config(set.Stack.Region, getenv)
	if err != nil {
		return nil, nil, err
	}
	hosts, err := ecs.NewHosts(config, set.Cluster.Name, set.Launching.CapacityProvider)
	if err != nil {
		return nil, nil, err
	}
	return hosts, hosts, nil
}

// Policy is how many workers there should be, and of which image.
func Policy(set Settings) (pool.Policy, pool.Rollout, error) {
	market := pool.Market{TimeZone: string(set.Market.TimeZone), Open: string(set.Market.Open), Close: string(set.Market.Close)}
	for _, day := range set.Market.Holidays {
		text := day.Date
		if day.Close != "" {
			text += "=" + string(day.Close)
		}
		market.Holidays = append(market.Holidays, text)
	}
	calendar, err := pool.NewCalendar(market)
	if err != nil {
		return pool.Policy{}, pool.Rollout{}, fmt.Errorf("market: %w", err)
	}
	image, err := revision(set.Launching.TaskDefinition)
	if err != nil {
		return pool.Policy{}, pool.Rollout{}, err
	}
	return pool.Policy{
		Peak: int(set.Pool.Peak), PerHost: int(set.Pool.PerHost), MinHosts: int(set.Pool.MinHosts), MaxHosts: int(set.Pool.MaxHosts),
		Buffer: int(set.Pool.Buffer), CanaryShare: float64(set.Pool.CanaryShare), Calendar: calendar,
	}, pool.Rollout{Image: image}, nil
}

// revision is the number at the end of FAMILY:REVISION, or of a task definition's ARN.
func revision(definition string) (int64, error) {
	number := definition[strings.LastIndex(definition, ":")+1:]
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("%s: does not end in a revision; allowed: FAMILY:REVISION or the ARN of one", settings.EnvWorkerTaskDefinition)
	}
	return n, nil
}
