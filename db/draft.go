package db

import (
	"context"

	"parley/chat"
)

// UpsertDraft implements chat.Store. Both statements go through the membership: what is not the person's is not there.
func (s *Store) UpsertDraft(ctx context.Context, person, conversation chat.ID, body string) error {
	if body == "" {
		var mine bool
		err := s.get(ctx, &mine, `
			WITH gone AS (DELETE FROM drafts WHERE person_id = $1 AND conversation_id = $2)
			SELECT true FROM members WHERE person_id = $1 AND conversation_id = $2`, person, conversation)
		return err
	}
	return s.change(ctx, `
		INSERT INTO drafts (person_id, conversation_id, body)
		SELECT m.person_id, m.conversation_id, $3 FROM members m
		WHERE m.person_id = $1 AND m.conversation_id = $2 AND m.until_change IS NULL
		ON CONFLICT (person_id, conversation_id) DO UPDATE SET body = excluded.body, saved_at = now()`,
		person, conversation, body)
}
