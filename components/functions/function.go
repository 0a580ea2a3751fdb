package functions

import (
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/lambda"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"workerfleet/components/access"
	"workerfleet/components/names"
)

// Function is one function.
type Function struct {
	pulumi.ResourceState
	Name, ARN pulumi.StringOutput
	// Role is what the function acts as.
	Role pulumi.StringOutput
}

// builder carries what the steps of New share.
type builder struct {
	ctx  *pulumi.Context
	name string
	args Args
	c    *Function

	log  *cloudwatch.LogGroup
	role *access.ServiceRole
}

// New makes the function with its log, its role, its trigger and its alarms.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Function, error) {
	a, err := args.complete(name)
	if err != nil {
		return nil, err
	}
	c := &Function{}
	if err := ctx.RegisterComponentResource("workerfleet:functions:Function", name, c, opts...); err != nil {
		return nil, err
	}
	b := &builder{ctx: ctx, name: name, args: a, c: c}
	for _, step := range []func() error{b.makeLog, b.makeRole, b.makeFunction, b.makeMappings, b.makeSchedule, b.watch} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return c, ctx.RegisterResourceOutputs(c, pulumi.Map{"name": c.Name, "arn": c.ARN})
}

func (b *builder) child(suffix ...string) string {
	return names.Join(append([]string{b.name}, suffix...)...)
}

func (b *builder) parent() pulumi.ResourceOption { return pulumi.Parent(b.c) }

// makeLog makes the log group before the function would make one of its own, without a key and for ever.
func (b *builder) makeLog() (err error) {
	b.log, err = cloudwatch.NewLogGroup(b.ctx, b.child("log"), &cloudwatch.LogGroupArgs{
		KmsKeyId: b.args.LogsKey, RetentionInDays: pulumi.Int(b.args.LogDays),
	}, b.parent())
	return err
}

func (b *builder) makeRole() (err error) {
	b.role, err = access.NewServiceRole(b.ctx, b.child("process"), &access.ServiceRoleArgs{
		Place: b.args.Place, Service: "lambda.amazonaws.com", Description: "What " + b.name + " may do.", Policy: b.policy(),
	}, b.parent())
	if err == nil {
		b.c.Role = b.role.Arn
	}
	return err
}

// makeFunction makes the function once its role has its policy: Lambda tries the role out.
func (b *builder) makeFunction() error {
	variables := pulumi.StringMap{}
	for name, value := range b.args.Environment {
		variables[name] = value
	}
	after := append([]pulumi.Resource{b.role}, b.args.Egress...)
	made, err := lambda.NewFunction(b.ctx, b.child("lambda"), &lambda.FunctionArgs{
		Code: b.args.Code, Runtime: pulumi.String("provided.al2023"), Handler: pulumi.String("bootstrap"),
		Architectures: pulumi.ToStringArray([]string{b.args.Architecture}), Role: b.role.Arn,
		MemorySize: pulumi.Int(b.args.MemoryMB), Timeout: pulumi.Int(b.args.TimeoutSeconds),
		ReservedConcurrentExecutions: pulumi.Int(b.args.Concurrency),
		Environment:                  lambda.FunctionEnvironmentArgs{Variables: variables}, KmsKeyArn: b.args.EnvironmentKey.ToStringOutput().ToStringPtrOutput(),
		TracingConfig:    lambda.FunctionTracingConfigArgs{Mode: pulumi.String("Active")},
		LoggingConfig:    lambda.FunctionLoggingConfigArgs{LogFormat: pulumi.String("Text"), LogGroup: b.log.Name},
		DeadLetterConfig: lambda.FunctionDeadLetterConfigArgs{TargetArn: b.args.Failures.ARN},
		VpcConfig: lambda.FunctionVpcConfigArgs{
			SubnetIds: b.args.Subnets, SecurityGroupIds: pulumi.StringArray{b.args.SecurityGroup},
		},
	}, b.parent(), pulumi.DependsOn(after))
	if err != nil {
		return err
	}
	b.c.Name, b.c.ARN = made.Name, made.Arn
	return nil
}
