package delivery

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/iam"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"workerfleet/components/names"
	"workerfleet/components/place"
)

// What becomes of the account's identity provider: the words of the stack's configuration.
const (
	Create = "create"
	Adopt  = "adopt"
)

// GitHub's issuer of workflow tokens, and whom the tokens are for.
const (
	issuer   = "token.actions.githubusercontent.com"
	audience = "sts.amazonaws.com"
)

// sessionSeconds is how long a release may take.
const sessionSeconds = 3_600

// Args say who may release what.
type Args struct {
	Place place.Place
	// Provider is create or adopt.
	Provider string
	// Repository is owner/name; Branches are exact, without patterns.
	Repository string
	Branches   []string
	// Repositories are the ARNs of the image repositories, by process.
	Repositories map[string]pulumi.StringInput
	// Roles are the ARNs of the roles that this stack's tasks run under.
	Roles []pulumi.StringInput
	// Cluster is the ARN of the one that the migration runs on.
	Cluster string
}

// Delivery is the release role.
type Delivery struct {
	pulumi.ResourceState
	RoleARN pulumi.StringOutput
}

// New makes the role and, where told to, the identity provider.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Delivery, error) {
	if err := args.validate(name); err != nil {
		return nil, fmt.Errorf("delivery.Delivery %q: %w", name, err)
	}
	c := &Delivery{}
	if err := ctx.RegisterComponentResource("workerfleet:delivery:Delivery", name, c, opts...); err != nil {
		return nil, err
	}
	provider, err := c.provider(ctx, name, args)
	if err != nil {
		return nil, err
	}
	role, err := iam.NewRole(ctx, names.Join(name, "role"), &iam.RoleArgs{
		Description:        pulumi.String("Releases " + args.Repository + " to " + args.Place.Stack + "."),
		AssumeRolePolicy:   args.trust(provider).JSON(),
		MaxSessionDuration: pulumi.Int(sessionSeconds),
	}, pulumi.Parent(c))
	if err != nil {
		return nil, err
	}
	if _, err = iam.NewRolePolicy(ctx, names.Join(name, "policy"), &iam.RolePolicyArgs{
		Role: role.Name, Policy: args.permissions().JSON(),
	}, pulumi.Parent(c)); err != nil {
		return nil, err
	}
	c.RoleARN = role.Arn
	return c, ctx.RegisterResourceOutputs(c, pulumi.Map{"roleArn": c.RoleARN})
}

func (a *Args) validate(name string) error {
	problems := []error{names.Fits(names.Role, names.Join(name, "role"))}
	refuse := func(format string, values ...any) { problems = append(problems, fmt.Errorf(format, values...)) }
	if !slices.Contains([]string{Create, Adopt}, a.Provider) {
		refuse("provider: %q is not allowed; allowed: %s, %s", a.Provider, Create, Adopt)
	}
	if owner, repository, both := strings.Cut(a.Repository, "/"); !both || owner == "" || repository == "" || strings.ContainsAny(a.Repository, "*?") {
		refuse("repository: %q is not allowed; allowed: owner/name", a.Repository)
	}
	if len(a.Branches) == 0 {
		refuse("branches: is empty; allowed: at least one")
	}
	for i, branch := range a.Branches {
		if branch == "" || strings.ContainsAny(branch, "*?") {
			refuse("branches[%d]: %q is not allowed; allowed: the whole name of a branch", i, branch)
		}
	}
	if len(a.Repositories) == 0 {
		refuse("repositories: is empty; allowed: the ARNs of the stack's image repositories")
	}
	if len(a.Roles) == 0 || a.Cluster == "" {
		refuse("roles, cluster: one is missing; allowed: the roles of the stack's tasks, and the ARN of its cluster")
	}
	return errors.Join(problems...)
}

// provider is the account's identity provider for GitHub: made here, or known by its name.
func (c *Delivery) provider(ctx *pulumi.Context, name string, args *Args) (pulumi.StringInput, error) {
	if args.Provider == Adopt {
		return pulumi.String(args.Place.IAM("oidc-provider/" + issuer)), nil
	}
	// AWS checks GitHub's certificate against its own list of authorities; no thumbprint is stated.
	made, err := iam.NewOpenIdConnectProvider(ctx, names.Join(name, "github"), &iam.OpenIdConnectProviderArgs{
		Url: pulumi.String("https://" + issuer), ClientIdLists: pulumi.ToStringArray([]string{audience}),
	}, pulumi.Parent(c))
	if err != nil {
		return nil, err
	}
	return made.Arn, nil
}
