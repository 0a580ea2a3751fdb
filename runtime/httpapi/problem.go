package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"time"

	"workerfleet/runtime/claim"
	"workerfleet/runtime/order"
	"workerfleet/runtime/session"
	"workerfleet/runtime/webhook"
)

// Problem is an error as a client sees it (RFC 9457).
type Problem struct {
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail,omitempty"`
}

// ErrUnauthorized is what identity returns for a request that names no user it trusts.
var ErrUnauthorized = errors.New("no valid credentials")

// ErrIdentityAway is what identity returns while nobody can tell whose a request is.
var ErrIdentityAway = errors.New("identity cannot be checked")

// problemOf is the one place where errors become answers. What is not known here is our fault and told to nobody.
func problemOf(err error) Problem {
	var invalid *order.Invalid
	var many *order.TooMany
	var fast *tooFast
	var large *http.MaxBytesError
	var denied *order.Denied
	var refused *session.Refused
	switch {
	case errors.As(err, &invalid):
		return Problem{"Not understood", http.StatusBadRequest, invalid.Error()}
	case errors.As(err, &large):
		return Problem{"Too large", http.StatusRequestEntityTooLarge, fmt.Sprintf("the body has more than %d bytes", large.Limit)}
	case errors.As(err, &fast):
		return Problem{"Too many requests", http.StatusTooManyRequests, fast.Error()}
	case errors.As(err, &many):
		return Problem{"Daily limit", http.StatusTooManyRequests, many.Error()}
	case errors.Is(err, order.ErrOtherOrder):
		return Problem{"Another order has that key", http.StatusUnprocessableEntity, "the key was used for an order of other content; nothing was accepted"}
	case errors.Is(err, order.ErrSuspended):
		return Problem{"Orders are switched off", http.StatusConflict, "by an operator; nothing was accepted"}
	case errors.Is(err, order.ErrHalted):
		return Problem{"Orders are switched off", http.StatusConflict, "nothing was accepted"}
	case errors.Is(err, order.ErrNotFound), errors.Is(err, webhook.ErrToken):
		return Problem{"Not found", http.StatusNotFound, "there is none of that name, or it is not yours"}
	case errors.Is(err, webhook.ErrTooMany), errors.Is(err, errStreams):
		return Problem{"Too many", http.StatusConflict, err.Error()}
	case errors.Is(err, webhook.ErrStale), errors.Is(err, webhook.ErrSignature):
		return Problem{"Not signed", http.StatusUnauthorized, err.Error()}
	case errors.Is(err, order.ErrNoAccount):
		return Problem{"No broker credentials", http.StatusConflict, "store the user's broker credentials first"}
	case errors.Is(err, ErrUnauthorized):
		return Problem{"Unauthorized", http.StatusUnauthorized, "send Authorization: Bearer with a valid token"}
	case errors.Is(err, ErrIdentityAway):
		return Problem{"Identity cannot be checked", http.StatusServiceUnavailable, "the identity provider does not answer; ask again in a few seconds"}
	case errors.As(err, &denied):
		return Problem{"The broker refuses the credentials", http.StatusConflict, denied.Error() + "; store others first"}
	case errors.As(err, &refused):
		return Problem{"The broker refuses the credentials", http.StatusConflict, refused.Error() + "; store others first"}
	case errors.Is(err, session.ErrNoCredentials):
		return Problem{"No broker credentials", http.StatusConflict, "store the user's broker credentials first"}
	case errors.Is(err, claim.ErrRebuilding):
		return Problem{"The pool is being rebuilt", http.StatusServiceUnavailable, "sessions go on; ask again in a few seconds"}
	case errors.Is(err, context.DeadlineExceeded):
		return Problem{"Timed out", http.StatusGatewayTimeout, "whether it happened is not known; asking again is harmless"}
	default:
		return Problem{"Internal error", http.StatusInternalServerError, "whether it happened is not known; asking again is harmless"}
	}
}

// fail answers with the problem and logs what only we may read.
func fail(w http.ResponseWriter, r *http.Request, err error) {
	problem := problemOf(err)
	if problem.Status >= http.StatusInternalServerError {
		slog.ErrorContext(r.Context(), "request failed", "method", r.Method, "route", r.Pattern, "status", problem.Status, "error", err)
	}
	if wait := retryAfter(err, problem); wait > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
	}
	write(w, problem.Status, "application/problem+json", problem)
}

// retryAfter is when it is worth asking again; 0: nobody knows.
func retryAfter(err error, p Problem) time.Duration {
	var many *order.TooMany
	var fast *tooFast
	switch {
	case errors.As(err, &fast):
		return fast.wait
	case errors.As(err, &many):
		return time.Until(many.Until)
	case p.Status == http.StatusServiceUnavailable:
		return 2 * time.Second
	}
	return 0
}

func write(w http.ResponseWriter, status int, kind string, body any) {
	text, err := json.Marshal(body)
	if err != nil {
		slog.Error("answer cannot be written", "error", err)
		status, text = http.StatusInternalServerError, []byte(`{"title":"Internal error","status":500}`)
	}
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(status)
	_, _ = w.Write(append(text, '\n')) // a client that went away is no error of ours
}
