package realtime

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"parley/chat"
	"parley/views"
)

// What a person is called belongs to no conversation, so the cursor of a page does not speak of it. A page says instead
// when it was drawn, by the database's clock; on opening it gets every card that changed since, and afterwards each as it
// changes. A card carries its version, so that getting one twice, or late, harms nothing.

// cardChanged pushes a person's card to the open conversations that the person is in, and the list rows that show it.
func (h *Hub) cardChanged(person chat.ID, seq int64) {
	h.cards.Store(person, seq)
	ctx, cancel := h.queryContext()
	defer cancel()
	cards, err := h.chat.CardsIn(ctx, h.openConversations(), []chat.ID{person}, time.Time{})
	showing, showingErr := h.chat.ConversationsShowing(ctx, person)
	if err := errors.Join(err, showingErr); err != nil {
		h.log.Warn("a card was not sent", "person", person, "error", err)
		h.cards.Delete(person) // the sweep tries again
		return
	}
	for _, card := range cards {
		h.sendCard(card)
	}
	for _, conversation := range showing {
		h.rows.conversation(conversation)
	}
}

func (h *Hub) openConversations() []chat.ID {
	h.mu.RLock()
	defer h.mu.RUnlock()
	ids := make([]chat.ID, 0, len(h.feeds))
	for id := range h.feeds {
		ids = append(ids, id)
	}
	return ids
}

// sendCard hands a card to everybody who has the conversation open and is told of it.
func (h *Hub) sendCard(card chat.MemberCard) {
	h.mu.RLock()
	f := h.feeds[card.ConversationID]
	h.mu.RUnlock()
	if f == nil {
		return
	}
	encoded := peopleFrame(card.ConversationID, []chat.MemberCard{card}).encode()
	f.mu.Lock()
	defer f.mu.Unlock()
	for sub := range f.subs {
		if card.Reaches(sub.socket.viewer.ID) {
			sub.socket.write(encoded)
		}
	}
}

// sendCardsSince tells a page that has just subscribed what changed since it was drawn; at is in microseconds since 1970,
// and zero for a client that keeps no cards.
func (h *Hub) sendCardsSince(ctx context.Context, sub *subscription, at int64) error {
	cards, err := cardsSince(ctx, h.chat, sub.socket.viewer, sub.feed.id, at)
	if err == nil && len(cards) > 0 {
		sub.socket.send(peopleFrame(sub.feed.id, cards))
	}
	return err
}

func cardsSince(
	ctx context.Context, c *chat.Chat, viewer chat.Viewer, conversation chat.ID, at int64,
) ([]chat.MemberCard, error) {
	if at <= 0 {
		return nil, nil
	}
	cards, err := c.CardsIn(ctx, []chat.ID{conversation}, nil, time.UnixMicro(at).Add(-sweepOverlap))
	return slices.DeleteFunc(cards, func(m chat.MemberCard) bool { return !m.Reaches(viewer.ID) }), err
}

func peopleFrame(conversation chat.ID, cards []chat.MemberCard) frame {
	return frame{Type: framePeople, Conversation: conversation.String(), HTML: renderCards(cards)}
}

func renderCards(cards []chat.MemberCard) string {
	var b strings.Builder
	for _, card := range cards {
		// A builder takes everything.
		_ = views.CardUpdate(views.NewPerson(card.Card)).Render(context.Background(), &b)
	}
	return b.String()
}

// sweepCards looks for cards of which this node heard nothing.
func (h *Hub) sweepCards(ctx context.Context, since time.Time) error {
	changed, err := h.chat.ChangedCards(ctx, since)
	if err != nil {
		return err
	}
	for person, seq := range changed {
		if known, ok := h.cards.Load(person); !ok || known.(int64) < seq {
			h.cardChanged(person, seq)
		}
	}
	h.cards.Range(func(person, _ any) bool {
		if _, still := changed[person.(chat.ID)]; !still {
			h.cards.Delete(person)
		}
		return true
	})
	return nil
}
