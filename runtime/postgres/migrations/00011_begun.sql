-- +goose Up
-- When the session began, for what was read then: began_at moves whenever the session is affirmed. Null in rows of earlier
-- releases.
ALTER TABLE user_session ADD COLUMN begun_at timestamptz;

-- +goose StatementBegin
CREATE OR REPLACE FUNCTION session_begin(who text, at_epoch bigint, on_worker text, on_host text, in_life bigint, after_ms bigint, kept_ms bigint) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO user_session AS s (user_id, epoch, worker, host, life, open, begun_at)
    VALUES (who, at_epoch, on_worker, on_host, in_life, true, now())
    ON CONFLICT (user_id) DO UPDATE
       SET epoch = excluded.epoch, worker = excluded.worker, host = excluded.host, life = excluded.life,
           open = true, began_at = now(), begun_at = now(), takeover_at = NULL, ending_at = NULL
     WHERE s.epoch < excluded.epoch
       AND (NOT s.open OR s.worker = excluded.worker OR s.takeover_at + after_ms * interval '1 millisecond' <= now()
           AND s.takeover_at + kept_ms * interval '1 millisecond' >= now());
    RETURN FOUND;
END
$$;
-- +goose StatementEnd

-- +goose Down
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION session_begin(who text, at_epoch bigint, on_worker text, on_host text, in_life bigint, after_ms bigint, kept_ms bigint) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO user_session AS s (user_id, epoch, worker, host, life, open)
    VALUES (who, at_epoch, on_worker, on_host, in_life, true)
    ON CONFLICT (user_id) DO UPDATE
       SET epoch = excluded.epoch, worker = excluded.worker, host = excluded.host, life = excluded.life,
           open = true, began_at = now(), takeover_at = NULL, ending_at = NULL
     WHERE s.epoch < excluded.epoch
       AND (NOT s.open OR s.worker = excluded.worker OR s.takeover_at + after_ms * interval '1 millisecond' <= now()
           AND s.takeover_at + kept_ms * interval '1 millisecond' >= now());
    RETURN FOUND;
END
$$;
-- +goose StatementEnd
ALTER TABLE user_session DROP COLUMN begun_at;
