package hostlink

import (
	"fmt"
	"net"
	"syscall"
)

// Peer asks the kernel which process connected, as this process's pid namespace numbers it.
func Peer(conn *net.UnixConn) (pid int, err error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return 0, fmt.Errorf("peer of the socket: %w", err)
	}
	var credentials *syscall.Ucred
	var failed error
	err = raw.Control(func(fd uintptr) {
		credentials, failed = syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED)
	})
	switch {
	case err != nil:
		return 0, fmt.Errorf("peer of the socket: %w", err)
	case failed != nil:
		return 0, fmt.Errorf("peer of the socket: %w", failed)
	case credentials.Pid == 0:
		// The kernel writes 0 for a process that the reader's pid namespace does not hold.
		return 0, fmt.Errorf("peer of the socket: is in another pid namespace; the agent needs the host's")
	}
	return int(credentials.Pid), nil
}
