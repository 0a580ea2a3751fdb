package sqlite_test

import (
	"database/sql"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"workerfleet/runtime/audit"
	"workerfleet/runtime/audit/audittest"
	"workerfleet/runtime/fleet"
	"workerfleet/runtime/order"
	"workerfleet/runtime/order/ordertest"
	"workerfleet/runtime/pool"
	"workerfleet/runtime/pool/pooltest"
	"workerfleet/runtime/session"
	"workerfleet/runtime/session/sessiontest"
	"workerfleet/runtime/sqlite"
	"workerfleet/runtime/webhook"
	"workerfleet/runtime/webhook/webhooktest"
)

func fresh(t *testing.T, path string) *sqlite.Database {
	t.Helper()
	database, err := sqlite.Open(t.Context(), path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, database.Disconnect()) })
	return database
}

// The file keeps the contract of all authorities, of the safe and of the history of claims.
func TestDatabase(t *testing.T) {
	sessiontest.Run(t, func(t *testing.T) session.Authority { return fresh(t, filepath.Join(t.TempDir(), "fleet.db")) })
	pooltest.RunHistory(t, func(t *testing.T) pool.History { return fresh(t, filepath.Join(t.TempDir(), "fleet.db")) })
	sessiontest.RunSafe(t, func(t *testing.T) sessiontest.Keeper { return fresh(t, filepath.Join(t.TempDir(), "fleet.db")) })
	webhooktest.Run(t, func(t *testing.T) webhook.Store { return fresh(t, filepath.Join(t.TempDir(), "fleet.db")) })
	audittest.Run(t, func(t *testing.T) audit.Trail { return fresh(t, filepath.Join(t.TempDir(), "fleet.db")) })
}

// What was begun is there after the file was closed and opened again, and the schema is not made twice.
func TestDatabaseLasts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fleet.db")
	want := session.Session{User: "ann", Epoch: 7, Worker: "w1", Host: "h1", Life: 2}
	first, err := sqlite.Open(t.Context(), path)
	require.NoError(t, err)
	require.NoError(t, first.Begin(t.Context(), want, 0))
	require.NoError(t, first.Disconnect())
	got, open, err := fresh(t, path).Current(t.Context(), "ann")
	require.NoError(t, err)
	require.True(t, open)
	require.Equal(t, want, got)
	strange := filepath.Join(t.TempDir(), "a#b?c%64 d")
	require.NoError(t, os.Mkdir(strange, 0o700))
	fresh(t, filepath.Join(strange, "fleet.db"))
	require.FileExists(t, filepath.Join(strange, "fleet.db"))
	_, err = sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "no", "such", "folder.db"))
	require.ErrorContains(t, err, "folder.db")
}

// The file keeps the contract of all ledgers. The test's own connection changes what the suite needs changed.
func TestLedger(t *testing.T) {
	ordertest.Run(t, func(t *testing.T) ordertest.Bench {
		path := filepath.Join(t.TempDir(), "fleet.db")
		database := fresh(t, path)
		own, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(10000)&_pragma=synchronous(OFF)")
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, own.Close()) })
		do := func(statement string, args ...any) {
			t.Helper()
			_, err := own.ExecContext(t.Context(), statement, args...)
			require.NoError(t, err)
		}
		return ordertest.Bench{
			Keeper: database,
			Account: func(user fleet.User) {
				do(`INSERT INTO users (user_id) VALUES (?) ON CONFLICT DO NOTHING`, user)
				do(`INSERT INTO credentials (user_id, ciphertext) VALUES (?, X'00') ON CONFLICT DO NOTHING`, user)
			},
			Session: func(user fleet.User, s order.Session) {
				do(`DELETE FROM user_session WHERE user_id = ?`, user)
				do(`INSERT INTO user_session (user_id, epoch, worker, host, life, open) VALUES (?1, max(?2, 1), ?3, ?4, ?5, ?2 > 0)`,
					user, int64(s.Epoch), s.Worker, s.Host, int64(s.Life))
			},
			Deny: func(user fleet.User, reason string) {
				do(`UPDATE credentials SET refused = ?2, refused_at = CASE WHEN ?2 <> '' THEN updated_at END WHERE user_id = ?1`, user, reason)
			},
			Age: func(user fleet.User, by time.Duration) {
				do(`UPDATE orders SET emit_by = emit_by - ?2, check_at = check_at - ?2, valid_until = valid_until - ?2,
				           accepted_at = accepted_at - ?2, changed_at = changed_at - ?2 WHERE user_id = ?1`, user, by.Milliseconds())
				do(`UPDATE order_book SET day = date(day, '-' || ?2 || ' days') WHERE user_id = ?1 AND day <> ''`, user, int(by/(24*time.Hour)))
			},
		}
	})
}

// The file refuses a second order in flight of one user, and a number or key given twice, whatever wrote them.
func TestOneDispatched(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fleet.db")
	fresh(t, path)
	own, err := sql.Open("sqlite", "file:"+path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, own.Close()) })
	_, err = own.Exec(`INSERT INTO users (user_id) VALUES ('ann'), ('bea'); INSERT INTO order_book (user_id) VALUES ('ann'), ('bea')`)
	require.NoError(t, err)
	insert := func(id, user string, sequence int, state order.State) error {
		_, err := own.Exec(`
INSERT INTO orders (id, user_id, sequence, key, digest, symbol, side, quantity, type, limit_price, time_in_force, state, proven, reason, epoch, leg,
       broker_id, heard_epoch, heard, cancel_asked, checks, valid_until, accepted_at, changed_at)
VALUES (?1, ?2, ?3, ?1, '', 'X', 'buy', '1', 'market', '0', 'day', ?4, 0, '', 1, 0, '', 0, 0, 0, 0, 0, 0, 0)`, id, user, sequence, state)
		return err
	}
	require.NoError(t, insert("1", "ann", 1, order.Dispatched))
	require.ErrorContains(t, insert("2", "ann", 2, order.Dispatched), "UNIQUE")
	require.NoError(t, insert("2", "ann", 2, order.Accepted))
	require.NoError(t, insert("3", "bea", 1, order.Dispatched))
	require.ErrorContains(t, insert("4", "ann", 2, order.Accepted), "UNIQUE", "two orders of one number")
	_, err = own.Exec(`UPDATE orders SET key = '1' WHERE id = '2'`)
	require.ErrorContains(t, err, "UNIQUE")
}
