package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"workerfleet/runtime/claim"
	"workerfleet/runtime/fleet"
	"workerfleet/runtime/keeper"
	"workerfleet/runtime/valkey"
)

// claimsJSON is the object that `fleet claims --json` ends with.
type claimsJSON struct {
	Now      time.Time       `json:"now"` // the index's
	Open     bool            `json:"open"`
	Claims   []workerJSON    `json:"claims"`
	Waiting  []waiterJSON    `json:"waiting"`
	Queued   int             `json:"queued"` // all who wait; at most the first of them are listed
	Decision keeper.Decision `json:"decision"`
	Learned  bool            `json:"learned"` // the prediction knows the coming minutes of past weeks
	Calls    int             `json:"calls"`   // that the shared bucket holds
}

type waiterJSON struct {
	User  fleet.User `json:"user"`
	Rank  int        `json:"rank"`
	Since time.Time  `json:"since"`
	Until time.Time  `json:"until"`
}

// waitersListed bounds the queue's part that is listed.
const waitersListed = 500

func claimsCommand(s surroundings) *cobra.Command {
	chosen := choice{surroundings: s}
	var user string
	c := &cobra.Command{
		Use: "claims", Short: "Who holds which worker, who waits, and what was decided last, in words", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return chosen.use(c, func(ctx context.Context, store *valkey.Store) error {
				object, err := claims(ctx, store, fleet.User(user))
				if err != nil {
					return failure{err}
				}
				return chosen.print(c, object.table(), object)
			})
		},
	}
	chosen.flags(c)
	c.Flags().StringVar(&user, "user", "", "only this `USER`")
	return c
}

// source is what claims are read from.
type source interface {
	claim.Overview
	Stock(ctx context.Context, t claim.Terms) (claim.Stocktake, error)
}

func claims(ctx context.Context, store source, user fleet.User) (claimsJSON, error) {
	stock, err := store.Stock(ctx, terms())
	if err != nil {
		return claimsJSON{}, err
	}
	o := claimsJSON{Now: stock.Now, Open: stock.Open, Queued: stock.Waiting, Calls: stock.Calls, Waiting: []waiterJSON{}}
	if o.Decision, err = keeper.Last(stock.Text); err != nil {
		return o, err
	}
	o.Learned = keeper.Learned(stock.Text, stock.Now)
	all, err := everyWorker(ctx, store)
	if err != nil {
		return o, err
	}
	var held []claim.Listed
	for _, w := range all {
		if w.User != "" && (user == "" || w.User == user) {
			held = append(held, w)
		}
	}
	o.Claims = listed(held)
	waiting, err := store.Waiting(ctx, 0, waitersListed)
	if err != nil {
		return o, err
	}
	for _, w := range waiting {
		if user == "" || w.User == user {
			o.Waiting = append(o.Waiting, waiterJSON(w))
		}
	}
	return o, nil
}

func (o claimsJSON) table() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %s waiting%s\n", counted(len(o.Claims), "session"), counted(o.Queued, "user"), map[bool]string{false: "; the pool is being rebuilt and binds nobody"}[o.Open])
	if len(o.Claims) > 0 {
		rows := []string{"user\tworker\thost\tstate\tepoch\tlease"}
		for _, w := range o.Claims {
			rows = append(rows, fmt.Sprintf("%s\t%s\t%s\t%s\t%s\t%s", w.User, w.Worker, w.Host, w.State, w.Epoch, clock(w.Lease)))
		}
		section(&b, "Who holds what", rows)
	}
	if len(o.Waiting) > 0 {
		rows := []string{"rank\tuser\tsince\tplace kept until"}
		for _, w := range o.Waiting {
			rows = append(rows, fmt.Sprintf("%d\t%s\t%s\t%s", w.Rank, w.User, clock(w.Since), clock(w.Until)))
		}
		section(&b, "Who waits", rows)
	}
	section(&b, "The last decision", o.decision())
	return b.String()
}

func (o claimsJSON) decision() []string {
	if o.Decision.At.IsZero() {
		return []string{"nobody has decided anything yet: neither a keeper nor the pool function has made a round"}
	}
	rows := []string{fmt.Sprintf("%v ago\t%d idle wanted: %s", o.Now.Sub(o.Decision.At).Round(time.Millisecond), o.Decision.Target, o.Decision.Reason)}
	for _, said := range o.Decision.Said {
		rows = append(rows, "\t"+said)
	}
	if len(o.Decision.Said) == 0 {
		rows = append(rows, "\tnothing to do")
	}
	history := "knows the coming minutes of past weeks"
	if !o.Learned {
		history = "knows no past week yet"
	}
	return append(rows, "\tthe prediction "+history, fmt.Sprintf("\t%s in the bucket for launching and stopping", counted(o.Calls, "call")))
}
