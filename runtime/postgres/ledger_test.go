package postgres_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/order"
	"workerfleet/runtime/order/ordertest"
	"workerfleet/runtime/postgres"
	"workerfleet/runtime/postgres/postgrestest"
)

// migrated starts a server with the schema, and returns its URL and the owner's connection.
func migrated(t testing.TB) (url string, owner *pgx.Conn) {
	t.Helper()
	url = postgrestest.Server(t).URL
	_, err := postgres.Migrate(t.Context(), url)
	require.NoError(t, err)
	owner, err = pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(func() { _ = owner.Close(context.WithoutCancel(t.Context())) })
	return url, owner
}

func connected(t testing.TB, url string, connections int) *postgres.Database {
	t.Helper()
	database, err := postgres.Connect(t.Context(), url, postgres.Pool{Connections: connections})
	require.NoError(t, err)
	t.Cleanup(database.Disconnect)
	return database
}

// ledgerBench empties the ledger. The owner's connection changes what the suite needs changed.
func ledgerBench(t *testing.T, database *postgres.Database, owner *pgx.Conn) ordertest.Bench {
	do := func(statement string, args ...any) {
		t.Helper()
		_, err := owner.Exec(t.Context(), statement, args...)
		require.NoError(t, err)
	}
	do(`TRUNCATE users, user_session, order_events, halts, operator_halts CASCADE`)
	return ordertest.Bench{
		Keeper: database,
		Account: func(user fleet.User) {
			do(`INSERT INTO users (user_id) VALUES ($1) ON CONFLICT DO NOTHING`, user)
			do(`INSERT INTO credentials (user_id, ciphertext) VALUES ($1, 'c') ON CONFLICT DO NOTHING`, user)
		},
		Session: func(user fleet.User, s order.Session) {
			do(`INSERT INTO user_session (user_id, epoch, worker, host, life, open) VALUES ($1, greatest($2::bigint, 1), $3, $4, $5, $2::bigint > 0)
			    ON CONFLICT (user_id) DO UPDATE SET epoch = excluded.epoch, worker = excluded.worker, host = excluded.host,
			       life = excluded.life, open = excluded.open`, user, int64(s.Epoch), s.Worker, s.Host, int64(s.Life))
		},
		Deny: func(user fleet.User, reason string) {
			do(`UPDATE credentials SET refused = $2, refused_at = CASE WHEN $2 <> '' THEN now() END WHERE user_id = $1`, user, reason)
		},
		Age: func(user fleet.User, by time.Duration) {
			interval := fmt.Sprint(by.Microseconds(), " microseconds")
			do(`UPDATE orders SET emit_by = emit_by - $2::interval, check_at = check_at - $2::interval, valid_until = valid_until - $2::interval,
			           accepted_at = accepted_at - $2::interval, changed_at = changed_at - $2::interval WHERE user_id = $1`, user, interval)
			do(`UPDATE order_book SET day = (day::date - $2::int)::text WHERE user_id = $1 AND day <> ''`, user, int(by/(24*time.Hour)))
		},
	}
}

// A real server keeps the contract of all ledgers.
func TestLedger(t *testing.T) {
	url, owner := migrated(t)
	database := connected(t, url, 8)
	ordertest.Run(t, func(t *testing.T) ordertest.Bench { return ledgerBench(t, database, owner) })
}

// The server refuses a second order in flight of one user, and a number or key given twice, whatever wrote them.
func TestOneDispatched(t *testing.T) {
	_, owner := migrated(t)
	_, err := owner.Exec(t.Context(), `INSERT INTO users (user_id) VALUES ('ann'), ('bea')`)
	require.NoError(t, err)
	_, err = owner.Exec(t.Context(), `INSERT INTO order_book (user_id) VALUES ('ann'), ('bea')`)
	require.NoError(t, err)
	insert := func(id, user string, sequence int, state order.State) error {
		_, err := owner.Exec(t.Context(), `
INSERT INTO orders (id, user_id, sequence, key, digest, symbol, side, quantity, type, limit_price, time_in_force, state, proven, reason, epoch, leg,
       broker_id, heard_epoch, heard, cancel_asked, checks, valid_until, accepted_at, changed_at)
VALUES ($1, $2, $3, $1, '', 'X', 'buy', 1, 'market', 0, 'day', $4, false, '', 1, 0, '', 0, 0, false, 0, now(), now(), now())`, id, user, sequence, state)
		return err
	}
	require.NoError(t, insert("1", "ann", 1, order.Dispatched))
	require.ErrorContains(t, insert("2", "ann", 2, order.Dispatched), "orders_dispatched")
	require.NoError(t, insert("2", "ann", 2, order.Accepted))
	require.NoError(t, insert("3", "bea", 1, order.Dispatched))
	require.ErrorContains(t, insert("4", "ann", 2, order.Accepted), "orders_user_id_sequence_key")
	_, err = owner.Exec(t.Context(), `UPDATE orders SET key = '1' WHERE id = '2'`)
	require.ErrorContains(t, err, "orders_user_id_key_key")
}
