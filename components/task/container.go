package task

import (
	"maps"
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// logBuffer is how much of a container's log waits in memory when CloudWatch or the router does not take it; what comes
// then is lost rather than the container held up.
const logBuffer = "4m"

// restartSeconds a container must have run to be started again: one that falls at once is ECS's to replace.
const restartSeconds = 60

// container writes one container definition. Lists are sorted, so that the same arguments give the same text.
func (c *Task) container(a Args, container Container) pulumi.Map {
	linux := pulumi.Map{
		// The first process buries the dead; among the host's processes that is the host's own.
		"initProcessEnabled": pulumi.Bool(!a.HostProcesses),
		"capabilities":       pulumi.Map{"drop": pulumi.ToStringArray([]string{"ALL"})},
	}
	if container.ScratchMiB > 0 {
		linux["tmpfs"] = pulumi.Array{pulumi.Map{
			"containerPath": pulumi.String("/tmp"), "size": pulumi.Int(container.ScratchMiB),
			"mountOptions": pulumi.ToStringArray([]string{"rw", "noexec", "nosuid", "nodev"}),
		}}
	}
	definition := pulumi.Map{
		"name": pulumi.String(container.Name), "image": container.Image.Reference, "essential": pulumi.Bool(true),
		"cpu": pulumi.Int(container.CPU), "memoryReservation": pulumi.Int(container.MemorySoft), "memory": pulumi.Int(container.MemoryHard),
		"user": pulumi.String(userAndGroup(container.User)), "readonlyRootFilesystem": pulumi.Bool(true), "privileged": pulumi.Bool(false),
		"dockerSecurityOptions": pulumi.ToStringArray([]string{"no-new-privileges"}), "linuxParameters": linux,
		"ulimits": pulumi.Array{pulumi.Map{
			"name": pulumi.String("nofile"), "softLimit": pulumi.Int(openFiles), "hardLimit": pulumi.Int(openFiles),
		}},
		"stopTimeout": pulumi.Int(container.StopSeconds), "environment": environment(container.Environment),
		"logConfiguration": c.log(a, container),
	}
	if len(container.Command) > 0 {
		definition["entryPoint"] = pulumi.ToStringArray(container.Command[:1])
		definition["command"] = pulumi.ToStringArray(container.Command[1:])
	}
	if container.Port > 0 {
		port := pulumi.Map{"containerPort": pulumi.Int(container.Port), "protocol": pulumi.String("tcp")}
		if a.Network == Bridge {
			port["hostPort"] = pulumi.Int(0)
		}
		definition["portMappings"] = pulumi.Array{port}
	}
	if container.DNS != "" {
		definition["dnsServers"] = pulumi.ToStringArray([]string{container.DNS})
	}
	if container.Restart {
		definition["restartPolicy"] = pulumi.Map{"enabled": pulumi.Bool(true), "restartAttemptPeriod": pulumi.Int(restartSeconds)}
	}
	if len(container.Mounts) > 0 {
		var mounts pulumi.Array
		for _, mount := range container.Mounts {
			mounts = append(mounts, pulumi.Map{
				"sourceVolume": pulumi.String(volumeName(mount.Host)), "containerPath": pulumi.String(mount.Container), "readOnly": pulumi.Bool(mount.ReadOnly),
			})
		}
		definition["mountPoints"] = mounts
	}
	if len(container.Secrets) > 0 {
		var secrets pulumi.Array
		for _, variable := range sorted(container.Secrets) {
			secret := container.Secrets[variable]
			secrets = append(secrets, pulumi.Map{
				"name": pulumi.String(variable), "valueFrom": pulumi.Sprintf("%s:%s::", secret.ARN, secret.Key),
			})
		}
		definition["secrets"] = secrets
	}
	return definition
}

// log sends a container's log to its group or to the host's router, and never makes it wait: a full buffer loses lines.
func (c *Task) log(a Args, container Container) pulumi.Map {
	if router := container.Router; router != nil {
		return pulumi.Map{"logDriver": pulumi.String("fluentd"), "options": pulumi.StringMap{
			"fluentd-address": pulumi.String(router.Address), "fluentd-async": pulumi.String("true"), "tag": pulumi.String(router.Tag),
			"mode": pulumi.String("non-blocking"), "max-buffer-size": pulumi.String(logBuffer),
		}}
	}
	return pulumi.Map{"logDriver": pulumi.String("awslogs"), "options": pulumi.StringMap{
		"awslogs-group": c.LogGroup, "awslogs-region": pulumi.String(a.Place.Region), "awslogs-stream-prefix": pulumi.String(container.Name),
		"mode": pulumi.String("non-blocking"), "max-buffer-size": pulumi.String(logBuffer),
	}}
}

func environment(variables pulumi.StringMap) pulumi.Array {
	list := pulumi.Array{}
	for _, name := range sorted(variables) {
		list = append(list, pulumi.Map{"name": pulumi.String(name), "value": variables[name]})
	}
	return list
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
