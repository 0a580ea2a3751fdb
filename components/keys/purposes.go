package keys

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"workerfleet/components/access"
	"workerfleet/components/place"
	"workerfleet/runtime/settings"
)

// purpose is one class of data: its key's name, what it is for, and who uses the key besides the account's own roles.
type purpose struct {
	name, describes string
	arn             *pulumi.StringOutput
	uses            func(place.Place) access.Document
}

func (c *Keys) purposes() []purpose {
	return []purpose{
		{"credentials", "Users' broker credentials; every use names the user.", &c.Credentials, userNamed},
		{"data", "Database, cache, secrets and backups.", &c.Data, nobodyElse},
		{"messages", "Queues and the alarm topic.", &c.Messages, messengers},
		{"logs", "Log groups.", &c.Logs, logs},
		{"compute", "Volumes of the hosts and container images.", &c.Compute, hosts},
	}
}

// itself is the resource of a key policy: the key that carries it.
func itself() []pulumi.StringInput { return access.Texts("*") }

// administration keeps the account able to administer the key – without it nobody could, AWS included – and lets its IAM
// policies hand the use of the key on to roles.
func administration(p place.Place) access.Document {
	return access.Document{{Sid: "Account", Principal: access.Account(p), Actions: []string{"kms:*"}, Resources: itself()}}
}

// nobodyElse: these services use the key through grants that the role which creates the resource hands them.
func nobodyElse(place.Place) access.Document { return nil }

// userNamed denies every use without the user in the encryption context, whatever IAM allows: ciphertext of one user
// cannot be opened in the name of another. Grants, which hand use of the key on beside these policies, nobody needs, and
// nobody can make one.
func userNamed(place.Place) access.Document {
	return access.Document{
		access.Denial("UserNamed", []string{"kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*"},
			pulumi.String("*"), access.When("Null", "kms:EncryptionContext:"+settings.CredentialsContext, "true")),
		access.Denial("NoGrants", []string{"kms:CreateGrant"}, pulumi.String("*")),
	}
}

// messengers are the services that write to encrypted queues and topics. EventBridge does not say which account it acts
// for when it uses a key ("not supported for EventBridge-to-encrypted topics",
// https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html); a condition on the account would drop every event
// without a word. Queues and topics name themselves in the encryption context, whoever writes to them: that holds the
// key to this account's.
func messengers(p place.Place) access.Document {
	use := []string{"kms:Decrypt", "kms:GenerateDataKey*"}
	queue := access.When("ArnLike", "kms:EncryptionContext:aws:sqs:arn", p.ARN("sqs", "*"))
	topic := access.When("ArnLike", "kms:EncryptionContext:aws:sns:topicArn", p.ARN("sns", "*"))
	return access.Document{
		{Sid: "EventsToQueues", Principal: access.ServiceWhere("events.amazonaws.com", queue), Actions: use, Resources: itself()},
		{Sid: "EventsToTopics", Principal: access.ServiceWhere("events.amazonaws.com", topic), Actions: use, Resources: itself()},
		{Sid: "AlarmsToTopics", Principal: access.ServiceWhere("cloudwatch.amazonaws.com", topic), Actions: use, Resources: itself()},
		{Sid: "BudgetsToTopics", Principal: access.ServiceWhere("budgets.amazonaws.com", topic), Actions: use, Resources: itself()},
		{Sid: "CostAnomaliesToTopics", Principal: access.ServiceWhere("costalerts.amazonaws.com", topic), Actions: use, Resources: itself()},
	}
}

// logs admits CloudWatch Logs of the region for this account's log groups, which it names in the encryption context:
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
func logs(p place.Place) access.Document {
	return access.Document{{
		Sid: "Logs",
		Principal: access.ServiceWhere("logs."+p.Region+".amazonaws.com",
			access.When("ArnLike", "kms:EncryptionContext:aws:logs:arn", p.ARN("logs", "*"))),
		Actions:   []string{"kms:Encrypt*", "kms:Decrypt*", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"},
		Resources: itself(),
	}}
}

// hosts admits Auto Scaling's own role, which attaches encrypted volumes to the hosts that it launches:
// https://docs.aws.amazon.com/autoscaling/ec2/userguide/key-policy-requirements-EBS-encryption.html
// AWS makes the role with the account's first Auto Scaling group, which may be this stack's and thus later than the key.
func hosts(p place.Place) access.Document {
	autoScaling := access.RoleByName(p, "aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling")
	return access.Document{
		{
			Sid: "AutoScaling", Principal: autoScaling, Resources: itself(),
			Actions: []string{"kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"},
		},
		{
			Sid: "AutoScalingGrants", Principal: autoScaling, Actions: []string{"kms:CreateGrant"}, Resources: itself(),
			Conditions: []access.Condition{access.When("Bool", "kms:GrantIsForAWSResource", "true")},
		},
	}
}
