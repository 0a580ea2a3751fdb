package stacks

import (
	"net/mail"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"time"
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
		return "an ACM certificate's ARN, as arn:aws:acm:ap-southeast-1:123456789012:certificate/…"
	case "cidr":
		return "an IPv4 block of /16 to /28 whose address is its first, as 10.20.0.0/16, outside 172.17.0.0/16 (Docker's)"
	case "clock":
		return "a time of day in quotes, as \"09:00\""
	case "date":
		return "dates in quotes, as \"2027-01-01\""
	case "domain":
		return "a lower-case domain name, as fleet.example.org"
	case "email":
		return "one e-mail address, as oncall@example.org"
	case "https":
		return "an address that starts with https://"
	case "image":
		return "a container image reference, as registry/name@sha256:…"
	case "node":
		return "a cache node type, as cache.r7g.large"
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
		return `arn:aws[a-z-]*:acm:[a-z0-9-]+:\d{12}:certificate/[A-Za-z0-9-]+`
	case "domain":
		return `([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}`
	case "image":
		return `[a-z0-9][A-Za-z0-9._:/-]*(@sha256:[0-9a-f]{64})?`
	case "node":
		return `cache\.[a-z0-9]+\.[a-z0-9]+`
	case "region":
		return `[a-z]{2}(-gov|-iso[a-z]?)?-(central|north|south|east|west|northeast|northwest|southeast|southwest)-[1-9]`
	case "repository":
		return `[A-Za-z0-9-]+/[A-Za-z0-9._-]+`
	case "zone":
		return `Z[A-Z0-9]{1,31}`
	}
	return ""
}

// formats says whether a text has the format.
func formats(format, text string) bool {
	switch format {
	case "cidr":
		return allowedCIDR(text)
	case "clock":
		_, err := time.Parse("15:04", text)
		return err == nil && len(text) == len("15:04")
	case "date":
		_, err := time.Parse(time.DateOnly, text)
		return err == nil
	case "email":
		address, err := mail.ParseAddress(text)
		return err == nil && address.Address == text
	case "https":
		address, err := url.Parse(text)
		return err == nil && address.Scheme == "https" && address.Host != ""
	case "timezone":
		_, err := time.LoadLocation(text)
		return err == nil && text != "" && text != "Local" // both mean whatever machine this is
	}
	expression := pattern(format)
	return expression != "" && regexp.MustCompile(`^(?:`+expression+`)$`).MatchString(text)
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
