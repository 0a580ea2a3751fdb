package session

import (
	"context"
	"errors"
	"fmt"
	"time"

	"workerfleet/runtime/fleet"
)

// Safe keeps users' credentials encrypted.
type Safe interface {
	// Encrypted returns what was kept last, or [ErrNoCredentials], or [*Refused] while the broker refuses it.
	Encrypted(ctx context.Context, user fleet.User) ([]byte, error)
	// Keep replaces what is kept for the user, who becomes known by it. A refusal ends with what was refused.
	Keep(ctx context.Context, user fleet.User, ciphertext []byte) error
	// Refuse notes that the broker refuses the credentials that the user's session of an epoch was begun with. Nothing is
	// noted if the session is not the user's latest, or if others were kept less than [KeptBefore] before it or later: it
	// may have begun with the ones before those.
	Refuse(ctx context.Context, user fleet.User, epoch fleet.Epoch, reason string) error
}

// KeptBefore is by how much credentials are older than the sessions that were surely begun with them: while a session is
// begun, what is kept is read beside it.
const KeptBefore = time.Second

// Refused says that the broker refuses the user's credentials: no worker could do anything for that user before others are
// kept.
type Refused struct {
	Reason string
	Since  time.Time
}

func (e *Refused) Error() string {
	return fmt.Sprintf("the broker refuses the user's credentials since %s: %s", e.Since.UTC().Format(time.RFC3339), e.Reason)
}

// Unserved says whether an error means that nobody can act for the user before credentials are kept that the broker takes:
// there is nothing to repeat.
func Unserved(err error) bool {
	var refused *Refused
	return errors.Is(err, ErrNoCredentials) || errors.As(err, &refused)
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
