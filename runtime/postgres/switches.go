package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/order"
)

var _ order.Switches = (*Database)(nil)

// The user's own switch and the operators' for all stand in one table, the operators' for single users in another, where no
// user's request reaches.
const (
	halt = `
INSERT INTO halts (user_id, reason) VALUES ($1, $2)
ON CONFLICT (user_id) DO UPDATE SET reason = excluded.reason, since = excluded.since`
	unhalt  = `DELETE FROM halts WHERE user_id = $1`
	suspend = `
INSERT INTO operator_halts (user_id, reason) VALUES ($1, $2)
ON CONFLICT (user_id) DO UPDATE SET reason = excluded.reason, since = excluded.since`
	unsuspend = `DELETE FROM operator_halts WHERE user_id = $1`
)

// Halt: see [order.Switches]. A turn that has begun may still mark an order.
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
	if _, err := d.pool.Exec(ctx, statement, args...); err != nil {
		return fmt.Errorf("switch orders: %w", err)
	}
	return nil
}

const listHalts = `
SELECT user_id, reason, since, user_id = '' FROM halts
UNION ALL SELECT user_id, reason, since, true FROM operator_halts
 ORDER BY 1, 4`

// Halts: see [order.Switches].
func (d *Database) Halts(ctx context.Context) ([]order.Halt, error) {
	rows, err := d.pool.Query(ctx, listHalts)
	if err != nil {
		return nil, fmt.Errorf("list halts: %w", err)
	}
	halts, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (h order.Halt, err error) {
		var user string
		err = row.Scan(&user, &h.Reason, &h.Since, &h.Operator)
		h.User = fleet.User(user)
		return h, err
	})
	if err != nil {
		return nil, fmt.Errorf("list halts: %w", err)
	}
	return halts, nil
}

const recoverOrders = `
UPDATE orders SET state = 'unknown', doubted = true, proven = false, reason = $1, check_at = statement_timestamp(), checks = 0,
       emit_by = greatest(emit_by, valid_until), changed_at = statement_timestamp()
 WHERE state IN ('accepted', 'dispatched', 'working', 'unknown')`

// Recover: see [order.Switches]. It locks all books, in one order, so that no turn is under way that has not read the
// halt, and none waits for an order's row that this one waits for.
func (d *Database) Recover(ctx context.Context) (unknown int, err error) {
	conn, err := d.pool.Acquire(ctx)
	if err != nil {
		return 0, fmt.Errorf("recover the orders: %w", err)
	}
	defer conn.Release()
	b := &pgx.Batch{}
	b.Queue(`BEGIN`)
	b.Queue(`SELECT FROM order_book ORDER BY user_id FOR UPDATE`)
	b.Queue(halt, "", order.Recovering)
	b.Queue(recoverOrders, order.Recovering).Exec(func(done pgconn.CommandTag) error {
		unknown = int(done.RowsAffected())
		return nil
	})
	b.Queue(`COMMIT`)
	if err := conn.SendBatch(ctx, b).Close(); err != nil {
		rollback(ctx, conn)
		return 0, fmt.Errorf("recover the orders: %w", err)
	}
	return unknown, nil
}

// Unsettled: see [order.Switches].
func (d *Database) Unsettled(ctx context.Context) (n int, err error) {
	err = d.pool.QueryRow(ctx, `SELECT count(*) FROM orders WHERE state = 'unknown' AND check_at IS NOT NULL`).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count the orders that are looked up: %w", err)
	}
	return n, nil
}
