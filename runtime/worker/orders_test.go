package worker

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/hostlink"
	"workerfleet/runtime/order"
)

// book is the trading half of a recorded broker: what it was asked, and what it answers.
type book struct {
	placed []order.Ticket
	place  func(context.Context, order.Ticket) (order.Report, error)
	find   func(clientID string) (order.Report, error)
	held   decimal.Decimal
	sizing chan struct{} // until it is closed, nobody is told what is held; nil tells at once
	ended  []string      // client ids that were cancelled
	news   chan order.Report
}

func (b *book) Traits() order.Traits { return order.Traits{RefusesRepeats: true, Lag: time.Second} }

func (b *book) Place(ctx context.Context, t order.Ticket) (order.Report, error) {
	b.placed = append(b.placed, t)
	if b.place != nil {
		return b.place(ctx, t)
	}
	return order.Report{ClientID: t.ClientID, State: fleet.OutcomeFilled}, nil
}

func (b *book) Find(_ context.Context, clientID string) (order.Report, error) {
	if b.find != nil {
		return b.find(clientID)
	}
	return order.Report{}, order.ErrAbsent
}

func (b *book) Cancel(_ context.Context, clientID string) error {
	b.ended = append(b.ended, clientID)
	return nil
}

func (b *book) Position(context.Context, string) (decimal.Decimal, error) {
	if b.sizing != nil {
		<-b.sizing
	}
	return b.held, nil
}

func (b *book) Next(ctx context.Context) (order.Report, error) {
	select {
	case r := <-b.news:
		return r, nil
	case <-ctx.Done():
		return order.Report{}, ctx.Err()
	}
}

// trading brings a worker to a session that is logged in, under a fresh lease, and returns its line.
func (s *stage) trading() (*hostlink.Conn, <-chan hostlink.Message) {
	conn, _, words := s.agent()
	s.serve(conn, words)
	s.beat(conn)
	return conn, words
}

func (s *stage) beat(conn *hostlink.Conn) {
	require.NoError(s.t, conn.Send(hostlink.Message{Kind: hostlink.BeatOk, Epoch: 9, SentAt: s.now()}))
	synctest.Wait()
}

func (s *stage) asks(conn *hostlink.Conn, kind hostlink.Kind, o fleet.Order) {
	require.NoError(s.t, conn.Send(hostlink.Message{Kind: kind, Epoch: 9, Order: &o}))
	synctest.Wait()
}

func (s *stage) commits(conn *hostlink.Conn, number uint64) {
	require.NoError(s.t, conn.Send(hostlink.Message{Kind: hostlink.Committed, Epoch: 9, Number: number}))
	synctest.Wait()
}

// buy is an order that may begin for ten seconds from now.
func buy(n uint64) fleet.Order {
	return fleet.Order{
		ID: fleet.OrderID(fmt.Sprintf("order-%d", n)), Sequence: n, Symbol: "AAPL", Side: fleet.Buy, Quantity: decimal.NewFromInt(2),
		Type: fleet.Market, TimeInForce: fleet.Day, EmitBy: time.Now().Add(10 * time.Second),
	}
}

// An order is handed over once, however often its letter comes, and what came of it is said until it is committed.
func TestOrderOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, &recorder{})
		conn, words := s.trading()
		o := buy(1)
		for range 3 {
			s.asks(conn, hostlink.Execute, o)
		}
		require.Len(t, s.broker.placed, 1)
		require.Equal(t, order.ClientID(o.ID, 0), s.broker.placed[0].ClientID)
		said := <-words
		require.Equal(t, hostlink.Reported, said.Kind)
		require.Equal(t, fleet.OutcomeFilled, said.Outcome.State)
		time.Sleep(resayPause)
		require.Equal(t, said.Outcome.Number, (<-words).Outcome.Number, "it is said again")
		s.commits(conn, said.Outcome.Number)
		s.beat(conn)
		time.Sleep(3 * resayPause)
		require.Empty(t, words)
		s.asks(conn, hostlink.Execute, o)
		require.Len(t, s.broker.placed, 1, "its mark has been executed")
		s.stop()
		<-s.ended
	})
}

