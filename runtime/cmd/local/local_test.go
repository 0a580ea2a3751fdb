package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"workerfleet/runtime/parts"
	"workerfleet/runtime/parts/partstest"
)

// playDay runs the command and reads its last line.
func playDay(t *testing.T, args ...string) summary {
	t.Helper()
	var out, errs bytes.Buffer
	code := run(t.Context(), args, os.Getenv, &out, &errs)
	require.Equal(t, 0, code, "%s%s", &errs, &out)
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	var s summary
	require.NoError(t, json.Unmarshal([]byte(lines[len(lines)-1]), &s), "%s", &out)
	return s
}

// Users come over HTTPS to the programs as they ship, each gets a worker process of their own; workers are killed and
// their users served again, on another worker, by nobody twice; and nothing is left behind.
func TestDay(t *testing.T) {
	for name, c := range map[string]struct {
		args  []string
		parts used
	}{
		"real parts": {nil, used{Valkey: "redis-server", Database: "PostgreSQL of this machine"}},
		"embedded":   {[]string{"--embedded"}, used{Valkey: "miniredis, embedded (install redis-server for a real one)", Database: "SQLite, embedded (install postgresql for a real one)"}},
	} {
		t.Run(name, func(t *testing.T) {
			if len(c.args) == 0 {
				partstest.Need(t, parts.Redis)
				partstest.Need(t, parts.Postgres)
				if _, installed := parts.Find(parts.Valkey); installed {
					c.parts.Valkey = "valkey-server"
				}
			}
			s := playDay(t, append(c.args, "--json", "--bin", binaries, "--users", "30", "--workers", "33", "--kill", "5", "--open", "500ms", "--for", "0s")...)
			require.Equal(t, 30, s.Claims)
			require.Equal(t, 5, s.Deaths)
			require.Equal(t, 5, s.Recovered)
			require.Zero(t, s.DoubleAssigned)
			require.Zero(t, s.Lost)
			require.Equal(t, c.parts.Valkey, s.Parts.Valkey)
			require.Equal(t, c.parts.Database, s.Parts.Database)
			require.Empty(t, processesOf(t, binaries), "processes outlive the platform")
		})
	}
}

// More users than workers: those who came first are served, the others wait until they give up, and all of them are
// told so.
func TestMoreUsersThanWorkers(t *testing.T) {
	o := quick(4, 2, 1)
	o.embedded = true
	p := startProduct(t, o)
	for i := range o.users {
		s, ready, err := p.ask(t.Context(), p.tokens.Token(p.user(i), time.Now().Add(time.Minute)))
		require.NoError(t, err)
		require.Equal(t, i < o.workers, ready, "user %d: %v", i, s)
	}
}

// Two workers in one account at once are counted, and only they: not a worker that follows one that logged out or was
// killed.
func TestDoubledAccounts(t *testing.T) {
	at := time.Now()
	line := func(message, worker string, after time.Duration) string {
		return fmt.Sprintf(`{"at":%q,"call":%q,"user":"ann","worker":%q,"effect":true}`+"\n", at.Add(after).Format(time.RFC3339Nano), message, worker)
	}
	play := func(lines ...string) int {
		a := newAccounts()
		text := strings.Join(lines, "")
		for _, part := range []string{text[:len(text)/2], text[len(text)/2:]} { // lines come in pieces
			_, err := a.Write([]byte(part))
			require.NoError(t, err)
		}
		return a.doubled()
	}
	require.Zero(t, play(line("login", "w1", 0), line("logout", "w1", 1), line("login", "w2", 2), "garbage\n"))
	require.Zero(t, play(line("login", "w1", 0), line("login", "w1", 1)))
	require.Equal(t, 1, play(line("login", "w1", 0), line("login", "w2", 1)))
	a := newAccounts()
	_, err := a.Write([]byte(line("login", "w1", 0)))
	require.NoError(t, err)
	a.killed("w1")
	_, err = a.Write([]byte(line("login", "w2", time.Minute)))
	require.NoError(t, err)
	require.Zero(t, a.doubled())
	_, err = a.Write([]byte(line("login", "w1", 2*time.Minute)))
	require.NoError(t, err)
	require.Equal(t, 1, a.doubled(), "it was stopped only, and has woken")
	_, err = a.Write([]byte(line("login", "w3", 3*time.Minute)))
	require.NoError(t, err)
	require.Equal(t, 2, a.doubled(), "it acts again since")
	require.Regexp(t, "^w1 logged in to ann at .*, where w2 is since .*, which was neither killed nor stopped$", a.doubles()[0])
	require.Regexp(t, "^w3 logged in to ann at .*, where w1 is since .*, which was killed or stopped at ", a.doubles()[1])
	a.launchedBy(func(worker string) bool { return worker != "w3" })
	_, err = a.Write([]byte(line("login", "w4", 4*time.Minute)))
	require.NoError(t, err)
	require.Equal(t, 2, a.doubled(), "its process has ended")
	_, err = a.Write([]byte(line("login", "w5", 5*time.Minute)))
	require.NoError(t, err)
	require.Equal(t, 3, a.doubled(), "its process runs")
}

// A command line that cannot be followed ends with 2 and names the values that can, all at once.
func TestBadCommandLines(t *testing.T) {
	var errs bytes.Buffer
	require.Equal(t, 2, run(t.Context(), []string{"--users", "0", "--hosts", "101", "--bin", "nowhere", "--tier", "3", "now"}, os.Getenv, &bytes.Buffer{}, &errs))
	for _, want := range []string{"--users: 0 is not allowed; allowed: 1 to 100000", "--hosts: 101 is not allowed", "--bin: ", `"now" is not understood`,
		`--tier: tier: "3" is not allowed; allowed: 100, 500`} {
		require.Contains(t, errs.String(), want)
	}
	require.Equal(t, 2, run(t.Context(), []string{"--frob"}, os.Getenv, &bytes.Buffer{}, &errs))
}
