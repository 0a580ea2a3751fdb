package agent

import (
	"fmt"
	"os"
	"sync"
	"syscall"
	"unsafe"
)

// process is another process of this host, held by a pidfd: the kernel tells of its end at once, executing itself anew
// is none, and the number's next owner is never taken for it.
type process struct {
	pid  int
	file *os.File
	// A simulated process has no file: it ends when exited is closed.
	exited, released chan struct{}
	once             sync.Once
}

// openProcess takes hold of a process, which may be one that has just ended.
func openProcess(pid int) (*process, error) {
	found, err := os.FindProcess(pid)
	if err != nil {
		return nil, fmt.Errorf("watch process %d: %w", pid, err)
	}
	defer func() { _ = found.Release() }()
	var fd uintptr
	var errno syscall.Errno
	err = found.WithHandle(func(handle uintptr) {
		fd, _, errno = syscall.Syscall(syscall.SYS_FCNTL, handle, syscall.F_DUPFD_CLOEXEC, 0)
	})
	if err == nil && errno != 0 {
		err = errno
	}
	if err == nil {
		err = syscall.SetNonblock(int(fd), true) // package os waits for files that do not block through its poller
	}
	if err != nil {
		return nil, fmt.Errorf("watch process %d: %w", pid, err)
	}
	return &process{pid: pid, file: os.NewFile(fd, fmt.Sprintf("pidfd of %d", pid))}, nil
}

// wait returns true when the process has ended, false when it was let go first.
func (p *process) wait() bool {
	if p.file == nil {
		select {
		case <-p.exited:
			return true
		case <-p.released:
			return false
		}
	}
	raw, err := p.file.SyscallConn()
	if err != nil {
		return false
	}
	ended := false
	err = raw.Read(func(fd uintptr) bool {
		ended = readable(fd)
		return ended
	})
	return ended && err == nil
}

// ended says whether the process has ended by now.
func (p *process) ended() (ended bool) {
	if p.file == nil {
		select {
		case <-p.exited:
			return true
		default:
			return false
		}
	}
	raw, err := p.file.SyscallConn()
	if err != nil {
		return true
	}
	if err := raw.Control(func(fd uintptr) { ended = readable(fd) }); err != nil {
		return true
	}
	return ended
}

// release lets go of the process, which ends wait.
func (p *process) release() {
	if p.file == nil {
		p.once.Do(func() { close(p.released) })
		return
	}
	_ = p.file.Close()
}

// readable asks without waiting: a pidfd is readable once its process has ended (pidfd_open(2)).
func readable(fd uintptr) bool {
	type pollfd struct {
		fd              int32
		events, revents int16
	}
	const pollIn = 1 // POLLIN of poll(2)
	asked := pollfd{fd: int32(fd), events: pollIn}
	var now syscall.Timespec
	n, _, errno := syscall.Syscall6(syscall.SYS_PPOLL, uintptr(unsafe.Pointer(&asked)), 1, uintptr(unsafe.Pointer(&now)), 0, 0, 0)
	return errno == 0 && n == 1 && asked.revents&pollIn != 0
}
