package main

import (
	"context"
	"time"

	"workerfleet/runtime/cmd/internal/claimpath"
	"workerfleet/runtime/fleet"
	"workerfleet/runtime/valkey"
)

// What a user and an address may ask for: ten requests a second and fifty at once; and five times as much, because many
// users may share an address.
const (
	userEvery, userBurst       = time.Second / 10, 50
	addressEvery, addressBurst = time.Second / 50, 250
)

// limits is nil where rates are not limited.
func limits(ctx context.Context, on bool, path *claimpath.Parts) (func(context.Context, fleet.User, string) (time.Duration, error), error) {
	if !on {
		return nil, nil
	}
	counted, err := valkey.NewLimits(ctx, path.Client)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, user fleet.User, address string) (time.Duration, error) {
		var allowances []valkey.Allowance
		if address != "" {
			allowances = append(allowances, valkey.Allowance{Subject: "address:" + address, Every: addressEvery, Burst: addressBurst})
		}
		if user != "" {
			allowances = append(allowances, valkey.Allowance{Subject: "user:" + string(user), Every: userEvery, Burst: userBurst})
		}
		return counted.Take(ctx, allowances...)
	}, nil
}
