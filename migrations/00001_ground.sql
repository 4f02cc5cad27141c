-- The ground everything stands on: people, sessions, conversations with their two counters, members, messages.
--
-- Order and catch-up come from counters in the conversation's row, never from a global serial or a timestamp: under
-- concurrent commits a poller on a global serial skips rows that commit late.

-- +goose Up
CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE EXTENSION IF NOT EXISTS unaccent;

-- unaccent() is only STABLE, because its dictionary could be exchanged; an index needs IMMUTABLE. Naming the
-- dictionary makes the promise ours.
-- +goose StatementBegin
CREATE FUNCTION fold(text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$ SELECT lower(public.unaccent('public.unaccent'::regdictionary, normalize($1, NFKC))) $$;
-- +goose StatementEnd

-- One row. The epoch names the history the counters belong to; a restore writes a new one.
CREATE TABLE installation (
    id         boolean PRIMARY KEY DEFAULT true CHECK (id),
    epoch      uuid NOT NULL DEFAULT gen_random_uuid(),
    setup_code text
);
INSERT INTO installation DEFAULT VALUES;

-- The stored epoch, and whose history it is: a copy restored onto another server, or onto an earlier point of this one,
-- answers differently even if nobody wrote a new epoch.
-- +goose StatementBegin
CREATE FUNCTION current_epoch() RETURNS text
LANGUAGE sql STABLE
AS $$
    SELECT i.epoch || '.' || s.system_identifier || '.' || left(pg_walfile_name(pg_current_wal_lsn()), 8)
    FROM installation i, pg_control_system() s
$$;
-- +goose StatementEnd

CREATE TABLE people (
    id                 uuid PRIMARY KEY,
    username           text NOT NULL UNIQUE,
    display_name       text NOT NULL,
    email              text,
    email_confirmed_at timestamptz,
    password_hash      text NOT NULL,
    role               text NOT NULL DEFAULT 'member' CHECK (role IN ('member', 'moderator', 'administrator')),
    state              text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'suspended', 'closed')),
    language           text NOT NULL DEFAULT 'en',
    time_zone          text NOT NULL DEFAULT 'UTC',
    theme              text NOT NULL DEFAULT 'auto' CHECK (theme IN ('auto', 'light', 'dark')),
    view_seq           bigint NOT NULL DEFAULT 0,
    created_at         timestamptz NOT NULL DEFAULT now(),
    -- Begins with a space, as every word in it does, so that a word's beginning is told from its middle.
    search             text NOT NULL GENERATED ALWAYS AS (fold(' ' || display_name || ' ' || username)) STORED
);
-- An address belongs to somebody only once it is confirmed: before, anybody may have typed it.
CREATE UNIQUE INDEX people_email_confirmed ON people (lower(email)) WHERE email_confirmed_at IS NOT NULL;
CREATE INDEX people_search ON people USING gin (search gin_trgm_ops);
CREATE INDEX people_by_name ON people (lower(display_name), id);

-- The authority on who is logged in.
CREATE TABLE sessions (
    id           uuid PRIMARY KEY,
    person_id    uuid NOT NULL REFERENCES people (id) ON DELETE CASCADE,
    address      text NOT NULL,
    user_agent   text NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    last_used_at timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz NOT NULL,
    revoked_at   timestamptz,
    renew        boolean NOT NULL DEFAULT false
) WITH (fillfactor = 80);
CREATE INDEX sessions_of_person ON sessions (person_id);
CREATE INDEX sessions_by_end ON sessions (expires_at);

-- What scs keeps for a cookie: the hash of the token, and data that hold only the id of the session.
CREATE TABLE session_tokens (
    token_hash text PRIMARY KEY,
    data       bytea NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX session_tokens_by_end ON session_tokens (expires_at);

-- Links that the operator makes for somebody who lost the password; only the hash is kept.
CREATE TABLE password_resets (
    token_hash bytea PRIMARY KEY,
    person_id  uuid NOT NULL REFERENCES people (id) ON DELETE CASCADE,
    expires_at timestamptz NOT NULL,
    used_at    timestamptz
);
CREATE INDEX password_resets_of_person ON password_resets (person_id);

-- No index may hold a column that a send changes: it would end heap-only updates of this row, the hottest there is.
CREATE TABLE conversations (
    id               uuid PRIMARY KEY,
    kind             text NOT NULL CHECK (kind IN ('direct', 'group')),
    name             text,
    direct_key       text UNIQUE,
    msg_seq          bigint NOT NULL DEFAULT 0,
    change_seq       bigint NOT NULL DEFAULT 0,
    created_by       uuid NOT NULL REFERENCES people (id),
    created_at       timestamptz NOT NULL DEFAULT now(),
    last_activity_at timestamptz NOT NULL DEFAULT now(),
    CHECK ((kind = 'direct') = (direct_key IS NOT NULL))
) WITH (fillfactor = 50);

-- Somebody sees the messages after from_seq, and changes up to until_change once it is set.
CREATE TABLE members (
    conversation_id uuid NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    person_id       uuid NOT NULL REFERENCES people (id),
    role            text NOT NULL DEFAULT 'member' CHECK (role IN ('member', 'administrator', 'owner')),
    from_seq        bigint NOT NULL DEFAULT 0,
    from_change     bigint NOT NULL DEFAULT 0,
    until_change    bigint,
    unread_from     bigint NOT NULL DEFAULT 0,
    delivered_seq   bigint NOT NULL DEFAULT 0,
    read_seq        bigint NOT NULL DEFAULT 0,
    muted_until     timestamptz,
    closed          boolean NOT NULL DEFAULT false,
    PRIMARY KEY (conversation_id, person_id)
) WITH (fillfactor = 80);
CREATE INDEX members_of_person ON members (person_id, conversation_id);

CREATE TABLE messages (
    id              uuid PRIMARY KEY,
    conversation_id uuid NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    seq             bigint NOT NULL,
    change_seq      bigint NOT NULL,
    author_id       uuid NOT NULL REFERENCES people (id),
    kind            text NOT NULL DEFAULT 'text' CHECK (kind IN ('text', 'system')),
    body            text NOT NULL,
    client_id       uuid NOT NULL,
    request_hash    bytea NOT NULL,
    created_at      timestamptz NOT NULL,
    changed_at      timestamptz NOT NULL,
    edited_at       timestamptz,
    deleted_at      timestamptz,
    UNIQUE (conversation_id, seq),
    UNIQUE (author_id, client_id)
);
CREATE INDEX messages_by_change ON messages (conversation_id, change_seq);
-- For counting what others wrote without reading one's own messages, however many they are.
CREATE INDEX messages_by_author ON messages (conversation_id, author_id, seq) WHERE kind = 'text' AND deleted_at IS NULL;
-- For the sweep that repairs lost hints: what changed in the last seconds, wherever. Block ranges cost next to nothing
-- at insertion, and the newest rows lie together.
CREATE INDEX messages_changed ON messages USING brin (changed_at) WITH (pages_per_range = 32, autosummarize = on);

-- +goose Down
DROP TABLE messages, members, conversations, password_resets, session_tokens, sessions, people, installation;
DROP FUNCTION fold(text);
DROP FUNCTION current_epoch();
