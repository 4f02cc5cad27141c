-- Administrators find somebody by the address that is shown of them, also by one that waits to be confirmed.

-- +goose Up
CREATE INDEX people_by_email_wanted ON people USING gin (lower(email_wanted) gin_trgm_ops) WHERE email_wanted IS NOT NULL;

-- +goose Down
DROP INDEX people_by_email_wanted;
