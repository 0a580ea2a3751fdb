package main

import (
	"context"
	"errors"
	"io"
)

// ours is the platform as claims measures it.
type ours struct{ *simulated }

func startOurs(ctx context.Context, o runOptions, s *servers) (rival, error) {
	options := o.fleetOptions
	options.serverOptions = serverOptions{valkey: s.settings.Valkey.Address.URL, database: string(s.settings.Database.URL)}
	f, err := startFleet(ctx, options, io.Discard)
	if err != nil {
		return nil, err
	}
	f.databasePID = s.databasePID
	return ours{f}, nil
}

func (r ours) claim(ctx context.Context, n int) (string, error) {
	worker, _ := r.insist(ctx, user(n))
	if worker == "" {
		return "", errors.Join(ctx.Err(), errors.New("not served in time"))
	}
	return string(worker), nil
}
