package httpapi

import (
	"encoding/json"
	"fmt"
	"net/http"
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
	keepAlive   = 15 * time.Second // between two signs of life, so that nothing on the way gives up
	eventsWrite = 10 * time.Second // for a client to take what is written
	eventsPage  = 256
)

// events streams the user's events as server-sent events, from the one after Last-Event-ID, or after the query's after.
// The number of each is its id: who loses the connection goes on where it was.
func (a *api) events(w http.ResponseWriter, r *http.Request, user fleet.User) error {
	after, err := number(r, "after", 0, 1<<62)
	if err != nil {
		return err
	}
	if last := r.Header.Get("Last-Event-ID"); last != "" {
		if _, err := fmt.Sscanf(last+"\n", "%d\n", &after); err != nil {
			return &order.Invalid{Problems: []string{fmt.Sprintf("Last-Event-ID: %.32q is not allowed; allowed: the id of an event", last)}}
		}
	}
	s := stream{ResponseWriter: w, control: http.NewResponseController(w)}
	s.Header().Set("Content-Type", "text/event-stream")
	s.Header().Set("Cache-Control", "no-store")
	s.WriteHeader(http.StatusOK)
	s.send(": connected\n\n")
	rung, stop := a.Bell.listen(user)
	defer stop()
	quiet := time.Now()
	for s.err == nil {
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
		if time.Since(quiet) >= keepAlive {
			s.send(": alive\n\n")
			quiet = time.Now()
		}
		select {
		case <-r.Context().Done():
			return nil
		case <-a.Ends:
			return nil
		case <-rung:
		case <-time.After(eventsPause):
		}
	}
	return nil
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
}
