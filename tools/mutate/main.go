// Command mutate takes each guard of the claims and the orders out of the code in turn, by an overlay that leaves the
// files as they are, and runs the test that should notice and the simulation's first seeds.
//
//	go run ./tools/mutate                   every guard
//	go run ./tools/mutate -only claim       those whose promise, file or test contains the text
//	go run ./tools/mutate -update           … and writes the tables of docs/correctness.md
//
// It ends with an error if a guard's text is not found once in its file, or if neither a test nor a seed notices.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "mutate:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("mutate", flag.ContinueOnError)
	only := flags.String("only", "", "guards whose promise, file or test contains this")
	update := flags.Bool("update", false, "write the tables into docs/correctness.md")
	seeds := flags.Int("seeds", 200, "how many seeds the simulation plays for each")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *update && *only != "" {
		return fmt.Errorf("-update with -only would write half a table")
	}
	var found []result
	uncaught := 0
	for _, g := range guards() {
		if !strings.Contains(g.promise+" "+g.file+" "+g.pkg+" "+g.tests, *only) {
			continue
		}
		r, err := g.try(ctx, *seeds)
		if err != nil {
			return fmt.Errorf("%s: %w", g.promise, err)
		}
		if !r.caught() {
			uncaught++
		}
		found = append(found, r)
		fmt.Fprintln(out, r)
	}
	if len(found) == 0 {
		return fmt.Errorf("-only %q: no guard's promise, file or test contains it", *only)
	}
	if *update {
		if err := write(page, found, *seeds); err != nil {
			return err
		}
	}
	if uncaught > 0 {
		return fmt.Errorf("%d of %d guards can be taken out, and nothing notices", uncaught, len(found))
	}
	fmt.Fprintf(out, "%d guards, each noticed\n", len(found))
	return nil
}
