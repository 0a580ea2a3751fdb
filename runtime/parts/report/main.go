// Command report prints which parts this machine lacks, and so what a test run has left out. Where WORKERFLEET_REQUIRE
// demands one of them it fails.
package main

import (
	"fmt"
	"io"
	"os"
	"slices"

	"workerfleet/runtime/parts"
)

func main() { os.Exit(report(os.Getenv(parts.Variable), parts.Find, os.Stdout)) }

func report(require string, find func(parts.Part) (string, bool), out io.Writer) int {
	required, err := parts.Required(require)
	if err != nil {
		fmt.Fprintln(out, err)
		return 2
	}
	code, complete := 0, true
	for _, d := range parts.All() {
		if _, ok := find(d.Part); ok {
			continue
		}
		complete = false
		note := ""
		if slices.Contains(required, d.Part) {
			code, note = 1, ", which "+parts.Variable+"="+require+" demands"
		}
		fmt.Fprintf(out, "left out: %s (%s)%s: %s\n", d.Part, d.Use, note, d.Install)
	}
	if complete {
		fmt.Fprintln(out, "nothing was left out: every part is installed")
	}
	return code
}
