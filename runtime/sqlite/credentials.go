package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/session"
)

var _ session.Safe = (*Database)(nil)

// Encrypted: see [session.Safe].
func (d *Database) Encrypted(ctx context.Context, user fleet.User) ([]byte, error) {
	var ciphertext []byte
	var since sql.NullInt64
	var refused session.Refused
	err := d.db.QueryRowContext(ctx, `
SELECT ciphertext, CASE WHEN refused_at >= updated_at THEN refused_at END, refused FROM credentials WHERE user_id = ?`, string(user)).
		Scan(&ciphertext, &since, &refused.Reason)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, session.ErrNoCredentials
	case err != nil:
		return nil, fmt.Errorf("read credentials: %w", err)
	case since.Valid:
		refused.Since = time.UnixMilli(since.Int64)
		return nil, &refused
	}
	return ciphertext, nil
}

// Refuse: see [session.Safe].
func (d *Database) Refuse(ctx context.Context, user fleet.User, epoch fleet.Epoch, reason string) error {
	_, err := d.db.ExecContext(ctx, `
UPDATE credentials SET refused_at = `+now+`, refused = ?3
 WHERE user_id = ?1 AND updated_at <= (SELECT COALESCE(begun_at, began_at) FROM user_session WHERE user_id = ?1 AND epoch = ?2) - ?4`,
		string(user), int64(epoch), reason, session.KeptBefore.Milliseconds())
	if err != nil {
		return fmt.Errorf("note that credentials are refused: %w", err)
	}
	return nil
}

// Keep: see [session.Safe].
func (d *Database) Keep(ctx context.Context, user fleet.User, ciphertext []byte) error {
	_, err := d.db.ExecContext(ctx, `
INSERT INTO users (user_id) VALUES (?1) ON CONFLICT DO NOTHING;
INSERT INTO credentials (user_id, ciphertext) VALUES (?1, ?2)
ON CONFLICT (user_id) DO UPDATE SET ciphertext = excluded.ciphertext, updated_at = CAST(unixepoch('subsec') * 1000 AS INTEGER),
   refused_at = NULL;`,
		string(user), ciphertext)
	if err != nil {
		return fmt.Errorf("keep credentials: %w", err)
	}
	return nil
}
