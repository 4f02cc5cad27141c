package realtime

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"parley/chat"
	"parley/views"
)

// Who writes is nowhere stored. The node of the writer's page asks who may see it, and says so to the others together with the
// name; each node keeps it for as long as it holds, and says to each page who of those writes whom its person may see. What is
// lost of it is said again after three seconds, or is over after six. A page is told a line that has not changed again when somebody
// in it goes on writing, and only then: no sooner than it may be, and no later, so that a page need not keep for longer than seven
// seconds what it is not told again.

const (
	// typingPause is how long it is not said again that somebody writes, nor a page told the same line again. Pages say it every three
	// seconds, and not to the moment.
	typingPause = 2900 * time.Millisecond
	// typingLife is how long somebody writes who does not say so again.
	typingLife = 6 * time.Second
	// typingAnswer is how long it is not asked again who may see it, where nothing says that others may.
	typingAnswer = 30 * time.Second
	// typingTick is how often it is looked what is over.
	typingTick = 250 * time.Millisecond
	// typingNames is how many are named at most; of more it is said that there are several.
	typingNames = 2
)

// typing is what a node knows of those who write, besides what each feed does.
type typing struct {
	mu    sync.Mutex // taken inside feed.mu
	feeds map[*feed]struct{}
	told  map[typist]time.Time // when it was last said that somebody writes; also of those who have left, or they would come back
}

// typist is somebody who writes in a conversation.
type typist struct{ person, conversation chat.ID }

// writers are those who write in one conversation.
type writers struct {
	all []writer             // on all nodes, by when they began
	own map[chat.ID]*scripts // of the people whose pages are here
}

// writer is somebody who writes, as all nodes know it.
type writer struct {
	card    chat.Card
	readers []chat.ID // in order
	until   time.Time
}

// scripts is what this node has to say of somebody.
type scripts struct {
	answer *chat.Writing // who may see it; nil until it is known
	asked  time.Time
	asking bool
	stale  bool      // what is just being asked may have been another answer
	due    bool      // to be said, as soon as it may be
	anew   bool      // said already, and to be said at once to those who may see it now
	until  time.Time // until then the others believe it
}

func newTyping() *typing { return &typing{feeds: map[*feed]struct{}{}, told: map[typist]time.Time{}} }

// keep lets the feed be looked after until nobody writes there any more.
func (t *typing) keep(f *feed) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.feeds[f] = struct{}{}
}

func (t *typing) kept() []*feed {
	t.mu.Lock()
	defer t.mu.Unlock()
	feeds := make([]*feed, 0, len(t.feeds))
	for f := range t.feeds {
		feeds = append(feeds, f)
	}
	return feeds
}

func (t *typing) say(who typist, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.told[who] = now
}

// may says whether it may be said of somebody again.
func (t *typing) may(who typist, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	told, known := t.told[who]
	return !known || now.Sub(told) >= typingPause
}

func (t *typing) done(f *feed) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.feeds, f)
}

// forget drops what counts no more.
func (t *typing) forget(now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for who, told := range t.told {
		if now.Sub(told) >= typingPause {
			delete(t.told, who)
		}
	}
}

func (h *Hub) typingLoop(ctx context.Context) {
	tick := time.NewTicker(typingTick)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			h.typingTick()
		}
	}
}

// typingTick ends what is over, and says what had to wait.
func (h *Hub) typingTick() {
	now := h.timing.Clock()
	for _, f := range h.typing.kept() {
		f.mu.Lock()
		if f.tickLocked(now) {
			// Under the feed's lock, or whoever begins now would be forgotten.
			h.typing.done(f)
		}
		f.mu.Unlock()
	}
	h.typing.forget(now)
}

