package httpapi

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"workerfleet/runtime/fleet"
)

// Development signs and checks tokens under a secret of this machine, where no identity provider is: user.expiry.mac,
// each part base64 or decimal.
type Development struct{ Secret []byte }

// Token is a token of the user that ends with the time.
func (d Development) Token(user fleet.User, ends time.Time) string {
	claims := base64.RawURLEncoding.EncodeToString([]byte(user)) + "." + strconv.FormatInt(ends.Unix(), 10)
	return claims + "." + d.mac(claims)
}

func (d Development) mac(claims string) string {
	mac := hmac.New(sha256.New, d.Secret)
	mac.Write([]byte("workerfleet development token " + claims))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// Identify trusts tokens of this secret that have not ended.
func (d Development) Identify(r *http.Request) (fleet.User, error) {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	parts := strings.Split(token, ".")
	if !ok || len(parts) != 3 || !hmac.Equal([]byte(parts[2]), []byte(d.mac(parts[0]+"."+parts[1]))) {
		return "", ErrUnauthorized
	}
	ends, err := strconv.ParseInt(parts[1], 10, 64)
	if err != nil || time.Now().Unix() >= ends {
		return "", fmt.Errorf("%w: the token has ended", ErrUnauthorized)
	}
	name, err := base64.RawURLEncoding.DecodeString(parts[0])
	if err != nil {
		return "", ErrUnauthorized
	}
	user, err := fleet.ParseUser(string(name))
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrUnauthorized, err)
	}
	return user, nil
}
