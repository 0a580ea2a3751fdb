package emulator

import (
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// task is one task as the protocol writes it.
type task struct {
	TaskArn              string  `json:"taskArn"`
	ContainerInstanceArn string  `json:"containerInstanceArn,omitempty"`
	TaskDefinitionArn    string  `json:"taskDefinitionArn"`
	DesiredStatus        string  `json:"desiredStatus"`
	LastStatus           string  `json:"lastStatus"`
	StartedBy            string  `json:"startedBy"`
	CreatedAt            float64 `json:"createdAt"`
}

type refusal struct {
	Code      string   `json:"__type"`
	Message   string   `json:"message"`
	Resources []string `json:"resourceIds,omitempty"`
}

// launch is what a token stands for.
type launch struct {
	input  map[string]any
	answer map[string]any
	arns   []string
}

const running, stopped = "RUNNING", "STOPPED"

// What the documentation says of a token's and of startedBy's characters.
var (
	tokens    = regexp.MustCompile(`^[!-~]{1,64}$`)
	startedBy = regexp.MustCompile(`^[A-Za-z0-9/_-]{0,128}$`)
)

func text(input map[string]any, name string) string {
	value, _ := input[name].(string) // what is absent is empty
	return value
}

func (s *Server) run(input map[string]any) (any, *refusal) {
	token, by := text(input, "clientToken"), text(input, "startedBy")
	count, _ := input["count"].(float64)
	if count < 1 || count > 10 || !tokens.MatchString(token) || !startedBy.MatchString(by) {
		return nil, &refusal{Code: "InvalidParameterException", Message: fmt.Sprintf("count %v, token %q, startedBy %q", count, token, by)}
	}
	if known, ok := s.tokens[token]; ok {
		if !reflect.DeepEqual(known.input, input) {
			return nil, &refusal{Code: "ConflictException", Message: "the token is in use for another request", Resources: known.arns}
		}
		return known.answer, nil
	}
	definition := text(input, "taskDefinition")
	if !strings.HasPrefix(definition, "arn:") {
		definition = Prefix + "task-definition/" + definition
	}
	placed := min(int(count), s.room)
	s.room -= placed
	made, arns := []task{}, []string{}
	for range placed {
		t := &task{
			TaskArn:              fmt.Sprintf("%stask/%s/%032x", Prefix, text(input, "cluster"), len(s.tasks)+1),
			ContainerInstanceArn: Prefix + "container-instance/" + text(input, "cluster") + "/1",
			TaskDefinitionArn:    definition, DesiredStatus: running, LastStatus: "PENDING", StartedBy: by,
			CreatedAt: float64(time.Now().UnixMilli()) / 1000,
		}
		s.tasks = append(s.tasks, t)
		made, arns = append(made, *t), append(arns, t.TaskArn)
	}
	failures := []map[string]string{}
	if placed < int(count) {
		for i, reason := range s.reasons {
			failures = append(failures, map[string]string{"arn": fmt.Sprint(Prefix, "container-instance/", i), "reason": reason})
		}
	}
	answer := map[string]any{"tasks": made, "failures": failures}
	s.tokens[token] = launch{maps.Clone(input), answer, arns}
	return answer, nil
}

func (s *Server) stop(input map[string]any) (any, *refusal) {
	arn := text(input, "task")
	for _, t := range s.tasks {
		if t.TaskArn == arn {
			t.DesiredStatus, t.LastStatus = stopped, stopped
			return map[string]any{"task": t}, nil
		}
	}
	if id := arn[strings.LastIndex(arn, "/")+1:]; len(id) != 32 && len(id) != 36 {
		return nil, &refusal{Code: "InvalidParameterException", Message: "taskId length should be one of [32,36]"}
	}
	return nil, &refusal{Code: "InvalidParameterException", Message: "The referenced task was not found."}
}

// list answers 100 ARNs and where to go on.
func (s *Server) list(input map[string]any) (any, *refusal) {
	from, _ := strconv.Atoi(text(input, "nextToken")) // absent: from the start
	arns, next := []string{}, ""
	for i := from; i < len(s.tasks); i++ {
		family, host := text(input, "family"), text(input, "containerInstance")
		if s.tasks[i].DesiredStatus != text(input, "desiredStatus") || family != "" && !strings.Contains(s.tasks[i].TaskDefinitionArn, "/"+family+":") ||
			host != "" && s.tasks[i].ContainerInstanceArn != host {
			continue
		}
		if len(arns) == 100 {
			next = strconv.Itoa(i)
			break
		}
		arns = append(arns, s.tasks[i].TaskArn)
	}
	if next == "" {
		return map[string]any{"taskArns": arns}, nil
	}
	return map[string]any{"taskArns": arns, "nextToken": next}, nil
}

func (s *Server) describe(input map[string]any) (any, *refusal) {
	asked, _ := input["tasks"].([]any) // absent is none, which is refused
	if len(asked) == 0 || len(asked) > 100 {
		return nil, &refusal{Code: "InvalidParameterException", Message: fmt.Sprintf("%d tasks", len(asked))}
	}
	found := []task{}
	for _, t := range s.tasks {
		if slices.Contains(asked, any(t.TaskArn)) {
			found = append(found, *t)
		}
	}
	return map[string]any{"tasks": found, "failures": []any{}}, nil
}
