package batch_test

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"workerfleet/runtime/batch"
)

// server answers when it is let, and notes what came together.
type server struct {
	came chan []int
	let  chan error
	ctx  atomic.Value
}

func newServer() *server { return &server{came: make(chan []int), let: make(chan error)} }

func (s *server) send(ctx context.Context, in []int) []batch.Answer[string] {
	s.ctx.Store(ctx)
	s.came <- in
	var err error
	select {
	case err = <-s.let:
	case <-ctx.Done():
		err = ctx.Err()
	}
	answers := make([]batch.Answer[string], len(in))
	for i, n := range in {
		if answers[i].Err = err; err == nil {
			answers[i].Out = strconv.Itoa(n)
		}
	}
	return answers
}

type answer struct {
	text string
	err  error
}

func ask(ctx context.Context, c *batch.Calls[int, string], n int) chan answer {
	answered := make(chan answer, 1)
	go func() {
		text, err := c.Do(ctx, n)
		answered <- answer{text, err}
	}()
	return answered
}

// crowd has calls wait behind one that is under way, in order.
func crowd(t *testing.T, c *batch.Calls[int, string], s *server, contexts ...context.Context) (first chan answer, others []chan answer) {
	t.Helper()
	first = ask(t.Context(), c, 0)
	require.Equal(t, []int{0}, <-s.came, "who comes alone is sent at once")
	for i, ctx := range contexts {
		others = append(others, ask(ctx, c, i+1))
		require.Eventually(t, func() bool { return batch.Waiting(c) == i+1 }, 10*time.Second, time.Millisecond)
	}
	return first, others
}

func TestThoseWhoWaitGoTogether(t *testing.T) {
	s := newServer()
	c := batch.New(1, 2, s.send)
	first, others := crowd(t, c, s, t.Context(), t.Context(), t.Context())
	s.let <- nil
	require.Equal(t, answer{text: "0"}, <-first)
	require.Equal(t, []int{1, 2}, <-s.came, "no more than two at once")
	s.let <- nil
	require.Equal(t, answer{text: "1"}, <-others[0])
	require.Equal(t, answer{text: "2"}, <-others[1])
	require.Equal(t, []int{3}, <-s.came)
	broken := errors.New("broken")
	s.let <- broken
	require.Equal(t, answer{err: broken}, <-others[2])
	last := ask(t.Context(), c, 9)
	require.Equal(t, []int{9}, <-s.came, "the lane is free again")
	s.let <- nil
	require.Equal(t, answer{text: "9"}, <-last)
}

func TestLanes(t *testing.T) {
	s := newServer()
	c := batch.New(2, 8, s.send)
	one, two := ask(t.Context(), c, 1), ask(t.Context(), c, 2)
	require.ElementsMatch(t, []int{1, 2}, append(<-s.came, <-s.came...), "both are under way")
	s.let <- nil
	s.let <- nil
	require.Equal(t, "1", (<-one).text)
	require.Equal(t, "2", (<-two).text)
}

func TestWhoLeavesIsSentForNobody(t *testing.T) {
	s := newServer()
	c := batch.New(1, 8, s.send)
	leaving, leave := context.WithCancel(t.Context())
	first, others := crowd(t, c, s, leaving, t.Context())
	leave()
	require.ErrorIs(t, (<-others[0]).err, context.Canceled)
	s.let <- nil
	<-first
	require.Equal(t, []int{2}, <-s.came)
	s.let <- nil
	require.Equal(t, "2", (<-others[1]).text)
}

func TestBatchEndsWhenAllHaveLeft(t *testing.T) {
	s := newServer()
	c := batch.New(1, 8, s.send)
	a, leaveA := context.WithCancel(t.Context())
	b, leaveB := context.WithCancel(t.Context())
	first, others := crowd(t, c, s, a, b)
	s.let <- nil
	<-first
	require.Equal(t, []int{1, 2}, <-s.came)
	under := s.ctx.Load().(context.Context)
	leaveA()
	require.ErrorIs(t, (<-others[0]).err, context.Canceled)
	require.NoError(t, under.Err(), "the other one waits for it")
	leaveB()
	require.ErrorIs(t, (<-others[1]).err, context.Canceled)
	<-under.Done()
	last := ask(t.Context(), c, 9)
	require.Equal(t, []int{9}, <-s.came, "the lane is free again")
	s.let <- nil
	require.Equal(t, "9", (<-last).text)
}

// Everybody gets the answer to their own call, however many come, and each call is sent once.
func TestEverybodyIsAnswered(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lanes, most := rapid.IntRange(1, 4).Draw(t, "lanes"), rapid.IntRange(1, 9).Draw(t, "most")
		callers := rapid.IntRange(1, 60).Draw(t, "callers")
		var under, sent atomic.Int64
		c := batch.New(lanes, most, func(_ context.Context, in []int) []batch.Answer[int] {
			defer under.Add(-1)
			sent.Add(int64(len(in)))
			answers := make([]batch.Answer[int], len(in))
			tooMany := under.Add(1) > int64(lanes) || len(in) > most
			for i, n := range in {
				if answers[i].Out = -n; tooMany {
					answers[i].Err = errors.New("too many at once")
				}
			}
			return answers
		})
		var group sync.WaitGroup
		errs := make(chan error, callers)
		for i := range callers {
			group.Go(func() {
				n, err := c.Do(context.Background(), i)
				if err == nil && n != -i {
					err = errors.New("somebody else's answer")
				}
				errs <- err
			})
		}
		group.Wait()
		close(errs)
		for err := range errs {
			require.NoError(t, err)
		}
		require.EqualValues(t, callers, sent.Load())
	})
}
