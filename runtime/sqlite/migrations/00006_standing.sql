-- +goose Up
-- When the user was last seen, and when the session's worker was told to end: the row keeps others out until it has.
ALTER TABLE user_session ADD COLUMN seen_at INTEGER;
ALTER TABLE user_session ADD COLUMN ending_at INTEGER;
CREATE INDEX user_session_ending ON user_session (ending_at) WHERE open AND ending_at IS NOT NULL;

-- An order may end twice: the broker's word replaces what was concluded without it. Its end is counted once.
ALTER TABLE orders ADD COLUMN counted INTEGER NOT NULL DEFAULT 0 CHECK (counted IN (0, 1));

-- Whose orders an operator has switched off. The user's own switch stands in halts, beside the operators' for everybody.
CREATE TABLE operator_halts (
    user_id TEXT PRIMARY KEY,
    reason  TEXT NOT NULL,
    since   INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000 AS INTEGER))
) STRICT;

-- Since when the broker refuses the credentials, and why; no more once others are kept. Processes of the release
-- before do not take it back: what is kept later than it counts anyhow.
ALTER TABLE credentials ADD COLUMN refused_at INTEGER;
ALTER TABLE credentials ADD COLUMN refused TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE credentials DROP COLUMN refused;
ALTER TABLE credentials DROP COLUMN refused_at;
DROP TABLE operator_halts;
DROP INDEX user_session_ending;
ALTER TABLE user_session DROP COLUMN ending_at;
ALTER TABLE user_session DROP COLUMN seen_at;
ALTER TABLE orders DROP COLUMN counted;
