package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"workerfleet/runtime/claim"
	"workerfleet/runtime/cmd/internal/claimpath"
	"workerfleet/runtime/cmd/internal/program"
	"workerfleet/runtime/httpapi"
	"workerfleet/runtime/seal"
	"workerfleet/runtime/settings"
)

// run runs the program in these surroundings.
func run(ctx context.Context, getenv func(string) string, environ []string, output io.Writer) int {
	return program.Run(ctx, "api", program.Surroundings{Getenv: getenv, Environ: environ, Output: output}, serve)
}

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// lines is an output that may be read while it is written.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// environment is one that is right, on embedded stand-ins.
func environment(t *testing.T) map[string]string {
	t.Helper()
	dir := t.TempDir()
	return map[string]string{
		"AWS_REGION": "local", "AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local",
		"FLEET_TIER": "local", "FLEET_LISTEN": "127.0.0.1:0", "FLEET_METRICS_LISTEN": "127.0.0.1:0",
		"FLEET_VALKEY_URL": "redis://" + miniredis.RunT(t).Addr(), "FLEET_VALKEY_AUTH": "none",
		"FLEET_DATABASE_URL": "sqlite:" + filepath.Join(dir, "fleet.db"), "FLEET_DATABASE_AUTH": "password", "FLEET_KMS_KEY": "file:" + filepath.Join(dir, "key"),
		"FLEET_QUEUE_WORKER_CONTROL": "http://127.0.0.1:9/c", "FLEET_QUEUE_ORDER_TASKS": "http://127.0.0.1:9/o", "FLEET_QUEUE_POOL_CLAIM": "http://127.0.0.1:9/p",
		"FLEET_DEVELOPMENT_SECRET": "a secret of this test",
	}
}

func getenv(of map[string]string) func(string) string {
	return func(name string) string { return of[name] }
}

// The program answers over TLS with a certificate of its own, knows users by their tokens, and when it is asked to end
// lets the requests that it has finish and takes no more.
func TestAnswersAndEnds(t *testing.T) {
	env, output := environment(t), &lines{}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	code := make(chan int, 1)
	go func() { code <- run(ctx, getenv(env), nil, output) }()
	listening := regexp.MustCompile(`"msg":"api","tier":"local","address":"([^"]+)"`)
	require.Eventually(t, func() bool { return listening.MatchString(output.String()) }, 20*time.Second, 5*time.Millisecond, output)
	base := "https://" + listening.FindStringSubmatch(output.String())[1]
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}} // as a load balancer does
	defer client.CloseIdleConnections()
	status := func(path, token string) int {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+path, nil)
		require.NoError(t, err)
		request.Header.Set("Authorization", "Bearer "+token)
		response, err := client.Do(request)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		return response.StatusCode
	}
	require.Equal(t, http.StatusOK, status("/healthz", ""))
	require.Equal(t, http.StatusOK, status("/readyz", ""))
	require.Equal(t, http.StatusUnauthorized, status("/v1/sessions", "nobody"))
	token := httpapi.Development{Secret: []byte(env["FLEET_DEVELOPMENT_SECRET"])}.Token("ann", time.Now().Add(time.Minute))
	require.Equal(t, http.StatusNotFound, status("/v1/sessions", token), "she has no session")
	// Her worker takes its time: the request waits for it.
	idleWorker(t, env)
	late := make(chan int, 1)
	go func() {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base+"/v1/sessions", nil)
		if err != nil {
			t.Error(err)
			return
		}
		request.Header.Set("Authorization", "Bearer "+token)
		response, err := client.Do(request)
		if err != nil {
			t.Error(err)
			late <- 0
			return
		}
		_ = response.Body.Close()
		late <- response.StatusCode
	}()
	require.Eventually(t, func() bool { return status("/v1/sessions", token) == http.StatusOK }, 10*time.Second, time.Millisecond, "she is bound")
	stop()
	require.Eventually(t, func() bool { return strings.Contains(output.String(), "api ends") }, 10*time.Second, time.Millisecond)
	require.Equal(t, http.StatusAccepted, <-late, "a request that had begun was cut off")
	client.CloseIdleConnections()
	require.Equal(t, 0, <-code, output)
	fresh := &http.Client{Transport: client.Transport.(*http.Transport).Clone()}
	_, err := fresh.Get(base + "/healthz")
	require.ErrorContains(t, err, "refused")
	require.NotContains(t, output.String(), env["FLEET_DEVELOPMENT_SECRET"])
}

