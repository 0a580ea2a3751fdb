-- +goose Up
-- An order may end twice: the broker's word replaces what was concluded without it. Its end is counted once.
ALTER TABLE orders ADD COLUMN ended boolean NOT NULL DEFAULT false;

-- +goose Down
ALTER TABLE orders DROP COLUMN ended;
