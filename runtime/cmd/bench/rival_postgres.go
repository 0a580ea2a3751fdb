package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"
)

// skipLocked is a pool in one table of PostgreSQL: a claim takes an idle row that nobody else has locked, and tells the
// row's host, which confirms. Statements are prepared, as no proxy would let them be.
type skipLocked struct {
	*servers
	client redis.UniversalClient // for the store's figures only
	pool   *pgxpool.Pool
	end    context.CancelFunc
	group  sync.WaitGroup
	mu     sync.Mutex
	waits  map[string]chan string
}

// skipConnections are those of the claims; each host has one more.
const skipConnections = 16

func startSkipLocked(ctx context.Context, o runOptions, s *servers) (started rival, err error) {
	url := string(s.settings.Database.URL)
	if !strings.HasPrefix(url, "postgres") {
		return nil, errors.New("there is no PostgreSQL to claim in; install it, or state --database")
	}
	work, end := context.WithCancel(context.WithoutCancel(ctx))
	r := &skipLocked{servers: s, end: end, waits: map[string]chan string{}}
	defer func() {
		if err != nil {
			r.stop()
		}
	}()
	if r.client, err = s.connect(ctx); err != nil {
		return nil, err
	}
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, errors.New("--database: the URL is not understood")
	}
	config.MaxConns = skipConnections
	if r.pool, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return nil, err
	}
	if _, err = r.pool.Exec(ctx, `DROP TABLE IF EXISTS bench_worker`); err != nil {
		return nil, err
	}
	_, err = r.pool.Exec(ctx, `CREATE TABLE bench_worker (
  id int PRIMARY KEY, host int NOT NULL, state text NOT NULL, user_id text, epoch bigint NOT NULL DEFAULT 0, beat timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50)`)
	if err == nil {
		_, err = r.pool.Exec(ctx, `INSERT INTO bench_worker (id, host, state) SELECT i, i % $2::int, 'idle' FROM generate_series(0, $1::int - 1) i`, o.workers, o.hosts)
	}
	for _, index := range []string{`CREATE INDEX ON bench_worker (id) WHERE state = 'idle'`, `CREATE INDEX ON bench_worker (host)`} {
		if err == nil {
			_, err = r.pool.Exec(ctx, index)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("make the table: %w", err)
	}
	for host := range o.hosts {
		conn, err := pgx.Connect(ctx, url)
		if err != nil {
			return nil, fmt.Errorf("connect a host: %w", err)
		}
		if _, err := conn.Exec(ctx, "LISTEN host_"+strconv.Itoa(host)); err != nil {
			return nil, errors.Join(err, conn.Close(ctx))
		}
		r.group.Go(func() { r.listen(work, conn) })
		r.group.Go(func() { r.beat(work, host) })
	}
	return r, nil
}

// listen is a host: it hears of its claims, and confirms each.
func (r *skipLocked) listen(ctx context.Context, conn *pgx.Conn) {
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	for {
		heard, err := conn.WaitForNotification(ctx)
		if err != nil {
			return
		}
		worker, who, _ := strings.Cut(heard.Payload, " ")
		id, _ := strconv.Atoi(worker)
		done, err := r.pool.Exec(ctx, `UPDATE bench_worker SET state = 'serving' WHERE id = $1 AND user_id = $2 AND state = 'assigned'`, id, who)
		if err != nil || done.RowsAffected() != 1 {
			continue
		}
		r.mu.Lock()
		if ready := r.waits[who]; ready != nil {
			ready <- worker
			delete(r.waits, who)
		}
		r.mu.Unlock()
	}
}

// beat renews the rows of a host, all in one statement.
func (r *skipLocked) beat(ctx context.Context, host int) {
	ticker := time.NewTicker(beat)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			_, _ = r.pool.Exec(ctx, `UPDATE bench_worker SET beat = now() WHERE host = $1`, host) // the next one is the next attempt
		}
	}
}

// take is the claim: the row, and the word to its host, in one statement.
const take = `
WITH taken AS (
  UPDATE bench_worker SET state = 'assigned', user_id = $1, epoch = epoch + 1
   WHERE id = (SELECT id FROM bench_worker WHERE state = 'idle' ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED)
  RETURNING id, host
)
SELECT id, pg_notify('host_' || host, id || ' ' || $1) FROM taken`

func (r *skipLocked) claim(ctx context.Context, n int) (string, error) {
	who, ready := string(user(n)), make(chan string, 1)
	r.mu.Lock()
	r.waits[who] = ready
	r.mu.Unlock()
	var id int
	if err := r.pool.QueryRow(ctx, take, who).Scan(&id, nil); err != nil {
		return "", fmt.Errorf("take a row: %w", err)
	}
	select {
	case worker := <-ready:
		return worker, nil
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

func (r *skipLocked) spent(ctx context.Context) spent { return r.servers.spent(ctx, r.client) }

func (r *skipLocked) stop() {
	r.end()
	r.group.Wait()
	if r.pool != nil {
		_, _ = r.pool.Exec(context.Background(), `DROP TABLE IF EXISTS bench_worker`)
		r.pool.Close()
	}
	if r.client != nil {
		_ = r.client.Close()
	}
}
