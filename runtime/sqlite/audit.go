package sqlite

import (
	"context"
	"errors"
	"fmt"
	"time"

	"workerfleet/runtime/audit"
	"workerfleet/runtime/fleet"
)

var _ audit.Trail = (*Database)(nil)

// Note: see [audit.Trail].
func (d *Database) Note(ctx context.Context, e audit.Entry) error {
	_, err := d.db.ExecContext(ctx, `INSERT INTO audit (id, user_id, action, detail, at) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
		e.ID, string(e.User), string(e.Action), e.Detail, e.At.UnixMilli())
	if err != nil {
		return fmt.Errorf("note %s of %s: %w", e.Action, e.User, err)
	}
	return nil
}

// Entries: see [audit.Trail].
func (d *Database) Entries(ctx context.Context, user fleet.User, limit int) (entries []audit.Entry, err error) {
	rows, err := d.db.QueryContext(ctx, `
SELECT id, user_id, action, detail, at FROM audit WHERE user_id = ? ORDER BY at DESC, id LIMIT ?`, string(user), limit)
	if err != nil {
		return nil, fmt.Errorf("list what %s did: %w", user, err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var e audit.Entry
		var millis int64
		if err := rows.Scan(&e.ID, &e.User, &e.Action, &e.Detail, &millis); err != nil {
			return nil, fmt.Errorf("list what %s did: %w", user, err)
		}
		e.At = time.UnixMilli(millis)
		entries = append(entries, e)
	}
	return entries, rows.Err()
}
