package postgres

import (
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/rds"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/secretsmanager"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"workerfleet/components/access"
	"workerfleet/components/names"
)

// The proxy's connections. It takes four fifths of what an instance allows: migrate, people and AWS's own connections
// have the rest. A client waits for a connection no longer than a request may take.
const (
	poolPercent       = 80
	idlePercent       = 20
	borrowSeconds     = 10
	idleClientSeconds = 1_800
)

// makeProxy makes the proxy, the role and the secret that it signs in with, and its endpoints.
func (b *builder) makeProxy() error {
	secret, err := b.roleSecret()
	if err != nil {
		return err
	}
	role, err := b.proxyRole(secret.Arn)
	if err != nil {
		return err
	}
	name := b.args.Place.Stated(names.Proxy, b.name)
	log, err := b.logGroup("proxy-log", "/aws/rds/proxy/"+name)
	if err != nil {
		return err
	}
	proxy, err := rds.NewProxy(b.ctx, b.child("proxy"), &rds.ProxyArgs{
		Name: pulumi.String(name), EngineFamily: pulumi.String("POSTGRESQL"), RequireTls: pulumi.Bool(true),
		RoleArn: role.Arn, VpcSubnetIds: b.args.Subnets, VpcSecurityGroupIds: pulumi.StringArray{b.proxyGroup},
		Auths: rds.ProxyAuthArray{rds.ProxyAuthArgs{
			AuthScheme: pulumi.String("SECRETS"), IamAuth: pulumi.String("REQUIRED"), SecretArn: secret.Arn,
			Description: pulumi.String("The role that processes share"),
		}},
		DebugLogging: pulumi.Bool(false), IdleClientTimeout: pulumi.Int(idleClientSeconds),
	}, b.parent(), pulumi.DependsOn([]pulumi.Resource{log, role}), pulumi.DeleteBeforeReplace(true))
	if err != nil {
		return err
	}
	b.c.Endpoint, b.c.ProxyName, b.c.ResourceID = proxy.Endpoint, proxy.Name, lastOf(proxy.Arn)
	if err := b.target(proxy); err != nil {
		return err
	}
	return b.readerEndpoint(proxy)
}

// target leads the proxy to the cluster. An instance and the rule that lets the proxy in stand first: a target is
// unavailable before.
func (b *builder) target(proxy *rds.Proxy) error {
	group, err := rds.NewProxyDefaultTargetGroup(b.ctx, b.child("proxy", "pool"), &rds.ProxyDefaultTargetGroupArgs{
		DbProxyName: proxy.Name,
		ConnectionPoolConfig: rds.ProxyDefaultTargetGroupConnectionPoolConfigArgs{
			MaxConnectionsPercent: pulumi.Int(poolPercent), MaxIdleConnectionsPercent: pulumi.Int(idlePercent),
			ConnectionBorrowTimeout: pulumi.Int(borrowSeconds),
		},
	}, b.parent())
	if err != nil {
		return err
	}
	target, err := rds.NewProxyTarget(b.ctx, b.child("proxy", "target"), &rds.ProxyTargetArgs{
		DbProxyName: proxy.Name, TargetGroupName: group.Name, DbClusterIdentifier: b.cluster,
	}, b.parent(), pulumi.DependsOn(b.c.Ready), pulumi.DeleteBeforeReplace(true))
	if err != nil {
		return err
	}
	b.c.Ready = append(b.c.Ready, target)
	return nil
}

// readerEndpoint is where reads go that bear a replica's lag. Without read replicas there is none: the failover reader
// alone would be busy with reads when it has to take over.
func (b *builder) readerEndpoint(proxy *rds.Proxy) error {
	if b.args.ReadReplicas == 0 {
		return nil
	}
	endpoint, err := rds.NewProxyEndpoint(b.ctx, b.child("proxy", "reader"), &rds.ProxyEndpointArgs{
		DbProxyEndpointName: pulumi.String(b.args.Place.Stated(names.Proxy, b.child("reader"))), DbProxyName: proxy.Name,
		TargetRole: pulumi.String("READ_ONLY"), VpcSubnetIds: b.args.Subnets, VpcSecurityGroupIds: pulumi.StringArray{b.proxyGroup},
	}, b.parent(), pulumi.DeleteBeforeReplace(true))
	if err != nil {
		return err
	}
	b.c.ReaderEndpoint = endpoint.Endpoint
	return nil
}

// roleSecret is empty until migrate has drawn a password, created the role and written both here. The stack never
// knows it.
func (b *builder) roleSecret() (*secretsmanager.Secret, error) {
	days := 0
	if b.args.Protection.Protects() {
		days = b.args.Protection.KeyDeletionDays()
	}
	secret, err := secretsmanager.NewSecret(b.ctx, b.child("role"), &secretsmanager.SecretArgs{
		Description: pulumi.String("Password of the database role that processes share; migrate writes it, the proxy reads it."),
		KmsKeyId:    b.args.Key.ToStringOutput().ToStringPtrOutput(), RecoveryWindowInDays: pulumi.Int(days),
	}, b.parent(), b.args.Protection.Option())
	if err != nil {
		return nil, err
	}
	b.c.RoleSecret = secret.Arn
	return secret, nil
}

// proxyRole reads this one secret, and opens it with the key through Secrets Manager alone.
func (b *builder) proxyRole(secret pulumi.StringOutput) (*access.ServiceRole, error) {
	p := b.args.Place
	return access.NewServiceRole(b.ctx, b.child("proxy", "reads"), &access.ServiceRoleArgs{
		Place: p, Service: "rds.amazonaws.com", Description: "Reads the password of the database role for the proxy.",
		Policy: access.Document{
			{Sid: "Read", Actions: []string{"secretsmanager:GetSecretValue"}, Resources: []pulumi.StringInput{secret}},
			{
				Sid: "Open", Actions: []string{"kms:Decrypt"}, Resources: []pulumi.StringInput{b.args.Key},
				Conditions: []access.Condition{access.When("StringEquals", "kms:ViaService", "secretsmanager."+p.Region+".amazonaws.com")},
			},
		},
	}, b.parent())
}
