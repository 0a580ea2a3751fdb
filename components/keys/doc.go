// Package keys knows which key encrypts what, and who may use it.
//
// There is one KMS key for each class of data, so that a permission on a key is a permission on one sort of data:
//
//	credentials   users' broker credentials; every use names the user in the encryption context, no grants
//	data          database, cache, secrets, backups
//	messages      queues and the alarm topic; EventBridge, CloudWatch and what watches the bill write through it
//	logs          log groups; CloudWatch Logs uses it
//	compute       hosts' volumes and container images; Auto Scaling uses it
//
// Every key lets the account administer it, and IAM policies of the account hand its use on; services are admitted by
// name and for this account only. A [Guard] tells the alarm topic when somebody disables or deletes a key or
// changes its policy.
package keys
