package sqlite

import (
	"context"
	"fmt"
	"time"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/order"
)

var _ order.Switches = (*Database)(nil)

const halt = `
INSERT INTO halts (user_id, reason) VALUES (?, ?)
ON CONFLICT (user_id) DO UPDATE SET reason = excluded.reason, since = excluded.since`

// Halt: see [order.Switches].
func (d *Database) Halt(ctx context.Context, user fleet.User, on bool, reason string) (err error) {
	if on {
		_, err = d.db.ExecContext(ctx, halt, string(user), reason)
	} else {
		_, err = d.db.ExecContext(ctx, `DELETE FROM halts WHERE user_id = ?`, string(user))
	}
	if err != nil {
		return fmt.Errorf("switch orders: %w", err)
	}
	return nil
}

// Halts: see [order.Switches].
func (d *Database) Halts(ctx context.Context) ([]order.Halt, error) {
	rows, err := d.db.QueryContext(ctx, `SELECT user_id, reason, since FROM halts ORDER BY user_id`)
	halts, err := list(rows, err, func(scan func(...any) error) (h order.Halt, err error) {
		var since int64
		err = scan(&h.User, &h.Reason, &since)
		h.Since = time.UnixMilli(since)
		return h, err
	})
	if err != nil {
		return nil, fmt.Errorf("list halts: %w", err)
	}
	return halts, nil
}

const recoverOrders = `
UPDATE orders SET state = 'unknown', doubted = 1, proven = false, reason = ?, check_at = ` + now + `, checks = 0,
       emit_by = max(COALESCE(emit_by, 0), valid_until), changed_at = ` + now + `
 WHERE state IN ('accepted', 'dispatched', 'working', 'unknown')`

// Recover: see [order.Switches].
func (d *Database) Recover(ctx context.Context) (int, error) {
	tx, err := d.db.BeginTx(ctx, nil)
	if err != nil {
		return 0, fmt.Errorf("recover the orders: %w", err)
	}
	defer func() { _ = tx.Rollback() }()
	if _, err := tx.ExecContext(ctx, halt, "", order.Recovering); err != nil {
		return 0, fmt.Errorf("recover the orders: %w", err)
	}
	done, err := tx.ExecContext(ctx, recoverOrders, order.Recovering)
	if err != nil {
		return 0, fmt.Errorf("recover the orders: %w", err)
	}
	unknown, err := done.RowsAffected()
	if err != nil {
		return 0, fmt.Errorf("recover the orders: %w", err)
	}
	if err := tx.Commit(); err != nil {
		return 0, fmt.Errorf("recover the orders: %w", err)
	}
	return int(unknown), nil
}
