package postgres

import (
	"context"
	"fmt"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/session"
)

var _ session.Safe = (*Database)(nil)

// Encrypted: see [session.Safe].
func (d *Database) Encrypted(ctx context.Context, user fleet.User) ([]byte, error) {
	kept, err := d.deposits.Do(ctx, user)
	switch {
	case err != nil:
		return nil, fmt.Errorf("read credentials: %w", err)
	case kept.ciphertext == nil:
		return nil, session.ErrNoCredentials
	case kept.since != nil:
		return nil, &session.Refused{Reason: kept.refused, Since: *kept.since}
	}
	return kept.ciphertext, nil
}

// Refuse: see [session.Safe].
func (d *Database) Refuse(ctx context.Context, user fleet.User, epoch fleet.Epoch, reason string) error {
	_, err := d.pool.Exec(ctx, `
UPDATE credentials c SET refused_at = now(), refused = $3 FROM user_session s
 WHERE c.user_id = $1 AND s.user_id = $1 AND s.epoch = $2 AND c.updated_at <= COALESCE(s.begun_at, s.began_at) - $4::bigint * interval '1 millisecond'`,
		string(user), int64(epoch), reason, session.KeptBefore.Milliseconds())
	if err != nil {
		return fmt.Errorf("note that credentials are refused: %w", err)
	}
	return nil
}

// Keep: see [session.Safe].
func (d *Database) Keep(ctx context.Context, user fleet.User, ciphertext []byte) error {
	_, err := d.pool.Exec(ctx, `
WITH account AS (INSERT INTO users (user_id) VALUES ($1) ON CONFLICT DO NOTHING)
INSERT INTO credentials (user_id, ciphertext) VALUES ($1, $2)
ON CONFLICT (user_id) DO UPDATE SET ciphertext = excluded.ciphertext, updated_at = now(), refused_at = NULL`, string(user), ciphertext)
	if err != nil {
		return fmt.Errorf("keep credentials: %w", err)
	}
	return nil
}
