package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/url"

	"workerfleet/runtime/iam"
	"workerfleet/runtime/postgres"
	"workerfleet/runtime/secrets"
	"workerfleet/runtime/settings"
	"workerfleet/runtime/sqlite"
)

// parts is what the process has beside its settings.
type parts struct {
	getenv func(string) string
	log    *slog.Logger
}

// migrate brings the schema to this version, then makes the role, and last writes its password to where the proxy reads
// it. A run that was interrupted is repeated as a whole; each draws a new password, so that none is kept anywhere else.
func migrate(ctx context.Context, set settings.Migrate, p parts) error {
	if path, ok := set.URL.File(); ok {
		file, err := sqlite.Open(ctx, path)
		if err != nil {
			return err
		}
		return file.Disconnect()
	}
	owner, err := ownerURL(set)
	if err != nil {
		return err
	}
	applied, err := postgres.Migrate(ctx, owner)
	if err != nil {
		return err
	}
	p.log.Info("schema", "applied", applied)
	role := postgres.Role{Name: settings.DatabaseRole}
	if set.RoleSecret != "" {
		role.Password = rand.Text() + rand.Text()
	}
	if err := postgres.Grant(ctx, owner, role); err != nil {
		return err
	}
	if set.RoleSecret == "" {
		return nil
	}
	config, err := iam.Config(set.Region, p.getenv)
	if err != nil {
		return err
	}
	return secrets.Put(ctx, config, set.RoleSecret, secrets.SignIn{User: role.Name, Password: role.Password})
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
