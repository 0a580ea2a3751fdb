package settings

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// change returns an environment with some variables set otherwise; an empty value removes one.
func change(variables []Variable, changes ...string) func(string) string {
	return func(name string) string {
		for _, c := range changes {
			if n, value, _ := strings.Cut(c, "="); n == name {
				return value
			}
		}
		return getenv(variables)(name)
	}
}

// A small environment of each kind that is right, with nothing stated that has a default.
var (
	worker = []Variable{{EnvBroker, "paper"}}
	agent  = []Variable{{EnvTier, "tier-1k"}, {EnvValkeyURL, "rediss://agent@valkey:6379?cluster=1"}, {EnvValkeyCache, "serverless:fleet"}}
	pool   = []Variable{
		{EnvTier, "tier-1k"}, {EnvHandler, "pool"}, {EnvValkeyURL, "rediss://function@valkey:6379"}, {EnvValkeyCache, "fleet"},
		{EnvPoolPeak, "350"}, {EnvPoolPerHost, "30"}, {EnvPoolMinHosts, "2"}, {EnvPoolMaxHosts, "18"},
		{EnvDatabaseURL, "postgres://function@proxy:5432/fleet?sslmode=verify-full"},
		{EnvQueueWorkerControl, "https://sqs/control"}, {EnvQueueOrderTasks, "https://sqs/orders"},
		{EnvQueuePoolClaim, "https://sqs/claim"}, {EnvCluster, "fleet"}, {EnvWorkerTaskDefinition, "worker:1"},
		{EnvCapacityProvider, "workers"}, {EnvMarketTimeZone, "Asia/Singapore"}, {EnvMarketOpen, "09:00"}, {EnvMarketClose, "17:00"},
	}
)

// The published defaults stand in for absent variables, and a field that is zero is written as an absent variable.
func TestAbsentVariablesHaveDefaults(t *testing.T) {
	w, err := Read[Worker](getenv(worker), nil)
	require.NoError(t, err)
	require.Equal(t, Worker{Lease{2 * time.Second, 15 * time.Second, 2 * time.Second}, Socket{"/run/fleet/agent.sock"}, "", BrokerPaper, RecycleExec, 100, ""}, w)
	require.Equal(t, worker, Write(Worker{Broker: BrokerPaper}))
	require.Equal(t, 13*time.Second, w.Trust())
	require.Equal(t, 17*time.Second, w.Reap())

	a, err := Read[Agent](getenv(agent), nil)
	require.NoError(t, err)
	require.Equal(t, Address(":9090"), a.Listen)
	require.Equal(t, ValkeyIAM, a.Auth)
	require.Equal(t, ValkeyAddress{URL: "rediss://agent@valkey:6379", Cluster: true}, a.Address, "go-redis refuses the parameter cluster")

	for _, spec := range slices.Concat(Specs[API](""), Specs[Keeper](""), Specs[Function](HandlerMaintenance)) {
		require.NotEqual(t, "true", spec.Default, "%s: Write leaves out false, so no switch may be on by default", spec.Name)
	}
}

// Everything that is wrong is said in one go: what is missing, what is malformed, what is misspelt.
func TestReadReportsAllProblemsAtOnce(t *testing.T) {
	variables := []Variable{{EnvBeat, "2"}, {EnvAgentSocket, "agent.sock"}, {EnvRecycle, "fork"}, {EnvMaxLives, "0"}}
	_, err := Read[Worker](getenv(variables), []string{"FLEET_BROKR=paper", "HOME=/"})
	require.EqualError(t, err, `the environment of worker has 6 problem(s)
  FLEET_AGENT_SOCKET is not an absolute path, without . and .., of at most 107 bytes
  FLEET_BEAT is not a duration above zero, such as 2s or 30m
  FLEET_BROKER is required
  FLEET_BROKR is read by no process; the nearest name is FLEET_BROKER
  FLEET_MAX_LIVES is not a whole number from 1 up
  FLEET_RECYCLE is not one of the allowed values: exec, replace`)
}

