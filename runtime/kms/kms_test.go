package kms_test

import (
	"bytes"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awskms "github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/stretchr/testify/require"

	"workerfleet/runtime/kms"
	"workerfleet/runtime/parts"
	"workerfleet/runtime/parts/partstest"
	"workerfleet/runtime/parts/server"
	"workerfleet/runtime/session"
)

// conformance holds a cipher to its contract: what is encrypted for one user comes back for that user only, and a
// changed text not at all.
func conformance(t *testing.T, c session.Cipher) {
	t.Helper()
	secret := []byte("api key and secret")
	ciphertext, err := c.Encrypt(t.Context(), "ann", secret)
	require.NoError(t, err)
	require.False(t, bytes.Contains(ciphertext, secret))
	opened, err := c.Decrypt(t.Context(), "ann", ciphertext)
	require.NoError(t, err)
	require.Equal(t, secret, opened)
	_, err = c.Decrypt(t.Context(), "bea", ciphertext)
	require.Error(t, err, "another user's credentials were opened")
	ciphertext[len(ciphertext)-1] ^= 1
	_, err = c.Decrypt(t.Context(), "ann", ciphertext)
	require.Error(t, err)
	_, err = c.Decrypt(t.Context(), "ann", nil)
	require.Error(t, err)
}

// The SDK's calls are understood by an implementation of KMS that nobody here wrote. That a key's policy refuses a use
// without the user is AWS's own doing.
func TestAWS(t *testing.T) {
	running, err := server.Moto(t.Context(), partstest.Need(t, parts.Moto))
	require.NoError(t, err)
	t.Cleanup(running.Stop)
	config := aws.Config{
		Region: "ap-southeast-1", BaseEndpoint: &running.URL,
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
	}
	made, err := awskms.NewFromConfig(config).CreateKey(t.Context(), &awskms.CreateKeyInput{})
	require.NoError(t, err)
	cipher := kms.NewAWS(config, *made.KeyMetadata.Arn, "user")
	conformance(t, cipher)
	for _, length := range []int{0, 4097} {
		_, err := cipher.Encrypt(t.Context(), "ann", make([]byte, length))
		require.ErrorContains(t, err, "allowed: 1 to 4096")
	}
}

// A key file is made once, whoever comes first, and read again later.
func TestFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	const starters = 8
	ciphers := make([]*kms.File, starters)
	var group sync.WaitGroup
	for i := range starters {
		group.Go(func() {
			cipher, err := kms.OpenFile(path)
			if err == nil {
				ciphers[i] = cipher
			}
		})
	}
	group.Wait()
	for _, c := range ciphers {
		require.NotNil(t, c)
		ciphertext, err := ciphers[0].Encrypt(t.Context(), "ann", []byte("secret"))
		require.NoError(t, err)
		opened, err := c.Decrypt(t.Context(), "ann", ciphertext)
		require.NoError(t, err, "two starters made two keys")
		require.Equal(t, "secret", string(opened))
	}
	conformance(t, ciphers[0])
	left, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Len(t, left, 1)
}

// A key file that others may read, or that is none, is refused.
func TestBadFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	require.NoError(t, os.WriteFile(path, make([]byte, 31), 0o600))
	_, err := kms.OpenFile(path)
	require.ErrorContains(t, err, "has 31 bytes; allowed: 32")
	require.NoError(t, os.WriteFile(path, make([]byte, 32), 0o600))
	require.NoError(t, os.Chmod(path, 0o644))
	_, err = kms.OpenFile(path)
	require.ErrorContains(t, err, "has mode 644; allowed: readable by its owner only")
	_, err = kms.OpenFile(filepath.Join(t.TempDir(), "no", "key"))
	require.ErrorContains(t, err, "key file: ")
}
