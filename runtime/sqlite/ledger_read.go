package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/shopspring/decimal"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/order"
)

var (
	_ order.Reader   = (*Database)(nil)
	_ order.Switches = (*Database)(nil)
)

// columns are those of an order, with its fills as a JSON list.
const columns = `
o.id, o.user_id, o.sequence, o.key, o.digest, o.symbol, o.side, o.quantity, o.type, o.limit_price, o.time_in_force, o.state, o.proven,
o.reason, o.epoch, o.leg, o.broker_id, o.doubted, o.cancel_asked, o.emit_by, o.check_at, o.checks, o.valid_until, o.accepted_at, o.changed_at,
(SELECT json_group_array(json_object('leg', f.leg, 'id', f.id, 'quantity', f.quantity, 'price', f.price, 'at', f.at))
   FROM (SELECT * FROM fills WHERE order_id = o.id ORDER BY at, leg, id) AS f)`

// packed is a fill as a query hands it over.
type packed struct {
	Leg      int             `json:"leg"`
	ID       string          `json:"id"`
	Quantity decimal.Decimal `json:"quantity"`
	Price    decimal.Decimal `json:"price"`
	At       int64           `json:"at"`
}

// collect reads rows of orders.
func collect(rows *sql.Rows, err error) (found []*order.Record, _ error) {
	if err != nil {
		return nil, err
	}
	for rows.Next() {
		r, err := scan(rows)
		if err != nil {
			return nil, errors.Join(err, rows.Close())
		}
		found = append(found, r)
	}
	return found, errors.Join(rows.Err(), rows.Close())
}

func scan(rows *sql.Rows) (*order.Record, error) {
	var r order.Record
	var sequence, epoch, valid, accepted, changed int64
	var emitBy, checkAt sql.NullInt64
	var fills []byte
	err := rows.Scan(&r.ID, &r.User, &sequence, &r.Key, &r.Digest, &r.Symbol, &r.Side, &r.Quantity, &r.Type, &r.LimitPrice, &r.TimeInForce,
		&r.State, &r.Proven, &r.Reason, &epoch, &r.Leg, &r.BrokerID, &r.Doubted, &r.CancelAsked, &emitBy, &checkAt, &r.Checks, &valid, &accepted, &changed, &fills)
	if err != nil {
		return nil, err
	}
	r.Sequence, r.Epoch = uint64(sequence), fleet.Epoch(epoch)
	r.ValidUntil, r.AcceptedAt, r.ChangedAt = moment(valid), moment(accepted), moment(changed)
	if emitBy.Valid {
		r.EmitBy = moment(emitBy.Int64)
	}
	if checkAt.Valid {
		r.CheckAt = moment(checkAt.Int64)
	}
	var list []packed
	if err := json.Unmarshal(fills, &list); err != nil {
		return nil, fmt.Errorf("read fills: %w", err)
	}
	for _, f := range list {
		r.Fills = append(r.Fills, order.Fill{Fill: fleet.Fill{ID: f.ID, Quantity: f.Quantity, Price: f.Price, At: moment(f.At)}, Leg: f.Leg})
	}
	return &r, nil
}

func moment(millis int64) time.Time { return time.UnixMilli(millis).UTC() }

// Order: see [order.Reader].
func (d *Database) Order(ctx context.Context, user fleet.User, id fleet.OrderID) (order.Record, error) {
	found, err := collect(d.db.QueryContext(ctx, `SELECT `+columns+` FROM orders AS o WHERE o.user_id = ? AND o.id = ?`, string(user), string(id)))
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
	found, err := collect(d.db.QueryContext(ctx, `
SELECT `+columns+` FROM orders AS o WHERE o.user_id = ?1 AND (?2 = 0 OR o.sequence < ?2) ORDER BY o.sequence DESC LIMIT ?3`,
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
func (d *Database) Events(ctx context.Context, user fleet.User, after uint64, limit int) (events []order.Event, err error) {
	rows, err := d.db.QueryContext(ctx, `
SELECT number, order_id, state, reason, filled, quantity, symbol, at FROM order_events
 WHERE user_id = ? AND number > ? ORDER BY number LIMIT ?`, string(user), int64(after), limit)
	if err != nil {
		return nil, fmt.Errorf("list the events of %s: %w", user, err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var e order.Event
		var number, at int64
		if err := rows.Scan(&number, &e.Order, &e.State, &e.Reason, &e.Filled, &e.Quantity, &e.Symbol, &at); err != nil {
			return nil, fmt.Errorf("list the events of %s: %w", user, err)
		}
		e.Number, e.At = uint64(number), moment(at)
		events = append(events, e)
	}
	return events, rows.Err()
}

// Halt: see [order.Switches].
func (d *Database) Halt(ctx context.Context, user fleet.User, on bool, reason string) error {
	var err error
	if on {
		_, err = d.db.ExecContext(ctx, `INSERT INTO halts (user_id, reason) VALUES (?, ?) ON CONFLICT DO NOTHING`, string(user), reason)
	} else {
		_, err = d.db.ExecContext(ctx, `DELETE FROM halts WHERE user_id = ?`, string(user))
	}
	if err != nil {
		return fmt.Errorf("switch orders of %q: %w", user, err)
	}
	return nil
}

// Halts: see [order.Switches].
func (d *Database) Halts(ctx context.Context) (halts []order.Halt, err error) {
	rows, err := d.db.QueryContext(ctx, `SELECT user_id, reason, since FROM halts ORDER BY user_id`)
	if err != nil {
		return nil, fmt.Errorf("list the switches: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var h order.Halt
		var since int64
		if err := rows.Scan(&h.User, &h.Reason, &since); err != nil {
			return nil, fmt.Errorf("list the switches: %w", err)
		}
		h.Since = moment(since)
		halts = append(halts, h)
	}
	return halts, rows.Err()
}

// Recover: see [order.Switches].
func (d *Database) Recover(ctx context.Context) (int, error) {
	if err := d.Halt(ctx, "", true, order.Recovering); err != nil {
		return 0, err
	}
	result, err := d.db.ExecContext(ctx, `
UPDATE orders SET state = 'unknown', doubted = 1, reason = ?1, checks = 0, check_at = ?2, changed_at = ?2
 WHERE state IN ('accepted', 'dispatched', 'working', 'unknown')`, order.Recovering, time.Now().UnixMilli())
	if err != nil {
		return 0, fmt.Errorf("recover: %w", err)
	}
	n, err := result.RowsAffected()
	return int(n), err
}
