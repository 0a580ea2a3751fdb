package emulator_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"workerfleet/runtime/lambda"
	"workerfleet/runtime/lambda/emulator"
	"workerfleet/runtime/queue"
)

// The test's own program is the function: told to by a variable, it serves as the programs that ship do.
func TestMain(m *testing.M) {
	switch os.Getenv("PLAY") {
	case "":
		os.Exit(m.Run())
	case "refuses":
		response, err := http.Post("http://"+os.Getenv("AWS_LAMBDA_RUNTIME_API")+"/2018-06-01/runtime/init/error", "application/json",
			strings.NewReader(`{"errorType":"Settings","errorMessage":"FLEET_TIER is required"}`))
		if err == nil {
			_ = response.Body.Close()
		}
		os.Exit(1)
	case "clock":
		lambda.Function{Pass: func(context.Context) error { return errors.New("the pass failed") }, Log: slog.New(slog.DiscardHandler)}.Serve()
	default:
		lambda.Function{Handle: play, Log: slog.New(slog.DiscardHandler)}.Serve()
	}
}

// play does what a message's body says.
func play(ctx context.Context, m queue.Message) error {
	switch m.Body {
	case "fail":
		return errors.New("failed")
	case "exit":
		os.Exit(3)
	case "hang":
		time.Sleep(time.Minute)
	case "wait":
		time.Sleep(300 * time.Millisecond)
	}
	return nil
}

func function(t *testing.T, does string, c emulator.Config) *emulator.Function {
	t.Helper()
	program, err := os.Executable()
	require.NoError(t, err)
	c.Name, c.Program, c.Environment = "test", program, append(c.Environment, "PLAY="+does)
	f := emulator.New(c)
	t.Cleanup(f.Close)
	return f
}

func payload(body string) []byte {
	return fmt.Appendf(nil, `{"Records":[{"messageId":"1","body":%q,"eventSource":"aws:sqs","attributes":{"MessageGroupId":"a"}}]}`, body)
}

// A process is started for the first event and kept for the next; one that died idle is replaced without a failure.
func TestEnvironmentsAreKept(t *testing.T) {
	f := function(t, "queue", emulator.Config{Timeout: 5 * time.Second})
	for range 3 {
		answer, err := f.Invoke(t.Context(), payload("good"))
		require.NoError(t, err)
		require.JSONEq(t, `{"batchItemFailures":[]}`, string(answer))
	}
	require.Len(t, f.Starts(), 1)
	require.NoError(t, syscall.Kill(f.Processes()[0], syscall.SIGKILL))
	time.Sleep(50 * time.Millisecond)
	_, err := f.Invoke(t.Context(), payload("good"))
	require.NoError(t, err)
	require.Len(t, f.Starts(), 2)
}

// A process that ends or does not answer in time fails its event alone; one that says at its start why it cannot is quoted;
// an error that a handler returns is the function's answer.
func TestFailures(t *testing.T) {
	f := function(t, "queue", emulator.Config{Timeout: 700 * time.Millisecond})
	for body, want := range map[string]string{"exit": "runtime exited: exit status 3", "hang": "task timed out after 700ms"} {
		_, err := f.Invoke(t.Context(), payload(body))
		require.ErrorContains(t, err, want)
		_, err = f.Invoke(t.Context(), payload("good"))
		require.NoError(t, err)
	}
	var said *emulator.FunctionError
	_, err := function(t, "refuses", emulator.Config{}).Invoke(t.Context(), payload("good"))
	require.ErrorAs(t, err, &said)
	require.Equal(t, emulator.FunctionError{Type: "Settings", Message: "FLEET_TIER is required"}, *said)
	_, err = function(t, "clock", emulator.Config{}).Invoke(t.Context(), []byte(`{"detail-type":"Scheduled Event"}`))
	require.ErrorAs(t, err, &said)
	require.Equal(t, "the pass failed", said.Message)
}

