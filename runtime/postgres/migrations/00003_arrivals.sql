-- +goose Up
-- How many users came in each minute: what the pool learns a week's habits from. Rows are kept for some weeks.
CREATE TABLE arrivals (
    minute bigint PRIMARY KEY, -- since 1970
    claims integer NOT NULL CHECK (claims > 0)
);

-- +goose Down
DROP TABLE arrivals;