// An order that the ledger marks again while its first call is under way is not handed over twice.
func TestMarkedAgainDuringTheCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answered := make(chan struct{})
		s := newStage(t, &recorder{book: book{place: func(_ context.Context, ticket order.Ticket) (order.Report, error) {
			<-answered
			return order.Report{ClientID: ticket.ClientID, State: fleet.OutcomeFilled}, nil
		}}})
		conn, words := s.trading()
		o := buy(1)
		s.asks(conn, hostlink.Execute, o)
		o.EmitBy = o.EmitBy.Add(time.Minute)
		s.asks(conn, hostlink.Execute, o)
		close(answered)
		require.Equal(t, fleet.OutcomeFilled, (<-words).Outcome.State)
		synctest.Wait()
		require.Len(t, s.broker.placed, 1)
		s.stop()
		<-s.ended
	})
}

// Letters of another epoch are about another session: none is executed, looked up, taken back or taken for a commit.
func TestLettersOfAnotherEpoch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broker := &recorder{}
		s := newStage(t, broker)
		conn, words := s.trading()
		s.asks(conn, hostlink.Execute, buy(1))
		said := (<-words).Outcome
		for _, epoch := range []fleet.Epoch{8, 10} {
			for _, kind := range []hostlink.Kind{hostlink.Execute, hostlink.Verify, hostlink.Cancel} {
				o := buy(2)
				require.NoError(t, conn.Send(hostlink.Message{Kind: kind, Epoch: epoch, Order: &o}))
			}
			require.NoError(t, conn.Send(hostlink.Message{Kind: hostlink.Committed, Epoch: epoch, Number: said.Number}))
			synctest.Wait()
		}
		require.Len(t, broker.placed, 1)
		require.Empty(t, broker.ended)
		require.Empty(t, words, "nothing was looked up")
		time.Sleep(resayPause)
		require.Equal(t, said.Number, (<-words).Outcome.Number, "it is not committed")
		s.stop()
		<-s.ended
	})
}

// What is not committed is said to every new agent.
func TestOutcomeSurvivesTheAgent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, &recorder{})
		conn, words := s.trading()
		s.asks(conn, hostlink.Execute, buy(1))
		first := (<-words).Outcome
		require.NoError(t, conn.Close())
		_, hello, words := s.agent()
		require.Equal(t, uint64(1), hello.Sequence)
		require.Equal(t, first.Number, (<-words).Outcome.Number)
		s.stop()
		<-s.ended
	})
}

// An order that waits for the lease goes as soon as there is one; and a lower number never follows a higher one.
func TestOrderWaitsForTheLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, &recorder{})
		conn, _ := s.trading()
		time.Sleep(trust)
		s.asks(conn, hostlink.Execute, buy(2))
		require.Empty(t, s.broker.placed)
		s.beat(conn)
		require.Len(t, s.broker.placed, 1)
		s.asks(conn, hostlink.Execute, buy(1))
		require.Len(t, s.broker.placed, 1, "a later one has gone")
		s.stop()
		<-s.ended
	})
}

