package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// The command line library says what it does not know. These say what it does know instead.

// commandAllowed completes the refusal of a word that is no command.
func commandAllowed(root *cobra.Command, err error) error {
	said := err.Error()
	if !strings.HasPrefix(said, "unknown command ") {
		return err
	}
	if !strings.HasSuffix(said, fmt.Sprintf("for %q", root.Name())) { // a word after a command that takes none
		return fmt.Errorf("%w; allowed: flags only", err)
	}
	var names []string
	for _, c := range root.Commands() {
		if c.IsAvailableCommand() {
			names = append(names, c.Name())
		}
	}
	return fmt.Errorf("%w; allowed: %s", err, strings.Join(names, ", "))
}

// flagAllowed completes the refusal of a flag with those of the command that it was given to. The names are read from
// the command's usage, one line a flag.
func flagAllowed(c *cobra.Command, err error) error {
	if !strings.HasPrefix(err.Error(), "unknown ") {
		return err
	}
	c.InitDefaultHelpFlag()
	var names []string
	for line := range strings.Lines(c.LocalFlags().FlagUsages()) {
		_, flag, found := strings.Cut(line, "--")
		if name := strings.Fields(flag); found && len(name) > 0 {
			names = append(names, "--"+name[0])
		}
	}
	return fmt.Errorf("%w; allowed: %s", err, strings.Join(names, ", "))
}