// Each rule for one variable, or between two, refuses an environment that breaks it and nothing else.
func TestReadRefuses(t *testing.T) {
	for _, c := range []struct{ change, says string }{
		{"FLEET_BEAT=7s", "FLEET_BEAT is 7s; allowed: up to half of FLEET_TTL − FLEET_GUARD (15s − 2s)"},
		{"FLEET_BEAT=2500ms", "FLEET_BEAT is 2.5s; allowed: up to FLEET_GUARD (2s)"},
		{"FLEET_GUARD=15s", "FLEET_BEAT is 2s; allowed: up to half"},
		{"FLEET_BEAT=-1s", "FLEET_BEAT is not a duration above zero"},
		{"FLEET_BEAT=1500µs", "FLEET_BEAT must be whole milliseconds"},
		{"FLEET_TTL=59s", "FLEET_TTL plus FLEET_GUARD is more than 1m0s"},
		{"FLEET_TTL=2562047h", "FLEET_TTL plus FLEET_GUARD is more than 1m0s"},
		{"FLEET_TIER=", "FLEET_TIER is required"},
		{"FLEET_HANDLER=pools", "FLEET_HANDLER is not one of the allowed values: claim, control, orders, pool, maintenance"},
		{"FLEET_VALKEY_URL=valkey:6379", "FLEET_VALKEY_URL is not a URL redis://HOST:PORT"},
		{"FLEET_VALKEY_URL=unix:relative", "FLEET_VALKEY_URL is not a URL redis://HOST:PORT"},
		{"FLEET_VALKEY_URL=unix:///run/valkey.sock", "FLEET_VALKEY_URL with FLEET_VALKEY_AUTH=iam must be rediss://"},
		{"FLEET_VALKEY_URL=rediss://f@valkey:6379?cluster=yes", "FLEET_VALKEY_URL has a parameter cluster that is neither 1 nor 0"},
		{"FLEET_VALKEY_URL=redis://f@valkey:6379", "FLEET_VALKEY_URL with FLEET_VALKEY_AUTH=iam must be rediss://"},
		{"FLEET_VALKEY_URL=rediss://f:x@valkey:6379", "FLEET_VALKEY_URL with FLEET_VALKEY_AUTH=iam must be rediss://"},
		{"FLEET_VALKEY_URL=rediss://valkey:6379", "FLEET_VALKEY_URL with FLEET_VALKEY_AUTH=iam must be rediss://"},
		{"FLEET_VALKEY_CACHE=", "FLEET_VALKEY_CACHE is required with FLEET_VALKEY_AUTH=iam"},
		{"FLEET_VALKEY_CACHE=serverless:", "FLEET_VALKEY_CACHE is not the id of a replication group or serverless:NAME"},
		{"FLEET_POOL_MIN_HOSTS=19", "FLEET_POOL_MIN_HOSTS is more than FLEET_POOL_MAX_HOSTS"},
		{"FLEET_POOL_CANARY_SHARE=NaN", "FLEET_POOL_CANARY_SHARE is not a number from 0 to 1"},
		{"FLEET_DATABASE_URL=sqlite:fleet.db", "FLEET_DATABASE_URL is not an absolute path"},
		{"FLEET_VALKEY_AUTH=password", "FLEET_VALKEY_URL has no password, which FLEET_VALKEY_AUTH=password needs"},
		{"FLEET_VALKEY_AUTH=tls", "FLEET_VALKEY_AUTH is not one of the allowed values: iam, password, none"},
		{"FLEET_DATABASE_URL=mysql://f@proxy/fleet", "FLEET_DATABASE_URL is not a URL postgres://"},
		{"FLEET_DATABASE_URL=postgres://f@proxy/fleet", "FLEET_DATABASE_URL with FLEET_DATABASE_AUTH=iam needs the parameter sslmode"},
		{"FLEET_DATABASE_URL=postgres://f@proxy/fleet?sslmode=prefer", "FLEET_DATABASE_URL with FLEET_DATABASE_AUTH=iam needs the parameter sslmode"},
		{"FLEET_DATABASE_URL=postgres://f:x@proxy/fleet?sslmode=require", "FLEET_DATABASE_URL with FLEET_DATABASE_AUTH=iam must be"},
		{"FLEET_DATABASE_URL=postgres://f@proxy/fleet?sslmode=require&password=x", "FLEET_DATABASE_URL has a parameter password"},
		{"FLEET_DATABASE_READER_URL=postgres://f@reader/fleet", "FLEET_DATABASE_READER_URL with FLEET_DATABASE_AUTH=iam needs the parameter sslmode"},
		{"FLEET_QUEUE_POOL_CLAIM=http://sqs/claim", "FLEET_QUEUE_POOL_CLAIM is not a URL https://HOST/… (http is allowed to this machine only)"},
		{"FLEET_QUEUE_POOL_CLAIM=https://u@sqs/claim", "FLEET_QUEUE_POOL_CLAIM is not a URL https://HOST/…, without user"},
		{"FLEET_QUEUE_POOL_CLAIM=/claim", "FLEET_QUEUE_POOL_CLAIM is not a URL https://HOST/…"},
		{"FLEET_BACKGROUND_TASKS=queue", "FLEET_QUEUE_BACKGROUND_TASKS is required unless FLEET_BACKGROUND_TASKS is inline"},
		{"FLEET_MARKET_TIME_ZONE=Local", "FLEET_MARKET_TIME_ZONE is not a time zone"},
		{"FLEET_MARKET_OPEN=9:00", "FLEET_MARKET_OPEN is not a time of day HH:MM"},
		{"FLEET_MARKET_OPEN=17:00", "FLEET_MARKET_OPEN is 17:00, which is not before FLEET_MARKET_CLOSE 17:00"},
		{"FLEET_MARKET_HOLIDAYS=2026-02-30", "FLEET_MARKET_HOLIDAYS is not a list of dates"},
		{"FLEET_MARKET_HOLIDAYS=2026-12-24=17:00", "FLEET_MARKET_HOLIDAYS has a half day that does not end between 09:00 and 17:00"},
	} {
		_, err := Read[Function](change(pool, c.change), nil)
		require.ErrorContains(t, err, c.says, c.change)
		require.ErrorContains(t, err, "has 1 problem(s)", c.change)
	}
	_, err := Read[Function](getenv(pool), environ(pool))
	require.NoError(t, err, "the environment that the changes are made to is right")

	_, err = Read[Function](change(pool, "FLEET_VALKEY_AUTH=none", "FLEET_VALKEY_URL=redis://:x@valkey:6379"), nil)
	require.ErrorContains(t, err, "FLEET_VALKEY_URL has a password, which FLEET_VALKEY_AUTH=none would not send")
	_, err = Read[Worker](change(worker, "FLEET_TTL=2562047h", "FLEET_GUARD=2562047h"), nil) // their sum is below zero
	require.ErrorContains(t, err, "FLEET_TTL plus FLEET_GUARD is more than 1m0s")
	_, err = Read[Worker](change(worker, "FLEET_AGENT_SOCKET=/"+strings.Repeat("a", 107)), nil)
	require.ErrorContains(t, err, "FLEET_AGENT_SOCKET is not an absolute path")
	_, err = Read[Worker](change(worker, "FLEET_AGENT_SOCKET=/"+strings.Repeat("a", 106)), nil)
	require.NoError(t, err)
	_, err = Read[Agent](change(agent, "FLEET_METRICS_LISTEN=:65536"), nil)
	require.ErrorContains(t, err, "FLEET_METRICS_LISTEN has no port from 0 to 65535")
}

