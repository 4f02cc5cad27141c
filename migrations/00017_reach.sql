-- Who may write to somebody first, take them into a group, and find them; and conversations that wait for an answer to
-- whether they are wanted.

-- +goose Up
ALTER TABLE people
    ADD COLUMN may_write text NOT NULL DEFAULT 'everybody' CHECK (may_write IN ('everybody', 'groups', 'nobody')),
    ADD COLUMN may_add text NOT NULL DEFAULT 'everybody' CHECK (may_add IN ('everybody', 'groups', 'nobody')),
    ADD COLUMN may_find text NOT NULL DEFAULT 'everybody' CHECK (may_find IN ('everybody', 'groups', 'nobody'));
-- In the row of who is asked: in the member's row, because a send reads nothing else.
ALTER TABLE members ADD COLUMN request text CHECK (request IN ('pending', 'declined'));
CREATE INDEX members_requests ON members (person_id, conversation_id) WHERE request = 'pending';
-- Whether somebody in a conversation is asked, or has declined, is looked up with a send.
CREATE INDEX members_asked ON members (conversation_id) WHERE request IS NOT NULL;

-- +goose Down
UPDATE members m SET closed = false FROM members r
    WHERE r.conversation_id = m.conversation_id AND r.request = 'declined' AND NOT EXISTS (
        SELECT FROM members o JOIN blocks b ON b.blocker_id = o.person_id
        JOIN members w ON w.conversation_id = o.conversation_id AND w.person_id = b.blocked_id
        WHERE o.conversation_id = m.conversation_id)
    AND NOT EXISTS (
        SELECT FROM members o JOIN people p ON p.id = o.person_id
        WHERE o.conversation_id = m.conversation_id AND p.state = 'closed');
ALTER TABLE members DROP COLUMN request;
ALTER TABLE people DROP COLUMN may_write, DROP COLUMN may_add, DROP COLUMN may_find;
