package edge

import (
	"errors"
	"fmt"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"workerfleet/components/alarms"
	"workerfleet/components/names"
	"workerfleet/components/place"
	"workerfleet/components/protection"
)

// WebhookPath is where signed webhooks arrive.
const WebhookPath = "/v1/webhooks/"

// Rates of one address in five minutes; WAF takes 10 and more.
const (
	// A user's client asks once a second at most; an office of a hundred users shares an address.
	defaultPerAddress = 30_000
	// One sender of webhooks serves many users from few addresses.
	defaultWebhooks = 60_000
	leastRate       = 10
)

// Args describe the edge.
type Args struct {
	Place      place.Place
	Protection protection.Level
	// Domain is the public name of the API.
	Domain string
	// HostedZone is the Route 53 zone of the domain: with it the stack has a certificate and records of its own.
	HostedZone string
	// CertificateARN is used where no zone is stated. Without either the certificate is asked for and never proven, so
	// that a preview shows it; an update is refused before.
	CertificateARN string
	VPC            pulumi.StringInput
	// Subnets are public ones in at least two zones.
	Subnets pulumi.StringArray
	// Targets are the security groups of the hosts that run the API, by name.
	Targets map[string]pulumi.StringInput
	// PerAddress and Webhooks are the requests of one address in five minutes beyond which it is blocked.
	PerAddress, Webhooks int
	// Shield makes a Shield Advanced protection: the organisation has the subscription.
	Shield bool
	// LogsKey encrypts the web ACL's log.
	LogsKey pulumi.StringPtrInput
	Topic   *alarms.Topic
}

// complete returns the arguments with defaults, or all that is wrong with them.
func (args *Args) complete(name string) (Args, error) {
	a := *args
	if a.PerAddress == 0 {
		a.PerAddress = defaultPerAddress
	}
	if a.Webhooks == 0 {
		a.Webhooks = defaultWebhooks
	}
	problems := []error{a.Protection.Validate(), names.Fits(names.LoadBalancer, names.Join(name, "balancer"))}
	refuse := func(format string, values ...any) { problems = append(problems, fmt.Errorf(format, values...)) }
	if !strings.Contains(a.Domain, ".") {
		refuse("domain: %q is not allowed; allowed: a domain such as fleet.example.com", a.Domain)
	}
	if a.HostedZone != "" && a.CertificateARN != "" {
		refuse("hostedZone, certificateARN: both are stated; allowed: one, because the zone brings a certificate")
	}
	if len(a.Subnets) < 2 {
		refuse("subnets: %d are not allowed; allowed: at least 2, in different zones", len(a.Subnets))
	}
	if len(a.Targets) == 0 {
		refuse("targets: is empty; allowed: the security groups of the API's hosts")
	}
	for field, rate := range map[string]int{"perAddress": a.PerAddress, "webhooks": a.Webhooks} {
		if rate < leastRate {
			refuse("%s: %d is not allowed; allowed: %d or more in five minutes", field, rate, leastRate)
		}
	}
	for field, missing := range map[string]bool{"vpc": a.VPC == nil, "logsKey": a.LogsKey == nil, "topic": a.Topic == nil} {
		if missing {
			refuse("%s: is missing; allowed: a stated one", field)
		}
	}
	if err := errors.Join(problems...); err != nil {
		return a, fmt.Errorf("edge.Edge %q: %w", name, err)
	}
	return a, nil
}
