-- +goose Up
-- What every claim asks. A proxy lets no client keep a plan, so each call of these was planned anew, which took most of its
-- time; a function's statements keep theirs in the server's own session.

-- The lowest number that an order of the user may still come with: the lowest of each kind that may, and the one after the
-- last. Working orders are looked up soon, the first of them, one after the other. It waits for no turn, whose order of locks
-- is another one: what a turn has in its hands is looked at as that turn says.
-- +goose StatementBegin
CREATE FUNCTION order_begin_at(who text, looks bigint, pause_ms bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    following bigint;
BEGIN
    SELECT last + 1 INTO following FROM order_book WHERE user_id = who;
    IF following IS NULL THEN
        RETURN 1; -- without a book there is no order
    END IF;
    WITH working AS (
        SELECT id, sequence FROM orders WHERE user_id = who AND state = 'working' AND check_at > statement_timestamp()
         ORDER BY sequence LIMIT looks FOR UPDATE SKIP LOCKED),
    soon AS (SELECT id, statement_timestamp() + row_number() OVER (ORDER BY sequence) * pause_ms * interval '1 millisecond' AS at FROM working)
    UPDATE orders o SET check_at = soon.at FROM soon WHERE o.id = soon.id AND o.check_at > soon.at;
    RETURN LEAST(following,
        (SELECT min(sequence) FROM orders WHERE user_id = who AND state = 'accepted'),
        (SELECT min(sequence) FROM orders WHERE user_id = who AND state IN ('dispatched', 'unknown') AND check_at IS NOT NULL));
END
$$;
-- +goose StatementEnd

-- Writes the row where the epoch rises and nobody else may act, and says whether it did.
-- +goose StatementBegin
CREATE FUNCTION session_begin(who text, at_epoch bigint, on_worker text, on_host text, in_life bigint, after_ms bigint) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO user_session AS s (user_id, epoch, worker, host, life, open)
    VALUES (who, at_epoch, on_worker, on_host, in_life, true)
    ON CONFLICT (user_id) DO UPDATE
       SET epoch = excluded.epoch, worker = excluded.worker, host = excluded.host, life = excluded.life,
           open = true, began_at = now(), takeover_at = NULL, ending_at = NULL
     WHERE s.epoch < excluded.epoch
       AND (NOT s.open OR s.worker = excluded.worker OR s.takeover_at + after_ms * interval '1 millisecond' <= now());
    RETURN FOUND;
END
$$;
-- +goose StatementEnd

-- +goose Down
DROP FUNCTION session_begin;
DROP FUNCTION order_begin_at;
