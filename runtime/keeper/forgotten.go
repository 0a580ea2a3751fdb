package keeper

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/session"
)

// Bounds of comparing the database with the index: the sessions of one round, and those that are watched at once. With the
// default period a keeper comes past 35,000 sessions in a little over two minutes.
const (
	comparePage  = 64
	watchedLimit = 256
)

// comparison is how far the database was compared with the index, and what was found to be watched.
type comparison struct {
	after   fleet.User
	watched map[fleet.User]*watched
}

// watched is a session that the index does not know, and for how many rounds it was left alone.
type watched struct {
	session.Session
	rounds int
}

// compare finds sessions that the database has open and the index does not know, a few in each round. A begin leaves one that
// arrives after its claim was given up, or was lost with the index: nobody acts by it, nobody's lease runs out for it, and its
// user waits for a worker until they ask again. Their workers are given a lease to come back with them, because an index that
// a failover has set back learns of its last sessions by their next beats; then the users are served again.
func (k *Keeper) compare(ctx context.Context, r *Report) error {
	if r.Rebuilding {
		return nil // who opens the pool compares all of them
	}
	page, err := k.Authority.Open(ctx, k.compared.after, comparePage)
	if err != nil {
		return fmt.Errorf("list open sessions: %w", err)
	}
	missing, err := k.missing(ctx, page)
	if err != nil {
		return err
	}
	k.compared.next(page, missing)
	due := k.compared.due(k.patience())
	settled := make([]bool, len(due))
	err = k.several(len(due), r, func(i int, part *Report) (err error) {
		settled[i], err = k.recall(ctx, due[i], part)
		return err
	})
	for i, s := range due {
		if settled[i] {
			delete(k.compared.watched, s.User)
		}
	}
	return err
}

// patience is for how many rounds a session is left alone: as long as a worker may act that has it.
func (k *Keeper) patience() int { return int((k.Terms.TTL+k.Terms.Guard)/k.Period) + 1 }

// next watches what was missing, and goes on to the next page, or from the first that there was no room for.
func (c *comparison) next(page, missing []session.Session) {
	last := c.after
	for _, s := range missing {
		known := c.watched[s.User]
		if known == nil && len(c.watched) >= watchedLimit {
			c.after = last
			return
		}
		if known == nil || known.Session != s {
			c.watched[s.User] = &watched{Session: s}
		}
		last = s.User
	}
	c.after = ""
	if len(page) == comparePage {
		c.after = page[len(page)-1].User
	}
}

// due lists, by user, what was left alone for so many rounds, and leaves it alone anew.
func (c *comparison) due(patience int) (due []session.Session) {
	for _, w := range c.watched {
		if w.rounds++; w.rounds > patience {
			due, w.rounds = append(due, w.Session), 0
		}
	}
	slices.SortFunc(due, func(a, b session.Session) int { return cmp.Compare(a.User, b.User) })
	return due
}

// recall serves the user of a session that is still open and still missing, and says whether nothing more is to be done: while
// its worker may act, the user's next one is kept waiting. The database is asked last. A user who leaves is dismissed there
// before the index forgets the session, and must not be served.
func (k *Keeper) recall(ctx context.Context, s session.Session, r *Report) (settled bool, err error) {
	missing, err := k.missing(ctx, []session.Session{s})
	if err != nil || len(missing) == 0 {
		return err == nil, err
	}
	current, open, err := k.Authority.Current(ctx, s.User)
	switch {
	case err != nil:
		return false, fmt.Errorf("look up the session of %s: %w", s.User, err)
	case !open || current != s:
		return true, nil
	}
	r.Recalled++
	wait, err := k.claim(ctx, s.User, r)
	return err == nil && wait == 0, err
}
