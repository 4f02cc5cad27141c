-- The epoch on servers that do not show their identity. Two functions that it asks are refused by some managed
-- PostgreSQLs (Aurora: 55000 unless wal_level is logical, and 0A000), and a cautious operator may have revoked them from
-- ordinary roles (42501). There the stored epoch must do: a restore behind our back is then noticed only where the
-- restorer writes a new one.

-- +goose Up
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION current_epoch() RETURNS text
LANGUAGE plpgsql STABLE
AS $$
DECLARE
    server text;
BEGIN
    BEGIN
        SELECT s.system_identifier || '.' || left(pg_walfile_name(pg_current_wal_lsn()), 8)
        INTO server FROM pg_control_system() s;
    EXCEPTION WHEN insufficient_privilege OR feature_not_supported OR object_not_in_prerequisite_state THEN
        server := 'unknown';
    END;
    RETURN (SELECT i.epoch || '.' || server FROM installation i);
END
$$;
-- +goose StatementEnd

-- +goose Down
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION current_epoch() RETURNS text
LANGUAGE sql STABLE
AS $$
    SELECT i.epoch || '.' || s.system_identifier || '.' || left(pg_walfile_name(pg_current_wal_lsn()), 8)
    FROM installation i, pg_control_system() s
$$;
-- +goose StatementEnd
