package postgres

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"workerfleet/runtime/pool"
)

var _ pool.History = (*Database)(nil)

// Count: see [pool.History]. Rows are written in one order, so that two who keep at once do not wait for each other.
func (d *Database) Count(ctx context.Context, counts []pool.Minute) error {
	ordered := slices.SortedFunc(slices.Values(counts), func(a, b pool.Minute) int { return a.At.Compare(b.At) })
	minutes, claims := make([]int64, len(ordered)), make([]int32, len(ordered))
	for i, c := range ordered {
		minutes[i], claims[i] = c.Number(), int32(min(c.Claims, maxCount))
	}
	_, err := d.pool.Exec(ctx, `
INSERT INTO arrivals AS a (minute, claims) SELECT * FROM unnest($1::bigint[], $2::integer[])
ON CONFLICT (minute) DO UPDATE SET claims = excluded.claims WHERE a.claims < excluded.claims`, minutes, claims)
	if err != nil {
		return fmt.Errorf("keep the arrivals: %w", err)
	}
	return nil
}

// maxCount is what a column holds.
const maxCount = 1<<31 - 1

// Recall: see [pool.History].
func (d *Database) Recall(ctx context.Context, spans []pool.Span) (kept []pool.Minute, earliest time.Time, err error) {
	begins, ends := make([]int64, len(spans)), make([]int64, len(spans))
	for i, s := range spans {
		begins[i], ends[i] = s.Numbers()
	}
	// The earliest minute comes in a row of its own, marked by a count that no minute has.
	rows, err := d.pool.Query(ctx, `
SELECT a.minute, a.claims
  FROM unnest($1::bigint[], $2::bigint[]) AS s(begins, ends) JOIN arrivals AS a ON a.minute >= s.begins AND a.minute < s.ends
 UNION (SELECT minute, 0 FROM arrivals ORDER BY minute LIMIT 1)`, begins, ends)
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("recall arrivals: %w", err)
	}
	var at int64
	var claims int
	_, err = pgx.ForEachRow(rows, []any{&at, &claims}, func() error {
		if claims == 0 {
			earliest = pool.Numbered(at, 0).At
		} else {
			kept = append(kept, pool.Numbered(at, claims))
		}
		return nil
	})
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("recall arrivals: %w", err)
	}
	return kept, earliest, nil
}

// Forget: see [pool.History].
func (d *Database) Forget(ctx context.Context, before time.Time) error {
	if _, err := d.pool.Exec(ctx, `DELETE FROM arrivals WHERE minute < $1`, pool.CeilMinute(before)); err != nil {
		return fmt.Errorf("forget arrivals: %w", err)
	}
	return nil
}
