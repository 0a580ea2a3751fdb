package names_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"workerfleet/components/names"
)

// limits are AWS's, written down a second time on purpose: a change of the package's table has to be meant.
var limits = map[names.Kind]struct {
	longest int
	form    *regexp.Regexp
}{
	names.Alarm:        {255, regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]*$`)},
	names.Alias:        {256, regexp.MustCompile(`^alias/[A-Za-z][A-Za-z0-9-]*$`)},
	names.Bucket:       {63, regexp.MustCompile(`^[a-z][a-z0-9-]*[a-z0-9]$|^[a-z]$`)},
	names.Cache:        {40, regexp.MustCompile(`^[a-z]([a-z0-9]|-[a-z0-9])*$`)},
	names.Database:     {63, regexp.MustCompile(`^[a-z]([a-z0-9]|-[a-z0-9])*$`)},
	names.FIFOQueue:    {80, regexp.MustCompile(`^[A-Za-z0-9_-]+\.fifo$`)},
	names.Function:     {64, regexp.MustCompile(`^[A-Za-z0-9_-]+$`)},
	names.LoadBalancer: {32, regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?$`)},
	names.LogGroup:     {512, regexp.MustCompile(`^[A-Za-z0-9._/#-]+$`)},
	names.Proxy:        {60, regexp.MustCompile(`^[a-z]([a-z0-9]|-[a-z0-9])*$`)},
	names.Queue:        {80, regexp.MustCompile(`^[A-Za-z0-9_-]+$`)},
	names.Repository:   {256, regexp.MustCompile(`^[a-z0-9]+([._/-][a-z0-9]+)*$`)},
	names.Role:         {64, regexp.MustCompile(`^[A-Za-z0-9+=,.@_-]+$`)},
	names.Rule:         {64, regexp.MustCompile(`^[A-Za-z0-9._-]+$`)},
	names.Topic:        {256, regexp.MustCompile(`^[A-Za-z0-9_-]+$`)},
}

// Whatever the parts are, a stated name is one that AWS takes, and the same parts give the same name.
func FuzzStated(f *testing.F) {
	f.Add("tier-100k", "network-vpc")
	f.Add("", "")
	f.Add("-internal-", "ÄÖÜ 漢字")
	f.Add(strings.Repeat("long-", 40), strings.Repeat("x", 600))
	f.Add("9-starts-with-a-digit", "--")
	f.Fuzz(func(t *testing.T, stack, logical string) {
		for kind, limit := range limits {
			name := names.Stated(kind, stack, logical)
			require.LessOrEqual(t, len(name), limit.longest, name)
			require.Regexp(t, limit.form, name)
			require.Equal(t, name, names.Stated(kind, stack, logical))
		}
	})
}

// A logical name that Fits accepts keeps within AWS's limit when the provider has put its suffix on.
func FuzzFits(f *testing.F) {
	f.Add("network-vpc")
	f.Add("order-tasks-dead")
	f.Add(strings.Repeat("x", 67))
	f.Add("ends-")
	f.Fuzz(func(t *testing.T, logical string) {
		for kind, limit := range limits {
			if names.Fits(kind, logical) != nil {
				continue
			}
			physical := logical + "-1a2b3c4"
			switch kind {
			case names.FIFOQueue:
				physical += ".fifo"
			case names.Alias:
				physical = "alias/" + physical
			}
			require.LessOrEqual(t, len(physical), limit.longest)
			require.Regexp(t, limit.form, physical)
		}
	})
}

// Names stay apart when they are shortened or cleaned, and stay readable when they need not be.
func TestStatedKeepsNamesApart(t *testing.T) {
	require.Equal(t, "tier-100-order-tasks", names.Stated(names.Alarm, "tier-100", "order-tasks"))
	long := strings.Repeat("a", 40)
	require.NotEqual(t, names.Stated(names.LoadBalancer, long, "x"), names.Stated(names.LoadBalancer, long, "y"))
	require.NotEqual(t, names.Stated(names.Cache, "Team", "x"), names.Stated(names.Cache, "team", "x"))
	require.NotEqual(t, names.Stated(names.Alarm, "a b", "x"), names.Stated(names.Alarm, "a-b", "x"))
	require.True(t, strings.HasPrefix(names.Stated(names.LoadBalancer, "tier-100", long), "tier-100-aaa"))
}

// A name that would be refused at deployment is refused before, with the limit.
func TestFitsSaysTheLimit(t *testing.T) {
	require.NoError(t, names.Fits(names.FIFOQueue, strings.Repeat("q", 67)))
	require.EqualError(t, names.Fits(names.FIFOQueue, strings.Repeat("q", 68)),
		`name: "`+strings.Repeat("q", 68)+`" has 68 characters; allowed for a FIFO queue: 1 to 67`)
	require.EqualError(t, names.Fits(names.Repository, "Api"),
		`name: "Api" is not allowed for an image repository; allowed: lower-case letters, digits, inner hyphens, a letter first`)
	require.Error(t, names.Fits(names.Queue, ""))
}