// A certificate comes with its key, and users are told apart by one party: an identity provider, or a secret of this
// machine.
func TestReadRefusesOfAPI(t *testing.T) {
	api := []Variable{{EnvTier, "tier-1k"}, {EnvValkeyURL, "rediss://api@valkey:6379"}, {EnvValkeyCache, "fleet"},
		{EnvDatabaseURL, "postgres://api@proxy:5432/fleet?sslmode=verify-full"}, {EnvQueueWorkerControl, "https://sqs/control"},
		{EnvQueueOrderTasks, "https://sqs/orders"}, {EnvQueuePoolClaim, "https://sqs/claim"}, {EnvKMSKey, "arn:key"},
		{EnvOIDCIssuer, "https://issuer"}, {EnvOIDCAudience, "fleet"}}
	_, err := Read[API](getenv(api), environ(api))
	require.NoError(t, err)
	for change1, says := range map[string]string{
		"FLEET_TLS_KEY=/key":                   "FLEET_TLS_KEY and FLEET_TLS_CERTIFICATE belong together",
		"FLEET_TLS_KEY=key":                    "FLEET_TLS_KEY is not an absolute path",
		"FLEET_OIDC_ISSUER=":                   "FLEET_OIDC_ISSUER is required",
		"FLEET_OIDC_AUDIENCE=":                 "FLEET_OIDC_AUDIENCE is required",
		"FLEET_DEVELOPMENT_SECRET=development": "FLEET_DEVELOPMENT_SECRET stands beside FLEET_OIDC_ISSUER",
	} {
		_, err := Read[API](change(api, change1), nil)
		require.ErrorContains(t, err, says, change1)
		require.ErrorContains(t, err, "has 1 problem(s)", change1)
	}
}

