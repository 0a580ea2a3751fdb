package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"

	"workerfleet/runtime/webhook"
)

// refuse notes an answer that says no. Whoever is told that the platform cannot answer now, or that too much is asked of it,
// asks again until it can ([day.send]), so no fault of a server ends here, and all users have accounts, valid tokens and
// orders that are understood: whatever is refused should have been taken. But for one: a sender that repeats an old delivery
// shows an old signature, which is good for five minutes. The order itself was accepted when it first came.
func (t *trading) refuse(a ask, answer answered, now time.Time) {
	if answer.status == http.StatusUnauthorized && len(t.named[a.name]) > 0 && aged(answer.signed, now) {
		t.stale++
		return
	}
	var told struct{ Title string }
	_ = json.Unmarshal(answer.body, &told) // an answer of whatever stands before the API has no title
	t.refused++
	t.refusals[fmt.Sprintf("%d %s", answer.status, told.Title)]++
}

// aged says that a delivery of that timestamp is too old by now; the API saw it earlier than that, so it may have been new there.
func aged(signed string, now time.Time) bool {
	seconds, err := strconv.ParseInt(signed, 10, 64)
	return err == nil && now.Sub(time.Unix(seconds, 0)) > webhook.Window
}

// printRefusals says what was refused, by the answers' titles.
func (s summary) printRefusals(w io.Writer) {
	for _, said := range slices.Sorted(maps.Keys(s.Refusals)) {
		fmt.Fprintf(w, "  refused      %s: %d\n", said, s.Refusals[said])
	}
}
