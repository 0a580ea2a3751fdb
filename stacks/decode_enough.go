package stacks

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"workerfleet/stacks/sizing"
)

// What is stated may be more than the plan of the users, never less: a stack that cannot carry its users is refused
// before anything is built. Counts at their most are those of the tags in config.go.

// workers: counts in order, room for a roll, and the peak fits.
func (k *check) workers() {
	w := k.Workers
	if w.MinInstances > w.Instances {
		k.says([]string{"workers.minInstances", "workers.instances"}, "%d is more than workers.instances; allowed: 1 to %d",
			w.MinInstances, w.Instances)
	}
	if w.MaxInstances <= w.Instances {
		k.says([]string{"workers.maxInstances", "workers.instances"},
			"%d leaves no host above the %d of workers.instances for a roll; allowed: %d to 5000",
			w.MaxInstances, w.Instances, w.Instances+1)
	}
	if k.worker.Name == "" {
		return
	}
	per := k.worker.PerHost
	if need := max(2, (k.planned.PeakWorkers+per-1)/per); w.Instances < need {
		k.says([]string{"workers.instances", "workers.instanceType"},
			"%d × %s hold %d workers, %d users need %d at peak; allowed: %d to 4999",
			w.Instances, k.worker.Name, w.Instances*per, k.Users, k.planned.PeakWorkers, need)
	}
}

// density: placement packs by what a worker reserves, so that the reservation must let exactly the planned number of
// workers on a host – fewer would not hold the peak, more would take the memory that broker calls need.
func (k *check) density() {
	w, per := k.Workers, k.worker.PerHost
	if w.MemorySoft > w.MemoryHard {
		k.says([]string{"workers.memorySoft", "workers.memoryHard"}, "%d is more than workers.memoryHard; allowed: 6 to %d",
			w.MemorySoft, w.MemoryHard)
	}
	if k.worker.Name == "" {
		return
	}
	units, memory := k.worker.WorkerUnits(), k.worker.WorkerMiB()
	allowed := fmt.Sprint(units / per)
	if least := units/(per+1) + 1; least < units/per {
		allowed = fmt.Sprintf("%d to %d", least, units/per)
	}
	// A value of zero is out of range and reported as such; it must not divide.
	admitted := min(units/max(1, w.CPU), memory/max(1, w.MemorySoft))
	switch {
	case w.CPU*per > units:
		k.says([]string{"workers.cpu", "workers.instanceType"}, "%d × %d planned workers exceed the %d units of %s; allowed: %s",
			w.CPU, per, units, k.worker.Name, allowed)
	case admitted > per:
		k.says([]string{"workers.cpu", "workers.memorySoft", "workers.instanceType"},
			"%d lets %d workers on a host planned for %d; allowed: %s", w.CPU, admitted, per, allowed)
	}
	if w.MemorySoft*per > memory {
		k.says([]string{"workers.memorySoft", "workers.instanceType"},
			"%d × %d planned workers exceed the %d MiB of %s; allowed: 6 to %d", w.MemorySoft, per, memory, k.worker.Name,
			memory/per)
	}
}

// api: vCPU are what the plan interpolates, whatever the type.
func (k *check) api() {
	if k.host.Name == "" {
		return
	}
	need := k.planned.API.Instances * k.planned.API.Type.VCPU
	if has := k.API.Instances * k.host.VCPU; has < need {
		k.says([]string{"api.instances", "api.instanceType"}, "%d × %s have %d vCPU, %d users need %d; allowed: %d to 5000",
			k.API.Instances, k.host.Name, has, k.Users, need, (need+k.host.VCPU-1)/k.host.VCPU)
	}
}

func (k *check) functions() {
	k.atLeast("lambda.concurrency", k.Lambda.Concurrency, k.planned.Lambda.Concurrency, 100_000)
}

// atLeast refuses a count below the plan's.
func (k *check) atLeast(field string, value, need, most int) {
	if value < need {
		k.says([]string{field}, "%d is less than %d users need; allowed: %d to %d", value, k.Users, need, most)
	}
}

// valkey: a mode that the plan does not give has no figures in it, so the stack file must state them; none is guessed.
// With both modes each must hold everything, because the stack is moving from one to the other.
func (k *check) valkey() {
	v := k.Valkey
	memory := k.planned.Valkey.MemoryGB()
	if v.Mode != string(sizing.Cluster) {
		storage, ecpu := int(memory), sizing.ECPU(k.Users)
		if k.stated("valkey.storageGB", v.StorageGB != 0, fmt.Sprintf("%d to 5000", storage)) {
			k.atLeast("valkey.storageGB", v.StorageGB, storage, 5_000)
		}
		if k.stated("valkey.ecpu", v.ECPU != 0, fmt.Sprintf("%d to 15000000", ecpu)) {
			k.atLeast("valkey.ecpu", v.ECPU, ecpu, 15_000_000)
		}
	}
	if v.Mode == string(sizing.Serverless) {
		return
	}
	node, known := v.node(), strings.Join(nodeNames(), ", ")
	shards := k.stated("valkey.shards", v.Shards != 0, "1 to 250")
	switch {
	case !k.stated("valkey.nodeType", v.NodeType != "", known):
	case node.Name == "":
		k.says([]string{"valkey.nodeType"}, "%s; allowed: %s", notAllowed(v.NodeType), known)
	case shards && float64(v.Shards)*node.MemoryGB < memory:
		k.says([]string{"valkey.shards", "valkey.nodeType"}, "%d × %s hold %.2f GB, %d users need %.2f; allowed: %.0f to 250",
			v.Shards, node.Name, float64(v.Shards)*node.MemoryGB, k.Users, memory, math.Ceil(memory/node.MemoryGB))
	}
}

func nodeNames() []string {
	var names []string
	for _, node := range sizing.CacheNodes() {
		names = append(names, node.Name)
	}
	return names
}

// stated reports a value that the mode needs and that neither the stack file nor the plan gives.
func (k *check) stated(field string, is bool, allowed string) bool {
	if !is {
		k.says([]string{field, "valkey.mode"}, "must be stated with mode %s; allowed: %s", k.Valkey.Mode, allowed)
	}
	return is
}

// database: replicas are counted on top of the failover reader, so that they need Multi-AZ; a class is chosen for its
// memory.
func (k *check) database() {
	d, need := k.Database, k.planned.Database.Class.MemoryGB
	var known, enough []string
	memory := 0
	for _, class := range sizing.DatabaseClasses() {
		known = append(known, class.Name)
		if class.MemoryGB >= need {
			enough = append(enough, class.Name)
		}
		if class.Name == d.InstanceClass {
			memory = class.MemoryGB
		}
	}
	switch {
	case !slices.Contains(known, d.InstanceClass):
		k.says([]string{"database.instanceClass"}, "%s; allowed: %s", notAllowed(d.InstanceClass), strings.Join(known, ", "))
	case memory < need:
		k.says([]string{"database.instanceClass"}, "%s has %d GB, %d users need %d; allowed: %s",
			d.InstanceClass, memory, k.Users, need, strings.Join(enough, ", "))
	}
	if d.ReadReplicas > 0 && !d.MultiAZ {
		k.says([]string{"database.readReplicas", "database.multiAz"},
			"%d need database.multiAz, which is false; allowed: 0, or multiAz: true", d.ReadReplicas)
	}
}