// typed notes that the page's person writes in the conversation that the page has open, or has stopped.
func (s *Socket) typed(stopped bool) {
	s.mu.Lock()
	sub := s.sub
	s.mu.Unlock()
	if sub == nil {
		return
	}
	f, now := sub.feed, s.hub.timing.Clock()
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, there := f.subs[sub]; !there {
		return
	}
	if stopped {
		sub.typed = time.Time{}
		f.restLocked(s.viewer.ID, now)
		return
	}
	sub.typed = now
	own := f.writers.own[s.viewer.ID]
	if own == nil {
		own = &scripts{}
		if f.writers.own == nil {
			f.writers.own = map[chat.ID]*scripts{}
		}
		f.writers.own[s.viewer.ID] = own
		f.hub.typing.keep(f)
	}
	// While others believe it, and it was said a moment ago, there is nothing to say.
	own.due = own.due || !own.until.After(now) || f.hub.typing.may(f.typist(s.viewer.ID), now)
	f.sayLocked(s.viewer.ID, own, now)
}

func (f *feed) typist(person chat.ID) typist { return typist{person: person, conversation: f.id} }

// sayLocked says what is due of one of this node's people, if it may be said and is known to whom.
func (f *feed) sayLocked(person chat.ID, own *scripts, now time.Time) {
	own.anew = own.anew && own.until.After(now)
	renew := own.due && f.hub.typing.may(f.typist(person), now)
	switch {
	case !renew && !own.anew:
		return
	case own.answer == nil || now.Sub(own.asked) >= typingAnswer:
		if !own.asking {
			own.asking = true
			f.hub.spawn(func() { f.ask(person, own) })
		}
		return
	case len(own.answer.Readers) == 0:
		f.retractLocked(person, own, now)
		return
	case renew:
		own.due, own.until = false, now.Add(typingLife)
		f.hub.typing.say(f.typist(person), now)
	}
	own.anew = false
	said := chat.Typed{
		ConversationID: f.id, PersonID: person, Card: own.answer.Card, Readers: own.answer.Readers, Left: own.until.Sub(now),
	}
	f.typedLocked(said, renew, now)
	f.hub.link.Send(said)
}

// ask asks who may see that somebody writes, again where that may have changed meanwhile.
func (f *feed) ask(person chat.ID, own *scripts) {
	for {
		began := f.hub.timing.Clock()
		ctx, cancel := f.hub.queryContext()
		answer, err := f.hub.chat.Writing(ctx, person, f.id)
		cancel()
		slices.SortFunc(answer.Readers, compareIDs)
		f.mu.Lock()
		if own.stale {
			own.stale = false
			f.mu.Unlock()
			continue
		}
		own.asking = false
		now := f.hub.timing.Clock()
		if err == nil {
			own.answer, own.asked = &answer, began
			f.sayLocked(person, own, now)
		} else {
			if chat.KindOf(err) != chat.KindNotFound {
				f.hub.log.Warn("who writes was not said", "conversation", f.id, "error", err)
			}
			f.retractLocked(person, own, now)
		}
		f.mu.Unlock()
		return
	}
}

// retractLocked takes back what was said of one of this node's people, and what is still to be said.
func (f *feed) retractLocked(person chat.ID, own *scripts, now time.Time) {
	believed := own.until.After(now)
	own.due, own.anew, own.until = false, false, time.Time{}
	if believed {
		said := chat.Typed{ConversationID: f.id, PersonID: person, Stopped: true}
		f.typedLocked(said, false, now)
		f.hub.link.Send(said)
	}
}

// restLocked notes that one page of somebody writes no more.
func (f *feed) restLocked(person chat.ID, now time.Time) {
	if own := f.writers.own[person]; own != nil && !f.writesLocked(person, now) {
		f.retractLocked(person, own, now)
	}
}

// writesLocked says whether somebody writes in a page on this node.
func (f *feed) writesLocked(person chat.ID, now time.Time) bool {
	return now.Sub(f.wroteLocked(person)) < typingLife
}

// wroteLocked is when somebody last wrote in a page on this node.
func (f *feed) wroteLocked(person chat.ID) (last time.Time) {
	for sub := range f.subs {
		if sub.socket.viewer.ID == person && sub.typed.After(last) {
			last = sub.typed
		}
	}
	return last
}

// goneLocked notes that a page has left the conversation. What was asked of somebody without a page here is forgotten: nobody
// would tell this node that it has changed.
func (f *feed) goneLocked(gone *subscription) {
	person := gone.socket.viewer.ID
	if f.writers.own[person] == nil {
		return
	}
	f.restLocked(person, f.hub.timing.Clock())
	if !f.followsLocked(person) {
		delete(f.writers.own, person)
	}
}

