-- E-mail addresses that are confirmed, and those that wait for it.
--
-- people.email is a confirmed address and nothing else, so that no statement can forget to ask. What somebody typed and
-- has not confirmed yet stands in email_wanted: it may be anybody's, so it logs in nobody and is not unique.

-- +goose Up
ALTER TABLE people ADD COLUMN email_wanted text;
UPDATE people SET email_wanted = email, email = NULL WHERE email_confirmed_at IS NULL;
UPDATE people SET email_confirmed_at = NULL WHERE email IS NULL;
DROP INDEX people_email_confirmed;
ALTER TABLE people ADD CONSTRAINT people_email_is_confirmed CHECK ((email IS NULL) = (email_confirmed_at IS NULL));
CREATE UNIQUE INDEX people_email ON people (lower(email));

-- The link that confirms email_wanted; only its hash is kept. One for each person: a newer one takes the place of the
-- older.
CREATE TABLE email_confirmations (
    person_id  uuid PRIMARY KEY REFERENCES people (id) ON DELETE CASCADE,
    token_hash bytea NOT NULL UNIQUE,
    email      text NOT NULL,
    expires_at timestamptz NOT NULL
);

-- +goose Down
DROP TABLE email_confirmations;
DROP INDEX people_email;
ALTER TABLE people DROP CONSTRAINT people_email_is_confirmed;
UPDATE people SET email = email_wanted WHERE email IS NULL;
ALTER TABLE people DROP COLUMN email_wanted;
CREATE UNIQUE INDEX people_email_confirmed ON people (lower(email)) WHERE email_confirmed_at IS NOT NULL;
