package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/session"
)

var _ session.Authority = (*Database)(nil)

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
		done, err := d.begins.Do(ctx, beginning{s, wait})
		if err != nil {
			return fmt.Errorf("write the session: %w", err)
		}
		if done {
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

// row reads a user's row, and whether somebody is asked to act by it; without one the session is empty.
func (d *Database) row(ctx context.Context, user fleet.User) (s session.Session, open bool, err error) {
	var r record
	err = d.pool.QueryRow(ctx, `SELECT epoch, worker, host, life, open AND ending_at IS NULL FROM user_session WHERE user_id = $1`, string(user)).
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
	kept, err := d.affirms.Do(ctx, s)
	if err != nil {
		return false, fmt.Errorf("affirm the session: %w", err)
	}
	return kept, nil
}

// Dismiss: see [session.Tenure].
func (d *Database) Dismiss(ctx context.Context, user fleet.User, epoch fleet.Epoch) error {
	_, err := d.pool.Exec(ctx, `UPDATE user_session SET ending_at = now() WHERE user_id = $1 AND epoch = $2 AND open AND ending_at IS NULL`,
		string(user), int64(epoch))
	if err != nil {
		return fmt.Errorf("dismiss the session: %w", err)
	}
	return nil
}

// Doubt: see [session.Roll].
func (d *Database) Doubt(ctx context.Context, wait, lately time.Duration) error {
	_, err := d.pool.Exec(ctx, `
WITH doubted AS (
  SELECT user_id FROM user_session
   WHERE open AND began_at + $2::bigint * interval '1 millisecond' <= now()
     AND (takeover_at IS NULL OR takeover_at + $1::bigint * interval '1 millisecond' < now())
   ORDER BY user_id FOR UPDATE)
UPDATE user_session s SET takeover_at = now() FROM doubted WHERE s.user_id = doubted.user_id`, (wait + session.TakeoverKept).Milliseconds(), lately.Milliseconds())
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

// fence locks the rows in one order, or two of these could wait for each other.
func (d *Database) fence(ctx context.Context, sessions []session.Session, proof session.Proofs) (closed int64, err error) {
	users, epochs := make([]string, len(sessions)), make([]int64, len(sessions))
	for i, s := range sessions {
		users[i], epochs[i] = string(s.User), int64(s.Epoch)
	}
	rows, err := d.pool.Query(ctx, `
SELECT s.began_at FROM unnest($1::text[], $2::bigint[]) WITH ORDINALITY AS e (user_id, epoch, place)
  LEFT JOIN user_session s ON s.user_id = e.user_id AND s.epoch = e.epoch AND s.open ORDER BY e.place`, users, epochs)
	if err != nil {
		return 0, fmt.Errorf("read %d sessions: %w", len(sessions), err)
	}
	began, err := pgx.CollectRows(rows, pgx.RowTo[*time.Time])
	if err != nil {
		return 0, fmt.Errorf("read %d sessions: %w", len(sessions), err)
	}
	if !slices.ContainsFunc(began, func(at *time.Time) bool { return at != nil }) {
		return 0, nil
	}
	lost, err := proof(ctx)
	if err != nil {
		return 0, err
	}
	for i := range began {
		if !lost[i] {
			began[i] = nil
		}
	}
	done, err := d.pool.Exec(ctx, `
WITH ended AS (
  SELECT s.user_id FROM user_session s JOIN unnest($1::text[], $2::bigint[], $3::timestamptz[]) AS e (user_id, epoch, began)
      ON s.user_id = e.user_id AND s.epoch = e.epoch AND s.began_at = e.began
   WHERE s.open ORDER BY s.user_id FOR UPDATE OF s)
UPDATE user_session s SET open = false FROM ended WHERE s.user_id = ended.user_id`, users, epochs, began)
	if err != nil {
		return 0, fmt.Errorf("fence %d sessions: %w", len(sessions), err)
	}
	return done.RowsAffected(), nil
}

// Current: see [session.Authority].
func (d *Database) Current(ctx context.Context, user fleet.User) (session.Session, bool, error) {
	s, open, err := d.row(ctx, user)
	if err != nil || !open {
		return session.Session{}, false, err
	}
	return s, true, nil
}

// Latest: see [session.Roll].
func (d *Database) Latest(ctx context.Context, user fleet.User) (fleet.Epoch, error) {
	s, _, err := d.row(ctx, user)
	return s.Epoch, err
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
	sessions, err := d.sessions(ctx, `
SELECT user_id, epoch, worker, host, life FROM user_session WHERE open AND ending_at IS NULL AND user_id > $1 ORDER BY user_id LIMIT $2`,
		string(after), limit)
	if err != nil {
		return nil, fmt.Errorf("list open sessions: %w", err)
	}
	return sessions, nil
}

func (d *Database) sessions(ctx context.Context, statement string, args ...any) ([]session.Session, error) {
	rows, err := d.pool.Query(ctx, statement, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (session.Session, error) {
		var user string
		var r record
		err := row.Scan(&user, &r.epoch, &r.worker, &r.host, &r.life)
		return r.session(fleet.User(user)), err
	})
}
