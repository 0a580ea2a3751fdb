package fleettest

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "add to testdata what is written today; what stands there stays")

// Updating says that tests are run to add to testdata.
func Updating() bool { return *update }

// Wire holds a form in which processes of different releases write to each other. The file has what any release has
// written, one JSON object a line; lines are only ever added.
type Wire struct {
	File string
	// Written is what this release writes of each kind.
	Written [][]byte
	// Read takes a line as a process does that receives it, and returns what it understands.
	Read func(line []byte) (any, error)
}

// Check proves that this release reads every line, that nothing which a line says is lost, that fields of a later release
// change nothing, and that what this release writes stands in the file.
func (w Wire) Check(t *testing.T) {
	t.Helper()
	content, err := os.ReadFile(w.File)
	if !*update {
		require.NoError(t, err)
	}
	for _, line := range w.Written {
		if bytes.Contains(append([]byte("\n"), content...), []byte("\n"+string(line)+"\n")) {
			continue
		}
		require.True(t, *update, "%s has no line %s: go test with -update adds it", w.File, line)
		content = append(append(content, line...), '\n')
	}
	if *update {
		require.NoError(t, os.MkdirAll(filepath.Dir(w.File), 0o755))
		require.NoError(t, os.WriteFile(w.File, content, 0o644))
	}
	require.NotEmpty(t, content)
	for line := range bytes.Lines(content) {
		w.check(t, bytes.TrimSpace(line))
	}
}

func (w Wire) check(t *testing.T, line []byte) {
	t.Helper()
	read, err := w.Read(line)
	require.NoError(t, err, "%s", line)
	again, err := json.Marshal(read)
	require.NoError(t, err)
	require.Empty(t, Lost(line, again), "of %s this release understands %s", line, again)

	later := append([]byte(`{"fieldOfALaterRelease":{"text":["x",1]},`), line[1:]...)
	unmoved, err := w.Read(later)
	require.NoError(t, err, "%s", later)
	require.Equal(t, read, unmoved, "%s", later)
}

// Lost names what one JSON object says and another one does not, or says otherwise.
func Lost(said, understood []byte) (lost []string) {
	var a, b map[string]any
	if json.Unmarshal(said, &a) != nil || json.Unmarshal(understood, &b) != nil {
		return []string{"no object"}
	}
	for name, value := range a {
		inner, isObject := value.(map[string]any)
		switch other := b[name].(type) {
		case map[string]any:
			if isObject {
				x, _ := json.Marshal(inner) // what came from JSON goes back
				y, _ := json.Marshal(other)
				for _, deeper := range Lost(x, y) {
					lost = append(lost, name+"."+deeper)
				}
				continue
			}
			lost = append(lost, name)
		default:
			if !reflect.DeepEqual(value, other) {
				lost = append(lost, name)
			}
		}
	}
	return lost
}

// Lines are JSON texts of values, as they travel.
func Lines[T any](t *testing.T, values []T) (lines [][]byte) {
	t.Helper()
	for _, value := range values {
		line, err := json.Marshal(value)
		require.NoError(t, err)
		require.True(t, strings.HasPrefix(string(line), "{"), "%s is no object", line)
		lines = append(lines, line)
	}
	return lines
}
