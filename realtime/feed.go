package realtime

import (
	"context"
	"slices"
	"sync"

	"parley/chat"
)

// feed follows one conversation while somebody on this node has it open. It knows the last change it delivered; on a
// hint it reads what came after, renders each change once per kind of viewer, and hands the bytes to those entitled.
type feed struct {
	hub *Hub
	id  chat.ID

	mu      sync.Mutex
	subs    map[*subscription]struct{}
	head    int64 // delivered to every live subscription
	wanted  int64 // hinted
	hints   int64 // how often
	reading bool
}

// subscription is one page's place in a feed.
type subscription struct {
	socket *Socket
	feed   *feed
	member chat.Member
	live   bool // replay is through; before, the feed passes it over
	over   bool // the membership has ended within what was delivered: nothing more, until it is asked for anew
}

func (sub *subscription) silenced() bool {
	sub.feed.mu.Lock()
	defer sub.feed.mu.Unlock()
	return sub.over
}

// hint says that there are changes up to changeSeq.
func (f *feed) hint(changeSeq int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.wanted = max(f.wanted, changeSeq)
	f.hints++
	f.startLocked()
}

// startLocked lets one goroutine read as long as there is something to read and somebody to read it for.
func (f *feed) startLocked() {
	if f.reading || f.head >= f.wanted || !f.anyLiveLocked() {
		return
	}
	f.reading = true
	f.hub.spawn(f.read)
}

func (f *feed) anyLiveLocked() bool {
	for sub := range f.subs {
		if sub.live {
			return true
		}
	}
	return false
}

func (f *feed) read() {
	for {
		f.mu.Lock()
		from := f.head
		if from >= f.wanted || !f.anyLiveLocked() {
			f.reading = false
			f.mu.Unlock()
			return
		}
		hints := f.hints
		f.mu.Unlock()

		ctx, cancel := f.hub.queryContext()
		changes, err := f.hub.chat.ChangesSince(ctx, f.id, from, chat.MaxReplayChanges)
		cancel()

		f.mu.Lock()
		if err != nil {
			// The next hint, or the sweep, tries again.
			f.hub.log.Warn("feed not read", "conversation", f.id, "error", err)
			f.reading = false
			f.mu.Unlock()
			return
		}
		f.deliverLocked(changes)
		if f.head == changes.Head && f.hints == hints {
			// Everything there was is delivered, and nobody hinted meanwhile: a hint of more was mistaken.
			f.wanted = f.head
		}
		f.mu.Unlock()
	}
}

// deliverLocked hands a stretch to the live subscriptions.
func (f *feed) deliverLocked(changes chat.Changes) {
	if changes.From != f.head {
		return // somebody newly subscribed has moved the head meanwhile; read again from there
	}
	if changes.Head < f.head {
		// The history is shorter than what was shown of it: it is another one.
		f.resetLocked()
		f.head, f.wanted = changes.Head, changes.Head
		return
	}
	rendering := newRendering(changes)
	for sub := range f.subs {
		if !sub.live {
			continue
		}
		member := sub.member
		if end := endOf(member, changes); end != nil {
			// The hint of this comes on its own way, and may come later than what is said afterwards.
			member.UntilChange = end
			sub.live, sub.over = false, true
			f.hub.spawn(func() { f.hub.reenter(sub.socket) })
		}
		sub.socket.write(rendering.frameFor(sub.socket.viewer, member))
	}
	f.head = changes.To
}

// endOf is the change with which a membership ends within a stretch that is later than what is known of the membership;
// nil where it goes on.
func endOf(member chat.Member, changes chat.Changes) *int64 {
	for _, message := range changes.Messages {
		if event := message.Event; event != nil && (event.Code == chat.EventRemoved || event.Code == chat.EventLeft) &&
			slices.ContainsFunc(event.Subjects, func(c chat.Card) bool { return c.ID == member.PersonID }) {
			return &message.ChangeSeq
		}
	}
	return nil
}

// resetLocked makes every page fetch the conversation anew; each comes back with a new cursor.
func (f *feed) resetLocked() {
	for sub := range f.subs {
		sub.live = false
		f.hub.sendReset(sub.socket, f.id)
	}
}

func (h *Hub) sendReset(s *Socket, conversation chat.ID) {
	s.send(frame{Type: "reset", Conversation: conversation.String(), View: h.viewSeqOf(s.viewer.ID)})
}

