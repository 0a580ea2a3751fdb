package main

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/order"
	"workerfleet/runtime/paper"
	"workerfleet/runtime/parts"
	"workerfleet/runtime/parts/partstest"
	"workerfleet/runtime/settings"
)

// backup is how a database is copied while it is written to, and put back while nothing runs.
type backup interface {
	take(p *product)
	putBack(p *product)
}

// fileBackup is of the embedded database.
type fileBackup struct{ path string }

func (b fileBackup) take(p *product) {
	db, err := sql.Open("sqlite", "file:"+p.ledgerFile()+"?_pragma=busy_timeout(10000)")
	require.NoError(p, err)
	_, err = db.ExecContext(p.Context(), `VACUUM INTO ?`, b.path)
	require.NoError(p, err)
	require.NoError(p, db.Close())
}

func (p *product) ledgerFile() string { return filepath.Join(p.dir, "fleet.db") }

func (b fileBackup) putBack(p *product) {
	text, err := os.ReadFile(b.path)
	require.NoError(p, err)
	for _, end := range []string{"-wal", "-shm"} {
		require.NoError(p, os.RemoveAll(p.ledgerFile()+end))
	}
	require.NoError(p, os.WriteFile(p.ledgerFile(), text, 0o600))
}

// serverBackup is of the PostgreSQL server, by the tools that stand beside it.
type serverBackup struct{ path, tools string }

func (b serverBackup) run(p *product, tool string, args ...string) {
	command := exec.CommandContext(p.Context(), filepath.Join(b.tools, tool), append(args, "--dbname="+string(p.database.URL))...)
	output, err := command.CombinedOutput()
	require.NoError(p, err, "%s: %s", tool, output)
}

func (b serverBackup) take(p *product) { b.run(p, "pg_dump", "--format=custom", "--file="+b.path) }

func (b serverBackup) putBack(p *product) {
	b.run(p, "pg_restore", "--clean", "--if-exists", "--single-transaction", b.path)
}

// named makes an order of a user's under a name.
func (p *product) named(user fleet.User, name string) ask {
	body := fmt.Sprintf(`{"symbol":"SYM1","side":"buy","quantity":"1","id":%q}`, name)
	return ask{fmt.Sprint(user, " ", name), user, p.byAPI(user, body)}
}

// sends has every user send an order, and returns their ids.
func (p *product) sends(name string) (ids []fleet.OrderID) {
	p.Helper()
	for i := range p.users {
		a := p.named(p.user(i), name)
		require.NoError(p, p.deliver(p.Context(), a))
		require.Len(p, p.trading.named[a.name], 1, "%s is another order than before", a.name)
		for id := range p.trading.named[a.name] {
			ids = append(ids, id)
		}
	}
	return ids
}

// are waits until all those orders are in a state.
func (p *product) are(ids []fleet.OrderID, state order.State) {
	p.Helper()
	want := map[fleet.OrderID]bool{}
	for _, id := range ids {
		want[id] = true
	}
	p.within(time.Minute, "orders are "+string(state), func(ctx context.Context) bool {
		records, err := p.ledger(ctx)
		there := 0
		for _, r := range records {
			if want[r.ID] && r.State == state {
				there++
			}
		}
		return err == nil && there == len(ids)
	})
}

// signalAgents stops or wakes every agent: no letter reaches a worker while they are stopped.
func (p *product) signalAgents(s syscall.Signal) {
	p.Helper()
	for _, g := range p.agents {
		require.NoError(p, g.signal(s))
	}
}

