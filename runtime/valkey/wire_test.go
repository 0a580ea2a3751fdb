package valkey

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"workerfleet/runtime/claim"
	"workerfleet/runtime/dispatch"
	"workerfleet/runtime/fleet"
	"workerfleet/runtime/fleet/fleettest"
)

// kept is one key of an index as a release left it.
type kept struct {
	Key    string             `json:"key"`
	Text   string             `json:"text,omitempty"`
	Hash   map[string]string  `json:"hash,omitempty"`
	Scores map[string]float64 `json:"scores,omitempty"`
	Set    []string           `json:"set,omitempty"`
	List   []string           `json:"list,omitempty"`
}

// epochOfIndexes is when the kept indexes were made, on their server's clock.
var epochOfIndexes = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// still is a store on an embedded server whose clock stands.
func still(t *testing.T) (*Store, *redis.Client) {
	t.Helper()
	server := miniredis.RunT(t)
	server.SetTime(epochOfIndexes)
	client := redis.NewClient(&redis.Options{Addr: server.Addr()})
	t.Cleanup(func() { _ = client.Close() })
	store, err := NewStore(t.Context(), client)
	require.NoError(t, err)
	return store, client
}

// inEveryState makes an index that has each kind of record: workers in all states, users with and without one, a drained
// host, workers that are coming and leaving, a plan.
func inEveryState(t *testing.T, store *Store) {
	t.Helper()
	ctx, terms := t.Context(), claim.DefaultTerms()
	register := func(worker fleet.Worker, host fleet.Host, life fleet.Life, user fleet.User, epoch fleet.Epoch) {
		standing, err := store.Register(ctx, claim.Registration{Worker: worker, Host: host, Life: life, Revision: 7, Key: "key-of-" + string(worker), User: user, Epoch: epoch}, terms)
		require.NoError(t, err)
		require.Equal(t, claim.Ok, standing)
	}
	bind := func(user fleet.User) claim.Binding {
		answer, err := store.Claim(ctx, claim.Request{User: user}, terms)
		require.NoError(t, err)
		require.NotNil(t, answer.Bound)
		return *answer.Bound
	}
	_, err := store.Open(ctx, "data-1")
	require.NoError(t, err)
	register("w-serving", "h1", 2, "", 0)
	ann := bind("ann")
	require.NoError(t, store.Sent(ctx, ann.Worker, ann.Epoch))
	require.NoError(t, store.Confirm(ctx, ann.Worker, 2, ann.Epoch))
	register("w-draining", "h1", 1, "", 0)
	bea := bind("bea")
	require.NoError(t, store.Confirm(ctx, bea.Worker, 1, bea.Epoch))
	require.NoError(t, store.Release(ctx, "bea", bea.Epoch))
	register("w-assigned", "h1", 1, "", 0)
	bind("cid")
	register("w-returned", "h2", 3, "dan", 77)
	_, _, err = store.Withdraw(ctx, "w-serving")
	require.NoError(t, err)
	register("w-retired", "h2", 1, "", 0)
	_, err = store.Retire(ctx, claim.Retirement{Host: "h2", Image: 7, Count: 1})
	require.NoError(t, err)
	register("w-gone", "h1", 1, "", 0)
	_, err = store.Exit(ctx, "w-gone", 1, terms)
	require.NoError(t, err)
	register("w-warm", "h2", 1, "", 0)
	_, err = store.Drain(ctx, "h2", claim.ByCluster)
	require.NoError(t, err)
	answer, err := store.Claim(ctx, claim.Request{User: "eve"}, terms)
	require.NoError(t, err)
	require.Nil(t, answer.Bound)
	stock, err := store.Stock(ctx, terms)
	require.NoError(t, err)
	require.NoError(t, store.Reserve(ctx, claim.Plan{Seen: stock.Version, Text: "plan", Calls: 2, Batches: []claim.Reservation{{Key: "k1", Image: 8, Count: 2}, {Key: "k2", Image: 8, Count: 3}}}, terms))
	require.NoError(t, store.Launched(ctx, "k2", []fleet.Worker{"w-coming"}))
	require.NoError(t, store.Note(ctx, "note"))
	require.NoError(t, store.Raise(ctx, 99))
}

