package chat

import (
	"context"
	"unicode/utf8"
)

// SaveDraft keeps what the viewer has begun to write in a conversation, for all of the viewer's devices; what shows
// nothing takes the draft away. A draft is nobody else's business: only the viewer's own pages hear of it.
//
// Errors: invalid (body), not_found, too_many.
func (c *Chat) SaveDraft(ctx context.Context, viewer Viewer, conversation ID, body string) error {
	body = unifyLines(body)
	switch {
	case badText(body, true):
		return invalid("body", CodeBadText, nil)
	case utf8.RuneCountInString(body) > MaxDraft:
		return invalid("body", CodeTooLong, Args{"Max": MaxDraft, "Count": MaxDraft})
	case blank(body):
		body = ""
	}
	if err := c.allow(ctx, limited{LimitDraft, viewer.ID.String()}); err != nil {
		return err
	}
	if err := c.store.UpsertDraft(ctx, viewer.ID, conversation, body); err != nil {
		return err
	}
	c.publish(ctx, DraftSaved{PersonID: viewer.ID, ConversationID: conversation})
	return nil
}
