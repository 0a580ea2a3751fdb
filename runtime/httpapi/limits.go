package httpapi

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"workerfleet/runtime/fleet"
)

// tooFast is the refusal of a request beyond its rate.
type tooFast struct{ wait time.Duration }

func (e *tooFast) Error() string {
	return fmt.Sprintf("too many requests; allowed: another one in %s", e.wait)
}

// limit refuses a request beyond what its user and address may do. A store that does not answer refuses nobody: the
// limits spare the platform, they do not guard it.
func (a *api) limit(r *http.Request, user fleet.User, address string) error {
	if a.Limit == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(r.Context(), limitPatience)
	defer cancel()
	wait, err := a.Limit(ctx, user, address)
	switch {
	case err != nil:
		slog.WarnContext(r.Context(), "rates are not limited", "error", err)
		return nil
	case wait > 0:
		return &tooFast{wait}
	}
	return nil
}

// limitPatience is how long a request waits to hear whether it may go on.
const limitPatience = 250 * time.Millisecond

// addressOf is where a request comes from: what the load balancer has added to the header last, or the connection's
// other end where there is none before this process.
func addressOf(r *http.Request) string {
	if forwarded := r.Header.Values("X-Forwarded-For"); len(forwarded) > 0 {
		all := strings.Split(forwarded[len(forwarded)-1], ",")
		return strings.TrimSpace(all[len(all)-1])
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
