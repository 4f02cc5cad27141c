package realtime

import (
	"context"
	"slices"
	"sync"
	"time"

	"parley/chat"
)

// feed follows one conversation while somebody on this node has it open. It knows the last change it delivered; on a
// hint it reads what came after, renders each change once per kind of viewer, and hands the bytes to those entitled.
type feed struct {
	hub *Hub
	id  chat.ID

	mu      sync.Mutex
	subs    map[*subscription]struct{}
	kind    chat.ConversationKind // once it has a live subscription
	head    int64                 // delivered to every live subscription
	wanted  int64                 // hinted
	hints   int64                 // how often
	reading bool
	pending pending // changes that were committed at this node, to measure how long they take

	receiptsDue time.Time // before, authors are not told again

	writers writers
}

// subscription is one page's place in a feed.
type subscription struct {
	socket *Socket
	feed   *feed
	member chat.Member // guarded by feed.mu
	live   bool        // replay is through; before, the feed passes it over
	// receipts are what the page was told last; nil before it was told anything: it may show what holds no more.
	receipts [][4]int64
	// What these were counted from, as far as the feed or a sweep knows; whether they can move no more, unless somebody else
	// counts; up to which of the author's messages they speak; and which is the newest that the page was brought.
	receiptMark chat.ReceiptMark
	settled     bool
	said, wrote int64

	typed time.Time // when somebody last wrote in the page
	line  string    // who writes, as the page was told last
	told  time.Time // when that was
	again bool      // it is to be told the same again, as soon as it may be
}

// hint says that there are changes up to changeSeq; message, if it is known, is what somebody said with that one.
func (f *feed) hint(changeSeq int64, message *chat.Message) {
	f.mu.Lock()
	defer f.mu.Unlock()
	late := f.wanted >= changeSeq
	f.wanted = max(f.wanted, changeSeq)
	f.hints++
	if message != nil && f.nextLocked(changeSeq) {
		changes := chat.Changes{
			Kind: f.kind, From: f.head, To: changeSeq, Head: changeSeq, Messages: []chat.Message{*message},
		}
		f.deliverLocked(changes)
		if late {
			f.noteAuthorsLocked(changes)
		}
	}
	f.startLocked()
}

// nextLocked says whether the change follows what was delivered, with nothing to read beside it. In a direct conversation
// nobody comes or goes; in a group it is read with a message who did, and what members have to do with its author.
func (f *feed) nextLocked(changeSeq int64) bool {
	return f.kind == chat.KindDirect && changeSeq == f.head+1 && f.anyLiveLocked()
}

// swept is hint for what a sweep has found; it notes what no hint has said yet. The order is that of Hub.hear: a hint that
// comes beside either is known here, or finds what is noted.
func (f *feed) swept(head int64) {
	f.mu.Lock()
	if head > max(f.head, f.wanted) && f.anyLiveLocked() {
		f.hub.unheard.note(HintConversation, f.id, head)
	}
	f.mu.Unlock()
	f.hint(head, nil)
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
		f.noteAuthorsLocked(changes)
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
	f.spokeLocked(changes)
	rendering := newRendering(changes)
	began := f.pending.between(changes.From, changes.To)
	var m *mark
	for sub := range f.subs {
		if !sub.live {
			continue
		}
		if now, moved := changes.Moved[sub.socket.viewer.ID]; moved && !now.SeesLike(sub.member) {
			f.endLocked(sub, now, changes)
			continue
		}
		encoded := rendering.frameFor(sub.socket.viewer, sub.member)
		if frame := &encoded[0]; !began.IsZero() && (m == nil || m.frame != frame) {
			m = &mark{frame: frame, at: began}
		}
		sub.socket.writeMarked(encoded, m)
		sub.noteOwnLocked(changes.Messages)
	}
	f.head = changes.To
	if slices.ContainsFunc(changes.Messages, func(m chat.Message) bool { return m.Event != nil }) {
		f.hub.receipts.note(f.id) // whoever came or left counts, or counts no more
	}
	if slices.ContainsFunc(changes.Messages, func(m chat.Message) bool { return m.Seq == 1 }) {
		// From now on the two of a direct conversation share it, and may see more of each other.
		sockets := make([]*Socket, 0, len(f.subs))
		for sub := range f.subs {
			sockets = append(sockets, sub.socket)
		}
		f.hub.watching.viewers(sockets)
	}
}

// endLocked ends the subscription of somebody who may see something else now, as the rows say that were read with the
// changes: what there still is for this person is sent, and that the page has to look anew. The hint that says the same to
// all of the person's pages may come before or after, or never.
func (f *feed) endLocked(sub *subscription, now chat.Member, changes chat.Changes) {
	s := sub.socket
	delete(f.subs, sub)
	f.goneLocked(sub)
	s.mu.Lock()
	if s.sub == sub {
		s.sub = nil
	}
	s.mu.Unlock()
	if now.Present() {
		f.hub.spawn(func() { f.hub.sendReset(s, f.id) })
	} else {
		if rest := changes.Until(*now.UntilChange); rest.To > rest.From {
			s.write(newRendering(rest).frameFor(s.viewer, now))
		}
		s.send(frame{Type: frameClosed, Conversation: f.id.String()})
	}
	f.hub.spawn(func() { f.hub.removeUnused(f) })
}

