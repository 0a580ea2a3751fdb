package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/order"
)

var _ order.Reader = (*Database)(nil)

const oneOrder = `
SELECT ` + columns + `
  FROM orders o LEFT JOIN fills f ON f.order_id = o.id
 WHERE o.user_id = ? AND o.id = ?
 ORDER BY o.sequence, f.at, f.leg, f.id`

const pageOfOrders = `
SELECT ` + columns + `
  FROM (SELECT * FROM orders WHERE user_id = ?1 AND (?2 = 0 OR sequence < ?2) ORDER BY sequence DESC LIMIT ?3) o
  LEFT JOIN fills f ON f.order_id = o.id
 ORDER BY o.sequence DESC, f.at, f.leg, f.id`

// Order: see [order.Reader].
func (d *Database) Order(ctx context.Context, user fleet.User, id fleet.OrderID) (order.Record, error) {
	found, err := collectOrders(d.db.QueryContext(ctx, oneOrder, string(user), string(id)))
	switch {
	case err != nil:
		return order.Record{}, fmt.Errorf("read an order: %w", err)
	case len(found) == 0:
		return order.Record{}, order.ErrNotFound
	}
	return *found[0], nil
}

// Orders: see [order.Reader].
func (d *Database) Orders(ctx context.Context, user fleet.User, below uint64, limit int) ([]order.Record, error) {
	found, err := collectOrders(d.db.QueryContext(ctx, pageOfOrders, string(user), int64(below), limit))
	if err != nil {
		return nil, fmt.Errorf("read orders: %w", err)
	}
	records := make([]order.Record, len(found))
	for i, r := range found {
		records[i] = *r
	}
	return records, nil
}

// list reads all rows of a statement.
func list[T any](rows *sql.Rows, err error, scan func(scan func(...any) error) (T, error)) (all []T, _ error) {
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		one, err := scan(rows.Scan)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, errors.Join(rows.Err(), rows.Close())
}

// Events: see [order.Reader].
func (d *Database) Events(ctx context.Context, user fleet.User, after uint64, limit int) ([]order.Event, error) {
	rows, err := d.db.QueryContext(ctx, `
SELECT number, order_id, state, reason, filled, quantity, symbol, at
  FROM order_events WHERE user_id = ? AND number > ? ORDER BY number LIMIT ?`, string(user), int64(after), limit)
	events, err := list(rows, err, func(scan func(...any) error) (e order.Event, err error) {
		var at int64
		err = scan(&e.Number, &e.Order, &e.State, &e.Reason, &e.Filled, &e.Quantity, &e.Symbol, &at)
		e.At = time.UnixMilli(at)
		return e, err
	})
	if err != nil {
		return nil, fmt.Errorf("read events: %w", err)
	}
	return events, nil
}

// Due: see [order.Store].
func (d *Database) Due(ctx context.Context, limit int) ([]fleet.User, error) {
	rows, err := d.db.QueryContext(ctx,
		`SELECT user_id FROM orders WHERE check_at <= `+now+` GROUP BY user_id ORDER BY min(state = 'working'), min(check_at) LIMIT ?`, limit)
	users, err := list(rows, err, func(scan func(...any) error) (user fleet.User, err error) {
		err = scan(&user)
		return user, err
	})
	if err != nil {
		return nil, fmt.Errorf("list users with orders to look at: %w", err)
	}
	return users, nil
}

// Waiting: see [order.Store].
func (d *Database) Waiting(ctx context.Context) (time.Duration, error) {
	var millis int64
	err := d.db.QueryRowContext(ctx, `SELECT COALESCE(`+now+` - min(accepted_at), 0) FROM orders WHERE state = 'accepted'`).Scan(&millis)
	if err != nil {
		return 0, fmt.Errorf("look for the oldest order: %w", err)
	}
	return time.Duration(max(millis, 0)) * time.Millisecond, nil
}

// beginAt asks for the lowest that may come, or for the number after the last.
const beginAt = `
SELECT COALESCE(
       (SELECT min(sequence) FROM orders
         WHERE user_id = ?1 AND (state IN ('accepted', 'dispatched') OR state = 'unknown' AND check_at IS NOT NULL)),
       (SELECT last FROM order_book WHERE user_id = ?1) + 1,
       1)`

// lookSoon has working orders looked at, one after the other.
const lookSoon = `
UPDATE orders SET check_at = soon.at
  FROM (SELECT id, ` + now + ` + row_number() OVER (ORDER BY sequence) * ?3 AS at FROM orders
         WHERE user_id = ?1 AND state = 'working' AND check_at > ` + now + ` ORDER BY sequence LIMIT ?2) AS soon
 WHERE orders.id = soon.id AND orders.check_at > soon.at`

// lookAgain has unknown orders looked up anew that were given up.
const lookAgain = `
UPDATE orders SET check_at = ` + now + ` + ?2, checks = 0 WHERE user_id = ?1 AND state = 'unknown' AND check_at IS NULL`

// BeginAt: see [order.Store].
func (d *Database) BeginAt(ctx context.Context, user fleet.User) (lowest uint64, err error) {
	if _, err := d.db.ExecContext(ctx, lookAgain, string(user), order.LookPause.Milliseconds()); err != nil {
		return 0, fmt.Errorf("look at what was given up: %w", err)
	}
	if _, err := d.db.ExecContext(ctx, lookSoon, string(user), order.LooksMost, order.LookPause.Milliseconds()); err != nil {
		return 0, fmt.Errorf("look at the working orders soon: %w", err)
	}
	if err := d.db.QueryRowContext(ctx, beginAt, string(user)).Scan(&lowest); err != nil {
		return 0, fmt.Errorf("look for the next order: %w", err)
	}
	return lowest, nil
}