func (h *Hub) viewSeqOf(id chat.ID) int64 {
	h.mu.RLock()
	defer h.mu.RUnlock()
	if p := h.people[id]; p != nil {
		return p.viewSeq
	}
	return 0
}

// open lets a page follow a conversation from its cursor on: it subscribes first, then replays, then goes on live.
func (h *Hub) open(s *Socket, visit int64, conversation chat.ID, at cursor) {
	if !h.leave(s, visit) {
		return
	}
	ctx, cancel := h.queryContext()
	defer cancel()
	member, err := h.chat.Membership(ctx, s.viewer, conversation)
	if chat.KindOf(err) == chat.KindNotFound {
		s.send(frame{Type: "closed", Conversation: conversation.String()})
		return
	}
	if err != nil {
		h.log.Warn("conversation not opened", "conversation", conversation, "error", err)
		s.cut() // the page comes back
		return
	}
	same, err := h.sameView(ctx, s, at)
	if err != nil {
		h.log.Warn("conversation not opened", "conversation", conversation, "error", err)
		s.cut()
		return
	}
	if !same {
		h.sendReset(s, conversation)
		return
	}
	if !member.Present() {
		if h.lookBack(s, visit, member, at.View) {
			h.sendReset(s, conversation)
			return
		}
		// Nothing that happens there from now on is this person's, not even that something does.
		s.send(frame{Type: "resumed", Conversation: conversation.String(), To: &at.After})
		return
	}
	sub, changed := h.subscribe(s, visit, member, at.View)
	if changed {
		h.sendReset(s, conversation)
	}
	if sub == nil {
		return
	}
	if at.Drafted || member.Draft != "" {
		s.send(draftFrame(member))
	}
	if err := h.sendCardsSince(ctx, sub, at.At); err != nil {
		h.log.Warn("conversation not opened", "conversation", conversation, "error", err)
		s.cut()
		return
	}
	h.replay(sub, at.After)
}

// sameView says whether a cursor belongs to the present history, and to what the person may see at present. A page may
// know of a newer view than this node, which has not heard of it yet: then the row decides.
func (h *Hub) sameView(ctx context.Context, s *Socket, at cursor) (bool, error) {
	if at.Epoch != h.currentEpoch() || at.After < 0 {
		return false, nil
	}
	known := h.viewSeqOf(s.viewer.ID)
	if at.View == known {
		return true, nil
	}
	seqs, err := h.chat.ViewSeqs(ctx, []chat.ID{s.viewer.ID})
	if err != nil {
		return false, err
	}
	h.readPerson(s.viewer.ID, known, seqs[s.viewer.ID])
	return at.View == seqs[s.viewer.ID], nil
}