// idleWorker registers a worker that stands ready and hears nothing, and stores ann's credentials.
func idleWorker(t *testing.T, env map[string]string) {
	t.Helper()
	set, err := settings.Read[settings.API](getenv(env), nil)
	require.NoError(t, err)
	path, err := claimpath.Open(t.Context(), claimpath.Settings{
		Stack: set.Stack, Valkey: set.Valkey, Database: set.Database, Sealing: set.Sealing, Lease: set.Lease,
	}, getenv(env))
	require.NoError(t, err)
	defer path.Close()
	key, err := seal.NewKey()
	require.NoError(t, err)
	_, err = path.Store.Open(t.Context(), "test")
	require.NoError(t, err)
	_, err = path.Store.Register(t.Context(), claim.Registration{Worker: "w1", Host: "h1", Life: 1, Key: key.Public()}, path.Terms)
	require.NoError(t, err)
	require.NoError(t, path.Vault.Deposit(t.Context(), "ann", []byte("{}")))
}

// An environment that cannot work ends the program with a line that says why.
func TestRefusals(t *testing.T) {
	for want, c := range map[string]struct {
		name, value string
		code        int
	}{
		"FLEET_TIER is required":                   {"FLEET_TIER", "", 2},
		"FLEET_DEVELOPMENT_SECRET has a value for": {"FLEET_TIER", "tier-1k", 2},
		"valkey: connect:":                         {"FLEET_VALKEY_URL", "redis://127.0.0.1:1", 1},
		"unable to open database file":             {"FLEET_DATABASE_URL", "sqlite:/nowhere/fleet.db", 1},
		"key file":                                 {"FLEET_KMS_KEY", "file:/nowhere/key", 1},
		"listen: ":                                 {"FLEET_LISTEN", "192.0.2.1:1", 1},
	} {
		env, output := environment(t), &lines{}
		env[c.name] = c.value
		require.Equal(t, c.code, run(t.Context(), getenv(env), nil, output), want)
		require.Contains(t, output.String(), want)
	}
}

// A certificate that the settings name is shown; one that cannot be read is an error.
func TestCertificate(t *testing.T) {
	own, err := certificate(settings.TLS{})
	require.NoError(t, err)
	dir := t.TempDir()
	file := filepath.Join(dir, "certificate.pem")
	require.NoError(t, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: own.Certificate[0]}), 0o600))
	private, err := x509.MarshalPKCS8PrivateKey(own.PrivateKey)
	require.NoError(t, err)
	key := filepath.Join(dir, "certificate.key")
	require.NoError(t, os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600))
	named, err := certificate(settings.TLS{Certificate: settings.FilePath(file), Key: settings.FilePath(key)})
	require.NoError(t, err)
	require.Equal(t, own.Certificate, named.Certificate)
	another, err := certificate(settings.TLS{})
	require.NoError(t, err)
	require.NotEqual(t, own.Certificate, another.Certificate, "each process makes its own")
	_, err = certificate(settings.TLS{Certificate: settings.FilePath(file), Key: settings.FilePath(file)})
	require.ErrorContains(t, err, "certificate: ")
}

// With an issuer, tokens are the issuer's to judge: one that is no token is refused, and an issuer that is away is an
// error of ours.
func TestIdentify(t *testing.T) {
	of := identify(settings.Identity{OIDCIssuer: "https://127.0.0.1:1", OIDCAudience: "fleet"})
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	require.NoError(t, err)
	_, err = of(request)
	require.ErrorIs(t, err, httpapi.ErrUnauthorized)
	request.Header.Set("Authorization", "Bearer "+strings.Repeat("x", 10))
	_, err = of(request)
	require.ErrorIs(t, err, httpapi.ErrIdentityAway)
	require.NotErrorIs(t, err, httpapi.ErrUnauthorized)
}
