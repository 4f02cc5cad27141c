-- What moved in one person's list and no message tells of, so that a node finds it which the hint did not reach.

-- +goose Up
-- A row lives for a minute. It names people and conversations that may be gone by then: nobody is hindered by it.
CREATE TABLE moves (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    person_id uuid NOT NULL,
    conversation_id uuid NOT NULL,
    moved_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX moves_moved_at ON moves (moved_at);

-- +goose Down
DROP TABLE moves;
