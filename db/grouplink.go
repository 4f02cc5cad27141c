package db

import (
	"context"
	"database/sql"
	"time"

	"parley/chat"
)

// working is the condition of a link l by which people can join.
const working = `l.revoked_at IS NULL AND (l.expires_at IS NULL OR l.expires_at > now())
	AND (l.max_uses IS NULL OR l.uses < l.max_uses)`

// InsertGroupLink implements chat.Store. The group is locked, so that nobody else makes one meanwhile.
func (s *Store) InsertGroupLink(
	ctx context.Context, id, group, by chat.ID, hash []byte, life time.Duration, uses, most int,
) error {
	made, err := s.exec(ctx, `
		INSERT INTO group_links (id, token_hash, conversation_id, created_by, expires_at, max_uses)
		SELECT $1, $2, $3, $4, CASE WHEN $5 > 0 THEN now() + make_interval(secs => $5) END, nullif($6::integer, 0)
		WHERE (SELECT count(*) FROM group_links l WHERE l.conversation_id = $3 AND `+working+`) < $7`,
		id, hash, group, by, life.Seconds(), uses, most)
	if err == nil && made == 0 {
		return &chat.Error{
			Kind: chat.KindConflict, Code: chat.CodeTooManyLinks, Args: chat.Args{"Max": most, "Count": most},
		}
	}
	return err
}

// GroupLinks implements chat.Store.
func (s *Store) GroupLinks(ctx context.Context, group chat.ID) ([]chat.GroupLink, error) {
	var rows []struct {
		cardRow
		LinkID    chat.ID       `db:"link_id"`
		CreatedAt time.Time     `db:"created_at"`
		ExpiresAt *time.Time    `db:"expires_at"`
		MaxUses   sql.NullInt64 `db:"max_uses"`
		Uses      int           `db:"uses"`
	}
	err := s.list(ctx, &rows, `
		SELECT l.id AS link_id, l.created_at, l.expires_at, l.max_uses, l.uses, p.id, p.username, p.display_name, p.card_seq
		FROM group_links l JOIN people p ON p.id = l.created_by
		WHERE l.conversation_id = $1 AND `+working+` ORDER BY l.created_at DESC, l.id`, group)
	links := make([]chat.GroupLink, 0, len(rows))
	for _, row := range rows {
		links = append(links, chat.GroupLink{
			ID: row.LinkID, CreatedBy: row.card(), CreatedAt: row.CreatedAt, ExpiresAt: row.ExpiresAt,
			MaxUses: int(row.MaxUses.Int64), Uses: row.Uses,
		})
	}
	return links, err
}

// RevokeGroupLink implements chat.Store.
func (s *Store) RevokeGroupLink(ctx context.Context, group, link chat.ID) error {
	return s.change(ctx, `
		UPDATE group_links SET revoked_at = now() WHERE id = $1 AND conversation_id = $2 AND revoked_at IS NULL`, link, group)
}

// GroupByLink implements chat.Store.
func (s *Store) GroupByLink(ctx context.Context, viewer chat.ID, hash []byte) (chat.GroupInvitation, error) {
	var row struct {
		groupRow
		Member bool `db:"member"`
	}
	err := s.get(ctx, &row, `
		SELECT `+groupColumns+`, m.person_id IS NOT NULL AND m.until_change IS NULL AS member
		FROM group_links l JOIN conversations c ON c.id = l.conversation_id
		LEFT JOIN LATERAL (SELECT * FROM members WHERE conversation_id = c.id AND person_id = $1 LIMIT 1) m ON true
		WHERE l.token_hash = $2 AND c.member_count > 0 AND `+removed+` IS NOT TRUE
			AND (m.person_id IS NOT NULL AND m.until_change IS NULL OR NOT `+apart("$1", "l.created_by")+`) AND `+working, viewer, hash)
	return chat.GroupInvitation{
		GroupID: row.ID, Name: row.Name, Description: row.Description, MemberCount: row.MemberCount, Member: row.Member,
	}, groupLink(err)
}

// UseGroupLink implements chat.Store. One statement takes a use, or finds none left.
func (s *Store) UseGroupLink(ctx context.Context, viewer chat.ID, hash []byte) error {
	return groupLink(s.change(ctx, `
		UPDATE group_links l SET uses = l.uses + 1
		WHERE l.token_hash = $2 AND NOT `+apart("$1", "l.created_by")+` AND `+working, viewer, hash))
}

func groupLink(err error) error {
	if chat.KindOf(err) == chat.KindNotFound {
		return &chat.Error{Kind: chat.KindNotFound, Code: chat.CodeGroupLink}
	}
	return err
}
