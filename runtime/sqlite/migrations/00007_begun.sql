-- +goose Up
-- When the session began, for what was read then: began_at moves whenever the session is affirmed. Null in rows of earlier
-- releases.
ALTER TABLE user_session ADD COLUMN begun_at INTEGER;

-- +goose Down
ALTER TABLE user_session DROP COLUMN begun_at;
