package delivery

import (
	"maps"
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"workerfleet/components/access"
)

// tag is the one by which a stack's own resources are told from those of others: the provider gives it to all of them.
const tag = "cost-center"

// trust lets in workflows of this repository on one of these branches, word for word: a pattern would let in a branch
// that anybody may open.
func (a *Args) trust(provider pulumi.StringInput) access.Document {
	var subjects []string
	for _, branch := range a.Branches {
		subjects = append(subjects, "repo:"+a.Repository+":ref:refs/heads/"+branch)
	}
	return access.Document{{
		Sid: "WorkflowsOnTheseBranches", Actions: []string{"sts:AssumeRoleWithWebIdentity"},
		Principal: access.Federated(provider,
			access.When("StringEquals", issuer+":aud", audience),
			access.When("StringEquals", issuer+":sub", subjects...)),
	}}
}

// permissions of a release: push images; register task definitions and give services and functions what was pushed; hand
// on the roles that these run under. All of it within this stack.
func (a *Args) permissions() access.Document {
	p := a.Place
	ours := access.When("StringEquals", "aws:ResourceTag/"+tag, p.Stack)
	var repositories []pulumi.StringInput
	for _, process := range slices.Sorted(maps.Keys(a.Repositories)) {
		repositories = append(repositories, a.Repositories[process])
	}
	return access.Document{
		{Sid: "SignInToECR", Actions: []string{"ecr:GetAuthorizationToken"}, Resources: access.Texts("*")},
		{
			Sid: "Images", Resources: repositories,
			Actions: []string{
				"ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:CompleteLayerUpload", "ecr:DescribeImages",
				"ecr:GetDownloadUrlForLayer", "ecr:InitiateLayerUpload", "ecr:PutImage", "ecr:UploadLayerPart",
			},
		},
		{
			// A definition is new with every release: what it must carry is the stack's tag.
			Sid: "NewTaskDefinitions", Actions: []string{"ecs:RegisterTaskDefinition", "ecs:TagResource"},
			Resources:  access.Texts(p.ARN("ecs", "task-definition/*")),
			Conditions: []access.Condition{access.When("StringEquals", "aws:RequestTag/"+tag, p.Stack)},
		},
		{
			Sid: "Services", Actions: []string{"ecs:DescribeServices", "ecs:RunTask", "ecs:UpdateService"},
			Resources:  access.Texts(p.ARN("ecs", "service/*"), p.ARN("ecs", "task-definition/*")),
			Conditions: []access.Condition{ours},
		},
		{
			// The migration's task carries no tag of its own: it is known by its cluster.
			Sid: "Migration", Actions: []string{"ecs:DescribeTasks"}, Resources: access.Texts(p.ARN("ecs", "task/*")),
			Conditions: []access.Condition{access.When("ArnEquals", "ecs:cluster", a.Cluster)},
		},
		{
			// Reading definitions and listing know no resource.
			Sid: "Read", Actions: []string{"ecs:DescribeTaskDefinition", "ecs:ListServices", "lambda:ListFunctions"},
			Resources: access.Texts("*"),
		},
		{
			Sid:       "Functions",
			Actions:   []string{"lambda:GetFunction", "lambda:GetFunctionConfiguration", "lambda:PublishVersion", "lambda:UpdateFunctionCode"},
			Resources: access.Texts(p.ARN("lambda", "function:*")), Conditions: []access.Condition{ours},
		},
		{
			// By name: a role's tags are no reliable condition of passing it on.
			Sid: "RolesOfTasks", Actions: []string{"iam:PassRole"}, Resources: a.Roles,
			Conditions: []access.Condition{access.When("StringEquals", "iam:PassedToService", "ecs-tasks.amazonaws.com")},
		},
	}
}
