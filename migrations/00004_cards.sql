-- What others see of a person, its card, gets a version, so that open pages learn of a new name.
--
-- A card belongs to no conversation, so the counters of conversations do not speak of it. card_seq says which of two
-- forms is the newer one; card_changed_at is for finding what changed lately, wherever, and looks back further than any
-- transaction lives.

-- +goose Up
ALTER TABLE people
    ADD COLUMN card_seq bigint NOT NULL DEFAULT 0,
    ADD COLUMN card_changed_at timestamptz;
CREATE INDEX people_card_changed ON people (card_changed_at) WHERE card_changed_at IS NOT NULL;

-- +goose Down
DROP INDEX people_card_changed;
ALTER TABLE people DROP COLUMN card_seq, DROP COLUMN card_changed_at;
