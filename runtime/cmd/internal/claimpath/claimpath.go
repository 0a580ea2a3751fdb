// Package claimpath puts together what every process needs that brings a user to a worker, and a user's orders to the
// worker that the user has: the index and its mail, the database, the key of the credentials, and the sessions and the
// ledger over all of them.
package claimpath

import (
	"context"
	"fmt"

	"github.com/redis/go-redis/v9"

	"workerfleet/runtime/audit"
	"workerfleet/runtime/claim"
	"workerfleet/runtime/cmd/internal/index"
	"workerfleet/runtime/dispatch"
	"workerfleet/runtime/fleet"
	"workerfleet/runtime/iam"
	"workerfleet/runtime/kms"
	"workerfleet/runtime/order"
	"workerfleet/runtime/pool"
	"workerfleet/runtime/postgres"
	"workerfleet/runtime/session"
	"workerfleet/runtime/settings"
	"workerfleet/runtime/signals"
	"workerfleet/runtime/sqlite"
	"workerfleet/runtime/valkey"
	"workerfleet/runtime/webhook"
)

// Settings are the groups of settings that the claim path reads.
type Settings struct {
	Stack    settings.Stack
	Valkey   settings.Valkey
	Database settings.Database
	Sealing  settings.Sealing
	Lease    settings.Lease
	// Connections are how many are kept at most.
	Connections Connections
	// Rules are the ledger's.
	Rules order.Rules
	// Later tells somebody of an order that was accepted and not seen on its way: see dispatch.Config.
	Later func(ctx context.Context, user fleet.User, id fleet.OrderID) error
	// HandOn takes bindings to somebody who may open credentials, instead of Sealing: see session.Config.
	HandOn func(ctx context.Context, b claim.Binding) error
}

// Connections bound a process's share of what servers take.
type Connections struct{ Valkey, Database int }

// Database is what the claim path asks of either database, and the passes that learn when users come.
type Database interface {
	session.Authority
	session.Presence
	session.Safe
	pool.History
	order.Store
	order.Reader
	order.Switches
	webhook.Store
	audit.Trail
}

// Parts are connected. Close ends the connections.
type Parts struct {
	Client   redis.UniversalClient
	Store    *valkey.Store
	Mail     *valkey.Mail
	Database Database
	// Reader answers what may lag: the reader endpoint, or the database itself where there is none.
	Reader order.Reader
	Ledger *order.Ledger
	// Hooks are checked where credentials may be opened; else nil.
	Hooks    *webhook.Hooks
	Vault    session.Keyed
	Terms    claim.Terms
	Sessions *session.Sessions
	later    func(ctx context.Context, user fleet.User, id fleet.OrderID) error
	closers  []func()
}

// Close ends what was opened, the last first.
func (p *Parts) Close() {
	for i := len(p.closers) - 1; i >= 0; i-- {
		p.closers[i]()
	}
}

// Open connects everything, or ends what it had connected.
func Open(ctx context.Context, set Settings, getenv func(string) string) (opened *Parts, err error) {
	p := &Parts{Terms: index.Terms(set.Lease), later: set.Later}
	defer func() {
		if err != nil {
			p.Close()
		}
	}()
	if p.Client, err = index.Connect(ctx, index.Settings{Stack: set.Stack, Valkey: set.Valkey, Connections: set.Connections.Valkey}, getenv); err != nil {
		return nil, err
	}
	p.closers = append(p.closers, func() { _ = p.Client.Close() })
	if p.Store, err = valkey.NewStore(ctx, p.Client); err != nil {
		return nil, err
	}
	p.Mail = valkey.NewMail(p.Client)
	if err = p.openDatabase(ctx, set, getenv); err != nil {
		return nil, err
	}
	if set.HandOn == nil {
		p.Vault = session.Keyed{Safe: p.Database}
		if p.Vault.Cipher, err = cipher(set, getenv); err != nil {
			return nil, err
		}
	}
	p.Ledger = order.New(p.Database, set.Rules)
	if p.Vault.Cipher != nil {
		p.Hooks = webhook.New(p.Database, p.Vault.Cipher)
	}
	p.Sessions = session.New(session.Config{
		Claims: p.Store, Directory: p.Store, Authority: p.Database, Vault: p.Vault, Mailbox: p.Mail, Terms: p.Terms, HandOn: set.HandOn,
		BeginAt: p.Database.BeginAt,
	})
	return p, nil
}

// Orders carries orders on. The name is of the process, for the outcomes that it takes.
func (p *Parts) Orders(name string, recorder signals.Recorder) *dispatch.Dispatcher {
	inbox := valkey.NewInbox(p.Client, name)
	return dispatch.New(dispatch.Config{
		Ledger: p.Ledger, Sessions: p.Sessions, Mailbox: p.Mail, Inbox: inbox, Board: inbox, Switches: p.Database, Refusals: p.Database, Bell: p.Mail, Signals: recorder,
		HandOn: p.later,
	})
}

func (p *Parts) openDatabase(ctx context.Context, set Settings, getenv func(string) string) error {
	if path, ok := set.Database.URL.File(); ok {
		file, err := sqlite.Open(ctx, path)
		if err != nil {
			return err
		}
		p.Database, p.Reader = file, file
		p.closers = append(p.closers, func() { _ = file.Disconnect() })
		return nil
	}
	var password postgres.Password
	if set.Database.Auth == settings.DatabaseIAM {
		config, err := iam.Config(set.Stack.Region, getenv)
		if err != nil {
			return err
		}
		password = func(ctx context.Context, endpoint, user string) (string, error) {
			return iam.DatabaseToken(ctx, config, endpoint, user)
		}
	}
	pool := postgres.Pool{Connections: set.Connections.Database, Password: password}
	database, err := postgres.Connect(ctx, string(set.Database.URL), pool)
	if err != nil {
		return err
	}
	p.Database, p.Reader = database, database
	p.closers = append(p.closers, database.Disconnect)
	if set.Database.Reader == "" {
		return nil
	}
	reader, err := postgres.Connect(ctx, string(set.Database.Reader), pool)
	if err != nil {
		return fmt.Errorf("reader: %w", err)
	}
	p.Reader = reader
	p.closers = append(p.closers, reader.Disconnect)
	return nil
}

// cipher opens stored credentials: under a key of KMS, or a file of this machine.
func cipher(set Settings, getenv func(string) string) (session.Cipher, error) {
	if path, ok := set.Sealing.KeyFile(); ok {
		return kms.OpenFile(path)
	}
	config, err := iam.Config(set.Stack.Region, getenv)
	if err != nil {
		return nil, err
	}
	return kms.NewAWS(config, set.Sealing.KMSKey, settings.CredentialsContext), nil
}
