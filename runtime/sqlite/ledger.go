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

// Turn: see [order.Store]. The file has one writer at a time, so that turns of all users take turns.
func (d *Database) Turn(ctx context.Context, user fleet.User, w order.Want, do func(*order.Sheet) error) error {
	tx, err := d.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin a turn: %w", err)
	}
	defer func() { _ = tx.Rollback() }()
	s, err := readSheet(ctx, tx, user, w)
	if err != nil {
		return fmt.Errorf("read the orders: %w", err)
	}
	if err := do(s); err != nil {
		return err
	}
	changed := s.Changed()
	if len(changed) == 0 && len(s.Events) == 0 {
		return nil
	}
	if err := writeSheet(ctx, tx, s, changed); err != nil {
		return fmt.Errorf("write the orders: %w", err)
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("write the orders: %w", err)
	}
	return nil
}

const circumstances = `
SELECT ` + now + `, EXISTS (SELECT 1 FROM credentials WHERE user_id = ?1), EXISTS (SELECT 1 FROM halts WHERE user_id = ?1),
       EXISTS (SELECT 1 FROM halts WHERE user_id = '') OR EXISTS (SELECT 1 FROM operator_halts WHERE user_id = ?1),
       COALESCE((SELECT refused FROM credentials WHERE user_id = ?1 AND refused_at >= updated_at), ''),
       COALESCE(b.last, 0), COALESCE(b.event, 0), COALESCE(b.day, ''), COALESCE(b.count, 0),
       COALESCE(s.epoch, 0), COALESCE(s.worker, ''), COALESCE(s.host, ''), COALESCE(s.life, 0)
  FROM (SELECT 1) LEFT JOIN order_book b ON b.user_id = ?1 LEFT JOIN user_session s ON s.user_id = ?1 AND s.open AND s.ending_at IS NULL`

// sheetOrders are what a turn decides on, at most about three times the bound (?4) beside what was asked for: a user with thousands of orders
// that wait takes turns as fast as others. The earliest of each kind come first; what is left out has its turn later.
const sheetOrders = `
SELECT ` + columns + `
  FROM orders o LEFT JOIN fills f ON f.order_id = o.id
 WHERE o.id IN (
       SELECT id FROM (SELECT id FROM orders WHERE user_id = ?1 AND state IN ('dispatched', 'unknown') AND check_at IS NOT NULL ORDER BY sequence LIMIT ?4)
       UNION ALL SELECT id FROM (SELECT id FROM orders WHERE user_id = ?1 AND state = 'accepted' ORDER BY sequence LIMIT ?4)
       UNION ALL SELECT id FROM (SELECT id FROM orders WHERE user_id = ?1 AND check_at <= ` + now + ` ORDER BY check_at LIMIT ?4)
       UNION ALL SELECT id FROM orders WHERE user_id = ?1 AND id IN (SELECT value FROM json_each(?2))
       UNION ALL SELECT id FROM orders WHERE user_id = ?1 AND key = ?3 AND ?3 <> '')
 ORDER BY o.sequence, f.at, f.leg, f.id`

// sheetBound is how many orders of one kind a turn reads.
const sheetBound = 64

func readSheet(ctx context.Context, tx *sql.Tx, user fleet.User, w order.Want) (*order.Sheet, error) {
	s := &order.Sheet{User: user}
	var at int64
	err := tx.QueryRowContext(ctx, circumstances, string(user)).Scan(&at, &s.Account, &s.Halted, &s.Suspended, &s.Denied,
		&s.Book.Last, &s.Book.Event, &s.Book.Day, &s.Book.Count, &s.Session.Epoch, &s.Session.Worker, &s.Session.Host, &s.Session.Life)
	if err != nil {
		return nil, err
	}
	s.Now = time.UnixMilli(at)
	ids, err := json.Marshal(append([]fleet.OrderID{}, w.IDs...))
	if err != nil {
		return nil, err
	}
	s.Orders, err = collectOrders(tx.QueryContext(ctx, sheetOrders, string(user), string(ids), w.Key, sheetBound))
	for _, r := range s.Orders {
		r.User = user
	}
	s.Begin()
	return s, err
}

const writeBook = `
INSERT INTO order_book (user_id, last, event, day, count) VALUES (?1, ?2, ?3, ?4, ?5)
ON CONFLICT (user_id) DO UPDATE SET last = ?2, event = ?3, day = ?4, count = ?5`

const insertOrder = `
INSERT INTO orders (id, user_id, state, proven, reason, epoch, leg, broker_id, heard_epoch, heard, cancel_asked, emit_by, check_at,
       checks, changed_at, doubted, counted, sequence, key, digest, symbol, side, quantity, type, limit_price, time_in_force, valid_until, accepted_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`

const updateOrder = `
UPDATE orders SET state = ?3, proven = ?4, reason = ?5, epoch = ?6, leg = ?7, broker_id = ?8, heard_epoch = ?9, heard = ?10,
       cancel_asked = ?11, emit_by = ?12, check_at = ?13, checks = ?14, changed_at = ?15, doubted = ?16, counted = ?17
 WHERE id = ?1 AND user_id = ?2`

const insertFill = `INSERT INTO fills (order_id, leg, id, quantity, price, at) VALUES (?, ?, ?, ?, ?, ?)`

const insertEvent = `
INSERT INTO order_events (user_id, number, order_id, state, reason, filled, quantity, symbol, at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`

func writeSheet(ctx context.Context, tx *sql.Tx, s *order.Sheet, changed []order.Written) error {
	var failed error
	one := func(statement string, args ...any) {
		if failed != nil {
			return
		}
		done, err := tx.ExecContext(ctx, statement, args...)
		if err != nil {
			failed = err
			return
		}
		if rows, err := done.RowsAffected(); err != nil || rows != 1 {
			failed = errors.Join(fmt.Errorf("%d rows were written where one was meant", rows), err)
		}
	}
	one(writeBook, string(s.User), int64(s.Book.Last), int64(s.Book.Event), s.Book.Day, s.Book.Count)
	for _, w := range changed {
		if w.New {
			one(insertOrder, append(updated(w.Record), written(w.Record)...)...)
		} else {
			one(updateOrder, updated(w.Record)...)
		}
		for _, f := range w.Fresh {
			one(insertFill, string(w.ID), f.Leg, f.ID, f.Quantity.String(), f.Price.String(), f.At.UnixMilli())
		}
	}
	for _, e := range s.Events {
		one(insertEvent, string(s.User), int64(e.Number), string(e.Order), string(e.State), e.Reason, e.Filled, e.Quantity, e.Symbol, e.At.UnixMilli())
	}
	return failed
}
