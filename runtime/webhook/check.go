package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"time"

	"workerfleet/runtime/order"
)

// Why a webhook is not taken. Bodies that are not understood are an [*order.Invalid].
var (
	// ErrToken: nobody has that address.
	ErrToken = errors.New("no webhook has that address")
	// ErrStale: the timestamp is absent, or not within the window.
	ErrStale = fmt.Errorf("the timestamp is missing or not within %s of now", Window)
	// ErrTooMany: the user has as many webhooks as one may have.
	ErrTooMany = fmt.Errorf("the user has %d webhooks; allowed: at most so many", Most)
	// ErrSignature: neither the signature nor the secret is right.
	ErrSignature = errors.New("neither the signature nor the secret is right")
)

// Most is how many webhooks a user may have.
const Most = 50

// Window is how far a timestamp may be from this host's clock, either way.
const Window = 5 * time.Minute

// Delivery is one webhook as it came.
type Delivery struct {
	Timestamp, Signature string // of the headers; empty where the body has them
	Body                 []byte
}

// signaturePrefix names the scheme, so that another may come.
const signaturePrefix = "v1="

// Sign is the signature of a body that is sent at a time, unix seconds.
func Sign(secret []byte, timestamp string, body []byte) string {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(timestamp + "."))
	mac.Write(body)
	return signaturePrefix + hex.EncodeToString(mac.Sum(nil))
}

// Check says which order a delivery asks for, if it is new enough and from somebody who knows the secret.
func Check(secret []byte, d Delivery, now time.Time) (order.Draft, error) {
	if d.Signature != "" || d.Timestamp != "" {
		if err := fresh(d.Timestamp, now); err != nil {
			return order.Draft{}, err
		}
		if !hmac.Equal([]byte(Sign(secret, d.Timestamp, d.Body)), []byte(d.Signature)) {
			return order.Draft{}, ErrSignature
		}
		return draft(d, false)
	}
	fields, err := order.ReadFields(d.Body)
	if err != nil {
		return order.Draft{}, err
	}
	timestamp, err := fields.Text("timestamp")
	if err != nil {
		return order.Draft{}, &order.Invalid{Problems: []string{err.Error()}}
	}
	if err := fresh(timestamp, now); err != nil {
		return order.Draft{}, err
	}
	said, err := fields.Text("secret")
	if err != nil || !hmac.Equal(digest([]byte(said)), digest(secret)) {
		return order.Draft{}, ErrSignature
	}
	return draft(d, true)
}

// fresh takes unix seconds, and the milliseconds and RFC 3339 times that charting services fill in.
func fresh(text string, now time.Time) error {
	var at time.Time
	if seconds, err := strconv.ParseInt(text, 10, 64); err == nil {
		at = time.Unix(seconds, 0)
		if seconds > 1e11 {
			at = time.UnixMilli(seconds)
		}
	} else if at, err = time.Parse(time.RFC3339, text); err != nil {
		return ErrStale
	}
	if apart := now.Sub(at); apart > Window || apart < -Window {
		return ErrStale
	}
	return nil
}

// draft reads the order. Its key is the id in the body; a signed body without one is its own key, because the same bytes
// under the same timestamp are the same delivery.
func draft(d Delivery, needsID bool) (order.Draft, error) {
	fields, err := order.ReadFields(d.Body)
	if err != nil {
		return order.Draft{}, err
	}
	draft, err := fields.Draft()
	if err != nil {
		return order.Draft{}, err
	}
	if draft.Key == "" && needsID {
		return order.Draft{}, &order.Invalid{Problems: []string{
			fmt.Sprintf("id: is missing; allowed: 1 to %d characters that no other signal of yours has", order.LongestKey),
		}}
	}
	if draft.Key == "" {
		draft.Key = hex.EncodeToString(digest(append([]byte(d.Timestamp+"."), d.Body...))[:20])
	}
	draft.Key = "hook:" + draft.Key
	return draft, nil
}

func digest(text []byte) []byte {
	sum := sha256.Sum256(text)
	return sum[:]
}
