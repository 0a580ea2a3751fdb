package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/jackc/pgx/v5"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"workerfleet/runtime/cmd/internal/program"
	"workerfleet/runtime/fleet"
	"workerfleet/runtime/order"
	machine "workerfleet/runtime/parts"
	"workerfleet/runtime/parts/partstest"
	"workerfleet/runtime/parts/server"
	"workerfleet/runtime/postgres/postgrestest"
	"workerfleet/runtime/secrets"
	"workerfleet/runtime/sqlite"
)

// run runs the program in these surroundings.
func run(ctx context.Context, getenv func(string) string, environ []string, output io.Writer) int {
	return program.Run(ctx, "migrate", program.Surroundings{Getenv: getenv, Environ: environ, Output: output}, migrate)
}

// Runs on an empty PostgreSQL, several at once, make the schema and the role, draw one password and hand it to the proxy's
// secret and to nobody else; a later run keeps it. That the role signs in with it is shown in package postgres.
func TestMigrate(t *testing.T) {
	database := postgrestest.Server(t)
	moto, err := server.Moto(t.Context(), partstest.Need(t, machine.Moto))
	require.NoError(t, err)
	t.Cleanup(moto.Stop)
	client := secretsmanager.NewFromConfig(aws.Config{Region: "eu-west-1", BaseEndpoint: &moto.URL, Credentials: credentials.NewStaticCredentialsProvider("a", "b", "")})
	made, err := client.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: aws.String("role")})
	require.NoError(t, err)
	env := map[string]string{
		"FLEET_TIER": "tier-1k", "FLEET_REGION": "eu-west-1", "FLEET_DATABASE_URL": database.URL, "FLEET_DATABASE_AUTH": "password",
		"FLEET_DATABASE_ROLE_SECRET": *made.ARN, "AWS_ENDPOINT_URL": moto.URL, "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b",
	}
	held := func() secrets.SignIn {
		kept, err := client.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: made.ARN})
		require.NoError(t, err)
		var signIn secrets.SignIn
		require.NoError(t, json.Unmarshal([]byte(*kept.SecretString), &signIn))
		return signIn
	}
	var group sync.WaitGroup
	outputs := make([]bytes.Buffer, 4)
	for i := range outputs {
		group.Go(func() {
			if code := run(t.Context(), func(name string) string { return env[name] }, nil, &outputs[i]); code != 0 {
				t.Errorf("ended with %d: %s", code, &outputs[i])
			}
		})
	}
	group.Wait()
	signIn := held()
	require.Equal(t, "fleet", signIn.User)
	require.Len(t, signIn.Password, 52)
	for i := range outputs {
		require.NotContains(t, outputs[i].String(), signIn.Password)
	}
	require.Equal(t, 0, run(t.Context(), func(name string) string { return env[name] }, nil, &outputs[0]))
	require.Equal(t, signIn, held(), "who signs in with it goes on")
	conn, err := pgx.Connect(t.Context(), database.URL)
	require.NoError(t, err)
	defer func() { _ = conn.Close(t.Context()) }()
	var allowed bool
	require.NoError(t, conn.QueryRow(t.Context(), `SELECT has_table_privilege('fleet', 'user_session', 'INSERT')`).Scan(&allowed))
	require.True(t, allowed)
}

