package agent

import (
	"net"

	"workerfleet/runtime/hostlink"
)

// Door is where workers call.
type Door interface {
	// Accept waits for the next call. After Close it returns [net.ErrClosed].
	Accept() (Call, error)
	Close() error
}

// Call is a connection and, where there is no process of its own behind it, what stands for one.
type Call struct {
	Stream net.Conn
	// PID tells callers apart, and Exited is closed when this one ends. Without Exited the kernel says who calls on a
	// unix socket, whatever the caller may claim.
	PID    int
	Exited chan struct{}
}

// process takes hold of whoever calls.
func (c Call) process() (*process, error) {
	if c.Exited != nil {
		return &process{pid: c.PID, exited: c.Exited, released: make(chan struct{})}, nil
	}
	pid, err := hostlink.Peer(c.Stream.(*net.UnixConn))
	if err != nil {
		return nil, err
	}
	return openProcess(pid)
}

// socketDoor is the host's unix socket.
type socketDoor struct{ *net.UnixListener }

func (d socketDoor) Accept() (Call, error) {
	stream, err := d.AcceptUnix()
	return Call{Stream: stream}, err
}
