package valkey

import (
	"maps"
	"slices"
	"strings"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/elasticache"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"workerfleet/components/access"
	"workerfleet/components/names"
)

const engine = "valkey"

// The keys of runtime/valkey.
const (
	pool   = "{pool}:*"
	mail   = "{host:*}:mail"
	desks  = "{api:*}:ready"
	limits = "rl:*"
)

// permission is what one process may do: on which keys, with which commands.
type permission struct {
	keys     []string
	commands []string
}

// The commands, by what needs them. A script runs with the rights of whoever calls it, so that a process is given the
// commands of its scripts; what all scripts share (pool.lua) stands in sharedScript.
var (
	connecting   = []string{"ping", "client|setinfo", "client|setname", "cluster|slots", "cluster|shards", "command"}
	sharedScript = []string{
		"eval", "evalsha", "time", "del", "exists", "get", "mget", "set", "hdel", "hget", "hmget", "hset", "hincrby", "zadd", "zpopmin", "zrange", "zrem",
		"zremrangebyrank", "zscore",
	}
	claiming = []string{"zcard", "zrank"}
	passing  = []string{"hgetall", "zcard", "zrangebyscore", "zrevrangebyscore", "zrank", "zrevrange"}
	reading  = []string{"xread", "pexpire"}
	posting  = []string{"xadd"}
	taking   = []string{"xgroup|create", "xreadgroup", "xautoclaim", "xack", "xdel"}
	// What people ask, and what they change: they take hosts out of service.
	operating = []string{"hgetall", "zcard", "zrangebyscore"}
)

// permissions of the processes, and of people with the fleet tool. The api claims, posts assignments and waits at its desk;
// the keeper and the functions run the passes, post, and take outcomes; an agent speaks for its workers, reads its host's
// mail and writes to desks. An operator looks, and drains; sessions are nobody's to take by hand. Rate limits are the api's
// alone.
func permissions() map[string]permission {
	return map[string]permission{
		"api": {
			keys:     []string{pool, mail, desks, limits},
			commands: slices.Concat(connecting, sharedScript, claiming, reading, posting),
		},
		"keeper":   {keys: []string{pool, mail}, commands: slices.Concat(connecting, sharedScript, passing, posting, taking)},
		"agent":    {keys: []string{pool, mail, desks}, commands: slices.Concat(connecting, sharedScript, reading, posting)},
		"function": {keys: []string{pool, mail}, commands: slices.Concat(connecting, sharedScript, passing, posting, taking)},
		"operator": {keys: []string{pool}, commands: slices.Concat(connecting, sharedScript, operating)},
	}
}

// Processes are the processes that have a user, in the order of the alphabet.
func Processes() []string { return slices.Sorted(maps.Keys(permissions())) }

// rules writes the permission in the language of Valkey's access lists.
func (p permission) rules() string {
	words := []string{"on"}
	for _, key := range p.keys {
		words = append(words, "~"+key)
	}
	words = append(words, "-@all")
	for _, command := range slices.Compact(slices.Sorted(slices.Values(p.commands))) {
		words = append(words, "+"+command)
	}
	return strings.Join(words, " ")
}

// User is who a process signs in as.
type User struct {
	// Name is the user's name and id: IAM authentication wants them equal. It carries the stack's name, because ids are
	// unique in an account and region.
	Name string
	// ARN is what a role's policy names.
	ARN pulumi.StringOutput
}

// makeUsers makes a user for each process, and their group. A group of engine valkey needs no user called default, and
// takes none without a password: there is nobody to sign in as but these.
func (b *builder) makeUsers() error {
	ids := pulumi.StringArray{}
	b.c.Users = map[string]User{}
	for _, process := range Processes() {
		name := names.Join(b.name, "user", process)
		id := b.args.Place.Stated(names.Cache, names.Join(b.name, process))
		user, err := elasticache.NewUser(b.ctx, name, &elasticache.UserArgs{
			UserId: pulumi.String(id), UserName: pulumi.String(id), Engine: pulumi.String(engine),
			AccessString:       pulumi.String(permissions()[process].rules()),
			AuthenticationMode: elasticache.UserAuthenticationModeArgs{Type: pulumi.String("iam")},
		}, b.parent())
		if err != nil {
			return err
		}
		b.c.Users[process] = User{Name: id, ARN: user.Arn}
		ids = append(ids, user.UserId)
	}
	group, err := elasticache.NewUserGroup(b.ctx, names.Join(b.name, "users"), &elasticache.UserGroupArgs{
		UserGroupId: pulumi.String(b.args.Place.Stated(names.Cache, b.name)), Engine: pulumi.String(engine), UserIds: ids,
	}, b.parent())
	if err != nil {
		return err
	}
	b.users = group.UserGroupId
	return nil
}

// Connect is the statement by which a role may sign in as the user of a process: at the caches of this stack, as this
// user.
func (c *Valkey) Connect(process string) access.Statement {
	return access.Statement{
		Sid: "SignInToValkey", Actions: []string{"elasticache:Connect"},
		Resources: append(slices.Clone(c.arns), c.Users[process].ARN),
	}
}
