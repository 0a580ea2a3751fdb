package order

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"workerfleet/runtime/fleet"
)

// BodyLimit is the most that a body which asks for an order may have, in bytes.
const BodyLimit = 16 << 10

// Draft is what a user asks for.
type Draft struct {
	// Key is the user's own name for the order; the same one is never executed twice.
	Key         string
	Symbol      string
	Side        fleet.Side
	Quantity    decimal.Decimal
	Type        fleet.OrderType
	LimitPrice  decimal.Decimal
	TimeInForce fleet.TimeInForce
}

// Digest is the same for drafts that ask for the same, however they wrote it.
func (d Draft) Digest() string {
	text := fmt.Sprintf("%q %s %s %s %s %s", d.Symbol, d.Side, canonical(d.Quantity), d.Type, canonical(d.LimitPrice), d.TimeInForce)
	sum := sha256.Sum256([]byte(text))
	return base64.RawStdEncoding.EncodeToString(sum[:])
}

// canonical writes 1, 1.0 and 1.00 alike.
func canonical(d decimal.Decimal) string {
	text := d.String()
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	return text
}

// Invalid is the refusal of a body: every problem that it has, each with the field's name.
type Invalid struct{ Problems []string }

func (e *Invalid) Error() string { return strings.Join(e.Problems, "; ") }

// Fields are the members of a JSON object, each once.
type Fields map[string]json.RawMessage

// ReadFields takes a body apart. A name that comes twice is refused: readers differ in which one they believe.
func ReadFields(body []byte) (Fields, error) {
	if len(body) > BodyLimit {
		return nil, &Invalid{[]string{fmt.Sprintf("body: has %d bytes; allowed: at most %d", len(body), BodyLimit)}}
	}
	notObject := &Invalid{[]string{"body: is no JSON object; allowed: {\"symbol\": …, \"side\": …, \"quantity\": …}"}}
	d := json.NewDecoder(bytes.NewReader(body))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return nil, notObject
	}
	fields := Fields{}
	for d.More() {
		name, err := d.Token()
		var value json.RawMessage
		if err != nil || d.Decode(&value) != nil {
			return nil, notObject
		}
		key := name.(string) // between the braces of an object, the decoder takes nothing else
		if _, twice := fields[key]; twice {
			return nil, &Invalid{[]string{fmt.Sprintf("%.64q: stands twice in the body; allowed: once", key)}}
		}
		fields[key] = value
	}
	if _, err := d.Token(); err != nil {
		return nil, notObject
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, notObject
	}
	return fields, nil
}

// Text returns a field's text, or a number as it was written; "" where it is absent or null.
func (f Fields) Text(name string) (string, error) {
	raw := f[name]
	if len(raw) == 0 || string(raw) == "null" {
		return "", nil
	}
	var text string
	switch raw[0] {
	case '"':
		if err := json.Unmarshal(raw, &text); err != nil {
			return "", fmt.Errorf("%s: is no text", name)
		}
	case '{', '[', 't', 'f':
		return "", fmt.Errorf("%s: is neither text nor a number", name)
	default:
		text = string(raw)
	}
	text = strings.TrimSpace(text)
	if strings.Contains(text, "{{") {
		return "", fmt.Errorf("%s: the placeholder %.64q was not filled in", name, text)
	}
	return text, nil
}

