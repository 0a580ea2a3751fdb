package seal

import (
	"crypto/ecdh"
	"crypto/hpke"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"

	"workerfleet/runtime/fleet"
)

// ErrSealed is returned for a text that this key, user, worker, life and epoch do not open: it was meant for another,
// or was changed on its way. Which of the two cannot be told.
var ErrSealed = errors.New("the credentials are not sealed for this session")

// Context is what a sealed text is bound to.
type Context struct {
	User   fleet.User
	Worker fleet.Worker
	Life   fleet.Life
	Epoch  fleet.Epoch
}

// info writes the context so that no two contexts have one text: names come with their lengths.
func (c Context) info() []byte {
	info := []byte("workerfleet credentials v1")
	for _, name := range []string{string(c.User), string(c.Worker)} {
		info = binary.BigEndian.AppendUint32(info, uint32(len(name)))
		info = append(info, name...)
	}
	info = binary.BigEndian.AppendUint64(info, uint64(c.Life))
	return binary.BigEndian.AppendUint64(info, uint64(c.Epoch))
}

// Key is the private key of one life. It exists in the worker's memory only and ends with the process image.
type Key struct{ private hpke.PrivateKey }

// NewKey makes the key of a new life.
func NewKey() (Key, error) {
	private, err := kem().GenerateKey()
	if err != nil {
		return Key{}, fmt.Errorf("make a sealing key: %w", err)
	}
	return Key{private}, nil
}

// Public is the key that others seal to, as text (unpadded URL-safe base64 of 32 bytes).
func (k Key) Public() string {
	return base64.RawURLEncoding.EncodeToString(k.private.PublicKey().Bytes())
}

// Seal closes credentials for whoever holds the private half of the public key, within the context.
func Seal(public string, c Context, credentials []byte) ([]byte, error) {
	raw, err := base64.RawURLEncoding.DecodeString(public)
	if err != nil {
		return nil, fmt.Errorf("public key: is no unpadded URL-safe base64: %w", err)
	}
	key, err := kem().NewPublicKey(raw)
	if err != nil {
		return nil, fmt.Errorf("public key: is no X25519 key of 32 bytes: %w", err)
	}
	sealed, err := hpke.Seal(key, hpke.HKDFSHA256(), hpke.ChaCha20Poly1305(), c.info(), credentials)
	if err != nil {
		return nil, fmt.Errorf("seal credentials: %w", err)
	}
	return sealed, nil
}

// Open returns the credentials that were sealed to this key within this context, else [ErrSealed].
func (k Key) Open(c Context, sealed []byte) ([]byte, error) {
	credentials, err := hpke.Open(k.private, hpke.HKDFSHA256(), hpke.ChaCha20Poly1305(), c.info(), sealed)
	if err != nil {
		return nil, ErrSealed
	}
	return credentials, nil
}

func kem() hpke.KEM { return hpke.DHKEM(ecdh.X25519()) }
