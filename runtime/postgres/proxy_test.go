package postgres_test

import (
	"context"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/order"
	"workerfleet/runtime/order/ordertest"
	"workerfleet/runtime/postgres"
	"workerfleet/runtime/session"
	"workerfleet/runtime/session/sessiontest"
)

// suspending is a ledger whose operators' switches are turned by the owner, which the processes' role may not.
type suspending struct {
	*postgres.Database
	operator *postgres.Database
}

func (s suspending) Suspend(ctx context.Context, user fleet.User, on bool, reason string) error {
	return s.operator.Suspend(ctx, user, on, reason)
}

// Nothing that a ledger, an authority or a safe does would pin a connection of a proxy to one client. The wire knows
// RDS Proxy's list; that the list is complete is not shown here. It is all done in the role of the processes, whose rights
// so are enough.
func TestNothingPins(t *testing.T) {
	url, owner := migrated(t)
	require.NoError(t, postgres.Grant(t.Context(), url, postgres.Role{Name: "app"}))
	w := proxied(t, url)
	database := connected(t, strings.Replace(w.URL, "fleet@", "app@", 1), 8)
	operator := connected(t, url, 2)
	ordertest.Run(t, func(t *testing.T) ordertest.Bench {
		b := ledgerBench(t, database, owner)
		b.Keeper = suspending{database, operator}
		return b
	})
	sessiontest.RunPresence(t, func(t *testing.T) sessiontest.PresenceBench { return presenceBench(t, database, owner) })
	sessiontest.Run(t, func(t *testing.T) session.Authority { ledgerBench(t, database, owner); return database })
	sessiontest.RunSafe(t, func(t *testing.T) sessiontest.Keeper { ledgerBench(t, database, owner); return database })
	require.Empty(t, w.refused())
}

// The wire refuses what it is there to refuse.
func TestWireRefuses(t *testing.T) {
	url, _ := migrated(t)
	w := proxied(t, url)
	for i, statement := range []string{
		`SET search_path TO public`, ` set local x.y = 1`, `SELECT 1; SET x.y = 1`, `LISTEN orders`, `SELECT nextval('s')`,
		`SELECT pg_advisory_xact_lock(1)`, `SELECT pg_try_advisory_lock(1)`, `PREPARE x AS SELECT 1`, `CREATE TEMP TABLE x ()`,
		`SELECT set_config('x.y', '1', true)`, `DECLARE c CURSOR FOR SELECT 1`, `SELECT 1 /*` + strings.Repeat("x", longestText) + `*/`,
	} {
		for _, mode := range []pgx.QueryExecMode{pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol} {
			conn, err := pgx.Connect(t.Context(), w.URL)
			require.NoError(t, err)
			_, err = conn.Exec(t.Context(), statement, mode)
			require.Error(t, err)
			_ = conn.Close(t.Context())
		}
		require.Len(t, w.refused(), 2*(i+1), "%.40s", statement)
	}
	before := len(w.refused())
	conn, err := pgx.Connect(t.Context(), w.URL)
	require.NoError(t, err)
	_, err = conn.Prepare(t.Context(), "mine", `SELECT 1`)
	require.Error(t, err)
	require.Len(t, w.refused(), before+1)
	for _, fine := range []string{`UPDATE users SET user_id = user_id`, `SELECT 'reset'`} {
		require.False(t, pins.MatchString(fine), fine)
	}
}

// An order whose commit was cut off – before it, or in the answer to it – is accepted once, and the caller is told so.
// The same holds for what a worker reports, which is committed again until it is confirmed.
func TestCommitsCutOff(t *testing.T) {
	url, owner := migrated(t)
	w := proxied(t, url)
	database := connected(t, w.URL, 4)
	ledger := order.New(database, order.Rules{})
	for _, at := range []string{beforeCommit, afterCommit} {
		t.Run(at, func(t *testing.T) {
			bench := ledgerBench(t, database, owner)
			bench.Account("ann")
			bench.Session("ann", order.Session{Epoch: 7, Worker: "w", Host: "h", Life: 1})
			cut := at
			w.cut.Store(&cut)
			a, err := ledger.Accept(t.Context(), "ann", order.Draft{
				Key: "k", Symbol: "X", Side: fleet.Buy, Quantity: decimal.NewFromInt(1), Type: fleet.Market, TimeInForce: fleet.Day,
			})
			require.NoError(t, err)
			require.Nil(t, w.cut.Load(), "nothing was cut")
			require.False(t, a.Replayed)
			require.Equal(t, order.Dispatched, a.State)
			orders, err := bench.Orders(t.Context(), "ann", 0, 10)
			require.NoError(t, err)
			require.Len(t, orders, 1)
			require.Equal(t, a.ID, orders[0].ID)
			events, err := bench.Events(t.Context(), "ann", 0, 10)
			require.NoError(t, err)
			require.Len(t, events, 2)

			filled := fleet.Outcome{User: "ann", Epoch: 7, Order: a.ID, Number: 1, State: fleet.OutcomeFilled,
				Fills: []fleet.Fill{{ID: "f", Quantity: decimal.NewFromInt(1), Price: decimal.NewFromInt(9)}}}
			w.cut.Store(&cut)
			_, _, err = ledger.Commit(t.Context(), "ann", []fleet.Outcome{filled})
			require.Error(t, err, "nobody knows whether it is committed")
			require.False(t, order.Refusal(err))
			kept, err := bench.Order(t.Context(), "ann", a.ID)
			require.NoError(t, err)
			require.Equal(t, at == afterCommit, kept.State == order.Filled)
			_, _, err = ledger.Commit(t.Context(), "ann", []fleet.Outcome{filled})
			require.NoError(t, err)
			kept, err = bench.Order(t.Context(), "ann", a.ID)
			require.NoError(t, err)
			require.Equal(t, order.Filled, kept.State)
			require.Len(t, kept.Fills, 1)
		})
	}
}
