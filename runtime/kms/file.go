package kms

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/session"
)

// keyLength is that of an AES-256 key, in bytes.
const keyLength = 32

// File encrypts under a key in a local file: AES-256-GCM with the user as additional data. Whoever reads the file can
// decrypt; it is for one machine without an account.
type File struct{ aead cipher.AEAD }

var _ session.Cipher = (*File)(nil)

// OpenFile reads the key, or makes a new one where there is no file. The file is readable by its owner only; one that
// others may read is refused.
func OpenFile(path string) (*File, error) {
	key, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		key, err = makeKey(path)
	}
	if err != nil {
		return nil, fmt.Errorf("key file: %w", err)
	}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, fmt.Errorf("key file: %w", err)
	case info.Mode().Perm()&0o077 != 0:
		return nil, fmt.Errorf("key file %s: has mode %o; allowed: readable by its owner only, 600", path, info.Mode().Perm())
	case len(key) != keyLength:
		return nil, fmt.Errorf("key file %s: has %d bytes; allowed: %d", path, len(key), keyLength)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("key file: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("key file: %w", err)
	}
	return &File{aead}, nil
}

// makeKey writes a new key under another name first: two processes that start at once end up with one key, and none
// reads half of it.
func makeKey(path string) ([]byte, error) {
	key := make([]byte, keyLength)
	if _, err := rand.Read(key); err != nil {
		return nil, err
	}
	fresh, err := os.CreateTemp(filepath.Dir(path), "key-*")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.Remove(fresh.Name()) }()
	if _, err := fresh.Write(key); err != nil {
		return nil, errors.Join(err, fresh.Close())
	}
	if err := errors.Join(fresh.Sync(), fresh.Close()); err != nil {
		return nil, err
	}
	if err := os.Link(fresh.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	return os.ReadFile(path)
}

// Encrypt: see [session.Cipher].
func (f *File) Encrypt(_ context.Context, user fleet.User, credentials []byte) ([]byte, error) {
	return f.aead.Seal(nil, nil, credentials, []byte(user)), nil
}

// Decrypt: see [session.Cipher].
func (f *File) Decrypt(_ context.Context, user fleet.User, ciphertext []byte) ([]byte, error) {
	credentials, err := f.aead.Open(nil, nil, ciphertext, []byte(user))
	if err != nil {
		return nil, fmt.Errorf("decrypt under the key file: %w", err)
	}
	return credentials, nil
}
