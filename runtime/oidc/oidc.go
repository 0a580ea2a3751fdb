// Package oidc checks users' tokens against an OpenID Connect provider: its discovery page, its keys, which it may
// change at any time, and what the token says of issuer, audience and end.
package oidc

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"workerfleet/runtime/fleet"
)

// Verifier checks tokens of one issuer for one audience. It is safe for concurrent use.
type Verifier struct {
	issuer, audience string
	client           *http.Client

	mu    sync.Mutex
	found *oidc.IDTokenVerifier
}

// timeout bounds one request to the provider.
const timeout = 5 * time.Second

// New makes a verifier. The provider is asked when the first token comes: a process starts without it, and one that was
// away is asked again.
func New(issuer, audience string) *Verifier {
	return &Verifier{issuer: issuer, audience: audience, client: &http.Client{Timeout: timeout}}
}

// ErrInvalid is the refusal of a token. Any other error is the provider's absence.
var ErrInvalid = errors.New("the token is not valid here")

// User is whom a token is about, its subject, or [ErrInvalid].
func (v *Verifier) User(ctx context.Context, token string) (fleet.User, error) {
	verifier, err := v.verifier(ctx)
	if err != nil {
		return "", err
	}
	verified, err := verifier.Verify(oidc.ClientContext(ctx, v.client), token)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	user, err := fleet.ParseUser(verified.Subject)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return user, nil
}

// verifier is made from the provider's discovery page, once it was read.
func (v *Verifier) verifier(ctx context.Context) (*oidc.IDTokenVerifier, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.found != nil {
		return v.found, nil
	}
	// The provider keeps the context for reading its keys later, beyond this request.
	provider, err := oidc.NewProvider(oidc.ClientContext(context.WithoutCancel(ctx), v.client), v.issuer)
	if err != nil {
		return nil, fmt.Errorf("ask the issuer: %w", err)
	}
	v.found = provider.Verifier(&oidc.Config{ClientID: v.audience})
	return v.found, nil
}