// No more events are done at once than the function's concurrency; what comes beyond is throttled.
func TestConcurrency(t *testing.T) {
	f := function(t, "queue", emulator.Config{Timeout: 5 * time.Second, Concurrency: 2})
	outcomes := make(chan error, 5)
	for range cap(outcomes) {
		go func() {
			_, err := f.Invoke(t.Context(), payload("wait"))
			outcomes <- err
		}()
	}
	throttled := 0
	for range cap(outcomes) {
		if err := <-outcomes; err != nil {
			require.ErrorIs(t, err, emulator.ErrThrottled)
			throttled++
		}
	}
	require.Equal(t, 3, throttled)
	require.Len(t, f.Processes(), 2)
}

// shelf is a source of prepared batches that notes what was deleted.
type shelf struct {
	mu      sync.Mutex
	batches [][]queue.Message
	deleted []string
}

func (s *shelf) Receive(ctx context.Context, _ int, _ time.Duration) ([]queue.Message, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.batches) == 0 {
		time.Sleep(time.Millisecond)
		return nil, ctx.Err()
	}
	b := s.batches[0]
	s.batches = s.batches[1:]
	return b, nil
}

func (s *shelf) Delete(_ context.Context, messages ...queue.Message) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range messages {
		s.deleted = append(s.deleted, m.ID)
	}
	return nil
}

func (s *shelf) Hide(context.Context, queue.Message, time.Duration) error { return nil }

// fed runs a mapping over batches until they are settled, and returns what was deleted.
func fed(t *testing.T, invoke emulator.Invoke, batches ...[]queue.Message) []string {
	t.Helper()
	s := &shelf{batches: batches}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		emulator.Mapping{ARN: "arn", Source: s, Invoke: invoke, Log: slog.New(slog.NewTextHandler(io.Discard, nil))}.Run(ctx)
	}()
	require.Eventually(t, func() bool { s.mu.Lock(); defer s.mu.Unlock(); return len(s.batches) == 0 }, 10*time.Second, time.Millisecond)
	cancel()
	<-ended // what was received is settled by then
	slices.Sort(s.deleted)
	return s.deleted
}

func messages(bodies ...string) (batch []queue.Message) {
	for i, body := range bodies {
		group, text, _ := strings.Cut(body, ":")
		batch = append(batch, queue.Message{ID: fmt.Sprint(i), Group: group, Body: text, Receives: 1, Sent: time.Now()})
	}
	return batch
}

// Through the real process: what is done is deleted, what failed and what stands behind it in its group is left; when the
// process dies nothing is deleted.
func TestMapping(t *testing.T) {
	f := function(t, "queue", emulator.Config{Timeout: 5 * time.Second, Concurrency: 2})
	require.Equal(t, []string{"0", "3"}, fed(t, f.Invoke, messages("a:good", "b:fail", "b:good", "a:good")))
	require.Empty(t, fed(t, f.Invoke, messages("a:good", "b:exit")))
}

// An answer that is none, or names a message that was not there, fails the batch.
func TestMappingRefusesAnswers(t *testing.T) {
	for _, answer := range []string{`nonsense`, `{"batchItemFailures":[{"itemIdentifier":"9"}]}`, `{"batchItemFailures":[{"itemIdentifier":""}]}`} {
		require.Empty(t, fed(t, func(context.Context, []byte) ([]byte, error) { return []byte(answer), nil }, messages("a:good")), answer)
	}
	require.Equal(t, []string{"0"}, fed(t, func(context.Context, []byte) ([]byte, error) { return []byte(`{}`), nil }, messages("a:good")))
}

// The clock ticks at once and then at its pace, with EventBridge's event, and does not wait for a slow pass.
func TestSchedule(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	ticks := make(chan string, 100)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		emulator.Schedule{Rule: "clock", Every: 10 * time.Millisecond, Log: slog.New(slog.DiscardHandler), Invoke: func(ctx context.Context, payload []byte) ([]byte, error) {
			var e map[string]any
			_ = json.Unmarshal(payload, &e)
			ticks <- fmt.Sprint(e["detail-type"], e["source"])
			<-ctx.Done()
			return nil, nil
		}}.Run(ctx)
	}()
	for range 3 {
		require.Equal(t, "Scheduled Eventaws.events", <-ticks)
	}
	cancel()
	<-ended
}
