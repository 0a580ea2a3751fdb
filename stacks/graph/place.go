package graph

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// SimulatedAccount is an account id that AWS never gives, so that a program can tell a simulated run from a real one.
const SimulatedAccount = "000000000000"

// Place is where a simulated resource stands.
type Place struct {
	Region, Account string
}

// Zones returns the region's three availability zones.
func (p Place) Zones() []string { return []string{p.Region + "a", p.Region + "b", p.Region + "c"} }

// Answer gives what AWS would say to a lookup, by the token that Pulumi calls it by. ok is false for a lookup that
// nobody taught it: the caller reports that instead of inventing an answer.
func (p Place) Answer(token string, args map[string]any) (answer map[string]any, ok bool) {
	switch token {
	case "aws:index/getAvailabilityZones:getAvailabilityZones":
		zones := p.Zones()
		names, ids := make([]any, len(zones)), make([]any, len(zones))
		for i, zone := range zones {
			names[i], ids[i] = zone, fmt.Sprintf("az%d", i+1)
		}
		return map[string]any{"id": p.Region, "names": names, "zoneIds": ids, "groupNames": []any{p.Region}}, true
	case "aws:index/getCallerIdentity:getCallerIdentity":
		return map[string]any{
			"id": p.Account, "accountId": p.Account, "userId": "AIDASIMULATED",
			"arn": "arn:aws:iam::" + p.Account + ":user/simulated",
		}, true
	case "aws:index/getRegion:getRegion":
		return map[string]any{"id": p.Region, "name": p.Region, "endpoint": "ec2." + p.Region + ".amazonaws.com"}, true
	case "aws:index/getPartition:getPartition":
		return map[string]any{"id": "aws", "partition": "aws", "dnsSuffix": "amazonaws.com"}, true
	case "aws:ssm/getParameter:getParameter":
		name, _ := args["name"].(string)
		return map[string]any{
			"id": name, "name": name, "type": "String", "version": 1.0,
			"arn":   "arn:aws:ssm:" + p.Region + "::parameter" + name,
			"value": "ami-" + Digest(name, 17),
		}, true
	default:
		return nil, false
	}
}

// Digest is a hexadecimal text of n digits that depends on the seed alone: simulated ids look like AWS's and are the
// same in every run. n is at most 64.
func Digest(seed string, n int) string {
	sum := sha256.Sum256([]byte(seed))
	return hex.EncodeToString(sum[:])[:n]
}

// module returns "sqs" of "aws:sqs/queue:Queue".
func module(token string) string {
	parts := strings.SplitN(token, ":", 3)
	if len(parts) < 2 {
		return ""
	}
	name, _, _ := strings.Cut(parts[1], "/")
	return name
}
