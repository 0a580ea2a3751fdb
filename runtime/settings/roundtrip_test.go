package settings

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// What is written is what is read, for every process, with every field set. It proves nothing about values that Read
// refuses, and a zero field is its default's business: see TestAbsentVariablesHaveDefaults.
func TestWhatIsWrittenIsRead(t *testing.T) {
	t.Run("api", rapid.MakeCheck(func(t *rapid.T) {
		same(t, API{stack(t), metrics(t), valkey(t), database(t), queues(t), lease(t), sealing(t), sessions(t),
			certificate(t), Identity{WebURL("https://" + name(t)), name(t), ""}, address(t), rapid.Bool().Draw(t, "limited"),
			Count(rapid.IntRange(0, 1e6).Draw(t, "orders"))})
	}))
	t.Run("keeper", rapid.MakeCheck(func(t *rapid.T) {
		same(t, Keeper{stack(t), metrics(t), valkey(t), database(t), queues(t), lease(t), sealing(t), cluster(t),
			launching(t), size(t), sessions(t), market(t)})
	}))
	t.Run("agent", rapid.MakeCheck(func(t *rapid.T) {
		same(t, Agent{stack(t), metrics(t), valkey(t), lease(t), socket(t), name(t)})
	}))
	t.Run("worker", rapid.MakeCheck(func(t *rapid.T) {
		same(t, Worker{lease(t), socket(t), name(t), one(t, BrokerPaper, BrokerAlpaca), one(t, RecycleExec, RecycleReplace),
			Count(rapid.IntRange(1, 1e9).Draw(t, "lives")), one(t, "", WebURL("http://127.0.0.1:1234"))})
	}))
	t.Run("function", rapid.MakeCheck(func(t *rapid.T) { same(t, function(t)) }))
	t.Run("operator", rapid.MakeCheck(func(t *rapid.T) { same(t, Operator{stack(t), valkey(t)}) }))
	t.Run("migrate", rapid.MakeCheck(func(t *rapid.T) {
		same(t, Migrate{stack(t), database(t), Secret(rapid.StringN(1, 40, -1).Draw(t, "password")), one(t, "", "arn:aws:secretsmanager:"+name(t)),
			switching(t)})
	}))
}

func switching(t *rapid.T) Switching {
	return one(t, Switching{}, Switching{Orders: OrdersRecover}, Switching{OrdersHalt, name(t), name(t)}, Switching{OrdersResume, "", name(t)})
}

func same[T Process](t *rapid.T, written T) {
	variables := Write(written)
	read, err := Read[T](getenv(variables), environ(variables))
	require.NoError(t, err)
	require.Equal(t, written, read)
	require.True(t, slices.IsSortedFunc(variables, func(a, b Variable) int {
		if a.Name < b.Name {
			return -1
		}
		return 1
	}), "each name once, in order: %v", variables)
}

func getenv(variables []Variable) func(string) string {
	return func(name string) string {
		for _, v := range variables {
			if v.Name == name {
				return v.Value
			}
		}
		return ""
	}
}

func environ(variables []Variable) []string {
	list := []string{"PATH=/bin", "WORKERFLEET_REQUIRE=all"}
	for _, v := range variables {
		list = append(list, v.Name+"="+v.Value)
	}
	return list
}

func name(t *rapid.T) string {
	return rapid.StringMatching(`[a-z][a-z0-9-]{0,20}[a-z]`).Draw(t, "name")
}

func one[V any](t *rapid.T, of ...V) V { return rapid.SampledFrom(of).Draw(t, "word") }

func address(t *rapid.T) Address {
	return Address(rapid.StringMatching(`(|localhost|\[::1\]):([1-5][0-9]{4}|[0-9])`).Draw(t, "address"))
}

func stack(t *rapid.T) Stack         { return Stack{name(t), one(t, "", "eu-west-1")} }
func metrics(t *rapid.T) Metrics     { return Metrics{address(t)} }
func sealing(t *rapid.T) Sealing     { return Sealing{"arn:aws:kms:" + name(t)} }
func cluster(t *rapid.T) Cluster     { return Cluster{name(t)} }
func launching(t *rapid.T) Launching { return Launching{name(t), name(t)} }
func socket(t *rapid.T) Socket       { return Socket{SocketPath("/run/" + name(t) + "/a.sock")} }

