-- +goose Up
-- Unknown orders whose look-ups were given up are looked up anew when the user's next session begins.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION order_begin_at(who text, looks bigint, pause_ms bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    following bigint;
BEGIN
    SELECT last + 1 INTO following FROM order_book WHERE user_id = who;
    IF following IS NULL THEN
        RETURN 1; -- without a book there is no order
    END IF;
    UPDATE orders SET check_at = statement_timestamp() + pause_ms * interval '1 millisecond', checks = 0
     WHERE id IN (SELECT id FROM orders WHERE user_id = who AND state = 'unknown' AND check_at IS NULL FOR UPDATE SKIP LOCKED);
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

-- +goose Down
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION order_begin_at(who text, looks bigint, pause_ms bigint) RETURNS bigint LANGUAGE plpgsql AS $$
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
