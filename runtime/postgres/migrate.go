package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

// A migration runs while the release before serves, and takes tables for itself one after the other. Turns take them in
// another order, and whoever comes after a migration that waits for a table waits behind it.
const (
	// yieldAfter is how long it waits for a table before it gives back what it has, and begins anew: less than a server
	// takes to look for deadlocks (1 s), so that it never is a user's turn that is ended for it.
	yieldAfter = 500 * time.Millisecond
	// yieldPause is what it leaves to others then, and migratePatience for how long it tries.
	yieldPause      = 250 * time.Millisecond
	migratePatience = 5 * time.Minute
)

// Migrate brings the schema at the URL to this version; runs at once take turns, and users of the release before go on
// meanwhile. It needs a connection of its own to the writer: the lock that they take turns by belongs to a session, which a
// proxy would not keep. It returns the numbers of the migrations that it applied.
func Migrate(ctx context.Context, url string) (applied []int64, err error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("database: the URL is not understood; allowed: postgres://user@host:port/database?sslmode=verify-full")
	}
	config.RuntimeParams["lock_timeout"] = fmt.Sprint(yieldAfter.Milliseconds())
	db := stdlib.OpenDB(*config)
	defer func() { _ = db.Close() }()
	provider, err := migrations(db)
	if err != nil {
		return nil, err
	}
	for began := time.Now(); ; {
		results, err := provider.Up(ctx)
		var partial *goose.PartialError
		if errors.As(err, &partial) {
			results = partial.Applied
		}
		for _, result := range results {
			applied = append(applied, result.Source.Version)
		}
		switch {
		case err == nil:
			return applied, nil
		case !inTheWay(err) || time.Since(began) > migratePatience:
			return applied, fmt.Errorf("migrate: %w", err)
		}
		select {
		case <-ctx.Done():
			return applied, fmt.Errorf("migrate: %w", ctx.Err())
		case <-time.After(yieldPause):
		}
	}
}

// inTheWay says that a migration was undone because others had a table in use.
func inTheWay(err error) bool {
	const deadlock, notAvailable = "40P01", "55P03"
	var said *pgconn.PgError
	return errors.As(err, &said) && (said.Code == deadlock || said.Code == notAvailable)
}

// migrations are those of this version, each a transaction of its own.
func migrations(db *sql.DB) (*goose.Provider, error) {
	files, err := fs.Sub(scripts, "migrations")
	if err != nil {
		return nil, fmt.Errorf("read the migrations: %w", err)
	}
	locker, err := lock.NewPostgresSessionLocker()
	if err != nil {
		return nil, fmt.Errorf("prepare the migrations: %w", err)
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, db, files, goose.WithSessionLocker(locker))
	if err != nil {
		return nil, fmt.Errorf("prepare the migrations: %w", err)
	}
	return provider, nil
}
