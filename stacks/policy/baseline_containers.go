package policy

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"workerfleet/stacks/graph"
)

// secretName is what a variable that holds a secret is called. A name that goes on, as in TOKEN_URL, holds something
// about one, and so does a value that is an ARN.
var secretName = regexp.MustCompile(`(?i)(^|_)(PASSWORD|PASSWD|SECRET|TOKEN|API_?KEY|ACCESS_?KEY(_ID)?|PRIVATE_?KEY|CREDENTIALS?)$`)

func containerBaseline(asked Asked) []Rule {
	task := of(taskType)
	return []Rule{
		{Row: 54, Title: "a task has a network interface of its own", Types: task, Refs: refs("SH ECS.17"), Check: be("networkMode", "awsvpc")},
		{Row: 55, Title: "a task does not see its host's processes", Types: task, Refs: refs("SH ECS.3; CKV_AWS_335"), Check: be("pidMode", nil, "task")},
		{Row: 56, Title: "a task does not share its host's memory segments", Types: task, Refs: refs("house"), Check: be("ipcMode", nil, "task", "none")},
		{Row: 57, Title: "no container is privileged", Types: task, Refs: refs("SH ECS.4; CKV_AWS_334"), Check: containers(func(c map[string]any) string {
			if c["privileged"] == true {
				return "is privileged; wanted: not"
			}
			return ""
		})},
		{Row: 58, Title: "no container writes to its own file system", Types: task, Refs: refs("SH ECS.5; CKV_AWS_336"), Check: containers(func(c map[string]any) string {
			if c["readonlyRootFilesystem"] != true {
				return "may write to its root file system; wanted: readonlyRootFilesystem"
			}
			return ""
		})},
		{Row: 59, Title: "no container runs as root", Types: task, Refs: refs("SH ECS.20"), Check: containers(func(c map[string]any) string {
			user, _ := c["user"].(string)
			if name, _, _ := strings.Cut(user, ":"); name == "" || name == "root" || name == "0" {
				return fmt.Sprintf("runs as %q; wanted: a user that is not root", user)
			}
			return ""
		})},
		{Row: 60, Title: "no container is told a secret in plain text", Types: task, Refs: refs("SH ECS.8; AwsSolutions-ECS2; AWS-0036"), Check: containers(checkPlainSecrets)},
		{Row: 61, Title: "every container's output is kept", Types: task, Refs: refs("SH ECS.9; AwsSolutions-ECS7"), Check: containers(func(c map[string]any) string {
			if driver, _ := logging(c); driver == "" {
				return "has no logDriver; wanted: one"
			}
			return ""
		})},
		{Row: 62, Title: "a container does not wait for CloudWatch to take its output", Types: task, Refs: refs("prowler ecs_task_definitions_logging_block_mode"), Check: containers(func(c map[string]any) string {
			driver, options := logging(c)
			if driver == "awslogs" && (options["mode"] != "non-blocking" || empty(options["max-buffer-size"])) {
				return fmt.Sprintf("logs in mode %s; wanted: non-blocking with a max-buffer-size", shown(options["mode"]))
			}
			return ""
		})},
		{Row: 63, Title: "what a process may do and what starts it are two roles", Types: task, Refs: refs("CKV_AWS_249"), Check: checkTwoRoles},
		{Row: 64, Title: "a shared file system is reached over TLS", Types: task, Only: some("volumes.*.efsVolumeConfiguration"), Refs: refs("SH ECS.18; CKV_AWS_97; AWS-0035"), Check: checkFileSystems},
		{Row: 65, Title: "an image is named by its digest", Types: task, Off: unless(asked.Users >= 1000, "binds from 1,000 users on"), Refs: refs("house"), Check: containers(func(c map[string]any) string {
			if image, _ := c["image"].(string); !strings.Contains(image, "@sha256:") {
				return fmt.Sprintf("runs %q; wanted: an image by @sha256: digest", image)
			}
			return ""
		})},
		{Row: 66, Title: "a container gives up every capability of the kernel", Types: task, Refs: refs("house"), Check: containers(func(c map[string]any) string {
			parameters, _ := c["linuxParameters"].(map[string]any)
			capabilities, _ := parameters["capabilities"].(map[string]any)
			if added := texts(capabilities["add"]); len(added) > 0 {
				return fmt.Sprintf("adds the capabilities %v; wanted: none", added)
			}
			if !slices.Contains(texts(capabilities["drop"]), "ALL") {
				return fmt.Sprintf("drops the capabilities %v; wanted: ALL", texts(capabilities["drop"]))
			}
			return ""
		})},
	}
}

// containers judges every container of a task definition; an empty answer is a pass.
func containers(judge func(container map[string]any) string) check {
	const property = "containerDefinitions"
	return func(_ *graph.Graph, r graph.Resource) []Finding {
		var definitions []map[string]any
		if says, known := parsed(r, property, &definitions); !known {
			return says
		}
		var findings []Finding
		for _, container := range definitions {
			if says := judge(container); says != "" {
				findings = append(findings, finding(property, "container %s %s", shown(container["name"]), says))
			}
		}
		return findings
	}
}

func logging(container map[string]any) (driver string, options map[string]any) {
	configuration, _ := container["logConfiguration"].(map[string]any)
	driver, _ = configuration["logDriver"].(string)
	options, _ = configuration["options"].(map[string]any)
	return driver, options
}

func checkPlainSecrets(container map[string]any) string {
	for _, item := range listed(container["environment"]) {
		variable, _ := item.(map[string]any)
		if name, _ := variable["name"].(string); secretName.MatchString(name) && !strings.HasPrefix(shown(variable["value"]), "arn:") {
			return "states " + name + " in plain text; wanted: a reference under secrets"
		}
	}
	return ""
}

func checkTwoRoles(_ *graph.Graph, r graph.Resource) []Finding {
	process, starter := valueAt(r, "taskRoleArn"), valueAt(r, "executionRoleArn")
	switch {
	case process == graph.Unknown && starter == graph.Unknown:
		return []Finding{undecided("taskRoleArn")}
	case empty(process):
		return []Finding{finding("taskRoleArn", "is not stated; wanted: a role for the process")}
	case empty(starter):
		return []Finding{finding("executionRoleArn", "is not stated; wanted: a role for what starts it")}
	case process == starter:
		return []Finding{finding("taskRoleArn", "is the execution role; wanted: another one")}
	}
	return nil
}

// checkFileSystems judges the volumes that are a shared file system.
func checkFileSystems(_ *graph.Graph, r graph.Resource) []Finding {
	var findings []Finding
	for _, at := range spots(r, "volumes.*.efsVolumeConfiguration") {
		system, _ := at.value.(map[string]any)
		if at.value == graph.Unknown || system["transitEncryption"] == graph.Unknown {
			findings = append(findings, undecided(at.path))
		} else if system != nil && system["transitEncryption"] != "ENABLED" {
			findings = append(findings, finding(at.path+".transitEncryption", "is %s; wanted: ENABLED", shown(system["transitEncryption"])))
		}
	}
	return findings
}
