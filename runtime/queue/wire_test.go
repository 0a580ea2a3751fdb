package queue_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"workerfleet/runtime/fleet/fleettest"
	"workerfleet/runtime/queue"
)

// What stands in a queue when a release is replaced is read by the next one, and by the one before if that comes back.
func TestWire(t *testing.T) {
	for _, name := range queue.Names() {
		var written [][]byte
		for _, kind := range name.Types() {
			i := slices.IndexFunc(samples[name], func(task queue.Task) bool { return task.Type == kind })
			require.GreaterOrEqual(t, i, 0, "no sample of %s", kind)
			out, err := samples[name][i].Outgoing(name)
			require.NoError(t, err)
			written = append(written, []byte(out.Body))
		}
		fleettest.Wire{File: "testdata/" + string(name) + ".jsonl", Written: written, Read: func(line []byte) (any, error) {
			task, err := queue.Parse(name, string(line))
			if err != nil {
				return nil, err
			}
			out, err := task.Outgoing(name)
			return body(out.Body), err
		}}.Check(t)
	}
}

// body is a message's text as what it is: an object.
type body string

func (b body) MarshalJSON() ([]byte, error) { return []byte(b), nil }
