-- +goose Up
CREATE TABLE arrivals (
    minute INTEGER PRIMARY KEY,
    claims INTEGER NOT NULL CHECK (claims > 0)
) STRICT;

-- +goose Down
DROP TABLE arrivals;
