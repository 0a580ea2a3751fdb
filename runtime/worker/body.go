package worker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"workerfleet/runtime/fleet"
)

// Body is the process that a worker's lives have one after another. What a life leaves behind in it must not reach the
// next: memory goes when the process executes itself anew, and the rest is cleared before.
type Body struct {
	// Scratch is the only directory that a life writes to. It is created, and belongs to the body alone.
	Scratch string
	// Lives is how many lives the process may have; 1 is one, so that its container is replaced each time.
	Lives int
	// Environ is what the next life reads beside its number.
	Environ []string
	// Parent is the process with which this one ends, however that one ends; 0 is none, as in a container.
	Parent int
}

// The variables that are no settings: they are handed on from one image to the next, not written by an operator.
const (
	// EnvLife carries a life's number to the image that begins it.
	EnvLife = "WORKERFLEET_LIFE"
	// EnvRevision carries the number of the worker's image where no task's metadata tells it.
	EnvRevision = "WORKERFLEET_REVISION"
	// EnvParent is the process id of the parent with which the worker ends.
	EnvParent = "WORKERFLEET_PARENT"
)

// ErrSpent says that the process has had its last life.
var ErrSpent = errors.New("no life is left")

// LifeOf reads the number of the life that begins: 1 where the process has had none before.
func LifeOf(getenv func(string) string) (fleet.Life, error) {
	text := getenv(EnvLife)
	if text == "" {
		return 1, nil
	}
	life, err := fleet.ParseLife(text)
	if err != nil || life == 0 {
		return 0, fmt.Errorf("%s: %q is no life; allowed: from 1 up", EnvLife, text)
	}
	return life, nil
}

// ParentOf reads the parent with which the process ends: 0 where the environment names none.
func ParentOf(getenv func(string) string) (int, error) {
	text := getenv(EnvParent)
	if text == "" {
		return 0, nil
	}
	pid, err := strconv.Atoi(text)
	if err != nil || pid < 1 {
		return 0, fmt.Errorf("%s: %q is no process id; allowed: from 1 up", EnvParent, text)
	}
	return pid, nil
}

// tie has the kernel end this process when its parent ends. The request belongs to the calling thread: it must be made
// again by each image, and, so that it holds in between, by the thread that executes the next one.
func (b Body) tie() error {
	if b.Parent == 0 {
		return nil
	}
	if _, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_SET_PDEATHSIG, uintptr(syscall.SIGKILL), 0); errno != 0 {
		return fmt.Errorf("end with the parent: %w", errno)
	}
	if parent := os.Getppid(); parent != b.Parent {
		return fmt.Errorf("end with the parent: process %d is the parent now, %d has ended", parent, b.Parent)
	}
	return nil
}

// Prepare makes the body fit for a life: the scratch directory is there and empty, and processes that a child leaves
// behind become this one's children, so that none is lost sight of.
func (b Body) Prepare() error {
	if err := b.tie(); err != nil {
		return err
	}
	const setChildSubreaper = 36 // PR_SET_CHILD_SUBREAPER of prctl(2); it survives exec
	if _, _, errno := syscall.Syscall(syscall.SYS_PRCTL, setChildSubreaper, 1, 0); errno != 0 {
		return fmt.Errorf("adopt orphans: %w", errno)
	}
	if err := os.MkdirAll(b.Scratch, 0o700); err != nil {
		return fmt.Errorf("scratch: %w", err)
	}
	return b.empty()
}

// Clear removes what a life left behind: its child processes and its files. An error means that something stayed, and
// that only the end of the process – in a container, of the container – removes it.
func (b Body) Clear(ctx context.Context) error {
	return errors.Join(endChildren(ctx), b.empty())
}

func (b Body) empty() error {
	entries, err := os.ReadDir(b.Scratch)
	if err != nil {
		return fmt.Errorf("scratch: %w", err)
	}
	for _, entry := range entries {
		if err := os.RemoveAll(filepath.Join(b.Scratch, entry.Name())); err != nil {
			return fmt.Errorf("scratch: %w", err)
		}
	}
	return nil
}

// Next executes the process anew, for the life after this one. It returns only where that cannot be: ErrSpent when no
// life is left, else with what failed; the process must end then, because what it holds has not gone.
func (b Body) Next(life fleet.Life) error {
	if life >= fleet.Life(b.Lives) {
		return ErrSpent
	}
	if err := closeFilesOnExec(); err != nil {
		return fmt.Errorf("execute anew: %w", err)
	}
	environ := slices.DeleteFunc(slices.Clone(b.Environ), func(v string) bool { return strings.HasPrefix(v, EnvLife+"=") })
	environ = append(environ, EnvLife+"="+(life+1).String())
	runtime.LockOSThread() // for the tie; there is nothing after it to unlock for
	if err := b.tie(); err != nil {
		return err
	}
	return fmt.Errorf("execute anew: %w", syscall.Exec("/proc/self/exe", os.Args, environ))
}

// closeFilesOnExec makes sure of what Go does for every file that it opens itself: nothing but the standard streams
// reaches the next life.
func closeFilesOnExec() error {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if fd, err := strconv.Atoi(entry.Name()); err == nil && fd > syscall.Stderr {
			syscall.CloseOnExec(fd)
		}
	}
	return nil
}

// endChildren kills this process's children, and those that they leave behind, until none is left.
func endChildren(ctx context.Context) error {
	for {
		children, err := childrenOf(os.Getpid())
		if err != nil || len(children) == 0 {
			return err
		}
		for _, pid := range children {
			_ = syscall.Kill(pid, syscall.SIGKILL) // one that has ended meanwhile is waited for all the same
			_, _ = syscall.Wait4(pid, nil, syscall.WNOHANG, nil)
		}
		select {
		case <-time.After(time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("child processes %v do not end", children)
		}
	}
}

// childrenOf finds the processes that name this one as their parent, those that wait to be reaped included.
func childrenOf(parent int) ([]int, error) {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, err
	}
	var children []int
	for _, name := range stats {
		stat, err := os.ReadFile(name)
		if err != nil {
			continue // it has ended
		}
		// pid (name) state parent …; the name may hold anything (proc_pid_stat(5)).
		fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
		if len(fields) > 1 && string(fields[1]) == strconv.Itoa(parent) {
			if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(name))); err == nil {
				children = append(children, pid)
			}
		}
	}
	return children, nil
}
