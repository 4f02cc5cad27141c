package db

import (
	"context"
	"time"

	"parley/chat"
)

// InsertPasswordReset implements chat.Store.
func (s *Store) InsertPasswordReset(ctx context.Context, person chat.ID, hash []byte, life time.Duration) error {
	_, err := s.exec(ctx, `
		INSERT INTO password_resets (token_hash, person_id, expires_at)
		VALUES ($1, $2, now() + make_interval(secs => $3))`, hash, person, life.Seconds())
	return err
}

// InsertPasswordResetByMail implements chat.Store. The person's row is locked and so read anew after waiting: a change of
// the address writes it first and voids the links afterwards, so either this one is seen there or it is not made.
func (s *Store) InsertPasswordResetByMail(
	ctx context.Context, person chat.ID, email string, hash []byte, life time.Duration,
) error {
	return s.change(ctx, `
		WITH p AS MATERIALIZED (
			SELECT id FROM people WHERE id = $1 AND email = $2 AND state = 'active' FOR SHARE
		)
		INSERT INTO password_resets (token_hash, person_id, expires_at)
		SELECT $3, p.id, now() + make_interval(secs => $4) FROM p`, person, email, hash, life.Seconds())
}

// VoidLinks implements chat.Store. It must come after what locks the person's row, so that it reads every link that was
// made before.
func (s *Store) VoidLinks(ctx context.Context, person chat.ID) error {
	_, err := s.exec(ctx, `
		WITH confirming AS (
			DELETE FROM email_confirmations WHERE person_id = $1
		)
		UPDATE password_resets SET used_at = now() WHERE person_id = $1 AND used_at IS NULL`, person)
	return err
}

// PersonByPasswordReset implements chat.Store.
func (s *Store) PersonByPasswordReset(ctx context.Context, hash []byte) (chat.Person, error) {
	var row personRow
	err := s.get(ctx, &row, `
		SELECT `+personColumns+` FROM password_resets r JOIN people p ON p.id = r.person_id
		WHERE r.token_hash = $1 AND r.used_at IS NULL AND r.expires_at > now() AND p.state = 'active'`, hash)
	return row.person(), resetLink(err)
}

// UsePasswordReset implements chat.Store. It must run in a transaction. The person's row comes first, as everywhere; what
// follows reads what holds once that is locked, and takes every link of the person: of two uses at once, of one link or
// of two, the second waits for the first and finds nothing left to take.
func (s *Store) UsePasswordReset(ctx context.Context, hash []byte) (chat.ID, error) {
	var person chat.ID
	if err := s.get(ctx, &person, `
		SELECT p.id FROM password_resets r JOIN people p ON p.id = r.person_id
		WHERE r.token_hash = $1 FOR NO KEY UPDATE OF p`, hash); err != nil {
		return person, resetLink(err)
	}
	err := s.get(ctx, &person, `
		UPDATE password_resets SET used_at = now()
		WHERE used_at IS NULL AND person_id = (
			SELECT r.person_id FROM password_resets r JOIN people p ON p.id = r.person_id
			WHERE r.token_hash = $1 AND r.used_at IS NULL AND r.expires_at > now() AND p.state = 'active')
		RETURNING person_id`, hash)
	return person, resetLink(err)
}

func resetLink(err error) error {
	if chat.KindOf(err) == chat.KindNotFound {
		return &chat.Error{Kind: chat.KindNotFound, Code: chat.CodeResetLink}
	}
	return err
}
