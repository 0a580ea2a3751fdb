// Package failing has a test that fails.
package failing

import "testing"

func TestFails(t *testing.T) { t.Fail() }
