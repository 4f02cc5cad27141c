package db

import (
	"context"
	"time"

	"parley/chat"
)

// apart is the condition that of two people one has blocked the other. It stays where it is written, as two look-ups: a
// planner does not make a join of a union.
func apart(a, b string) string {
	return `EXISTS (
			SELECT FROM blocks WHERE blocker_id = ` + a + ` AND blocked_id = ` + b + `
			UNION ALL SELECT FROM blocks WHERE blocker_id = ` + b + ` AND blocked_id = ` + a + `)`
}

// apartFrom are all those who stand in a block relation to somebody, as a column id.
func apartFrom(person string) string {
	return `(SELECT blocked_id AS id FROM blocks WHERE blocker_id = ` + person + `
			UNION ALL SELECT blocker_id FROM blocks WHERE blocked_id = ` + person + `)`
}

// talksApart are the keys of the direct conversations with those who stand in a block relation to a person, made once for
// all of them; see directKey.
func talksApart(person string) string {
	return `ARRAY(SELECT least(far.id::text COLLATE "C", ` + person + `::uuid::text) || ':' || greatest(far.id::text COLLATE "C", ` + person + `::uuid::text)
			FROM ` + apartFrom(person) + ` far)`
}

// notBlockedBy keeps messages by those out whom a person has blocked. The array is made once for all of them.
func notBlockedBy(person, author string) string {
	return author + ` <> ALL (ARRAY(SELECT blocked_id FROM blocks WHERE blocker_id = ` + person + `))`
}

// memberBlocks are, of those who are or were in the conversation of a member m, whom the member has blocked, and by whom
// the member is.
const memberBlocks = `ARRAY(
		SELECT b.blocked_id FROM blocks b
		WHERE b.blocker_id = m.person_id
			AND (SELECT true FROM members om WHERE om.conversation_id = m.conversation_id AND om.person_id = b.blocked_id LIMIT 1)
		ORDER BY 1
	) AS blocks, ARRAY(
		SELECT b.blocker_id FROM blocks b
		WHERE b.blocked_id = m.person_id
			AND (SELECT true FROM members om WHERE om.conversation_id = m.conversation_id AND om.person_id = b.blocker_id LIMIT 1)
		ORDER BY 1
	) AS blocked_by`

// LockPeople implements chat.Store.
func (s *Store) LockPeople(ctx context.Context, people ...chat.ID) error {
	_, err := s.exec(ctx, `SELECT FROM people WHERE id = ANY($1) ORDER BY id FOR NO KEY UPDATE`, people)
	return err
}

// InsertBlock implements chat.Store.
func (s *Store) InsertBlock(ctx context.Context, blocker, blocked chat.ID) (bool, error) {
	var there bool
	if err := s.get(ctx, &there, `SELECT EXISTS (SELECT FROM people WHERE id = $1)`, blocked); err != nil {
		return false, err
	}
	if !there {
		return false, chat.NotFound()
	}
	made, err := s.exec(ctx, `INSERT INTO blocks (blocker_id, blocked_id) VALUES ($1, $2) ON CONFLICT DO NOTHING`, blocker, blocked)
	return made > 0, err
}

// DeleteBlock implements chat.Store.
func (s *Store) DeleteBlock(ctx context.Context, blocker, blocked chat.ID) (bool, error) {
	ended, err := s.exec(ctx, `DELETE FROM blocks WHERE blocker_id = $1 AND blocked_id = $2`, blocker, blocked)
	return ended > 0, err
}

// bothMembers are the rows of a direct conversation, of which the condition on c holds, locked in the order of their key:
// whoever is about to change both takes them so, also where the first change is of one row alone (see UpdatePositions).
func bothMembers(condition string) string {
	return `locked AS MATERIALIZED (
			SELECT m.conversation_id, m.person_id
			FROM conversations c JOIN members m ON m.conversation_id = c.id
			WHERE ` + condition + ` AND c.kind = 'direct' ORDER BY m.person_id FOR NO KEY UPDATE OF m
		)`
}

// UpdateClosed implements chat.Store. Whatever closes a conversation stands here, because it is worked out anew whenever
// one of the reasons comes or goes.
func (s *Store) UpdateClosed(ctx context.Context, a, b chat.ID) error {
	_, err := s.exec(ctx, `
		WITH `+bothMembers("c.direct_key = $1")+`
		UPDATE members m SET closed = `+apart("$2", "$3")+` OR EXISTS (
			SELECT FROM members asked WHERE asked.conversation_id = locked.conversation_id AND asked.request = 'declined'
		) OR EXISTS (SELECT FROM people WHERE id IN ($2, $3) AND state = 'closed')
		FROM locked
		WHERE m.conversation_id = locked.conversation_id AND m.person_id = locked.person_id`, directKey(a, b), a, b)
	return err
}

// Relations implements chat.Store.
func (s *Store) Relations(ctx context.Context, viewer chat.ID, people []chat.ID) (map[chat.ID]chat.Relation, error) {
	var rows []struct {
		ID     chat.ID `db:"id"`
		Blocks bool    `db:"blocks"`
	}
	err := s.list(ctx, &rows, `
		SELECT blocked_id AS id, true AS blocks FROM blocks WHERE blocker_id = $1 AND blocked_id = ANY($2)
		UNION ALL SELECT blocker_id, false FROM blocks WHERE blocked_id = $1 AND blocker_id = ANY($2)`, viewer, people)
	relations := map[chat.ID]chat.Relation{}
	for _, row := range rows {
		relation := relations[row.ID]
		if row.Blocks {
			relation.Blocks = true
		} else {
			relation.BlockedBy = true
		}
		relations[row.ID] = relation
	}
	return relations, err
}

// PersonToBlock implements chat.Store.
func (s *Store) PersonToBlock(ctx context.Context, viewer, person chat.ID) (chat.Profile, error) {
	var row struct {
		cardRow
		Blocked bool `db:"blocked"`
	}
	err := s.get(ctx, &row, `
		SELECT p.id, p.username, p.display_name, p.card_seq,
			EXISTS (SELECT FROM blocks WHERE blocker_id = $1 AND blocked_id = p.id) AS blocked
		FROM people p WHERE p.id = $2 AND p.id <> $1`, viewer, person)
	return chat.Profile{Card: row.card(), Blocked: row.Blocked}, err
}

// Blocked implements chat.Store. The cursor is that of a search for people.
func (s *Store) Blocked(ctx context.Context, viewer chat.ID, after string, limit int) (chat.BlockedPage, error) {
	cursor := parseSearchCursor(after)
	var rows []struct {
		cardRow
		Since time.Time `db:"since"`
		Sort  string    `db:"sort"`
	}
	err := s.list(ctx, &rows, `
		SELECT p.id, p.username, p.display_name, p.card_seq, b.created_at AS since, p.sort_name AS sort
		FROM blocks b JOIN people p ON p.id = b.blocked_id
		WHERE b.blocker_id = $1 AND (p.sort_name, p.id) > ($2, $3)
		ORDER BY p.sort_name, p.id LIMIT $4`, viewer, cursor.Name, cursor.ID, limit+1)
	var page chat.BlockedPage
	for i, row := range rows {
		if i == limit {
			last := rows[limit-1]
			page.Next = searchCursor{Name: last.Sort, ID: last.ID}.String()
			break
		}
		page.People = append(page.People, chat.BlockedPerson{Card: row.card(), Since: row.Since})
	}
	return page, err
}
