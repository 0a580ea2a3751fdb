package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"workerfleet/runtime/parts"
)

// One line for each absent part, one line when none is absent, and failure only where an absent part is demanded.
func TestReport(t *testing.T) {
	without := func(absent ...parts.Part) func(parts.Part) (string, bool) {
		return func(p parts.Part) (string, bool) { return "/bin/part", !slices.Contains(absent, p) }
	}
	for _, c := range []struct {
		require string
		find    func(parts.Part) (string, bool)
		code    int
		says    string
	}{
		{"", without(), 0, "nothing was left out: every part is installed\n"},
		{"all", without(), 0, "nothing was left out: every part is installed\n"},
		{"", without(parts.Postgres), 0, "left out: postgres (tests of the ledger on PostgreSQL): apt-get install postgresql\n"},
		{"all", without(parts.Postgres), 1, "left out: postgres (tests of the ledger on PostgreSQL), which WORKERFLEET_REQUIRE=all demands: apt-get install postgresql\n"},
		{"cc", without(parts.Postgres), 0, "left out: postgres (tests of the ledger on PostgreSQL): apt-get install postgresql\n"},
		{"all", without(parts.Valkey), 0, "left out: valkey-server (the same tests on Valkey itself): apt-get install valkey-server (Debian 13)\n"},
		{"some", without(), 2, `WORKERFLEET_REQUIRE: "some" is no part; allowed: all, or some of [redis-server valkey-server postgres chromium moto_server cc] with commas between them` + "\n"},
	} {
		var out strings.Builder
		require.Equal(t, c.code, report(c.require, c.find, &out), c.says)
		require.Equal(t, c.says, out.String())
	}
}
