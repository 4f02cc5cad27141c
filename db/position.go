package db

import (
	"context"
	"math"
	"time"

	"parley/chat"
)

// UpdatePositions implements chat.Store. Rows are locked in the order of their key, and only those that may have to move;
// positions only grow, and end at the conversation's end. What others may see moves for those who show receipts, and in a
// large group not by what has reached a device. What was seen before a mark the page has not heard of does not move what is
// unread. Where all that was seen is the person's own, no row of a list is another one for it, and that is no move; only the
// next few messages are looked at.
func (s *Store) UpdatePositions(ctx context.Context, positions []chat.Position) (moved []chat.Move, shown []chat.ID, err error) {
	people := make([]chat.ID, len(positions))
	conversations := make([]chat.ID, len(positions))
	delivered := make([]int64, len(positions))
	read := make([]int64, len(positions))
	marks := make([]int64, len(positions))
	for i, p := range positions {
		people[i], conversations[i], delivered[i], read[i], marks[i] = p.PersonID, p.ConversationID, p.Delivered, p.Read, math.MaxInt64
		if p.Marks != nil {
			marks[i] = *p.Marks
		}
	}
	var rows []struct {
		PersonID       chat.ID `db:"person_id"`
		ConversationID chat.ID `db:"conversation_id"`
		Move           *int64  `db:"move"`
		Shown          bool    `db:"shown"`
	}
	err = s.list(ctx, &rows, `
		WITH asked AS (
			SELECT conversation_id, person_id, max(delivered) AS delivered, max(read) AS read,
				array_agg(read) AS reads, array_agg(marks) AS marks
			FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::bigint[], $5::bigint[])
				AS t (conversation_id, person_id, delivered, read, marks)
			GROUP BY conversation_id, person_id
		), locked AS MATERIALIZED (
			SELECT m.conversation_id, m.person_id, m.unread_from, m.delivered_seq, m.read_seq,
				CASE WHEN may.deliver THEN least(greatest(asked.delivered, asked.read), c.msg_seq) ELSE 0 END AS delivered,
				CASE WHEN may.show THEN least(asked.read, c.msg_seq) ELSE 0 END AS read,
				least(coalesce((SELECT max(a.read) FROM unnest(asked.reads, asked.marks) AS a (read, marks)
					WHERE a.marks >= m.unread_marks), 0), c.msg_seq) AS seen
			FROM asked JOIN members m USING (conversation_id, person_id) JOIN conversations c ON c.id = m.conversation_id
			JOIN people p ON p.id = m.person_id
			CROSS JOIN LATERAL (SELECT p.receipts AS show, p.receipts AND NOT `+hidesPresence("p")+` AND NOT `+largeGroup+` AS deliver) may
			WHERE m.until_change IS NULL AND (
				may.deliver AND m.delivered_seq < greatest(asked.delivered, asked.read)
				OR may.show AND m.read_seq < asked.read OR m.unread_from < asked.read)
			ORDER BY m.conversation_id, m.person_id
			FOR NO KEY UPDATE OF m
		), updated AS (
		UPDATE members m SET
			delivered_seq = greatest(m.delivered_seq, locked.delivered),
			read_seq = greatest(m.read_seq, locked.read),
			unread_from = greatest(m.unread_from, locked.seen)
		FROM locked
		WHERE m.conversation_id = locked.conversation_id AND m.person_id = locked.person_id
			AND (m.delivered_seq < locked.delivered OR m.read_seq < locked.read OR m.unread_from < locked.seen)
		RETURNING m.person_id, m.conversation_id, locked.unread_from < m.unread_from AND (
				m.unread_from - locked.unread_from > 10 OR EXISTS (
					SELECT FROM messages x WHERE x.conversation_id = m.conversation_id AND x.author_id <> m.person_id
						AND x.seq > locked.unread_from AND x.seq <= m.unread_from)) AS moved,
			locked.read_seq < m.read_seq OR locked.delivered_seq < m.delivered_seq AS shown
		), noted AS (
			INSERT INTO moves (person_id, conversation_id) SELECT person_id, conversation_id FROM updated WHERE moved
			RETURNING id, person_id, conversation_id
		)
		SELECT updated.person_id, updated.conversation_id, noted.id AS move, updated.shown
		FROM updated LEFT JOIN noted USING (person_id, conversation_id)`,
		conversations, people, delivered, read, marks)
	for _, row := range rows {
		if row.Move != nil {
			moved = append(moved, chat.Move{Number: *row.Move, PersonID: row.PersonID, ConversationID: row.ConversationID})
		}
		if row.Shown {
			shown = append(shown, row.ConversationID)
		}
	}
	return moved, onlyOnce(shown), err
}

// UpdateUnreadFrom implements chat.Store.
func (s *Store) UpdateUnreadFrom(ctx context.Context, person, conversation chat.ID, from int64) (move int64, err error) {
	err = s.get(ctx, &move, noted(`
		UPDATE members SET unread_from = least(unread_from, greatest($3::bigint, 0)), unread_marks = unread_marks + 1
		WHERE conversation_id = $1 AND person_id = $2 AND until_change IS NULL
		RETURNING person_id, conversation_id`), conversation, person, from)
	return move, err
}

// noted is a statement that changes members' rows and returns whose, which notes their moves and returns the numbers.
func noted(update string) string {
	return `WITH updated AS (` + update + `)
		INSERT INTO moves (person_id, conversation_id) SELECT person_id, conversation_id FROM updated RETURNING id`
}

// Moved implements chat.Store. A move is kept for a minute: what commits becomes visible within 5 s, and each node looks
// every two.
func (s *Store) Moved(ctx context.Context, since time.Time) ([]chat.Move, error) {
	var rows []struct {
		ID             int64   `db:"id"`
		PersonID       chat.ID `db:"person_id"`
		ConversationID chat.ID `db:"conversation_id"`
	}
	err := s.list(ctx, &rows, `
		WITH forgotten AS (DELETE FROM moves WHERE moved_at < clock_timestamp() - interval '1 minute')
		SELECT id, person_id, conversation_id FROM moves WHERE moved_at > $1`, since)
	moves := make([]chat.Move, len(rows))
	for i, row := range rows {
		moves[i] = chat.Move{Number: row.ID, PersonID: row.PersonID, ConversationID: row.ConversationID}
	}
	return moves, err
}
