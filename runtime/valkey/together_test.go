package valkey

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"workerfleet/runtime/claim"
	"workerfleet/runtime/fleet"
	"workerfleet/runtime/parts"
	"workerfleet/runtime/valkey/valkeytest"
)

// Calls that come at once go in few messages, and each is answered for itself, also where the server has forgotten the
// scripts since. On a cluster each letter goes by itself.
func TestCallsTogether(t *testing.T) {
	t.Run("server", func(t *testing.T) {
		client := valkeytest.Server(t, parts.Redis)
		callsTogether(t, client, 1, client)
	})
	t.Run("cluster", func(t *testing.T) {
		cluster, nodes := valkeytest.Cluster(t, parts.Redis)
		callsTogether(t, cluster, 2, nodes...)
	})
}

func callsTogether(t *testing.T, client redis.UniversalClient, most int, servers ...*redis.Client) {
	t.Helper()
	ctx, terms := t.Context(), claim.DefaultTerms()
	store, err := NewStore(ctx, client)
	require.NoError(t, err)
	mail := NewMail(client)
	_, err = store.Open(ctx, "data")
	require.NoError(t, err)
	for _, server := range servers {
		require.NoError(t, server.ScriptFlush(ctx).Err())
	}
	for i, answer := range store.invoke(ctx, []invocation{{scriptCensus, nil}, {scriptGone, []any{"worker", "1"}}}) {
		require.NoError(t, answer.Err, "call %d after the server forgot all scripts", i)
	}
	const users, hosts = 300, 7
	host := func(i int) fleet.Host { return fleet.Host(fmt.Sprintf("host-%d", i%hosts)) }
	worker := func(i int) fleet.Worker { return fleet.Worker(fmt.Sprintf("worker-%d", i)) }
	before := 0
	for _, server := range servers {
		before += reads(t, server)
	}
	errs := make(chan error, 2*users)
	each := func(do func(i int) error) {
		var group sync.WaitGroup
		for i := range users {
			group.Go(func() { errs <- do(i) })
		}
		group.Wait()
	}
	each(func(i int) error {
		standing, err := store.Register(ctx, claim.Registration{Worker: worker(i), Host: host(i), Life: 1, Revision: 1, Key: "k"}, terms)
		if err == nil && standing != claim.Ok {
			err = fmt.Errorf("%s is %s", worker(i), standing)
		}
		return err
	})
	each(func(i int) error {
		user := fleet.User(fmt.Sprintf("user-%d", i))
		answer, err := store.Claim(ctx, claim.Request{User: user}, terms)
		if err != nil || answer.Bound == nil || answer.Bound.User != user {
			return fmt.Errorf("%s has %v (%v)", user, answer, err)
		}
		return mail.Post(ctx, answer.Bound.Host, fleet.Mail{Kind: fleet.MailAssign, Worker: answer.Bound.Worker, User: user})
	})
	close(errs)
	for err := range errs {
		require.NoError(t, err)
	}
	came := map[fleet.User]bool{}
	for h := range hosts {
		letters, err := mail.Read(ctx, host(h), "")
		require.NoError(t, err)
		for _, l := range letters {
			came[l.User] = true
		}
	}
	require.Len(t, came, users)
	after := 0
	for _, server := range servers {
		after += reads(t, server)
	}
	require.Less(t, after-before, most*users, "how often servers read from connections for %d calls", 3*users)
}

// A shard that says nothing holds up its own hosts' mail, and nobody else's.
func TestSilentShard(t *testing.T) {
	shards := valkeytest.Start(t, parts.Redis, valkeytest.Shape{Lines: true})
	silent := shards.Primaries[0]
	client, err := Connect(t.Context(), Address{URL: shards.URL(), Cluster: true, Connections: 8})
	require.NoError(t, err)
	t.Cleanup(func() { _ = client.Close() })
	mail := NewMail(client)
	var its, others []fleet.Host
	for i := range 30 {
		host := fleet.Host(fmt.Sprintf("host-%d", i))
		require.NoError(t, mail.Post(t.Context(), host, fleet.Mail{Kind: fleet.MailAssign}))
		if shard, _ := shards.Of(t, mailbox(host)); shards.Primaries[shard] == silent {
			its = append(its, host)
		} else {
			others = append(others, host)
		}
	}
	require.Greater(t, len(its), 2*lanes)
	silent.Line.Hold(true)
	defer silent.Line.Hold(false)
	held, stop := context.WithCancel(t.Context())
	var group sync.WaitGroup
	defer group.Wait()
	defer stop()
	for _, host := range its {
		group.Go(func() { _ = mail.Post(held, host, fleet.Mail{Kind: fleet.MailAssign}) })
	}
	errs := make(chan error, len(others))
	claims, cancel := context.WithTimeout(t.Context(), callTimeout) // as long as a request waits
	defer cancel()
	for _, host := range others {
		group.Go(func() { errs <- mail.Post(claims, host, fleet.Mail{Kind: fleet.MailAssign}) })
	}
	for range others {
		require.NoError(t, <-errs)
	}
}

// reads is how often a server has read from a connection.
func reads(t *testing.T, server *redis.Client) int {
	t.Helper()
	n, err := strconv.Atoi(server.InfoMap(t.Context(), "stats").Item("Stats", "total_reads_processed"))
	require.NoError(t, err)
	return n
}
