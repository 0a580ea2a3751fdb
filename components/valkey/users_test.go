package valkey_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"workerfleet/components/access"
	"workerfleet/components/alarms"
	"workerfleet/components/valkey"
	"workerfleet/stacks/graph"
)

const runtimeFolder = "../../runtime/valkey"

// scripts are the scripts that each process runs: the methods of claim.Claims and Directory for the api, of Hosts for the
// agent, all but those of Hosts for whoever runs the passes, and what people ask for the operator.
var scripts = map[string][]string{
	"api":      {"claim", "leave", "sent", "release", "undo", "raise", "gone", "limit"},
	"agent":    {"register", "beat", "confirm", "exit", "park"},
	"keeper":   {"claim", "leave", "sent", "release", "undo", "raise", "gone", "open", "reap", "agree", "unconfirmed", "expire", "heal", "census", "exit", "stock", "reserve", "launched", "note", "retire", "arrivals", "drain"},
	"operator": {"census", "stock", "workers", "waiting", "heard", "drain", "withdraw"},
	"function": {"claim", "leave", "sent", "release", "undo", "raise", "gone", "open", "reap", "agree", "unconfirmed", "expire", "heal", "census", "exit", "end", "stock", "reserve", "launched", "note", "retire", "arrivals", "drain"},
}

// direct are the commands that a process calls without a script: mail, outcomes, and the record of a worker.
var direct = map[string][]string{
	"api":      {"xadd", "xread", "pexpire", "hmget", "hget"},
	"agent":    {"xadd", "xread", "pexpire", "exists", "time"},
	"keeper":   {"xadd", "hmget", "xgroup|create", "xreadgroup", "xautoclaim", "xack", "xdel", "set", "del"},
	"function": {"xadd", "hmget", "xgroup|create", "xreadgroup", "xautoclaim", "xack", "xdel", "set", "del"},
}

// always is what a client of the cluster protocol calls to connect, and what runs a script.
var always = []string{"ping", "client|setinfo", "client|setname", "cluster|slots", "cluster|shards", "command", "eval", "evalsha"}

// rights reads a user's access list: its keys and its commands.
func rights(t *testing.T, user graph.Resource) (keys, commands []string) {
	t.Helper()
	words := strings.Fields(user.Text("accessString"))
	require.Equal(t, "on", words[0])
	for _, word := range words[1:] {
		switch word[0] {
		case '~':
			keys = append(keys, word[1:])
		case '+':
			commands = append(commands, word[1:])
		default:
			require.Equal(t, "-@all", word)
		}
	}
	require.Contains(t, words, "-@all")
	return keys, commands
}

var calls = regexp.MustCompile(`redis\.call\('([A-Z]+)'`)

func called(t *testing.T, script string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(runtimeFolder, script+".lua"))
	require.NoError(t, err)
	var commands []string
	for _, call := range calls.FindAllStringSubmatch(string(text), -1) {
		commands = append(commands, strings.ToLower(call[1]))
	}
	return commands
}

// Every process may do what its scripts do, and nothing that neither they nor it do: Valkey judges the commands of a
// script by the rights of whoever calls it. A script that is new belongs to a process here first. That ElastiCache takes
// the list is shown by no test without an account; the language is Valkey's own.
func TestRightsAreThoseOfTheScripts(t *testing.T) {
	g, _ := record(t, valkey.Args{Serverless: serverless()})
	assigned := []string{"pool"}
	for _, process := range valkey.Processes() {
		wanted := slices.Concat(always, direct[process], called(t, "pool"))
		for _, script := range scripts[process] {
			wanted = append(wanted, called(t, script)...)
			assigned = append(assigned, script)
		}
		_, commands := rights(t, named(t, g, "valkey-user-"+process))
		for _, command := range wanted {
			require.Contains(t, commands, command, "%s may not %s", process, command)
		}
		for _, command := range commands {
			require.Contains(t, wanted, command, "%s needs no %s", process, command)
		}
	}
	files, err := filepath.Glob(filepath.Join(runtimeFolder, "*.lua"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		require.Contains(t, assigned, strings.TrimSuffix(filepath.Base(file), ".lua"), "no process runs it")
	}
}

// Each process sees the keys that it works on. An agent sees mail and desks besides the pool; rate limits and replay
// marks are the api's alone.
func TestKeys(t *testing.T) {
	g, _ := record(t, valkey.Args{Serverless: serverless()})
	for process, want := range map[string][]string{
		"api":      {"{pool}:*", "{host:*}:mail", "{api:*}:ready", "rl:*"},
		"keeper":   {"{pool}:*", "{host:*}:mail"},
		"agent":    {"{pool}:*", "{host:*}:mail", "{api:*}:ready"},
		"function": {"{pool}:*", "{host:*}:mail"},
		"operator": {"{pool}:*"},
	} {
		keys, _ := rights(t, named(t, g, "valkey-user-"+process))
		require.Equal(t, want, keys, process)
	}
}

// Users sign in by IAM, under a name that is their id and carries the stack's; nobody has a password, and the group of
// them knows no default user.
func TestUsers(t *testing.T) {
	g, _ := record(t, valkey.Args{Serverless: serverless()})
	users := g.OfType("aws:elasticache/user:User")
	require.Len(t, users, 5)
	var ids []any
	for _, user := range users {
		require.Equal(t, "tier-1k-"+strings.Replace(user.Name, "valkey-user-", "valkey-", 1), user.Text("userId"))
		require.Equal(t, user.Text("userId"), user.Text("userName"))
		require.Equal(t, map[string]any{"type": "iam"}, user.Inputs["authenticationMode"])
		require.Equal(t, "valkey", user.Text("engine"))
		require.NotContains(t, user.Inputs, "passwords")
		ids = append(ids, user.Text("userId"))
	}
	group := named(t, g, "valkey-users")
	require.ElementsMatch(t, ids, group.Inputs["userIds"])
	require.Equal(t, "valkey", group.Text("engine"))
}

// A role may sign in as its process's user, at the caches of this stack and nowhere else.
func TestConnect(t *testing.T) {
	policy := ""
	g, err := graph.Record(func(ctx *pulumi.Context) error {
		topic, err := alarms.NewTopic(ctx, "alarms", &alarms.Args{Place: here, Key: pulumi.String("key-arn")})
		if err != nil {
			return err
		}
		c, err := valkey.New(ctx, "valkey", &valkey.Args{
			Place: here, Topic: topic, VPC: pulumi.String("vpc-1"), Key: pulumi.String("k"), LogsKey: pulumi.String("k"),
			Subnets: pulumi.ToStringArray([]string{"a", "b"}), Clients: map[string]pulumi.StringInput{"api": pulumi.String("sg")},
			Serverless: serverless(), Cluster: cluster(3),
		})
		if err != nil {
			return err
		}
		ctx.Export("policy", access.Document{c.Connect("agent")}.JSON().ToStringOutput().ApplyT(func(text string) string {
			policy = text
			return text
		}))
		return nil
	}, graph.Run{})
	require.NoError(t, err)
	require.Equal(t, `{"Version":"2012-10-17","Statement":[{"Sid":"SignInToValkey","Effect":"Allow","Action":["elasticache:Connect"],"Resource":[`+
		`"arn:aws:elasticache:ap-southeast-1:111122223333:serverlesscache:`+named(t, g, "valkey-serverless").PhysicalName()+`",`+
		`"arn:aws:elasticache:ap-southeast-1:111122223333:replicationgroup:tier-1k-valkey-cluster",`+
		`"arn:aws:elasticache:ap-southeast-1:111122223333:user:tier-1k-valkey-agent"]}]}`, policy)
}