// What stands in for AWS or an identity provider is refused wherever the tier is not this one machine's.
func TestStandInsAreForOneMachine(t *testing.T) {
	for name, value := range map[string]string{
		EnvDatabaseURL: "sqlite:/tmp/fleet.db", EnvKMSKey: "file:/tmp/key", EnvCluster: "http://127.0.0.1:8080", EnvDevelopmentSecret: "secret",
	} {
		f := Function{Stack: Stack{Tier: "tier-1k"}, Database: Database{URL: "postgres:///fleet"}}
		a := API{Stack: f.Stack, Database: f.Database, Identity: Identity{OIDCIssuer: "https://issuer"}}
		switch name {
		case EnvDatabaseURL:
			f.Database.URL, a.Database.URL = DatabaseURL(value), DatabaseURL(value)
		case EnvKMSKey:
			f.KMSKey, a.KMSKey = value, value
		case EnvCluster:
			f.Cluster.Name = value
		case EnvDevelopmentSecret:
			a.Development = Secret(value)
		}
		refused := append(f.onlyHere(), a.onlyHere()...)
		require.NotEmpty(t, refused, name)
		for _, problem := range refused {
			require.Equal(t, Problem{name, "has a value for one machine only; it is allowed with FLEET_TIER=local"}, problem)
		}
		f.Tier, a.Tier = Here, Here
		require.Empty(t, append(f.onlyHere(), a.onlyHere()...), name)
	}
	_, err := Read[Function](change(pool, "FLEET_CLUSTER=http://127.0.0.1:80"), nil)
	require.ErrorContains(t, err, "FLEET_CLUSTER has a value for one machine only")
}

// A handler is not given what it has no use for, even where the environment has it: the claim function alone opens
// credentials, and only the passes launch. What IAM allows each function is another test's subject.
func TestFunctionsReadWhatTheirHandlerNeeds(t *testing.T) {
	reads := func(h Handler, name string) bool {
		return slices.ContainsFunc(Specs[Function](h), func(s Spec) bool { return s.Name == name })
	}
	for _, h := range Handlers() {
		require.Equal(t, h == HandlerClaim, reads(h, EnvKMSKey), h)
		require.Equal(t, h == HandlerPool || h == HandlerMaintenance, reads(h, EnvWorkerTaskDefinition), h)
	}
	f, err := Read[Function](change(pool, "FLEET_KMS_KEY=arn:key"), nil)
	require.NoError(t, err)
	require.Empty(t, f.KMSKey)

	for _, spec := range Specs[Worker]("") {
		for _, word := range []string{"VALKEY", "DATABASE", "QUEUE", "KMS", "CLUSTER"} {
			require.NotContains(t, spec.Name, word, "a worker knows its agent and its broker, nothing else")
		}
	}
}

