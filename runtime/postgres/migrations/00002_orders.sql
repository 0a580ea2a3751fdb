-- +goose Up
-- What is kept of a user beside the orders. Its row is what a turn locks.
CREATE TABLE order_book (
    user_id text PRIMARY KEY REFERENCES users ON DELETE CASCADE,
    last    bigint NOT NULL DEFAULT 0,
    event   bigint NOT NULL DEFAULT 0,
    day     text NOT NULL DEFAULT '',
    count   integer NOT NULL DEFAULT 0
);

CREATE TABLE orders (
    id            text PRIMARY KEY,
    user_id       text NOT NULL REFERENCES users,
    sequence      bigint NOT NULL CHECK (sequence > 0),
    key           text NOT NULL,
    digest        text NOT NULL,
    symbol        text NOT NULL,
    side          text NOT NULL,
    quantity      numeric NOT NULL CHECK (quantity > 0),
    type          text NOT NULL,
    limit_price   numeric NOT NULL,
    time_in_force text NOT NULL,
    state         text NOT NULL,
    proven        boolean NOT NULL,
    reason        text NOT NULL,
    epoch         bigint NOT NULL,
    leg           smallint NOT NULL,
    broker_id     text NOT NULL,
    doubted       boolean NOT NULL,
    cancel_asked  boolean NOT NULL,
    emit_by       timestamptz,
    -- When the order is looked at next, and how often that was done in this state.
    check_at      timestamptz,
    checks        integer NOT NULL,
    valid_until   timestamptz NOT NULL,
    accepted_at   timestamptz NOT NULL,
    changed_at    timestamptz NOT NULL,
    UNIQUE (user_id, key),
    UNIQUE (user_id, sequence)
);
-- A user has one order on the way to the broker, whatever a turn decides.
CREATE UNIQUE INDEX orders_dispatched ON orders (user_id) WHERE state = 'dispatched';
CREATE INDEX orders_due ON orders (check_at) WHERE check_at IS NOT NULL;
CREATE INDEX orders_pending ON orders (user_id, sequence) WHERE check_at IS NOT NULL;
CREATE INDEX orders_accepted ON orders (accepted_at) WHERE state = 'accepted';

CREATE TABLE fills (
    order_id text NOT NULL REFERENCES orders,
    leg      smallint NOT NULL,
    id       text NOT NULL,
    quantity numeric NOT NULL,
    price    numeric NOT NULL,
    at       timestamptz NOT NULL,
    PRIMARY KEY (order_id, leg, id)
);

-- Every change of every order, numbered for its user: what users are told, and what auditors read. Rows are only added.
CREATE TABLE order_events (
    user_id  text NOT NULL REFERENCES users,
    number   bigint NOT NULL,
    order_id text NOT NULL,
    state    text NOT NULL,
    reason   text NOT NULL,
    symbol   text NOT NULL,
    quantity text NOT NULL,
    filled   text NOT NULL,
    at       timestamptz NOT NULL,
    PRIMARY KEY (user_id, number)
);

-- Whose orders are switched off; the user '' stands for all.
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
