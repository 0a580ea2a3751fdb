package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/session"
)

var _ session.Authority = (*Database)(nil)

// now is the time in Unix milliseconds, the same throughout a statement.
const now = `CAST(unixepoch('subsec') * 1000 AS INTEGER)`

// begin writes the row in one statement, where the epoch rises and nobody else may act.
const begin = `
INSERT INTO user_session AS s (user_id, epoch, worker, host, life, open, begun_at)
VALUES (?1, ?2, ?3, ?4, ?5, 1, ` + now + `)
ON CONFLICT (user_id) DO UPDATE
   SET epoch = excluded.epoch, worker = excluded.worker, host = excluded.host, life = excluded.life,
       open = 1, began_at = ` + now + `, begun_at = ` + now + `, takeover_at = NULL, ending_at = NULL
 WHERE s.epoch < excluded.epoch
   AND (NOT s.open OR s.worker = excluded.worker OR s.takeover_at + ?6 <= ` + now + ` AND s.takeover_at + ?7 >= ` + now + `)`

// takeOver begins the wait for a predecessor that may still act, or finds it begun.
const takeOver = `
UPDATE user_session SET takeover_at = CASE WHEN takeover_at + ?5 >= ` + now + ` THEN takeover_at ELSE ` + now + ` END
 WHERE user_id = ?1 AND open AND epoch < ?2 AND worker <> ?3
RETURNING epoch, worker, host, life, takeover_at - ` + now + ` + ?4`

// Begin: see [session.Authority]. All of it is one transaction, so that a refusal is that of the row it met.
func (d *Database) Begin(ctx context.Context, s session.Session, wait time.Duration) error {
	tx, err := d.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("write the session: %w", err)
	}
	defer func() { _ = tx.Rollback() }()
	done, err := tx.ExecContext(ctx, begin, string(s.User), int64(s.Epoch), string(s.Worker), string(s.Host), int64(s.Life),
		wait.Milliseconds(), (wait + session.TakeoverKept).Milliseconds())
	if err != nil {
		return fmt.Errorf("write the session: %w", err)
	}
	written, err := done.RowsAffected()
	if err != nil {
		return fmt.Errorf("write the session: %w", err)
	}
	var refused error
	if written == 0 {
		if refused, err = refusal(ctx, tx, s, wait); err != nil {
			return err
		}
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("write the session: %w", err)
	}
	return refused
}

// refusal finds out why a session was not written; nil if it was written already.
func refusal(ctx context.Context, tx *sql.Tx, s session.Session, wait time.Duration) (refused, err error) {
	by, left := session.Session{User: s.User}, int64(0)
	err = tx.QueryRowContext(ctx, takeOver, string(s.User), int64(s.Epoch), string(s.Worker), wait.Milliseconds(),
		(wait+session.TakeoverKept).Milliseconds()).
		Scan(&by.Epoch, &by.Worker, &by.Host, &by.Life, &left)
	switch {
	case err == nil:
		return &session.Occupied{By: by, Wait: time.Duration(max(left, 1)) * time.Millisecond}, nil
	case !errors.Is(err, sql.ErrNoRows):
		return nil, fmt.Errorf("ask for the user: %w", err)
	}
	current, open, err := row(ctx, tx, s.User)
	switch {
	case err != nil:
		return nil, err
	case current == s && open:
		return nil, nil
	default:
		return &session.Outdated{Row: current.Epoch}, nil
	}
}

// querier is a transaction or the database itself.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// row reads a user's row, and whether somebody is asked to act by it; without one the session is empty.
func row(ctx context.Context, from querier, user fleet.User) (s session.Session, open bool, err error) {
	s.User = user
	err = from.QueryRowContext(ctx, `SELECT epoch, worker, host, life, open AND ending_at IS NULL FROM user_session WHERE user_id = ?`, string(user)).
		Scan(&s.Epoch, &s.Worker, &s.Host, &s.Life, &open)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return session.Session{}, false, nil
	case err != nil:
		return session.Session{}, false, fmt.Errorf("read the session: %w", err)
	}
	return s, open, nil
}

// Affirm: see [session.Tenure].
func (d *Database) Affirm(ctx context.Context, s session.Session) (bool, error) {
	done, err := d.db.ExecContext(ctx, `UPDATE user_session SET takeover_at = NULL, began_at = max(began_at + 1, `+now+`) WHERE user_id = ? AND epoch = ? AND worker = ? AND open AND ending_at IS NULL`,
		string(s.User), int64(s.Epoch), string(s.Worker))
	if err != nil {
		return false, fmt.Errorf("affirm the session: %w", err)
	}
	kept, err := done.RowsAffected()
	return kept == 1, err
}

// Dismiss: see [session.Tenure].
func (d *Database) Dismiss(ctx context.Context, user fleet.User, epoch fleet.Epoch) error {
	_, err := d.db.ExecContext(ctx, `UPDATE user_session SET ending_at = `+now+` WHERE user_id = ? AND epoch = ? AND open AND ending_at IS NULL`,
		string(user), int64(epoch))
	if err != nil {
		return fmt.Errorf("dismiss the session: %w", err)
	}
	return nil
}

