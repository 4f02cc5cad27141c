package db

import (
	"context"
	"errors"
	"strconv"

	"parley/chat"
)

// admits is the condition that a person (whose row has that alias) lets another do what the column speaks of.
func admits(column, person, other string) string {
	return `(` + person + `.` + column + ` = 'everybody' OR ` + person + `.id = ` + other + ` OR ` + person + `.` + column + ` = 'groups' AND EXISTS (
			SELECT FROM members mine JOIN members theirs ON theirs.conversation_id = mine.conversation_id
			JOIN conversations shared ON shared.id = mine.conversation_id AND shared.kind = 'group'
			WHERE mine.person_id = ` + person + `.id AND mine.until_change IS NULL AND theirs.person_id = ` + other + ` AND theirs.until_change IS NULL))`
}

// Reach implements chat.Store.
func (s *Store) Reach(ctx context.Context, person chat.ID) (chat.Reach, error) {
	var row struct {
		Writes string `db:"may_write"`
		Adds   string `db:"may_add"`
		Finds  string `db:"may_find"`
	}
	err := s.get(ctx, &row, `SELECT may_write, may_add, may_find FROM people WHERE id = $1`, person)
	return chat.Reach{Writes: chat.Circle(row.Writes), Adds: chat.Circle(row.Adds), Finds: chat.Circle(row.Finds)}, err
}

// UpdateReach implements chat.Store.
func (s *Store) UpdateReach(ctx context.Context, person chat.ID, reach chat.Reach) error {
	return s.change(ctx, `UPDATE people SET may_write = $2, may_add = $3, may_find = $4 WHERE id = $1`,
		person, reach.Writes, reach.Adds, reach.Finds)
}

// unwritten is the condition of a conversation c that somebody else began with a person (whose row in it is own), who has not
// opened it, and that nobody has written in.
const unwritten = `c.kind = 'direct' AND c.msg_seq = 0 AND c.created_by <> own.person_id AND own.opened_at IS NULL
			AND own.request IS DISTINCT FROM 'declined'`

// DecideRequests implements chat.Store. They are locked in the order of their keys.
func (s *Store) DecideRequests(ctx context.Context, person chat.ID) error {
	var conversations []chat.ID
	err := s.list(ctx, &conversations, `
		SELECT own.conversation_id FROM members own JOIN conversations c ON c.id = own.conversation_id
		WHERE own.person_id = $1 AND `+unwritten+` ORDER BY own.conversation_id`, person)
	for _, conversation := range conversations {
		err = errors.Join(err, s.decideRequest(ctx, person, conversation))
	}
	return err
}

// decideRequest decides it of one. Both of its rows are locked in the order of their key, and what is written meanwhile is seen
// only behind the locks: with its writer's row locked nobody can write, so the second statement decides by what is.
func (s *Store) decideRequest(ctx context.Context, person, conversation chat.ID) error {
	if _, err := s.exec(ctx, `
		SELECT FROM members WHERE conversation_id = $1 ORDER BY person_id FOR NO KEY UPDATE`, conversation); err != nil {
		return err
	}
	_, err := s.exec(ctx, `
		UPDATE members own SET request = CASE WHEN NOT `+admits("may_write", "p", "c.created_by")+` THEN 'pending' END
		FROM conversations c, people p
		WHERE own.conversation_id = $2 AND own.person_id = $1 AND c.id = $2 AND p.id = $1 AND `+unwritten, person, conversation)
	return err
}

// askedIn finds out whether somebody else is asked, in the conversation, whether it is wanted. What it asks of is not locked:
// nobody is asked later than before the first message, and an answer that comes at the same moment counts from the next send on.
func askedIn(conversation string) string {
	return `(SELECT true FROM members asked WHERE asked.conversation_id = ` + conversation + ` AND asked.request = 'pending' LIMIT 1)`
}

// saidEnough is a condition: that a conversation has as many messages as somebody may write who waits for an answer.
func saidEnough(conversation string) string {
	return conversation + `.msg_seq >= ` + strconv.Itoa(chat.MaxUnanswered)
}

// waits is the condition of a row m whose conversation c waits for the member's answer. One that is closed waits for none.
const waits = `m.request = 'pending' AND NOT m.closed AND c.msg_seq > 0`

// Requests implements chat.Store.
func (s *Store) Requests(ctx context.Context, person chat.ID, limit int) ([]chat.ListRow, error) {
	var rows []listRow
	err := s.list(ctx, &rows, `
		SELECT `+listColumns+`
		FROM members m `+conversationOfMember+` `+listJoins+`
		WHERE m.person_id = $1 AND `+waits+`
		ORDER BY c.last_activity_at DESC, c.id LIMIT $2`, person, limit)
	list := make([]chat.ListRow, 0, len(rows))
	for _, row := range rows {
		list = append(list, row.row())
	}
	return list, err
}

// UpdateRequest implements chat.Store.
func (s *Store) UpdateRequest(ctx context.Context, person, conversation chat.ID, answer chat.RequestState) error {
	return s.change(ctx, `
		WITH `+bothMembers("c.id = $2")+`
		UPDATE members m SET request = nullif($3, '') FROM locked
		WHERE m.conversation_id = locked.conversation_id AND m.person_id = locked.person_id AND m.person_id = $1
			AND m.request = 'pending'`, person, conversation, answer)
}