// dump reads all keys.
func dump(ctx context.Context, t *testing.T, client *redis.Client) (all []kept) {
	t.Helper()
	keys, err := client.Keys(ctx, "*").Result()
	require.NoError(t, err)
	for _, key := range keys { // in the order of their names
		kind, err := client.Type(ctx, key).Result()
		require.NoError(t, err)
		k := kept{Key: key}
		switch kind {
		case "string":
			k.Text, err = client.Get(ctx, key).Result()
		case "hash":
			k.Hash, err = client.HGetAll(ctx, key).Result()
		case "zset":
			var members []redis.Z
			members, err = client.ZRangeWithScores(ctx, key, 0, -1).Result()
			k.Scores = map[string]float64{}
			for _, z := range members {
				k.Scores[z.Member.(string)] = z.Score
			}
		case "set":
			k.Set, err = client.SMembers(ctx, key).Result()
		case "list":
			k.List, err = client.LRange(ctx, key, 0, -1).Result()
		default:
			t.Fatalf("%s is a %s", key, kind)
		}
		require.NoError(t, err)
		all = append(all, k)
	}
	return all
}

func fill(ctx context.Context, t *testing.T, client *redis.Client, all []kept) {
	t.Helper()
	for _, k := range all {
		switch {
		case k.Hash != nil:
			require.NoError(t, client.HSet(ctx, k.Key, k.Hash).Err())
		case k.Scores != nil:
			for member, score := range k.Scores {
				require.NoError(t, client.ZAdd(ctx, k.Key, redis.Z{Member: member, Score: score}).Err())
			}
		case k.Set != nil:
			require.NoError(t, client.SAdd(ctx, k.Key, k.Set).Err())
		case k.List != nil:
			require.NoError(t, client.RPush(ctx, k.Key, k.List).Err())
		default:
			require.NoError(t, client.Set(ctx, k.Key, k.Text, 0).Err())
		}
	}
}

// An index that any release has left is read by this one, and goes on: sessions stay, who is waiting for the worker's word
// is confirmed, whoever comes is served, and nothing has to be healed. What this release makes stands among them, so that
// the next one is held to it.
func TestIndexesOfAllReleases(t *testing.T) {
	store, client := still(t)
	inEveryState(t, store)
	today, err := json.MarshalIndent(dump(t.Context(), t, client), "", " ")
	require.NoError(t, err)
	files, err := filepath.Glob("testdata/index-*.json")
	require.NoError(t, err)
	known := false
	for _, file := range files {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		known = known || string(content) == string(today)+"\n"
	}
	if !known && fleettest.Updating() {
		files = append(files, fmt.Sprintf("testdata/index-%d.json", len(files)+1))
		require.NoError(t, os.WriteFile(files[len(files)-1], append(today, '\n'), 0o644))
		known = true
	}
	require.True(t, known, "no index of testdata is what this release makes: go test -run TestIndexesOfAllReleases -update adds it")
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			content, err := os.ReadFile(file)
			require.NoError(t, err)
			var all []kept
			require.NoError(t, json.Unmarshal(content, &all))
			store, client := still(t)
			fill(t.Context(), t, client, all)
			goesOn(t, store)
		})
	}
}

