-- Where somebody's quiet has just ended: asked by every node every two seconds, because nothing else happens at that moment.

-- +goose Up
CREATE INDEX members_quiet ON members (quiet_until) WHERE quiet_until IS NOT NULL;

-- +goose Down
DROP INDEX members_quiet;
