-- +goose Up
-- What is kept of a user beside the orders.
CREATE TABLE order_book (
    user_id TEXT PRIMARY KEY REFERENCES users,
    last    INTEGER NOT NULL DEFAULT 0,
    event   INTEGER NOT NULL DEFAULT 0,
    day     TEXT NOT NULL DEFAULT '',
    count   INTEGER NOT NULL DEFAULT 0
) STRICT;

-- Quantities and prices are decimal text: a REAL would round them.
CREATE TABLE orders (
    id            TEXT PRIMARY KEY,
    user_id       TEXT NOT NULL REFERENCES order_book,
    sequence      INTEGER NOT NULL CHECK (sequence > 0),
    key           TEXT NOT NULL,
    digest        TEXT NOT NULL,
    symbol        TEXT NOT NULL,
    side          TEXT NOT NULL,
    quantity      TEXT NOT NULL,
    type          TEXT NOT NULL,
    limit_price   TEXT NOT NULL,
    time_in_force TEXT NOT NULL,
    state         TEXT NOT NULL CHECK (state IN ('accepted', 'dispatched', 'working', 'unknown', 'filled', 'rejected', 'cancelled', 'expired')),
    proven        INTEGER NOT NULL CHECK (proven IN (0, 1)),
    reason        TEXT NOT NULL,
    epoch         INTEGER NOT NULL,
    leg           INTEGER NOT NULL CHECK (leg BETWEEN 0 AND 2),
    broker_id     TEXT NOT NULL,
    doubted       INTEGER NOT NULL DEFAULT 0,
    heard_epoch   INTEGER NOT NULL,
    heard         INTEGER NOT NULL,
    cancel_asked  INTEGER NOT NULL CHECK (cancel_asked IN (0, 1)),
    emit_by       INTEGER,
    check_at      INTEGER,
    checks        INTEGER NOT NULL,
    valid_until   INTEGER NOT NULL,
    accepted_at   INTEGER NOT NULL,
    changed_at    INTEGER NOT NULL,
    UNIQUE (user_id, key),
    UNIQUE (user_id, sequence)
) STRICT;
-- A user has one order at most that a worker is asked to execute, whatever the code above does.
CREATE UNIQUE INDEX orders_dispatched ON orders (user_id) WHERE state = 'dispatched';
CREATE INDEX orders_in_flight ON orders (user_id, sequence) WHERE state IN ('dispatched', 'unknown') AND check_at IS NOT NULL;
CREATE INDEX orders_accepted ON orders (user_id, sequence) WHERE state = 'accepted';
CREATE INDEX orders_due ON orders (check_at, user_id) WHERE check_at IS NOT NULL;
CREATE INDEX orders_due_of_user ON orders (user_id, check_at) WHERE check_at IS NOT NULL;

-- Executions, and what users were told: rows are added and never changed.
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
    user_id  TEXT NOT NULL,
    number   INTEGER NOT NULL,
    order_id TEXT NOT NULL,
    state    TEXT NOT NULL,
    reason   TEXT NOT NULL,
    filled   TEXT NOT NULL,
    quantity TEXT NOT NULL,
    symbol   TEXT NOT NULL,
    at       INTEGER NOT NULL,
    PRIMARY KEY (user_id, number)
) STRICT;

-- For whom orders are switched off; '' is everybody.
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
