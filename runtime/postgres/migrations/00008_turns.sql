-- +goose Up
-- What every turn reads, as functions: their statements keep their plans in the server's own session, where a client of a
-- proxy has each of its own planned anew.

-- +goose StatementBegin
CREATE FUNCTION order_circumstances(who text) RETURNS TABLE (
    at timestamptz, halted boolean, suspended boolean, denied text, epoch bigint, worker text, host text, life bigint)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT clock_timestamp(), EXISTS (SELECT FROM halts WHERE user_id = who),
           EXISTS (SELECT FROM halts WHERE user_id = '') OR EXISTS (SELECT FROM operator_halts WHERE user_id = who),
           COALESCE((SELECT refused FROM credentials WHERE user_id = who AND refused_at >= updated_at), ''),
           COALESCE(s.epoch, 0::bigint), COALESCE(s.worker, ''), COALESCE(s.host, ''), COALESCE(s.life, 0::bigint)
      FROM (VALUES (1)) AS one LEFT JOIN user_session s ON s.user_id = who AND s.open AND s.ending_at IS NULL;
END
$$;
-- +goose StatementEnd

-- Each part is found by an index of its own, whoever the user is: one plan is as good for all.
-- +goose StatementBegin
CREATE FUNCTION order_sheet(who text, bound bigint, ids text[], named text) RETURNS TABLE (
    id text, sequence bigint, key text, digest text, symbol text, side text, quantity text, type text, limit_price text, time_in_force text,
    state text, proven boolean, reason text, epoch bigint, leg smallint, broker_id text, heard_epoch bigint, heard bigint,
    doubted boolean, counted boolean, cancel_asked boolean,
    emit_by timestamptz, check_at timestamptz, checks integer, valid_until timestamptz, accepted_at timestamptz, changed_at timestamptz,
    fill_leg smallint, fill_id text, fill_quantity text, fill_price text, fill_at timestamptz)
LANGUAGE plpgsql STABLE SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT o.id, o.sequence, o.key, o.digest, o.symbol, o.side, o.quantity::text, o.type, o.limit_price::text, o.time_in_force,
           o.state, o.proven, o.reason, o.epoch, o.leg, o.broker_id, o.heard_epoch, o.heard, o.doubted, o.counted, o.cancel_asked,
           o.emit_by, o.check_at, o.checks, o.valid_until, o.accepted_at, o.changed_at,
           f.leg, f.id, f.quantity::text, f.price::text, f.at
      FROM orders o LEFT JOIN fills f ON f.order_id = o.id
     WHERE o.id IN (
           (SELECT id FROM orders WHERE user_id = who AND state IN ('dispatched', 'unknown') AND check_at IS NOT NULL ORDER BY sequence LIMIT bound)
           UNION ALL (SELECT id FROM orders WHERE user_id = who AND state = 'accepted' ORDER BY sequence LIMIT bound)
           UNION ALL (SELECT id FROM orders WHERE user_id = who AND check_at <= statement_timestamp() ORDER BY check_at LIMIT bound)
           UNION ALL SELECT id FROM orders WHERE user_id = who AND id = ANY (ids)
           UNION ALL SELECT id FROM orders WHERE user_id = who AND key = named)
     ORDER BY o.sequence, f.at, f.leg, f.id;
END
$$;
-- +goose StatementEnd

-- +goose Down
DROP FUNCTION order_sheet;
DROP FUNCTION order_circumstances;
