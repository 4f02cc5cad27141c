-- What somebody has begun to write and not sent, so that it waits on every device of that person. A table of its own: a
-- draft is written while its author types, and must not wait for the member's row, which every send locks.

-- +goose Up
CREATE TABLE drafts (
    person_id       uuid NOT NULL REFERENCES people (id) ON DELETE CASCADE,
    conversation_id uuid NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    body            text NOT NULL,
    saved_at        timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (person_id, conversation_id)
);

-- +goose Down
DROP TABLE drafts;
