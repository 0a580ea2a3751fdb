package cluster

import (
	_ "embed"
	"strings"
	"text/template"
)

// DNS is the address of the host's DNS cache as containers see it: docker0's own. A resolver on localhost would be
// another one inside a container.
const DNS = "172.17.0.1"

// Directories that worker hosts make for sockets: the agents' one, and the one of the log router, which only root – the
// Docker daemon – and the log router itself reach.
const (
	SocketDirectory = "/run/fleet"
	LogsDirectory   = "/run/fleet-logs"
)

// Numeric users, each its own group, of containers on worker hosts. Agents and workers share one, and with it the
// agents' socket; the log router has another, because it shares the host's processes with the agent and could otherwise
// signal workers.
const (
	WorkerUser = 10_001
	RouterUser = 10_002
)

// RoleAttribute tells worker hosts from API hosts in placement constraints.
const RoleAttribute = "fleet.role"

// Settings of the ECS agent.
const (
	// reservedMiB is what the operating system and its agents take of a host (stacks/sizing plans with the same).
	reservedMiB = 512
	// cleanupMinutes is how long a stopped task's container stays: at hundreds a host, the default of three hours fills
	// the disk.
	cleanupMinutes = 10
)

// Role says what a host is for.
type Role string

// The two sorts of hosts.
const (
	WorkerHost Role = "worker"
	APIHost    Role = "api"
)

// Script is what a host does at its start, as a shell script. It is the same for every host of a group.
type Script struct {
	Cluster string
	Role    Role
	// VPC is the block that containers of worker hosts may not reach.
	VPC string
}

//go:embed host.sh.tmpl
var hostScript string

// Text writes the script. It depends on its fields alone, so that a template changes only when what hosts do changes.
func (s Script) Text() (string, error) {
	parsed, err := template.New("host.sh").Option("missingkey=error").Parse(hostScript)
	if err != nil {
		return "", err
	}
	var text strings.Builder
	err = parsed.Execute(&text, map[string]any{
		"Cluster": s.Cluster, "Role": string(s.Role), "RoleAttribute": RoleAttribute, "Worker": s.Role == WorkerHost,
		"VPC": s.VPC, "User": WorkerUser, "RouterUser": RouterUser, "DNS": DNS, "Sockets": SocketDirectory, "Logs": LogsDirectory,
		"ReservedMiB": reservedMiB, "CleanupMinutes": cleanupMinutes,
	})
	return text.String(), err
}
