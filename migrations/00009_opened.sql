-- Who has opened a direct conversation that nobody has written in yet. It stands in the list of whoever did: of who made
-- it, and of the other, who may have done the same a moment later.

-- +goose Up
ALTER TABLE members ADD COLUMN opened_at timestamptz;
UPDATE members m SET opened_at = c.created_at FROM conversations c
    WHERE c.id = m.conversation_id AND c.created_by = m.person_id AND c.kind = 'direct';

-- +goose Down
ALTER TABLE members DROP COLUMN opened_at;
