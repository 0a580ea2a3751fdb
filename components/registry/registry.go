package registry

import (
	"errors"
	"fmt"
	"slices"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ecr"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"workerfleet/components/access"
	"workerfleet/components/alarms"
	"workerfleet/components/names"
	"workerfleet/components/place"
	"workerfleet/components/protection"
)

// Args say which repositories there are.
type Args struct {
	Place      place.Place
	Protection protection.Level
	// Processes that have an image, such as api and worker.
	Processes []string
	// Key encrypts the images.
	Key pulumi.StringPtrInput
	// Topic is told of serious findings.
	Topic *alarms.Topic
}

// Registry is the set of repositories.
type Registry struct {
	pulumi.ResourceState
	// URLs of the repositories by process: what images are pushed to and pulled from.
	URLs pulumi.StringMap
	// ARNs of the repositories by process: what policies name.
	ARNs map[string]pulumi.StringOutput
}

// New makes the repositories and the rule that tells of findings.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Registry, error) {
	if err := args.validate(name); err != nil {
		return nil, fmt.Errorf("registry.Registry %q: %w", name, err)
	}
	c := &Registry{URLs: pulumi.StringMap{}, ARNs: map[string]pulumi.StringOutput{}}
	if err := ctx.RegisterComponentResource("workerfleet:registry:Registry", name, c, opts...); err != nil {
		return nil, err
	}
	var repositories pulumi.StringArray
	for _, process := range args.Processes {
		repository, err := c.repository(ctx, names.Join(name, process), args)
		if err != nil {
			return nil, err
		}
		c.URLs[process], c.ARNs[process] = repository.RepositoryUrl, repository.Arn
		repositories = append(repositories, repository.Name)
	}
	if err := tellOfFindings(ctx, names.Join(name, "findings"), args.Topic, repositories, pulumi.Parent(c)); err != nil {
		return nil, err
	}
	return c, ctx.RegisterResourceOutputs(c, pulumi.Map{"urls": c.URLs})
}

func (a *Args) validate(name string) error {
	problems := []error{a.Protection.Validate()}
	if len(a.Processes) == 0 {
		problems = append(problems, errors.New("processes: is empty; allowed: at least one"))
	}
	for i, process := range a.Processes {
		if err := names.Fits(names.Repository, names.Join(name, process)); err != nil {
			problems = append(problems, fmt.Errorf("processes[%d]: %w", i, err))
		}
		if slices.Contains(a.Processes[:i], process) {
			problems = append(problems, fmt.Errorf("processes[%d]: %q stands twice; allowed: each once", i, process))
		}
	}
	if a.Key == nil {
		problems = append(problems, errors.New("key: is missing; allowed: the ARN of the key for images"))
	}
	if a.Topic == nil {
		problems = append(problems, errors.New("topic: is missing; allowed: the stack's alarm topic"))
	}
	return errors.Join(problems...)
}

// repository makes one repository with its life cycle and its policy. Its name is the provider's: a change of the key
// replaces it, and the new one must stand before the old one goes.
func (c *Registry) repository(ctx *pulumi.Context, name string, args *Args) (*ecr.Repository, error) {
	repository, err := ecr.NewRepository(ctx, name, &ecr.RepositoryArgs{
		ImageTagMutability:         pulumi.String("IMMUTABLE"),
		ImageScanningConfiguration: ecr.RepositoryImageScanningConfigurationArgs{ScanOnPush: pulumi.Bool(true)},
		EncryptionConfigurations: ecr.RepositoryEncryptionConfigurationArray{ecr.RepositoryEncryptionConfigurationArgs{
			EncryptionType: pulumi.String("KMS"), KmsKey: args.Key,
		}},
		ForceDelete: pulumi.Bool(args.Protection.ForceDelete()),
	}, pulumi.Parent(c), args.Protection.Option())
	if err != nil {
		return nil, err
	}
	if _, err = ecr.NewLifecyclePolicy(ctx, names.Join(name, "lifecycle"), &ecr.LifecyclePolicyArgs{
		Repository: repository.Name, Policy: pulumi.String(lifecycle()),
	}, pulumi.Parent(c)); err != nil {
		return nil, err
	}
	// A repository's policy has no resource: it is about the repository that carries it. Pushing is left to the IAM
	// policy of the delivery role.
	_, err = ecr.NewRepositoryPolicy(ctx, names.Join(name, "policy"), &ecr.RepositoryPolicyArgs{
		Repository: repository.Name,
		Policy: access.Document{{
			Sid: "PullWithinTheAccount", Principal: access.Account(args.Place),
			Actions: []string{"ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"},
		}}.JSON(),
	}, pulumi.Parent(c))
	return repository, err
}

// How far back a release can be rolled. ECR counts manifests: a release is an index and a manifest for each of two
// architectures, so that it may count as three. Ten releases a week is the assumption; 10 × 10 × 3 = 300.
const (
	weeksKept           = 10
	releasesPerWeek     = 10
	manifestsPerRelease = 3
	manifestsKept       = weeksKept * releasesPerWeek * manifestsPerRelease
)

// lifecycle keeps the newest manifests. Untagged ones, which nothing deploys, go after two weeks; the manifests of an
// index have no tag of their own and stay as long as the index does, because ECR expires none that one refers to
// (ECR user guide, lifecycle policies).
func lifecycle() string {
	return fmt.Sprintf(`{"rules":[`+
		`{"rulePriority":1,"description":"untagged images go after two weeks","selection":{"tagStatus":"untagged","countType":"sinceImagePushed","countUnit":"days","countNumber":14},"action":{"type":"expire"}},`+
		`{"rulePriority":2,"description":"the newest %d manifests stay: %d weeks of releases","selection":{"tagStatus":"any","countType":"imageCountMoreThan","countNumber":%d},"action":{"type":"expire"}}]}`,
		manifestsKept, weeksKept, manifestsKept)
}
