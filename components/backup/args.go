package backup

import (
	"errors"
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"workerfleet/components/alarms"
	"workerfleet/components/place"
	"workerfleet/components/protection"
)

// Abroad is where copies go: another region, reached through a provider of its own.
type Abroad struct {
	Region   string
	Provider pulumi.ProviderResource
}

// Args say what is copied, and how far away.
type Args struct {
	Place      place.Place
	Protection protection.Level
	// Databases are the ARNs of the clusters, by name.
	Databases map[string]pulumi.StringInput
	// Key encrypts the vault.
	Key pulumi.StringInput
	// Abroad is nil where no copies leave the region.
	Abroad *Abroad
	Topic  *alarms.Topic
}

// complete returns what is wrong with the arguments, all of it.
func (args *Args) complete(name string) error {
	problems := []error{args.Protection.Validate()}
	refuse := func(format string, values ...any) { problems = append(problems, fmt.Errorf(format, values...)) }
	if len(args.Databases) == 0 {
		refuse("databases: is empty; allowed: at least one")
	}
	if away := args.Abroad; away != nil {
		if away.Region == args.Place.Region || away.Region == "" {
			refuse("abroad.region: %q is not allowed; allowed: a region other than %s", away.Region, args.Place.Region)
		}
		if away.Provider == nil {
			refuse("abroad.provider: is missing; allowed: a provider of that region")
		}
	}
	for field, missing := range map[string]bool{"key": args.Key == nil, "topic": args.Topic == nil} {
		if missing {
			refuse("%s: is missing; allowed: a stated one", field)
		}
	}
	if err := errors.Join(problems...); err != nil {
		return fmt.Errorf("backup.Backup %q: %w", name, err)
	}
	return nil
}
