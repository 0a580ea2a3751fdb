-- +goose Up
-- Times are Unix milliseconds, quantities and prices decimal text.
CREATE TABLE order_book (
    user_id TEXT PRIMARY KEY REFERENCES users ON DELETE CASCADE,
    last    INTEGER NOT NULL DEFAULT 0,
    event   INTEGER NOT NULL DEFAULT 0,
    day     TEXT NOT NULL DEFAULT '',
    count   INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE orders (
    id            TEXT PRIMARY KEY,
    user_id       TEXT NOT NULL REFERENCES users,
    sequence      INTEGER NOT NULL CHECK (sequence > 0),
    key           TEXT NOT NULL,
    digest        TEXT NOT NULL,
    symbol        TEXT NOT NULL,
    side          TEXT NOT NULL,
    quantity      TEXT NOT NULL,
    type          TEXT NOT NULL,
    limit_price   TEXT NOT NULL,
    time_in_force TEXT NOT NULL,
    state         TEXT NOT NULL,
    proven        INTEGER NOT NULL,
    reason        TEXT NOT NULL,
    epoch         INTEGER NOT NULL,
    leg           INTEGER NOT NULL,
    broker_id     TEXT NOT NULL,
    doubted       INTEGER NOT NULL,
    cancel_asked  INTEGER NOT NULL,
    emit_by       INTEGER,
    check_at      INTEGER,
    checks        INTEGER NOT NULL,
    valid_until   INTEGER NOT NULL,
    accepted_at   INTEGER NOT NULL,
    changed_at    INTEGER NOT NULL,
    UNIQUE (user_id, key),
    UNIQUE (user_id, sequence)
) STRICT;
CREATE UNIQUE INDEX orders_dispatched ON orders (user_id) WHERE state = 'dispatched';
CREATE INDEX orders_due ON orders (check_at) WHERE check_at IS NOT NULL;
CREATE INDEX orders_pending ON orders (user_id, sequence) WHERE check_at IS NOT NULL;
CREATE INDEX orders_accepted ON orders (accepted_at) WHERE state = 'accepted';

CREATE TABLE fills (
    order_id TEXT NOT NULL REFERENCES orders,
    leg      INTEGER NOT NULL,
    id       TEXT NOT NULL,
    quantity TEXT NOT NULL,
    price    TEXT NOT NULL,
    at       INTEGER NOT NULL,
    PRIMARY KEY (order_id, leg, id)
) STRICT;

CREATE TABLE order_events (
    user_id  TEXT NOT NULL REFERENCES users,
    number   INTEGER NOT NULL,
    order_id TEXT NOT NULL,
    state    TEXT NOT NULL,
    reason   TEXT NOT NULL,
    symbol   TEXT NOT NULL,
    quantity TEXT NOT NULL,
    filled   TEXT NOT NULL,
    at       INTEGER NOT NULL,
    PRIMARY KEY (user_id, number)
) STRICT;

CREATE TABLE halts (
    user_id TEXT PRIMARY KEY,
    reason  TEXT NOT NULL,
    since   INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000 AS INTEGER))
) STRICT;

-- +goose Down
DROP TABLE halts;
DROP TABLE order_events;
DROP TABLE fills;
DROP TABLE orders;
DROP TABLE order_book;
