-- Who was removed from a group comes back only by being added: a link that still works must not undo a removal. Who left may
-- join again. The mark is that of the last stay; whoever is in the group again has none that counts, so that a binary which
-- does not know the column may add people meanwhile.

-- +goose Up
ALTER TABLE members ADD COLUMN removed boolean NOT NULL DEFAULT false;
-- The last message that somebody saw says how the stay ended.
UPDATE members m SET removed = true FROM messages x
WHERE m.until_change IS NOT NULL AND x.conversation_id = m.conversation_id AND x.seq = m.left_seq
    AND x.event->>'code' = 'removed' AND m.person_id = ANY(x.subjects);

-- +goose Down
ALTER TABLE members DROP COLUMN removed;
