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

// PersonByPasswordReset implements chat.Store.
func (s *Store) PersonByPasswordReset(ctx context.Context, hash []byte) (chat.Person, error) {
	var row personRow
	err := s.get(ctx, &row, `
		SELECT `+personColumns+` FROM password_resets r JOIN people p ON p.id = r.person_id
		WHERE r.token_hash = $1 AND r.used_at IS NULL AND r.expires_at > now() AND p.state = 'active'`, hash)
	return row.person(), resetLink(err)
}

// UsePasswordReset implements chat.Store. Every link of the person is taken by one statement: of two uses at once, of one
// link or of two, the second waits for the first and finds nothing left to take.
func (s *Store) UsePasswordReset(ctx context.Context, hash []byte) (chat.ID, error) {
	var person chat.ID
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
