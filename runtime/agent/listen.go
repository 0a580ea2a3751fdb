package agent

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// handover is how long a new agent waits for the one before it to let go of the socket.
const handover = 10 * time.Second

// listen makes the socket on which the host's workers call. Its directory is made if there is none, else it is left as
// it is: workers mount it, so it has to outlive the agent, and its owner says who may connect. The socket itself is
// never removed at the end: that would take it from the next agent.
func listen(ctx context.Context, path string) (*net.UnixListener, error) {
	dir := filepath.Dir(path)
	if err := makeDirectory(dir); err != nil {
		return nil, fmt.Errorf("socket's directory: %w", err)
	}
	if err := clearStale(ctx, path); err != nil {
		return nil, err
	}
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("socket: %w", err)
	}
	listener.SetUnlinkOnClose(false)
	if err := openToOwner(path, dir); err != nil {
		_ = listener.Close()
		return nil, fmt.Errorf("socket: %w", err)
	}
	return listener, nil
}

func makeDirectory(dir string) error {
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o770); err != nil {
		return err
	}
	return os.Chmod(dir, 0o770) // whatever the umask
}

// clearStale removes what an earlier agent left. Where one still answers, it is waited for: two agents would each hold
// half of the workers.
func clearStale(ctx context.Context, path string) error {
	deadline := time.Now().Add(handover)
	for {
		switch info, err := os.Lstat(path); {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return fmt.Errorf("socket: %w", err)
		case info.Mode().Type() != fs.ModeSocket:
			return fmt.Errorf("socket: %s is there and is no socket", path)
		}
		conn, err := net.Dial("unix", path)
		if errors.Is(err, syscall.ECONNREFUSED) {
			return os.Remove(path)
		}
		if err == nil { // another error comes from one that lives, but does not keep up
			_ = conn.Close()
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("socket: another agent listens on %s", path)
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// openToOwner lets the directory's owner and group connect, and nobody else.
func openToOwner(path, dir string) error {
	if err := os.Chmod(path, 0o660); err != nil {
		return err
	}
	uid, gid, err := ownerOf(dir)
	if err != nil || uid == os.Geteuid() && gid == os.Getegid() {
		return err
	}
	return os.Chown(path, uid, gid)
}

func ownerOf(path string) (uid, gid int, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, 0, err
	}
	stat := info.Sys().(*syscall.Stat_t)
	return int(stat.Uid), int(stat.Gid), nil
}
