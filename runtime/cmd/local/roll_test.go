package main

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/settings"
)

// copied is a folder with the same programs, for a release that differs in nothing.
func copied(t *testing.T) string {
	t.Helper()
	dir := shortDir(t)
	for _, name := range programNames() {
		from, err := os.Open(filepath.Join(binaries, name))
		require.NoError(t, err)
		to, err := os.OpenFile(filepath.Join(dir, name), os.O_CREATE|os.O_WRONLY, 0o755)
		require.NoError(t, err)
		_, err = io.Copy(to, from)
		require.NoError(t, errors.Join(err, from.Close(), to.Close()))
	}
	return dir
}

// A roll forward, half-way back and forward again, under orders and ends of sessions: every program is replaced and no
// process of the release before is left, every mixture that must come has orders, and the judge finds nothing. Both
// releases are this one: it shows the roll. What two different ones do to each other shows make roll FROM=COMMIT.
func TestRoll(t *testing.T) {
	o := quick(6, 10, 2)
	o.former, o.back, o.embedded, o.functions, o.rhythm = copied(t), true, true, true, time.Second
	o.stay, o.orders, o.kill = 6*time.Second, 40, 8
	p := startProduct(t, o)
	require.NotEmpty(t, processesOf(t, o.former))
	require.Empty(t, processesOf(t, o.bin))
	require.NoError(t, p.open(t.Context()))
	require.NoError(t, p.tradeThrough(t.Context()))
	require.Empty(t, processesOf(t, o.former), "programs of the release before")
	require.NoError(t, p.settle(t.Context()))

	s := p.day.summary()
	require.True(t, s.clean(), "%+v\n%v", s, append(p.accounts.doubles(), p.trading.verdict.Notes...))
	require.Equal(t, 6*40, s.Orders)
	require.Zero(t, s.Unknown)
	require.Equal(t, 8, s.Deaths)
	require.Len(t, s.Steps, 2+(1+6+2)+(1+6+2)+(1+6+4))
	require.Equal(t, "agent 2+0, api 2+0, keeper 2+0, worker 10+0", s.Steps[1].Running)
	require.Regexp(t, `^agent 0\+2, api 0\+2, keeper 0\+2, worker 0\+`, s.Steps[len(s.Steps)-1].Running)
	quiet := 0
	for _, step := range s.Steps {
		if step.Orders == 0 {
			quiet++
		}
	}
	require.Less(t, quiet, len(s.Steps)/2, "steps without an order: %+v", s.Steps)
	orders := 0
	for _, n := range s.Mixtures {
		orders += n
	}
	require.Greater(t, orders, s.Orders/2, "orders whose mixture is known")
	for _, mixture := range []string{
		"api former, agent former, worker former", "api current, agent former, worker former", "api current, agent current, worker current",
	} {
		require.NotZero(t, s.Mixtures[mixture], "%s in %v", mixture, s.Mixtures)
	}
}

// A program of a release is given the variables that it knows, and no others: it would refuse them.
func TestVariablesOfAnotherRelease(t *testing.T) {
	dir := t.TempDir()
	text := `xx env:"FLEET_HOST,optional" env:"FLEET_SESSION_IDLES" default yy env:"FLEET_TTL" zz`
	require.NoError(t, os.WriteFile(filepath.Join(dir, "agent"), []byte(text), 0o600))
	o := options{former: dir, bin: binaries}
	variables := []settings.Variable{{Name: "FLEET_HOST", Value: "h"}, {Name: "FLEET_SESSION_IDLE", Value: "1s"}, {Name: "FLEET_TTL", Value: "2s"}}
	for range 2 { // looked up, and remembered
		given, err := o.first().environment("agent", variables)
		require.NoError(t, err)
		require.Equal(t, []string{"FLEET_HOST=h", "FLEET_TTL=2s"}, given)
	}
	given, err := o.latest().environment("agent", variables)
	require.NoError(t, err)
	require.Len(t, given, 3)
	_, err = o.first().environment("api", variables)
	require.ErrorIs(t, err, os.ErrNotExist)

	// A real program has the names as they are looked for.
	o.former = binaries
	given, err = o.first().environment("keeper", settings.Write(settings.Keeper{Sessions: settings.Sessions{Idle: time.Minute}}))
	require.NoError(t, err)
	require.Equal(t, []string{"FLEET_SESSION_IDLE=1m0s"}, given)
}

// What ran at a time is what began last before it.
func TestTimeline(t *testing.T) {
	var line timeline
	at := time.Now()
	require.Empty(t, line.when(at))
	line.add(at, former)
	line.add(at.Add(time.Second), current)
	require.Empty(t, line.when(at.Add(-1)))
	require.Equal(t, former, line.when(at))
	require.Equal(t, current, line.when(at.Add(time.Minute)))
	c := crew{all: map[fleet.Worker]member{}}
	c.note("w", member{"h", former})
	require.Equal(t, member{"h", former}, c.of("w"))
}

// A roll is refused where it could not be played.
func TestRollOptions(t *testing.T) {
	for want, args := range map[string][]string{
		"--back: is set without --former":                                 {"--back"},
		"--former: is not allowed together with --chaos or --watch":       {"--former", binaries, "--chaos"},
		"nowhere/agent: no such file or directory; make roll FROM=COMMIT": {"--former", "nowhere"},
	} {
		_, err := parse(append([]string{"--bin", binaries}, args...), io.Discard)
		require.ErrorContains(t, err, want)
	}
	o, err := parse([]string{"--bin", binaries, "--former", binaries, "--back"}, io.Discard)
	require.NoError(t, err)
	require.NotEqual(t, o.first().taskDefinition(), o.latest().taskDefinition())
}

// Kills are spread over a roll's steps, the last one before its end, whether there are fewer of them or more than steps.
func TestKillsOfARoll(t *testing.T) {
	for all, want := range map[int][]int{0: {0, 0, 0, 0}, 1: {0, 1, 1, 1}, 3: {1, 2, 2, 3}, 10: {3, 5, 8, 10}} {
		for i, killed := range want {
			require.Equal(t, killed, due(all, i+1, len(want)), "%d of %d", i+1, all)
		}
	}
}

// What is added to make roll changes what it says and leaves the rest: it is the roll whose figures are published.
func TestMakeRoll(t *testing.T) {
	if _, err := exec.LookPath("make"); err != nil {
		t.Skip("make is not installed")
	}
	output, err := exec.Command("make", "-n", "-C", "../../..", "roll", "FROM=HEAD", "ARGS=--back --for 2m").Output()
	require.NoError(t, err)
	_, args, found := strings.Cut(string(output), ` --former "$former/bin" `)
	require.True(t, found, string(output))
	args, _, _ = strings.Cut(args, "\n")
	o, err := parse(append(strings.Fields(args), "--bin", binaries, "--former", binaries), io.Discard)
	require.NoError(t, err)
	require.True(t, o.back)
	require.Equal(t, 2*time.Minute, o.stay)
	require.Equal(t, []int{24, 2, 30}, []int{o.users, o.hosts, o.orders})
}