func certificate(t *rapid.T) TLS {
	return one(t, TLS{}, TLS{FilePath("/etc/" + name(t)), FilePath("/etc/" + name(t))})
}

func size(t *rapid.T) Pool {
	count := func(label string) Count { return Count(rapid.IntRange(1, 1e6).Draw(t, label)) }
	p := Pool{Peak: count("peak"), PerHost: count("per host"), MinHosts: count("min"), Buffer: count("buffer"),
		CanaryShare: Share(rapid.Float64Range(0, 1).Draw(t, "canaries"))}
	p.MaxHosts = p.MinHosts + count("more")
	return p
}

func sessions(t *rapid.T) Sessions {
	return Sessions{time.Duration(rapid.Int64Range(1, int64(24*time.Hour)).Draw(t, "idle"))}
}

func valkey(t *rapid.T) Valkey {
	host, cluster := name(t)+":6379", rapid.Bool().Draw(t, "cluster")
	query := one(t, "", "/2", "?dial_timeout=5s", "?dial_timeout=5s&read_timeout=1s")
	return one(t,
		Valkey{ValkeyAddress{"rediss://" + name(t) + "@" + host + query, cluster}, ValkeyIAM, ValkeyCache(one(t, "", serverless) + name(t))},
		Valkey{ValkeyAddress{"redis://:" + name(t) + "@" + host + query, cluster}, ValkeyPassword, ""},
		Valkey{ValkeyAddress{"redis://" + host + query, cluster}, ValkeyNone, ""},
		Valkey{ValkeyAddress{"unix:///run/" + name(t), false}, ValkeyNone, ""})
}

func database(t *rapid.T) Database {
	iam := func(host string) DatabaseURL {
		return DatabaseURL("postgres://fleet@" + host + ":5432/fleet?sslmode=" + one(t, "require", "verify-ca", "verify-full"))
	}
	return one(t,
		Database{iam(name(t)), one(t, "", iam("reader")), DatabaseIAM},
		Database{DatabaseURL("postgresql://u:p%40ss@" + name(t) + "/fleet"), "", DatabasePassword},
		Database{"postgres:///fleet?host=/run/postgresql", "", DatabasePassword})
}

func queues(t *rapid.T) Queues {
	url := func() WebURL {
		return WebURL(one(t, "https://sqs.ap-southeast-1.amazonaws.com/1/", "http://127.0.0.1:5000/1/") + name(t) + ".fifo")
	}
	return Queues{url(), url(), url(), url(), one(t, BackgroundInline, BackgroundPartial, BackgroundQueue)}
}

func lease(t *rapid.T) Lease {
	ms := func(from, to int, label string) time.Duration {
		return time.Duration(rapid.IntRange(from, to).Draw(t, label)) * time.Millisecond
	}
	beat := ms(1, 10_000, "beat")
	guard := beat + ms(0, 5_000, "more than a beat")
	return Lease{Beat: beat, Guard: guard, TTL: 2*beat + guard + ms(0, 10_000, "spare")}
}

func market(t *rapid.T) Market {
	m := Market{TimeZone: one[TimeZone](t, "Asia/Singapore", "America/New_York", "UTC"), Open: "09:00", Close: one[TimeOfDay](t, "17:00", "24:00")}
	for range rapid.IntRange(0, 4).Draw(t, "holidays") {
		day := time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "day"), 0).UTC().Format(time.DateOnly)
		m.Holidays = append(m.Holidays, Holiday{day, one[TimeOfDay](t, "", "12:30")})
	}
	return m
}

// function draws the groups that its handler reads, by the table of Function's tags.
func function(t *rapid.T) Function {
	f := Function{Stack: stack(t), Valkey: valkey(t), Database: database(t), Lease: lease(t), Handler: one(t, Handlers()...)}
	if f.Handler == HandlerClaim {
		f.Sealing = sealing(t)
		return f
	}
	f.Queues = queues(t)
	if f.Handler == HandlerOrders {
		return f
	}
	f.Cluster = cluster(t)
	if f.Handler == HandlerControl {
		return f
	}
	f.Launching, f.Pool, f.Market = launching(t), size(t), market(t)
	if f.Handler == HandlerMaintenance {
		f.Sessions = sessions(t)
	}
	return f
}
