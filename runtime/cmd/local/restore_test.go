package main

import (
	"context"
	"database/sql"
	"fmt"
	"os"
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
)

// copyTo makes a backup of the database while it is written to.
func (p *product) copyTo(path string) {
	p.Helper()
	db, err := sql.Open("sqlite", "file:"+p.ledgerFile()+"?_pragma=busy_timeout(10000)")
	require.NoError(p, err)
	_, err = db.ExecContext(p.Context(), `VACUUM INTO ?`, path)
	require.NoError(p, err)
	require.NoError(p, db.Close())
}

func (p *product) ledgerFile() string { return filepath.Join(p.dir, "fleet.db") }

// putBack replaces the database by its backup. Nothing may run.
func (p *product) putBack(path string) {
	p.Helper()
	text, err := os.ReadFile(path)
	require.NoError(p, err)
	for _, end := range []string{"-wal", "-shm"} {
		require.NoError(p, os.RemoveAll(p.ledgerFile()+end))
	}
	require.NoError(p, os.WriteFile(p.ledgerFile(), text, 0o600))
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
// be new orders. The store keeps its data in one case and loses it in the other; processes are started anew.
func TestRestoredLedger(t *testing.T) {
	for name, lost := range map[string]bool{"the store has its data": false, "the store is empty": true} {
		t.Run(name, func(t *testing.T) { restoreLedger(t, lost) })
	}
}

func restoreLedger(t *testing.T, lost bool) {
	o := quick(4, 7, 2)
	o.embedded, o.orders, o.ttl = true, 10, 5*time.Second // agents are stopped for less than a lease
	p := startProduct(t, o)
	p.serveAll()
	before := p.sends("before")
	p.are(before, order.Filled)
	p.signalAgents(syscall.SIGSTOP)
	flying := p.sends("flying")
	waiting := p.sends("waiting")
	p.are(flying, order.Dispatched)
	backup := filepath.Join(t.TempDir(), "backup.db")
	p.copyTo(backup)
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
	p.putBack(backup)
	require.NoError(t, p.look(t.Context()))
	if lost {
		require.NoError(t, p.path.Client.FlushAll(t.Context()).Err())
	}
	recovered, err := p.path.Database.Recover(t.Context())
	require.NoError(t, err)
	require.Equal(t, len(flying)+len(waiting), recovered)
	require.NoError(t, p.startPrograms(t.Context()))
	_, err = p.path.Ledger.Accept(t.Context(), p.user(0), order.Draft{
		Key: "off", Symbol: "SYM1", Side: fleet.Buy, Quantity: decimal.NewFromInt(1), Type: fleet.Market, TimeInForce: fleet.Day,
	})
	require.ErrorIs(t, err, order.ErrHalted)
	p.are(flying, order.Filled)
	p.are(waiting, order.Filled)
	require.Equal(t, executed, effects(p.exchange.Seen()), "something was dispatched while orders are off")

	require.NoError(t, p.path.Database.Halt(t.Context(), "", false, ""))
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
	require.True(p, v.clean() && v.Unknown == 0, v.Notes)
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
