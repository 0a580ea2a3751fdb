package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/order"
)

var _ order.Reader = (*Database)(nil)

const oneOrder = `
SELECT ` + columns + `
  FROM orders o LEFT JOIN fills f ON f.order_id = o.id
 WHERE o.user_id = $1 AND o.id = $2
 ORDER BY o.sequence, f.at, f.leg, f.id`

const pageOfOrders = `
SELECT ` + columns + `
  FROM (SELECT * FROM orders WHERE user_id = $1 AND ($2::bigint = 0 OR sequence < $2) ORDER BY sequence DESC LIMIT $3) o
  LEFT JOIN fills f ON f.order_id = o.id
 ORDER BY o.sequence DESC, f.at, f.leg, f.id`

func (d *Database) orders(ctx context.Context, user fleet.User, statement string, args ...any) ([]order.Record, error) {
	rows, err := d.pool.Query(ctx, statement, append([]any{string(user)}, args...)...)
	if err != nil {
		return nil, fmt.Errorf("read orders: %w", err)
	}
	defer rows.Close()
	found, err := collectOrders(rows, user)
	if err != nil {
		return nil, fmt.Errorf("read orders: %w", err)
	}
	records := make([]order.Record, len(found))
	for i, r := range found {
		records[i] = *r
	}
	return records, nil
}

// Order: see [order.Reader].
func (d *Database) Order(ctx context.Context, user fleet.User, id fleet.OrderID) (order.Record, error) {
	found, err := d.orders(ctx, user, oneOrder, string(id))
	switch {
	case err != nil:
		return order.Record{}, err
	case len(found) == 0:
		return order.Record{}, order.ErrNotFound
	}
	return found[0], nil
}

// Orders: see [order.Reader].
func (d *Database) Orders(ctx context.Context, user fleet.User, below uint64, limit int) ([]order.Record, error) {
	return d.orders(ctx, user, pageOfOrders, int64(below), limit)
}

// Events: see [order.Reader].
func (d *Database) Events(ctx context.Context, user fleet.User, after uint64, limit int) ([]order.Event, error) {
	rows, err := d.pool.Query(ctx, `
SELECT number, order_id, state, reason, filled, quantity, symbol, at
  FROM order_events WHERE user_id = $1 AND number > $2 ORDER BY number LIMIT $3`, string(user), int64(after), limit)
	if err != nil {
		return nil, fmt.Errorf("read events: %w", err)
	}
	events, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (e order.Event, err error) {
		var number int64
		var id, state string
		err = row.Scan(&number, &id, &state, &e.Reason, &e.Filled, &e.Quantity, &e.Symbol, &e.At)
		e.Number, e.Order, e.State = uint64(number), fleet.OrderID(id), order.State(state)
		return e, err
	})
	if err != nil {
		return nil, fmt.Errorf("read events: %w", err)
	}
	return events, nil
}

// Due: see [order.Store].
func (d *Database) Due(ctx context.Context, limit int) ([]fleet.User, error) {
	rows, err := d.pool.Query(ctx, `
SELECT user_id FROM orders WHERE check_at <= statement_timestamp()
 GROUP BY user_id ORDER BY bool_and(state = 'working'), min(check_at) LIMIT $1`, limit)
	if err != nil {
		return nil, fmt.Errorf("list users with orders to look at: %w", err)
	}
	users, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (fleet.User, error) {
		var user string
		err := row.Scan(&user)
		return fleet.User(user), err
	})
	if err != nil {
		return nil, fmt.Errorf("list users with orders to look at: %w", err)
	}
	return users, nil
}

// Waiting: see [order.Store].
func (d *Database) Waiting(ctx context.Context) (time.Duration, error) {
	var micros int64
	err := d.pool.QueryRow(ctx, `
SELECT COALESCE((extract(epoch FROM statement_timestamp() - min(accepted_at)) * 1000000)::bigint, 0) FROM orders WHERE state = 'accepted'`).Scan(&micros)
	if err != nil {
		return 0, fmt.Errorf("look for the oldest order: %w", err)
	}
	return time.Duration(max(micros, 0)) * time.Microsecond, nil
}

// BeginAt: see [order.Store].
func (d *Database) BeginAt(ctx context.Context, user fleet.User) (uint64, error) {
	lowest, err := d.numbers.Do(ctx, user)
	if err != nil {
		return 0, fmt.Errorf("look for the next order: %w", err)
	}
	return lowest, nil
}
