package fleet

import (
	"fmt"
	"strconv"
)

// Epoch numbers the sessions of the whole fleet: every binding of a user to a worker has a higher one than all before
// it. 0 is no epoch.
//
// It is carried as decimal text everywhere outside this process: JSON readers and Lua keep only 53 bits of a number.
type Epoch uint64

// Life numbers the lives of one worker, from 1. Messages to an older life are refused.
type Life uint64

// ticks is how many epochs a millisecond has room for (see [NextEpoch]).
const ticks = 4096

// NextEpoch is the epoch after last, at least floor and at least what the clock says: 4,096 a millisecond. The clock
// keeps epochs rising across the loss of last; the floor, which the database keeps, does so even where the new clock
// lags behind.
func NextEpoch(last, floor Epoch, nowMillis int64) Epoch {
	return max(last+1, floor, Epoch(nowMillis)*ticks)
}

// String is the epoch's decimal text.
func (e Epoch) String() string { return strconv.FormatUint(uint64(e), 10) }

// String is the life's decimal text.
func (l Life) String() string { return strconv.FormatUint(uint64(l), 10) }

// ParseEpoch reads an epoch's decimal text.
func ParseEpoch(text string) (Epoch, error) {
	n, err := parse("epoch", text)
	return Epoch(n), err
}

// ParseLife reads a life's decimal text.
func ParseLife(text string) (Life, error) {
	n, err := parse("life", text)
	return Life(n), err
}

// MarshalText writes decimal text, so that JSON carries a string.
func (e Epoch) MarshalText() ([]byte, error) { return []byte(e.String()), nil }

// UnmarshalText reads decimal text.
func (e *Epoch) UnmarshalText(text []byte) (err error) {
	*e, err = ParseEpoch(string(text))
	return err
}

// MarshalText writes decimal text, so that JSON carries a string.
func (l Life) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// UnmarshalText reads decimal text.
func (l *Life) UnmarshalText(text []byte) (err error) {
	*l, err = ParseLife(string(text))
	return err
}

func parse(field, text string) (uint64, error) {
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil || strconv.FormatUint(n, 10) != text {
		return 0, fmt.Errorf("%s: %q is no number; allowed: 0 to 18446744073709551615 without sign or leading zeros", field, text)
	}
	return n, nil
}
