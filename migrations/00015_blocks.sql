-- Who has blocked whom: a row for each pair and direction. What follows from it is asked where it is needed (db/block.go),
-- except that new messages are not possible between the two: that stands as members.closed in both rows of their direct
-- conversation, because a send reads nothing but the rows that it locks.

-- +goose Up
CREATE TABLE blocks (
    blocker_id uuid NOT NULL REFERENCES people (id) ON DELETE CASCADE,
    blocked_id uuid NOT NULL REFERENCES people (id) ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (blocker_id, blocked_id),
    CHECK (blocker_id <> blocked_id)
);
-- What stands between two people is asked from both sides.
CREATE INDEX blocks_of_blocked ON blocks (blocked_id, blocker_id);

-- +goose Down
UPDATE members m SET closed = false FROM blocks b, conversations c
    WHERE c.direct_key = least(b.blocker_id::text, b.blocked_id::text) || ':' || greatest(b.blocker_id::text, b.blocked_id::text)
        AND m.conversation_id = c.id AND m.closed
        AND NOT EXISTS (SELECT FROM people p WHERE p.id IN (b.blocker_id, b.blocked_id) AND p.state = 'closed');
DROP TABLE blocks;
