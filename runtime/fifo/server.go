package fifo

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Server keeps queues and answers for them in SQS's JSON protocol. It is safe for concurrent use.
type Server struct {
	base string

	mu      sync.Mutex
	queues  map[string]*queue
	names   []string
	tasks   []moveTask
	changed chan struct{} // closed when something may be received that could not before
}

// Account and Region stand in the queues' ARNs.
const (
	Account = "000000000000"
	Region  = "local"
)

// New makes a server of these queues, which clients reach at base, such as http://127.0.0.1:9324. Errors name the queue.
func New(base string, configs ...Config) (*Server, error) {
	s := &Server{base: strings.TrimSuffix(base, "/"), queues: map[string]*queue{}, changed: make(chan struct{})}
	for _, c := range configs {
		if !strings.HasSuffix(c.Name, ".fifo") || len(c.Name) > 80 {
			return nil, fmt.Errorf("queue %q: is not allowed; allowed: up to 80 characters that end in .fifo", c.Name)
		}
		if s.queues[c.Name] != nil {
			return nil, fmt.Errorf("queue %q: is there twice", c.Name)
		}
		s.queues[c.Name] = &queue{Config: c.complete(), created: time.Now()}
		s.names = append(s.names, c.Name)
	}
	for _, c := range configs {
		if c.Dead != "" && (s.queues[c.Dead] == nil || c.MaxReceives < 1 || c.MaxReceives > 1000) {
			return nil, fmt.Errorf("queue %q: its dead-letter queue %q after %d receives is not allowed; allowed: one of the queues, after 1 to 1000", c.Name, c.Dead, c.MaxReceives)
		}
	}
	return s, nil
}

// URL is how clients name a queue.
func (s *Server) URL(name string) string { return s.base + "/" + Account + "/" + name }

// ARN is how queues name each other.
func ARN(name string) string { return "arn:aws:sqs:" + Region + ":" + Account + ":" + name }

// byURL finds a queue by the end of its URL: a client behind another address means the same one.
func (s *Server) byURL(url string) (*queue, *refusal) {
	if q := s.queues[url[strings.LastIndex(url, "/")+1:]]; q != nil {
		return q, nil
	}
	return nil, noQueue()
}

func (s *Server) byARN(arn string) (*queue, *refusal) {
	if q := s.queues[strings.TrimPrefix(arn, ARN(""))]; q != nil {
		return q, nil
	}
	return nil, refuse("ResourceNotFoundException", "The resource that you specified for the SourceArn or DestinationArn parameter doesn't exist.")
}

// signal wakes those who wait for messages. The lock is held.
func (s *Server) signal() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// target is the prefix of the header that names the operation.
const target = "AmazonSQS."

// largest is the most that a request may have: ten messages that together have what one may, and their names.
const largest = mostBytes + 64<<10

// ServeHTTP answers one call.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	operation, ok := strings.CutPrefix(r.Header.Get("X-Amz-Target"), target)
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, largest))
	var answer any
	var refused *refusal
	switch call := s.calls()[operation]; {
	case err != nil:
		refused = refuse("RequestEntityTooLarge", "The request has more than %d bytes.", largest)
	case !ok || call == nil:
		refused = legacy("UnsupportedOperation", "The operation %q is not served here.", operation)
	default:
		answer, refused = call(r.Context(), text)
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	if refused != nil {
		w.Header().Set("X-Amzn-Query-Error", refused.code+";Sender")
		w.WriteHeader(http.StatusBadRequest)
		answer = map[string]string{"__type": "com.amazonaws.sqs#" + refused.shape, "message": refused.says}
	}
	_ = json.NewEncoder(w).Encode(answer) // who went away needs no answer
}

// read fills an operation's input. What a call asks for and this server does not do is refused, never passed over.
func read[T any](text []byte) (input T, refused *refusal) {
	decoder := json.NewDecoder(strings.NewReader(string(text)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&input); err != nil && !errors.Is(err, io.EOF) {
		return input, legacy("UnsupportedOperation", "The request is not understood: %v.", err)
	}
	return input, nil
}