// A call without an answer is in doubt, and is not made again under the same mark; a look-up tells what became of it. A
// new mark is executed.
func TestDoubt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broker := &recorder{}
		broker.place = func(ctx context.Context, _ order.Ticket) (order.Report, error) {
			<-ctx.Done()
			return order.Report{}, ctx.Err()
		}
		s := newStage(t, broker)
		conn, words := s.trading()
		o := buy(1)
		s.asks(conn, hostlink.Execute, o)
		s.asks(conn, hostlink.Verify, o)
		require.Empty(t, words, "a call under way answers by itself")
		time.Sleep(callLimit)
		said := (<-words).Outcome
		require.Equal(t, fleet.OutcomeDoubt, said.State)
		s.asks(conn, hostlink.Execute, o)
		require.Len(t, broker.placed, 1, "the same mark")
		s.commits(conn, said.Number)
		s.beat(conn)
		s.asks(conn, hostlink.Verify, o)
		absent := (<-words).Outcome
		require.Equal(t, fleet.OutcomeAbsent, absent.State)
		require.Equal(t, callLimit+time.Second, absent.Settle)
		require.True(t, absent.Resend)
		require.WithinDuration(t, time.Now(), absent.At, time.Millisecond)
		broker.place = nil
		o.EmitBy = o.EmitBy.Add(10 * time.Second)
		s.asks(conn, hostlink.Execute, o)
		require.Len(t, broker.placed, 2)
		require.Equal(t, broker.placed[0].ClientID, broker.placed[1].ClientID)
		s.stop()
		<-s.ended
	})
}

// A reversal opens its second leg only when the first one's fill is committed, and gives up after five seconds.
func TestReversal(t *testing.T) {
	for name, committed := range map[string]bool{"committed": true, "not committed": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				broker := &recorder{}
				broker.held = decimal.NewFromInt(-3)
				s := newStage(t, broker)
				conn, words := s.trading()
				o := buy(1)
				o.Side = fleet.Reverse
				s.asks(conn, hostlink.Execute, o)
				require.Len(t, broker.placed, 1)
				require.Equal(t, fleet.Buy, broker.placed[0].Side)
				require.Equal(t, "3", broker.placed[0].Quantity.String())
				first := (<-words).Outcome
				require.Equal(t, 1, first.Leg)
				if committed {
					s.commits(conn, first.Number)
					require.Len(t, broker.placed, 2)
					require.Equal(t, fleet.Buy, broker.placed[1].Side)
					require.Equal(t, "2", broker.placed[1].Quantity.String())
					require.Equal(t, 2, (<-words).Outcome.Leg)
				} else {
					time.Sleep(order.LegLimit)
					synctest.Wait()
					require.Len(t, broker.placed, 1)
					var last *fleet.Outcome
					for last == nil || last.Leg != 2 {
						last = (<-words).Outcome
					}
					require.Equal(t, fleet.OutcomeUnsent, last.State)
					require.Equal(t, legReason, last.Reason)
				}
				s.stop()
				<-s.ended
			})
		})
	}
}

// A reversal that both legs of are at the broker is told of leg by leg, once the first one is found too: a ledger that was
// restored may lack it, and asks no more when it has the second one's end. Asked again, the same life looks at the second one.
func TestBothLegsAreLookedUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broker := &recorder{}
		o := buy(1)
		o.Side = fleet.Reverse
		var looks []string
		away := true
		broker.find = func(id string) (order.Report, error) {
			looks = append(looks, id)
			if id == order.ClientID(o.ID, 1) && away {
				return order.Report{}, errors.New("time-out")
			}
			return order.Report{ClientID: id, State: fleet.OutcomeFilled}, nil
		}
		s := newStage(t, broker)
		conn, words := s.trading()
		s.asks(conn, hostlink.Verify, o)
		require.Len(t, looks, 2, "nothing is told of one alone")
		away = false
		s.asks(conn, hostlink.Verify, o)
		first, second := (<-words).Outcome, (<-words).Outcome
		require.Equal(t, []int{1, 2}, []int{first.Leg, second.Leg})
		require.Equal(t, []fleet.OutcomeState{fleet.OutcomeFilled, fleet.OutcomeFilled}, []fleet.OutcomeState{first.State, second.State})
		looks = nil
		s.commits(conn, second.Number)
		s.asks(conn, hostlink.Verify, o)
		require.Equal(t, []string{order.ClientID(o.ID, 2)}, looks)
		s.stop()
		<-s.ended
	})
}

