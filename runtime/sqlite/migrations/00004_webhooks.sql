-- +goose Up
CREATE TABLE webhooks (
    name       TEXT PRIMARY KEY,
    user_id    TEXT NOT NULL REFERENCES users ON DELETE CASCADE,
    secret     BLOB NOT NULL,
    created_at INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000 AS INTEGER))
) STRICT;
CREATE INDEX webhooks_user ON webhooks (user_id);

-- +goose Down
DROP TABLE webhooks;
