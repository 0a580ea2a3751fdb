-- +goose Up
-- The addresses that users' signals come to: named by a digest of the token, with the secret encrypted as credentials are.
CREATE TABLE webhooks (
    name       text PRIMARY KEY,
    user_id    text NOT NULL REFERENCES users ON DELETE CASCADE,
    secret     bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX webhooks_user ON webhooks (user_id);

-- +goose Down
DROP TABLE webhooks;
