package alpaca

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"workerfleet/runtime/order"
)

// keys are a user's credentials.
type keys struct {
	id, secret string
	paper      bool
}

// parse reads {"key": "…", "secret": "…", "paper": true}. All three are needed, because the default of the last one
// would be a guess about somebody's money, and others are refused. An error names the field and nothing of what was
// given, since a secret may stand in the wrong place; it is [order.ErrCredentials], because asking again is of no use.
func parse(credentials []byte) (k keys, err error) {
	var fields map[string]json.RawMessage
	if json.Unmarshal(credentials, &fields) != nil || fields == nil {
		return k, fmt.Errorf(`%w: they are not understood; allowed: {"key": TEXT, "secret": TEXT, "paper": true or false}`, order.ErrCredentials)
	}
	for _, f := range []struct {
		name string
		into any
		want string
		set  func() bool
	}{
		{"key", &k.id, "a text without spaces", func() bool { return word(k.id) }},
		{"secret", &k.secret, "a text without spaces", func() bool { return word(k.secret) }},
		{"paper", &k.paper, "true, false", func() bool { return !bytes.Equal(fields["paper"], []byte("null")) }},
	} {
		if json.Unmarshal(fields[f.name], f.into) != nil || !f.set() {
			return keys{}, fmt.Errorf("%w: %s: is missing or not allowed; allowed: %s", order.ErrCredentials, f.name, f.want)
		}
		delete(fields, f.name)
	}
	if len(fields) > 0 {
		return keys{}, fmt.Errorf("%w: a field is not allowed; allowed: key, secret, paper", order.ErrCredentials)
	}
	return k, nil
}

// word is a text that can stand in a header.
func word(s string) bool {
	return s != "" && strings.IndexFunc(s, func(r rune) bool { return r <= ' ' || r > '~' }) < 0
}
