-- +goose Up
-- An order may end twice: the broker's word replaces what was concluded without it. Its end is counted once.
ALTER TABLE orders ADD COLUMN ended INTEGER NOT NULL DEFAULT 0 CHECK (ended IN (0, 1));

-- +goose Down
ALTER TABLE orders DROP COLUMN ended;