// The owner's password from its secret is used, and said by nobody; what cannot work says why.
func TestRefusals(t *testing.T) {
	for want, env := range map[string]map[string]string{
		"FLEET_DATABASE_URL is required":         {"FLEET_TIER": "local"},
		"FLEET_DATABASE_URL has a value for one": {"FLEET_TIER": "tier-1k", "FLEET_DATABASE_URL": "sqlite:/tmp/x", "FLEET_DATABASE_AUTH": "password"},
		"FLEET_ORDERS_USER: ":                    {"FLEET_TIER": "local", "FLEET_DATABASE_URL": "sqlite:" + filepath.Join(t.TempDir(), "x.db"), "FLEET_DATABASE_AUTH": "password", "FLEET_ORDERS": "halt", "FLEET_ORDERS_USER": "a b"},
		"FLEET_ORDERS is missing":                {"FLEET_TIER": "local", "FLEET_DATABASE_URL": "sqlite:" + filepath.Join(t.TempDir(), "x.db"), "FLEET_DATABASE_AUTH": "password", "FLEET_ORDERS_USER": "ann"},
		"FLEET_ORDERS_USER stands beside":        {"FLEET_TIER": "local", "FLEET_DATABASE_URL": "sqlite:" + filepath.Join(t.TempDir(), "x.db"), "FLEET_DATABASE_AUTH": "password", "FLEET_ORDERS": "recover", "FLEET_ORDERS_USER": "ann"},
		"migrate: ":                              {"FLEET_TIER": "tier-1k", "FLEET_DATABASE_URL": "postgres://o@127.0.0.1:1/db?connect_timeout=1", "FLEET_DATABASE_AUTH": "password", "FLEET_DATABASE_PASSWORD": "hunter2"},
	} {
		var output bytes.Buffer
		require.NotZero(t, run(t.Context(), func(name string) string { return env[name] }, nil, &output))
		require.Contains(t, output.String(), want)
		require.NotContains(t, output.String(), "hunter2")
	}
	env := map[string]string{"FLEET_TIER": "local", "FLEET_DATABASE_URL": "sqlite:" + filepath.Join(t.TempDir(), "fleet.db"), "FLEET_DATABASE_AUTH": "password"}
	require.Zero(t, run(t.Context(), func(name string) string { return env[name] }, nil, &bytes.Buffer{}), "the stand-in of one machine")
}

// A run that an operator asks for turns the switch for all orders, and takes the ledger of a backup for what it is.
func TestOrders(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fleet.db")
	file, err := sqlite.Open(t.Context(), path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, file.Disconnect()) })
	require.NoError(t, file.Keep(t.Context(), "ann", []byte("c")))
	ledger := order.New(file, order.Rules{})
	draft := order.Draft{Key: "k", Symbol: "A", Side: fleet.Buy, Quantity: decimal.NewFromInt(1), Type: fleet.Market, TimeInForce: fleet.Day}
	accepted, err := ledger.Accept(t.Context(), "ann", draft)
	require.NoError(t, err)
	var output bytes.Buffer
	code := 0
	turn := func(to string, more ...string) []order.Halt {
		env := map[string]string{"FLEET_TIER": "local", "FLEET_DATABASE_URL": "sqlite:" + path, "FLEET_DATABASE_AUTH": "password", "FLEET_ORDERS": to}
		for _, variable := range more {
			name, value, _ := strings.Cut(variable, "=")
			env[name] = value
		}
		output.Reset()
		require.Equal(t, code, run(t.Context(), func(name string) string { return env[name] }, nil, &output), "%s", &output)
		halts, err := file.Halts(t.Context())
		require.NoError(t, err)
		return halts
	}
	require.Len(t, turn("halt"), 1)
	draft.Key = "another"
	_, err = ledger.Accept(t.Context(), "ann", draft)
	require.ErrorIs(t, err, order.ErrHalted)
	require.Empty(t, turn("resume"))
	of := turn("halt", "FLEET_ORDERS_USER=ann", "FLEET_ORDERS_REASON=a complaint")
	require.Len(t, of, 1)
	require.Equal(t, order.Halt{User: "ann", Reason: "a complaint", Since: of[0].Since, Operator: true}, of[0])
	require.NoError(t, file.Halt(t.Context(), "ann", false, ""))
	_, err = ledger.Accept(t.Context(), "ann", draft)
	require.ErrorIs(t, err, order.ErrSuspended, "a user has lifted an operator's switch")
	require.Len(t, turn("resume"), 1, "resume for all lifts one user's")
	require.Empty(t, turn("resume", "FLEET_ORDERS_USER=ann"))
	require.Len(t, turn("recover"), 1)
	r, err := file.Order(t.Context(), "ann", accepted.ID)
	require.NoError(t, err)
	require.Equal(t, order.Unknown, r.State)
	code = 1
	require.Len(t, turn("resume"), 1, "orders are on though nobody knows which were sent")
	require.Contains(t, output.String(), "1 orders of the restored ledger are still being looked up")
	code = 0
	require.Empty(t, turn("resume-anyway"))
	require.Len(t, turn("halt"), 1)
	require.Empty(t, turn("resume"), "an ordinary halt waits for the broker")
}
