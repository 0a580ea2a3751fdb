package sqlite

import (
	"context"
	"fmt"
	"time"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/order"
)

var _ order.Switches = (*Database)(nil)

// The user's own switch and the operators' for all stand in one table, the operators' for single users in another, where no
// user's request reaches.
const (
	halt = `
INSERT INTO halts (user_id, reason) VALUES (?, ?)
ON CONFLICT (user_id) DO UPDATE SET reason = excluded.reason, since = excluded.since`
	unhalt  = `DELETE FROM halts WHERE user_id = ?`
	suspend = `
INSERT INTO operator_halts (user_id, reason) VALUES (?, ?)
ON CONFLICT (user_id) DO UPDATE SET reason = excluded.reason, since = excluded.since`
	unsuspend = `DELETE FROM operator_halts WHERE user_id = ?`
)

// Halt: see [order.Switches].
func (d *Database) Halt(ctx context.Context, user fleet.User, on bool, reason string) error {
	if on {
		return d.turn(ctx, halt, string(user), reason)
	}
	return d.turn(ctx, unhalt, string(user))
}

// Suspend: see [order.Switches].
func (d *Database) Suspend(ctx context.Context, user fleet.User, on bool, reason string) error {
	if on {
		return d.turn(ctx, suspend, string(user), reason)
	}
	return d.turn(ctx, unsuspend, string(user))
}

func (d *Database) turn(ctx context.Context, statement string, args ...any) error {
	if _, err := d.db.ExecContext(ctx, statement, args...); err != nil {
		return fmt.Errorf("switch orders: %w", err)
	}
	return nil
}

const listHalts = `
SELECT user_id, reason, since, user_id = '' FROM halts
UNION ALL SELECT user_id, reason, since, 1 FROM operator_halts
 ORDER BY 1, 4`

// Halts: see [order.Switches].
func (d *Database) Halts(ctx context.Context) ([]order.Halt, error) {
	rows, err := d.db.QueryContext(ctx, listHalts)
	halts, err := list(rows, err, func(scan func(...any) error) (h order.Halt, err error) {
		var since int64
		err = scan(&h.User, &h.Reason, &since, &h.Operator)
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

// Unsettled: see [order.Switches].
func (d *Database) Unsettled(ctx context.Context) (n int, err error) {
	err = d.db.QueryRowContext(ctx, `SELECT count(*) FROM orders WHERE state = 'unknown' AND check_at IS NOT NULL`).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count the orders that are looked up: %w", err)
	}
	return n, nil
}
