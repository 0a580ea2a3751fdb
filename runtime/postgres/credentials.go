package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/session"
)

var _ session.Safe = (*Database)(nil)

// Encrypted: see [session.Safe].
func (d *Database) Encrypted(ctx context.Context, user fleet.User) ([]byte, error) {
	var ciphertext []byte
	err := d.pool.QueryRow(ctx, `SELECT ciphertext FROM credentials WHERE user_id = $1`, string(user)).Scan(&ciphertext)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nil, session.ErrNoCredentials
	case err != nil:
		return nil, fmt.Errorf("read credentials: %w", err)
	}
	return ciphertext, nil
}

// Keep: see [session.Safe].
func (d *Database) Keep(ctx context.Context, user fleet.User, ciphertext []byte) error {
	_, err := d.pool.Exec(ctx, `
WITH account AS (INSERT INTO users (user_id) VALUES ($1) ON CONFLICT DO NOTHING)
INSERT INTO credentials (user_id, ciphertext) VALUES ($1, $2)
ON CONFLICT (user_id) DO UPDATE SET ciphertext = excluded.ciphertext, updated_at = now()`, string(user), ciphertext)
	if err != nil {
		return fmt.Errorf("keep credentials: %w", err)
	}
	return nil
}
