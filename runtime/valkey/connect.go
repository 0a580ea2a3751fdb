package valkey

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// Address says where a server stands and how to sign in.
type Address struct {
	// URL is redis[s]://[user[:password]@]host:port, or unix:///path.
	URL string
	// Cluster says that the server speaks the cluster protocol.
	Cluster bool
	// Connections are how many are kept at most, to each node; 0 means the client's default.
	Connections int
	// Token gives the user and a password that is good for now, where one is made for each connection; nil means what
	// the URL says.
	Token func(ctx context.Context) (user, password string, err error)
}

// Timeouts of one call. A beat that waits longer than this would make the next one late.
const (
	dialTimeout = 2 * time.Second
	callTimeout = 2 * time.Second
	// A connection that signed in with a token is renewed before the server ends it, 12 hours later
	// (https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/auth-iam.html).
	tokenLifetime = 11 * time.Hour
	// How often a client asks which node serves what. The client library asks where a node says that it moved, but not where
	// one says nothing: a primary that died was called until the next time, which by default is a minute, four leases.
	rediscover = time.Second
)

// errAddress keeps a URL, which may hold a password, out of messages.
var errAddress = errors.New("valkey: the URL is not understood; allowed: redis[s]://[user[:password]@]host:port")

// Connect prepares a client and tries one call. The caller closes it.
func Connect(ctx context.Context, a Address) (redis.UniversalClient, error) {
	parsed, err := redis.ParseURL(a.URL)
	if err != nil {
		return nil, errAddress
	}
	options := &redis.UniversalOptions{
		Addrs: []string{parsed.Addr}, DB: parsed.DB, Username: parsed.Username, Password: parsed.Password,
		TLSConfig: parsed.TLSConfig, CredentialsProviderContext: a.Token, IsClusterMode: a.Cluster, PoolSize: a.Connections,
		// Several commands in one message take a connection like any other: the library would keep ten more for them.
		PipelinePoolSize: -1,
		DialTimeout:      dialTimeout, ReadTimeout: callTimeout, WriteTimeout: callTimeout, ContextTimeoutEnabled: true,
	}
	if a.Token != nil {
		options.ConnMaxLifetime = tokenLifetime
	}
	if parsed.Network == "unix" {
		options.Dialer = redis.NewDialer(parsed)
	}
	client := open(options)
	if err := client.Ping(ctx).Err(); err != nil {
		return nil, errors.Join(fmt.Errorf("valkey: connect: %w", err), client.Close())
	}
	return client, nil
}

// open makes the client. The cluster's has an option that the universal ones lack.
func open(options *redis.UniversalOptions) redis.UniversalClient {
	if !options.IsClusterMode {
		return redis.NewUniversalClient(options)
	}
	cluster := options.Cluster()
	cluster.ClusterStateReloadInterval = rediscover
	return redis.NewClusterClient(cluster)
}
