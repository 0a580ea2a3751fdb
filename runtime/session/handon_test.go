package session_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"workerfleet/runtime/claim"
	"workerfleet/runtime/session"
)

// Where credentials may not be opened the database agrees, and the binding is handed on: nothing is posted, it counts as
// undelivered, and whoever may delivers the same binding. What is fenced is handed to nobody.
func TestHandedOn(t *testing.T) {
	b := newBench(t)
	b.idle("w1", 1)
	var handed []claim.Binding
	config := b.Config
	config.Vault, config.HandOn = nil, func(_ context.Context, c claim.Binding) error {
		handed = append(handed, c)
		return nil
	}
	without := session.New(config)
	progress, err := without.Claim(t.Context(), claim.Request{User: "ann"}, "")
	require.NoError(t, err)
	require.False(t, progress.Bound.Sent)
	require.Len(t, handed, 1)
	require.Empty(t, b.mailbox.mail)
	current, open, err := b.authority.Current(t.Context(), "ann")
	require.NoError(t, err)
	require.True(t, open && current.Epoch == handed[0].Epoch)
	require.Equal(t, handed[0].Epoch, b.claim("ann").Bound.Epoch)
	require.Len(t, b.mailbox.mail, 1)
}
