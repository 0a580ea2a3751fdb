package main

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"workerfleet/runtime/parts"
	"workerfleet/runtime/parts/server"
	"workerfleet/runtime/postgres"
	"workerfleet/runtime/session"
	"workerfleet/runtime/sqlite"
	"workerfleet/runtime/valkey"
)

// used names what the platform runs on: real parts of this machine, or what stands in for them.
type used struct {
	Valkey   string `json:"valkey"`
	Database string `json:"database"`
	Queue    string `json:"queue"`
}

// database is what the platform asks of either database.
type database interface {
	session.Authority
	session.Safe
}

// servers are the store and the database, and how to end them.
type servers struct {
	used
	client   redis.UniversalClient
	database database
	stops    []func()
	find     func(parts.Part) (path string, ok bool)
}

func (s *servers) onStop(stop func()) { s.stops = append(s.stops, stop) }

// stop ends everything, the last started first.
func (s *servers) stop() {
	for i := len(s.stops) - 1; i >= 0; i-- {
		s.stops[i]()
	}
}

// startServers starts real servers where this machine has them, and stand-ins where not or where they are asked for.
func startServers(ctx context.Context, dir string, o options) (*servers, error) {
	s := &servers{used: used{Queue: "none: the keeper's rounds do without"}, find: parts.Find}
	databaseURL := o.databaseURL
	if o.embedded {
		s.find = func(parts.Part) (string, bool) { return "", false }
		databaseURL = ""
	}
	if err := s.startValkey(ctx, dir); err != nil {
		s.stop()
		return nil, err
	}
	if err := s.startDatabase(ctx, dir, databaseURL); err != nil {
		s.stop()
		return nil, err
	}
	return s, nil
}

func (s *servers) startValkey(ctx context.Context, dir string) error {
	var address string
	program, found := s.find(parts.Valkey)
	if !found {
		program, found = s.find(parts.Redis)
	}
	if found {
		running, err := server.Valkey(ctx, program, filepath.Join(dir, "valkey"))
		if err != nil {
			return err
		}
		s.onStop(running.Stop)
		address, s.Valkey = running.URL, filepath.Base(program)
	} else {
		embedded, err := miniredis.Run()
		if err != nil {
			return fmt.Errorf("start the embedded store: %w", err)
		}
		s.onStop(embedded.Close)
		address, s.Valkey = "redis://"+embedded.Addr(), "miniredis, embedded (install redis-server for a real one)"
	}
	client, err := valkey.Connect(ctx, valkey.Address{URL: address})
	if err != nil {
		return err
	}
	s.onStop(func() { _ = client.Close() })
	s.client = client
	return nil
}

func (s *servers) startDatabase(ctx context.Context, dir, url string) error {
	program, found := s.find(parts.Postgres)
	switch {
	case url != "":
		s.Database = "PostgreSQL at FLEET_DATABASE_URL"
	case found:
		running, err := server.Postgres(ctx, program, dir)
		if err != nil {
			return err
		}
		s.onStop(running.Stop)
		url, s.Database = running.URL, "PostgreSQL of this machine"
	default:
		file, err := sqlite.Open(ctx, filepath.Join(dir, "fleet.db"))
		if err != nil {
			return err
		}
		s.onStop(func() { _ = file.Disconnect() })
		s.database, s.Database = file, "SQLite, embedded (install postgresql for a real one)"
		return nil
	}
	if _, err := postgres.Migrate(ctx, url); err != nil {
		return err
	}
	pool, err := postgres.Connect(ctx, url, nil)
	if err != nil {
		return err
	}
	s.onStop(pool.Disconnect)
	s.database = pool
	return nil
}