// spokeLocked ends the writing of those who have said something, before it is delivered. Whoever comes or goes is another one who
// may see who writes, or one less.
func (f *feed) spokeLocked(changes chat.Changes) {
	if len(f.writers.all) == 0 && len(f.writers.own) == 0 {
		return
	}
	now := f.hub.timing.Clock()
	for _, message := range changes.Messages {
		if message.Event != nil {
			for person := range f.writers.own {
				f.forgetLocked(person, now)
			}
			continue
		}
		author := message.Author.ID
		for sub := range f.subs {
			if sub.socket.viewer.ID == author {
				sub.typed = time.Time{}
			}
		}
		// Another node may hear of the message before it hears what was said of its author: so it is told also.
		f.restLocked(author, now)
		f.typedLocked(chat.Typed{PersonID: author, Stopped: true}, false, now)
	}
}

// forgetLocked forgets who may see that somebody writes. Where that was said it is asked at once, and said anew.
func (f *feed) forgetLocked(person chat.ID, now time.Time) {
	own := f.writers.own[person]
	if own == nil {
		return
	}
	own.answer, own.stale = nil, own.asking
	if own.until.After(now) {
		own.anew = true
		f.sayLocked(person, own, now)
	}
}

// typingChanged notes that somebody may see something else, or be seen by others. Until it has been asked anew, the person sees
// of nobody that they write, and nobody sees it of the person.
func (h *Hub) typingChanged(person chat.ID) {
	now := h.timing.Clock()
	for _, f := range h.typing.kept() {
		f.mu.Lock()
		f.changedLocked(person, now)
		f.mu.Unlock()
	}
}

func (f *feed) changedLocked(person chat.ID, now time.Time) {
	before := len(f.writers.all)
	f.writers.all = slices.DeleteFunc(f.writers.all, func(w writer) bool { return w.card.ID == person })
	other := len(f.writers.all) != before
	for i, w := range f.writers.all {
		if at, reads := w.readBy(person); reads {
			f.writers.all[i].readers = slices.Delete(slices.Clone(w.readers), at, at+1)
			other = true
		}
	}
	if other {
		f.showLocked(nil)
	}
	follows := f.followsLocked(person)
	for other, own := range f.writers.own {
		if other == person || follows || own.answer == nil || slices.Contains(own.answer.Readers, person) {
			f.forgetLocked(other, now)
		}
	}
}

// followsLocked says whether somebody has the conversation open on this node.
func (f *feed) followsLocked(person chat.ID) bool {
	for sub := range f.subs {
		if sub.socket.viewer.ID == person {
			return true
		}
	}
	return false
}

// heardTyping notes what another node says of somebody who writes there. Whoever also writes here has not stopped.
func (h *Hub) heardTyping(said chat.Typed) {
	f := h.feedOf(said.ConversationID)
	if f == nil {
		return
	}
	now := h.timing.Clock()
	f.mu.Lock()
	defer f.mu.Unlock()
	own := f.writers.own[said.PersonID]
	switch {
	case own == nil:
	case !said.Stopped:
		own.until = now.Add(said.Left)
		h.typing.say(f.typist(said.PersonID), now)
	case f.writesLocked(said.PersonID, now):
		own.until, own.anew = f.wroteLocked(said.PersonID).Add(typingLife), true
		f.sayLocked(said.PersonID, own, now)
		return
	}
	said.Readers = slices.SortedFunc(slices.Values(said.Readers), compareIDs)
	// What has its whole life left was written just now; the rest is said to other readers.
	f.typedLocked(said, !said.Stopped && said.Left >= typingLife, now)
}

