package postgres_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/postgres"
	"workerfleet/runtime/session/sessiontest"
)

// A real server knows who is idle as all authorities do.
func TestPresence(t *testing.T) {
	url, owner := migrated(t)
	database := connected(t, url, 2)
	sessiontest.RunPresence(t, func(t *testing.T) sessiontest.PresenceBench { return presenceBench(t, database, owner) })
}

// presenceBench empties the database. The owner's connection changes what the suite needs changed.
func presenceBench(t *testing.T, database *postgres.Database, owner *pgx.Conn) sessiontest.PresenceBench {
	bench := ledgerBench(t, database, owner)
	do := func(statement string, args ...any) {
		_, err := owner.Exec(t.Context(), statement, args...)
		require.NoError(t, err)
	}
	number := 0
	return sessiontest.PresenceBench{
		Authority: database, Presence: database,
		Order: func(user fleet.User, mayChange bool) {
			number++
			bench.Account(user)
			do(`INSERT INTO order_book (user_id) VALUES ($1) ON CONFLICT DO NOTHING`, user)
			do(`INSERT INTO orders (id, user_id, sequence, key, digest, symbol, side, quantity, type, limit_price, time_in_force, state, proven, reason,
				           epoch, leg, broker_id, heard_epoch, heard, cancel_asked, checks, valid_until, accepted_at, changed_at, check_at)
				    VALUES ($1, $2, $3, $1, '', 'X', 'buy', 1, 'market', 0, 'day', 'working', false, '', 1, 0, '', 0, 0, false, 0, now(), now(), now(),
				           CASE WHEN $4 THEN now() END)`, fmt.Sprint(number), user, number, mayChange)
		},
		Age: func(by time.Duration) {
			do(`UPDATE user_session SET seen_at = seen_at - $1::interval, began_at = began_at - $1::interval, ending_at = ending_at - $1::interval`, by)
			do(`UPDATE orders SET changed_at = changed_at - $1::interval`, by)
		},
	}
}
