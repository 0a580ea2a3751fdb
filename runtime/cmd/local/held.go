package main

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// held is what the platform holds at one moment, in the units of its readers: a leak is a figure that rises with time and
// not with what was done.
type held struct {
	Seconds float64 `json:"seconds"` // since the first look
	// Programs are those that chaos never kills while somebody looks: the first of each kind.
	Programs map[string]appetite `json:"programs"`
	Workers  workforce           `json:"workers"`
	// Keys and bytes of the store.
	StoreKeys   int64 `json:"storeKeys"`
	StoreMemory int64 `json:"storeBytes"`
	// Rows of each table of the ledger, and how many orders were accepted until then.
	Rows   map[string]int64 `json:"rows"`
	Orders int              `json:"orders"`
}

// appetite is what one process says of itself.
type appetite struct {
	Goroutines  float64 `json:"goroutines"`
	Descriptors float64 `json:"descriptors"`
	Heap        float64 `json:"heapBytes"` // in use, after the last collection and since
	Resident    float64 `json:"residentBytes"`
}

// workforce is what the worker processes hold, taken together: each of them lives for one session.
type workforce struct {
	Processes   int     `json:"processes"`
	Resident    float64 `json:"residentBytes"` // a process, on average
	Descriptors float64 `json:"descriptors"`   // a process, on average
}

// watch looks every so often until the day ends, and keeps what it saw. What cannot be seen at a moment – a store that is
// away, a program between two starts – is left out of that look.
func (d *day) watch(ctx context.Context) (stop func()) {
	if d.watching == 0 {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for began := time.Now(); ; {
			if seen, err := d.hold(ctx); err == nil {
				seen.Seconds = time.Since(began).Seconds()
				d.mu.Lock()
				d.held = append(d.held, seen)
				d.mu.Unlock()
			}
			select {
			case <-ctx.Done():
				return
			case <-time.After(d.watching):
			}
		}
	}()
	return func() {
		cancel()
		<-done
	}
}

// hold takes one look.
func (d *day) hold(ctx context.Context) (held, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	seen := held{Programs: map[string]appetite{}}
	d.trading.mu.Lock()
	seen.Orders = len(d.trading.accepted)
	d.trading.mu.Unlock()
	var problems []error
	for _, name := range slices.Sorted(maps.Keys(d.metricsAt)) {
		figures, err := scrape(ctx, "http://"+d.metricsAt[name]+"/metrics")
		problems = append(problems, err)
		seen.Programs[name] = figures
	}
	var err error
	seen.Workers, err = workersOf(filepath.Join(d.bin, "worker"))
	problems = append(problems, err)
	seen.StoreKeys, seen.StoreMemory, err = storeSize(ctx, d.path.Client)
	problems = append(problems, err)
	seen.Rows, err = d.rows(ctx)
	return seen, errors.Join(append(problems, err)...)
}

// scrape reads a program's own metrics.
func scrape(ctx context.Context, url string) (seen appetite, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return seen, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return seen, fmt.Errorf("read metrics: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	return exposed(response.Body)
}

// exposed takes the four figures out of the exposition's text.
func exposed(text io.Reader) (seen appetite, err error) {
	fields := map[string]*float64{
		"go_goroutines": &seen.Goroutines, "process_open_fds": &seen.Descriptors,
		"go_memstats_heap_inuse_bytes": &seen.Heap, "process_resident_memory_bytes": &seen.Resident,
	}
	lines := bufio.NewScanner(text)
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), " ")
		if field := fields[name]; field != nil {
			if *field, err = strconv.ParseFloat(value, 64); err != nil {
				return seen, fmt.Errorf("read metrics: %s: %w", name, err)
			}
			delete(fields, name)
		}
	}
	if len(fields) > 0 {
		return seen, fmt.Errorf("read metrics: %v are missing", slices.Sorted(maps.Keys(fields)))
	}
	return seen, lines.Err()
}

// workersOf counts what the processes of a program hold that this process has started. One that ends meanwhile is left out.
func workersOf(program string) (all workforce, err error) {
	links, err := filepath.Glob("/proc/[0-9]*/exe")
	if err != nil {
		return all, err
	}
	for _, link := range links {
		if path, err := os.Readlink(link); err != nil || path != program {
			continue
		}
		dir := filepath.Dir(link)
		if !ours(dir) {
			continue
		}
		pages, err := os.ReadFile(filepath.Join(dir, "statm"))
		open, reading := os.ReadDir(filepath.Join(dir, "fd"))
		if err = errors.Join(err, reading); errors.Is(err, fs.ErrNotExist) {
			continue
		} else if err != nil {
			return all, err
		}
		fields := strings.Fields(string(pages))
		if len(fields) < 2 {
			continue
		}
		resident, err := strconv.ParseFloat(fields[1], 64)
		if err != nil {
			return all, err
		}
		all.Processes++
		all.Resident += resident * float64(os.Getpagesize())
		all.Descriptors += float64(len(open))
	}
	if all.Processes > 0 {
		all.Resident /= float64(all.Processes)
		all.Descriptors /= float64(all.Processes)
	}
	return all, nil
}

// ours says that this process has started one: another platform may run the same program from the same folder.
func ours(dir string) bool {
	status, err := os.ReadFile(filepath.Join(dir, "status"))
	return err == nil && bytes.Contains(status, fmt.Appendf(nil, "\nPPid:\t%d\n", os.Getpid()))
}

// storeSize is how many keys the store has and the memory that it uses for them.
func storeSize(ctx context.Context, client redis.UniversalClient) (keys, bytes int64, err error) {
	keys, err = client.DBSize(ctx).Result()
	if err != nil {
		return 0, 0, fmt.Errorf("measure the store: %w", err)
	}
	text, err := client.Info(ctx, "memory").Result()
	if err != nil {
		return 0, 0, fmt.Errorf("measure the store: %w", err)
	}
	for line := range strings.Lines(text) {
		if value, found := strings.CutPrefix(line, "used_memory:"); found {
			bytes, err = strconv.ParseInt(strings.TrimSpace(value), 10, 64)
		}
	}
	return keys, bytes, err
}

// rows counts every table of the ledger.
func (d *day) rows(ctx context.Context) (map[string]int64, error) {
	driver, source, list := "pgx", string(d.database.URL), `SELECT tablename FROM pg_tables WHERE schemaname = current_schema()`
	if path, isFile := d.database.URL.File(); isFile {
		driver, source, list = "sqlite", "file:"+path+"?_pragma=busy_timeout(10000)", `SELECT name FROM sqlite_master WHERE type = 'table'`
	}
	db, err := sql.Open(driver, source)
	if err != nil {
		return nil, fmt.Errorf("count rows: %w", err)
	}
	defer func() { _ = db.Close() }()
	names, err := column(ctx, db, list)
	counts := map[string]int64{}
	for _, name := range names {
		var n int64
		// A table's name from the catalogue, which is no user's.
		if err := db.QueryRowContext(ctx, `SELECT count(*) FROM "`+name+`"`).Scan(&n); err != nil {
			return nil, fmt.Errorf("count rows: %w", err)
		}
		counts[name] = n
	}
	return counts, err
}

func column(ctx context.Context, db *sql.DB, query string) (values []string, err error) {
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("count rows: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var value string
		if err := rows.Scan(&value); err != nil {
			return nil, fmt.Errorf("count rows: %w", err)
		}
		values = append(values, value)
	}
	return values, rows.Err()
}