// typedLocked notes that somebody writes, or does no more, and shows it; wrote says that it was written just now.
func (f *feed) typedLocked(said chat.Typed, wrote bool, now time.Time) {
	at := slices.IndexFunc(f.writers.all, func(w writer) bool { return w.card.ID == said.PersonID })
	w := writer{card: said.Card, readers: said.Readers, until: now.Add(min(said.Left, typingLife))}
	switch {
	case said.Stopped && at < 0:
		return
	case said.Stopped:
		f.writers.all = slices.Delete(f.writers.all, at, at+1)
	case at >= 0:
		f.writers.all[at] = w
	default:
		f.writers.all = append(f.writers.all, w)
		f.hub.typing.keep(f)
	}
	if !wrote {
		f.showLocked(nil)
		return
	}
	f.showLocked(&w)
}

// tickLocked ends what is over, and says what had to wait. It says whether there is nothing left to look after.
func (f *feed) tickLocked(now time.Time) (done bool) {
	if len(f.subs) == 0 {
		f.writers = writers{} // a page may still come, and then nothing would be over any more
		return true
	}
	before := len(f.writers.all)
	f.writers.all = slices.DeleteFunc(f.writers.all, func(w writer) bool { return !w.until.After(now) })
	if len(f.writers.all) != before || f.waitsLocked(now) {
		f.showLocked(nil)
	}
	for person, own := range f.writers.own {
		f.sayLocked(person, own, now)
		if !own.asking && !own.due && !own.until.After(now) && now.Sub(own.asked) >= typingAnswer {
			delete(f.writers.own, person)
		}
	}
	return len(f.writers.all) == 0 && len(f.writers.own) == 0
}

func (w writer) readBy(person chat.ID) (at int, reads bool) {
	return slices.BinarySearchFunc(w.readers, person, compareIDs)
}

func compareIDs(a, b chat.ID) int { return bytes.Compare(a[:], b[:]) }

// waitsLocked says whether a page may now be told again what was said again too soon.
func (f *feed) waitsLocked(now time.Time) bool {
	for sub := range f.subs {
		if sub.again && now.Sub(sub.told) >= typingPause {
			return true
		}
	}
	return false
}

// showLocked says to each page who writes now, where that is another line than the page has. To those who may see that again has
// just written, if there is one, it says the same line again, at once or as soon as it may be.
func (f *feed) showLocked(again *writer) {
	encoded := map[string][]byte{}
	for sub := range f.subs {
		if !sub.live {
			continue
		}
		if again != nil && !sub.again {
			_, sub.again = again.readBy(sub.socket.viewer.ID)
		}
		f.lineLocked(sub, encoded)
	}
}

// lineLocked says it to one page; encoded has the frames that were made for others. Nobody is among their own readers.
func (f *feed) lineLocked(sub *subscription, encoded map[string][]byte) {
	viewer := sub.socket.viewer
	var seen []chat.Card
	for _, w := range f.writers.all {
		if _, reads := w.readBy(viewer.ID); !reads {
			continue
		}
		if seen = append(seen, w.card); len(seen) > typingNames {
			break
		}
	}
	line, now := lineOf(viewer.Language, seen), f.hub.timing.Clock()
	if line == sub.line && (!sub.again || now.Sub(sub.told) < typingPause) {
		return
	}
	sub.line, sub.told, sub.again = line, now, false
	if encoded[line] == nil {
		encoded[line] = typingFrame(f.id, viewer.Language, seen)
	}
	sub.socket.write(encoded[line])
}

// lineOf tells lines apart: it is empty for nobody, and the same for all that say the same.
func lineOf(language string, seen []chat.Card) string {
	switch {
	case len(seen) == 0:
		return ""
	case len(seen) > typingNames:
		return language + " several"
	}
	line := language
	for _, card := range seen {
		line += " " + card.ID.String() + " " + card.DisplayName
	}
	return line
}

// typingFrame has the line also where it is empty.
func typingFrame(conversation chat.ID, language string, seen []chat.Card) []byte {
	people := make([]views.PersonProps, len(seen))
	for i, card := range seen {
		people[i] = views.NewPerson(card)
	}
	var b strings.Builder
	_ = views.Typing(people).Render(views.WithLanguage(context.Background(), language), &b) // a builder takes everything
	return encode(struct {
		frame
		HTML string `json:"html"`
	}{frame{Type: frameTyping, Conversation: conversation.String()}, b.String()})
}
