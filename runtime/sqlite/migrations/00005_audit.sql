-- +goose Up
CREATE TABLE audit (
    id      TEXT PRIMARY KEY,
    user_id TEXT NOT NULL,
    action  TEXT NOT NULL,
    detail  TEXT NOT NULL,
    at      INTEGER NOT NULL
) STRICT;
CREATE INDEX audit_user ON audit (user_id, at);

-- +goose Down
DROP TABLE audit;
