package session

import (
	"context"
	"fmt"

	"workerfleet/runtime/fleet"
)

// Safe keeps users' credentials encrypted.
type Safe interface {
	// Encrypted returns what was kept last, or [ErrNoCredentials].
	Encrypted(ctx context.Context, user fleet.User) ([]byte, error)
	// Keep replaces what is kept for the user, who becomes known by it.
	Keep(ctx context.Context, user fleet.User, ciphertext []byte) error
}

// Cipher encrypts and decrypts under a key that this process does not hold, with the user as context: what was
// encrypted for one user does not decrypt for another.
type Cipher interface {
	Encrypt(ctx context.Context, user fleet.User, credentials []byte) ([]byte, error)
	Decrypt(ctx context.Context, user fleet.User, ciphertext []byte) ([]byte, error)
}

// Keyed is a [Vault] of a safe and the cipher that opens what is in it.
type Keyed struct {
	Safe   Safe
	Cipher Cipher
}

var _ Vault = Keyed{}

// Credentials: see [Vault].
func (k Keyed) Credentials(ctx context.Context, user fleet.User) ([]byte, error) {
	ciphertext, err := k.Safe.Encrypted(ctx, user)
	if err != nil {
		return nil, fmt.Errorf("find the credentials: %w", err)
	}
	credentials, err := k.Cipher.Decrypt(ctx, user, ciphertext)
	if err != nil {
		return nil, fmt.Errorf("decrypt the credentials: %w", err)
	}
	return credentials, nil
}

// Deposit encrypts credentials and keeps them in place of the user's earlier ones.
func (k Keyed) Deposit(ctx context.Context, user fleet.User, credentials []byte) error {
	ciphertext, err := k.Cipher.Encrypt(ctx, user, credentials)
	if err != nil {
		return fmt.Errorf("encrypt the credentials: %w", err)
	}
	return k.Safe.Keep(ctx, user, ciphertext)
}
