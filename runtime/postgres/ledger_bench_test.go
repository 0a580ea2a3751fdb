package postgres_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/order"
)

const (
	benchUsers      = 1000
	benchGoroutines = 64
	benchPool       = 16
)

// trading is a ledger on a server of its own, with users who are served. The server syncs each commit to this disk.
func trading(b *testing.B) (*order.Ledger, *pgx.Conn) {
	url, owner := migrated(b)
	for _, statement := range []string{
		`INSERT INTO users (user_id) SELECT 'u' || n FROM generate_series(0, $1::int - 1) n`,
		`INSERT INTO credentials (user_id, ciphertext) SELECT 'u' || n, 'c' FROM generate_series(0, $1::int - 1) n`,
		`INSERT INTO user_session (user_id, epoch, worker, host, life, open) SELECT 'u' || n, 7, 'w' || n, 'h', 1, true FROM generate_series(0, $1::int - 1) n`,
	} {
		_, err := owner.Exec(b.Context(), statement, benchUsers)
		require.NoError(b, err)
	}
	return order.New(connected(b, url, benchPool), order.Rules{Validity: time.Hour}), owner
}

func benchUser(n int) fleet.User { return fleet.User(fmt.Sprint("u", n%benchUsers)) }

func benchDraft(n int) order.Draft {
	return order.Draft{Key: fmt.Sprint(n), Symbol: "AAPL", Side: fleet.Buy, Quantity: decimal.NewFromInt(2), Type: fleet.Market, TimeInForce: fleet.Day}
}

// spread runs n things, in as many goroutines as the benchmarks have.
func spread(n int, run func(goroutine int, next func() (int, bool))) {
	var all sync.WaitGroup
	var taken atomic.Int64
	for g := range benchGoroutines {
		all.Go(func() {
			run(g, func() (int, bool) { i := int(taken.Add(1)) - 1; return i, i < n })
		})
	}
	all.Wait()
}

func accepts(b *testing.B, ledger *order.Ledger, n int) {
	spread(n, func(_ int, next func() (int, bool)) {
		for i, more := next(); more; i, more = next() {
			if _, err := ledger.Accept(b.Context(), benchUser(i), benchDraft(i)); err != nil {
				b.Errorf("accept: %v", err)
			}
		}
	})
}

// serverTime is what the server's processes have computed so far; it holds on Linux, and is zero elsewhere.
func serverTime(b *testing.B, owner *pgx.Conn) time.Duration {
	const parentOf, userTicks, systemTicks = 1, 11, 12 // fields after the name, proc_pid_stat(5)
	fields := func(path string) []string {
		text, _ := os.ReadFile(path)
		_, rest, _ := strings.Cut(string(text), ") ")
		return append(strings.Fields(rest), make([]string, systemTicks+1)...)
	}
	var pid int
	require.NoError(b, owner.QueryRow(b.Context(), `SELECT pg_backend_pid()`).Scan(&pid))
	parent := fields(fmt.Sprintf("/proc/%d/stat", pid))[parentOf]
	paths, err := filepath.Glob("/proc/[0-9]*/stat")
	require.NoError(b, err)
	var sum time.Duration
	for _, path := range paths {
		if f := fields(path); f[parentOf] == parent {
			user, _ := strconv.Atoi(f[userTicks])
			system, _ := strconv.Atoi(f[systemTicks])
			sum += time.Duration(user+system) * 10 * time.Millisecond
		}
	}
	return sum
}

// report tells how many a second there were, and what each of them took of the server's processors.
func report(b *testing.B, owner *pgx.Conn, before time.Duration, unit string) {
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), unit)
	b.ReportMetric(float64((serverTime(b, owner)-before).Microseconds())/float64(b.N), "server-µs/op")
}

// BenchmarkAccept: orders of 1,000 users, accepted by 64 goroutines at once.
func BenchmarkAccept(b *testing.B) {
	ledger, owner := trading(b)
	before := serverTime(b, owner)
	b.ResetTimer()
	accepts(b, ledger, b.N)
	report(b, owner, before, "accepts/s")
}

// BenchmarkCommit: orders of 1,000 users are answered one after the other, and each answer marks the user's next.
func BenchmarkCommit(b *testing.B) {
	ledger, owner := trading(b)
	accepts(b, ledger, b.N)
	first := map[fleet.User]fleet.OrderID{}
	rows, err := owner.Query(b.Context(), `SELECT user_id, id FROM orders WHERE state = 'dispatched'`)
	require.NoError(b, err)
	var user, id string
	_, err = pgx.ForEachRow(rows, []any{&user, &id}, func() error {
		first[fleet.User(user)] = fleet.OrderID(id)
		return nil
	})
	require.NoError(b, err)
	before := serverTime(b, owner)
	b.ResetTimer()
	var committed atomic.Int64
	spread(0, func(g int, _ func() (int, bool)) {
		for n := g; n < benchUsers; n += benchGoroutines {
			committed.Add(answerAll(b, ledger, benchUser(n), first[benchUser(n)]))
		}
	})
	report(b, owner, before, "commits/s")
	if committed.Load() != int64(b.N) {
		b.Fatalf("%d of %d orders were answered", committed.Load(), b.N)
	}
}

// answerAll answers a user's orders in their sequence, and returns how many they were.
func answerAll(b *testing.B, ledger *order.Ledger, user fleet.User, id fleet.OrderID) (n int64) {
	for ; id != ""; n++ {
		next, _, err := ledger.Commit(b.Context(), user, []fleet.Outcome{{
			Worker: "w", Host: "h", Life: 1, User: user, Epoch: 7, Order: id, Number: uint64(n + 1), State: fleet.OutcomeFilled,
			Fills: []fleet.Fill{{ID: "f", Quantity: decimal.NewFromInt(2), Price: decimal.NewFromInt(10), At: time.Now()}},
		}})
		if err != nil {
			b.Errorf("commit: %v", err)
			return n
		}
		id = ""
		for _, l := range next.Mail {
			if l.Mail.Kind == fleet.MailOrder {
				id = l.Mail.Order.ID
			}
		}
	}
	return n
}

// BenchmarkLongQueue: one more order of a user who has 5,000 that wait. The time does not grow with the queue.
func BenchmarkLongQueue(b *testing.B) {
	ledger, owner := trading(b)
	_, err := ledger.Accept(b.Context(), "u0", benchDraft(0))
	require.NoError(b, err)
	_, err = owner.Exec(b.Context(), `
INSERT INTO orders SELECT 'o' || n, user_id, n, 'q' || n, digest, symbol, side, quantity, type, limit_price, time_in_force, 'accepted', proven, reason,
       0, leg, broker_id, heard_epoch, heard, cancel_asked, NULL, valid_until, checks, valid_until, accepted_at, changed_at
  FROM orders, generate_series(2, 5001) n`)
	require.NoError(b, err)
	_, err = owner.Exec(b.Context(), `UPDATE order_book SET last = 5001 WHERE user_id = 'u0'`)
	require.NoError(b, err)
	for n := 0; b.Loop(); n++ {
		if _, err := ledger.Accept(b.Context(), "u0", benchDraft(n+1)); err != nil {
			b.Fatal(err)
		}
	}
}
