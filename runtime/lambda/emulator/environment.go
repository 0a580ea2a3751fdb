package emulator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// environment is one process of a function and the API that it asks for events.
type environment struct {
	config  Config
	command *exec.Cmd
	server  *http.Server
	exited  chan struct{}
	work    chan *invocation
	began   time.Time
	started func(took time.Duration)

	mu      sync.Mutex
	current *invocation
	asked   bool  // for a first event
	refused error // what the process said of its start
	once    sync.Once
}

// invocation is one event on its way through a process.
type invocation struct {
	id      string
	payload []byte
	answer  chan outcome
}

type outcome struct {
	text []byte
	err  error
}

// errEnded is returned when a process had ended before it took an event.
var errEnded = errors.New("the process has ended")

// region is what AWS_REGION says on a machine that has none.
const region = "local"

// start runs the program with the variables that Lambda sets.
func start(c Config, started func(time.Duration)) (*environment, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	e := &environment{config: c, exited: make(chan struct{}), work: make(chan *invocation), began: time.Now(), started: started}
	e.server = &http.Server{Handler: e.api(), ReadHeaderTimeout: time.Second}
	go func() { _ = e.server.Serve(listener) }() // ends with the process
	e.command = exec.Command(c.Program)
	// What the function's own configuration says comes last and wins; Lambda's credentials are made up.
	e.command.Env = append([]string{
		"AWS_LAMBDA_RUNTIME_API=" + listener.Addr().String(), "AWS_LAMBDA_FUNCTION_NAME=" + c.Name, "AWS_LAMBDA_FUNCTION_VERSION=$LATEST",
		"_HANDLER=bootstrap", "AWS_EXECUTION_ENV=AWS_Lambda_provided.al2023", "AWS_REGION=" + region,
		"AWS_ACCESS_KEY_ID=local", "AWS_SECRET_ACCESS_KEY=local", "AWS_SESSION_TOKEN=local",
	}, c.Environment...)
	e.command.Stdout, e.command.Stderr = c.Output, c.Output
	e.command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := e.command.Start(); err != nil {
		return nil, errors.Join(err, e.server.Close())
	}
	go func() {
		_ = e.command.Wait() // how it ended is read from its state
		_ = e.server.Close()
		close(e.exited)
	}()
	return e, nil
}

// api is the runtime API: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
func (e *environment) api() http.Handler {
	mux := http.NewServeMux()
	const version = "/2018-06-01/runtime"
	mux.HandleFunc("GET "+version+"/invocation/next", e.next)
	mux.HandleFunc("POST "+version+"/invocation/{id}/response", e.settle(func(text []byte) outcome { return outcome{text: text} }))
	mux.HandleFunc("POST "+version+"/invocation/{id}/error", e.settle(func(text []byte) outcome { return outcome{err: functionError(text)} }))
	mux.HandleFunc("POST "+version+"/init/error", e.refuse)
	return mux
}

// next gives the process its next event; asking for it also says that the one before is done.
func (e *environment) next(w http.ResponseWriter, r *http.Request) {
	e.mu.Lock()
	first := !e.asked
	e.asked, e.current = true, nil
	e.mu.Unlock()
	if first {
		e.started(time.Since(e.began))
	}
	select {
	case <-r.Context().Done():
	case i := <-e.work:
		deadline := time.Now().Add(e.config.Timeout)
		e.mu.Lock()
		e.current = i
		e.mu.Unlock()
		h := w.Header()
		h.Set("Lambda-Runtime-Aws-Request-Id", i.id)
		h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(deadline.UnixMilli(), 10))
		h.Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:"+region+":000000000000:function:"+e.config.Name)
		h.Set("Lambda-Runtime-Trace-Id", "Root=1-"+fmt.Sprintf("%08x", time.Now().Unix())+"-000000000000000000000000;Sampled=0")
		h.Set("Content-Type", "application/json")
		_, _ = w.Write(i.payload)
	}
}

// settle takes the answer to the event that the process has.
func (e *environment) settle(read func([]byte) outcome) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, largestAnswer))
		e.mu.Lock()
		i := e.current
		e.mu.Unlock()
		switch {
		case i == nil || i.id != r.PathValue("id"):
			complain(w, http.StatusBadRequest, "InvalidRequestID")
		case err != nil:
			complain(w, http.StatusRequestEntityTooLarge, "RequestEntityTooLarge")
		default:
			select {
			case i.answer <- read(text):
				w.WriteHeader(http.StatusAccepted)
			default:
				complain(w, http.StatusForbidden, "InvalidStateTransition") // it was answered
			}
		}
	}
}

// largestAnswer is what Lambda takes.
const largestAnswer = 6 << 20

func complain(w http.ResponseWriter, status int, kind string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"errorType": kind, "errorMessage": kind})
}

// refuse takes the word of a process that it cannot start; it ends by itself after that.
func (e *environment) refuse(w http.ResponseWriter, r *http.Request) {
	text, _ := io.ReadAll(http.MaxBytesReader(w, r.Body, largestAnswer))
	e.mu.Lock()
	e.refused = functionError(text)
	e.mu.Unlock()
	w.WriteHeader(http.StatusAccepted)
}

func functionError(text []byte) *FunctionError {
	var said struct {
		Type    string `json:"errorType"`
		Message string `json:"errorMessage"`
	}
	if json.Unmarshal(text, &said) != nil {
		said.Message = string(text)
	}
	return &FunctionError{said.Type, said.Message}
}

// hand gives the process an event once it asks for one.
func (e *environment) hand(ctx context.Context, i *invocation) error {
	timer := time.NewTimer(initTimeout)
	defer timer.Stop()
	select {
	case e.work <- i:
		return nil
	case <-e.exited:
		return errors.Join(errEnded, e.why())
	case <-timer.C:
		return fmt.Errorf("%w: it did not ask for an event within %s", errEnded, initTimeout)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// wait returns the answer to an event that the process has taken.
func (e *environment) wait(ctx context.Context, i *invocation) ([]byte, error) {
	timer := time.NewTimer(e.config.Timeout)
	defer timer.Stop()
	select {
	case o := <-i.answer:
		return o.text, o.err
	case <-e.exited:
		select {
		case o := <-i.answer: // its last word
			return o.text, o.err
		default:
			return nil, e.why()
		}
	case <-timer.C:
		return nil, fmt.Errorf("task timed out after %s", e.config.Timeout)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// why says how the process ended.
func (e *environment) why() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.refused != nil {
		return e.refused
	}
	return fmt.Errorf("runtime exited: %s", e.command.ProcessState)
}

func (e *environment) ended() bool {
	select {
	case <-e.exited:
		return true
	default:
		return false
	}
}

// stop ends the process, as Lambda does: at once.
func (e *environment) stop() {
	e.once.Do(func() { _ = e.command.Process.Kill() }) // it may have ended by itself
	<-e.exited
}