// Draft reads the order that the fields ask for; fields that it does not know are passed over. The error is [*Invalid].
func (f Fields) Draft() (Draft, error) {
	r := reading{fields: f}
	d := Draft{
		Key:         r.name("id", LongestKey, keyCharacter),
		Symbol:      strings.ToUpper(r.name("symbol", longestSymbol, symbolCharacter)),
		Side:        word(&r, "side", "", fleet.Buy, fleet.Sell, fleet.Reverse),
		Quantity:    r.amount("quantity"),
		Type:        word(&r, "type", fleet.Market, fleet.Market, fleet.Limit),
		LimitPrice:  r.amount("limitPrice"),
		TimeInForce: word(&r, "timeInForce", fleet.Day, fleet.Day, fleet.GoodTillCancelled, fleet.ImmediateOrCancel),
	}
	limited := !d.LimitPrice.IsZero()
	for _, rule := range []struct {
		broken      bool
		field, says string
	}{
		{d.Symbol == "", "symbol", "is missing; allowed: the broker's name of an instrument"},
		{d.Quantity.IsZero(), "quantity", "is missing or 0; allowed: above 0"},
		{d.Type == fleet.Limit && !limited, "limitPrice", "is missing or 0; allowed: above 0 with type limit"},
		{d.Type == fleet.Market && limited, "limitPrice", "is set; allowed: with type limit alone"},
		{d.Side == fleet.Reverse && d.Type == fleet.Limit, "type", "is limit; allowed: market with side reverse"},
	} {
		if rule.broken {
			r.problem(rule.field, "%s", rule.says)
		}
	}
	if len(r.problems) > 0 {
		return Draft{}, &Invalid{r.problems}
	}
	return d, nil
}

// Bounds of an order's fields, in bytes and digits.
const (
	LongestKey     = 64
	longestSymbol  = 32
	wholeDigits    = 12
	fractionDigits = 9
)

// IsKey says whether a text may be the name of an order.
func IsKey(text string) bool {
	return text != "" && len(text) <= LongestKey && !strings.ContainsFunc(text, func(r rune) bool { return !keyCharacter(r) })
}

func keyCharacter(r rune) bool    { return r > ' ' && r <= '~' }
func symbolCharacter(r rune) bool { return letterOrDigit(r) || strings.ContainsRune("._:/!-", r) }
func letterOrDigit(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
}

// reading collects the problems of fields as they are read.
type reading struct {
	fields   Fields
	problems []string
}

// problem keeps the first problem of each field: what follows from it is no news.
func (r *reading) problem(field, format string, args ...any) {
	if !slices.ContainsFunc(r.problems, func(p string) bool { return strings.HasPrefix(p, field+": ") }) {
		r.problems = append(r.problems, field+": "+fmt.Sprintf(format, args...))
	}
}

func (r *reading) text(name string) string {
	text, err := r.fields.Text(name)
	if err != nil {
		r.problem(name, "%s", strings.TrimPrefix(err.Error(), name+": "))
	}
	return text
}

func (r *reading) name(field string, longest int, allowed func(rune) bool) string {
	text := r.text(field)
	if len(text) > longest || strings.ContainsFunc(text, func(c rune) bool { return !allowed(c) }) {
		r.problem(field, "%.64q is not allowed; allowed: at most %d letters, digits and signs", text, longest)
		return ""
	}
	return text
}

// word reads one of the allowed words, in any case.
func word[T ~string](r *reading, field string, absent T, allowed ...T) T {
	text := strings.ToLower(r.text(field))
	if text == "" && absent != "" {
		return absent
	}
	if !slices.Contains(allowed, T(text)) {
		words := make([]string, len(allowed))
		for i, w := range allowed {
			words[i] = string(w)
		}
		r.problem(field, "%.64q is not allowed; allowed: %s", text, strings.Join(words, ", "))
	}
	return T(text)
}

// amount reads a decimal number: digits and at most one point. Exponents are refused, of which a short text can name a
// number that fills the memory.
func (r *reading) amount(field string) decimal.Decimal {
	text := r.text(field)
	if text == "" {
		return decimal.Zero
	}
	whole, fraction, point := strings.Cut(text, ".")
	digits := func(s string, most int) bool {
		return len(s) <= most && !strings.ContainsFunc(s, func(c rune) bool { return c < '0' || c > '9' })
	}
	d, err := decimal.NewFromString(text)
	if whole == "" || point && fraction == "" || !digits(whole, wholeDigits) || !digits(fraction, fractionDigits) || err != nil {
		r.problem(field, "%.64q is not allowed; allowed: a number above 0 of at most %d digits, and %d behind a point", text, wholeDigits, fractionDigits)
		return decimal.NewFromInt(1) // it has its problem already
	}
	return d
}
