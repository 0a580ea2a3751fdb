package postgres

import (
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"

	"workerfleet/runtime/postgres/postgrestest"
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
