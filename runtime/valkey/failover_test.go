package valkey

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"workerfleet/runtime/claim"
	"workerfleet/runtime/fleet"
	"workerfleet/runtime/parts"
	"workerfleet/runtime/parts/partstest"
	"workerfleet/runtime/parts/server"
	"workerfleet/runtime/seal"
	"workerfleet/runtime/session"
)

// pair is a primary and its replica, whose clock is five seconds behind.
type pair struct {
	*testing.T
	primary, replica *redis.Client
	servers          [2]*server.Server
	key              string
}

func startPair(t *testing.T) *pair {
	t.Helper()
	program, compiler := partstest.Need(t, parts.Redis), partstest.Need(t, parts.Compiler)
	dir, err := os.MkdirTemp("", "f")
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	clock, late := filepath.Join(dir, "late.so"), filepath.Join(dir, "late")
	output, err := exec.Command(compiler, "-shared", "-fPIC", "-o", clock, "testdata/late.c").CombinedOutput()
	require.NoError(t, err, "%s", output)
	require.NoError(t, os.WriteFile(late, []byte(fmt.Sprintf("#!/bin/sh\nLD_PRELOAD=%s exec %s \"$@\"\n", clock, program)), 0o755))
	port, err := server.FreePort()
	require.NoError(t, err)
	p := &pair{T: t}
	start := func(i int, program string, args ...string) *redis.Client {
		running, err := server.Valkey(t.Context(), program, filepath.Join(dir, fmt.Sprint(i)), args...)
		require.NoError(t, err)
		t.Cleanup(running.Stop)
		p.servers[i] = running
		options, err := redis.ParseURL(running.URL)
		require.NoError(t, err)
		client := redis.NewClient(options)
		t.Cleanup(func() { _ = client.Close() })
		return client
	}
	p.primary = start(0, program, "--port", fmt.Sprint(port), "--repl-diskless-sync-delay", "0")
	p.replica = start(1, late, "--replicaof", "127.0.0.1", fmt.Sprint(port))
	ahead, err := p.primary.Time(t.Context()).Result()
	require.NoError(t, err)
	behind, err := p.replica.Time(t.Context()).Result()
	require.NoError(t, err)
	require.WithinRange(t, behind, ahead.Add(-6*time.Second), ahead.Add(-4*time.Second), "the replica's clock")
	key, err := seal.NewKey()
	require.NoError(t, err)
	p.key = key.Public()
	return p
}

// synced waits until the replica has all that the primary has.
func (p *pair) synced() {
	p.Helper()
	require.Eventually(p, func() bool {
		n, err := p.primary.Wait(p.Context(), 1, 100*time.Millisecond).Result()
		return err == nil && n == 1
	}, 10*time.Second, 10*time.Millisecond)
}

// unguarded is an authority that takes any epoch.
type unguarded struct{ *session.Memory }

func (u unguarded) Begin(ctx context.Context, s session.Session, wait time.Duration) error {
	err := u.Memory.Begin(ctx, s, wait)
	var outdated *session.Outdated
	if errors.As(err, &outdated) {
		return nil
	}
	return err
}

// everybody has credentials, and nobody reads the mail.
type everybody struct{}

func (everybody) Credentials(context.Context, fleet.User) ([]byte, error) {
	return []byte("secret"), nil
}
func (everybody) Post(context.Context, fleet.Host, fleet.Mail) error { return nil }

// counting makes a store number epochs by counting alone, without clock and floor.
func counting(t *testing.T, s *Store) {
	t.Helper()
	const rule = "math.max(last + 1, floor, now * 4096)"
	shared, err := sources.ReadFile("pool.lua")
	require.NoError(t, err)
	require.Contains(t, string(shared), rule)
	for _, what := range scripts() {
		own, err := sources.ReadFile(what.name + ".lua")
		require.NoError(t, err)
		s.scripts[what] = redis.NewScript("#!lua\n" + strings.Replace(string(shared), rule, "last + 1", 1) + string(own))
	}
}

// play lets users claim and end sessions on the primary, the last of them after the replica was cut off, fails over,
// and lets the same users come again. It returns a user's name if an epoch did not rise, or the error of a claim.
func (p *pair) play(authority session.Authority, change func(*Store)) (fell fleet.User, err error) {
	p.Helper()
	ctx := p.Context()
	last := map[fleet.User]fleet.Epoch{}
	on := func(client *redis.Client) (*Store, *session.Sessions) {
		store, err := NewStore(ctx, client)
		require.NoError(p, err)
		change(store)
		return store, session.New(session.Config{
			Claims: store, Directory: store, Authority: authority, Vault: everybody{}, Mailbox: everybody{}, Terms: claim.DefaultTerms(),
		})
	}
	come := func(sessions *session.Sessions, user fleet.User) error {
		progress, err := sessions.Claim(ctx, claim.Request{User: user}, "")
		if err != nil {
			return err
		}
		require.NotNil(p, progress.Bound, "%s waits", user)
		epoch := progress.Bound.Epoch
		if epoch <= last[user] {
			fell = user
		}
		last[user] = epoch
		return authority.Close(ctx, user, epoch) // the session has ended, and its worker is gone
	}
	store, sessions := on(p.primary)
	_, err = store.Open(ctx, "first")
	require.NoError(p, err)
	for i := range 20 {
		_, err := store.Register(ctx, claim.Registration{Worker: fleet.Worker(fmt.Sprintf("w%02d", i)), Host: "h1", Life: 1, Key: p.key}, claim.DefaultTerms())
		require.NoError(p, err)
	}
	require.NoError(p, come(sessions, "seen"))
	p.synced()
	require.NoError(p, p.replica.Do(ctx, "REPLICAOF", "NO", "ONE").Err())
	lost := []fleet.User{"lost-1", "lost-2", "lost-3", "lost-4", "lost-5"} // the replica never hears of these
	for _, user := range lost {
		require.NoError(p, come(sessions, user))
	}
	p.servers[0].Stop()
	_, sessions = on(p.replica)
	for _, user := range slices.Backward(lost) { // the highest epoch first
		if err := come(sessions, user); err != nil {
			return fell, err
		}
	}
	return fell, nil
}

// Epochs rise across a failover to a replica that lost writes and whose clock is behind: the database's refusal lifts
// the floor. Without the refusal an epoch is given twice or falls; with counting alone, which knows neither clock nor
// floor, users cannot be served.
func TestEpochsRiseAcrossFailover(t *testing.T) {
	for name, c := range map[string]struct {
		authority session.Authority
		change    func(*Store)
		holds     bool
	}{
		"as it is":           {session.NewMemory(), func(*Store) {}, true},
		"without the floor":  {unguarded{session.NewMemory()}, func(*Store) {}, false},
		"with counting only": {session.NewMemory(), func(s *Store) { counting(t, s) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			fell, err := startPair(t).play(c.authority, c.change)
			if c.holds {
				require.NoError(t, err)
				require.Empty(t, fell, "its epoch did not rise")
			} else {
				require.True(t, err != nil || fell != "", "the guard was missed by nobody: the test shows nothing")
			}
		})
	}
}