// goesOn does with a kept index what processes do with one.
func goesOn(t *testing.T, store *Store) {
	ctx, terms := t.Context(), claim.DefaultTerms()
	states := map[fleet.Worker]claim.State{}
	listed, err := store.Workers(ctx, time.Time{}, 100)
	require.NoError(t, err)
	epochs := map[fleet.User]fleet.Epoch{}
	for _, w := range listed {
		states[w.ID] = w.State
		epochs[w.User] = w.Epoch
		require.EqualValues(t, 7, w.Revision)
		require.Equal(t, "key-of-"+string(w.ID), w.Key)
		require.Equal(t, w.ID == "w-serving", w.Leaving, w.ID)
	}
	require.Equal(t, map[fleet.Worker]claim.State{
		"w-serving": claim.Serving, "w-draining": claim.Resetting, "w-assigned": claim.Assigned, "w-returned": claim.Returned,
		"w-warm": claim.Warm, "w-retired": claim.Draining,
	}, states)
	census, err := store.Census(ctx)
	require.NoError(t, err)
	require.Equal(t, "data-1", census.Incarnation)
	require.EqualValues(t, 99, census.Floor)
	stock, err := store.Stock(ctx, terms)
	require.NoError(t, err)
	require.Equal(t, "plan", stock.Text)
	require.Equal(t, "note", stock.Note)
	require.Len(t, stock.Coming, 2, "a batch, and a worker by its name")
	require.Len(t, stock.Hosts, 2)
	waiting, err := store.Waiting(ctx, 0, 10)
	require.NoError(t, err)
	require.Len(t, waiting, 1)
	require.EqualValues(t, "eve", waiting[0].User)
	gone, err := store.Gone(ctx, "w-gone", 1)
	require.NoError(t, err)
	require.True(t, gone)

	for user, worker := range map[fleet.User]fleet.Worker{"ann": "w-serving", "cid": "w-assigned", "dan": "w-returned"} {
		answer, err := store.Claim(ctx, claim.Request{User: user}, terms)
		require.NoError(t, err)
		require.NotNil(t, answer.Bound, user)
		require.Equal(t, worker, answer.Bound.Worker)
		require.Equal(t, epochs[user], answer.Bound.Epoch)
	}
	require.NoError(t, store.Confirm(ctx, "w-assigned", 1, epochs["cid"]))
	require.NoError(t, store.Agree(ctx, "w-returned", 3, epochs["dan"]))
	standings, err := store.Beat(ctx, "h1", []claim.Beat{
		{Worker: "w-serving", Life: 2, Epoch: epochs["ann"]}, {Worker: "w-assigned", Life: 1, Epoch: epochs["cid"]},
	}, terms)
	require.NoError(t, err)
	require.Equal(t, []claim.Standing{claim.Ok, claim.Ok}, standings)
	_, err = store.Undrain(ctx, "h2", claim.ByCluster, terms)
	require.NoError(t, err)
	fresh, err := store.Claim(ctx, claim.Request{User: "eve"}, terms)
	require.NoError(t, err)
	require.NotNil(t, fresh.Bound)
	require.EqualValues(t, "w-warm", fresh.Bound.Worker)
	require.Greater(t, fresh.Bound.Epoch, max(epochs["ann"], epochs["cid"], 98))
	require.NoError(t, store.Release(ctx, "ann", epochs["ann"]))
	healed, err := store.Heal(ctx, 0, 1000, terms)
	require.NoError(t, err)
	require.Empty(t, healed.Repairs)
	require.Zero(t, healed.Next)
}

// Streams carry their bodies under names that every release knows: an entry as the release before writes it is taken, and
// one with more in it, too.
func TestStreamsOfAllReleases(t *testing.T) {
	_, client := still(t)
	add := func(stream, body string) {
		require.NoError(t, client.XAdd(t.Context(), &redis.XAddArgs{Stream: stream, Values: []any{"m", body, "of-a-later-release", "x"}}).Err())
	}
	add("{host:h1}:mail", `{"kind":"release","worker":"w1","life":"2","user":"ann","epoch":"9","more":[1]}`)
	letters, err := NewMail(client).Read(t.Context(), "h1", "")
	require.NoError(t, err)
	require.Len(t, letters, 1)
	require.Equal(t, fleet.Mail{Kind: fleet.MailRelease, Worker: "w1", Life: 2, User: "ann", Epoch: 9}, letters[0].Mail)
	add("{api:a1}:ready", `{"worker":"w1","user":"ann","epoch":"9"}`)
	words, _, err := NewMail(client).Await(t.Context(), "a1", "")
	require.NoError(t, err)
	require.Equal(t, []fleet.Ready{{Worker: "w1", User: "ann", Epoch: 9}}, words)
	add("{pool}:events", `"ann"`)
	users, _, err := NewMail(client).Rung(t.Context(), "")
	require.NoError(t, err)
	require.Equal(t, []fleet.User{"ann"}, users)
	add("{pool}:outcomes", `{"worker":"w1","life":"2","user":"ann","epoch":"9","order":"O1","number":4,"state":"filled","at":"2026-03-02T12:00:00Z"}`)
	parcels, err := NewInbox(client, "x").Take(t.Context(), 10)
	require.NoError(t, err)
	require.Len(t, parcels, 1)
	require.Equal(t, dispatch.Parcel{ID: parcels[0].ID, Outcome: fleet.Outcome{
		Worker: "w1", Life: 2, User: "ann", Epoch: 9, Order: "O1", Number: 4, State: fleet.OutcomeFilled, At: epochOfIndexes,
	}}, parcels[0])
	require.NoError(t, client.Set(t.Context(), "{pool}:halt", "1", 0).Err())
	halted, err := NewMail(client).Halted(t.Context())
	require.NoError(t, err)
	require.True(t, halted)
}