// Doubt: see [session.Roll].
func (d *Database) Doubt(ctx context.Context, wait, lately time.Duration) error {
	_, err := d.db.ExecContext(ctx, `UPDATE user_session SET takeover_at = `+now+`
 WHERE open AND began_at + ? <= `+now+` AND (takeover_at IS NULL OR takeover_at + ? < `+now+`)`,
		lately.Milliseconds(), (wait + session.TakeoverKept).Milliseconds())
	if err != nil {
		return fmt.Errorf("doubt the open sessions: %w", err)
	}
	return nil
}

const closing = `UPDATE user_session SET open = 0 WHERE user_id = ? AND epoch = ?`

// Close: see [session.Authority].
func (d *Database) Close(ctx context.Context, user fleet.User, epoch fleet.Epoch) error {
	_, err := d.db.ExecContext(ctx, closing, string(user), int64(epoch))
	if err != nil {
		return fmt.Errorf("close the session: %w", err)
	}
	return nil
}

// Fence: see [session.Tenure]. Each affirmation moves began_at.
func (d *Database) Fence(ctx context.Context, user fleet.User, epoch fleet.Epoch, proof session.Proof) (closed bool, err error) {
	one := func(ctx context.Context) ([]bool, error) {
		lost, err := proof(ctx)
		return []bool{lost}, err
	}
	n, err := d.fence(ctx, []session.Session{{User: user, Epoch: epoch}}, one)
	return n == 1, err
}

// FenceAll: see [session.Tenure].
func (d *Database) FenceAll(ctx context.Context, sessions []session.Session, proof session.Proofs) error {
	_, err := d.fence(ctx, sessions, proof)
	return err
}

func (d *Database) fence(ctx context.Context, sessions []session.Session, proof session.Proofs) (closed int64, err error) {
	began := map[int]int64{}
	for i, s := range sessions {
		var at int64
		err := d.db.QueryRowContext(ctx, `SELECT began_at FROM user_session WHERE user_id = ? AND epoch = ? AND open`, string(s.User), int64(s.Epoch)).Scan(&at)
		if err == nil {
			began[i] = at
		} else if !errors.Is(err, sql.ErrNoRows) {
			return 0, fmt.Errorf("read %d sessions: %w", len(sessions), err)
		}
	}
	if len(began) == 0 {
		return 0, nil
	}
	lost, err := proof(ctx)
	if err != nil {
		return 0, err
	}
	tx, err := d.db.BeginTx(ctx, nil)
	if err != nil {
		return 0, fmt.Errorf("fence %d sessions: %w", len(sessions), err)
	}
	for i, at := range began {
		if !lost[i] {
			continue
		}
		done, err := tx.ExecContext(ctx, `UPDATE user_session SET open = 0 WHERE user_id = ? AND epoch = ? AND open AND began_at = ?`,
			string(sessions[i].User), int64(sessions[i].Epoch), at)
		if err != nil {
			return 0, errors.Join(fmt.Errorf("fence %d sessions: %w", len(sessions), err), tx.Rollback())
		}
		n, err := done.RowsAffected()
		if err != nil {
			return 0, errors.Join(err, tx.Rollback())
		}
		closed += n
	}
	if err := tx.Commit(); err != nil {
		return 0, fmt.Errorf("fence %d sessions: %w", len(sessions), err)
	}
	return closed, nil
}

// Current: see [session.Authority].
func (d *Database) Current(ctx context.Context, user fleet.User) (session.Session, bool, error) {
	s, open, err := row(ctx, d.db, user)
	if err != nil || !open {
		return session.Session{}, false, err
	}
	return s, true, nil
}

// Latest: see [session.Roll].
func (d *Database) Latest(ctx context.Context, user fleet.User) (fleet.Epoch, error) {
	s, _, err := row(ctx, d.db, user)
	return s.Epoch, err
}

// Floor: see [session.Authority].
func (d *Database) Floor(ctx context.Context) (epoch fleet.Epoch, err error) {
	if err := d.db.QueryRowContext(ctx, `SELECT COALESCE(max(epoch), 0) FROM user_session`).Scan(&epoch); err != nil {
		return 0, fmt.Errorf("read the highest epoch: %w", err)
	}
	return epoch, nil
}

// Open: see [session.Authority].
func (d *Database) Open(ctx context.Context, after fleet.User, limit int) ([]session.Session, error) {
	sessions, err := d.sessions(ctx, `
SELECT user_id, epoch, worker, host, life FROM user_session WHERE open AND ending_at IS NULL AND user_id > ? ORDER BY user_id LIMIT ?`,
		string(after), limit)
	if err != nil {
		return nil, fmt.Errorf("list open sessions: %w", err)
	}
	return sessions, nil
}

func (d *Database) sessions(ctx context.Context, statement string, args ...any) ([]session.Session, error) {
	rows, err := d.db.QueryContext(ctx, statement, args...)
	return list(rows, err, func(scan func(...any) error) (s session.Session, err error) {
		err = scan(&s.User, &s.Epoch, &s.Worker, &s.Host, &s.Life)
		return s, err
	})
}
