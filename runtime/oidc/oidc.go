// Package oidc checks users' tokens against an OpenID Connect provider: its discovery page, its keys, which it may
// change at any time, and what the token says of issuer, audience and end.
package oidc

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"workerfleet/runtime/fleet"
)

// Verifier checks tokens of one issuer for one audience. It is safe for concurrent use.
type Verifier struct {
	issuer, audience string
	client           *http.Client

	mu     sync.Mutex
	latest *discovery
}

// discovery is one reading of the provider's page.
type discovery struct {
	done     chan struct{}
	verifier *oidc.IDTokenVerifier
	err      error
	at       time.Time // when it had failed
}

// timeout bounds one request to the provider, and pause is how long after a failed one the next is made.
const timeout, pause = 5 * time.Second, time.Second

// New makes a verifier. The provider is asked when the first token comes: a process starts without it, and one that was
// away is asked again.
func New(issuer, audience string) *Verifier {
	return &Verifier{issuer: issuer, audience: audience, client: &http.Client{Timeout: timeout}}
}

// Outcomes of [Verifier.User].
var (
	// ErrInvalid is the refusal of a token.
	ErrInvalid = errors.New("the token is not valid here")
	// ErrUnavailable says that the provider cannot be asked, which says nothing of the token.
	ErrUnavailable = errors.New("the identity provider does not answer")
)

// User is whom a token is about, its subject; or [ErrInvalid], [ErrUnavailable], or the context's end.
func (v *Verifier) User(ctx context.Context, token string) (fleet.User, error) {
	verifier, err := v.verifier(ctx)
	if err != nil {
		return "", err
	}
	// The library's error does not carry what went wrong with the keys.
	keys := &keysError{}
	verified, err := verifier.Verify(context.WithValue(ctx, keysErrorKey{}, keys), token)
	switch {
	case err != nil && keys.err != nil:
		return "", fmt.Errorf("%w: %w", ErrUnavailable, keys.err)
	case err != nil:
		return "", fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	user, err := fleet.ParseUser(verified.Subject)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return user, nil
}

// verifier is made from the provider's discovery page. One request reads it for all that wait; each waits as long as its
// own context lets it.
func (v *Verifier) verifier(ctx context.Context) (*oidc.IDTokenVerifier, error) {
	v.mu.Lock()
	d := v.latest
	if d == nil || d.over() {
		d = &discovery{done: make(chan struct{})}
		v.latest = d
		go v.discover(context.WithoutCancel(ctx), d)
	}
	v.mu.Unlock()
	select {
	case <-d.done:
		return d.verifier, d.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// over says that a discovery has failed, and that it is time for another one.
func (d *discovery) over() bool {
	select {
	case <-d.done:
		return d.err != nil && time.Since(d.at) > pause
	default:
		return false
	}
}

func (v *Verifier) discover(ctx context.Context, d *discovery) {
	defer close(d.done)
	// The provider keeps the context for reading its keys later, beyond any request.
	ctx = oidc.ClientContext(ctx, v.client)
	provider, err := oidc.NewProvider(ctx, v.issuer)
	var page struct {
		Keys       string   `json:"jwks_uri"`
		Algorithms []string `json:"id_token_signing_alg_values_supported"`
	}
	if err == nil {
		err = provider.Claims(&page)
	}
	if err != nil {
		d.err, d.at = fmt.Errorf("%w: ask the issuer: %w", ErrUnavailable, err), time.Now()
		return
	}
	d.verifier = oidc.NewVerifier(v.issuer, &keySet{oidc.NewRemoteKeySet(ctx, page.Keys)}, &oidc.Config{
		ClientID: v.audience, SupportedSigningAlgs: signing(page.Algorithms),
	})
}

// signing keeps the algorithms of asymmetric keys: nobody but the issuer can sign with those.
func signing(offered []string) (allowed []string) {
	for _, name := range offered {
		switch name {
		case oidc.RS256, oidc.RS384, oidc.RS512, oidc.ES256, oidc.ES384, oidc.ES512, oidc.PS256, oidc.PS384, oidc.PS512, oidc.EdDSA:
			allowed = append(allowed, name)
		}
	}
	return allowed
}

// keySet are the provider's keys. It tells a failure to fetch them from a signature that none of them made.
type keySet struct{ remote *oidc.RemoteKeySet }

type keysErrorKey struct{}

// keysError is the failure that one request met.
type keysError struct{ err error }

func (k *keySet) VerifySignature(ctx context.Context, jwt string) ([]byte, error) {
	payload, err := k.remote.VerifySignature(ctx, jwt)
	if met, ok := ctx.Value(keysErrorKey{}).(*keysError); ok && err != nil && strings.HasPrefix(err.Error(), "fetching keys") {
		met.err = err
	}
	return payload, err
}
