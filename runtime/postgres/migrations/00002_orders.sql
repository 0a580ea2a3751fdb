-- +goose Up
-- What is kept of a user beside the orders. Every turn locks its user's row; the free half of a page lets it be rewritten
-- in place.
CREATE TABLE order_book (
    user_id text PRIMARY KEY REFERENCES users,
    last    bigint NOT NULL DEFAULT 0,
    event   bigint NOT NULL DEFAULT 0,
    day     text NOT NULL DEFAULT '',
    count   integer NOT NULL DEFAULT 0
) WITH (fillfactor = 50);

CREATE TABLE orders (
    id            text PRIMARY KEY,
    user_id       text NOT NULL REFERENCES order_book,
    sequence      bigint NOT NULL CHECK (sequence > 0),
    key           text NOT NULL,
    digest        text NOT NULL,
    symbol        text NOT NULL,
    side          text NOT NULL,
    quantity      numeric NOT NULL CHECK (quantity > 0),
    type          text NOT NULL,
    limit_price   numeric NOT NULL CHECK (limit_price >= 0),
    time_in_force text NOT NULL,
    state         text NOT NULL CHECK (state IN ('accepted', 'dispatched', 'working', 'unknown', 'filled', 'rejected', 'cancelled', 'expired')),
    proven        boolean NOT NULL,
    reason        text NOT NULL,
    epoch         bigint NOT NULL,
    leg           smallint NOT NULL CHECK (leg BETWEEN 0 AND 2),
    broker_id     text NOT NULL,
    doubted       boolean NOT NULL DEFAULT false,
    heard_epoch   bigint NOT NULL,
    heard         bigint NOT NULL,
    cancel_asked  boolean NOT NULL,
    emit_by       timestamptz,
    check_at      timestamptz,
    checks        integer NOT NULL,
    valid_until   timestamptz NOT NULL,
    accepted_at   timestamptz NOT NULL,
    changed_at    timestamptz NOT NULL,
    UNIQUE (user_id, key),
    UNIQUE (user_id, sequence)
);
-- A user has one order at most that a worker is asked to execute, whatever the code above does.
CREATE UNIQUE INDEX orders_dispatched ON orders (user_id) WHERE state = 'dispatched';
CREATE INDEX orders_in_flight ON orders (user_id, sequence) WHERE state IN ('dispatched', 'unknown') AND check_at IS NOT NULL;
CREATE INDEX orders_accepted ON orders (user_id, sequence) INCLUDE (accepted_at) WHERE state = 'accepted';
CREATE INDEX orders_due ON orders (check_at, user_id) WHERE check_at IS NOT NULL;
CREATE INDEX orders_due_of_user ON orders (user_id, check_at) WHERE check_at IS NOT NULL;

-- Executions, and what users were told: rows are added and never changed.
CREATE TABLE fills (
    order_id text NOT NULL REFERENCES orders,
    leg      smallint NOT NULL,
    id       text NOT NULL,
    quantity numeric NOT NULL,
    price    numeric NOT NULL,
    at       timestamptz NOT NULL,
    PRIMARY KEY (order_id, leg, id)
);
CREATE TABLE order_events (
    user_id  text NOT NULL,
    number   bigint NOT NULL,
    order_id text NOT NULL,
    state    text NOT NULL,
    reason   text NOT NULL,
    filled   text NOT NULL,
    quantity text NOT NULL,
    symbol   text NOT NULL,
    at       timestamptz NOT NULL,
    PRIMARY KEY (user_id, number)
);

-- For whom orders are switched off; '' is everybody.
CREATE TABLE halts (
    user_id text PRIMARY KEY,
    reason  text NOT NULL,
    since   timestamptz NOT NULL DEFAULT now()
);

-- +goose Down
DROP TABLE halts;
DROP TABLE order_events;
DROP TABLE fills;
DROP TABLE orders;
DROP TABLE order_book;
