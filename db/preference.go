package db

import (
	"context"

	"parley/chat"
)

// UpdateChoices implements chat.Store. What is nil stays as it is.
func (s *Store) UpdateChoices(ctx context.Context, person, conversation chat.ID, n chat.NewChoices) error {
	return s.change(ctx, `
		UPDATE members m SET
			quiet_until = CASE WHEN $3::timestamptz IS NULL THEN m.quiet_until WHEN $3 > now() THEN $3 END,
			pinned_at = CASE WHEN $4::boolean IS NULL THEN m.pinned_at WHEN $4 THEN coalesce(m.pinned_at, now()) END,
			archived_seq = CASE WHEN $5::boolean IS NULL THEN m.archived_seq WHEN $5 THEN coalesce(m.left_seq, c.msg_seq) END,
			notify = coalesce($6, m.notify)
		FROM conversations c
		WHERE c.id = m.conversation_id AND m.person_id = $1 AND m.conversation_id = $2`,
		person, conversation, n.QuietUntil, n.Pinned, n.Archived, n.Notify)
}
