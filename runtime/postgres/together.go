package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"workerfleet/runtime/batch"
	"workerfleet/runtime/fleet"
	"workerfleet/runtime/order"
	"workerfleet/runtime/session"
)

// together is what is asked for every claim, and about every session that returns: when everybody comes at once, planning,
// round trips and commits are those of a few.
type together struct {
	begins   *batch.Calls[beginning, bool]
	affirms  *batch.Calls[session.Session, bool]
	numbers  *batch.Calls[fleet.User, uint64]
	deposits *batch.Calls[fleet.User, deposit]
}

// Bounds of what goes together. One connection that hangs must not stop all, two must not for long, and a batch is done before
// others wait long.
const (
	lanes     = 2
	most      = 64
	laneLimit = 10 * time.Second
)

// ones are the classes of errors whose reason may be one call's alone: its data, a constraint, a transaction that another one
// ended. What else the database says is about the connection or the server, and the same for all
// (https://www.postgresql.org/docs/15/errcodes-appendix.html).
var ones = []string{"22", "23", "40"}

// apart sends a batch, and where the database refuses it for what may be one's alone, each call by itself.
func apart[In, Out any](send func(ctx context.Context, in []In) ([]Out, error)) func(ctx context.Context, in []In) []batch.Answer[Out] {
	return func(ctx context.Context, in []In) []batch.Answer[Out] {
		ctx, cancel := context.WithTimeout(ctx, laneLimit)
		defer cancel()
		answers := make([]batch.Answer[Out], len(in))
		out, err := send(ctx, in)
		if err == nil && len(out) != len(in) {
			err = fmt.Errorf("%d calls have %d answers", len(in), len(out))
		}
		var refused *pgconn.PgError
		each := len(in) > 1 && errors.As(err, &refused) && slices.Contains(ones, refused.Code[:2])
		for i := range in {
			switch {
			case each:
				answers[i] = apart(send)(ctx, in[i:i+1])[0]
			case err != nil:
				answers[i].Err = err
			default:
				answers[i].Out = out[i]
			}
		}
		return answers
	}
}

// beginning is a session to be written, and how long its predecessor is waited for.
type beginning struct {
	session.Session
	wait time.Duration
}

// deposit is what there is of a user's credentials.
type deposit struct {
	ciphertext []byte
	since      *time.Time // they are refused
	refused    string
}

// beginAll writes the rows where the epoch rises and nobody else may act, and says of each whether it did.
func (d *Database) beginAll(ctx context.Context, all []beginning) ([]bool, error) {
	if len(all) == 1 {
		begun, err := d.beginOne(ctx, all[0])
		return []bool{begun}, err
	}
	users, epochs, workers := make([]string, len(all)), make([]int64, len(all)), make([]string, len(all))
	hosts, lives := make([]string, len(all)), make([]int64, len(all))
	after, until := make([]int64, len(all)), make([]int64, len(all))
	for i, b := range all {
		users[i], epochs[i], workers[i] = string(b.User), int64(b.Epoch), string(b.Worker)
		hosts[i], lives[i] = string(b.Host), int64(b.Life)
		after[i], until[i] = b.wait.Milliseconds(), (b.wait + session.TakeoverKept).Milliseconds()
	}
	var begun []bool
	err := d.pool.QueryRow(ctx, `SELECT sessions_begin($1, $2, $3, $4, $5, $6, $7)`, users, epochs, workers, hosts, lives, after, until).Scan(&begun)
	return begun, err
}

// beginOne is for who comes alone: a list of one takes a tenth more of the server.
func (d *Database) beginOne(ctx context.Context, b beginning) (begun bool, err error) {
	err = d.pool.QueryRow(ctx, `SELECT session_begin($1, $2, $3, $4, $5, $6, $7)`, string(b.User), int64(b.Epoch), string(b.Worker),
		string(b.Host), int64(b.Life), b.wait.Milliseconds(), (b.wait + session.TakeoverKept).Milliseconds()).Scan(&begun)
	return begun, err
}

// affirmAll takes the doubt from sessions that are open still, and says which are.
func (d *Database) affirmAll(ctx context.Context, all []session.Session) ([]bool, error) {
	users, epochs, workers := make([]string, len(all)), make([]int64, len(all)), make([]string, len(all))
	for i, s := range all {
		users[i], epochs[i], workers[i] = string(s.User), int64(s.Epoch), string(s.Worker)
	}
	rows, err := d.pool.Query(ctx, `
WITH asked AS (
  SELECT s.user_id, e.place FROM user_session s
    JOIN unnest($1::text[], $2::bigint[], $3::text[]) WITH ORDINALITY AS e (user_id, epoch, worker, place)
      ON s.user_id = e.user_id AND s.epoch = e.epoch AND s.worker = e.worker
   WHERE s.open AND s.ending_at IS NULL ORDER BY s.user_id FOR UPDATE OF s),
affirmed AS (
  UPDATE user_session s SET takeover_at = NULL, began_at = greatest(began_at + interval '1 microsecond', now())
    FROM (SELECT DISTINCT user_id FROM asked) AS a WHERE s.user_id = a.user_id RETURNING s.user_id)
SELECT place FROM asked JOIN affirmed USING (user_id)`, users, epochs, workers)
	if err != nil {
		return nil, err
	}
	places, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	kept := make([]bool, len(all))
	for _, place := range places {
		kept[place-1] = true
	}
	return kept, err
}

// beginAtAll finds each user's lowest number that an order may still come with.
func (d *Database) beginAtAll(ctx context.Context, users []fleet.User) ([]uint64, error) {
	lowest := make([]int64, 1)
	to, statement, args := any(&lowest[0]), `SELECT order_begin_at($1, $2, $3)`, any(string(users[0]))
	if len(users) > 1 {
		to, statement, args = &lowest, `SELECT orders_begin_at($1, $2, $3)`, texts(users)
	}
	err := d.pool.QueryRow(ctx, statement, args, order.LooksMost, order.LookPause.Milliseconds()).Scan(to)
	numbers := make([]uint64, len(lowest))
	for i, n := range lowest {
		numbers[i] = uint64(n)
	}
	return numbers, err
}

func (d *Database) encrypted(ctx context.Context, users []fleet.User) ([]deposit, error) {
	rows, err := d.pool.Query(ctx, `SELECT ciphertext, refused_since, COALESCE(refused, '') FROM credentials_of($1)`, texts(users))
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (k deposit, err error) {
		return k, row.Scan(&k.ciphertext, &k.since, &k.refused)
	})
}

// texts is users as the database's types have them.
func texts(users []fleet.User) []string {
	list := make([]string, len(users))
	for i, u := range users {
		list[i] = string(u)
	}
	return list
}
