package db

import (
	"context"
	"time"

	"parley/chat"
)

// UpdateChoices implements chat.Store. What is nil stays as it is.
func (s *Store) UpdateChoices(ctx context.Context, person, conversation chat.ID, n chat.NewChoices) (move int64, err error) {
	err = s.get(ctx, &move, noted(`
		UPDATE members m SET
			quiet_until = CASE WHEN $3::timestamptz IS NULL THEN m.quiet_until WHEN $3 > now() THEN $3 END,
			pinned_at = CASE WHEN $4::boolean IS NULL THEN m.pinned_at WHEN $4 THEN coalesce(m.pinned_at, now()) END,
			archived_seq = CASE WHEN $5::boolean IS NULL THEN m.archived_seq WHEN $5 THEN coalesce(m.left_seq, c.msg_seq) END,
			notify = coalesce($6, m.notify)
		FROM conversations c
		WHERE c.id = m.conversation_id AND m.person_id = $1 AND m.conversation_id = $2
		RETURNING m.person_id, m.conversation_id`),
		person, conversation, n.QuietUntil, n.Pinned, n.Archived, n.Notify)
	return move, err
}

// QuietEnded implements chat.Store.
func (s *Store) QuietEnded(ctx context.Context, after, until time.Time) (map[chat.ID][]chat.ID, error) {
	var rows []struct {
		PersonID       chat.ID `db:"person_id"`
		ConversationID chat.ID `db:"conversation_id"`
	}
	err := s.list(ctx, &rows, `
		SELECT person_id, conversation_id FROM members
		WHERE quiet_until > $1 AND quiet_until <= $2 AND until_change IS NULL`, after, until)
	ended := map[chat.ID][]chat.ID{}
	for _, row := range rows {
		ended[row.PersonID] = append(ended[row.PersonID], row.ConversationID)
	}
	return ended, err
}
