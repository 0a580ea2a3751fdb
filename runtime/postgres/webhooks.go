package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/webhook"
)

var _ webhook.Store = (*Database)(nil)

// Hook: see [webhook.Store].
func (d *Database) Hook(ctx context.Context, name string) (webhook.Hook, error) {
	h := webhook.Hook{Name: name}
	err := d.pool.QueryRow(ctx, `SELECT user_id, secret, created_at FROM webhooks WHERE name = $1`, name).Scan(&h.User, &h.Secret, &h.CreatedAt)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return h, webhook.ErrToken
	case err != nil:
		return h, fmt.Errorf("find a webhook: %w", err)
	}
	return h, nil
}

// AddHook: see [webhook.Store].
func (d *Database) AddHook(ctx context.Context, h webhook.Hook) error {
	_, err := d.pool.Exec(ctx, `
WITH known AS (INSERT INTO users (user_id) VALUES ($2) ON CONFLICT DO NOTHING)
INSERT INTO webhooks (name, user_id, secret) VALUES ($1, $2, $3)`, h.Name, string(h.User), h.Secret)
	if err != nil {
		return fmt.Errorf("keep a webhook of %s: %w", h.User, err)
	}
	return nil
}

// Hooks: see [webhook.Store].
func (d *Database) Hooks(ctx context.Context, user fleet.User) ([]webhook.Hook, error) {
	rows, err := d.pool.Query(ctx, `SELECT name, user_id, secret, created_at FROM webhooks WHERE user_id = $1 ORDER BY created_at, name`, string(user))
	if err != nil {
		return nil, fmt.Errorf("list the webhooks of %s: %w", user, err)
	}
	hooks, err := pgx.CollectRows(rows, pgx.RowToStructByPos[webhook.Hook])
	if err != nil {
		return nil, fmt.Errorf("list the webhooks of %s: %w", user, err)
	}
	return hooks, nil
}

// RemoveHook: see [webhook.Store].
func (d *Database) RemoveHook(ctx context.Context, user fleet.User, name string) error {
	tag, err := d.pool.Exec(ctx, `DELETE FROM webhooks WHERE name = $1 AND user_id = $2`, name, string(user))
	switch {
	case err != nil:
		return fmt.Errorf("remove a webhook of %s: %w", user, err)
	case tag.RowsAffected() == 0:
		return webhook.ErrToken
	}
	return nil
}
