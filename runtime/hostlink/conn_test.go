package hostlink

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func framed(body string) io.Reader {
	return bytes.NewReader(append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), body...))
}

// Frames that break the rules are refused as such, and a length that is not allowed reserves no memory for it.
func TestGarbage(t *testing.T) {
	for name, stream := range map[string]io.Reader{
		"nothing":          bytes.NewReader(nil),
		"half a length":    bytes.NewReader([]byte{0, 0}),
		"no length":        bytes.NewReader([]byte{0, 0, 0, 0}),
		"too long":         bytes.NewReader([]byte{0xff, 0xff, 0xff, 0xff, '{'}),
		"one too long":     framed(`{"v":1,"kind":"alive"` + strings.Repeat(" ", MaxFrame-21) + "}"),
		"half a body":      bytes.NewReader([]byte{0, 0, 0, 9, '{', '}'}),
		"no JSON":          framed(`{"v":1`),
		"two values":       framed(`{"v":1,"kind":"alive"}{}`),
		"a list":           framed(`[1]`),
		"a signed epoch":   framed(`{"v":1,"kind":"accepted","epoch":"-1"}`),
		"a numeric epoch":  framed(`{"v":1,"kind":"accepted","epoch":1}`),
		"text for base64":  framed(`{"v":1,"kind":"assign","user":"a","life":"1","epoch":"1","sealed":"*"}`),
		"a dishonest word": framed(`{"v":1,"kind":"accepted"}`),
	} {
		_, err := read(stream)
		require.ErrorIs(t, err, ErrFrame, name)
	}
	_, err := read(framed(`{"v":1,"kind":"alive"` + strings.Repeat(" ", MaxFrame-22) + "}"))
	require.NoError(t, err, "the longest")
}

// No input makes the reader panic, and whatever it accepts can be sent on and reads the same.
func FuzzRead(f *testing.F) {
	for _, m := range samples() {
		frame, err := encode(m)
		require.NoError(f, err)
		f.Add(frame)
	}
	f.Add([]byte{0, 0, 0, 2, '{', '}'})
	f.Fuzz(func(t *testing.T, stream []byte) {
		m, err := read(bytes.NewReader(stream))
		if err != nil {
			return
		}
		frame, err := encode(m)
		require.NoError(t, err)
		again, err := read(bytes.NewReader(frame))
		require.NoError(t, err)
		if m.Sealed != nil && len(m.Sealed) == 0 {
			m.Sealed = nil // an empty text and none are the same to JSON's omitempty
		}
		require.Equal(t, m, again)
	})
}

// A peer that keeps quiet between frames is waited for; one that stops within a frame, or takes none, is given up on.
// The streams are in memory: what a kernel's socket buffers is not seen here.
func TestSlowPeers(t *testing.T) {
	t.Run("quiet between frames", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			near, far := pipe(t)
			go func() {
				time.Sleep(time.Hour)
				_ = far.Send(Message{Kind: Alive})
			}()
			m, err := near.Receive(0)
			require.NoError(t, err)
			require.Equal(t, Alive, m.Kind)
		})
	})
	t.Run("quiet before its hello", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			near, _ := pipe(t)
			begin := time.Now()
			_, err := near.Receive(3 * time.Second)
			require.ErrorIs(t, err, os.ErrDeadlineExceeded)
			require.Equal(t, 3*time.Second, time.Since(begin))
		})
	})
	t.Run("stops within a frame", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			near, far := pipe(t)
			go func() { _, _ = far.stream.Write([]byte{0, 0, 0, 9, '{'}) }()
			begin := time.Now()
			_, err := near.Receive(0)
			require.ErrorIs(t, err, os.ErrDeadlineExceeded)
			require.Equal(t, patience, time.Since(begin))
		})
	})
	t.Run("takes nothing", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			near, _ := pipe(t)
			begin := time.Now()
			require.ErrorIs(t, near.Send(Message{Kind: Alive}), os.ErrDeadlineExceeded)
			require.Equal(t, patience, time.Since(begin))
		})
	})
}

func pipe(t *testing.T) (near, far *Conn) {
	a, b := net.Pipe()
	near, far = NewConn(a), NewConn(b)
	t.Cleanup(func() { _, _ = near.Close(), far.Close() })
	return near, far
}

// On a real socket: the kernel names the peer's process, a peer that has shut down its sending half is at its end, and
// frames that were under way before are still read.
func TestRealSocket(t *testing.T) {
	listener, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	require.NoError(t, err)
	defer listener.Close()
	dialled, err := net.Dial("unix", listener.Addr().String())
	require.NoError(t, err)
	accepted, err := listener.Accept()
	require.NoError(t, err)
	near, far := NewConn(accepted), NewConn(dialled)
	defer near.Close()
	defer far.Close()

	pid, err := Peer(accepted.(*net.UnixConn))
	require.NoError(t, err)
	require.Equal(t, os.Getpid(), pid)

	require.NoError(t, far.Send(Message{Kind: Accepted, Epoch: 5}))
	require.NoError(t, dialled.(*net.UnixConn).CloseWrite())
	m, err := near.Receive(0)
	require.NoError(t, err)
	require.Equal(t, Message{Kind: Accepted, Epoch: 5}, m)
	_, err = near.Receive(0)
	require.ErrorIs(t, err, io.EOF)
	require.NotErrorIs(t, err, ErrFrame)
	require.NoError(t, near.Send(Message{Kind: Confirmed, Epoch: 5}), "the other half still carries")
	m, err = far.Receive(time.Second)
	require.NoError(t, err)
	require.Equal(t, Confirmed, m.Kind)
}

// Two processes of one host read one clock: another's reading lies between two of ours. That it counts through a
// suspended machine is the kernel's promise and is not seen here.
func TestProcessesShareTheClock(t *testing.T) {
	if os.Getenv("HOSTLINK_PRINT_NOW") != "" {
		fmt.Println("now", int64(Now()))
		return
	}
	other := exec.Command(os.Args[0], "-test.run=^TestProcessesShareTheClock$")
	other.Env = append(os.Environ(), "HOSTLINK_PRINT_NOW=1")
	before := Now()
	out, err := other.Output()
	after := Now()
	require.NoError(t, err)
	line, _, _ := strings.Cut(string(out), "\n")
	read, err := strconv.ParseInt(strings.TrimPrefix(line, "now "), 10, 64)
	require.NoError(t, err)
	require.Less(t, before, Instant(read))
	require.Less(t, Instant(read), after)
	require.Equal(t, 2*time.Second, before.Add(2*time.Second).Sub(before))
}
