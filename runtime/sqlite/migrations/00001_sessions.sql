-- +goose Up
-- Times are Unix milliseconds.
CREATE TABLE users (
    user_id    TEXT PRIMARY KEY,
    created_at INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000 AS INTEGER))
) STRICT;

CREATE TABLE credentials (
    user_id    TEXT PRIMARY KEY REFERENCES users ON DELETE CASCADE,
    ciphertext BLOB NOT NULL,
    updated_at INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000 AS INTEGER))
) STRICT;

CREATE TABLE user_session (
    user_id     TEXT PRIMARY KEY,
    epoch       INTEGER NOT NULL CHECK (epoch > 0),
    worker      TEXT NOT NULL,
    host        TEXT NOT NULL,
    life        INTEGER NOT NULL,
    open        INTEGER NOT NULL CHECK (open IN (0, 1)),
    began_at    INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000 AS INTEGER)),
    takeover_at INTEGER
) STRICT;
CREATE INDEX user_session_epoch ON user_session (epoch);

-- +goose Down
DROP TABLE user_session;
DROP TABLE credentials;
DROP TABLE users;
