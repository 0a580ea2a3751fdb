package valkey

import (
	"fmt"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/parts"
	"workerfleet/runtime/valkey/valkeytest"
)

// What has been in the mailbox for long says so, by the server's clock; what is fresh is not worth a question.
func TestOldMail(t *testing.T) {
	client := valkeytest.Server(t, parts.Redis)
	mail := NewMail(client)
	old := time.Now().Add(-time.Hour).UnixMilli()
	require.NoError(t, client.XAdd(t.Context(), &redis.XAddArgs{Stream: mailbox("h1"), ID: fmt.Sprint(old, "-7"), Values: []any{"m", `{"kind":"verify"}`}}).Err())
	require.NoError(t, mail.Post(t.Context(), "h1", fleet.Mail{Kind: fleet.MailVerify}))
	letters, err := mail.Read(t.Context(), "h1", "")
	require.NoError(t, err)
	require.Len(t, letters, 2)
	require.InDelta(t, time.Hour.Seconds(), letters[0].Age.Seconds(), 10)
	require.Zero(t, letters[1].Age)
}

// What nobody reads any more is gone after an hour, and a reader puts that off.
func TestUnreadMailEnds(t *testing.T) {
	client := valkeytest.Server(t, parts.Redis)
	mail := NewMail(client)
	left := func(stream string) time.Duration {
		t.Helper()
		d, err := client.PTTL(t.Context(), stream).Result()
		require.NoError(t, err)
		return d
	}
	read := func() {
		t.Helper()
		_, err := mail.Read(t.Context(), "h1", "")
		require.NoError(t, err)
		_, _, err = mail.Await(t.Context(), "api-1", "")
		require.NoError(t, err)
	}
	read() // of streams that are not there yet
	require.NoError(t, mail.Post(t.Context(), "h1", fleet.Mail{Worker: "w1"}))
	require.NoError(t, mail.Tell(t.Context(), "api-1", fleet.Ready{Worker: "w1"}))
	read()
	for _, stream := range []string{mailbox("h1"), desk("api-1")} {
		require.Greater(t, left(stream), keptFor-time.Minute, stream)
		require.NoError(t, client.PExpire(t.Context(), stream, 10*time.Minute).Err())
	}
	read()
	for _, stream := range []string{mailbox("h1"), desk("api-1")} {
		require.LessOrEqual(t, left(stream), 10*time.Minute, "the server is asked with every read")
		mail.kept[stream] = time.Now().Add(-keepEvery)
	}
	read()
	for _, stream := range []string{mailbox("h1"), desk("api-1")} {
		require.Greater(t, left(stream), keptFor-time.Minute, stream)
	}
}

// Mail arrives once, in order, for its host alone, also what came before anybody read; an entry that is no mail stops
// nothing.
func TestMail(t *testing.T) {
	embedded := redis.NewClient(&redis.Options{Addr: miniredis.RunT(t).Addr()})
	t.Cleanup(func() { _ = embedded.Close() })
	for name, client := range map[string]redis.UniversalClient{"miniredis": embedded, "redis": valkeytest.Server(t, parts.Redis)} {
		t.Run(name, func(t *testing.T) {
			mail := NewMail(client)
			first := fleet.Mail{Kind: fleet.MailAssign, Worker: "w1", Life: 2, User: "ann", Epoch: 1 << 60, Sealed: []byte{0, 255}, ReplyTo: "api-1", BeginAt: 1}
			require.NoError(t, mail.Post(t.Context(), "h1", first))
			require.NoError(t, client.XAdd(t.Context(), &redis.XAddArgs{Stream: mailbox("h1"), Values: []any{"m", "garbage"}}).Err())
			require.NoError(t, mail.Post(t.Context(), "h1", fleet.Mail{Kind: fleet.MailRelease, Worker: "w1", Life: 2, User: "ann", Epoch: 1 << 60}))
			require.NoError(t, mail.Post(t.Context(), "h2", fleet.Mail{Worker: "w9"}))

			letters, err := mail.Read(t.Context(), "h1", "")
			require.NoError(t, err)
			require.Len(t, letters, 2)
			require.Equal(t, first, letters[0].Mail)
			require.Equal(t, fleet.MailRelease, letters[1].Kind)
			rest, err := mail.Read(t.Context(), "h1", letters[1].ID)
			require.NoError(t, err)
			require.Empty(t, rest)

			require.NoError(t, client.XAdd(t.Context(), &redis.XAddArgs{Stream: mailbox("h1"), Values: []any{"m", "garbage"}}).Err())
			began := time.Now()
			rest, err = mail.Read(t.Context(), "h1", letters[1].ID)
			require.NoError(t, err)
			require.Empty(t, rest)
			require.Greater(t, time.Since(began), patience/2, "garbage makes the reader spin")

			require.NoError(t, mail.Tell(t.Context(), "api-1", fleet.Ready{Worker: "w1", User: "ann", Epoch: 1 << 60}))
			words, last, err := mail.Await(t.Context(), "api-1", "")
			require.NoError(t, err)
			require.Equal(t, []fleet.Ready{{Worker: "w1", User: "ann", Epoch: 1 << 60}}, words)
			words, _, err = mail.Await(t.Context(), "api-1", last)
			require.NoError(t, err)
			require.Empty(t, words, "a word came twice")

			require.NoError(t, mail.Ring(t.Context(), "ann"))
			users, last, err := mail.Rung(t.Context(), "")
			require.NoError(t, err)
			require.Equal(t, []fleet.User{"ann"}, users)
			users, _, err = mail.Rung(t.Context(), last)
			require.NoError(t, err)
			require.Empty(t, users)
		})
	}
}
