package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/order"
)

var _ order.Store = (*Database)(nil)

// Turn: see [order.Store]. It takes two round trips: one begins, waits for the lock and reads, one writes and commits.
func (d *Database) Turn(ctx context.Context, user fleet.User, w order.Want, do func(*order.Sheet) error) error {
	conn, err := d.pool.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("begin a turn: %w", err)
	}
	defer conn.Release()
	s, err := readSheet(ctx, conn, user, w)
	if err != nil {
		rollback(ctx, conn)
		return fmt.Errorf("read the orders: %w", err)
	}
	if err := do(s); err != nil {
		rollback(ctx, conn)
		return err
	}
	changed := s.Changed()
	if len(changed) == 0 && len(s.Events) == 0 {
		rollback(ctx, conn) // nothing to wait for the disk for
		return nil
	}
	if err := writeSheet(ctx, conn, s, changed); err != nil {
		rollback(ctx, conn)
		return fmt.Errorf("write the orders: %w", err)
	}
	return nil
}

// rollbackLimit is how long the end of a transaction is waited for that came to nothing; the connection is closed after it.
const rollbackLimit = 5 * time.Second

// rollback ends the transaction, so that the connection can be used again. Where it cannot, the pool closes the connection.
func rollback(ctx context.Context, conn *pgxpool.Conn) {
	if conn.Conn().PgConn().TxStatus() == 'I' {
		return // it never began, or its connection is gone
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollbackLimit)
	defer cancel()
	_, _ = conn.Exec(ctx, `ROLLBACK`)
}

// lockBook makes the user's book if there is none and holds its lock until the transaction ends, in one statement. A user
// without stored credentials has no account, and no book: nobody could execute an order.
const lockBook = `
INSERT INTO order_book AS b (user_id) SELECT user_id FROM credentials WHERE user_id = $1
ON CONFLICT (user_id) DO UPDATE SET last = b.last
RETURNING last, event, day, count`

// circumstances are read after the lock is had: each statement sees what was committed before it.
const circumstances = `SELECT * FROM order_circumstances($1)`

// A sheet has what a turn decides on, at most about three times the bound beside what was asked for: a user with thousands
// of orders that wait takes turns as fast as others. The earliest of each kind come first; what is left out has its turn
// later. Like the circumstances it is a function of the database, which keeps its plan.
const sheetOrders = `SELECT * FROM order_sheet($1, $2, $3, $4)`

// wanted are its arguments: null is nothing.
func wanted(user fleet.User, w order.Want) []any {
	var ids []string
	var key *string
	if len(w.IDs) > 0 {
		ids = names(w.IDs)
	}
	if w.Key != "" {
		key = &w.Key
	}
	return []any{string(user), int64(sheetBound), ids, key}
}

func names(ids []fleet.OrderID) []string {
	texts := make([]string, len(ids))
	for i, id := range ids {
		texts[i] = string(id)
	}
	return texts
}

// sheetBound is how many orders of one kind a turn reads.
const sheetBound = 64

func readSheet(ctx context.Context, conn *pgxpool.Conn, user fleet.User, w order.Want) (*order.Sheet, error) {
	s := &order.Sheet{User: user}
	b := &pgx.Batch{}
	b.Queue(`BEGIN`)
	b.Queue(lockBook, string(user)).QueryRow(func(row pgx.Row) error {
		var last, event int64
		err := row.Scan(&last, &event, &s.Book.Day, &s.Book.Count)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		s.Account, s.Book.Last, s.Book.Event = true, uint64(last), uint64(event)
		return err
	})
	b.Queue(circumstances, string(user)).QueryRow(func(row pgx.Row) error {
		var r record
		err := row.Scan(&s.Now, &s.Halted, &s.Suspended, &s.Denied, &r.epoch, &r.worker, &r.host, &r.life)
		s.Session = order.Session{Epoch: fleet.Epoch(r.epoch), Worker: fleet.Worker(r.worker), Host: fleet.Host(r.host), Life: fleet.Life(r.life)}
		return err
	})
	b.Queue(sheetOrders, wanted(user, w)...).Query(func(rows pgx.Rows) (err error) {
		s.Orders, err = collectOrders(rows, user)
		return err
	})
	if err := conn.SendBatch(ctx, b).Close(); err != nil {
		return nil, err
	}
	s.Begin()
	return s, nil
}

const insertOrder = `
INSERT INTO orders (id, user_id, sequence, key, digest, symbol, side, quantity, type, limit_price, time_in_force,
       valid_until, accepted_at, state, proven, reason, epoch, leg, broker_id, heard_epoch, heard, cancel_asked, emit_by,
       check_at, checks, changed_at, doubted, counted)
VALUES ($1, $2, $14, $15, $16, $17, $18, $19::numeric, $20, $21::numeric, $22, $23, $24,
       $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $25, $26, $27, $28)`

const updateOrder = `
UPDATE orders SET state = $3, proven = $4, reason = $5, epoch = $6, leg = $7, broker_id = $8, heard_epoch = $9, heard = $10,
       cancel_asked = $11, emit_by = $12, check_at = $13, checks = $14, changed_at = $15, doubted = $16, counted = $17
 WHERE id = $1 AND user_id = $2`

const insertFill = `INSERT INTO fills (order_id, leg, id, quantity, price, at) VALUES ($1, $2, $3, $4::numeric, $5::numeric, $6)`

const insertEvent = `
INSERT INTO order_events (user_id, number, order_id, state, reason, filled, quantity, symbol, at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`

const updateBook = `UPDATE order_book SET last = $2, event = $3, day = $4, count = $5 WHERE user_id = $1`

func writeSheet(ctx context.Context, conn *pgxpool.Conn, s *order.Sheet, changed []order.Written) error {
	b := &pgx.Batch{}
	one := func(statement string, args ...any) {
		b.Queue(statement, args...).Exec(func(done pgconn.CommandTag) error {
			if done.RowsAffected() != 1 {
				return fmt.Errorf("%d rows were written where one was meant", done.RowsAffected())
			}
			return nil
		})
	}
	one(updateBook, string(s.User), int64(s.Book.Last), int64(s.Book.Event), s.Book.Day, s.Book.Count)
	for _, w := range changed {
		if w.New {
			one(insertOrder, inserted(w.Record)...)
		} else {
			one(updateOrder, updated(w.Record)...)
		}
		for _, f := range w.Fresh {
			one(insertFill, string(w.ID), f.Leg, f.ID, f.Quantity.String(), f.Price.String(), f.At)
		}
	}
	for _, e := range s.Events {
		one(insertEvent, string(s.User), int64(e.Number), string(e.Order), string(e.State), e.Reason, e.Filled, e.Quantity, e.Symbol, e.At)
	}
	b.Queue(`COMMIT`).Exec(func(done pgconn.CommandTag) error {
		if done.String() != "COMMIT" {
			return fmt.Errorf("the commit was answered with %s", done)
		}
		return nil
	})
	return conn.SendBatch(ctx, b).Close()
}
