-- +goose Up
-- The release before 00006 begins a session without a look at ending_at, which the one before it may have left: this release
-- would take the new session for one that ends, give its user no order under it, and end it. Only such a beginning is
-- touched, so that a row's other changes cost no more than the condition.
-- +goose StatementBegin
CREATE FUNCTION session_begins_anew() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.ending_at := NULL;
    RETURN NEW;
END
$$;
-- +goose StatementEnd
CREATE TRIGGER session_begins_anew BEFORE UPDATE ON user_session FOR EACH ROW
    WHEN (NEW.epoch <> OLD.epoch AND NEW.ending_at IS NOT NULL) EXECUTE FUNCTION session_begins_anew();

-- +goose Down
DROP TRIGGER session_begins_anew ON user_session;
DROP FUNCTION session_begins_anew;
