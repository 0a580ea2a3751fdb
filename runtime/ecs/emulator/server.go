package emulator

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"time"
)

// Server is one cluster.
type Server struct {
	URL string

	mu      sync.Mutex
	tasks   []*task
	tokens  map[string]launch
	room    int
	reasons []string
	refusal *refusal
	lose    int
	slow    time.Duration
	calls   []Call
	// bucket throttles calls that change the cluster; nil is without end.
	bucket    *bucket
	throttled int
	hosts     []Host
	group     Group
}

// Call is a request that arrived.
type Call struct {
	Operation string
	Input     map[string]any
}

// Region and Prefix are where its tasks are, and how their ARNs begin.
const (
	Region = "eu-west-1"
	Prefix = "arn:aws:ecs:" + Region + ":111122223333:"
)

// TB is what the server needs of a test, or of whoever else ends it.
type TB interface{ Cleanup(func()) }

// New starts a server with room for 1,000 tasks. It ends when what it was given to cleans up.
func New(t TB) *Server {
	s := &Server{tokens: map[string]launch{}, room: 1000, reasons: []string{"RESOURCE:CPU"}}
	listener := httptest.NewServer(s)
	t.Cleanup(listener.Close)
	s.URL = listener.URL
	return s
}

// Room leaves room for n more tasks; what does not fit is refused for these reasons, one for each host.
func (s *Server) Room(n int, reasons ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.room = n
	if len(reasons) > 0 {
		s.reasons = reasons
	}
}

// Bucket lets this many calls that change the cluster through at once, and so many more each second; the others are
// throttled, as AWS documents it. An account has 100 and 40 (facts ecs.api.clustermod).
func (s *Server) Bucket(burst, perSecond float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bucket = &bucket{burst: burst, perSecond: perSecond, level: burst, at: time.Now()}
}

// Throttled counts the calls that were.
func (s *Server) Throttled() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.throttled
}

// bucket is a token bucket.
type bucket struct {
	burst, perSecond, level float64
	at                      time.Time
}

func (b *bucket) take(now time.Time) bool {
	b.level = min(b.burst, b.level+b.perSecond*now.Sub(b.at).Seconds())
	b.at = now
	if b.level < 1 {
		return false
	}
	b.level--
	return true
}

// changing are the calls that share the bucket.
func changing(operation string) bool {
	return slices.Contains([]string{"RunTask", "StopTask", "PutAttributes"}, operation)
}

// Refuse answers every call with an error of status 400, until the code is empty. Nothing happens then.
func (s *Server) Refuse(code, message string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refusal = &refusal{Code: code, Message: message}
	if code == "" {
		s.refusal = nil
	}
}

// Lose carries the next n calls out and cuts the connection instead of answering.
func (s *Server) Lose(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lose = n
}

// Slow makes every answer wait.
func (s *Server) Slow(by time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.slow = by
}

// Calls are the requests for an operation that arrived so far.
func (s *Server) Calls(operation string) (found []Call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.calls {
		if c.Operation == operation {
			found = append(found, c)
		}
	}
	return found
}

// Running is how many tasks there are that nobody stopped.
func (s *Server) Running() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.tasks {
		if t.DesiredStatus == running {
			n++
		}
	}
	return n
}

// Task changes one task: its host, "" while it waits for one, and its state.
func (s *Server) Task(arn, host, state string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.tasks {
		if t.TaskArn == arn {
			t.ContainerInstanceArn, t.LastStatus = host, state
		}
	}
}

// ServeHTTP answers one call.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, operation, isECS := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	if !isECS {
		if err := r.ParseForm(); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		s.scale(w, r.PostForm)
		return
	}
	var input map[string]any
	if err := json.NewDecoder(r.Body).Decode(&input); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	status, answer, lost, slow := s.handle(operation, input)
	if lost {
		panic(http.ErrAbortHandler)
	}
	select {
	case <-time.After(slow):
	case <-r.Context().Done():
		return
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(answer) // who went away needs no answer
}

func (s *Server) handle(operation string, input map[string]any) (status int, answer any, lost bool, slow time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, Call{operation, input})
	if s.refusal != nil {
		return http.StatusBadRequest, s.refusal, false, s.slow
	}
	if changing(operation) && s.bucket != nil && !s.bucket.take(time.Now()) {
		s.throttled++
		return http.StatusBadRequest, &refusal{Code: "ThrottlingException", Message: "Rate exceeded"}, false, s.slow
	}
	handlers := map[string]func(map[string]any) (any, *refusal){
		"RunTask": s.run, "StopTask": s.stop, "ListTasks": s.list, "DescribeTasks": s.describe,
		"ListContainerInstances": s.listHosts, "DescribeContainerInstances": s.describeHosts, "DescribeCapacityProviders": s.describeProviders,
		"PutAttributes": s.putAttributes, "DeleteAttributes": s.deleteAttributes,
	}
	handler, ok := handlers[operation]
	if !ok {
		return http.StatusBadRequest, &refusal{Code: "InvalidAction", Message: operation}, false, s.slow
	}
	answer, refused := handler(input)
	if s.lose > 0 {
		s.lose--
		lost = true
	}
	if refused != nil {
		return http.StatusBadRequest, refused, lost, s.slow
	}
	return http.StatusOK, answer, lost, s.slow
}
