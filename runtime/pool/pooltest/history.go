package pooltest

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"workerfleet/runtime/pool"
)

// RunHistory holds a history to the contract. fresh returns an empty one.
func RunHistory(t *testing.T, fresh func(t *testing.T) pool.History) {
	t.Run("a count is raised by whoever saw more, and never lowered", func(t *testing.T) {
		h := fresh(t)
		for _, n := range []int{3, 7, 5, 7} {
			require.NoError(t, h.Count(t.Context(), []pool.Minute{{At: monday, Claims: n}, {At: monday.Add(time.Minute), Claims: 1}}))
		}
		require.NoError(t, h.Count(t.Context(), nil))
		require.Equal(t, []pool.Minute{{At: monday, Claims: 7}, {At: monday.Add(time.Minute), Claims: 1}},
			recalled(t, h, pool.Span{From: monday, To: monday.Add(time.Hour)}))
	})
	t.Run("what is recalled lies within the spans, from their first minute to before their last moment", func(t *testing.T) {
		h := fresh(t)
		var all []pool.Minute
		for i := range 20 {
			all = append(all, pool.Minute{At: monday.Add(time.Duration(i) * time.Minute), Claims: i + 1})
		}
		require.NoError(t, h.Count(t.Context(), all))
		at := func(i int) time.Time { return monday.Add(time.Duration(i) * time.Minute) }
		require.Equal(t, []pool.Minute{all[2], all[3], all[10]}, recalled(t, h, pool.Span{From: at(2), To: at(4)}, pool.Span{From: at(10), To: at(11)}))
		require.Equal(t, []pool.Minute{all[3]}, recalled(t, h, pool.Span{From: at(2).Add(time.Second), To: at(3).Add(time.Second)}))
		require.Equal(t, []pool.Minute{all[2]}, recalled(t, h, pool.Span{From: at(2).In(time.FixedZone("there", 8*3600)), To: at(3)}), "a moment has no zone")
		require.Empty(t, recalled(t, h, pool.Span{From: at(20), To: at(30)}))
		require.Empty(t, recalled(t, h))
	})
	t.Run("a minute in two spans is recalled once", func(t *testing.T) {
		h := fresh(t)
		require.NoError(t, h.Count(t.Context(), []pool.Minute{{At: monday, Claims: 1}}))
		span := pool.Span{From: monday, To: monday.Add(time.Hour)}
		require.Len(t, recalled(t, h, span, span), 1)
	})
	t.Run("the earliest minute is known, and there is none before the first", func(t *testing.T) {
		h := fresh(t)
		require.Zero(t, earliest(t, h))
		require.NoError(t, h.Count(t.Context(), []pool.Minute{{At: monday.AddDate(0, 0, 7), Claims: 1}, {At: monday, Claims: 1}}))
		require.Equal(t, monday, earliest(t, h))
		require.NoError(t, h.Forget(t.Context(), monday))
		require.Equal(t, monday, earliest(t, h))
		require.NoError(t, h.Forget(t.Context(), monday.Add(time.Second)))
		require.Equal(t, monday.AddDate(0, 0, 7), earliest(t, h))
		require.NoError(t, h.Forget(t.Context(), monday.AddDate(0, 1, 0)))
		require.Zero(t, earliest(t, h))
	})
	t.Run("many keep at once", func(t *testing.T) {
		h := fresh(t)
		var all []pool.Minute
		for i := range pool.CountLimit {
			all = append(all, pool.Minute{At: monday.Add(time.Duration(i) * time.Minute), Claims: i + 1})
		}
		errs := make(chan error)
		for i := range 4 {
			half := slices.Clone(all[i%2*len(all)/4 : len(all)/2+i%2*len(all)/2])
			if i > 1 {
				slices.Reverse(half) // who keeps rows in another order must not wait for another for ever
			}
			go func() { errs <- h.Count(t.Context(), half) }()
		}
		for range 4 {
			require.NoError(t, <-errs)
		}
		require.Equal(t, all, recalled(t, h, pool.Span{From: monday, To: monday.AddDate(0, 0, 7)}))
	})
}

// monday is an open in Singapore.
var monday = time.Date(2026, 11, 23, 1, 0, 0, 0, time.UTC)

func recalled(t *testing.T, h pool.History, spans ...pool.Span) []pool.Minute {
	t.Helper()
	kept, _, err := h.Recall(t.Context(), spans)
	require.NoError(t, err)
	for i := range kept {
		kept[i].At = kept[i].At.UTC()
	}
	slices.SortFunc(kept, func(a, b pool.Minute) int { return a.At.Compare(b.At) })
	return kept
}

func earliest(t *testing.T, h pool.History) time.Time {
	t.Helper()
	_, at, err := h.Recall(t.Context(), nil)
	require.NoError(t, err)
	return at
}
