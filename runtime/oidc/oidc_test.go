package oidc_test

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/oidc"
)

// issuer is an identity provider: a discovery page, and keys that change when it is told to.
type issuer struct {
	*httptest.Server
	t *testing.T

	mu   sync.Mutex
	key  *rsa.PrivateKey
	name string
	down bool
}

func newIssuer(t *testing.T) *issuer {
	i := &issuer{t: t}
	i.rotate()
	mux := http.NewServeMux()
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		i.mu.Lock()
		defer i.mu.Unlock()
		if i.down {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		_, _ = fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":%q,"id_token_signing_alg_values_supported":["RS256"]}`, i.URL, i.URL+"/keys")
	})
	mux.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) {
		i.mu.Lock()
		defer i.mu.Unlock()
		if i.down {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		_, _ = fmt.Fprintf(w, `{"keys":[{"kty":"RSA","alg":"RS256","use":"sig","kid":%q,"n":%q,"e":%q}]}`, i.name,
			text(i.key.N.Bytes()), text(big.NewInt(int64(i.key.E)).Bytes()))
	})
	i.Server = httptest.NewServer(mux)
	t.Cleanup(i.Close)
	return i
}

func (i *issuer) rotate() {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(i.t, err)
	i.mu.Lock()
	defer i.mu.Unlock()
	i.key, i.name = key, "key-"+rand.Text()
}

func (i *issuer) fail(down bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.down = down
}

func text(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// token signs claims, which change those of a good token for ann.
func (i *issuer) token(algorithm string, changes map[string]any) string {
	claims := map[string]any{"iss": i.URL, "sub": "ann", "aud": "fleet", "exp": time.Now().Add(time.Minute).Unix()}
	for name, value := range changes {
		claims[name] = value
	}
	body, err := json.Marshal(claims)
	require.NoError(i.t, err)
	signed := text([]byte(fmt.Sprintf(`{"alg":%q,"kid":%q}`, algorithm, i.name))) + "." + text(body)
	if algorithm == "none" {
		return signed + "."
	}
	sum := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(rand.Reader, i.key, crypto.SHA256, sum[:])
	require.NoError(i.t, err)
	return signed + "." + text(signature)
}

// A token is good if the issuer signed it, for this audience, and it has not ended: nothing else is.
func TestTokens(t *testing.T) {
	i := newIssuer(t)
	v := oidc.New(i.URL, "fleet")
	user, err := v.User(t.Context(), i.token("RS256", nil))
	require.NoError(t, err)
	require.Equal(t, fleet.User("ann"), user)

	good := i.token("RS256", nil)
	parts := strings.Split(good, ".")
	forged := parts[0] + "." + text([]byte(`{"iss":"`+i.URL+`","sub":"bea","aud":"fleet","exp":99999999999}`)) + "." + parts[2]
	for what, token := range map[string]string{
		"another audience": i.token("RS256", map[string]any{"aud": "shop"}), "another issuer": i.token("RS256", map[string]any{"iss": "https://else"}),
		"ended": i.token("RS256", map[string]any{"exp": time.Now().Add(-time.Second).Unix()}), "without end": i.token("RS256", map[string]any{"exp": nil}),
		"a name that is none": i.token("RS256", map[string]any{"sub": "a{b}"}), "no subject": i.token("RS256", map[string]any{"sub": ""}),
		"unsigned": i.token("none", nil), "forged": forged, "garbage": "x", "nothing": "",
	} {
		_, err := v.User(t.Context(), token)
		require.ErrorIs(t, err, oidc.ErrInvalid, what)
	}
}

// Keys that the issuer changes are fetched when the first token comes that they signed; the old key's are refused then.
func TestRotation(t *testing.T) {
	i := newIssuer(t)
	v := oidc.New(i.URL, "fleet")
	old := i.token("RS256", nil)
	_, err := v.User(t.Context(), old)
	require.NoError(t, err)
	i.rotate()
	soon(t, "the new key is fetched", func() bool {
		_, err := v.User(t.Context(), i.token("RS256", nil))
		return err == nil
	})
	soon(t, "the old key is forgotten", func() bool {
		_, err := v.User(t.Context(), old)
		return errors.Is(err, oidc.ErrInvalid)
	})
}

// soon waits for what the library does beside the request that asked for it: it keeps the keys that it has fetched, and
// forgets that it is fetching, a moment after it has answered.
func soon(t *testing.T, what string, condition func() bool) {
	t.Helper()
	require.Eventually(t, condition, 10*time.Second, 5*time.Millisecond, what)
}

// An issuer that is away says nothing of a token: neither before its page was read, nor while its keys cannot be
// fetched. It is asked again soon.
func TestAbsentIssuer(t *testing.T) {
	i := newIssuer(t)
	i.fail(true)
	v := oidc.New(i.URL, "fleet")
	_, err := v.User(t.Context(), i.token("RS256", nil))
	require.ErrorIs(t, err, oidc.ErrUnavailable)
	require.NotErrorIs(t, err, oidc.ErrInvalid)
	i.fail(false)
	soon(t, "the issuer is asked again", func() bool {
		_, err := v.User(t.Context(), i.token("RS256", nil))
		return err == nil
	})

	i.rotate()
	i.fail(true)
	_, err = v.User(t.Context(), i.token("RS256", nil))
	require.ErrorIs(t, err, oidc.ErrUnavailable, "new keys cannot be fetched")
	require.NotErrorIs(t, err, oidc.ErrInvalid)
	i.fail(false)
	soon(t, "the keys are fetched again", func() bool {
		_, err := v.User(t.Context(), i.token("RS256", nil))
		return err == nil
	})
}

// Requests wait for a slow issuer together, each as long as it may, and no longer.
func TestSlowIssuer(t *testing.T) {
	asked, answer := atomic.Int32{}, make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		select {
		case <-answer:
		case <-r.Context().Done():
		}
		w.WriteHeader(http.StatusBadGateway)
	}))
	t.Cleanup(slow.Close)
	v := oidc.New(slow.URL, "fleet")
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			_, err := v.User(ctx, "token")
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("a request was held: %v", err)
			}
		})
	}
	group.Wait()
	require.Equal(t, int32(1), asked.Load(), "one request asks for all")
	close(answer)
}
