package postgres_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"workerfleet/runtime/postgres"
	"workerfleet/runtime/postgres/postgrestest"
)

// The role signs in with its password, and after the next run with the new one only; it may change rows and no table.
// The server keeps and logs no password. Its files of access rules are rewritten by itself, so that it asks for one.
func TestGrant(t *testing.T) {
	server := postgrestest.Server(t)
	_, err := postgres.Migrate(t.Context(), server.URL)
	require.NoError(t, err)
	owner, err := pgx.Connect(t.Context(), server.URL)
	require.NoError(t, err)
	t.Cleanup(func() { _ = owner.Close(t.Context()) })
	var rules string
	require.NoError(t, owner.QueryRow(t.Context(), `SHOW hba_file`).Scan(&rules))
	_, err = owner.Exec(t.Context(), fmt.Sprintf(`COPY (SELECT 'local all fleet trust' UNION ALL SELECT 'local all all scram-sha-256') TO '%s'`, rules))
	require.NoError(t, err)
	_, err = owner.Exec(t.Context(), `SELECT pg_reload_conf()`)
	require.NoError(t, err)

	u, err := url.Parse(server.URL)
	require.NoError(t, err)
	signIn := func(password string) (*pgx.Conn, error) {
		query := u.Query()
		query.Set("user", "app's")
		query.Set("password", password)
		return pgx.Connect(t.Context(), "postgres:///postgres?"+strings.ReplaceAll(query.Encode(), "+", "%20"))
	}
	const first, second = "it's \\ a password", "another one"
	require.NoError(t, postgres.Grant(t.Context(), server.URL, postgres.Role{Name: "app's", Password: first}))
	app, err := signIn(first)
	require.NoError(t, err)
	_, err = app.Exec(t.Context(), `INSERT INTO users (user_id) VALUES ('ann')`)
	require.NoError(t, err)
	_, err = app.Exec(t.Context(), `CREATE TABLE mine ()`)
	require.ErrorContains(t, err, "permission denied")
	for _, refused := range []string{
		`DELETE FROM goose_db_version`, `DELETE FROM orders`, `DELETE FROM order_book`, `DELETE FROM fills`, `UPDATE fills SET leg = 0`,
		`DELETE FROM order_events`, `UPDATE order_events SET number = 0`, `TRUNCATE order_events`,
		`DELETE FROM operator_halts`, `INSERT INTO operator_halts (user_id, reason) VALUES ('', '')`, `UPDATE operator_halts SET reason = ''`,
		`DELETE FROM audit`, `UPDATE audit SET detail = ''`,
	} {
		_, err = app.Exec(t.Context(), refused)
		require.ErrorContains(t, err, "permission denied", refused)
	}
	require.NoError(t, app.Close(t.Context()))
	var kept string
	require.NoError(t, owner.QueryRow(t.Context(), `SELECT rolpassword FROM pg_authid WHERE rolname = 'app''s'`).Scan(&kept))
	require.Regexp(t, `^SCRAM-SHA-256\$4096:`, kept)

	require.NoError(t, postgres.Grant(t.Context(), server.URL, postgres.Role{Name: "app's", Password: second}))
	_, err = signIn(first)
	require.ErrorContains(t, err, "password authentication failed")
	app, err = signIn(second)
	require.NoError(t, err)
	require.NoError(t, app.Close(t.Context()))
	require.Error(t, postgres.Grant(t.Context(), "postgres://fleet@127.0.0.1:1/db?connect_timeout=1", postgres.Role{Name: "app"}))
}
