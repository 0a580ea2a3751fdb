package postgres

import (
	"context"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Role is the role that processes sign in as.
type Role struct {
	Name string
	// Password is what a proxy signs in with; empty leaves the role without one. The role is not given rds_iam: RDS would
	// then refuse the password, and it is the proxy that asks clients for tokens.
	Password string
}

// Grant makes the role, or changes it, and gives it the use of all tables that are there: rows, not the schema. It needs
// a connection of the owner's own, to the writer. Names are quoted by the server, because DDL takes no parameters; the
// password reaches it as a SCRAM verifier, so that no log of statements can hold it.
func Grant(ctx context.Context, url string, r Role) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return fmt.Errorf("database: connect: %w", err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	tx, err := conn.Begin(ctx)
	if err != nil {
		return fmt.Errorf("make the role: %w", err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }()
	// The server refuses two who change one role at once; they take turns.
	if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtext('workerfleet role'))`); err != nil {
		return fmt.Errorf("wait for another run: %w", err)
	}
	statements, err := r.statements(ctx, tx)
	if err != nil {
		return err
	}
	for _, statement := range statements {
		if _, err := tx.Exec(ctx, statement); err != nil {
			return fmt.Errorf("make the role %s: %w", r.Name, err)
		}
	}
	if err := tx.Commit(ctx); err != nil {
		return fmt.Errorf("make the role %s: %w", r.Name, err)
	}
	return nil
}

func (r Role) statements(ctx context.Context, tx pgx.Tx) ([]string, error) {
	verifier, err := scram(r.Password)
	if err != nil {
		return nil, err
	}
	var name, password string
	var exists bool
	err = tx.QueryRow(ctx, `SELECT quote_ident($1), quote_literal($2), EXISTS (SELECT FROM pg_roles WHERE rolname = $1)`, r.Name, verifier).
		Scan(&name, &password, &exists)
	if err != nil {
		return nil, fmt.Errorf("look for the role %s: %w", r.Name, err)
	}
	var statements []string
	if !exists {
		statements = append(statements, "CREATE ROLE "+name+" LOGIN")
	}
	if r.Password != "" {
		statements = append(statements, "ALTER ROLE "+name+" PASSWORD "+password)
	}
	return append(statements,
		"GRANT USAGE ON SCHEMA public TO "+name,
		"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO "+name,
		"REVOKE INSERT, UPDATE, DELETE ON goose_db_version FROM "+name,
		// What was done and told stays as it is.
		"REVOKE UPDATE, DELETE ON fills, order_events, audit FROM "+name,
		"REVOKE DELETE ON orders, order_book FROM "+name,
		// An operator's switch is turned by the owner alone.
		"REVOKE INSERT, UPDATE, DELETE ON operator_halts FROM "+name,
	), nil
}

// scramRounds is PostgreSQL's own default.
const scramRounds = 4096

// scram is what PostgreSQL keeps of a password (RFC 5803).
func scram(password string) (string, error) {
	salt := make([]byte, 16)
	_, _ = rand.Read(salt) // never fails
	salted, err := pbkdf2.Key(sha256.New, password, salt, scramRounds, sha256.Size)
	if err != nil {
		return "", fmt.Errorf("hash the password: %w", err)
	}
	mac := func(text string) []byte {
		m := hmac.New(sha256.New, salted)
		m.Write([]byte(text))
		return m.Sum(nil)
	}
	stored := sha256.Sum256(mac("Client Key"))
	encode := base64.StdEncoding.EncodeToString
	return fmt.Sprintf("SCRAM-SHA-256$%d:%s$%s:%s", scramRounds, encode(salt), encode(stored[:]), encode(mac("Server Key"))), nil
}
