package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/session"
)

var _ session.Authority = (*Database)(nil)

// begin writes the row in one statement, where the epoch rises and nobody else may act.
const begin = `
INSERT INTO user_session AS s (user_id, epoch, worker, host, life, open)
VALUES ($1, $2, $3, $4, $5, true)
ON CONFLICT (user_id) DO UPDATE
   SET epoch = excluded.epoch, worker = excluded.worker, host = excluded.host, life = excluded.life,
       open = true, began_at = now(), takeover_at = NULL
 WHERE s.epoch < excluded.epoch
   AND (NOT s.open OR s.worker = excluded.worker
     OR s.takeover_at + $6::bigint * interval '1 millisecond' <= now() AND s.takeover_at + $7::bigint * interval '1 millisecond' >= now())`

// takeOver begins the wait for a predecessor that may still act, or finds it begun.
const takeOver = `
UPDATE user_session SET takeover_at = CASE WHEN takeover_at + $5::bigint * interval '1 millisecond' >= now() THEN takeover_at ELSE now() END
 WHERE user_id = $1 AND open AND epoch < $2 AND worker <> $3
RETURNING epoch, worker, host, life, (extract(epoch FROM takeover_at - now()) * 1000)::bigint + $4::bigint`

// attempts bounds how often a refusal may pass between the statement that met it and the one that asks for it.
const attempts = 8

// Begin: see [session.Authority].
func (d *Database) Begin(ctx context.Context, s session.Session, wait time.Duration) error {
	for range attempts {
		done, err := d.pool.Exec(ctx, begin, string(s.User), int64(s.Epoch), string(s.Worker), string(s.Host), int64(s.Life),
			wait.Milliseconds(), (wait + session.TakeoverKept).Milliseconds())
		if err != nil {
			return fmt.Errorf("write the session: %w", err)
		}
		if done.RowsAffected() == 1 {
			return nil
		}
		if err := d.refusal(ctx, s, wait); !errors.Is(err, errPassed) {
			return err
		}
	}
	return fmt.Errorf("write the session: %w %d times", errPassed, attempts)
}

// errPassed says that the reason of a refusal is gone.
var errPassed = errors.New("the refusal has passed")

// refusal finds out why a session was not written; nil if it was written already.
func (d *Database) refusal(ctx context.Context, s session.Session, wait time.Duration) error {
	var by record
	var left int64
	err := d.pool.QueryRow(ctx, takeOver, string(s.User), int64(s.Epoch), string(s.Worker), wait.Milliseconds(),
		(wait+session.TakeoverKept).Milliseconds()).
		Scan(&by.epoch, &by.worker, &by.host, &by.life, &left)
	switch {
	case err == nil && left <= 0:
		return errPassed
	case err == nil:
		return &session.Occupied{By: by.session(s.User), Wait: time.Duration(left) * time.Millisecond}
	case !errors.Is(err, pgx.ErrNoRows):
		return fmt.Errorf("ask for the user: %w", err)
	}
	current, open, err := d.row(ctx, s.User)
	switch {
	case err != nil:
		return err
	case current == s && open:
		return nil
	case current.Epoch >= s.Epoch:
		return &session.Outdated{Row: current.Epoch}
	default:
		return errPassed
	}
}

// record is a row as the database's types have it.
type record struct {
	epoch, life  int64
	worker, host string
}

func (r record) session(user fleet.User) session.Session {
	return session.Session{
		User: user, Epoch: fleet.Epoch(r.epoch), Worker: fleet.Worker(r.worker), Host: fleet.Host(r.host), Life: fleet.Life(r.life),
	}
}

// row reads a user's row; without one the session is empty.
func (d *Database) row(ctx context.Context, user fleet.User) (s session.Session, open bool, err error) {
	var r record
	err = d.pool.QueryRow(ctx, `SELECT epoch, worker, host, life, open FROM user_session WHERE user_id = $1`, string(user)).
		Scan(&r.epoch, &r.worker, &r.host, &r.life, &open)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return session.Session{}, false, nil
	case err != nil:
		return session.Session{}, false, fmt.Errorf("read the session: %w", err)
	}
	return r.session(user), open, nil
}

