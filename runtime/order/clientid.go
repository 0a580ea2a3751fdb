package order

import (
	"crypto/sha256"
	"encoding/base32"
	"strconv"
	"strings"

	"workerfleet/runtime/fleet"
)

// ClientID is the name under which one leg of an order is known at the broker: 26 letters and digits, the same
// whoever asks. Leg is 0 for an order that is no reversal. It is a hash, so that the broker learns no name of ours.
func ClientID(id fleet.OrderID, leg int) string {
	sum := sha256.Sum256([]byte("workerfleet order " + string(id) + " leg " + strconv.Itoa(leg)))
	return strings.ToLower(base32.StdEncoding.EncodeToString(sum[:])[:26])
}
