package worker

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/hostlink"
	"workerfleet/runtime/order"
)

// No call starts after the order's time, without a lease, or while orders are switched off: the worker says that it
// started none.
func TestNoCall(t *testing.T) {
	for name, c := range map[string]struct {
		before func(s *stage, conn *hostlink.Conn)
		order  func() fleet.Order
		reason string
	}{
		"too late": {func(*stage, *hostlink.Conn) {}, func() fleet.Order { o := buy(1); o.EmitBy = time.Now(); return o }, lateReason},
		"halted": {func(s *stage, conn *hostlink.Conn) {
			require.NoError(s.t, conn.Send(hostlink.Message{Kind: hostlink.BeatOk, Epoch: 9, SentAt: s.now(), Off: true}))
		}, func() fleet.Order { return buy(1) }, haltReason},
		"no lease": {func(*stage, *hostlink.Conn) { time.Sleep(trust) }, func() fleet.Order { return buy(1) }, lateReason},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t, &recorder{})
				conn, words := s.trading()
				c.before(s, conn)
				s.asks(conn, hostlink.Execute, c.order())
				said := (<-words).Outcome
				require.Equal(t, fleet.OutcomeUnsent, said.State)
				require.Equal(t, c.reason, said.Reason)
				require.Empty(t, s.broker.placed)
				s.stop()
				<-s.ended
			})
		})
	}
}

// An order that is taken back is not begun: neither if it waits, nor if its letter comes after the word. What is at the broker
// stays there, and a later mark is executed.
func TestWithdrawn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broker := &recorder{}
		broker.news = make(chan order.Report)
		s := newStage(t, broker)
		conn, words := s.trading()
		unsent := func() {
			t.Helper()
			said := (<-words).Outcome
			require.Equal(t, fleet.OutcomeUnsent, said.State)
			require.Equal(t, haltReason, said.Reason)
			s.commits(conn, said.Number)
		}
		time.Sleep(trust)
		waits := buy(1)
		s.asks(conn, hostlink.Execute, waits)
		s.asks(conn, hostlink.Withdraw, waits)
		unsent()
		s.beat(conn)
		late := buy(2)
		s.asks(conn, hostlink.Withdraw, late)
		unsent()
		s.asks(conn, hostlink.Execute, late)
		s.asks(conn, hostlink.Execute, waits)
		require.Empty(t, broker.placed)
		again := buy(2)
		again.EmitBy = late.EmitBy.Add(time.Second)
		s.asks(conn, hostlink.Execute, again)
		require.Len(t, broker.placed, 1)
		require.Equal(t, fleet.OutcomeFilled, (<-words).Outcome.State)
		s.asks(conn, hostlink.Withdraw, again)
		require.Empty(t, words)
		require.Empty(t, broker.ended, "what is at the broker is cancelled")

		broker.place = func(_ context.Context, t order.Ticket) (order.Report, error) {
			return order.Report{ClientID: t.ClientID, State: fleet.OutcomeWorking}, nil
		}
		broker.held = decimal.NewFromInt(3)
		reversal := buy(3)
		reversal.Side = fleet.Reverse
		s.asks(conn, hostlink.Execute, reversal)
		require.Equal(t, fleet.OutcomeWorking, (<-words).Outcome.State)
		s.asks(conn, hostlink.Withdraw, reversal)
		broker.news <- order.Report{ClientID: order.ClientID(reversal.ID, 1), State: fleet.OutcomeFilled}
		synctest.Wait()
		filled := (<-words).Outcome
		require.Equal(t, fleet.OutcomeFilled, filled.State)
		s.commits(conn, filled.Number)
		unsent()
		require.Len(t, broker.placed, 2, "its second leg is opened")
		s.stop()
		<-s.ended
	})
}

// A reversal that learns what the account holds after orders were switched off does not close it.
func TestHaltedWhileSizing(t *testing.T) {
	for name, off := range map[string]func(s *stage, conn *hostlink.Conn, o fleet.Order){
		"for all": func(s *stage, conn *hostlink.Conn, _ fleet.Order) {
			require.NoError(s.t, conn.Send(hostlink.Message{Kind: hostlink.BeatOk, Epoch: 9, SentAt: s.now(), Off: true}))
			synctest.Wait()
		},
		"for one": func(s *stage, conn *hostlink.Conn, o fleet.Order) { s.asks(conn, hostlink.Withdraw, o) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				broker := &recorder{}
				broker.held, broker.sizing = decimal.NewFromInt(3), make(chan struct{})
				s := newStage(t, broker)
				conn, words := s.trading()
				o := buy(1)
				o.Side = fleet.Reverse
				s.asks(conn, hostlink.Execute, o)
				off(s, conn, o)
				close(broker.sizing)
				said := (<-words).Outcome
				require.Equal(t, fleet.OutcomeUnsent, said.State)
				require.Equal(t, haltReason, said.Reason)
				require.Empty(t, broker.placed)
				s.stop()
				<-s.ended
			})
		})
	}
}
