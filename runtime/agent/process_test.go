package agent

import (
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The end of another process is seen whether it comes while one waits or has come before, and before its parent takes
// note of it; letting go ends the waiting. That executing anew is no end is shown with workers.
func TestProcessEnds(t *testing.T) {
	sleeper := exec.Command("sleep", "1000")
	require.NoError(t, sleeper.Start())
	p, err := openProcess(sleeper.Process.Pid)
	require.NoError(t, err)
	defer p.release()
	require.False(t, p.ended())

	let, err := openProcess(sleeper.Process.Pid)
	require.NoError(t, err)
	waited := make(chan bool)
	go func() { waited <- let.wait() }()
	time.Sleep(10 * time.Millisecond)
	let.release()
	require.False(t, <-waited, "it was let go, not ended")
	require.False(t, let.wait())

	go func() { waited <- p.wait() }()
	require.NoError(t, sleeper.Process.Kill())
	require.True(t, <-waited)
	require.True(t, p.ended())
	late, err := openProcess(sleeper.Process.Pid) // not reaped yet: the number is still its own
	require.NoError(t, err)
	require.True(t, late.wait())
	late.release()

	_ = sleeper.Wait()
	_, err = openProcess(sleeper.Process.Pid)
	require.ErrorContains(t, err, "watch process")
}
