package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"

	"github.com/aws/aws-sdk-go-v2/aws"

	"workerfleet/runtime/cmd/internal/program"
	"workerfleet/runtime/iam"
	"workerfleet/runtime/order"
	"workerfleet/runtime/postgres"
	"workerfleet/runtime/secrets"
	"workerfleet/runtime/settings"
	"workerfleet/runtime/sqlite"
)

// migrate brings the schema to this version, then gives the role its rights and the password that its secret holds.
func migrate(ctx context.Context, set settings.Migrate, p program.Surroundings) error {
	p.Log = p.Log.With("tier", set.Tier)
	if path, ok := set.URL.File(); ok {
		file, err := sqlite.Open(ctx, path)
		if err != nil {
			return err
		}
		return errors.Join(turn(ctx, set, file, p), file.Disconnect())
	}
	owner, err := ownerURL(set)
	if err != nil {
		return err
	}
	applied, err := postgres.Migrate(ctx, owner)
	if err != nil {
		return err
	}
	p.Log.Info("schema", "applied", applied)
	if err := role(ctx, set, owner, p); err != nil || set.Orders == "" {
		return err
	}
	database, err := postgres.Connect(ctx, owner, postgres.Pool{Connections: 1})
	if err != nil {
		return err
	}
	defer database.Disconnect()
	return turn(ctx, set, database, p)
}

// role makes the role that the processes sign in as.
func role(ctx context.Context, set settings.Migrate, owner string, p program.Surroundings) error {
	if set.RoleSecret == "" {
		return postgres.Grant(ctx, owner, postgres.Role{Name: settings.DatabaseRole})
	}
	config, err := iam.Config(set.Region, p.Getenv)
	if err != nil {
		return err
	}
	return grant(ctx, owner, config, set.RoleSecret)
}

// turn does about the switch for all orders what the settings say.
func turn(ctx context.Context, set settings.Migrate, switches order.Switches, p program.Surroundings) error {
	switch set.Orders {
	case settings.OrdersHalt:
		p.Log.Warn("orders are switched off")
		return switches.Halt(ctx, "", true, "switched off by an operator")
	case settings.OrdersResume:
		p.Log.Warn("orders are switched on")
		return switches.Halt(ctx, "", false, "")
	case settings.OrdersRecover:
		unknown, err := switches.Recover(ctx)
		p.Log.Warn("orders are switched off until their ledger agrees with the broker", "unknown", unknown)
		return err
	}
	return nil
}

// grant makes the role with the password that the secret holds, and draws one where it holds none. The secret is written
// first and read again: a run that ends half way, or beside another one, leaves the role with what the proxy signs in
// with, or is repeated until it has.
func grant(ctx context.Context, owner string, config aws.Config, secret string) error {
	held, err := secrets.Get(ctx, config, secret)
	if err != nil {
		return err
	}
	if held.Password == "" {
		if err := secrets.Put(ctx, config, secret, secrets.SignIn{User: settings.DatabaseRole, Password: rand.Text() + rand.Text()}); err != nil {
			return err
		}
	}
	for given := ""; ; {
		if held, err = secrets.Get(ctx, config, secret); err != nil || held.Password == given {
			return err
		}
		if err := postgres.Grant(ctx, owner, postgres.Role{Name: settings.DatabaseRole, Password: held.Password}); err != nil {
			return err
		}
		given = held.Password
	}
}

// ownerURL is the database's URL with the owner's password in it.
func ownerURL(set settings.Migrate) (string, error) {
	if set.Password == "" {
		return string(set.URL), nil
	}
	u, err := url.Parse(string(set.URL))
	if err != nil {
		return "", fmt.Errorf("%s: %w", settings.EnvDatabaseURL, errors.New("is not a URL"))
	}
	u.User = url.UserPassword(u.User.Username(), string(set.Password))
	return u.String(), nil
}