// A database is restored from a backup that is older than what the exchange has done since: orders that were on their way
// or waited then, and are executed by now. Recover switches orders off; every one of them is looked up and agrees with the
// exchange before anything is dispatched; switched on again, a repeated request finds its order, new ones are executed, and
// nothing is twice. Orders that were accepted after the backup are lost to the ledger: their users' requests, repeated, would
// be new orders. The store keeps its data in one case and loses it in the others; processes are started anew.
func TestRestoredLedger(t *testing.T) {
	embedded := func(t *testing.T) backup { return fileBackup{filepath.Join(t.TempDir(), "backup.db")} }
	t.Run("the store has its data", func(t *testing.T) { restoreLedger(t, embedded(t), false) })
	t.Run("the store is empty", func(t *testing.T) { restoreLedger(t, embedded(t), true) })
	t.Run("PostgreSQL", func(t *testing.T) {
		realParts(t)
		program, err := filepath.EvalSymlinks(partstest.Need(t, parts.Postgres))
		require.NoError(t, err)
		restoreLedger(t, serverBackup{filepath.Join(t.TempDir(), "backup"), filepath.Dir(program)}, true)
	})
}

func restoreLedger(t *testing.T, b backup, lost bool) {
	o := quick(4, 7, 2)
	_, o.embedded = b.(fileBackup)
	o.orders, o.ttl = 10, 5*time.Second // agents are stopped for less than a lease
	p := startProduct(t, o)
	p.serveAll()
	before := p.sends("before")
	p.are(before, order.Filled)
	p.signalAgents(syscall.SIGSTOP)
	flying := p.sends("flying")
	waiting := p.sends("waiting")
	p.are(flying, order.Dispatched)
	b.take(p)
	p.signalAgents(syscall.SIGCONT)
	p.are(flying, order.Filled)
	p.are(waiting, order.Filled)
	after := p.sends("after")
	p.are(after, order.Filled)
	executed := effects(p.exchange.Seen())
	require.Len(t, executed, 4*o.users)

	p.stopPrograms()
	p.path.Close()
	p.path = nil
	b.putBack(p)
	require.NoError(t, p.look(t.Context()))
	if lost {
		require.NoError(t, p.path.Client.FlushAll(t.Context()).Err())
	}
	require.NoError(t, p.migrate(t.Context(), p.begun, settings.Switching{Orders: settings.OrdersRecover}))
	p.are(append(slices.Clone(flying), waiting...), order.Unknown)
	p.are(before, order.Filled)
	require.NoError(t, p.startPrograms(t.Context()))
	_, err := p.path.Ledger.Accept(t.Context(), p.user(0), order.Draft{
		Key: "off", Symbol: "SYM1", Side: fleet.Buy, Quantity: decimal.NewFromInt(1), Type: fleet.Market, TimeInForce: fleet.Day,
	})
	require.ErrorIs(t, err, order.ErrHalted)
	p.are(flying, order.Filled)
	p.are(waiting, order.Filled)
	require.Equal(t, executed, effects(p.exchange.Seen()), "something was dispatched while orders are off")

	require.NoError(t, p.migrate(t.Context(), p.begun, settings.Switching{Orders: settings.OrdersResume}))
	require.Equal(t, before, p.sends("before"))
	require.Equal(t, flying, p.sends("flying"))
	require.Equal(t, waiting, p.sends("waiting"))
	fresh := p.sends("fresh")
	p.are(fresh, order.Filled)
	now := effects(p.exchange.Seen())
	require.Len(t, now, 5*o.users)
	for id, times := range now {
		require.Equal(t, 1, times, "%s was executed more than once", id)
	}
	p.agrees(after)
}

// agrees judges but for orders that the ledger has lost with what came after its backup.
func (p *product) agrees(but []fleet.OrderID) {
	p.Helper()
	e := p.trading.evidence(p.exchange)
	var err error
	e.ledger, err = p.ledger(p.Context())
	require.NoError(p, err)
	forgotten := map[string]bool{}
	for _, id := range but {
		delete(e.accepted, id)
		forgotten[order.ClientID(id, 0)] = true
	}
	e.held = slices.DeleteFunc(e.held, func(h paper.Held) bool { return forgotten[h.Ticket.ClientID] })
	v := judge(e)
	require.True(p, v.clean(), v.Notes)
}

// effects is how often each order had its effect.
func effects(seen []paper.Seen) map[string]int {
	count := map[string]int{}
	for _, s := range seen {
		if s.Call == paper.Place && s.Effect {
			count[s.ClientID]++
		}
	}
	return count
}
