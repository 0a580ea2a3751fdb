package protection

import (
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Level is the protection of one stack.
type Level string

const (
	// Strict keeps everything that holds data: destroying it takes a deliberate change first. It is the default.
	Strict Level = "strict"
	// Relaxed lets a stack be destroyed together with its data.
	Relaxed Level = "relaxed"
)

// Deletion windows of a KMS key in days; KMS takes 7 to 30. What a key encrypted is lost with it, so that the longest
// window is the one to want.
const (
	longestWindow  = 30
	shortestWindow = 7
)

// Validate says whether the level is a known one; the empty level counts as strict.
func (l Level) Validate() error {
	switch l {
	case "", Strict, Relaxed:
		return nil
	}
	return fmt.Errorf("protection: %q is not allowed; allowed: %s, %s", string(l), Strict, Relaxed)
}

// Protects says whether data must survive: deletion protection on, final snapshots taken, nothing deleted by force.
func (l Level) Protects() bool { return l != Relaxed }

// Option is the resource option of everything stateful.
func (l Level) Option() pulumi.ResourceOption { return pulumi.Protect(l.Protects()) }

// ForceDelete says whether a container of data – a repository, a bucket – may be deleted with its content.
func (l Level) ForceDelete() bool { return !l.Protects() }

// KeyDeletionDays is how long a deleted key can still be brought back.
func (l Level) KeyDeletionDays() int {
	if l.Protects() {
		return longestWindow
	}
	return shortestWindow
}