// subscribe adds the page to the conversation's feed; nil when the page has gone on. It also says whether what the
// person may see has changed since member was read: such a change finds the subscription only once it is here.
func (h *Hub) subscribe(s *Socket, visit int64, member chat.Member, view int64) (sub *subscription, changed bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, connected := h.sockets[s]; !connected {
		return nil, false
	}
	if p := h.people[s.viewer.ID]; p.viewSeq != view {
		return nil, true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.visit != visit {
		return nil, false
	}
	conversation := member.ConversationID
	f := h.feeds[conversation]
	if f == nil {
		f = &feed{hub: h, id: conversation, subs: map[*subscription]struct{}{}}
		h.feeds[conversation] = f
	}
	sub = &subscription{socket: s, feed: f, member: member}
	s.sub = sub
	f.mu.Lock()
	f.subs[sub] = struct{}{}
	f.mu.Unlock()
	return sub, false
}

// lookBack notes what a page shows that has nothing to follow, so that it hears when its person is taken in again. It says
// whether what the person may see has changed since member was read, like subscribe.
func (h *Hub) lookBack(s *Socket, visit int64, member chat.Member, view int64) (changed bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, connected := h.sockets[s]; !connected {
		return false
	}
	if h.people[s.viewer.ID].viewSeq != view {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.visit == visit {
		s.past = &member
	}
	return false
}

// leave ends the page's subscription, if there is one, on behalf of a visit. It says whether the visit is still the
// page's: where the page has gone on meanwhile, what it follows now stays. A feed without subscriptions goes.
func (h *Hub) leave(s *Socket, visit int64) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	s.mu.Lock()
	if s.visit != visit {
		s.mu.Unlock()
		return false
	}
	sub := s.sub
	s.sub, s.past = nil, nil
	s.mu.Unlock()
	if sub == nil {
		return true
	}
	f := sub.feed
	f.mu.Lock()
	defer f.mu.Unlock()
	if delete(f.subs, sub); len(f.subs) == 0 {
		delete(h.feeds, f.id)
	}
	return true
}

// replay sends what came after the cursor, then makes the subscription live in the same step in which nothing is
// missing. Beyond the bounds the page is better fetched anew.
func (h *Hub) replay(sub *subscription, after int64) {
	s, f := sub.socket, sub.feed
	var count, size int
	for {
		ctx, cancel := h.queryContext()
		changes, err := h.chat.ChangesSince(ctx, f.id, after, chat.MaxReplayChanges+1)
		cancel()
		if err != nil {
			h.log.Warn("replay failed", "conversation", f.id, "error", err)
			s.cut()
			return
		}
		same, err := h.stillSees(sub, changes)
		if err != nil {
			h.log.Warn("replay failed", "conversation", f.id, "error", err)
			s.cut()
			return
		}
		encoded := newRendering(changes).frameFor(s.viewer, sub.member)
		count, size = count+len(changes.Messages), size+len(encoded)
		if !same || after > changes.Head || count > chat.MaxReplayChanges || size > chat.MaxReplayBytes {
			h.sendReset(s, f.id)
			return
		}
		if changes.To > after {
			s.write(encoded)
			after = changes.To
		}
		if sub.goLive(after) {
			return
		}
	}
}

// stillSees says whether what was known of the membership when the page opened the conversation holds for a stretch that
// was read later. That somebody goes is told in the stretch itself; whether it was in an earlier stay, the row knows.
func (h *Hub) stillSees(sub *subscription, changes chat.Changes) (bool, error) {
	if endOf(sub.member, changes) == nil {
		return true, nil
	}
	ctx, cancel := h.queryContext()
	defer cancel()
	member, err := h.chat.Membership(ctx, sub.socket.viewer, sub.feed.id)
	if chat.KindOf(err) == chat.KindNotFound {
		return false, nil
	}
	return sameEntitlement(member, sub.member), err
}

// goLive makes the subscription live if it has everything that the feed has delivered.
func (sub *subscription) goLive(after int64) bool {
	f := sub.feed
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, subscribed := f.subs[sub]; !subscribed {
		return true // left meanwhile
	}
	if !f.anyLiveLocked() {
		f.head = after
	}
	if after < f.head {
		return false
	}
	sub.live = true
	sub.socket.send(frame{Type: "resumed", Conversation: f.id.String(), To: &after})
	f.startLocked()
	return true
}

// reenter asks anew what the page's person may see of the open conversation, after that has changed.
func (h *Hub) reenter(s *Socket) {
	s.mu.Lock()
	sub, before, visit := s.sub, s.past, s.visit
	s.mu.Unlock()
	silenced := false
	if sub != nil {
		before, silenced = &sub.member, sub.silenced()
	}
	if before == nil {
		return
	}
	conversation := before.ConversationID
	ctx, cancel := h.queryContext()
	defer cancel()
	member, err := h.chat.Membership(ctx, s.viewer, conversation)
	switch {
	case chat.KindOf(err) == chat.KindNotFound:
		if h.leave(s, visit) {
			s.send(frame{Type: "closed", Conversation: conversation.String()})
		}
	case err != nil:
		s.cut()
	case before.Present() && !member.Present():
		// What was seen may be looked at again; this page was for taking part.
		if h.leave(s, visit) {
			s.send(frame{Type: "closed", Conversation: conversation.String()})
		}
	case !sameEntitlement(member, *before), silenced: // out and in again
		if h.leave(s, visit) {
			h.sendReset(s, conversation)
		}
	}
}

func sameEntitlement(a, b chat.Member) bool {
	until := func(m chat.Member) int64 {
		if m.UntilChange == nil {
			return -1
		}
		return *m.UntilChange
	}
	return a.FromSeq == b.FromSeq && until(a) == until(b) && slices.Equal(a.Past, b.Past) &&
		a.Closed == b.Closed && a.Muted == b.Muted && a.Role == b.Role
}
