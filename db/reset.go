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

// UsePasswordReset implements chat.Store. The person's row is locked first: it decides between two uses at once, also of
// two links, which would otherwise wait for each other.
func (s *Store) UsePasswordReset(ctx context.Context, hash []byte) (chat.ID, error) {
	var person chat.ID
	err := s.get(ctx, &person, `
		SELECT id FROM people
		WHERE id = (SELECT person_id FROM password_resets WHERE token_hash = $1) AND state = 'active'
		FOR NO KEY UPDATE`, hash)
	if err != nil {
		return person, resetLink(err)
	}
	// A statement of its own: it must see what was committed while the lock was waited for.
	err = s.change(ctx, `
		UPDATE password_resets SET used_at = now()
		WHERE person_id = $1 AND used_at IS NULL AND EXISTS (
			SELECT FROM password_resets WHERE token_hash = $2 AND used_at IS NULL AND expires_at > now())`, person, hash)
	return person, resetLink(err)
}

func resetLink(err error) error {
	if chat.KindOf(err) == chat.KindNotFound {
		return &chat.Error{Kind: chat.KindNotFound, Code: chat.CodeResetLink}
	}
	return err
}