// A cancelled order that waits is not handed over; one that the broker has is taken back, and looked up.
func TestCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broker := &recorder{}
		broker.place = func(_ context.Context, t order.Ticket) (order.Report, error) {
			return order.Report{ClientID: t.ClientID, State: fleet.OutcomeWorking}, nil
		}
		broker.find = func(id string) (order.Report, error) {
			return order.Report{ClientID: id, State: fleet.OutcomeCancelled}, nil
		}
		s := newStage(t, broker)
		conn, words := s.trading()
		o := buy(1)
		s.asks(conn, hostlink.Execute, o)
		require.Equal(t, fleet.OutcomeWorking, (<-words).Outcome.State)
		s.asks(conn, hostlink.Cancel, o)
		require.Equal(t, []string{order.ClientID(o.ID, 0)}, broker.ended)
		require.Equal(t, fleet.OutcomeCancelled, (<-words).Outcome.State)
		time.Sleep(trust)
		s.asks(conn, hostlink.Execute, buy(2))
		s.asks(conn, hostlink.Cancel, buy(2))
		var last *fleet.Outcome
		for last == nil || last.Order != "order-2" {
			last = (<-words).Outcome
		}
		require.Equal(t, cancelReason, last.Reason)
		require.Len(t, broker.placed, 1)
		s.stop()
		<-s.ended
	})
}

// A released worker ends what waits with its word, and waits for the call that is under way and says what came of it.
func TestEndWithOrders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broker := &recorder{}
		broker.place = func(_ context.Context, t order.Ticket) (order.Report, error) {
			time.Sleep(2 * time.Second)
			return order.Report{ClientID: t.ClientID, State: fleet.OutcomeFilled}, nil
		}
		s := newStage(t, broker)
		conn, words := s.trading()
		s.asks(conn, hostlink.Execute, buy(1))
		s.asks(conn, hostlink.Execute, buy(2))
		require.NoError(t, conn.Send(hostlink.Message{Kind: hostlink.Release, Epoch: 9}))
		require.Equal(t, result{Recycled, nil}, <-s.ended)
		var said []string
		for m := range words {
			if m.Kind == hostlink.Reported {
				said = append(said, fmt.Sprintf("%s %s", m.Outcome.Order, m.Outcome.State))
			}
		}
		require.Equal(t, []string{"order-2 unsent", "order-1 filled"}, said)
	})
}

// News that nobody asked for are reported, also while the call is under way.
func TestNews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broker := &recorder{}
		broker.news = make(chan order.Report)
		broker.place = func(_ context.Context, t order.Ticket) (order.Report, error) {
			return order.Report{ClientID: t.ClientID, State: fleet.OutcomeWorking}, nil
		}
		s := newStage(t, broker)
		conn, words := s.trading()
		o := buy(1)
		s.asks(conn, hostlink.Execute, o)
		require.Equal(t, fleet.OutcomeWorking, (<-words).Outcome.State)
		broker.news <- order.Report{ClientID: order.ClientID("of an earlier session", 0), State: fleet.OutcomeFilled}
		fills := []fleet.Fill{{ID: "f1", Quantity: decimal.NewFromInt(2), Price: decimal.NewFromInt(9)}}
		broker.news <- order.Report{ClientID: order.ClientID(o.ID, 0), State: fleet.OutcomeFilled, Fills: fills}
		synctest.Wait()
		filled := (<-words).Outcome
		require.Equal(t, o.ID, filled.Order)
		require.Equal(t, fills, filled.Fills)
		s.stop()
		<-s.ended
	})
}

