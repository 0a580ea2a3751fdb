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

// Connect signs in to the server and tries one call. The caller closes the client.
func Connect(ctx context.Context, stack settings.Stack, set settings.Valkey, getenv func(string) string) (redis.UniversalClient, error) {
	address := valkey.Address{URL: set.Address.URL, Cluster: set.Address.Cluster}
	if set.Auth == settings.ValkeyIAM {
		config, err := iam.Config(stack.Region, getenv)
		if err != nil {
			return nil, err
		}
		parsed, err := url.Parse(set.Address.URL)
		if err != nil {
			return nil, err // read with the settings already
		}
		name, serverless := set.Cache.Name()
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