// Affirm: see [session.Tenure].
func (d *Database) Affirm(ctx context.Context, s session.Session) (bool, error) {
	done, err := d.pool.Exec(ctx, `UPDATE user_session SET takeover_at = NULL, began_at = greatest(began_at + interval '1 microsecond', now()) WHERE user_id = $1 AND epoch = $2 AND worker = $3 AND open`,
		string(s.User), int64(s.Epoch), string(s.Worker))
	if err != nil {
		return false, fmt.Errorf("affirm the session: %w", err)
	}
	return done.RowsAffected() == 1, nil
}

// Doubt: see [session.Roll].
func (d *Database) Doubt(ctx context.Context, wait, lately time.Duration) error {
	_, err := d.pool.Exec(ctx, `UPDATE user_session SET takeover_at = now()
 WHERE open AND began_at + $2::bigint * interval '1 millisecond' <= now()
   AND (takeover_at IS NULL OR takeover_at + $1::bigint * interval '1 millisecond' < now())`, (wait + session.TakeoverKept).Milliseconds(), lately.Milliseconds())
	if err != nil {
		return fmt.Errorf("doubt the open sessions: %w", err)
	}
	return nil
}

// Close: see [session.Authority].
func (d *Database) Close(ctx context.Context, user fleet.User, epoch fleet.Epoch) error {
	_, err := d.pool.Exec(ctx, `UPDATE user_session SET open = false WHERE user_id = $1 AND epoch = $2`, string(user), int64(epoch))
	if err != nil {
		return fmt.Errorf("close the session: %w", err)
	}
	return nil
}

// Fence: see [session.Tenure]. Each affirmation moves began_at.
func (d *Database) Fence(ctx context.Context, user fleet.User, epoch fleet.Epoch, proof session.Proof) (bool, error) {
	var seen time.Time
	err := d.pool.QueryRow(ctx, `SELECT began_at FROM user_session WHERE user_id = $1 AND epoch = $2 AND open`, string(user), int64(epoch)).Scan(&seen)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("read the session: %w", err)
	}
	if lost, err := proof(ctx); err != nil || !lost {
		return false, err
	}
	done, err := d.pool.Exec(ctx, `UPDATE user_session SET open = false WHERE user_id = $1 AND epoch = $2 AND open AND began_at = $3`, string(user), int64(epoch), seen)
	if err != nil {
		return false, fmt.Errorf("fence the session: %w", err)
	}
	return done.RowsAffected() == 1, nil
}

// Current: see [session.Authority].
func (d *Database) Current(ctx context.Context, user fleet.User) (session.Session, bool, error) {
	s, open, err := d.row(ctx, user)
	if err != nil || !open {
		return session.Session{}, false, err
	}
	return s, true, nil
}

// Floor: see [session.Authority].
func (d *Database) Floor(ctx context.Context) (fleet.Epoch, error) {
	var epoch int64
	if err := d.pool.QueryRow(ctx, `SELECT COALESCE(max(epoch), 0) FROM user_session`).Scan(&epoch); err != nil {
		return 0, fmt.Errorf("read the highest epoch: %w", err)
	}
	return fleet.Epoch(epoch), nil
}

// Open: see [session.Authority].
func (d *Database) Open(ctx context.Context, after fleet.User, limit int) ([]session.Session, error) {
	rows, err := d.pool.Query(ctx,
		`SELECT user_id, epoch, worker, host, life FROM user_session WHERE open AND user_id > $1 ORDER BY user_id LIMIT $2`, string(after), limit)
	if err != nil {
		return nil, fmt.Errorf("list open sessions: %w", err)
	}
	sessions, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (session.Session, error) {
		var user string
		var r record
		err := row.Scan(&user, &r.epoch, &r.worker, &r.host, &r.life)
		return r.session(fleet.User(user)), err
	})
	if err != nil {
		return nil, fmt.Errorf("list open sessions: %w", err)
	}
	return sessions, nil
}
