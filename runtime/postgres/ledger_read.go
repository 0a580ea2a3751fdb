package postgres

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/shopspring/decimal"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/order"
)

var (
	_ order.Reader   = (*Database)(nil)
	_ order.Switches = (*Database)(nil)
)

// collect reads rows of orders.
func collect(rows pgx.Rows, err error) ([]*order.Record, error) {
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (*order.Record, error) {
		var r order.Record
		var quantity, limit string
		var sequence, epoch int64
		var emitBy, checkAt *time.Time
		var fills []string
		err := row.Scan(&r.ID, &r.User, &sequence, &r.Key, &r.Digest, &r.Symbol, &r.Side, &quantity, &r.Type, &limit, &r.TimeInForce,
			&r.State, &r.Proven, &r.Reason, &epoch, &r.Leg, &r.BrokerID, &r.Doubted, &r.CancelAsked, &emitBy, &checkAt, &r.Checks, &r.ValidUntil,
			&r.AcceptedAt, &r.ChangedAt, &fills)
		if err != nil {
			return nil, err
		}
		r.Sequence, r.Epoch = uint64(sequence), fleet.Epoch(epoch)
		if emitBy != nil {
			r.EmitBy = *emitBy
		}
		if checkAt != nil {
			r.CheckAt = *checkAt
		}
		r.Quantity, err = decimal.NewFromString(quantity)
		if err == nil {
			r.LimitPrice, err = decimal.NewFromString(limit)
		}
		for i := 0; err == nil && i < len(fills); i++ {
			var f order.Fill
			f, err = fillOf(fills[i])
			r.Fills = append(r.Fills, f)
		}
		return &r, err
	})
}

// fillOf reads what the query packs into a line: id, leg, quantity, price and microseconds. The id comes first and may hold
// anything but a line's end, which the rest is found behind.
func fillOf(text string) (f order.Fill, err error) {
	parts := strings.Split(text, "\n")
	if len(parts) < 5 {
		return f, fmt.Errorf("a fill of %d parts", len(parts))
	}
	rest := parts[len(parts)-4:]
	f.ID = strings.Join(parts[:len(parts)-4], "\n")
	micros, err := strconv.ParseInt(rest[3], 10, 64)
	f.At = time.UnixMicro(micros).UTC()
	if err == nil {
		f.Leg, err = strconv.Atoi(rest[0])
	}
	if err == nil {
		f.Quantity, err = decimal.NewFromString(rest[1])
	}
	if err == nil {
		f.Price, err = decimal.NewFromString(rest[2])
	}
	return f, err
}

// Order: see [order.Reader].
func (d *Database) Order(ctx context.Context, user fleet.User, id fleet.OrderID) (order.Record, error) {
	found, err := collect(d.pool.Query(ctx, `SELECT `+columns+` FROM orders AS o WHERE o.user_id = $1 AND o.id = $2`, string(user), string(id)))
	switch {
	case err != nil:
		return order.Record{}, fmt.Errorf("find an order of %s: %w", user, err)
	case len(found) == 0:
		return order.Record{}, order.ErrNotFound
	}
	return *found[0], nil
}

// Orders: see [order.Reader].
func (d *Database) Orders(ctx context.Context, user fleet.User, below uint64, limit int) ([]order.Record, error) {
	found, err := collect(d.pool.Query(ctx, `
SELECT `+columns+` FROM orders AS o WHERE o.user_id = $1 AND ($2 = 0 OR o.sequence < $2) ORDER BY o.sequence DESC LIMIT $3`,
		string(user), int64(below), limit))
	if err != nil {
		return nil, fmt.Errorf("list the orders of %s: %w", user, err)
	}
	records := make([]order.Record, len(found))
	for i, r := range found {
		records[i] = *r
	}
	return records, nil
}

// Events: see [order.Reader].
func (d *Database) Events(ctx context.Context, user fleet.User, after uint64, limit int) ([]order.Event, error) {
	rows, err := d.pool.Query(ctx, `
SELECT number, order_id, state, reason, filled, quantity, symbol, at FROM order_events
 WHERE user_id = $1 AND number > $2 ORDER BY number LIMIT $3`, string(user), int64(after), limit)
	if err != nil {
		return nil, fmt.Errorf("list the events of %s: %w", user, err)
	}
	events, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (e order.Event, err error) {
		var number int64
		err = row.Scan(&number, &e.Order, &e.State, &e.Reason, &e.Filled, &e.Quantity, &e.Symbol, &e.At)
		e.Number = uint64(number)
		return e, err
	})
	if err != nil {
		return nil, fmt.Errorf("list the events of %s: %w", user, err)
	}
	return events, nil
}

// Halt: see [order.Switches].
func (d *Database) Halt(ctx context.Context, user fleet.User, on bool, reason string) error {
	var err error
	if on {
		_, err = d.pool.Exec(ctx, `INSERT INTO halts (user_id, reason) VALUES ($1, $2) ON CONFLICT (user_id) DO NOTHING`, string(user), reason)
	} else {
		_, err = d.pool.Exec(ctx, `DELETE FROM halts WHERE user_id = $1`, string(user))
	}
	if err != nil {
		return fmt.Errorf("switch orders of %q: %w", user, err)
	}
	return nil
}

// Halts: see [order.Switches].
func (d *Database) Halts(ctx context.Context) ([]order.Halt, error) {
	rows, err := d.pool.Query(ctx, `SELECT user_id, reason, since FROM halts ORDER BY user_id`)
	if err != nil {
		return nil, fmt.Errorf("list the switches: %w", err)
	}
	halts, err := pgx.CollectRows(rows, pgx.RowToStructByPos[order.Halt])
	if err != nil {
		return nil, fmt.Errorf("list the switches: %w", err)
	}
	return halts, nil
}

// Recover: see [order.Switches].
func (d *Database) Recover(ctx context.Context) (int, error) {
	var n int64
	err := pgx.BeginFunc(ctx, d.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `INSERT INTO halts (user_id, reason) VALUES ('', $1) ON CONFLICT (user_id) DO NOTHING`, order.Recovering); err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, `
UPDATE orders SET state = 'unknown', doubted = true, reason = $1, checks = 0, check_at = clock_timestamp(), changed_at = clock_timestamp()
 WHERE state IN ('accepted', 'dispatched', 'working', 'unknown')`, order.Recovering)
		n = tag.RowsAffected()
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("recover: %w", err)
	}
	return int(n), nil
}
