package partstest

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"workerfleet/runtime/parts"
)

type verdict struct{ skipped, failed string }

func (*verdict) Helper()                        {}
func (v *verdict) Skipf(f string, args ...any)  { v.skipped += fmt.Sprintf(f, args...) }
func (v *verdict) Fatalf(f string, args ...any) { v.failed += fmt.Sprintf(f, args...) }

// Absence skips, or fails where the part is demanded, and says how to install it; presence does neither. The machine is
// not looked at: that is package parts' own test.
func TestNeed(t *testing.T) {
	absent := func(parts.Part) (string, bool) { return "", false }
	present := func(parts.Part) (string, bool) { return "/bin/part", true }
	for _, c := range []struct {
		part    parts.Part
		search  search
		path    string
		verdict verdict
	}{
		{parts.Redis, search{present, ""}, "/bin/part", verdict{}},
		{parts.Redis, search{present, "all"}, "/bin/part", verdict{}},
		{parts.Redis, search{absent, ""}, "", verdict{skipped: "redis-server is not installed: apt-get install redis-server"}},
		{parts.Redis, search{absent, "postgres"}, "", verdict{skipped: "redis-server is not installed: apt-get install redis-server"}},
		{parts.Redis, search{absent, "all"}, "", verdict{failed: "redis-server is not installed and WORKERFLEET_REQUIRE=all demands it: apt-get install redis-server"}},
		{parts.Redis, search{absent, "postgres, redis-server"}, "", verdict{failed: "redis-server is not installed and WORKERFLEET_REQUIRE=postgres, redis-server demands it: apt-get install redis-server"}},
		{parts.Valkey, search{absent, "all"}, "", verdict{skipped: "valkey-server is not installed: apt-get install valkey-server (Debian 13)"}},
		{parts.Valkey, search{absent, "valkey-server"}, "", verdict{failed: "valkey-server is not installed and WORKERFLEET_REQUIRE=valkey-server demands it: apt-get install valkey-server (Debian 13)"}},
		{parts.Redis, search{present, "everything"}, "", verdict{failed: `WORKERFLEET_REQUIRE: "everything" is no part; allowed: all, or some of [redis-server valkey-server postgres chromium moto_server cc] with commas between them`}},
		{"memcached", search{present, ""}, "", verdict{failed: `"memcached" is no part; package parts lists them`}},
	} {
		var v verdict
		require.Equal(t, c.path, need(&v, c.part, c.search), "%v", c)
		require.Equal(t, c.verdict, v)
	}
}
