package db

import (
	"context"
	"time"

	"parley/chat"
)

// alive is the condition of a session that stands; $2 is the idle limit in seconds.
const alive = `s.revoked_at IS NULL AND s.expires_at > now() AND s.last_used_at > now() - make_interval(secs => $2)`

// InsertSession implements chat.Store. The person's row is locked and so read anew after waiting: a new password writes it
// first and ends the sessions afterwards, so either the session is seen there or it is not made.
func (s *Store) InsertSession(ctx context.Context, session chat.Session, passwordHash string, life time.Duration) error {
	return s.change(ctx, `
		WITH p AS MATERIALIZED (
			SELECT id FROM people WHERE id = $2 AND password_hash = $6 AND state = 'active' FOR SHARE
		)
		INSERT INTO sessions (id, person_id, address, user_agent, expires_at)
		SELECT $1, p.id, $3, $4, now() + make_interval(secs => $5) FROM p`,
		session.ID, session.PersonID, session.Address, session.UserAgent, life.Seconds(), passwordHash)
}

// ViewerBySession implements chat.Store.
func (s *Store) ViewerBySession(ctx context.Context, id chat.ID, idle time.Duration) (chat.Viewer, time.Duration, error) {
	var row viewerRow
	err := s.get(ctx, &row, `
		SELECT `+personColumns+`, s.renew, extract(epoch FROM now() - s.last_used_at) AS idle
		FROM sessions s JOIN people p ON p.id = s.person_id
		WHERE s.id = $1 AND `+alive+` AND p.state = 'active'`, id, idle.Seconds())
	viewer, unused := row.viewer(id)
	return viewer, unused, err
}

// ViewerByToken implements chat.Store.
func (s *Store) ViewerByToken(
	ctx context.Context, id chat.ID, tokenHash string, idle time.Duration,
) (chat.Viewer, time.Duration, error) {
	var row viewerRow
	err := s.get(ctx, &row, `
		SELECT `+personColumns+`, s.renew, extract(epoch FROM now() - s.last_used_at) AS idle
		FROM session_tokens t JOIN sessions s ON s.id = $1 JOIN people p ON p.id = s.person_id
		WHERE t.token_hash = $3 AND t.expires_at > now() AND `+alive+` AND p.state = 'active'`, id, idle.Seconds(), tokenHash)
	viewer, unused := row.viewer(id)
	return viewer, unused, err
}

type viewerRow struct {
	personRow
	Renew bool    `db:"renew"`
	Idle  float64 `db:"idle"`
}

func (r viewerRow) viewer(session chat.ID) (viewer chat.Viewer, unused time.Duration) {
	return chat.Viewer{Person: r.person(), SessionID: session, Renew: r.Renew}, time.Duration(r.Idle * float64(time.Second))
}

// TouchSession implements chat.Store.
func (s *Store) TouchSession(ctx context.Context, id chat.ID, address string, notWithin time.Duration) error {
	_, err := s.exec(ctx, `
		UPDATE sessions SET last_used_at = now(), address = coalesce(nullif($3, ''), address)
		WHERE id = $1 AND last_used_at < now() - make_interval(secs => $2)`, id, notWithin.Seconds(), address)
	return err
}

// ClearRenew implements chat.Store.
func (s *Store) ClearRenew(ctx context.Context, id chat.ID) error {
	_, err := s.exec(ctx, `UPDATE sessions SET renew = false WHERE id = $1`, id)
	return err
}

// RevokeSession implements chat.Store. Twice is no error.
func (s *Store) RevokeSession(ctx context.Context, id chat.ID) error {
	_, err := s.exec(ctx, `UPDATE sessions SET revoked_at = coalesce(revoked_at, now()) WHERE id = $1`, id)
	return err
}

// RevokeSessionOf implements chat.Store.
func (s *Store) RevokeSessionOf(ctx context.Context, person, id chat.ID, idle time.Duration) error {
	return s.change(ctx, `
		UPDATE sessions s SET revoked_at = now() WHERE s.id = $1 AND s.person_id = $3 AND `+alive, id, idle.Seconds(), person)
}

// RevokeSessionsOf implements chat.Store.
func (s *Store) RevokeSessionsOf(ctx context.Context, person, but chat.ID) ([]chat.ID, error) {
	var ids []chat.ID
	err := s.list(ctx, &ids, `
		UPDATE sessions SET revoked_at = now() WHERE person_id = $1 AND id <> $2 AND revoked_at IS NULL RETURNING id`,
		person, but)
	return ids, err
}

// RenewSession implements chat.Store.
func (s *Store) RenewSession(ctx context.Context, id chat.ID) error {
	return s.change(ctx, `UPDATE sessions SET renew = true WHERE id = $1`, id)
}

// SessionsOf implements chat.Store.
func (s *Store) SessionsOf(ctx context.Context, person chat.ID, idle time.Duration) ([]chat.Session, error) {
	var rows []struct {
		ID         chat.ID   `db:"id"`
		Address    string    `db:"address"`
		UserAgent  string    `db:"user_agent"`
		CreatedAt  time.Time `db:"created_at"`
		LastUsedAt time.Time `db:"last_used_at"`
	}
	err := s.list(ctx, &rows, `
		SELECT s.id, s.address, s.user_agent, s.created_at, s.last_used_at FROM sessions s
		WHERE s.person_id = $1 AND `+alive+` ORDER BY s.last_used_at DESC, s.id`, person, idle.Seconds())
	sessions := make([]chat.Session, 0, len(rows))
	for _, row := range rows {
		sessions = append(sessions, chat.Session{
			ID: row.ID, PersonID: person, Address: row.Address, UserAgent: row.UserAgent,
			CreatedAt: row.CreatedAt, LastUsedAt: row.LastUsedAt,
		})
	}
	return sessions, err
}

// SessionsAlive implements chat.Store.
func (s *Store) SessionsAlive(ctx context.Context, ids []chat.ID, idle time.Duration) ([]chat.ID, error) {
	var found []chat.ID
	err := s.list(ctx, &found, `
		SELECT s.id FROM sessions s JOIN people p ON p.id = s.person_id
		WHERE s.id = ANY($1) AND `+alive+` AND p.state = 'active'`, ids, idle.Seconds())
	return found, err
}

// DeleteEndedSessions implements chat.Store. Rows of sessions stay for 30 days after their end, those of links for one.
func (s *Store) DeleteEndedSessions(ctx context.Context, idle time.Duration) (int64, error) {
	tokens, err := s.exec(ctx, `DELETE FROM session_tokens WHERE expires_at < now()`)
	if err != nil {
		return 0, err
	}
	rows, err := s.exec(ctx, `
		DELETE FROM sessions
		WHERE least(expires_at, revoked_at, last_used_at + make_interval(secs => $1)) < now() - interval '30 days'`,
		idle.Seconds())
	if err != nil {
		return 0, err
	}
	links, err := s.exec(ctx, `DELETE FROM password_resets WHERE expires_at < now() - interval '1 day'`)
	if err != nil {
		return tokens + rows, err
	}
	confirmations, err := s.exec(ctx, `DELETE FROM email_confirmations WHERE expires_at < now() - interval '1 day'`)
	return tokens + rows + links + confirmations, err
}
