// Package index connects a process to Valkey as its settings say.
package index

import (
	"context"
	"net/url"

	"github.com/redis/go-redis/v9"

	"workerfleet/runtime/claim"
	"workerfleet/runtime/iam"
	"workerfleet/runtime/settings"
	"workerfleet/runtime/valkey"
)

// Settings are what a connection is made of.
type Settings struct {
	Stack  settings.Stack
	Valkey settings.Valkey
	// Connections are how many are kept at most, to each node.
	Connections int
}

// Connect signs in to the server and tries one call. The caller closes the client.
func Connect(ctx context.Context, set Settings, getenv func(string) string) (redis.UniversalClient, error) {
	address := valkey.Address{URL: set.Valkey.Address.URL, Cluster: set.Valkey.Address.Cluster, Connections: set.Connections}
	if set.Valkey.Auth == settings.ValkeyIAM {
		config, err := iam.Config(set.Stack.Region, getenv)
		if err != nil {
			return nil, err
		}
		parsed, err := url.Parse(set.Valkey.Address.URL)
		if err != nil {
			return nil, err // read with the settings already
		}
		name, serverless := set.Valkey.Cache.Name()
		user := parsed.User.Username()
		address.Token = func(ctx context.Context) (string, string, error) {
			token, err := iam.CacheToken(ctx, config, iam.Cache{Name: name, Serverless: serverless}, user)
			return user, token, err
		}
	}
	return valkey.Connect(ctx, address)
}

// Terms are the published ones with the configured lease.
func Terms(lease settings.Lease) claim.Terms {
	terms := claim.DefaultTerms()
	terms.TTL, terms.Guard = lease.TTL, lease.Guard
	return terms
}
