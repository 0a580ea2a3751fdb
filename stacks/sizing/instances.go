package sizing

import "strings"

// Families by what they carry. Graviton 3 has the same sizes with the same vCPU and memory, at 0.85 × the price.
const (
	workerFamily = "r"
	apiFamily    = "m"
)

// memoryPerVCPU in GB: 8 in the r families, 4 in the m families.
func memoryPerVCPU(family string) int {
	if family == workerFamily {
		return 8
	}
	return 4
}

// generation of both families for an architecture, as EC2 writes it.
func generation(arch Architecture) string {
	if arch == ARM {
		return "7g"
	}
	return "6i"
}

// vcpuOf gives a size's vCPU (the same in all four families); 0 for a size that no tier uses.
func vcpuOf(size string) int {
	for _, row := range workerRows {
		if row.size == size {
			return row.vcpu
		}
	}
	return 0
}

// instanceType describes one size of the family for an architecture, with its price and its planned workers.
func instanceType(family, size string, arch Architecture) InstanceType {
	t := InstanceType{Name: family + generation(arch) + "." + size, VCPU: vcpuOf(size)}
	t.MemoryGB = t.VCPU * memoryPerVCPU(family)
	t.fact = "ec2.price.sg." + t.Name
	t.HourUSD = price(t.fact)
	if family == workerFamily {
		for _, row := range workerRows {
			if row.size == size {
				t.PerHost = row.planned
			}
		}
	}
	return t
}

// Architecture of a type that Instances lists.
func (t InstanceType) Architecture() Architecture {
	if strings.HasPrefix(t.Name[1:], generation(ARM)) {
		return ARM
	}
	return X86
}

// reservedUnits are the CPU units of a worker host that agent and log router hold.
func (t InstanceType) reservedUnits() int { return t.VCPU * unitsPerVCPU / reservedShare }

// WorkerUnits are the CPU units of a worker host that are left for workers.
func (t InstanceType) WorkerUnits() int { return t.VCPU*unitsPerVCPU - t.reservedUnits() }

// WorkerMiB is the memory of a worker host that is left for workers.
func (t InstanceType) WorkerMiB() int { return t.MemoryGB*1024 - hostMiB }

// Instances lists the types that a plan may name, by what they carry: workers (r6i, r7g) and the API (m6i, m7g).
func Instances() (forWorkers, forAPI []InstanceType) {
	for _, arch := range Architectures() {
		for _, row := range workerRows {
			forWorkers = append(forWorkers, instanceType(workerFamily, row.size, arch))
			forAPI = append(forAPI, instanceType(apiFamily, row.size, arch))
		}
	}
	return forWorkers, forAPI
}

// CacheNodes lists the node types that a Valkey cluster may name, smallest first.
func CacheNodes() []CacheNode { return append([]CacheNode(nil), cacheNodes[:]...) }

// cacheNode finds a node type; zero for one that CacheNodes does not list.
func cacheNode(name string) CacheNode {
	for _, node := range cacheNodes {
		if node.Name == name {
			return node
		}
	}
	return CacheNode{}
}

// DatabaseClasses lists the classes that a plan may name, smallest first.
func DatabaseClasses() []DatabaseClass {
	classes := make([]DatabaseClass, len(databaseRows))
	for i, row := range databaseRows {
		classes[i] = row.class
	}
	return classes
}
