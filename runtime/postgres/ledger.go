package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/order"
)

var _ order.Store = (*Database)(nil)

// What a turn reads. The first statement locks the user's book, and makes it where there is none; each of the others
// sees what was committed before the lock was had. A user without an account has no book, and no orders to lock.
const (
	lockBook = `
INSERT INTO order_book AS b (user_id) SELECT user_id FROM users WHERE user_id = $1
ON CONFLICT (user_id) DO UPDATE SET last = b.last
RETURNING last, event, day, count`

	readHead = `
SELECT clock_timestamp(), EXISTS (SELECT FROM halts WHERE user_id IN ('', $1)),
       COALESCE(s.epoch, 0), COALESCE(s.worker, ''), COALESCE(s.host, ''), COALESCE(s.life, 0)
  FROM (SELECT 1) AS one LEFT JOIN user_session AS s ON s.user_id = $1 AND s.open`

	// readSheet bounds what it reads by pages: a user may have thousands of orders that wait for their turn.
	readSheet = `
WITH pending AS (
    SELECT id FROM orders
     WHERE user_id = $1 AND check_at IS NOT NULL
       AND (state IN ('accepted', 'dispatched', 'unknown') OR check_at <= clock_timestamp())
     ORDER BY state = 'accepted', sequence LIMIT 128)
SELECT ` + columns + ` FROM orders AS o
 WHERE o.user_id = $1 AND (o.id IN (SELECT id FROM pending) OR o.id = ANY($2) OR $3 <> '' AND o.key = $3)`

	columns = `
o.id, o.user_id, o.sequence, o.key, o.digest, o.symbol, o.side, o.quantity::text, o.type, o.limit_price::text, o.time_in_force,
o.state, o.proven, o.reason, o.epoch, o.leg, o.broker_id, o.doubted, o.cancel_asked, o.emit_by, o.check_at, o.checks, o.valid_until,
o.accepted_at, o.changed_at,
ARRAY(SELECT f.id || E'\n' || f.leg || E'\n' || f.quantity || E'\n' || f.price || E'\n' || (extract(epoch FROM f.at) * 1000000)::bigint
        FROM fills AS f WHERE f.order_id = o.id ORDER BY f.at, f.leg, f.id)`
)

// What a turn writes.
const (
	writeBook = `UPDATE order_book SET last = $2, event = $3, day = $4, count = $5 WHERE user_id = $1`

	writeNew = `
INSERT INTO orders (id, user_id, sequence, key, digest, symbol, side, quantity, type, limit_price, time_in_force, state, proven,
    reason, epoch, leg, broker_id, doubted, cancel_asked, emit_by, check_at, checks, valid_until, accepted_at, changed_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8::text::numeric, $9, $10::text::numeric, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25)`

	writeOrder = `
UPDATE orders SET state = $2, proven = $3, reason = $4, epoch = $5, leg = $6, broker_id = $7, doubted = $8, cancel_asked = $9,
    emit_by = $10, check_at = $11, checks = $12, changed_at = $13 WHERE id = $1`

	writeFill = `INSERT INTO fills (order_id, leg, id, quantity, price, at) VALUES ($1, $2, $3, $4::text::numeric, $5::text::numeric, $6)`

	writeEvent = `
INSERT INTO order_events (user_id, number, order_id, state, reason, symbol, quantity, filled, at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`
)

// Turn: see [order.Store]. It is four round trips: begin, read, write, commit.
func (d *Database) Turn(ctx context.Context, user fleet.User, w order.Want, do func(*order.Sheet) error) error {
	var decided error
	err := pgx.BeginFunc(ctx, d.pool, func(tx pgx.Tx) error {
		s, err := readTurn(ctx, tx, user, w)
		if err != nil {
			return err
		}
		if decided = do(s); decided != nil {
			return decided
		}
		return writeTurn(ctx, tx, s)
	})
	if decided != nil {
		return decided
	}
	if err != nil {
		return fmt.Errorf("turn: %w", err)
	}
	return nil
}

