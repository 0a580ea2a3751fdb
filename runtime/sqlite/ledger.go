package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/order"
)

var _ order.Store = (*Database)(nil)

// Turn: see [order.Store]. A transaction here is the only one that writes, so the user's book needs no lock of its own.
func (d *Database) Turn(ctx context.Context, user fleet.User, w order.Want, do func(*order.Sheet) error) error {
	tx, err := d.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("turn: %w", err)
	}
	s, err := readTurn(ctx, tx, user, w)
	if err != nil {
		return errors.Join(fmt.Errorf("turn: read the sheet: %w", err), tx.Rollback())
	}
	if err := do(s); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	if err := writeTurn(ctx, tx, s); err != nil {
		return errors.Join(fmt.Errorf("turn: write the sheet: %w", err), tx.Rollback())
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("turn: %w", err)
	}
	return nil
}

func readTurn(ctx context.Context, tx *sql.Tx, user fleet.User, w order.Want) (*order.Sheet, error) {
	s := &order.Sheet{User: user, Now: time.Now().UTC().Truncate(time.Millisecond)}
	var last, event, epoch, life int64
	err := tx.QueryRowContext(ctx, `
SELECT COALESCE(b.last, 0), COALESCE(b.event, 0), COALESCE(b.day, ''), COALESCE(b.count, 0), u.user_id IS NOT NULL,
       EXISTS (SELECT 1 FROM halts WHERE user_id IN ('', ?1)),
       COALESCE(s.epoch, 0), COALESCE(s.worker, ''), COALESCE(s.host, ''), COALESCE(s.life, 0)
  FROM (SELECT 1) AS one
  LEFT JOIN users AS u ON u.user_id = ?1
  LEFT JOIN order_book AS b ON b.user_id = ?1
  LEFT JOIN user_session AS s ON s.user_id = ?1 AND s.open = 1`, string(user)).Scan(
		&last, &event, &s.Book.Day, &s.Book.Count, &s.Account, &s.Halted, &epoch, &s.Session.Worker, &s.Session.Host, &life)
	if err != nil {
		return nil, err
	}
	s.Book.Last, s.Book.Event = uint64(last), uint64(event)
	s.Session.Epoch, s.Session.Life = fleet.Epoch(epoch), fleet.Life(life)
	ids, err := json.Marshal(append([]fleet.OrderID{}, w.IDs...))
	if err != nil {
		return nil, err
	}
	// The bound is for users with thousands of orders that wait for their turn.
	s.Orders, err = collect(tx.QueryContext(ctx, `
WITH pending AS (
    SELECT id FROM orders
     WHERE user_id = ?1 AND check_at IS NOT NULL AND (state IN ('accepted', 'dispatched', 'unknown') OR check_at <= ?2)
     ORDER BY state = 'accepted', sequence LIMIT 128)
SELECT `+columns+` FROM orders AS o
 WHERE o.user_id = ?1 AND (o.id IN (SELECT id FROM pending) OR o.id IN (SELECT value FROM json_each(?3)) OR ?4 <> '' AND o.key = ?4)`,
		string(user), s.Now.UnixMilli(), string(ids), w.Key))
	if err != nil {
		return nil, err
	}
	s.Begin()
	return s, nil
}

