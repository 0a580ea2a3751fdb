package sqlite

import (
	"context"
	"fmt"
	"time"

	"workerfleet/runtime/fleet"
	"workerfleet/runtime/session"
)

var _ session.Presence = (*Database)(nil)

// Seen: see [session.Presence].
func (d *Database) Seen(ctx context.Context, user fleet.User, pace time.Duration) error {
	_, err := d.db.ExecContext(ctx, `
UPDATE user_session SET seen_at = `+now+`
 WHERE user_id = ?1 AND open AND ending_at IS NULL AND max(COALESCE(seen_at, 0), began_at) <= `+now+` - ?2`, string(user), pace.Milliseconds())
	if err != nil {
		return fmt.Errorf("note that %s was seen: %w", user, err)
	}
	return nil
}

// idle: an order that may change has a moment at which it is looked at next. The last one counts for some time after its
// end, too.
const idle = `
SELECT s.user_id, s.epoch, s.worker, s.host, s.life FROM user_session s
 WHERE s.open AND s.ending_at IS NULL AND s.user_id > ?2 AND max(COALESCE(s.seen_at, 0), s.began_at) <= ` + now + ` - ?1
   AND NOT EXISTS (SELECT 1 FROM orders o WHERE o.user_id = s.user_id AND o.check_at IS NOT NULL)
   AND COALESCE((SELECT o.changed_at FROM orders o WHERE o.user_id = s.user_id ORDER BY o.sequence DESC LIMIT 1) <= ` + now + ` - ?1, 1)
 ORDER BY s.user_id LIMIT ?3`

// Idle: see [session.Presence].
func (d *Database) Idle(ctx context.Context, unseen time.Duration, after fleet.User, limit int) ([]session.Session, error) {
	sessions, err := d.sessions(ctx, idle, unseen.Milliseconds(), string(after), limit)
	if err != nil {
		return nil, fmt.Errorf("list idle sessions: %w", err)
	}
	return sessions, nil
}

// Dismissed: see [session.Presence].
func (d *Database) Dismissed(ctx context.Context, within time.Duration, limit int) ([]session.Session, error) {
	sessions, err := d.sessions(ctx, `
SELECT user_id, epoch, worker, host, life FROM user_session WHERE open AND ending_at > `+now+` - ? ORDER BY ending_at DESC LIMIT ?`,
		within.Milliseconds(), limit)
	if err != nil {
		return nil, fmt.Errorf("list dismissed sessions: %w", err)
	}
	return sessions, nil
}