// removeUnused forgets a feed without subscriptions.
func (h *Hub) removeUnused(f *feed) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.subs) == 0 && h.feeds[f.id] == f {
		delete(h.feeds, f.id)
	}
}

// resetLocked makes every page fetch the conversation anew; each comes back with a new cursor. It is said beside, because
// it names the person's view, which the hub's lock guards.
func (f *feed) resetLocked() {
	for sub := range f.subs {
		sub.live = false
		f.hub.spawn(func() { f.hub.sendReset(sub.socket, f.id) })
	}
}

func (h *Hub) sendReset(s *Socket, conversation chat.ID) {
	s.send(frame{Type: frameReset, Conversation: conversation.String(), View: h.viewSeqOf(s.viewer.ID)})
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
func (h *Hub) open(s *Socket, visit int64, conversation chat.ID, at cursor) Resume {
	if !h.leave(s, visit) {
		return ResumedLeft
	}
	ctx, cancel := h.queryContext()
	defer cancel()
	member, err := h.chat.Membership(ctx, s.viewer, conversation)
	if chat.KindOf(err) == chat.KindNotFound {
		s.send(frame{Type: frameClosed, Conversation: conversation.String()})
		return ResumedClosed
	}
	if err != nil {
		h.log.Warn("conversation not opened", "conversation", conversation, "error", err)
		s.cut(ClosedFailed) // the page comes back
		return ResumedFailed
	}
	same, err := h.sameView(ctx, s, at)
	if err != nil {
		h.log.Warn("conversation not opened", "conversation", conversation, "error", err)
		s.cut(ClosedFailed)
		return ResumedFailed
	}
	if !same {
		h.sendReset(s, conversation)
		return ResumedReset
	}
	if !member.Present() {
		if h.lookBack(s, visit, member, at) {
			h.sendReset(s, conversation)
			return ResumedReset
		}
		// Nothing that happens there from now on is this person's, not even that something does.
		s.send(frame{Type: frameResumed, Conversation: conversation.String(), To: &at.After})
		return ResumedPast
	}
	sub, changed := h.subscribe(s, visit, member, at)
	if changed {
		h.sendReset(s, conversation)
		return ResumedReset
	}
	if sub == nil {
		return ResumedLeft
	}
	h.receipts.note(conversation, s.viewer.ID)
	if at.Drafted || member.Draft != "" {
		s.send(draftFrame(member))
	}
	if err := h.sendCardsSince(ctx, sub, at.At); err != nil {
		h.log.Warn("conversation not opened", "conversation", conversation, "error", err)
		s.cut(ClosedFailed)
		return ResumedFailed
	}
	return h.replay(sub, at.After)
}

// sameView says whether a cursor belongs to the present history, and to what the person may see at present. The row decides,
// and is read after the membership: a page may know of a newer view than this node, and the membership may be newer than
// what either knows, which has to be found here, since the hint that comes later is compared with this membership.
func (h *Hub) sameView(ctx context.Context, s *Socket, at cursor) (bool, error) {
	if at.Epoch != h.currentEpoch() || at.After < 0 {
		return false, nil
	}
	known := h.viewSeqOf(s.viewer.ID)
	seqs, err := h.chat.ViewSeqs(ctx, []chat.ID{s.viewer.ID})
	if err != nil {
		return false, err
	}
	h.readPerson(s.viewer.ID, known, seqs[s.viewer.ID])
	return at.View == seqs[s.viewer.ID], nil
}

// subscribe adds the page to the conversation's feed; nil when the page has gone on. It also says whether what the
// person may see, or the history itself, has changed since member was read: such a change finds the subscription only once
// it is here.
func (h *Hub) subscribe(s *Socket, visit int64, member chat.Member, at cursor) (sub *subscription, changed bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, connected := h.sockets[s]; !connected {
		return nil, false
	}
	if h.otherLocked(s, at) {
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

// otherLocked says whether a cursor belongs to another history, or to another view of the person's, than are known.
func (h *Hub) otherLocked(s *Socket, at cursor) bool {
	return h.epoch != at.Epoch || h.people[s.viewer.ID].viewSeq != at.View
}

// lookBack notes what a page shows that has nothing to follow, so that it hears when its person is taken in again. It says
// whether what the person may see has changed since member was read, like subscribe.
func (h *Hub) lookBack(s *Socket, visit int64, member chat.Member, at cursor) (changed bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, connected := h.sockets[s]; !connected {
		return false
	}
	if h.otherLocked(s, at) {
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
	delete(f.subs, sub)
	f.goneLocked(sub)
	if len(f.subs) == 0 {
		delete(h.feeds, f.id)
	}
	return true
}

// replay sends what came after the cursor, then makes the subscription live in the same step in which nothing is
// missing. Beyond the bounds the page is better fetched anew.
func (h *Hub) replay(sub *subscription, after int64) Resume {
	s, f := sub.socket, sub.feed
	var count, size int
	result := ResumedCurrent
	for {
		ctx, cancel := h.queryContext()
		member, changes, err := h.chat.ChangesFor(ctx, s.viewer, f.id, after, chat.MaxReplayChanges+1)
		cancel()
		if err != nil {
			h.log.Warn("replay failed", "conversation", f.id, "error", err)
			s.cut(ClosedFailed)
			return ResumedFailed
		}
		if !member.SeesLike(sub.as()) {
			h.sendReset(s, f.id)
			return ResumedReset
		}
		encoded := newRendering(changes).frameFor(s.viewer, member)
		count, size = count+len(changes.Messages), size+len(encoded)
		if after > changes.Head || count > chat.MaxReplayChanges || size > chat.MaxReplayBytes {
			h.sendReset(s, f.id)
			return ResumedReset
		}
		if changes.To > after {
			s.write(encoded)
			f.mu.Lock()
			sub.noteOwnLocked(changes.Messages)
			f.mu.Unlock()
			after, result = changes.To, ResumedReplayed
		}
		if complete, left := sub.goLive(changes.Kind, after); left {
			return ResumedLeft
		} else if complete {
			return result
		}
	}
}

// as is the member as whom the page follows.
func (sub *subscription) as() chat.Member {
	sub.feed.mu.Lock()
	defer sub.feed.mu.Unlock()
	return sub.member
}

// goLive makes the subscription live if it has everything that the feed has delivered; left says that the page
// has gone on meanwhile.
func (sub *subscription) goLive(kind chat.ConversationKind, after int64) (complete, left bool) {
	f := sub.feed
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, subscribed := f.subs[sub]; !subscribed {
		return false, true
	}
	if !f.anyLiveLocked() {
		f.kind, f.head = kind, after
	}
	if after < f.head {
		return false, false
	}
	sub.live = true
	sub.socket.send(frame{Type: frameResumed, Conversation: f.id.String(), To: &after})
	f.lineLocked(sub, map[string][]byte{})
	f.startLocked()
	return true, false
}

// reenter asks anew what the page's person may see of the open conversation, after the person's view counter has come to
// viewSeq. Only a page whose conversation it leaves as it was hears the number: until a page has been drawn anew its cursor
// has to say what it was drawn with, or it would be taken for a current one when it comes back.
func (h *Hub) reenter(s *Socket, viewSeq int64) {
	s.mu.Lock()
	sub, before, visit := s.sub, s.past, s.visit
	s.mu.Unlock()
	if sub != nil {
		as := sub.as()
		before = &as
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
			s.send(frame{Type: frameClosed, Conversation: conversation.String()})
		}
	case err != nil:
		s.cut(ClosedFailed)
	case before.Present() && !member.Present():
		// What was seen may be looked at again; this page was for taking part.
		if h.leave(s, visit) {
			s.send(frame{Type: frameClosed, Conversation: conversation.String()})
		}
	case !sameEntitlement(member, *before):
		if h.leave(s, visit) {
			h.sendReset(s, conversation)
		}
	default:
		if h.tellView(s, sub, visit, member, viewSeq) {
			h.receipts.note(conversation, s.viewer.ID) // under no lock: who takes what is noted takes these
		}
	}
}

// tellView moves the page's cursor on, and as whom it follows, unless the page has gone on, or the counter has: then the
// latest is told by whoever has asked with it. It says whether others have blocked the page's person, or do no more: nothing
// else of the page is another one.
func (h *Hub) tellView(s *Socket, sub *subscription, visit int64, member chat.Member, viewSeq int64) (reread bool) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	if p := h.people[s.viewer.ID]; p == nil || p.viewSeq != viewSeq {
		return false
	}
	if sub != nil {
		sub.feed.mu.Lock()
		defer sub.feed.mu.Unlock()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.visit != visit {
		return false
	}
	if sub != nil {
		reread = !slices.Equal(member.BlockedBy, sub.member.BlockedBy)
		sub.member = member
	}
	s.send(frame{Type: frameView, Conversation: member.ConversationID.String(), View: viewSeq})
	return reread
}

// sameEntitlement says whether a page of the one looks like a page of the other. Who has blocked the member is no part of it:
// a group looks to the blocked person as always, but for receipts, and a page drawn anew would tell; what a block does to a
// conversation of two is that it is closed.
func sameEntitlement(a, b chat.Member) bool {
	return a.SeesLike(b) && a.Closed == b.Closed && a.Muted == b.Muted && a.Role == b.Role && a.Request == b.Request &&
		slices.Equal(a.Blocks, b.Blocks)
}