// News of an order whose call's answer is lost say that the broker has it: the worker looks it up at once.
func TestNewsBeforeALostAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broker := &recorder{}
		broker.news = make(chan order.Report)
		broker.place = func(ctx context.Context, t order.Ticket) (order.Report, error) {
			broker.news <- order.Report{ClientID: t.ClientID, State: fleet.OutcomeFilled, Fills: []fleet.Fill{{ID: "f1", Quantity: decimal.NewFromInt(2)}}}
			time.Sleep(time.Millisecond)
			return order.Report{}, errors.New("connection reset")
		}
		broker.find = func(id string) (order.Report, error) {
			return order.Report{ClientID: id, State: fleet.OutcomeFilled, Fills: []fleet.Fill{{ID: "f1", Quantity: decimal.NewFromInt(2)}}}, nil
		}
		s := newStage(t, broker)
		conn, words := s.trading()
		s.asks(conn, hostlink.Execute, buy(1))
		require.Equal(t, fleet.OutcomeWorking, (<-words).Outcome.State)
		require.Equal(t, fleet.OutcomeFilled, (<-words).Outcome.State)
		s.stop()
		<-s.ended
	})
}

// A mark is executed once, even if many other orders were asked about since, and all of the mailbox comes again.
func TestForgottenMark(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, &recorder{})
		conn, words := s.trading()
		go func() {
			for range words { // nobody listens
			}
		}()
		o := buy(7)
		s.asks(conn, hostlink.Execute, o)
		s.commits(conn, 1)
		for n := range uint64(remembered + 10) {
			s.asks(conn, hostlink.Verify, buy(n+100))
			s.commits(conn, n+2)
		}
		for range 2 {
			s.asks(conn, hostlink.Verify, o)
			s.asks(conn, hostlink.Execute, o)
		}
		require.Len(t, s.broker.placed, 1)
		s.stop()
		<-s.ended
	})
}

// Whatever letters and answers come, in whatever order: one order is handed over at a time, each mark at most once,
// within its time and the lease, not while switched off, and in the sequence of the numbers; and every mark that was
// taken is answered for.
func TestTradeLaws(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		s := loggedInMachine(t)
		now := 12 * second
		begin := time.Now()
		marks := map[fleet.OrderID]int{}
		placed := map[string]bool{} // order and mark
		var highest uint64
		var open []Call
		halted := false
		var latest hostlink.Instant = 12 * second
		s.Step(now, Heard{ok(9, now)})
		for range rapid.IntRange(1, 80).Draw(r, "events") {
			now += hostlink.Instant(rapid.Int64Range(0, int64(2*second)).Draw(r, "passes"))
			id := rapid.Uint64Range(1, 4).Draw(r, "order")
			o := fleet.Order{ID: fleet.OrderID(fmt.Sprint(id)), Sequence: id, Side: fleet.Buy, Quantity: decimal.NewFromInt(1)}
			o.EmitBy = begin.Add(time.Duration(marks[o.ID]+1) * 20 * time.Second)
			emitBy := hostlink.Instant(12*second) + hostlink.Instant(o.EmitBy.Sub(begin))
			var event Event
			switch rapid.IntRange(0, 8).Draw(r, "kind") {
			case 0, 1, 2:
				event = Ordered{hostlink.Message{Kind: hostlink.Execute, Epoch: 9, Order: &o}, emitBy}
			case 3:
				event = Heard{hostlink.Message{Kind: rapid.SampledFrom([]hostlink.Kind{hostlink.Verify, hostlink.Cancel}).Draw(r, "ask"), Epoch: 9, Order: &o}}
			case 4:
				event, latest, halted = Heard{ok(9, now)}, now, false
			case 5:
				event = Heard{hostlink.Message{Kind: hostlink.BeatOk, Epoch: 9, SentAt: now, Off: true}}
				latest, halted = now, true
			case 6:
				marks[o.ID]++ // the ledger marks it anew
				continue
			default:
				if len(open) == 0 {
					continue
				}
				ended := CallEnded{Call: open[0], Began: begin, Err: rapid.SampledFrom([]error{
					nil, errors.New("time-out"), order.ErrUnsent, order.ErrRepeated, order.ErrAbsent, &order.Refused{Reason: "no"},
				}).Draw(r, "answer")}
				ended.Report = order.Report{State: rapid.SampledFrom([]fleet.OutcomeState{fleet.OutcomeFilled, fleet.OutcomeWorking}).Draw(r, "state")}
				event, open = ended, open[1:]
			}
			for _, effect := range s.Step(now, event) {
				call, isCall := effect.(Call)
				if !isCall {
					continue
				}
				if call.kind == callPlace {
					for _, other := range open {
						require.NotEqual(r, callPlace, other.kind, "two orders at once")
					}
					j := s.trade.jobs[call.Order]
					mark := fmt.Sprint(call.Order, j.EmitBy)
					require.False(r, placed[mark], "a mark twice")
					placed[mark] = true
					require.Less(r, now, j.emitBy, "too late")
					require.Less(r, now, latest.Add(trust), "no lease")
					require.False(r, halted, "switched off")
					require.GreaterOrEqual(r, j.Sequence, highest, "out of sequence")
					require.LessOrEqual(r, call.Until, min(j.emitBy, latest.Add(trust)))
					highest = j.Sequence
				}
				open = append(open, call)
			}
		}
	})
}

