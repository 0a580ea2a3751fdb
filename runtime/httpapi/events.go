package httpapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/order"
)

// shownEvent is one change of an order.
type shownEvent struct {
	Number         uint64        `json:"number"`
	Order          fleet.OrderID `json:"order"`
	State          order.State   `json:"state"`
	Reason         string        `json:"reason,omitempty"`
	Symbol         string        `json:"symbol"`
	Quantity       string        `json:"quantity"`
	FilledQuantity string        `json:"filledQuantity"`
	At             time.Time     `json:"at"`
}

// Times of a stream of events.
const (
	eventsPause = 5 * time.Second  // between two looks, where no bell was heard
	streamLife  = 15 * time.Minute // no stream outlives its token by long
	keepAlive   = 15 * time.Second // between two signs of life, so that nothing on the way gives up
	eventsWrite = 10 * time.Second // for a client to take what is written
	eventsPage  = 256
)

// replicaPauses are those between looks after the bell: a reader may not have yet what the bell was rung for.
var replicaPauses = []time.Duration{20 * time.Millisecond, 100 * time.Millisecond, 400 * time.Millisecond, time.Second}

// events streams the user's events as server-sent events, from the one after Last-Event-ID, or after the query's after.
// The number of each is its id: who loses the connection goes on where it was.
func (a *api) events(w http.ResponseWriter, r *http.Request, user fleet.User) error {
	after, err := position(r)
	if err != nil {
		return err
	}
	rung, stop, err := a.Bell.listen(user)
	if err != nil {
		return err
	}
	defer stop()
	s := stream{ResponseWriter: w, control: http.NewResponseController(w)}
	s.Header().Set("Content-Type", "text/event-stream")
	s.Header().Set("Cache-Control", "no-store")
	s.WriteHeader(http.StatusOK)
	s.send(": connected\n\n")
	quiet, ends := time.Now(), time.After(streamLife)
	pauses := []time.Duration(nil)
	for s.err == nil {
		a.saw(user) // whoever listens is there
		found, err := a.Reader.Events(r.Context(), user, after, eventsPage)
		if err != nil {
			return nil // the answer has begun: the client asks again from where it is
		}
		for _, e := range found {
			after = e.Number
			s.event(e)
			quiet = time.Now()
		}
		if len(found) == eventsPage {
			continue
		}
		pause := eventsPause
		if len(found) > 0 {
			pauses = nil
		} else if len(pauses) > 0 {
			pause, pauses = pauses[0], pauses[1:]
		}
		if time.Since(quiet) >= keepAlive {
			s.send(": alive\n\n")
			quiet = time.Now()
		}
		select {
		case <-r.Context().Done():
			return nil
		case <-a.Ends:
			return nil
		case <-ends: // the client comes again, with a token that is good by then
			return nil
		case <-rung:
			pauses = replicaPauses
		case <-time.After(pause):
		}
	}
	return nil
}

// position is the number of the last event that the client has seen.
func position(r *http.Request) (uint64, error) {
	last := r.Header.Get("Last-Event-ID")
	if last == "" {
		return number(r, "after", 0, 1<<62)
	}
	after, err := strconv.ParseUint(last, 10, 62)
	if err != nil {
		return 0, &order.Invalid{Problems: []string{fmt.Sprintf("Last-Event-ID: %.32q is not allowed; allowed: the id of an event", last)}}
	}
	return after, nil
}

// stream writes events until a client does not take them.
type stream struct {
	http.ResponseWriter
	control *http.ResponseController
	err     error
}

func (s *stream) event(e order.Event) {
	text, err := json.Marshal(shownEvent{e.Number, e.Order, e.State, e.Reason, e.Symbol, e.Quantity, e.Filled, e.At})
	if err != nil {
		s.err = err
		return
	}
	s.send(fmt.Sprintf("id: %d\nevent: order\ndata: %s\n\n", e.Number, text))
}

func (s *stream) send(text string) {
	if s.err != nil {
		return
	}
	_ = s.control.SetWriteDeadline(time.Now().Add(eventsWrite)) // of a recorder in a test there is none
	if _, s.err = s.Write([]byte(text)); s.err == nil {
		s.err = s.control.Flush()
	}
	_ = s.control.SetWriteDeadline(time.Time{}) // over HTTP/2 one that passes ends the stream, although nobody writes
}
