package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/alicebob/miniredis/v2"

	"workerfleet/runtime/fifo"
	"workerfleet/runtime/parts"
	"workerfleet/runtime/parts/server"
	"workerfleet/runtime/settings"
)

// used names what the platform runs on: real parts of this machine, or what stands in for them.
type used struct {
	Valkey   string `json:"valkey"`
	Database string `json:"database"`
	Queue    string `json:"queue"`
}

// servers are the store and the database, how processes reach them, and how to end them.
type servers struct {
	used
	valkey   settings.Valkey
	database settings.Database
	queues   *fifo.Server
	// The real servers, and what starts them again; nil where something stands in.
	valkeyServer, databaseServer *server.Server
	storeAgain, databaseAgain    func(context.Context) (*server.Server, error)
	stops                        []func()
	find                         func(parts.Part) (path string, ok bool)
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
	s := &servers{find: parts.Find}
	databaseURL := o.databaseURL
	if o.embedded {
		s.find = func(parts.Part) (string, bool) { return "", false }
		databaseURL = ""
	}
	if err := s.startValkey(ctx, dir); err != nil {
		s.stop()
		return nil, err
	}
	if err := errors.Join(s.startQueues(), s.startDatabase(ctx, dir, databaseURL)); err != nil {
		s.stop()
		return nil, err
	}
	return s, nil
}

func (s *servers) startValkey(ctx context.Context, dir string) error {
	s.valkey.Auth = settings.ValkeyNone
	program, found := s.find(parts.Valkey)
	if !found {
		program, found = s.find(parts.Redis)
	}
	if !found {
		embedded, err := miniredis.Run()
		if err != nil {
			return fmt.Errorf("start the embedded store: %w", err)
		}
		s.onStop(embedded.Close)
		s.valkey.Address.URL = "redis://" + embedded.Addr()
		s.used.Valkey = "miniredis, embedded (install redis-server for a real one)"
		return nil
	}
	s.storeAgain = func(ctx context.Context) (*server.Server, error) {
		return server.Valkey(ctx, program, filepath.Join(dir, "valkey"))
	}
	running, err := s.storeAgain(ctx)
	if err != nil {
		return err
	}
	s.onStop(func() { s.valkeyServer.Stop() })
	s.valkeyServer, s.valkey.Address.URL = running, running.URL
	s.used.Valkey = filepath.Base(program)
	return nil
}

func (s *servers) startDatabase(ctx context.Context, dir, given string) error {
	s.database.Auth = settings.DatabasePassword
	program, found := s.find(parts.Postgres)
	switch {
	case given != "":
		s.database.URL, s.used.Database = settings.DatabaseURL(given), "PostgreSQL at FLEET_DATABASE_URL"
		return nil
	case !found:
		s.database.URL = settings.DatabaseURL("sqlite:" + filepath.Join(dir, "fleet.db"))
		s.used.Database = "SQLite, embedded (install postgresql for a real one)"
		return nil
	}
	s.databaseAgain = func(ctx context.Context) (*server.Server, error) { return server.Postgres(ctx, program, dir) }
	running, err := s.databaseAgain(ctx)
	if err != nil {
		return err
	}
	s.onStop(func() { s.databaseServer.Stop() })
	s.databaseServer, s.database.URL = running, settings.DatabaseURL(running.URL)
	s.used.Database = "PostgreSQL of this machine"
	return nil
}

// secretFile writes a file that only this account may read, and returns its path.
func secretFile(dir, name string, text []byte) (string, error) {
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		return "", fmt.Errorf("write %s: %w", name, err)
	}
	return path, nil
}
