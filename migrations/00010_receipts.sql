-- Receipts: who shows them, from which message on a member counts, and how often somebody has marked something unread.

-- +goose Up
-- Who shows none sees none.
ALTER TABLE people ADD COLUMN receipts boolean NOT NULL DEFAULT true;
-- They are few, and asked for whenever receipts are counted.
CREATE INDEX people_hiding ON people (id) WHERE NOT receipts;

ALTER TABLE members
    -- Where the conversation stood when the member came: what was said before was not said to this member, who is in
    -- neither number of "read by 3 of 5" there.
    ADD COLUMN joined_seq bigint NOT NULL DEFAULT 0,
    -- What a page says that it saw moves unread_from only if the page knows of the latest mark; otherwise a page that
    -- comes back from a long absence would undo it.
    ADD COLUMN unread_marks bigint NOT NULL DEFAULT 0;
UPDATE members m SET joined_seq = least(m.read_seq, coalesce((
        SELECT x.seq FROM messages x WHERE x.conversation_id = m.conversation_id AND x.created_at <= m.joined_at
        ORDER BY x.seq DESC LIMIT 1), 0))
    FROM conversations c
    WHERE c.id = m.conversation_id AND c.kind = 'group' AND m.joined_at > c.created_at;

-- +goose Down
ALTER TABLE members DROP COLUMN joined_seq, DROP COLUMN unread_marks;
DROP INDEX people_hiding;
ALTER TABLE people DROP COLUMN receipts;
