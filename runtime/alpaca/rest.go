package alpaca

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"

	"workerfleet/runtime/order"
)

// request is one call of the API, and where its answer is put.
type request struct {
	method, path string
	query        url.Values
	body, answer any
}

// refusal is an answer that is no success.
type refusal struct {
	status  int
	code    int // Alpaca's own, 0 if the answer is not Alpaca's
	message string
}

func (r *refusal) Error() string {
	return fmt.Sprintf("the broker answered %d (%d) %s", r.status, r.code, http.StatusText(r.status))
}

// longest answer that is read: a page of activities has some 50 kB.
const longest = 4 << 20

// call makes a call, once. An answer that is no success is a [refusal].
func (a *account) call(ctx context.Context, q request) error {
	if a.open.Err() != nil {
		return fmt.Errorf("%w: %w", order.ErrUnsent, errEnded)
	}
	var body io.Reader = http.NoBody
	if q.body != nil {
		encoded, err := json.Marshal(q.body)
		if err != nil {
			return fmt.Errorf("%w: %w", order.ErrUnsent, err)
		}
		body = bytes.NewReader(encoded)
	}
	target := a.url + q.path
	if q.query != nil {
		target += "?" + q.query.Encode()
	}
	r, err := http.NewRequestWithContext(ctx, q.method, target, body)
	if err != nil {
		return fmt.Errorf("%w: %w", order.ErrUnsent, err)
	}
	r.Header.Set("APCA-API-KEY-ID", a.keys.id)
	r.Header.Set("APCA-API-SECRET-KEY", a.keys.secret)
	r.Header.Set("Accept", "application/json")
	r.Header.Set("Content-Type", "application/json")
	response, err := a.b.caller.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	said, err := io.ReadAll(io.LimitReader(response.Body, longest))
	if err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	if response.StatusCode/100 != 2 {
		no := &refusal{status: response.StatusCode}
		var of struct {
			Code    int    `json:"code"`
			Message string `json:"message"`
		}
		if json.Unmarshal(said, &of) == nil {
			no.code, no.message = of.Code, of.Message
		}
		return no
	}
	if q.answer == nil {
		return nil
	}
	if err := json.Unmarshal(said, q.answer); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	return nil
}

// duplicate is how Alpaca says that it has the client order id already, under a code that other faults share.
var duplicate = regexp.MustCompile(`(?i)client[ _-]?order[ _-]?id must be unique`)

// verdict is what an error of a call means for the order that it was about. What is not known for sure stays the
// refusal, which says nothing about the effect: a gateway's 4xx or 5xx may follow an order that was taken.
func verdict(err error) error {
	var no *refusal
	if !errors.As(err, &no) {
		return err
	}
	switch {
	case no.status == http.StatusUnauthorized, no.status == http.StatusForbidden && no.code == 0 && no.message != "":
		// Nobody is let in: neither has the call had an effect, nor will it ever. The message may name the key. A 403 in
		// other words than Alpaca's is some gateway's, which may think better of it.
		return fmt.Errorf("%w: %w: %w", order.ErrCredentials, order.ErrUnsent, err)
	case no.status == http.StatusTooManyRequests:
		// Calls beyond the account's 200 a minute are turned away before anything is done
		// (https://alpaca.markets/support/usage-limit-api-calls).
		return fmt.Errorf("%w: %w", order.ErrUnsent, err)
	case no.status == http.StatusUnprocessableEntity && duplicate.MatchString(no.message):
		return order.ErrRepeated
	case no.code != 0 && (no.status == http.StatusBadRequest || no.status == http.StatusForbidden ||
		no.status == http.StatusNotFound || no.status == http.StatusUnprocessableEntity):
		return &order.Refused{Reason: no.message[:min(len(no.message), 200)]}
	}
	return err
}

// answered says that an error is an answer of that status.
func answered(err error, status int) bool {
	var no *refusal
	return errors.As(err, &no) && no.status == status
}
