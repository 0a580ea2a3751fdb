package paper

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"workerfleet/runtime/order"
)

// server is an exchange over HTTP.
type server struct {
	x        *Exchange
	sessions sync.Map // token → *session
}

// Handler serves an exchange. It asks nobody who they are beside the credentials, which it hardly looks at: it is for
// one machine.
func Handler(x *Exchange) http.Handler {
	s := &server{x: x}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/login", func(w http.ResponseWriter, r *http.Request) {
		answer(s, w, r, func(ctx context.Context, q loginRequest) (loginAnswer, error) { return s.login(ctx, q) })
	})
	handle(mux, s, Place, (*session).place)
	handle(mux, s, Cancel, func(of *session, ctx context.Context, q orderRequest) (struct{}, error) {
		return struct{}{}, of.cancel(ctx, q.ClientID)
	})
	handle(mux, s, Find, func(of *session, ctx context.Context, q orderRequest) (order.Report, error) {
		return of.find(ctx, q.ClientID)
	})
	handle(mux, s, Position, func(of *session, ctx context.Context, q symbolRequest) (positionAnswer, error) {
		quantity, err := of.position(ctx, q.Symbol)
		return positionAnswer{quantity}, err
	})
	handle(mux, s, Logout, func(of *session, ctx context.Context, _ struct{}) (struct{}, error) {
		return struct{}{}, of.logout(ctx)
	})
	mux.HandleFunc("POST /v1/news", s.news)
	mux.HandleFunc("GET /v1/seen", func(w http.ResponseWriter, r *http.Request) {
		after, _ := strconv.ParseUint(r.URL.Query().Get("after"), 10, 64)
		write(w, http.StatusOK, x.seenAfter(after))
	})
	mux.HandleFunc("GET /v1/orders", func(w http.ResponseWriter, _ *http.Request) { write(w, http.StatusOK, x.Orders()) })
	return mux
}

func (s *server) login(ctx context.Context, q loginRequest) (loginAnswer, error) {
	opened, err := s.x.login(ctx, order.Holder(q.Holder), q.Credentials)
	if opened == nil {
		return loginAnswer{}, err
	}
	token, traits := rand.Text(), s.x.traits()
	s.sessions.Store(token, opened)
	return loginAnswer{token, traits.RefusesRepeats, traits.Lag}, err
}

// of finds the session of a request.
func (s *server) of(r *http.Request) *session {
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if found, ok := s.sessions.Load(token); ok {
		return found.(*session)
	}
	return nil
}

// handle serves one call of a session.
func handle[Q, A any](mux *http.ServeMux, s *server, c Call, call func(*session, context.Context, Q) (A, error)) {
	mux.HandleFunc("POST /v1/"+string(c), func(w http.ResponseWriter, r *http.Request) {
		answer(s, w, r, func(ctx context.Context, q Q) (A, error) {
			of := s.of(r)
			if of == nil {
				var none A
				return none, errLoggedOut
			}
			return call(of, ctx, q)
		})
	})
}

// answer has a request arrive, whether or not its client still waits, and plays what becomes of the answer.
func answer[Q, A any](s *server, w http.ResponseWriter, r *http.Request, call func(context.Context, Q) (A, error)) {
	var question Q
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&question); err != nil {
		write(w, http.StatusBadRequest, failure{Error: "not understood"})
		return
	}
	value, err := call(context.WithoutCancel(r.Context()), question)
	var l *lost
	if errors.As(err, &l) {
		switch err = l.answer; l.kind {
		case Slow:
			select {
			case <-time.After(s.x.Slowness):
			case <-r.Context().Done():
			}
		case Stalled, Silent:
			<-r.Context().Done()
			panic(http.ErrAbortHandler)
		default:
			panic(http.ErrAbortHandler)
		}
	}
	if err != nil {
		said, status := told(err)
		write(w, status, said)
		return
	}
	write(w, http.StatusOK, value)
}

// news waits for reports, until it is time to say that there are none.
func (s *server) news(w http.ResponseWriter, r *http.Request) {
	var q newsRequest
	of := s.of(r)
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&q); err != nil || of == nil {
		said, status := told(errLoggedOut)
		write(w, status, said)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), newsWait)
	defer cancel()
	reports, upTo, err := of.wait(ctx, q.After)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		write(w, http.StatusOK, newsAnswer{UpTo: q.After})
	case err != nil:
		said, status := told(err)
		write(w, status, said)
	default:
		write(w, http.StatusOK, newsAnswer{reports, upTo})
	}
}

// write answers. A client that does not take the answer has gone.
func write(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value)
}
