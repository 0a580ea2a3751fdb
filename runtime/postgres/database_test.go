package postgres_test

import (
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"workerfleet/runtime/audit"
	"workerfleet/runtime/audit/audittest"
	"workerfleet/runtime/pool"
	"workerfleet/runtime/pool/pooltest"
	"workerfleet/runtime/postgres"
	"workerfleet/runtime/postgres/postgrestest"
	"workerfleet/runtime/session"
	"workerfleet/runtime/session/sessiontest"
	"workerfleet/runtime/webhook"
	"workerfleet/runtime/webhook/webhooktest"
)

// A real server, migrated from nothing, keeps the contract of all authorities, of the safe and of the history of claims. What a proxy in front of
// it would refuse is not shown here.
func TestDatabase(t *testing.T) {
	url := postgrestest.Server(t).URL
	applied, err := postgres.Migrate(t.Context(), url)
	require.NoError(t, err)
	require.NotEmpty(t, applied)
	applied, err = postgres.Migrate(t.Context(), url)
	require.NoError(t, err)
	require.Empty(t, applied, "migrated twice")
	database, err := postgres.Connect(t.Context(), url, postgres.Pool{})
	require.NoError(t, err)
	t.Cleanup(database.Disconnect)

	admin, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(func() { _ = admin.Close(t.Context()) })
	empty := func(t *testing.T) *postgres.Database {
		_, err := admin.Exec(t.Context(), `TRUNCATE users, user_session, arrivals, audit CASCADE`)
		require.NoError(t, err)
		return database
	}
	sessiontest.Run(t, func(t *testing.T) session.Authority { return empty(t) })
	pooltest.RunHistory(t, func(t *testing.T) pool.History { return empty(t) })
	sessiontest.RunSafe(t, func(t *testing.T) sessiontest.Keeper { return empty(t) })
	webhooktest.Run(t, func(t *testing.T) webhook.Store { return empty(t) })
	audittest.Run(t, func(t *testing.T) audit.Trail { return empty(t) })
}

// A URL that is none is refused without repeating it – it may hold a password – and a server that is not there says so.
func TestConnectRefusals(t *testing.T) {
	for _, connect := range []func(url string) error{
		func(url string) error { _, err := postgres.Connect(t.Context(), url, postgres.Pool{}); return err },
		func(url string) error { _, err := postgres.Migrate(t.Context(), url); return err },
	} {
		err := connect("postgres://fleet:hunter2@host:notaport/db")
		require.ErrorContains(t, err, "the URL is not understood; allowed: postgres://")
		require.NotContains(t, err.Error(), "hunter2")
		require.Error(t, connect("postgres://fleet@127.0.0.1:1/db?connect_timeout=1"))
	}
}
