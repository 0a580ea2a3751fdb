package order_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/order"
)

func parse(body []byte) (order.Draft, error) {
	fields, err := order.ReadFields(body)
	if err != nil {
		return order.Draft{}, err
	}
	return fields.Draft()
}

// Words may be in any case, numbers numbers or text; what is not known is passed over.
func TestDraft(t *testing.T) {
	want := order.Draft{
		Key: "tv-1", Symbol: "BTC/USD", Side: fleet.Buy, Quantity: decimal.RequireFromString("1.5"), Type: fleet.Limit,
		LimitPrice: decimal.RequireFromString("100"), TimeInForce: fleet.ImmediateOrCancel,
	}
	for _, body := range []string{
		`{"id": "tv-1", "symbol": "btc/usd", "side": "BUY", "quantity": 1.5, "type": "Limit", "limitPrice": 100, "timeInForce": "IOC"}`,
		`{"id": " tv-1 ", "symbol": "BTC/USD", "side": "buy", "quantity": "1.50", "type": "limit", "limitPrice": "0100.0", "timeInForce": "ioc"}`,
		` {"secret": {"any": [1]}, "id": "tv-1", "symbol": "BTC/USD", "side": "buy", "quantity": "1.5", "type": "limit", "limitPrice": 1e2, "x": null}`,
	} {
		got, err := parse([]byte(body))
		if strings.Contains(body, "1e2") {
			require.ErrorContains(t, err, `limitPrice: "1e2" is not allowed`)
			continue
		}
		require.NoError(t, err, body)
		require.Equal(t, want.Digest(), got.Digest(), body)
		require.Equal(t, "tv-1", got.Key)
		require.Equal(t, "BTC/USD", got.Symbol)
	}
	least, err := parse([]byte(`{"symbol": "X", "side": "sell", "quantity": 1}`))
	require.NoError(t, err)
	require.Equal(t, fleet.Market, least.Type)
	require.Equal(t, fleet.Day, least.TimeInForce)
	require.Empty(t, least.Key)
	most, err := parse([]byte(`{"symbol": "X", "side": "reverse", "quantity": "999999999999.999999999", "limitPrice": null, "id": 17}`))
	require.NoError(t, err)
	require.Equal(t, "999999999999.999999999", most.Quantity.String())
	require.Equal(t, "17", most.Key)
}

// Each field of the order has a part in its digest, and how a number is written has none.
func TestDigest(t *testing.T) {
	base := order.Draft{Key: "k", Symbol: "X", Side: fleet.Buy, Quantity: decimal.NewFromInt(100), Type: fleet.Limit, LimitPrice: decimal.NewFromInt(5), TimeInForce: fleet.Day}
	seen := map[string]bool{base.Digest(): true}
	for name, change := range map[string]func(*order.Draft){
		"symbol": func(d *order.Draft) { d.Symbol = "Y" }, "side": func(d *order.Draft) { d.Side = fleet.Sell },
		"quantity": func(d *order.Draft) { d.Quantity = decimal.NewFromInt(10) }, "type": func(d *order.Draft) { d.Type = fleet.Market },
		"price": func(d *order.Draft) { d.LimitPrice = decimal.NewFromInt(50) }, "time": func(d *order.Draft) { d.TimeInForce = fleet.GoodTillCancelled },
	} {
		other := base
		change(&other)
		require.False(t, seen[other.Digest()], name)
		seen[other.Digest()] = true
	}
	base.Key, base.Quantity = "other", decimal.RequireFromString("100.000")
	require.True(t, seen[base.Digest()])
}

// A refusal names every field that is wrong, once, with what is allowed.
func TestDraftRefusals(t *testing.T) {
	good := `"symbol": "X", "side": "buy", "quantity": 1`
	for body, fields := range map[string][]string{
		`{}`: {"side", "symbol", "quantity"},
		`{"symbol": "a b", "side": "hold", "quantity": -1, "type": "stop", "timeInForce": "fok", "limitPrice": "x", "id": "a b"}`: {"id", "symbol", "side", "quantity", "type", "limitPrice", "timeInForce"},
		`{"symbol": {}, "side": [], "quantity": true, "type": false}`:                                                             {"symbol", "side", "quantity", "type"},
		`{"symbol": "{{ticker}}", "side": "buy", "quantity": "{{strategy.contracts}}"}`:                                           {"symbol", "quantity"},
		`{"symbol": "X", "side": "buy", "quantity": 0}`:                                                                           {"quantity"},
		`{"symbol": "X", "side": "buy", "quantity": "0.0"}`:                                                                       {"quantity"},
		`{"symbol": "X", "side": "buy", "quantity": 1e3}`:                                                                         {"quantity"},
		`{"symbol": "X", "side": "buy", "quantity": "1e999999999"}`:                                                               {"quantity"},
		`{"symbol": "X", "side": "buy", "quantity": "0x10"}`:                                                                      {"quantity"},
		`{"symbol": "X", "side": "buy", "quantity": "+1"}`:                                                                        {"quantity"},
		`{"symbol": "X", "side": "buy", "quantity": "1."}`:                                                                        {"quantity"},
		`{"symbol": "X", "side": "buy", "quantity": ".5"}`:                                                                        {"quantity"},
		`{"symbol": "X", "side": "buy", "quantity": "1.2.3"}`:                                                                     {"quantity"},
		`{"symbol": "X", "side": "buy", "quantity": "1,5"}`:                                                                       {"quantity"},
		`{"symbol": "X", "side": "buy", "quantity": "NaN"}`:                                                                       {"quantity"},
		`{"symbol": "X", "side": "buy", "quantity": "٣"}`:                                                                         {"quantity"},
		`{"symbol": "X", "side": "buy", "quantity": "1000000000000"}`:                                                             {"quantity"},
		`{"symbol": "X", "side": "buy", "quantity": "1.0000000001"}`:                                                              {"quantity"},
		`{` + good + `, "type": "limit"}`:                                                                                         {"limitPrice"},
		`{` + good + `, "limitPrice": 5}`:                                                                                         {"limitPrice"},
		`{"symbol": "X", "side": "reverse", "quantity": 1, "type": "limit", "limitPrice": 1}`:                                     {"type"},
		`{` + good + `, "id": "` + strings.Repeat("k", 65) + `"}`:                                                                 {"id"},
		`{` + good + `, "id": "ü"}`:                                                                                               {"id"},
		`{"symbol": "` + strings.Repeat("X", 33) + `", "side": "buy", "quantity": 1}`:                                             {"symbol"},
		`{` + good + `, "side": "sell"}`:                                                                                          {`"side"`},
		`{` + good + `, "x": 1, "\u0078": 2}`:                                                                                     {`"x"`},
		`{` + good + `} {}`:                                                                                                       {"body"},
		`{` + good + `,}`:                                                                                                         {"body"},
		`{` + good:                                                                                                                {"body"},
		`[]`:                                                                                                                      {"body"},
		`null`:                                                                                                                    {"body"},
		``:                                                                                                                        {"body"},
		`{"symbol": "X", "quantity": {{qty}}}`:                                                                                    {"body"},
		`{` + good + `, "note": "` + strings.Repeat("n", order.BodyLimit) + `"}`:                                                  {"body"},
	} {
		_, err := parse([]byte(body))
		var invalid *order.Invalid
		require.ErrorAs(t, err, &invalid, "%.100s", body)
		require.Equal(t, fields, named(invalid), "%.100s", body)
	}
	full := `{` + good + `, "note": "`
	_, err := parse([]byte(full + strings.Repeat("n", order.BodyLimit-len(full)-2) + `"}`))
	require.NoError(t, err, "a body may be as long as the limit")
}

