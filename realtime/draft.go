package realtime

import "parley/chat"

// draftSaved tells the person's pages that show the conversation what its draft is now.
func (h *Hub) draftSaved(person, conversation chat.ID) {
	var showing []*Socket
	for _, s := range h.socketsOf(person) {
		s.mu.Lock()
		if s.sub != nil && s.sub.feed.id == conversation {
			showing = append(showing, s)
		}
		s.mu.Unlock()
	}
	if len(showing) == 0 {
		return
	}
	ctx, cancel := h.queryContext()
	defer cancel()
	member, err := h.chat.Membership(ctx, showing[0].viewer, conversation)
	if err != nil {
		h.log.Warn("a draft was not sent", "conversation", conversation, "error", err)
		return // a page asks again when it opens the conversation
	}
	for _, s := range showing {
		s.send(draftFrame(member))
	}
}

func draftFrame(member chat.Member) frame {
	return frame{Type: frameDraft, Conversation: member.ConversationID.String(), Text: &member.Draft}
}
