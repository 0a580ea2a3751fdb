package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"workerfleet/runtime/claim"
	"workerfleet/runtime/fleet"
	"workerfleet/runtime/valkey"
)

// drainJSON is the object that `fleet drain --json` ends with.
type drainJSON struct {
	Host    fleet.Host    `json:"host,omitempty"`
	Worker  fleet.Worker  `json:"worker,omitempty"`
	Drained claim.Drainer `json:"drained,omitempty"` // in whose name; empty after --undo
	State   claim.State   `json:"state,omitempty"`   // of the worker
	Idle    int           `json:"idle"`              // retire now
	Busy    int           `json:"busy"`              // retire when their session ends
}

type drainFlags struct {
	choice
	worker      string
	undo, force bool
}

func drainCommand(s surroundings) *cobra.Command {
	f := drainFlags{choice: choice{surroundings: s}}
	c := &cobra.Command{
		Use:   "drain (HOST | --worker W)",
		Short: "Take a host or a worker out of service, or a host back into it",
		Long: "drain lets nobody new onto a host: what is idle retires at once and is replaced elsewhere, what serves retires\n" +
			"when its session ends. No session is ended. The keepers and the pool function carry it out.",
		Args: cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error {
			switch {
			case len(args) > 1, len(args) == 1 && f.worker != "", len(args) == 0 && f.worker == "":
				return errors.New("drain what? allowed: one HOST, or --worker W")
			case f.worker != "" && (f.undo || f.force):
				return errors.New("--worker takes neither --undo nor --force; allowed with: one HOST")
			}
			return f.use(c, func(ctx context.Context, store *valkey.Store) error {
				object, err := f.carryOut(ctx, store, args)
				if err != nil {
					return failure{err}
				}
				return f.print(c, object.table(), object)
			})
		},
	}
	f.flags(c)
	c.Flags().StringVar(&f.worker, "worker", "", "one worker `W` alone")
	c.Flags().BoolVar(&f.undo, "undo", false, "take the host back into service, whoever took it out")
	c.Flags().BoolVar(&f.force, "force", false, "drain the last host that is in service too")
	return c
}

func (f *drainFlags) carryOut(ctx context.Context, store *valkey.Store, args []string) (drainJSON, error) {
	if f.worker != "" {
		return withdraw(ctx, store, fleet.Worker(f.worker))
	}
	host := fleet.Host(args[0])
	if f.undo {
		undone, err := store.Undrain(ctx, host, "", terms())
		if err == nil && !undone {
			err = fmt.Errorf("host %s is not out of service", host)
		}
		return drainJSON{Host: host}, err
	}
	if err := f.allowed(ctx, store, host); err != nil {
		return drainJSON{}, err
	}
	known, err := store.Drain(ctx, host, claim.ByOperator)
	if err == nil && !known {
		err = fmt.Errorf("host %s is not registered; fleet workers lists those that are", host)
	}
	if err != nil {
		return drainJSON{}, err
	}
	object := drainJSON{Host: host, Drained: claim.ByOperator}
	all, err := everyWorker(ctx, store)
	for _, w := range all {
		switch {
		case w.Host != host:
		case w.User != "" || w.State == claim.Resetting:
			object.Busy++
		default:
			object.Idle++
		}
	}
	return object, err
}

// allowed keeps somebody from taking the whole fleet out of service, one host after the other.
func (f *drainFlags) allowed(ctx context.Context, store claim.Overview, host fleet.Host) error {
	hosts, err := store.Heard(ctx)
	if err != nil || f.force {
		return err
	}
	others := slices.ContainsFunc(hosts, func(h claim.Heard) bool { return h.Host != host && h.Drained == "" })
	known := slices.ContainsFunc(hosts, func(h claim.Heard) bool { return h.Host == host })
	if known && !others {
		return fmt.Errorf("host %s is the last one in service: nobody could be served; --force drains it all the same", host)
	}
	return nil
}

func withdraw(ctx context.Context, store claim.Drains, worker fleet.Worker) (drainJSON, error) {
	state, known, err := store.Withdraw(ctx, worker)
	if err == nil && !known {
		err = fmt.Errorf("worker %s is not registered; fleet workers --each lists those that are", worker)
	}
	object := drainJSON{Worker: worker, State: state}
	if state == claim.Draining {
		object.Idle = 1
	} else {
		object.Busy = 1
	}
	return object, err
}

func (o drainJSON) table() string {
	switch {
	case o.Worker != "" && o.State == claim.Draining:
		return fmt.Sprintf("%s was idle and retires now\n", o.Worker)
	case o.Worker != "":
		return fmt.Sprintf("%s is %s, and retires when its session ends\n", o.Worker, o.State)
	case o.Drained == "":
		return fmt.Sprintf("%s is in service again\n", o.Host)
	}
	return fmt.Sprintf("%s takes nobody new: %s now, %s when their sessions end\n", o.Host, retires(o.Idle), retires(o.Busy))
}

func retires(n int) string {
	if n == 1 {
		return "1 worker retires"
	}
	return fmt.Sprintf("%d workers retire", n)
}
