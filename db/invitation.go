package db

import (
	"context"
	"time"

	"parley/chat"
)

type invitationRow struct {
	ID            chat.ID    `db:"id"`
	Note          string     `db:"note"`
	ByID          chat.ID    `db:"by_id"`
	ByUsername    string     `db:"by_username"`
	ByDisplayName string     `db:"by_display_name"`
	CreatedAt     time.Time  `db:"created_at"`
	ExpiresAt     *time.Time `db:"expires_at"`
	MaxUses       int        `db:"max_uses"`
	Uses          int        `db:"uses"`
	State         string     `db:"state"`
}

func (r invitationRow) invitation() chat.Invitation {
	return chat.Invitation{
		ID: r.ID, Note: r.Note, By: chat.Card{ID: r.ByID, Username: r.ByUsername, DisplayName: r.ByDisplayName},
		CreatedAt: r.CreatedAt, ExpiresAt: r.ExpiresAt, MaxUses: r.MaxUses, Uses: r.Uses, State: chat.InvitationState(r.State),
	}
}

const (
	invitationColumns = `i.id, i.note, m.id AS by_id, m.username AS by_username, m.display_name AS by_display_name,
		i.created_at, i.expires_at, coalesce(i.max_uses, 0) AS max_uses, i.uses, CASE
			WHEN i.revoked_at IS NOT NULL THEN 'revoked'
			WHEN i.uses >= i.max_uses THEN 'used_up'
			WHEN i.expires_at <= now() THEN 'expired'
			ELSE 'usable' END AS state`
	// The LIMIT makes a look-up for each invitation of what the planner may otherwise read as a whole.
	invitationMaker = `CROSS JOIN LATERAL (SELECT * FROM people WHERE id = i.created_by LIMIT 1) m`
	// usable is the condition of an invitation i with which an account can be made.
	usable = `i.revoked_at IS NULL AND (i.max_uses IS NULL OR i.uses < i.max_uses)
		AND (i.expires_at IS NULL OR i.expires_at > now())`
)

// InsertInvitation implements chat.Store.
func (s *Store) InsertInvitation(
	ctx context.Context, i chat.Invitation, hash []byte, life time.Duration,
) (time.Time, *time.Time, error) {
	var row struct {
		CreatedAt time.Time  `db:"created_at"`
		ExpiresAt *time.Time `db:"expires_at"`
	}
	err := s.get(ctx, &row, `
		INSERT INTO invitations (id, token_hash, note, created_by, expires_at, max_uses)
		VALUES ($1, $2, $3, $4, CASE WHEN $5 > 0 THEN now() + make_interval(secs => $5) END, nullif($6, 0))
		RETURNING created_at, expires_at`, i.ID, hash, i.Note, i.By.ID, life.Seconds(), i.MaxUses)
	return row.CreatedAt, row.ExpiresAt, err
}

// Invitations implements chat.Store.
func (s *Store) Invitations(ctx context.Context, after string, limit int) (chat.InvitationPage, error) {
	at, id, ok := parseMomentCursor(after)
	if !ok {
		at = time.UnixMicro(maxMoment)
	}
	var rows []invitationRow
	err := s.list(ctx, &rows, `
		SELECT `+invitationColumns+` FROM invitations i `+invitationMaker+`
		WHERE (i.created_at, i.id) < ($1, $2)
		ORDER BY i.created_at DESC, i.id DESC LIMIT $3`, at, id, limit+1)
	var page chat.InvitationPage
	for n, row := range rows {
		if n == limit {
			page.Next = momentCursor(rows[limit-1].CreatedAt, rows[limit-1].ID)
			break
		}
		page.Invitations = append(page.Invitations, row.invitation())
	}
	return page, err
}

// Invitation implements chat.Store.
func (s *Store) Invitation(ctx context.Context, id chat.ID) (chat.Invitation, error) {
	var row invitationRow
	err := s.get(ctx, &row, `SELECT `+invitationColumns+` FROM invitations i `+invitationMaker+` WHERE i.id = $1`, id)
	return row.invitation(), err
}

// UsableInvitation implements chat.Store.
func (s *Store) UsableInvitation(ctx context.Context, hash []byte) (chat.Invitation, error) {
	var row invitationRow
	err := s.get(ctx, &row, `
		SELECT `+invitationColumns+` FROM invitations i `+invitationMaker+` WHERE i.token_hash = $1 AND `+usable, hash)
	return row.invitation(), invitationLink(err)
}

// UseInvitation implements chat.Store. Whether a use is left is decided by the statement that takes it: of several at once
// each waits for the one before, reads the row anew, and finds what that one has left.
func (s *Store) UseInvitation(ctx context.Context, hash []byte) (chat.ID, error) {
	var id chat.ID
	err := s.get(ctx, &id, `UPDATE invitations i SET uses = uses + 1 WHERE i.token_hash = $1 AND `+usable+` RETURNING i.id`, hash)
	return id, invitationLink(err)
}

func invitationLink(err error) error {
	if chat.KindOf(err) == chat.KindNotFound {
		return &chat.Error{Kind: chat.KindNotFound, Code: chat.CodeInvitationLink}
	}
	return err
}

// UpdateInvitation implements chat.Store.
func (s *Store) UpdateInvitation(ctx context.Context, person, invitation chat.ID) error {
	return s.change(ctx, `UPDATE people SET invitation_id = $2 WHERE id = $1`, person, invitation)
}

// RevokeInvitation implements chat.Store. The row is locked before it is looked at, so that of two at once one revokes it.
func (s *Store) RevokeInvitation(ctx context.Context, id chat.ID) (int, bool, error) {
	var row struct {
		Uses    int  `db:"uses"`
		Revoked bool `db:"revoked"`
	}
	err := s.get(ctx, &row, `
		WITH found AS MATERIALIZED (
			SELECT id, uses, revoked_at FROM invitations WHERE id = $1 FOR NO KEY UPDATE
		), revoked AS (
			UPDATE invitations i SET revoked_at = now() FROM found
			WHERE i.id = found.id AND found.revoked_at IS NULL
			RETURNING i.id
		)
		SELECT uses, EXISTS (SELECT FROM revoked) AS revoked FROM found`, id)
	return row.Uses, row.Revoked, err
}

// RevokeInvitationsOf implements chat.Store. It revokes what could still be used, in order of id.
func (s *Store) RevokeInvitationsOf(ctx context.Context, person chat.ID) (int64, error) {
	return s.exec(ctx, `
		WITH found AS MATERIALIZED (
			SELECT i.id FROM invitations i WHERE i.created_by = $1 AND `+usable+` ORDER BY i.id FOR NO KEY UPDATE
		)
		UPDATE invitations SET revoked_at = now() WHERE id = ANY (ARRAY (SELECT id FROM found))`, person)
}