// No error and no printed struct shows a password, wherever it was put by mistake. It says nothing of %#v and of what
// other packages do with the strings.
func TestSecretsAreNeverShown(t *testing.T) {
	const secret = "hunter2"
	shapes := []string{secret, "postgres://u:" + secret + "@h/d", "rediss://u:" + secret + "@h", "redis://u:" + secret + "@h:port",
		"postgres://u:" + secret + "@h:port/%zz", "redis://h?password=" + secret, "postgres://h/d?password=" + secret, secret + "\x7f://", "2026-12-24=" + secret}
	for _, name := range known() {
		for _, shape := range shapes {
			_, workerErr := Read[Worker](change(worker, name+"="+shape), []string{name + "=" + shape})
			_, apiErr := Read[API](change(nil, name+"="+shape), nil)
			f, functionErr := Read[Function](change(pool, name+"="+shape), nil)
			require.NotContains(t, fmt.Sprint(workerErr, apiErr, functionErr), secret, "%s=%s", name, shape)
			if functionErr == nil && slices.Contains([]string{EnvValkeyURL, EnvDatabaseURL}, name) {
				require.NotContains(t, fmt.Sprintf("%v %+v", f, f), secret)
			}
		}
	}
	_, err := Read[Worker](getenv(worker), []string{"FLEET_BROKR=" + secret})
	require.ErrorContains(t, err, "FLEET_BROKR is read by no process")
	require.NotContains(t, err.Error(), secret)

	local := []Variable{{EnvTier, "local"}, {EnvDatabaseURL, "postgres://u:" + secret + "@h/d"}, {EnvDatabaseAuth, "password"}, {EnvDatabasePassword, secret}}
	m, err := Read[Migrate](getenv(local), nil)
	require.NoError(t, err)
	require.Equal(t, secret, string(m.Password))
	require.NotContains(t, fmt.Sprintf("%v %+v", m, m), secret)
	v := Valkey{Address: ValkeyAddress{URL: "redis://u:" + secret + "@h"}}
	require.NotContains(t, fmt.Sprintf("%v %+v", v, v), secret)
}

// The Env constants and the tags name the same variables: those who write by constant and those who read by tag agree.
func TestConstantsAndTagsAgree(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "names.go", nil, 0)
	require.NoError(t, err)
	var constants []string
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || !strings.HasPrefix(spec.Names[0].Name, "Env") {
			return true
		}
		value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		require.NoError(t, err)
		require.Equal(t, strings.ToLower(spec.Names[0].Name[len("Env"):]), strings.ToLower(strings.ReplaceAll(value[len(prefix):], "_", "")))
		constants = append(constants, value)
		return true
	})
	slices.Sort(constants)
	require.Equal(t, known(), constants)
}

// The page of shared names lists every variable, with its default. It proves nothing about the page's prose.
func TestContractsPageListsEveryVariable(t *testing.T) {
	page, err := os.ReadFile("../../docs/contracts.md")
	require.NoError(t, err)
	rows := map[string]string{}
	for line := range strings.Lines(string(page)) {
		if cells := strings.Split(line, "|"); len(cells) > 3 && strings.HasPrefix(cells[1], " `"+prefix) {
			rows[strings.Trim(cells[1], " `")] = strings.Trim(cells[2], " `")
		}
	}
	require.ElementsMatch(t, known(), slices.Collect(maps.Keys(rows)))
	for _, spec := range slices.Concat(Specs[API](""), Specs[Keeper](""), Specs[Agent](""), Specs[Worker](""), Specs[Migrate]("")) {
		if spec.Default != "" {
			require.Equal(t, spec.Default, rows[spec.Name], spec.Name)
		}
	}
}

// Minutes are counted from midnight, and the market may close with the day.
func TestTimeOfDay(t *testing.T) {
	require.Equal(t, 0, TimeOfDay("00:00").Minutes())
	require.Equal(t, 9*60+30, TimeOfDay("09:30").Minutes())
	require.Equal(t, 24*60, TimeOfDay("24:00").Minutes())
}
