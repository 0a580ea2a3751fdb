package stacks

import (
	"errors"
	"net/mail"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"workerfleet/runtime/settings"
)

// formatAllows says, for people, what a format of an `is` tag allows.
func formatAllows(format string) string {
	switch format {
	case "account":
		return "twelve digits"
	case "ami":
		return "a release of the ECS-optimized Amazon Linux 2023 image, as 2023.0.20261113"
	case "branch":
		return "branch names without spaces, * for any part"
	case "certificate":
		return "the ARN of an ACM certificate, as arn:aws:acm:ap-southeast-1:123456789012:certificate/…"
	case "cidr":
		return "an IPv4 block of /16 to /28 whose address is its first, as 10.20.0.0/16, outside 172.17.0.0/16 (Docker's)"
	case "clock":
		return "a time of day in quotes, 00:00 to 24:00, as \"09:00\""
	case "holiday":
		return "dates and half days with their close, in quotes, as \"2027-01-01\" and \"2026-12-24=12:30\""
	case "domain":
		return "a lower-case domain name, as fleet.example.org"
	case "email":
		return "one e-mail address, as oncall@example.org"
	case "https":
		return "an address that starts with https://"
	case "image":
		return "a container image reference, as registry/name@sha256:…"
	case "region":
		return "an AWS region, as ap-southeast-1"
	case "repository":
		return "owner/name on GitHub"
	case "timezone":
		return "a zone of the IANA database, as Asia/Singapore"
	case "zone":
		return "a Route 53 hosted zone id, as Z0123456789ABCDEFGHIJ"
	}
	return "nothing (unknown format " + format + ")"
}

// patterns of the formats that one regular expression decides.
func pattern(format string) string {
	switch format {
	case "account":
		return `\d{12}`
	case "ami":
		return `20\d\d\.\d{1,2}\.20\d{6}`
	case "branch":
		return `[A-Za-z0-9._/*-]+`
	case "certificate":
		return `arn:aws:acm:[a-z0-9-]+:\d{12}:certificate/[A-Za-z0-9-]+`
	case "domain":
		return `([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}`
	case "image":
		return `[a-z0-9][A-Za-z0-9._:/-]*(@sha256:[0-9a-f]{64})?`
	case "region":
		return `[a-z]{2}(-gov|-iso[a-z]?)?-(central|north|south|east|west|northeast|northwest|southeast|southwest)-[1-9]`
	case "repository":
		return `[A-Za-z0-9-]+/[A-Za-z0-9._-]+`
	case "zone":
		return `Z[A-Z0-9]{1,31}`
	}
	return ""
}

// settingTakes asks the reader of the keeper's environment, where the value ends up, whether it takes a text.
func settingTakes(variable, text string) bool {
	return !settingsRefuse(map[string]string{variable: text}, variable)
}

// settingsRefuse says whether the keeper, told these variables, has a problem with one of them.
func settingsRefuse(environment map[string]string, variable string) bool {
	_, err := settings.Read[settings.Keeper](func(name string) string { return environment[name] }, nil)
	var problems settings.Problems
	return errors.As(err, &problems) && slices.ContainsFunc(problems.Found, func(p settings.Problem) bool { return p.Name == variable })
}

// formats says whether a text has the format.
func formats(format, text string) bool {
	switch format {
	case "cidr":
		return allowedCIDR(text)
	case "clock":
		return settingTakes(settings.EnvMarketOpen, text)
	case "email":
		address, err := mail.ParseAddress(text)
		return err == nil && address.Address == text
	case "https":
		address, err := url.Parse(text)
		return err == nil && address.Scheme == "https" && address.Host != ""
	case "holiday":
		return text != "" && !strings.Contains(text, ",") && settingTakes(settings.EnvMarketHolidays, text)
	case "timezone":
		return settingTakes(settings.EnvMarketTimeZone, text)
	}
	expression := pattern(format)
	return expression != "" && regexp.MustCompile(`^(?:`+expression+`)$`).MatchString(text)
}

// outsideSays why a region of another partition is refused.
func outsideSays(region string) string {
	return notAllowed(region) + ", because the platform's policies name resources of the commercial partition (arn:aws:…); " +
		"allowed: a commercial region, as ap-southeast-1"
}

// outside says whether a region is of another partition than the commercial one: China, GovCloud, the isolated ones.
func outside(region string) bool {
	return strings.HasPrefix(region, "cn-") || strings.Contains(region, "-gov-") || strings.Contains(region, "-iso")
}

func allowedCIDR(text string) bool {
	block, err := netip.ParsePrefix(text)
	if err != nil || !block.Addr().Is4() || block != block.Masked() || block.Bits() < 16 || block.Bits() > 28 {
		return false
	}
	docker := netip.PrefixFrom(netip.AddrFrom4([4]byte{172, 17, 0, 0}), 16)
	return !block.Overlaps(docker)
}

// size of an instance type or class: what follows the last dot.
func sizeOf(name string) string { return name[strings.LastIndex(name, ".")+1:] }
