package paper

import (
	"errors"
	"net/http"
	"time"

	"github.com/shopspring/decimal"

	"workerfleet/runtime/order"
)

// What is said over HTTP: POST /v1/{login,place,cancel,find,position,news,logout} with a JSON object, all but login under
// the session's token; GET /v1/seen?after=N and GET /v1/orders are the judge's.
type (
	loginRequest struct {
		Holder
		Credentials []byte `json:"credentials"`
	}
	loginAnswer struct {
		Session        string        `json:"session"`
		RefusesRepeats bool          `json:"refusesRepeats"`
		Lag            time.Duration `json:"lag"`
	}
	// orderRequest is of cancel and find, symbolRequest of position.
	orderRequest struct {
		ClientID string `json:"clientId"`
	}
	symbolRequest struct {
		Symbol string `json:"symbol"`
	}
	positionAnswer struct {
		Quantity decimal.Decimal `json:"quantity"`
	}
	newsRequest struct {
		After uint64 `json:"after"`
	}
	// newsAnswer comes without reports when nothing was reported for a while.
	newsAnswer struct {
		Reports []order.Report `json:"reports"`
		UpTo    uint64         `json:"upTo"`
	}
	failure struct {
		Error  string `json:"error"`
		Reason string `json:"reason,omitempty"`
	}
)

// newsWait is how long a question for news stays open. It is below what clients and gateways allow an answer to take.
const newsWait = 20 * time.Second

// words are the errors that have a name over HTTP.
var words = []struct {
	err    error
	word   string
	status int
}{
	{order.ErrCredentials, "credentials", http.StatusForbidden},
	{order.ErrRepeated, "repeated", http.StatusConflict},
	{order.ErrAbsent, "absent", http.StatusNotFound},
	{errLoggedOut, "logged out", http.StatusUnauthorized},
	{errForgotten, "forgotten", http.StatusGone},
}

const refusedWord = "refused"

// told turns an error into its word.
func told(err error) (failure, int) {
	var no *order.Refused
	if errors.As(err, &no) {
		return failure{refusedWord, no.Reason}, http.StatusUnprocessableEntity
	}
	for _, w := range words {
		if errors.Is(err, w.err) {
			return failure{Error: w.word}, w.status
		}
	}
	return failure{Error: "failed", Reason: err.Error()}, http.StatusInternalServerError
}

// meant turns a word back into its error; nil is one that has no name.
func meant(f failure) error {
	if f.Error == refusedWord {
		return &order.Refused{Reason: f.Reason}
	}
	for _, w := range words {
		if f.Error == w.word {
			return w.err
		}
	}
	return nil
}
