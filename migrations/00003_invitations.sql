-- Invitations, who decides about registration, and the log of what administrators do.

-- +goose Up

-- What holds where the operator has not set PARLEY_REGISTRATION.
ALTER TABLE installation ADD registration text NOT NULL DEFAULT 'open'
    CHECK (registration IN ('open', 'invite', 'closed'));

-- Links with which people make accounts; only the hash is kept. No expires_at: never; no max_uses: no limit.
CREATE TABLE invitations (
    id         uuid PRIMARY KEY,
    token_hash bytea NOT NULL UNIQUE,
    note       text NOT NULL,
    created_by uuid NOT NULL REFERENCES people (id),
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    max_uses   integer CHECK (max_uses > 0),
    uses       integer NOT NULL DEFAULT 0 CHECK (uses >= 0),
    revoked_at timestamptz,
    CHECK (uses <= max_uses)
);
CREATE INDEX invitations_by_age ON invitations (created_at, id);
CREATE INDEX invitations_of_person ON invitations (created_by) WHERE revoked_at IS NULL;

-- By which invitation somebody came.
ALTER TABLE people ADD invitation_id uuid REFERENCES invitations (id);
CREATE INDEX people_by_invitation ON people (invitation_id) WHERE invitation_id IS NOT NULL;

-- For the administrators' list, newest first, and for finding somebody by address.
CREATE INDEX people_by_age ON people (created_at, id);
CREATE INDEX people_by_role ON people (role, created_at, id);
CREATE INDEX people_by_state ON people (state, created_at, id);
CREATE INDEX people_by_email ON people USING gin (lower(email) gin_trgm_ops) WHERE email IS NOT NULL;
-- For locking all of them, when one of them may cease to be one.
CREATE INDEX people_administrators ON people (id) WHERE role = 'administrator' AND state = 'active';

-- What administrators did. It is only added to, and outlives those it speaks of: so nothing here refers to another row,
-- and nothing names anybody but by id. No actor: the operator, at the command line. hash is over the hash of the row
-- before and over what stands in this one (chat/audit.go).
CREATE TABLE audit (
    seq       bigint PRIMARY KEY,
    at        timestamptz NOT NULL,
    actor_id  uuid,
    action    text NOT NULL,
    target_id uuid,
    address   text NOT NULL,
    before    jsonb NOT NULL,
    after     jsonb NOT NULL,
    hash      bytea NOT NULL
);
CREATE INDEX audit_by_target ON audit (target_id, seq);

-- The end of the chain: where the next row is added, and how a missing last one is noticed.
CREATE TABLE audit_head (
    id   boolean PRIMARY KEY DEFAULT true CHECK (id),
    seq  bigint NOT NULL DEFAULT 0,
    hash bytea NOT NULL DEFAULT ''
);
INSERT INTO audit_head DEFAULT VALUES;

-- +goose StatementBegin
CREATE FUNCTION refuse_change() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    RAISE EXCEPTION '% is only added to', TG_TABLE_NAME;
END
$$;
-- +goose StatementEnd
CREATE TRIGGER audit_is_only_added_to BEFORE UPDATE OR DELETE ON audit FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_is_never_emptied BEFORE TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- +goose Down
DROP TABLE audit, audit_head;
DROP FUNCTION refuse_change();
DROP INDEX people_by_age, people_by_role, people_by_state, people_by_email, people_administrators;
ALTER TABLE people DROP COLUMN invitation_id;
DROP TABLE invitations;
ALTER TABLE installation DROP COLUMN registration;
