package postgres

import (
	"context"
	"embed"
	"fmt"
	"net"
	"strconv"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"workerfleet/runtime/batch"
)

//go:embed migrations/*.sql
var scripts embed.FS

// Database is a pool of connections to one endpoint. It is safe for concurrent use.
type Database struct {
	pool *pgxpool.Pool
	together
}

// Password gives the password of a user at HOST:PORT that is good for now; it is asked for each new connection.
type Password func(ctx context.Context, endpoint, user string) (string, error)

// Pool says how connections are kept.
type Pool struct {
	// Connections are kept at most; 0 means what the URL says, or the pool's default.
	Connections int
	// Password, where the URL has none.
	Password Password
}

// Connect prepares a pool for the URL and tries one connection. Disconnect ends it.
func Connect(ctx context.Context, url string, p Pool) (*Database, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		// The parser's own message may quote the URL, and so a password.
		return nil, fmt.Errorf("database: the URL is not understood; allowed: postgres://user@host:port/database?sslmode=verify-full")
	}
	config.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeExec
	if p.Connections > 0 {
		config.MaxConns = int32(p.Connections)
	}
	if password := p.Password; password != nil {
		config.BeforeConnect = func(ctx context.Context, c *pgx.ConnConfig) (err error) {
			c.Password, err = password(ctx, net.JoinHostPort(c.Host, strconv.Itoa(int(c.Port))), c.User)
			return err
		}
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("database: %w", err)
	}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return nil, fmt.Errorf("database: connect: %w", err)
	}
	return open(pool), nil
}

func open(pool *pgxpool.Pool) *Database {
	d := &Database{pool: pool}
	d.together = together{
		begins:   batch.New(lanes, most, apart(d.beginAll)),
		affirms:  batch.New(lanes, most, apart(d.affirmAll)),
		numbers:  batch.New(lanes, most, apart(d.beginAtAll)),
		deposits: batch.New(lanes, most, apart(d.encrypted)),
	}
	return d
}

// Disconnect ends all connections.
func (d *Database) Disconnect() { d.pool.Close() }
