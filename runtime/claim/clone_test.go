package claim

import (
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"
)

// A clone shares nothing that can change with what it was cloned from: no map and no worker's record. A field that is
// added to the index and forgotten in Clone is found by its type.
func TestClone(t *testing.T) {
	x := NewIndex()
	x.Open("data")
	x.Register(1, Registration{Worker: "w1", Host: "h1", Life: 1, Key: "k"}, DefaultTerms())
	c := x.Clone()
	require.Equal(t, x, c)
	require.NotSame(t, x.workers["w1"], c.workers["w1"])
	apart(t, reflect.ValueOf(*x), reflect.ValueOf(*c), "Index")
}

func apart(t *testing.T, a, b reflect.Value, name string) {
	switch a.Kind() {
	case reflect.Map:
		require.NotEqual(t, a.Pointer(), b.Pointer(), name)
	case reflect.Struct:
		for i := range a.NumField() {
			apart(t, a.Field(i), b.Field(i), name+"."+a.Type().Field(i).Name)
		}
	case reflect.Slice, reflect.Pointer, reflect.Chan:
		t.Errorf("%s is of a kind that Clone does not know", name)
	}
}
