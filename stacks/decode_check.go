package stacks

import (
	"net/netip"
	"slices"
	"strings"

	"workerfleet/runtime/settings"
	"workerfleet/stacks/sizing"
)

// consistency returns what each value alone cannot show. A field that already has a problem is not judged again.
func consistency(c Config, planned sizing.Plan, before Problems) Problems {
	k := check{Config: c, planned: planned, before: before}
	k.architecture()
	k.workers()
	k.density()
	k.api()
	k.functions()
	k.valkey()
	k.database()
	k.network()
	k.market()
	k.rest()
	return k.found
}

// pinnedFrom is the number of users from which an image is named by its digest.
const pinnedFrom = 1000

type check struct {
	Config
	planned       sizing.Plan // what the users need, before the stack stated anything of its own
	before, found Problems
	worker, host  sizing.InstanceType // of workers and API; zero when instanceType is not one that a plan may name
}

// says adds a problem with the first field unless one of the fields that it follows from already has one.
func (k *check) says(fields []string, format string, args ...any) {
	if !slices.ContainsFunc(fields, k.before.about) {
		k.found.add(fields[0], format, args...)
	}
}

// architecture: images, functions and hosts are of one architecture, and only types with a planned density are known.
func (k *check) architecture() {
	forWorkers, forAPI := sizing.Instances()
	k.worker = k.instance("workers.instanceType", k.Workers.InstanceType, forWorkers)
	k.host = k.instance("api.instanceType", k.API.InstanceType, forAPI)
	fallback := k.Workers.FallbackType
	if allowed := k.fallbacks(); fallback != "" && k.worker.Name != "" && !slices.Contains(allowed, fallback) {
		k.says([]string{"workers.fallbackType"}, "%s; allowed: %s", notAllowed(fallback), strings.Join(allowed, ", "))
	}
}

// fallbacks are other families with the same vCPU, memory and architecture, in the size of the worker hosts.
func (k *check) fallbacks() []string {
	families := []string{"r6a", "r5", "r7i"}
	if k.Architecture == string(sizing.ARM) {
		families = []string{"r6g", "r8g"}
	}
	for i, family := range families {
		families[i] = family + "." + sizeOf(k.Workers.InstanceType)
	}
	return families
}

// instance finds a type among those that a plan may name, for the stack's architecture.
func (k *check) instance(field, name string, known []sizing.InstanceType) sizing.InstanceType {
	var allowed []string
	for _, t := range known {
		if string(t.Architecture()) != k.Architecture {
			continue
		}
		if t.Name == name {
			return t
		}
		allowed = append(allowed, t.Name)
	}
	k.says([]string{field, "architecture"}, "%q is not allowed with architecture %s; allowed: %s",
		name, k.Architecture, strings.Join(allowed, ", "))
	return sizing.InstanceType{}
}

// network: a VPC's block cannot be changed without replacing everything in it, so it must be large enough at once.
func (k *check) network() {
	block, err := netip.ParsePrefix(k.Network.CIDR)
	if needs := k.Plan.Network; err == nil && block.Bits() > needs.MaxPrefix {
		k.says([]string{"network.cidr", "workers", "api", "valkey", "database"},
			"%s is too small for the %d addresses of this stack at its maximum; allowed: /16 to /%d",
			k.Network.CIDR, needs.Addresses, needs.MaxPrefix)
	}
	if needs := k.Plan.Network.NATAddresses; needs > sizing.MaxNATAddresses {
		k.says([]string{"network.natPerZone"}, "%t needs %d public addresses on a NAT gateway, which takes %d; allowed: true",
			k.Network.NATPerZone, needs, sizing.MaxNATAddresses)
	}
}

// market: the reader of the keeper's environment judges the half days, because it is what uses them.
func (k *check) market() {
	m := k.Market
	if m.Open >= m.Close { // HH:MM sorts as time does
		k.says([]string{"market.close", "market.open"}, "%q is not after market.open %q; allowed: a later time of the same day",
			m.Close, m.Open)
		return
	}
	environment := map[string]string{
		settings.EnvMarketTimeZone: m.TimeZone, settings.EnvMarketOpen: m.Open, settings.EnvMarketClose: m.Close,
		settings.EnvMarketHolidays: strings.Join(m.Holidays, ","),
	}
	if settingsRefuse(environment, settings.EnvMarketHolidays) {
		k.says([]string{"market.holidays", "market.open", "market.close", "market.timeZone"},
			"a half day does not close during trading; allowed: a close after %s and before %s", m.Open, m.Close)
	}
}

// rest: pairs of values that contradict each other.
func (k *check) rest() {
	if outside(k.Backup.Region) {
		k.says([]string{"backup.region"}, "%s", outsideSays(k.Backup.Region))
	}
	if k.Features.CrossRegionBackup && k.Backup.Region == k.Region {
		k.says([]string{"backup.region", "aws:region"}, "%s is the stack's own region; allowed: another region", k.Backup.Region)
	}
	if k.Delivery.Repository != "" && k.Account.GitHubOIDC == "off" {
		k.says([]string{"account.githubOidc", "delivery.repository"},
			"\"off\" leaves delivery.repository nobody to trust; allowed: adopt, create")
	}
	for process, image := range k.Images {
		if k.Users >= pinnedFrom && formats("image", image) && !strings.Contains(image, "@sha256:") {
			k.says([]string{"images." + process}, "%q has no digest, and from %d users on a tag is no promise; allowed: registry/name@sha256:…", image, pinnedFrom)
		}
	}
	if k.Edge.CertificateARN != "" && k.Edge.HostedZoneID != "" {
		k.says([]string{"edge.certificateArn", "edge.hostedZoneId"}, "is stated beside edge.hostedZoneId, which brings a certificate of its own; allowed: one of them")
	}
	if arn := k.Edge.CertificateARN; arn != "" && formats("certificate", arn) && strings.Split(arn, ":")[3] != k.Region {
		k.says([]string{"edge.certificateArn", "aws:region"}, "the certificate is in %s; allowed: one in %s",
			strings.Split(arn, ":")[3], k.Region)
	}
}
