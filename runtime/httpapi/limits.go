package httpapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
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

// refusals remembers addresses that were refused and name no user. Until they may ask again nothing is asked for them: to
// check a token costs more than to refuse it.
type refusals struct {
	mu    sync.Mutex
	until map[string]time.Time
}

// refusalsMost bounds what is remembered. Beyond it everything is forgotten, which costs some checks.
const refusalsMost = 4096

func newRefusals() *refusals { return &refusals{until: map[string]time.Time{}} }

func (f *refusals) refused(address string, err error) {
	var fast *tooFast
	if !errors.As(err, &fast) {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.until) >= refusalsMost {
		clear(f.until)
	}
	f.until[address] = time.Now().Add(fast.wait)
}

func (f *refusals) refuses(address string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if wait := time.Until(f.until[address]); wait > 0 {
		return &tooFast{wait}
	}
	delete(f.until, address)
	return nil
}

// limitPatience is how long a request waits to hear whether it may go on.
const limitPatience = 250 * time.Millisecond

// addressOf is where a request comes from: what the load balancer has added to the header last, or the connection's
// other end where there is none before this process. What is no address in the header is somebody's invention.
func addressOf(r *http.Request) string {
	if forwarded := r.Header.Values("X-Forwarded-For"); len(forwarded) > 0 {
		all := strings.Split(forwarded[len(forwarded)-1], ",")
		last := strings.TrimSpace(all[len(all)-1])
		if address, err := netip.ParseAddr(last); err == nil && address.Zone() == "" {
			return address.Unmap().String()
		}
		if address, err := netip.ParseAddrPort(last); err == nil && address.Addr().Zone() == "" {
			return address.Addr().Unmap().String()
		}
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
