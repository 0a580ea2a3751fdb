-- +goose Up
-- Who has an account with the service.
CREATE TABLE users (
    user_id    text PRIMARY KEY,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- Broker credentials, encrypted under the key service with the user as context. They are never read in the open.
CREATE TABLE credentials (
    user_id    text PRIMARY KEY REFERENCES users ON DELETE CASCADE,
    ciphertext bytea NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now()
);

-- Who may act for a user: one row a user, an epoch that only rises, open until the worker is known to be out of it.
CREATE TABLE user_session (
    user_id     text PRIMARY KEY,
    epoch       bigint NOT NULL CHECK (epoch > 0),
    worker      text NOT NULL,
    host        text NOT NULL,
    life        bigint NOT NULL,
    open        boolean NOT NULL,
    began_at    timestamptz NOT NULL DEFAULT now(),
    -- When another session first asked for the user; it may have the user a wait later.
    takeover_at timestamptz
);
CREATE INDEX user_session_epoch ON user_session (epoch);
CREATE INDEX user_session_open ON user_session (user_id) WHERE open;

-- +goose Down
DROP TABLE user_session;
DROP TABLE credentials;
DROP TABLE users;