func readTurn(ctx context.Context, tx pgx.Tx, user fleet.User, w order.Want) (*order.Sheet, error) {
	ids := make([]string, len(w.IDs))
	for i, id := range w.IDs {
		ids[i] = string(id)
	}
	var batch pgx.Batch
	batch.Queue(lockBook, string(user))
	batch.Queue(readHead, string(user))
	batch.Queue(readSheet, string(user), ids, w.Key)
	results := tx.SendBatch(ctx, &batch)
	s := &order.Sheet{User: user, Account: true}
	var last, event, epoch, life int64
	err := results.QueryRow().Scan(&last, &event, &s.Book.Day, &s.Book.Count)
	if errors.Is(err, pgx.ErrNoRows) {
		s.Account, err = false, nil
	}
	if err == nil {
		err = results.QueryRow().Scan(&s.Now, &s.Halted, &epoch, &s.Session.Worker, &s.Session.Host, &life)
	}
	if err == nil {
		s.Orders, err = collect(results.Query())
	}
	if err := errors.Join(err, results.Close()); err != nil {
		return nil, fmt.Errorf("read the sheet: %w", err)
	}
	s.Book.Last, s.Book.Event = uint64(last), uint64(event)
	s.Session.Epoch, s.Session.Life = fleet.Epoch(epoch), fleet.Life(life)
	s.Begin()
	return s, nil
}

func writeTurn(ctx context.Context, tx pgx.Tx, s *order.Sheet) error {
	changed := s.Changed()
	if len(changed)+len(s.Events) == 0 {
		return nil
	}
	var batch pgx.Batch
	batch.Queue(writeBook, string(s.User), int64(s.Book.Last), int64(s.Book.Event), s.Book.Day, s.Book.Count)
	for _, c := range changed {
		r := c.Record
		if c.New {
			batch.Queue(writeNew, string(r.ID), string(r.User), int64(r.Sequence), r.Key, r.Digest, r.Symbol, string(r.Side), r.Quantity.String(),
				string(r.Type), r.LimitPrice.String(), string(r.TimeInForce), string(r.State), r.Proven, r.Reason, int64(r.Epoch), r.Leg,
				r.BrokerID, r.Doubted, r.CancelAsked, optional(r.EmitBy), optional(r.CheckAt), r.Checks, r.ValidUntil, r.AcceptedAt, r.ChangedAt)
		} else {
			batch.Queue(writeOrder, string(r.ID), string(r.State), r.Proven, r.Reason, int64(r.Epoch), r.Leg, r.BrokerID, r.Doubted, r.CancelAsked,
				optional(r.EmitBy), optional(r.CheckAt), r.Checks, r.ChangedAt)
		}
		for _, f := range c.Fresh {
			batch.Queue(writeFill, string(r.ID), f.Leg, f.ID, f.Quantity.String(), f.Price.String(), f.At)
		}
	}
	for _, e := range s.Events {
		batch.Queue(writeEvent, string(s.User), int64(e.Number), string(e.Order), string(e.State), e.Reason, e.Symbol, e.Quantity, e.Filled, e.At)
	}
	if err := tx.SendBatch(ctx, &batch).Close(); err != nil {
		return fmt.Errorf("write the sheet: %w", err)
	}
	return nil
}

// optional is NULL for no time.
func optional(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t
}

// Due: see [order.Store].
func (d *Database) Due(ctx context.Context, limit int) ([]fleet.User, error) {
	rows, err := d.pool.Query(ctx, `
SELECT user_id FROM orders WHERE check_at <= clock_timestamp() GROUP BY user_id ORDER BY min(check_at) LIMIT $1`, limit)
	if err != nil {
		return nil, fmt.Errorf("list due orders: %w", err)
	}
	users, err := pgx.CollectRows(rows, pgx.RowTo[fleet.User])
	if err != nil {
		return nil, fmt.Errorf("list due orders: %w", err)
	}
	return users, nil
}

// Waiting: see [order.Store].
func (d *Database) Waiting(ctx context.Context) (time.Duration, error) {
	var seconds float64
	err := d.pool.QueryRow(ctx, `
SELECT COALESCE(extract(epoch FROM clock_timestamp() - min(accepted_at)), 0)::float8 FROM orders WHERE state = 'accepted'`).Scan(&seconds)
	if err != nil {
		return 0, fmt.Errorf("find the oldest order that waits: %w", err)
	}
	return time.Duration(seconds * float64(time.Second)), nil
}

// BeginAt: see [order.Store].
func (d *Database) BeginAt(ctx context.Context, user fleet.User) (uint64, error) {
	var number int64
	err := d.pool.QueryRow(ctx, `
SELECT COALESCE((SELECT min(sequence) FROM orders
                  WHERE user_id = $1 AND check_at IS NOT NULL AND state IN ('accepted', 'dispatched', 'unknown')),
                (SELECT last + 1 FROM order_book WHERE user_id = $1), 1)`, string(user)).Scan(&number)
	if err != nil {
		return 0, fmt.Errorf("find the first order of a session: %w", err)
	}
	return uint64(number), nil
}
