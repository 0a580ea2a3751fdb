-- +goose Up
-- What every claim asks, for many users in one call: those who come at once are asked for together.

-- Each element is a session; the answer says in its place whether the row was written. Rows are locked in one order, or two
-- of these could wait for each other.
-- +goose StatementBegin
CREATE FUNCTION sessions_begin(whos text[], epochs bigint[], workers text[], hosts text[], lives bigint[], afters_ms bigint[], kepts_ms bigint[])
RETURNS boolean[] LANGUAGE plpgsql AS $$
DECLARE
    begun boolean[] := array_fill(false, ARRAY[cardinality(whos)]);
    one record;
BEGIN
    FOR one IN
        SELECT * FROM unnest(whos, epochs, workers, hosts, lives, afters_ms, kepts_ms) WITH ORDINALITY
            AS s (who, epoch, worker, host, life, after_ms, kept_ms, place) ORDER BY who, place
    LOOP
        begun[one.place] := session_begin(one.who, one.epoch, one.worker, one.host, one.life, one.after_ms, one.kept_ms);
    END LOOP;
    RETURN begun;
END
$$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION orders_begin_at(whos text[], looks bigint, pause_ms bigint) RETURNS bigint[] LANGUAGE plpgsql AS $$
DECLARE
    lowest bigint[];
    who text;
BEGIN
    FOREACH who IN ARRAY whos LOOP
        lowest := lowest || order_begin_at(who, looks, pause_ms);
    END LOOP;
    RETURN lowest;
END
$$;
-- +goose StatementEnd

-- What is kept for each of the users, in their order; of who has none all is null.
-- +goose StatementBegin
CREATE FUNCTION credentials_of(whos text[]) RETURNS TABLE (ciphertext bytea, refused_since timestamptz, refused text)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT c.ciphertext, CASE WHEN c.refused_at >= c.updated_at THEN c.refused_at END, c.refused
      FROM unnest(whos) WITH ORDINALITY AS u (who, place) LEFT JOIN credentials c ON c.user_id = u.who ORDER BY u.place;
END
$$;
-- +goose StatementEnd

-- +goose Down
DROP FUNCTION credentials_of;
DROP FUNCTION orders_begin_at;
DROP FUNCTION sessions_begin;
