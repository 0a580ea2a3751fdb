-- +goose Up
-- What users did, beside their orders. Rows are only added.
CREATE TABLE audit (
    id      text PRIMARY KEY,
    user_id text NOT NULL,
    action  text NOT NULL,
    detail  text NOT NULL,
    at      timestamptz NOT NULL
);
CREATE INDEX audit_user ON audit (user_id, at);

-- +goose Down
DROP TABLE audit;