// named are the fields that a refusal speaks of.
func named(invalid *order.Invalid) (fields []string) {
	for _, p := range invalid.Problems {
		field, _, _ := strings.Cut(p, ": ")
		fields = append(fields, field)
	}
	return fields
}

var known = regexp.MustCompile(`^(body|id|symbol|side|quantity|type|limitPrice|timeInForce|".*"): `)

// Any bytes are refused field by field, or are an order within the bounds that reads the same when it is written again.
func FuzzDraft(f *testing.F) {
	for _, seed := range []string{
		`{"id": "k", "symbol": "X", "side": "buy", "quantity": 1.5}`,
		`{"symbol": "X", "side": "sell", "quantity": "0.000000001", "type": "limit", "limitPrice": "1", "timeInForce": "gtc"}`,
		`{"symbol": "{{ticker}}", "side": "reverse", "quantity": 1e999999}`,
		`{"side": "buy", "\u0073ide": "sell"}`, `{"symbol": "\ud800", "quantity": "\u0000"}`, `{"quantity": -0}`, `[{}]`, `{1: 2}`, `{"a"`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		d, err := parse(body)
		if err != nil {
			var invalid *order.Invalid
			if !errors.As(err, &invalid) || len(invalid.Problems) == 0 {
				t.Fatalf("%v", err)
			}
			for _, p := range invalid.Problems {
				if !known.MatchString(p) || len(p) > 700 {
					t.Fatalf("a problem that names no field, or is long: %q", p)
				}
			}
			return
		}
		for _, amount := range []decimal.Decimal{d.Quantity, d.LimitPrice} {
			if amount.IsNegative() || amount.Exponent() < -9 || len(amount.BigInt().String()) > 12 {
				t.Fatalf("%s is out of bounds", amount)
			}
		}
		if d.Quantity.IsZero() || d.Symbol == "" || len(d.Key) > order.LongestKey {
			t.Fatalf("%+v is out of bounds", d)
		}
		again, err := json.Marshal(map[string]any{
			"id": d.Key, "symbol": strings.ToLower(d.Symbol), "side": d.Side, "quantity": fmt.Sprintf("0%s", d.Quantity.StringFixed(9)),
			"type": d.Type, "limitPrice": d.LimitPrice, "timeInForce": strings.ToUpper(string(d.TimeInForce)), "unknown": body,
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(d.Quantity.Truncate(0).String()) == 12 || len(again) > order.BodyLimit {
			return // no room for the zero, or for the copy
		}
		same, err := parse(again)
		if err != nil || same.Digest() != d.Digest() || same.Key != d.Key {
			t.Fatalf("%s is read as %+v, %v, after %+v", again, same, err, d)
		}
	})
}

// A name at the broker is 26 letters and digits, tells legs apart and shows nothing of the order's own.
func FuzzClientID(f *testing.F) {
	f.Add("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "ABCDEFGHIJKLMNOPQRSTUVWXYZ ")
	f.Add("", "1 leg 1")
	allowed := regexp.MustCompile(`^[a-z2-7]{26}$`)
	f.Fuzz(func(t *testing.T, a, b string) {
		seen := map[string]string{}
		for _, id := range []string{a, b} {
			for leg := range 3 {
				name, of := order.ClientID(fleet.OrderID(id), leg), fmt.Sprintf("%q %d", id, leg)
				if !allowed.MatchString(name) || name != order.ClientID(fleet.OrderID(id), leg) {
					t.Fatalf("%s has the name %q", of, name)
				}
				if other, taken := seen[name]; taken && other != of {
					t.Fatalf("%s and %s have the name %q", of, other, name)
				}
				seen[name] = of
			}
		}
	})
}
