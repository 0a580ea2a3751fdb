package sqlite_test

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/session/sessiontest"
)

// The file knows who is idle as all authorities do.
func TestPresence(t *testing.T) {
	sessiontest.RunPresence(t, func(t *testing.T) sessiontest.PresenceBench {
		path := filepath.Join(t.TempDir(), "fleet.db")
		database := fresh(t, path)
		own, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(10000)&_pragma=synchronous(OFF)")
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, own.Close()) })
		do := func(statement string, args ...any) {
			_, err := own.ExecContext(t.Context(), statement, args...)
			require.NoError(t, err)
		}
		number := 0
		return sessiontest.PresenceBench{
			Authority: database, Presence: database,
			Order: func(user fleet.User, mayChange bool) {
				number++
				do(`INSERT INTO users (user_id) VALUES (?1) ON CONFLICT DO NOTHING; INSERT INTO order_book (user_id) VALUES (?1) ON CONFLICT DO NOTHING`, user)
				do(`INSERT INTO orders (id, user_id, sequence, key, digest, symbol, side, quantity, type, limit_price, time_in_force, state, proven, reason,
				           epoch, leg, broker_id, heard_epoch, heard, cancel_asked, checks, valid_until, accepted_at, changed_at, check_at)
				    VALUES (?1, ?2, ?3, ?1, '', 'X', 'buy', '1', 'market', '0', 'day', 'working', 0, '', 1, 0, '', 0, 0, 0, 0, 0, 0, ?4,
				           CASE WHEN ?5 THEN ?4 END)`, fmt.Sprint(number), user, number, time.Now().UnixMilli(), mayChange)
			},
			Age: func(by time.Duration) {
				do(`UPDATE user_session SET seen_at = seen_at - ?1, began_at = began_at - ?1, ending_at = ending_at - ?1`, by.Milliseconds())
				do(`UPDATE orders SET changed_at = changed_at - ?1`, by.Milliseconds())
			},
		}
	})
}
