package valkey

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"workerfleet/runtime/parts"
	"workerfleet/runtime/parts/partstest"
	"workerfleet/runtime/parts/server"
	"workerfleet/runtime/valkey/valkeytest"
)

// signedIn starts a server that knows one user, and returns its port.
func signedIn(t *testing.T, more ...string) int {
	t.Helper()
	program := partstest.Need(t, parts.Redis)
	port, err := server.FreePort()
	require.NoError(t, err)
	dir, err := os.MkdirTemp("", "v")
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	running, err := server.Valkey(t.Context(), program, dir, append([]string{
		"--bind", "127.0.0.1", "--port", fmt.Sprint(port), "--user", "fleet", "on", ">hunter2", "~*", "+@all",
	}, more...)...)
	require.NoError(t, err)
	t.Cleanup(running.Stop)
	return port
}

// A real server is reached with a password and with a token made for each connection; what is wrong is refused without
// repeating the URL.
func TestSignIn(t *testing.T) {
	port := signedIn(t)
	client, err := Connect(t.Context(), Address{URL: fmt.Sprintf("redis://fleet:hunter2@127.0.0.1:%d", port)})
	require.NoError(t, err)
	require.Equal(t, "fleet", client.Do(t.Context(), "ACL", "WHOAMI").Val())
	require.NoError(t, client.Close())

	made := 0
	client, err = Connect(t.Context(), Address{
		URL:   fmt.Sprintf("redis://127.0.0.1:%d", port),
		Token: func(context.Context) (string, string, error) { made++; return "fleet", "hunter2", nil },
	})
	require.NoError(t, err)
	require.Equal(t, "fleet", client.Do(t.Context(), "ACL", "WHOAMI").Val())
	require.NoError(t, client.Close())
	require.Positive(t, made)

	_, err = Connect(t.Context(), Address{URL: fmt.Sprintf("redis://fleet:wrong@127.0.0.1:%d", port)})
	require.ErrorContains(t, err, "WRONGPASS")
	_, err = Connect(t.Context(), Address{URL: "redis://fleet:hunter2@127.0.0.1:notaport"})
	require.ErrorIs(t, err, errAddress)
	require.NotContains(t, err.Error(), "hunter2")
}

// A cluster is found from one of its nodes.
func TestConnectToCluster(t *testing.T) {
	_, nodes := valkeytest.Cluster(t, parts.Redis)
	client, err := Connect(t.Context(), Address{URL: "redis://" + nodes[2].Options().Addr, Cluster: true})
	require.NoError(t, err)
	t.Cleanup(func() { _ = client.Close() })
	_, err = NewStore(t.Context(), client)
	require.NoError(t, err)
}

// TLS is spoken where the URL says rediss, and a server that nobody vouches for is refused.
func TestTLS(t *testing.T) {
	dir := t.TempDir()
	certificate, key := selfSigned(t, dir)
	port, err := server.FreePort()
	require.NoError(t, err)
	signedIn(t, "--tls-port", fmt.Sprint(port), "--tls-cert-file", certificate, "--tls-key-file", key, "--tls-auth-clients", "no")
	_, err = Connect(t.Context(), Address{URL: fmt.Sprintf("rediss://fleet:hunter2@localhost:%d", port)})
	require.ErrorContains(t, err, "certificate")
}

func selfSigned(t *testing.T, dir string) (certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	require.NoError(t, err)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(t, err)
	certificate, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	require.NoError(t, os.WriteFile(certificate, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	require.NoError(t, os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}), 0o600))
	return certificate, key
}
