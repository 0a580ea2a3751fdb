-- +goose NO TRANSACTION
-- +goose Up
-- Unknown orders whose look-ups were given up, for the user's next session. Orders are written meanwhile; what an attempt left
-- behind that gave way to them is no index yet.
DROP INDEX CONCURRENTLY IF EXISTS orders_given_up;
CREATE INDEX CONCURRENTLY orders_given_up ON orders (user_id) WHERE state = 'unknown' AND check_at IS NULL;

-- +goose Down
DROP INDEX CONCURRENTLY orders_given_up;
