package place

import "workerfleet/components/names"

// partition is the commercial one: the platform's prices, limits and service names are those of its regions. A stack's
// configuration refuses regions of the others.
const partition = "aws"

// Place is where one stack stands. All three are plain values, looked up or configured before any resource exists, so
// that a preview shows every policy in full.
type Place struct {
	// Stack is the stack's name, such as tier-10k. It tells two stacks of one account apart.
	Stack string
	// Account is the twelve-digit account id.
	Account string
	// Region is the AWS region, such as ap-southeast-1.
	Region string
}

// ARN names a resource of this account and region, or a pattern of such: ARN("events", "rule/*").
func (p Place) ARN(service, resource string) string {
	return "arn:" + partition + ":" + service + ":" + p.Region + ":" + p.Account + ":" + resource
}

// IAM names a resource of IAM, which has no region: IAM("root"), IAM("role/…").
func (p Place) IAM(resource string) string {
	return "arn:" + partition + ":iam::" + p.Account + ":" + resource
}

// Endpoint names a service of the region as VPC endpoints do: com.amazonaws.ap-southeast-1.sqs.
func (p Place) Endpoint(service string) string { return "com.amazonaws." + p.Region + "." + service }

// Stated is the physical name of a resource whose name is not left to the provider. It carries the stack's name, so
// that two stacks of one account never ask for the same one.
func (p Place) Stated(kind names.Kind, logical string) string {
	return names.Stated(kind, p.Stack, logical)
}
