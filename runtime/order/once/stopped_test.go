package once

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptrace"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"workerfleet/runtime/order"
)

const envStopped = "WORKERFLEET_TEST_STOPPED"

// A process that is stopped on its way to the broker, and wakes after its deadline, sends nothing: with a new connection
// and with one that it kept. The machine's own stop is used; what it cannot show is a stop between the gate and the kernel.
func TestStoppedProcess(t *testing.T) {
	if url := os.Getenv(envStopped); url != "" {
		stopped(t, url)
		return
	}
	plain, _, arrived := counting(t, func(http.ResponseWriter, *http.Request) {})
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestStoppedProcess$", "-test.v")
	child.Env = append(os.Environ(), envStopped+"="+plain.URL)
	said, err := child.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, child.Start())
	var ends []string
	for lines := bufio.NewScanner(said); lines.Scan(); {
		switch line := lines.Text(); line {
		case "calling":
			require.NoError(t, child.Process.Signal(syscall.SIGSTOP))
			time.Sleep(700 * time.Millisecond)
			require.NoError(t, child.Process.Signal(syscall.SIGCONT))
		case "unsent", "sent", "unknown":
			ends = append(ends, line)
		}
	}
	require.NoError(t, child.Wait())
	require.Equal(t, []string{"sent", "unsent", "unsent", "unsent"}, ends)
	require.EqualValues(t, 1, arrived.Load(), "the first call alone, which nobody stopped")
}

// stopped is the process: one call that succeeds, and then one that is stopped before it begins, one with its connection
// in hand, and one on the way to a connection.
func stopped(t *testing.T, url string) {
	slow := false
	c := New(Config{Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := Dial(ctx, network, address)
		if slow {
			call()
		}
		return conn, err
	}})
	for _, way := range []string{"free", "before", "writing", "dialing"} {
		limit := 400 * time.Millisecond
		if way == "free" {
			limit = 20 * time.Second
		}
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		trace := new(httptrace.ClientTrace)
		switch way {
		case "before":
			call()
		case "writing":
			trace.WroteHeaders = call // to the buffer, that is, not to the connection
		case "dialing":
			slow = true
			c.Close()
		}
		err := post(t, httptrace.WithClientTrace(ctx, trace), c, url)
		cancel()
		switch {
		case err == nil:
			fmt.Println("sent")
		case errors.Is(err, order.ErrUnsent):
			fmt.Println("unsent")
		default:
			fmt.Println("unknown")
		}
	}
}

// call says that the process may be stopped, and stays where it is until it was.
func call() {
	last, until := time.Now(), time.Now().Add(20*time.Second)
	fmt.Println("calling")
	for time.Since(last) < 500*time.Millisecond && time.Now().Before(until) {
		last = time.Now()
		time.Sleep(time.Millisecond)
	}
}
