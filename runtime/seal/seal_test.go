package seal_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/seal"
)

var session = seal.Context{User: "ann", Worker: "w1", Life: 3, Epoch: 99}

// Only the right key within the right context opens a sealed text, and a changed one opens nowhere.
func TestOnlyTheSessionOpens(t *testing.T) {
	key, err := seal.NewKey()
	require.NoError(t, err)
	other, err := seal.NewKey()
	require.NoError(t, err)
	secret := []byte("broker secret")
	sealed, err := seal.Seal(key.Public(), session, secret)
	require.NoError(t, err)
	require.False(t, bytes.Contains(sealed, secret))

	opened, err := key.Open(session, sealed)
	require.NoError(t, err)
	require.Equal(t, secret, opened)

	_, err = other.Open(session, sealed)
	require.ErrorIs(t, err, seal.ErrSealed)
	for name, c := range map[string]seal.Context{
		"user": {User: "bea", Worker: "w1", Life: 3, Epoch: 99}, "worker": {User: "ann", Worker: "w2", Life: 3, Epoch: 99},
		"life": {User: "ann", Worker: "w1", Life: 4, Epoch: 99}, "epoch": {User: "ann", Worker: "w1", Life: 3, Epoch: 98},
		"names run together": {User: "annw1", Worker: "", Life: 3, Epoch: 99},
	} {
		_, err := key.Open(c, sealed)
		require.ErrorIs(t, err, seal.ErrSealed, name)
	}
	for i := range sealed {
		changed := bytes.Clone(sealed)
		changed[i] ^= 1
		_, err := key.Open(session, changed)
		require.ErrorIs(t, err, seal.ErrSealed, "byte %d", i)
	}
	_, err = key.Open(session, nil)
	require.ErrorIs(t, err, seal.ErrSealed)
}

// Any credentials come back as they were, and sealing twice gives two texts.
func TestRoundTrip(t *testing.T) {
	key, err := seal.NewKey()
	require.NoError(t, err)
	rapid.Check(t, func(t *rapid.T) {
		secret := rapid.SliceOf(rapid.Byte()).Draw(t, "secret")
		c := seal.Context{
			User: fleet.User(rapid.String().Draw(t, "user")), Worker: fleet.Worker(rapid.String().Draw(t, "worker")),
			Life: fleet.Life(rapid.Uint64().Draw(t, "life")), Epoch: fleet.Epoch(rapid.Uint64().Draw(t, "epoch")),
		}
		sealed, err := seal.Seal(key.Public(), c, secret)
		require.NoError(t, err)
		opened, err := key.Open(c, sealed)
		require.NoError(t, err)
		require.True(t, bytes.Equal(secret, opened))
		again, err := seal.Seal(key.Public(), c, secret)
		require.NoError(t, err)
		require.False(t, bytes.Equal(sealed, again))
	})
}

// A key that is none is refused before anything is sealed to it.
func TestBadPublicKeys(t *testing.T) {
	for _, public := range []string{"", "AAAA", "not base64!", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="} {
		_, err := seal.Seal(public, session, []byte("x"))
		require.ErrorContains(t, err, "public key: ", public)
	}
}
