package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/webhook"
)

var _ webhook.Store = (*Database)(nil)

// Hook: see [webhook.Store].
func (d *Database) Hook(ctx context.Context, name string) (webhook.Hook, error) {
	h := webhook.Hook{Name: name}
	var millis int64
	err := d.db.QueryRowContext(ctx, `SELECT user_id, secret, created_at FROM webhooks WHERE name = ?`, name).Scan(&h.User, &h.Secret, &millis)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return h, webhook.ErrToken
	case err != nil:
		return h, fmt.Errorf("find a webhook: %w", err)
	}
	h.CreatedAt = time.UnixMilli(millis)
	return h, nil
}

// AddHook: see [webhook.Store].
func (d *Database) AddHook(ctx context.Context, h webhook.Hook) error {
	_, err := d.db.ExecContext(ctx, `
INSERT INTO users (user_id) VALUES (?2) ON CONFLICT DO NOTHING;
INSERT INTO webhooks (name, user_id, secret) VALUES (?1, ?2, ?3);`, h.Name, string(h.User), h.Secret)
	if err != nil {
		return fmt.Errorf("keep a webhook of %s: %w", h.User, err)
	}
	return nil
}

// Hooks: see [webhook.Store].
func (d *Database) Hooks(ctx context.Context, user fleet.User) (hooks []webhook.Hook, err error) {
	rows, err := d.db.QueryContext(ctx, `SELECT name, user_id, secret, created_at FROM webhooks WHERE user_id = ? ORDER BY created_at, name`, string(user))
	if err != nil {
		return nil, fmt.Errorf("list the webhooks of %s: %w", user, err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var h webhook.Hook
		var millis int64
		if err := rows.Scan(&h.Name, &h.User, &h.Secret, &millis); err != nil {
			return nil, fmt.Errorf("list the webhooks of %s: %w", user, err)
		}
		h.CreatedAt = time.UnixMilli(millis)
		hooks = append(hooks, h)
	}
	return hooks, rows.Err()
}

// RemoveHook: see [webhook.Store].
func (d *Database) RemoveHook(ctx context.Context, user fleet.User, name string) error {
	result, err := d.db.ExecContext(ctx, `DELETE FROM webhooks WHERE name = ? AND user_id = ?`, name, string(user))
	if err != nil {
		return fmt.Errorf("remove a webhook of %s: %w", user, err)
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return errors.Join(webhook.ErrToken, err)
	}
	return nil
}
