-- +goose Up
-- Unknown orders whose look-ups were given up, for the user's next session.
CREATE INDEX orders_given_up ON orders (user_id) WHERE state = 'unknown' AND check_at IS NULL;

-- +goose Down
DROP INDEX orders_given_up;
