-- Groups: what they say of themselves, who may do what in them, who was in them when, and what each member makes of them.

-- +goose Up
ALTER TABLE conversations
    ADD COLUMN description text NOT NULL DEFAULT '',
    -- Who may add people, and who may write: everybody in the group, or those who look after it.
    ADD COLUMN who_adds text NOT NULL DEFAULT 'members' CHECK (who_adds IN ('members', 'administrators')),
    ADD COLUMN who_writes text NOT NULL DEFAULT 'members' CHECK (who_writes IN ('members', 'administrators')),
    -- What somebody who joins sees of the past.
    ADD COLUMN history text NOT NULL DEFAULT 'all' CHECK (history IN ('all', 'joined')),
    -- How many are in it now. Counted under the row's lock, because counting two thousand rows for each of them who
    -- opens the group costs more than opening it.
    ADD COLUMN member_count integer NOT NULL DEFAULT 0;
UPDATE conversations c SET member_count = (
    SELECT count(*) FROM members m WHERE m.conversation_id = c.id AND m.until_change IS NULL);

ALTER TABLE members
    ADD COLUMN joined_at timestamptz NOT NULL DEFAULT now(),
    -- Where the conversation stood, and what it was called, when the member left.
    ADD COLUMN left_at timestamptz,
    ADD COLUMN left_seq bigint,
    ADD COLUMN left_name text,
    -- Earlier stays, oldest first: what was seen then stays seen. In the row, so that a lock on it covers them too.
    ADD COLUMN past_from_seq bigint[] NOT NULL DEFAULT '{}',
    ADD COLUMN past_left_seq bigint[] NOT NULL DEFAULT '{}',
    ADD COLUMN past_until_change bigint[] NOT NULL DEFAULT '{}',
    -- The member's own choices, nobody else's business.
    ADD COLUMN pinned_at timestamptz,
    ADD COLUMN archived_seq bigint, -- archived while nothing newer than this was said
    ADD COLUMN quiet_until timestamptz,
    ADD COLUMN notify text NOT NULL DEFAULT 'all' CHECK (notify IN ('all', 'mentions', 'nothing')),
    ADD CHECK (cardinality(past_from_seq) = cardinality(past_until_change)
        AND cardinality(past_from_seq) = cardinality(past_left_seq));
UPDATE members m SET joined_at = c.created_at FROM conversations c WHERE c.id = m.conversation_id;
-- Who looks after a group: asked whenever one of them goes, and listed before the others.
CREATE INDEX members_managers ON members (conversation_id, role) WHERE role <> 'member' AND until_change IS NULL;

-- What happened, in a message of kind 'system': its code and what else the sentence needs. Whom it is about stands in
-- subjects, by id, because names change.
ALTER TABLE messages
    ADD COLUMN event jsonb,
    ADD COLUMN subjects uuid[],
    ADD CHECK ((kind = 'system') = (event IS NOT NULL));

-- Links by which people join a group; only the hash is kept.
CREATE TABLE group_links (
    id              uuid PRIMARY KEY,
    token_hash      bytea NOT NULL UNIQUE,
    conversation_id uuid NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    created_by      uuid NOT NULL REFERENCES people (id),
    created_at      timestamptz NOT NULL DEFAULT now(),
    expires_at      timestamptz,
    max_uses        integer CHECK (max_uses > 0),
    uses            integer NOT NULL DEFAULT 0,
    revoked_at      timestamptz,
    CHECK (max_uses IS NULL OR uses <= max_uses)
);
CREATE INDEX group_links_of ON group_links (conversation_id, created_at);

-- +goose Down
DROP TABLE group_links;
ALTER TABLE messages DROP COLUMN event, DROP COLUMN subjects;
DROP INDEX members_managers;
ALTER TABLE members DROP COLUMN joined_at, DROP COLUMN past_from_seq, DROP COLUMN past_until_change, DROP COLUMN pinned_at,
    DROP COLUMN archived_seq, DROP COLUMN left_at, DROP COLUMN left_seq, DROP COLUMN left_name, DROP COLUMN past_left_seq, DROP COLUMN quiet_until, DROP COLUMN notify;
ALTER TABLE conversations DROP COLUMN description, DROP COLUMN who_adds, DROP COLUMN who_writes, DROP COLUMN history,
    DROP COLUMN member_count;
