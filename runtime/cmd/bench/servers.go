package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"workerfleet/runtime/cmd/internal/claimpath"
	"workerfleet/runtime/parts"
	"workerfleet/runtime/parts/server"
	"workerfleet/runtime/postgres"
	"workerfleet/runtime/settings"
	"workerfleet/stacks/sizing"
)

// serverOptions say which servers to measure with.
type serverOptions struct {
	valkey, database string
	start            bool
	// store are more arguments for the store's server.
	store []string
}

func (o *serverOptions) flags(flags *flag.FlagSet) {
	flags.StringVar(&o.valkey, "valkey", "", "URL of a server to measure with; its data is erased")
	flags.BoolVar(&o.start, "start", false, "start a server of this machine (the default)")
	flags.StringVar(&o.database, "database", "", "URL of a PostgreSQL database to use (default: one is started, else SQLite)")
}

// servers are what is measured with.
type servers struct {
	storeName, databaseName string
	settings                claimpath.Settings
	databasePID             int // 0: the database is not this process's child
	// store is this process's child, or nil; storeAgain starts it again when it has ended.
	store        *server.Server
	storeProgram string
	storeAgain   func(ctx context.Context) (*server.Server, error)
	stops        []func()
}

func (s *servers) stop() {
	for i := len(s.stops) - 1; i >= 0; i-- {
		s.stops[i]()
	}
}

// startServers finds or starts the servers. Measuring a stand-in for the store would say nothing.
func startServers(ctx context.Context, o serverOptions, dir string) (started *servers, err error) {
	s := &servers{settings: claimpath.Settings{
		Stack: settings.Stack{Tier: settings.Here}, Sealing: settings.Sealing{KMSKey: "file:" + filepath.Join(dir, "key")},
		Valkey: settings.Valkey{Auth: settings.ValkeyNone}, Database: settings.Database{Auth: settings.DatabasePassword},
		Lease: settings.Lease{Beat: beat, TTL: ttl, Guard: guard},
		// Who fills a store and looks at it takes as much as all of the API's tasks.
		Connections: claimpath.Connections{Valkey: apis * sizing.APIToValkey, Database: apis * sizing.APIToDatabase},
	}}
	defer func() {
		if err != nil {
			s.stop()
		}
	}()
	if err = s.startStore(ctx, o, dir); err != nil {
		return nil, err
	}
	return s, s.startDatabase(ctx, o, dir)
}

func (s *servers) startStore(ctx context.Context, o serverOptions, dir string) error {
	if o.valkey != "" && o.start {
		return usage{errors.New("--valkey, --start: both are stated; allowed: one of them")}
	}
	if o.valkey != "" {
		s.storeName, s.settings.Valkey.Address.URL = "the server of --valkey", o.valkey
		return nil
	}
	program, found := parts.Find(parts.Valkey)
	if !found {
		program, found = parts.Find(parts.Redis)
	}
	if !found {
		return errors.New("no redis-server or valkey-server is installed; install one, or state --valkey")
	}
	s.storeProgram = program
	s.storeAgain = func(ctx context.Context) (*server.Server, error) {
		return server.Valkey(ctx, program, filepath.Join(dir, "valkey"), o.store...)
	}
	var err error
	if s.store, err = s.storeAgain(ctx); err != nil {
		return err
	}
	s.stops = append(s.stops, func() { s.store.Stop() })
	s.storeName, s.settings.Valkey.Address.URL = filepath.Base(program)+" of this machine, through a unix socket", s.store.URL
	return nil
}

func (s *servers) startDatabase(ctx context.Context, o serverOptions, dir string) error {
	program, found := parts.Find(parts.Postgres)
	switch {
	case o.database != "":
		s.databaseName, s.settings.Database.URL = "the database of --database", settings.DatabaseURL(o.database)
	case !found:
		s.databaseName = "SQLite, embedded (install postgresql to measure with it)"
		s.settings.Database.URL = settings.DatabaseURL("sqlite:" + filepath.Join(dir, "fleet.db"))
		return nil
	default:
		running, err := server.Postgres(ctx, program, dir)
		if err != nil {
			return err
		}
		s.stops, s.databasePID = append(s.stops, running.Stop), running.PID()
		s.databaseName = "PostgreSQL of this machine, through a unix socket"
		s.settings.Database.URL = settings.DatabaseURL(running.URL)
	}
	_, err := postgres.Migrate(ctx, string(s.settings.Database.URL))
	return err
}

// cpuSeconds is the time that the store's server has computed, by its own count.
func cpuSeconds(ctx context.Context, client redis.UniversalClient) float64 {
	text, err := client.Info(ctx, "cpu").Result()
	if err != nil {
		return 0
	}
	sum := 0.0
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		if name == "used_cpu_sys" || name == "used_cpu_user" {
			seconds, _ := strconv.ParseFloat(value, 64)
			sum += seconds
		}
	}
	return sum
}

// workDir makes a folder that the servers' account may enter.
func workDir() (dir string, remove func(), err error) {
	dir, err = os.MkdirTemp("", "bench")
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err != nil {
		return "", nil, fmt.Errorf("make a folder: %w", err)
	}
	return dir, func() { _ = os.RemoveAll(dir) }, nil
}
