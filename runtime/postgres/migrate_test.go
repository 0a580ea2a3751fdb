package postgres

import (
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"

	"workerfleet/runtime/postgres/postgrestest"
	"workerfleet/runtime/session"
)

// A migration that takes a table which a turn wants, and wants one which the turn has, gives way: the turn is committed,
// whatever it takes, and the migration after it. It ends with one turn; make roll plays a platform's.
func TestMigrationGivesWay(t *testing.T) {
	url := postgrestest.Server(t).URL
	config, err := pgx.ParseConfig(url)
	require.NoError(t, err)
	db := stdlib.OpenDB(*config)
	t.Cleanup(func() { _ = db.Close() })
	provider, err := migrations(db)
	require.NoError(t, err)
	_, err = provider.UpTo(t.Context(), 5) // the next one alters user_session, then orders
	require.NoError(t, err)

	turn, err := db.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	_, err = turn.ExecContext(t.Context(), "SELECT FROM orders")
	require.NoError(t, err)
	type result struct {
		applied []int64
		err     error
	}
	migrated := make(chan result, 1)
	go func() {
		applied, err := Migrate(t.Context(), url)
		migrated <- result{applied, err}
	}()
	require.Eventually(t, func() bool {
		var waiting int
		err := db.QueryRowContext(t.Context(), "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'orders'::regclass").Scan(&waiting)
		return err == nil && waiting > 0
	}, 10*time.Second, time.Millisecond)
	_, err = turn.ExecContext(t.Context(), "INSERT INTO user_session (user_id, epoch, worker, host, life, open) VALUES ('ann', 1, 'w', 'h', 1, true)")
	require.NoError(t, err, "a user's turn was ended for a migration")
	time.Sleep(2 * yieldAfter)
	require.NoError(t, turn.Commit())

	done := <-migrated
	require.NoError(t, done.err)
	require.NotEmpty(t, done.applied)
	require.EqualValues(t, 6, done.applied[0])
	var epoch int
	require.NoError(t, db.QueryRowContext(t.Context(), "SELECT epoch FROM user_session WHERE user_id = 'ann' AND seen_at IS NULL").Scan(&epoch))
	require.Equal(t, 1, epoch)
}

// An index of what turns write is built beside them: while it waits for one, others write. It ends with an empty table, so that
// how long one of millions of orders takes is not seen.
func TestIndexIsBuiltBesideTurns(t *testing.T) {
	url := postgrestest.Server(t).URL
	config, err := pgx.ParseConfig(url)
	require.NoError(t, err)
	db := stdlib.OpenDB(*config)
	t.Cleanup(func() { _ = db.Close() })
	provider, err := migrations(db)
	require.NoError(t, err)
	_, err = provider.UpTo(t.Context(), 11)
	require.NoError(t, err)

	const write = "UPDATE orders SET checks = checks"
	turn, err := db.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	_, err = turn.ExecContext(t.Context(), write)
	require.NoError(t, err)
	migrated := make(chan error, 1)
	go func() {
		_, err := Migrate(t.Context(), url)
		migrated <- err
	}()
	require.Eventually(t, func() bool {
		var waiting int
		err := db.QueryRowContext(t.Context(), "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'CREATE INDEX%'").Scan(&waiting)
		return err == nil && waiting > 0
	}, 10*time.Second, time.Millisecond)
	for range 20 {
		other, err := db.BeginTx(t.Context(), nil)
		require.NoError(t, err)
		_, err = other.ExecContext(t.Context(), "SET LOCAL lock_timeout = '100ms'")
		require.NoError(t, err)
		_, err = other.ExecContext(t.Context(), write)
		require.NoError(t, err, "turns wait for the migration")
		require.NoError(t, other.Commit())
		time.Sleep(yieldAfter / 10) // it gives way meanwhile, and begins anew
	}
	require.NoError(t, turn.Commit())
	require.NoError(t, <-migrated)
	var valid bool
	require.NoError(t, db.QueryRowContext(t.Context(), "SELECT indisvalid FROM pg_index WHERE indexrelid = 'orders_given_up'::regclass").Scan(&valid))
	require.True(t, valid)
}

// beginAsBefore is how the release before 00006 begins a session: it knows no ending_at.
const beginAsBefore = `
INSERT INTO user_session AS s (user_id, epoch, worker, host, life, open)
VALUES ($1, $2, $3, $4, $5, true)
ON CONFLICT (user_id) DO UPDATE
   SET epoch = excluded.epoch, worker = excluded.worker, host = excluded.host, life = excluded.life,
       open = true, began_at = now(), takeover_at = NULL
 WHERE s.epoch < excluded.epoch AND (NOT s.open OR s.worker = excluded.worker)`

// A session that the release before begins after this one has ended another is current to both, and ended by nobody.
func TestSessionsOfTheReleaseBefore(t *testing.T) {
	url := postgrestest.Server(t).URL
	_, err := Migrate(t.Context(), url)
	require.NoError(t, err)
	database, err := Connect(t.Context(), url, Pool{})
	require.NoError(t, err)
	t.Cleanup(database.Disconnect)

	first := session.Session{User: "ann", Epoch: 1, Worker: "w1", Host: "h", Life: 1}
	require.NoError(t, database.Begin(t.Context(), first, time.Minute))
	require.NoError(t, database.Dismiss(t.Context(), "ann", 1))
	ending, err := database.Dismissed(t.Context(), time.Minute, 10)
	require.NoError(t, err)
	require.Equal(t, []session.Session{first}, ending)
	require.NoError(t, database.Close(t.Context(), "ann", 1))

	done, err := database.pool.Exec(t.Context(), beginAsBefore, "ann", 2, "w2", "h", 1)
	require.NoError(t, err)
	require.EqualValues(t, 1, done.RowsAffected())
	second, open, err := database.Current(t.Context(), "ann")
	require.NoError(t, err)
	require.True(t, open, "no order would be given to it")
	require.EqualValues(t, 2, second.Epoch)
	ending, err = database.Dismissed(t.Context(), time.Minute, 10)
	require.NoError(t, err)
	require.Empty(t, ending, "it would be ended")
	require.NoError(t, database.Dismiss(t.Context(), "ann", 2))
	ending, err = database.Dismissed(t.Context(), time.Minute, 10)
	require.NoError(t, err)
	require.Equal(t, []session.Session{second}, ending)
}