// A call ends with the lease or with the order's time, whichever comes first.
func TestCallsEndWithLeaseAndOrder(t *testing.T) {
	for emitBy, until := range map[hostlink.Instant]hostlink.Instant{14 * second: 14 * second, 60 * second: 12*second + hostlink.Instant(trust)} {
		s := loggedInMachine(t)
		s.Step(12*second, Heard{ok(9, 12*second)})
		o := buy(1)
		var calls []Call
		for _, effect := range s.Step(12*second, Ordered{hostlink.Message{Kind: hostlink.Execute, Epoch: 9, Order: &o}, emitBy}) {
			if call, isCall := effect.(Call); isCall {
				calls = append(calls, call)
			}
		}
		require.Len(t, calls, 1)
		require.Equal(t, until, calls[0].Until)
	}
}

// A session executes no order below the number that it begins with: an earlier session may have.
func TestOrdersBelowTheFirst(t *testing.T) {
	begun := newTrade(5)
	for n, executed := range map[uint64]bool{3: false, 4: false, 5: true} {
		begun.execute(buy(n), 20*second)
		require.Equal(t, executed, begun.jobs[buy(n).ID] != nil, "number %d", n)
	}
}

// loggedInMachine is a machine in a session under epoch 9, logged in.
func loggedInMachine(t *testing.T) subject {
	s := served(t)
	s.Step(11*second, LoginEnded{})
	return s
}

// Look-ups are made one at a time, the latest order first, and hold up neither a new order nor a cancellation.
func TestLookUpsOneAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broker := &recorder{}
		answer := make(chan struct{})
		var asked []string
		broker.find = func(clientID string) (order.Report, error) {
			asked = append(asked, clientID)
			<-answer
			return order.Report{ClientID: clientID, State: fleet.OutcomeWorking}, nil
		}
		s := newStage(t, broker)
		conn, words := s.trading()
		name := func(n uint64) string { return order.ClientID(buy(n).ID, 0) }
		for _, n := range []uint64{2, 1, 3} {
			s.asks(conn, hostlink.Verify, buy(n))
		}
		require.Equal(t, []string{name(2)}, asked)
		s.asks(conn, hostlink.Execute, buy(4))
		require.Len(t, broker.placed, 1, "a new order waits for look-ups")
		require.Equal(t, fleet.OutcomeFilled, (<-words).Outcome.State)
		s.asks(conn, hostlink.Cancel, buy(9))
		require.Equal(t, []string{name(9)}, broker.ended)
		require.Equal(t, []string{name(2), name(9)}, asked, "what is to be cancelled waits for nothing")
		for range 4 {
			answer <- struct{}{}
			synctest.Wait()
		}
		require.Equal(t, []string{name(2), name(9), name(3), name(1)}, asked)
		s.stop()
		<-s.ended
	})
}
