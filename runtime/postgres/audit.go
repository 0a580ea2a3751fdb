package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"workerfleet/runtime/audit"
	"workerfleet/runtime/fleet"
)

var _ audit.Trail = (*Database)(nil)

// Note: see [audit.Trail].
func (d *Database) Note(ctx context.Context, e audit.Entry) error {
	_, err := d.pool.Exec(ctx, `
INSERT INTO audit (id, user_id, action, detail, at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`,
		e.ID, string(e.User), string(e.Action), e.Detail, e.At)
	if err != nil {
		return fmt.Errorf("note %s of %s: %w", e.Action, e.User, err)
	}
	return nil
}

// Entries: see [audit.Trail].
func (d *Database) Entries(ctx context.Context, user fleet.User, limit int) ([]audit.Entry, error) {
	rows, err := d.pool.Query(ctx, `
SELECT id, user_id, action, detail, at FROM audit WHERE user_id = $1 ORDER BY at DESC, id LIMIT $2`, string(user), limit)
	if err != nil {
		return nil, fmt.Errorf("list what %s did: %w", user, err)
	}
	entries, err := pgx.CollectRows(rows, pgx.RowToStructByPos[audit.Entry])
	if err != nil {
		return nil, fmt.Errorf("list what %s did: %w", user, err)
	}
	return entries, nil
}
