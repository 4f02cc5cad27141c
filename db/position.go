package db

import (
	"context"

	"parley/chat"
)

// UpdatePositions implements chat.Store. Rows are locked in the order of their key; positions only grow, and end at the
// conversation's end.
func (s *Store) UpdatePositions(ctx context.Context, positions []chat.Position) ([]chat.Position, error) {
	people := make([]chat.ID, len(positions))
	conversations := make([]chat.ID, len(positions))
	delivered := make([]int64, len(positions))
	read := make([]int64, len(positions))
	for i, p := range positions {
		people[i], conversations[i], delivered[i], read[i] = p.PersonID, p.ConversationID, p.Delivered, p.Read
	}
	var rows []struct {
		PersonID       chat.ID `db:"person_id"`
		ConversationID chat.ID `db:"conversation_id"`
		ReadSeq        int64   `db:"read_seq"`
		DeliveredSeq   int64   `db:"delivered_seq"`
		Moved          bool    `db:"moved"`
	}
	err := s.list(ctx, &rows, `
		WITH asked AS (
			SELECT conversation_id, person_id, max(delivered) AS delivered, max(read) AS read
			FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::bigint[])
				AS t (conversation_id, person_id, delivered, read)
			GROUP BY conversation_id, person_id
		), locked AS MATERIALIZED (
			SELECT m.conversation_id, m.person_id, m.unread_from,
				least(greatest(asked.delivered, asked.read), c.msg_seq) AS delivered, least(asked.read, c.msg_seq) AS read
			FROM asked JOIN members m USING (conversation_id, person_id) JOIN conversations c ON c.id = m.conversation_id
			WHERE m.until_change IS NULL
			ORDER BY m.conversation_id, m.person_id
			FOR NO KEY UPDATE OF m
		)
		UPDATE members m SET
			delivered_seq = greatest(m.delivered_seq, locked.delivered),
			read_seq = greatest(m.read_seq, locked.read),
			unread_from = greatest(m.unread_from, locked.read)
		FROM locked
		WHERE m.conversation_id = locked.conversation_id AND m.person_id = locked.person_id
			AND (m.delivered_seq < locked.delivered OR m.read_seq < locked.read OR m.unread_from < locked.read)
		RETURNING m.person_id, m.conversation_id, m.read_seq, m.delivered_seq, locked.unread_from < m.unread_from AS moved`,
		conversations, people, delivered, read)
	var moved []chat.Position
	for _, row := range rows {
		if row.Moved {
			moved = append(moved, chat.Position{
				PersonID: row.PersonID, ConversationID: row.ConversationID, Delivered: row.DeliveredSeq, Read: row.ReadSeq,
			})
		}
	}
	return moved, err
}
