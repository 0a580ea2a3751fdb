package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A command line is understood or refused with what is allowed; an empty value counts as not given.
func TestParse(t *testing.T) {
	c, err := parse([]string{"preview", "--stack", "", "--from", "tier-1k", "--json"}, &bytes.Buffer{})
	require.NoError(t, err)
	require.Equal(t, command{verb: "preview", stack: "tier-100", from: "tier-1k", json: true}, c)
	for args, want := range map[string]string{
		"": "usage", "explode": `"explode" is no command; allowed: up, preview, destroy`, "up --json": "go with preview",
		"up --from x": "go with preview", "up tier-100": `"tier-100" is not understood`, "up --frob": "usage",
	} {
		_, err := parse(strings.Fields(args), &bytes.Buffer{})
		require.ErrorIs(t, err, errUsage, args)
		require.ErrorContains(t, err, want, args)
	}
}

// The exit status tells refused input from what went wrong, and help is no error.
func TestExitStatus(t *testing.T) {
	var stdout, stderr bytes.Buffer
	require.Equal(t, 0, run(t.Context(), []string{"--help"}, &stdout, &stderr))
	require.Contains(t, stdout.String(), "offline preview --stack tier-5k --from tier-1k")
	require.Equal(t, 2, run(t.Context(), []string{"explode"}, &stdout, &stderr))
	require.Equal(t, 2, run(t.Context(), []string{"preview", "--stack", "tier-7"}, &stdout, &stderr))
	require.Contains(t, stderr.String(), "STACK: there is no stack")
	t.Chdir(t.TempDir())
	require.Equal(t, 1, run(t.Context(), []string{"up"}, &stdout, &stderr))
}
