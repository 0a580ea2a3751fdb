package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"

	"workerfleet/runtime/cmd/internal/program"
	"workerfleet/runtime/fleet"
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

// turn does about the operators' switches what the settings say.
func turn(ctx context.Context, set settings.Migrate, switches order.Switches, p program.Surroundings) error {
	log := p.Log.With("user", set.User, "reason", set.Reason)
	switch set.Orders {
	case settings.OrdersHalt:
		log.Warn("orders are switched off")
		return halt(ctx, set.Switching, switches, true)
	case settings.OrdersResume, settings.OrdersResumeAnyway:
		if err := settled(ctx, set.Switching, switches); err != nil {
			return err
		}
		log.Warn("orders are switched on")
		return halt(ctx, set.Switching, switches, false)
	case settings.OrdersRecover:
		unknown, err := switches.Recover(ctx)
		log.Warn("orders are switched off until their ledger agrees with the broker", "unknown", unknown)
		return err
	}
	return nil
}

// settled refuses to switch a restored ledger's orders on while some of them are looked up.
func settled(ctx context.Context, s settings.Switching, switches order.Switches) error {
	if s.Orders == settings.OrdersResumeAnyway || s.User != "" {
		return nil
	}
	halts, err := switches.Halts(ctx)
	if err != nil || !slices.ContainsFunc(halts, func(h order.Halt) bool { return h.User == "" && h.Reason == order.Recovering }) {
		return err
	}
	switch n, err := switches.Unsettled(ctx); {
	case err != nil:
		return err
	case n > 0:
		return fmt.Errorf("%s=%s: %d orders of the restored ledger are still being looked up at the broker; run it again later, or with %s=%s: each of them holds back its own user's later ones",
			settings.EnvOrders, s.Orders, n, settings.EnvOrders, settings.OrdersResumeAnyway)
	}
	return nil
}

// halt turns one user's switch, or that for all.
func halt(ctx context.Context, s settings.Switching, switches order.Switches, on bool) error {
	reason := cmp.Or(s.Reason, "switched off by an operator")
	if s.User == "" {
		return switches.Halt(ctx, "", on, reason)
	}
	user, err := fleet.ParseUser(s.User)
	if err != nil {
		return fmt.Errorf("%s: %w", settings.EnvOrdersUser, err)
	}
	return switches.Suspend(ctx, user, on, reason)
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
