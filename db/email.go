package db

import (
	"context"
	"time"

	"parley/chat"
)

// UpdateEmailWanted implements chat.Store. A link that is made in between belongs to the address before and is refused by
// that.
func (s *Store) UpdateEmailWanted(ctx context.Context, person chat.ID, email, password string) error {
	var id chat.ID
	return s.get(ctx, &id, `
		WITH p AS (
			UPDATE people SET email_wanted = nullif($2, '') WHERE id = $1 AND ($3 = '' OR password_hash = $3) RETURNING id
		), links AS (
			DELETE FROM email_confirmations WHERE person_id IN (SELECT id FROM p)
		)
		SELECT id FROM p`, person, email, password)
}

// DeleteEmail implements chat.Store.
func (s *Store) DeleteEmail(ctx context.Context, person chat.ID, password string) (string, error) {
	var before string
	err := s.get(ctx, &before, `
		WITH old AS MATERIALIZED (
			SELECT id, email FROM people WHERE id = $1 AND password_hash = $2 FOR NO KEY UPDATE
		), links AS (
			DELETE FROM email_confirmations WHERE person_id IN (SELECT id FROM old)
		)
		UPDATE people p SET email = NULL, email_confirmed_at = NULL, email_wanted = NULL
		FROM old WHERE p.id = old.id
		RETURNING coalesce(old.email, '')`, person, password)
	return before, err
}

// ReplaceEmailConfirmation implements chat.Store. The person's row is locked and so read anew after waiting: no link is
// made for an address that is no longer wanted, nor one for whoever knew a password that has been replaced.
func (s *Store) ReplaceEmailConfirmation(
	ctx context.Context, person chat.ID, email, password string, hash []byte, life time.Duration,
) error {
	return s.change(ctx, `
		WITH p AS MATERIALIZED (
			SELECT id FROM people WHERE id = $1 AND email_wanted = $2 AND password_hash = $5 AND state = 'active' FOR SHARE
		)
		INSERT INTO email_confirmations (person_id, token_hash, email, expires_at)
		SELECT p.id, $3, $2, now() + make_interval(secs => $4) FROM p
		ON CONFLICT (person_id) DO UPDATE
		SET token_hash = excluded.token_hash, email = excluded.email, expires_at = excluded.expires_at`,
		person, email, hash, life.Seconds(), password)
}

// PersonByEmailConfirmation implements chat.Store.
func (s *Store) PersonByEmailConfirmation(ctx context.Context, hash []byte) (chat.Person, error) {
	var row personRow
	err := s.get(ctx, &row, `
		SELECT `+personColumns+` FROM email_confirmations c JOIN people p ON p.id = c.person_id
		WHERE c.token_hash = $1 AND c.expires_at > now() AND c.email = p.email_wanted AND p.state = 'active'`, hash)
	return row.person(), emailLink(err)
}

// UseEmailConfirmation implements chat.Store. It must run in a transaction. The person's row comes first, as everywhere;
// what follows reads what holds once that is locked. Of two people who confirm one address at once the second waits at
// the unique index for the first.
func (s *Store) UseEmailConfirmation(ctx context.Context, hash []byte) (chat.Person, string, error) {
	var id chat.ID
	if err := s.get(ctx, &id, `
		SELECT p.id FROM email_confirmations c JOIN people p ON p.id = c.person_id
		WHERE c.token_hash = $1 FOR NO KEY UPDATE OF p`, hash); err != nil {
		return chat.Person{}, "", emailLink(err)
	}
	var row struct {
		personRow
		Before string `db:"before"`
	}
	err := s.get(ctx, &row, `
		WITH link AS (
			DELETE FROM email_confirmations WHERE token_hash = $2 AND expires_at > now() RETURNING person_id, email
		), old AS (
			SELECT p.id, coalesce(p.email, '') AS email
			FROM people p JOIN link ON link.person_id = p.id AND link.email = p.email_wanted
			WHERE p.id = $1 AND p.state = 'active'
		)
		UPDATE people p SET email = p.email_wanted, email_confirmed_at = now(), email_wanted = NULL
		FROM old WHERE p.id = old.id
		RETURNING `+personColumns+`, old.email AS before`, id, hash)
	return row.person(), row.Before, emailLink(err)
}

func emailLink(err error) error {
	if chat.KindOf(err) == chat.KindNotFound {
		return &chat.Error{Kind: chat.KindNotFound, Code: chat.CodeEmailLink}
	}
	return err
}
