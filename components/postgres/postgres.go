package postgres

import (
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"workerfleet/components/access"
	"workerfleet/components/names"
)

// Names inside the database. Role is whom processes sign in as; the owner is Aurora's master user, which is migrate
// alone: admin and rdsadmin are AWS's own, and postgres is what everybody would guess.
const (
	Database = "fleet"
	Role     = "fleet"
	owner    = "fleet_owner"
)

// Port is PostgreSQL's own, on the proxy and on the cluster.
const Port = 5432

// Postgres is the database and the proxy before it.
type Postgres struct {
	pulumi.ResourceState
	// Endpoint is the proxy's host; ReaderEndpoint its host for reads, "" where there are no read replicas.
	Endpoint, ReaderEndpoint pulumi.StringOutput
	// ResourceID is the proxy's, prx-…: what a permission to connect names.
	ResourceID pulumi.StringOutput
	// WriterEndpoint is the cluster's host past the proxy, for migrate.
	WriterEndpoint pulumi.StringOutput
	// OwnerSecret is the ARN of the owner's secret, which Aurora rotates; RoleSecret that of the role's, which migrate
	// fills.
	OwnerSecret, RoleSecret pulumi.StringOutput
	// ClusterARN is what a backup selects; ClusterID and ProxyName are what dashboards read by.
	ClusterARN, ClusterID, ProxyName pulumi.StringOutput
	// Ready is what must stand before a process can sign in.
	Ready []pulumi.Resource

	args *Args
}

// builder carries what the steps of New share.
type builder struct {
	ctx  *pulumi.Context
	name string
	args *Args
	c    *Postgres
	// id is the cluster's identifier. It is stated, and so are those of the logs that follow from it: RDS makes logs
	// itself otherwise, without a key and for ever.
	id string

	clusterGroup, proxyGroup pulumi.StringOutput // security groups
	cluster                  pulumi.StringOutput // the cluster's identifier, known when it stands
	instances                []instance
}

// New makes the cluster, its instances, the proxy, their secrets, logs and alarms.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Postgres, error) {
	if err := args.complete(name); err != nil {
		return nil, err
	}
	c := &Postgres{args: args, ReaderEndpoint: pulumi.String("").ToStringOutput()}
	if err := ctx.RegisterComponentResource("workerfleet:postgres:Postgres", name, c, opts...); err != nil {
		return nil, err
	}
	b := &builder{ctx: ctx, name: name, args: args, c: c, id: args.Place.Stated(names.Database, name)}
	for _, step := range []func() error{
		b.makeGroups, b.makeCluster, b.makeInstances, b.makeProxy, b.watch, b.watchProxy, b.tellOfEvents,
	} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return c, ctx.RegisterResourceOutputs(c, pulumi.Map{
		"endpoint": c.Endpoint, "readerEndpoint": c.ReaderEndpoint, "resourceId": c.ResourceID,
	})
}

func (b *builder) parent() pulumi.ResourceOption { return pulumi.Parent(b.c) }

func (b *builder) child(suffix ...string) string {
	return names.Join(append([]string{b.name}, suffix...)...)
}

// Connect is the statement by which a role may sign in to the proxy, as the one role that processes share.
func (c *Postgres) Connect() access.Statement {
	p := c.args.Place
	return access.Statement{
		Sid: "SignInToPostgres", Actions: []string{"rds-db:connect"},
		Resources: []pulumi.StringInput{pulumi.Sprintf("%s:%s/%s", p.ARN("rds-db", "dbuser"), c.ResourceID, Role)},
	}
}

// lastOf is the last part of an ARN.
func lastOf(arn pulumi.StringOutput) pulumi.StringOutput {
	return arn.ApplyT(func(text string) string { return text[strings.LastIndexByte(text, ':')+1:] }).(pulumi.StringOutput)
}
