-- Who sees whether somebody is there, when that was last, and that they write; what they have chosen to be seen as; and when
-- they were last there. Whether they are there stands in no table: it is known by the sockets.

-- +goose Up
ALTER TABLE people
    ADD COLUMN shows_presence text NOT NULL DEFAULT 'everybody' CHECK (shows_presence IN ('everybody', 'shared', 'nobody')),
    ADD COLUMN shows_last_seen text NOT NULL DEFAULT 'everybody' CHECK (shows_last_seen IN ('everybody', 'shared', 'nobody')),
    ADD COLUMN shows_typing boolean NOT NULL DEFAULT true,
    ADD COLUMN invisible boolean NOT NULL DEFAULT false,
    ADD COLUMN status_busy boolean NOT NULL DEFAULT false,
    ADD COLUMN status_emoji text NOT NULL DEFAULT '',
    ADD COLUMN status_text text NOT NULL DEFAULT '',
    ADD COLUMN status_until timestamptz;
-- Apart from people, whose indexes would be written each minute for everybody who is there.
CREATE TABLE seen (
    person_id uuid PRIMARY KEY REFERENCES people ON DELETE CASCADE,
    at        timestamptz NOT NULL
) WITH (fillfactor = 50);

-- +goose Down
DROP TABLE seen;
ALTER TABLE people
    DROP COLUMN shows_presence, DROP COLUMN shows_last_seen, DROP COLUMN shows_typing, DROP COLUMN invisible,
    DROP COLUMN status_busy, DROP COLUMN status_emoji, DROP COLUMN status_text, DROP COLUMN status_until;
