package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"workerfleet/runtime/pool"
)

var _ pool.History = (*Database)(nil)

// Count: see [pool.History].
func (d *Database) Count(ctx context.Context, counts []pool.Minute) error {
	tx, err := d.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("keep the arrivals: %w", err)
	}
	defer func() { _ = tx.Rollback() }()
	for _, c := range counts {
		_, err := tx.ExecContext(ctx, `
INSERT INTO arrivals (minute, claims) VALUES (?1, ?2)
ON CONFLICT (minute) DO UPDATE SET claims = max(claims, excluded.claims)`, c.Number(), c.Claims)
		if err != nil {
			return fmt.Errorf("keep the arrivals: %w", err)
		}
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("keep the arrivals: %w", err)
	}
	return nil
}

// Recall: see [pool.History]. All of it is one transaction, so that the earliest minute is not later than those recalled.
func (d *Database) Recall(ctx context.Context, spans []pool.Span) (kept []pool.Minute, earliest time.Time, err error) {
	tx, err := d.db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("recall arrivals: %w", err)
	}
	defer func() { _ = tx.Rollback() }()
	var first sql.NullInt64
	if err := tx.QueryRowContext(ctx, `SELECT min(minute) FROM arrivals`).Scan(&first); err != nil {
		return nil, time.Time{}, fmt.Errorf("recall arrivals: %w", err)
	}
	if first.Valid {
		earliest = pool.Numbered(first.Int64, 0).At
	}
	seen := map[int64]bool{}
	for _, s := range spans {
		if err := span(ctx, tx, s, func(number int64, claims int) {
			if !seen[number] {
				seen[number], kept = true, append(kept, pool.Numbered(number, claims))
			}
		}); err != nil {
			return nil, time.Time{}, fmt.Errorf("recall arrivals: %w", err)
		}
	}
	return kept, earliest, nil
}

func span(ctx context.Context, tx *sql.Tx, s pool.Span, each func(number int64, claims int)) (err error) {
	first, end := s.Numbers()
	rows, err := tx.QueryContext(ctx, `SELECT minute, claims FROM arrivals WHERE minute >= ? AND minute < ?`, first, end)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var number int64
		var claims int
		if err := rows.Scan(&number, &claims); err != nil {
			return err
		}
		each(number, claims)
	}
	return rows.Err()
}

// Forget: see [pool.History].
func (d *Database) Forget(ctx context.Context, before time.Time) error {
	if _, err := d.db.ExecContext(ctx, `DELETE FROM arrivals WHERE minute < ?`, pool.CeilMinute(before)); err != nil {
		return fmt.Errorf("forget arrivals: %w", err)
	}
	return nil
}
