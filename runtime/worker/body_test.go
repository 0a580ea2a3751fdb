package worker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"workerfleet/runtime/fleet"
)

// A body is a process, so each test runs this binary as one, in the role that WORKER_PROBE names.

func bodyProbe() func() {
	return map[string]func(){"anew": probeAnew, "children": probeChildren, "spent": probeSpent, "tied": probeTied,
		"asked": probeAsked, "askedLate": probeAskedLate}[os.Getenv("WORKER_PROBE")]
}

func probe(t *testing.T, role string) (string, error) {
	t.Helper()
	scratch := filepath.Join(t.TempDir(), "scratch")
	cmd := exec.Command(os.Args[0], role)
	cmd.Env = append(os.Environ(), "WORKER_PROBE="+role, "SCRATCH="+scratch)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func body() Body { return Body{Scratch: os.Getenv("SCRATCH"), Lives: 3, Environ: os.Environ()} }

func must(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

// probeAnew leaves a file in the scratch directory and an open file descriptor that was never marked to close, and goes
// on into its next life, three times; each life says what it finds.
func probeAnew() {
	b := body()
	life, err := LifeOf(os.Getenv)
	must(err)
	if life == 1 {
		must(b.Prepare())
	}
	fds, err := os.ReadDir("/proc/self/fd")
	must(err)
	left, err := os.ReadDir(b.Scratch)
	must(err)
	leaked := 0
	for _, fd := range fds {
		if target, _ := os.Readlink("/proc/self/fd/" + fd.Name()); strings.Contains(target, "secret") {
			leaked++
		}
	}
	fmt.Println("life", life, "pid", os.Getpid(), "scratch", len(left), "leaked", leaked, "args", os.Args[1:])
	must(os.MkdirAll(filepath.Join(b.Scratch, "deep", "er"), 0o700))
	fd, err := syscall.Open(filepath.Join(b.Scratch, "secret"), syscall.O_CREAT|syscall.O_RDWR, 0o600) // no O_CLOEXEC
	must(err)
	_, err = syscall.Write(fd, []byte("canary"))
	must(err)
	must(b.Clear(context.Background()))
	err = b.Next(life)
	if errors.Is(err, ErrSpent) {
		return
	}
	must(err)
}

// The next life is the same process with a number one higher; no file and no descriptor of the last one reaches it.
// After the last life the body says so. Memory is replaced by exec(2) itself and looked at in package agent's tests.
func TestNextLife(t *testing.T) {
	out, err := probe(t, "anew")
	require.NoError(t, err, out)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	require.Len(t, lines, 3, out)
	var pid int
	for i, line := range lines {
		var life, own, scratch, leaked int
		_, err := fmt.Sscanf(line, "life %d pid %d scratch %d leaked %d args [anew]", &life, &own, &scratch, &leaked)
		require.NoError(t, err, line)
		if i == 0 {
			pid = own
		}
		require.Equal(t, []int{i + 1, pid, 0, 0}, []int{life, own, scratch, leaked})
	}
}

// probeChildren starts a child that leaves a grandchild behind, and clears both away.
func probeChildren() {
	b := body()
	must(b.Prepare())
	child := exec.Command("sh", "-c", "sleep 1000 & echo $!; exec sleep 1000")
	out, err := child.StdoutPipe()
	must(err)
	must(child.Start())
	var grandchild int
	_, err = fmt.Fscan(out, &grandchild)
	must(err)
	must(b.Clear(context.Background()))
	for _, pid := range []int{child.Process.Pid, grandchild} {
		if syscall.Kill(pid, 0) == nil {
			fmt.Println("still there:", pid)
			os.Exit(1)
		}
	}
	fmt.Println("all gone")
}

// Children and those whom they leave behind are gone when the body is clear.
func TestChildrenAreGone(t *testing.T) {
	out, err := probe(t, "children")
	require.NoError(t, err, out)
	require.Contains(t, out, "all gone")
}

// probeSpent takes its own binary's right to be executed away, so that the kernel refuses the next life.
func probeSpent() {
	must(os.Chmod(os.Args[0], 0))
	must(body().Next(1))
}

// A next life that the kernel refuses is an error, never a return to the life before.
func TestFailedExec(t *testing.T) {
	binary, err := os.ReadFile(os.Args[0])
	require.NoError(t, err)
	copied := filepath.Join(t.TempDir(), "worker")
	require.NoError(t, os.WriteFile(copied, binary, 0o700))
	cmd := exec.Command(copied)
	cmd.Env = append(os.Environ(), "WORKER_PROBE=spent")
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit, string(out))
	require.Equal(t, 1, exit.ExitCode())
	require.Contains(t, string(out), "execute anew: permission denied")
}

// A parent is a process id or nobody.
func TestParentOf(t *testing.T) {
	of := func(text string) (int, error) { return ParentOf(func(string) string { return text }) }
	for text, want := range map[string]int{"": 0, "1": 1, "77": 77} {
		pid, err := of(text)
		require.NoError(t, err)
		require.Equal(t, want, pid)
	}
	for _, text := range []string{"0", "-1", "x"} {
		_, err := of(text)
		require.ErrorContains(t, err, EnvParent)
	}
}

// probeTied names a parent that is not its own.
func probeTied() {
	b := body()
	b.Parent = 1 << 30
	must(b.Prepare())
}

// A process whose parent has ended before it could ask to end with it ends by itself. That the kernel ends it later is
// shown in package process.
func TestParentIsGone(t *testing.T) {
	out, err := probe(t, "tied")
	require.Error(t, err)
	require.Contains(t, out, "1073741824 has ended")
}

// probeAsked is asked to end while a life is cleared away, and then goes on.
func probeAsked() {
	if os.Getenv(EnvLife) != "" {
		fmt.Println("went on")
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	must(syscall.Kill(os.Getpid(), syscall.SIGTERM))
	must(body().goOn(ctx, 1))
	fmt.Println("ended")
}

// probeAskedLate is asked to end when the image no longer listens.
func probeAskedLate() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	b := body()
	b.Lives = 1
	must(b.goOn(ctx, 1))
	must(syscall.Kill(os.Getpid(), syscall.SIGTERM))
	time.Sleep(time.Minute)
}

// A process that is asked to end between two lives ends: the request is not lost to the image that would begin the next.
func TestAskedToEndBetweenLives(t *testing.T) {
	out, err := probe(t, "asked")
	require.NoError(t, err, out)
	require.Equal(t, "ended\n", out)
	_, err = probe(t, "askedLate")
	require.ErrorContains(t, err, "signal: terminated")
}

// The number of a life comes from the environment, and nothing else is taken for one.
func TestLifeOf(t *testing.T) {
	of := func(text string) (fleet.Life, error) { return LifeOf(func(string) string { return text }) }
	for text, want := range map[string]fleet.Life{"": 1, "1": 1, "77": 77} {
		life, err := of(text)
		require.NoError(t, err)
		require.Equal(t, want, life)
	}
	for _, text := range []string{"0", "-1", "x", "01"} {
		_, err := of(text)
		require.ErrorContains(t, err, EnvLife)
	}
}
