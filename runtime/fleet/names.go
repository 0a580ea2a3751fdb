package fleet

import (
	"fmt"
	"strings"
)

// User is the identity that a session acts for, as the identity provider names it.
type User string

// Worker is a worker's name: its ECS task ARN, or a local process's name.
type Worker string

// Host is a worker host's name: its container instance ARN, or a local host's name.
type Host string

// longestName is the longest name that is taken, in bytes: task ARNs have about 130, subjects of identity providers
// up to 255.
const longestName = 255

// ParseUser takes a user's name.
func ParseUser(text string) (User, error) {
	return User(text), checkName("user", text)
}

// ParseWorker takes a worker's name.
func ParseWorker(text string) (Worker, error) {
	return Worker(text), checkName("worker", text)
}

// ParseHost takes a host's name.
func ParseHost(text string) (Host, error) {
	return Host(text), checkName("host", text)
}

// checkName refuses what would change the meaning of a key: braces choose a Valkey hash slot, and spaces and control
// characters break logs.
func checkName(field, text string) error {
	switch {
	case text == "":
		return fmt.Errorf("%s: is empty; allowed: 1 to %d printable ASCII characters but space, { and }", field, longestName)
	case len(text) > longestName:
		return fmt.Errorf("%s: has %d bytes; allowed: 1 to %d", field, len(text), longestName)
	case strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' || r == '{' || r == '}' }):
		return fmt.Errorf("%s: %q has characters that are not allowed; allowed: printable ASCII but space, { and }", field, text)
	}
	return nil
}