func writeTurn(ctx context.Context, tx *sql.Tx, s *order.Sheet) error {
	changed := s.Changed()
	if len(changed)+len(s.Events) == 0 {
		return nil
	}
	w := writing{ctx: ctx, tx: tx}
	w.do(`
INSERT INTO order_book (user_id, last, event, day, count) VALUES (?1, ?2, ?3, ?4, ?5)
ON CONFLICT (user_id) DO UPDATE SET last = ?2, event = ?3, day = ?4, count = ?5`,
		string(s.User), int64(s.Book.Last), int64(s.Book.Event), s.Book.Day, s.Book.Count)
	for _, c := range changed {
		r := c.Record
		if c.New {
			w.do(`
INSERT INTO orders (id, user_id, sequence, key, digest, symbol, side, quantity, type, limit_price, time_in_force, state, proven,
    reason, epoch, leg, broker_id, doubted, cancel_asked, emit_by, check_at, checks, valid_until, accepted_at, changed_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
				string(r.ID), string(r.User), int64(r.Sequence), r.Key, r.Digest, r.Symbol, string(r.Side), r.Quantity.String(), string(r.Type),
				r.LimitPrice.String(), string(r.TimeInForce), string(r.State), r.Proven, r.Reason, int64(r.Epoch), r.Leg, r.BrokerID,
				r.Doubted, r.CancelAsked, optional(r.EmitBy), optional(r.CheckAt), r.Checks, r.ValidUntil.UnixMilli(), r.AcceptedAt.UnixMilli(), r.ChangedAt.UnixMilli())
		} else {
			w.do(`
UPDATE orders SET state = ?, proven = ?, reason = ?, epoch = ?, leg = ?, broker_id = ?, doubted = ?, cancel_asked = ?, emit_by = ?, check_at = ?,
    checks = ?, changed_at = ? WHERE id = ?`,
				string(r.State), r.Proven, r.Reason, int64(r.Epoch), r.Leg, r.BrokerID, r.Doubted, r.CancelAsked, optional(r.EmitBy), optional(r.CheckAt),
				r.Checks, r.ChangedAt.UnixMilli(), string(r.ID))
		}
		for _, f := range c.Fresh {
			w.do(`INSERT INTO fills (order_id, leg, id, quantity, price, at) VALUES (?, ?, ?, ?, ?, ?)`,
				string(r.ID), f.Leg, f.ID, f.Quantity.String(), f.Price.String(), f.At.UnixMilli())
		}
	}
	for _, e := range s.Events {
		w.do(`INSERT INTO order_events (user_id, number, order_id, state, reason, symbol, quantity, filled, at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			string(s.User), int64(e.Number), string(e.Order), string(e.State), e.Reason, e.Symbol, e.Quantity, e.Filled, e.At.UnixMilli())
	}
	return w.err
}

// writing runs statements until one fails.
type writing struct {
	ctx context.Context
	tx  *sql.Tx
	err error
}

func (w *writing) do(statement string, args ...any) {
	if w.err == nil {
		_, w.err = w.tx.ExecContext(w.ctx, statement, args...)
	}
}

// optional is NULL for no time.
func optional(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMilli()
}

// Due: see [order.Store].
func (d *Database) Due(ctx context.Context, limit int) (users []fleet.User, err error) {
	rows, err := d.db.QueryContext(ctx, `
SELECT user_id FROM orders WHERE check_at <= ? GROUP BY user_id ORDER BY min(check_at) LIMIT ?`, time.Now().UnixMilli(), limit)
	if err != nil {
		return nil, fmt.Errorf("list due orders: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var user fleet.User
		if err := rows.Scan(&user); err != nil {
			return nil, fmt.Errorf("list due orders: %w", err)
		}
		users = append(users, user)
	}
	return users, rows.Err()
}

// Waiting: see [order.Store].
func (d *Database) Waiting(ctx context.Context) (time.Duration, error) {
	var since sql.NullInt64
	if err := d.db.QueryRowContext(ctx, `SELECT min(accepted_at) FROM orders WHERE state = 'accepted'`).Scan(&since); err != nil {
		return 0, fmt.Errorf("find the oldest order that waits: %w", err)
	}
	if !since.Valid {
		return 0, nil
	}
	return time.Since(time.UnixMilli(since.Int64)), nil
}

// BeginAt: see [order.Store].
func (d *Database) BeginAt(ctx context.Context, user fleet.User) (uint64, error) {
	var number int64
	err := d.db.QueryRowContext(ctx, `
SELECT COALESCE((SELECT min(sequence) FROM orders
                  WHERE user_id = ?1 AND check_at IS NOT NULL AND state IN ('accepted', 'dispatched', 'unknown')),
                (SELECT last + 1 FROM order_book WHERE user_id = ?1), 1)`, string(user)).Scan(&number)
	if err != nil {
		return 0, fmt.Errorf("find the first order of a session: %w", err)
	}
	return uint64(number), nil
}
