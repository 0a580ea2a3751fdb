package webhook

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"sync"
	"time"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/order"
)

// Hook is one address that a user's signals may come to.
type Hook struct {
	// Name is a digest of the token: whoever reads the database learns no address from it.
	Name      string
	User      fleet.User
	Secret    []byte // encrypted, with the user as context
	CreatedAt time.Time
}

// Store keeps hooks.
type Store interface {
	// Hook finds one by name, or returns [ErrToken].
	Hook(ctx context.Context, name string) (Hook, error)
	AddHook(ctx context.Context, h Hook) error
	// Hooks lists a user's, the oldest first.
	Hooks(ctx context.Context, user fleet.User) ([]Hook, error)
	// RemoveHook ends one of the user's, or returns [ErrToken].
	RemoveHook(ctx context.Context, user fleet.User, name string) error
}

// Cipher encrypts secrets at rest, with the user as context.
type Cipher interface {
	Encrypt(ctx context.Context, user fleet.User, secret []byte) ([]byte, error)
	Decrypt(ctx context.Context, user fleet.User, ciphertext []byte) ([]byte, error)
}

// Hooks checks deliveries. It is safe for concurrent use.
type Hooks struct {
	store  Store
	cipher Cipher
	mu     sync.Mutex
	known  map[string]opened
	asked  *lookups
}

// opened is a hook whose secret is in memory, for a while: a call of the key service for each signal would be the
// slowest step of all, and limit how many there can be.
type opened struct {
	user   fleet.User
	secret []byte
	until  time.Time
}

// Bounds of what is kept in memory. A hook that was removed may be used for as long as it is kept.
const (
	keptFor  = 30 * time.Second
	keptMost = 16_384
)

// New checks deliveries against the store.
func New(s Store, c Cipher) *Hooks {
	return &Hooks{store: s, cipher: c, known: map[string]opened{}, asked: newLookups()}
}

// Made is a new hook, as its user sees it once.
type Made struct{ Name, Token, Secret string }

// Make draws a hook for the user, or returns [ErrTooMany].
func (h *Hooks) Make(ctx context.Context, user fleet.User) (Made, error) {
	have, err := h.store.Hooks(ctx, user)
	if err != nil {
		return Made{}, err
	}
	if len(have) >= Most {
		return Made{}, ErrTooMany
	}
	address, secret := rand.Text(), rand.Text()+rand.Text()
	ciphertext, err := h.cipher.Encrypt(ctx, user, []byte(secret))
	if err != nil {
		return Made{}, fmt.Errorf("encrypt the webhook's secret: %w", err)
	}
	m := Made{Name: nameOf(address), Token: address, Secret: secret}
	return m, h.store.AddHook(ctx, Hook{Name: m.Name, User: user, Secret: ciphertext})
}

func nameOf(token string) string {
	return hex.EncodeToString(digest([]byte("workerfleet webhook " + token)))
}

// Open says whose signal a delivery is, and which order it asks for. Errors: [ErrToken], [ErrStale], [ErrSignature],
// [*order.Invalid]; any other one is ours.
func (h *Hooks) Open(ctx context.Context, address string, d Delivery) (fleet.User, order.Draft, error) {
	if !token(address) {
		return "", order.Draft{}, ErrToken
	}
	hook, err := h.find(ctx, nameOf(address))
	if err != nil {
		return "", order.Draft{}, err
	}
	draft, err := Check(hook.secret, d, time.Now())
	return hook.user, draft, err
}

func (h *Hooks) find(ctx context.Context, name string) (opened, error) {
	now := time.Now()
	h.mu.Lock()
	known, ok := h.known[name]
	h.mu.Unlock()
	if ok && now.Before(known.until) {
		return known, nil
	}
	return h.asked.find(ctx, name, func(ctx context.Context) (opened, error) { return h.look(ctx, name) })
}

// look asks the store, and the key service.
func (h *Hooks) look(ctx context.Context, name string) (opened, error) {
	hook, err := h.asked.ask(ctx, h.store, name)
	if err != nil {
		return opened{}, err
	}
	secret, err := h.cipher.Decrypt(ctx, hook.User, hook.Secret)
	if err != nil {
		return opened{}, fmt.Errorf("decrypt the webhook's secret: %w", err)
	}
	known := opened{hook.User, secret, time.Now().Add(keptFor)}
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.known) >= keptMost {
		clear(h.known)
	}
	h.known[name] = known
	return known, nil
}

// Forget drops what is kept of a hook in this process.
func (h *Hooks) Forget(name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.known, name)
}

// List is the user's hooks.
func (h *Hooks) List(ctx context.Context, user fleet.User) ([]Hook, error) {
	return h.store.Hooks(ctx, user)
}

// Remove ends one of the user's hooks, or returns [ErrToken]. Other processes may take its signals for half a minute more.
func (h *Hooks) Remove(ctx context.Context, user fleet.User, name string) error {
	h.Forget(name)
	return h.store.RemoveHook(ctx, user, name)
}
