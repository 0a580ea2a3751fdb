package relay

import (
	"bufio"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var loopback = End{"tcp", "127.0.0.1:0"}

// echo is a server that says each line again after a name.
func echo(t *testing.T, name string) End {
	t.Helper()
	listener, err := net.Listen(loopback.Network, loopback.Address)
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				for lines := bufio.NewScanner(conn); lines.Scan(); {
					_, _ = io.WriteString(conn, name+lines.Text()+"\n")
				}
			}()
		}
	}()
	return End{"tcp", listener.Addr().String()}
}

func started(t *testing.T, to End) *Relay {
	t.Helper()
	r, err := Start(loopback, to)
	require.NoError(t, err)
	t.Cleanup(r.Close)
	return r
}

// call is a client's connection.
type call struct {
	net.Conn
	in *bufio.Reader
}

func dial(t *testing.T, r *Relay) *call {
	t.Helper()
	conn, err := net.Dial("tcp", r.listener.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return &call{conn, bufio.NewReader(conn)}
}

func (c *call) ask(t *testing.T, line string) string {
	t.Helper()
	_, err := io.WriteString(c, line+"\n")
	require.NoError(t, err)
	return c.hear(t)
}

func (c *call) hear(t *testing.T) string {
	t.Helper()
	require.NoError(t, c.SetReadDeadline(time.Now().Add(10*time.Second)))
	line, err := c.in.ReadString('\n')
	require.NoError(t, err)
	return line
}

// Words take as long as they are told to, each way.
func TestSlow(t *testing.T) {
	r := started(t, echo(t, "a "))
	c := dial(t, r)
	require.Equal(t, "a x\n", c.ask(t, "x"))
	for _, paces := range [][2]Pace{{{40 * time.Millisecond, 50 * time.Millisecond}, {}}, {{}, {40 * time.Millisecond, 0}}} {
		r.Slow(paces[0], paces[1])
		began := time.Now()
		c.ask(t, "x")
		require.GreaterOrEqual(t, time.Since(began), 40*time.Millisecond)
	}
}

// What is held passes when it is let go, and not before.
func TestHold(t *testing.T) {
	r := started(t, echo(t, "a "))
	c := dial(t, r)
	c.ask(t, "x")
	r.Hold(true)
	r.Hold(true)
	_, err := io.WriteString(c, "late\n")
	require.NoError(t, err)
	require.NoError(t, c.SetReadDeadline(time.Now().Add(50*time.Millisecond)))
	_, err = c.in.ReadString('\n')
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	r.Hold(false)
	require.Equal(t, "a late\n", c.hear(t))
}

// A cut ends what is open; who calls again is taken, and led to where the relay leads by then.
func TestCutAndLead(t *testing.T) {
	r := started(t, echo(t, "a "))
	c := dial(t, r)
	c.ask(t, "x")
	r.Lead(echo(t, "b "))
	require.Equal(t, "a y\n", c.ask(t, "y"), "open connections stay")
	require.Equal(t, 1, r.Cut())
	_, err := c.in.ReadString('\n')
	require.Error(t, err)
	require.Equal(t, "b z\n", dial(t, r).ask(t, "z"))
	require.Equal(t, 2, r.Cut())
}

// Where nobody listens behind it, a relay hangs up.
func TestNobodyBehind(t *testing.T) {
	gone, err := net.Listen(loopback.Network, loopback.Address)
	require.NoError(t, err)
	require.NoError(t, gone.Close())
	c := dial(t, started(t, End{"tcp", gone.Addr().String()}))
	require.NoError(t, c.SetReadDeadline(time.Now().Add(10*time.Second)))
	_, err = c.in.ReadString('\n')
	require.NotErrorIs(t, err, os.ErrDeadlineExceeded)
	require.Error(t, err)
}
