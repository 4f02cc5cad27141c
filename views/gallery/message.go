package gallery

import (
	"fmt"
	"time"

	"github.com/a-h/templ"

	"parley/chat"
	"parley/views"
)

// writer makes the messages of one conversation, in order.
type writer struct {
	conversation chat.ID
	at           time.Time
	messages     []chat.Message
}

func newWriter(conversation string, day, clock string) *writer {
	at, err := time.ParseInLocation("2006-01-02 15:04", day+" "+clock, zone)
	if err != nil {
		panic(err) // written by hand, above
	}
	return &writer{conversation: id(conversation), at: at}
}

// say adds a message, so many minutes after the one before.
func (w *writer) say(author chat.Card, minutes int, body string) *chat.Message {
	w.at = w.at.Add(time.Duration(minutes) * time.Minute)
	seq := int64(len(w.messages) + 1)
	w.messages = append(w.messages, chat.Message{
		ID: id(w.conversation.String() + body), ConversationID: w.conversation, Seq: seq, ChangeSeq: seq,
		Author: author, Kind: chat.MessageText, Body: body, CreatedAt: w.at,
	})
	return &w.messages[seq-1]
}

func (w *writer) system(minutes int, by chat.Card, event chat.GroupEvent) {
	m := w.say(by, minutes, "")
	m.Kind, m.Event = chat.MessageSystem, &event
}

// events says everything that can happen in a group, by somebody else and by oneself.
func events() templ.Component {
	var all []templ.Component
	for _, by := range []chat.Card{jonas, lena} {
		w := newWriter("events", "2026-11-21", "14:32")
		say := func(code chat.EventCode, change func(*chat.GroupEvent), subjects ...chat.Card) {
			event := chat.GroupEvent{Code: code, Members: 8, Subjects: subjects}
			if change != nil {
				change(&event)
			}
			w.system(1, by, event)
		}
		say(chat.EventCreated, nil)
		say(chat.EventAdded, nil, nour)
		say(chat.EventAdded, nil, nour, lena)
		say(chat.EventAdded, nil, nour, mira, wang, priya, yael, long)
		say(chat.EventJoined, nil, by)
		say(chat.EventRemoved, nil, mira)
		say(chat.EventLeft, nil, by)
		for _, role := range []chat.MemberRole{chat.MemberOwner, chat.MemberAdministrator, chat.MemberPlain} {
			say(chat.EventRole, func(e *chat.GroupEvent) { e.Role = role }, wang)
		}
		say(chat.EventRenamed, func(e *chat.GroupEvent) { e.Text = "Harbour crew 2027" })
		say(chat.EventDescribed, nil)
		say(chat.EventRules, nil)
		say("something new", nil)
		for n, m := range w.messages {
			m.ID = id(fmt.Sprint(by.Username, n))
			all = append(all, views.MessageItem(views.NewMessageItem(m, lena.ID, zone)))
		}
	}
	return stack(all...)
}

func edited(m *chat.Message) {
	at := m.CreatedAt.Add(time.Minute)
	m.EditedAt = &at
}

func deleted(m *chat.Message) {
	at := m.CreatedAt.Add(time.Minute)
	m.DeletedAt, m.Body = &at, ""
}

// direct is a conversation with Mira, over two days.
func direct() chat.ConversationPage {
	w := newWriter("direct", "2026-11-20", "18:02")
	w.say(mira, 0, "Did the print shop answer?")
	w.say(mira, 1, "They can do the posters by Thursday if we send the final file tonight.")
	w.say(lena, 7, "Great. I’ll export it with the new margins.")
	w.say(lena, 0, "And the bleed is 3 mm, right?")
	w.say(mira, 4, "3 mm, yes. Same as last year’s sheet: https://print.example/sheets/2025/a2-poster")
	w.at = w.at.Add(19*time.Hour + 44*time.Minute)
	edited(w.say(lena, 0, "File is up, version 4. This time “final” means final."))
	w.say(lena, 1, "🎉")
	w.say(mira, 30, "It looks wonderful. The blue finally sits where it should, and the second line breathes.")
	w.say(mira, 1, "Shall we do a test print before the whole run?")
	deleted(w.say(mira, 1, "gone"))
	w.say(lena, 5, "Yes, one sheet. I’ll pick it up on my way home.")
	p := page(w, chat.Conversation{Kind: chat.KindDirect}, mira)
	p.Receipts = map[int64]chat.Receipt{
		3: {Delivered: 1, Read: 1, Of: 1}, 4: {Delivered: 1, Read: 1, Of: 1}, 6: {Delivered: 1, Read: 1, Of: 1},
		7: {Delivered: 1, Read: 1, Of: 1}, 11: {Delivered: 1, Of: 1},
	}
	return p
}

func page(w *writer, c chat.Conversation, other chat.Card) chat.ConversationPage {
	n := int64(len(w.messages))
	c.ID, c.MsgSeq, c.ChangeSeq = w.conversation, n, n
	return chat.ConversationPage{
		Conversation: c, Epoch: "gallery", ViewSeq: 1, Other: other, Messages: w.messages,
		Member: chat.Member{ConversationID: c.ID, PersonID: lena.ID, UnreadFrom: n, DeliveredSeq: n, ReadSeq: n},
	}
}

// crew is a group that writes in several scripts.
func crew() chat.ConversationPage {
	w := newWriter("crew", "2026-11-21", "09:12")
	w.say(jonas, 0, "Wind drops after six, so the early slot is ours if we want it.")
	w.say(jonas, 0, "I’ve booked the small boat, four seats left.")
	w.say(ines, 8, "Count me in, I’ll bring coffee and the spare ropes.")
	w.say(lena, 11, "In. Do we need to be there before seven?")
	w.system(20, jonas, chat.GroupEvent{Code: chat.EventAdded, Members: 8, Subjects: []chat.Card{nour}})
	w.say(nour, 5, "شكرًا جزيلاً على الدعوة، سأصل قبل السابعة بقليل مع الخرائط القديمة.")
	w.say(yael, 3, "אני מגיעה עם האוטו, יש מקום לעוד שניים.")
	w.say(wang, 9, "太好了，我带早餐。")
	w.say(priya, 2, "मैं भी आ रही हूँ 🌊")
	w.say(jonas, 12, "Boat leaves at seven, don’t be late. The gate code is on the pinned note.")
	p := page(w, chat.Conversation{Kind: chat.KindGroup, Name: "Harbour crew"}, chat.Card{})
	p.Members, p.Group = 8, crewDetails(chat.MemberPlain).Group
	p.Receipts = map[int64]chat.Receipt{4: {Delivered: 6, Read: 3, Of: 6}} // one of the eight came later
	return p
}

// unread puts the unread line before the message seq.
func unread(p chat.ConversationPage, seq int64) chat.ConversationPage {
	p.Member.UnreadFrom = seq - 1
	p.Unread = int(p.MsgSeq - seq + 1)
	return p
}

// concealing is a page for whoever has blocked the author.
func concealing(p chat.ConversationPage, author chat.Card) chat.ConversationPage {
	for n, m := range p.Messages {
		if m.Author.ID == author.ID && m.Kind == chat.MessageText {
			p.Messages[n] = m.Conceal()
		}
	}
	return p
}

// older makes it the newest page of a long conversation, unread since before its beginning.
func older(p chat.ConversationPage) chat.ConversationPage {
	const before = 60
	for n := range p.Messages {
		p.Messages[n].Seq += before
	}
	p.MsgSeq, p.HasOlder, p.Unread, p.Member.UnreadFrom, p.Receipts = p.MsgSeq+before, true, 37, 20, nil
	return p
}

func messages() []Component {
	one := func(author chat.Card, body string, changes ...func(*chat.Message)) templ.Component {
		w := newWriter("one", "2026-11-21", "14:32")
		m := w.say(author, 0, body)
		for _, change := range changes {
			change(m)
		}
		p := views.NewMessageItem(*m, lena.ID, zone)
		p.First, p.Last = true, true
		return stack(views.MessageItem(p))
	}
	delivery := func(body string, stage views.Delivery) templ.Component {
		p := views.NewMessageItem(*newWriter("one", "2026-11-21", "14:32").say(lena, 0, body), lena.ID, zone)
		p.First, p.Last, p.Delivery, p.ID = true, true, stage, id(body)
		return stack(views.MessageItem(p))
	}
	receipt := func(body string, delivered, read, of int) templ.Component {
		p := views.NewMessageItem(*newWriter("one", "2026-11-21", "14:32").say(lena, 0, body), lena.ID, zone)
		p.First, p.Last, p.ID = true, true, id(body)
		p.Receipt, p.ReadBy = chat.Receipt{Delivered: delivered, Read: read, Of: of}, read > 0 && of > 1
		return stack(views.MessageItem(p))
	}
	list := func(p chat.ConversationPage) templ.Component {
		return views.MessageList(views.NewMessageList(p, viewer, now))
	}
	return []Component{
		{Name: "message", Group: "Messages", Stage: "pad", States: []State{
			{Name: "theirs", View: one(mira, "Shall we do a test print?")},
			{Name: "mine", View: one(lena, "Yes, one sheet.")},
			{Name: "short", View: one(mira, "ok")},
			{Name: "several-lines", View: one(lena, "Three things:\n1. the posters\n2. the glue\n\n3. somebody with a ladder")},
			{Name: "long", View: one(mira, "It looks wonderful. The blue finally sits where it should, and the second line breathes. I held it next to last year’s sheet and the difference is quite something, even in the bad light of the corridor.")},
			{Name: "long-word", View: one(lena, "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft_and_a_very_long_file_name_without_any_space_in_it_final_4.pdf")},
			{Name: "links", View: one(mira, "See https://print.example/sheets?year=2025&size=a2 (or write to mailto:shop@print.example), not javascript:alert(1).")},
			{Name: "emoji", View: one(mira, "🌻")},
			{Name: "three-emoji", View: one(lena, "👩🏽‍🚀🏳️‍🌈❤️")},
			{Name: "four-emoji", View: one(lena, "🎉🎉🎉🎉")},
			{Name: "arabic", View: one(nour, "شكرًا جزيلاً، وصلت الصور")},
			{Name: "arabic-long", View: one(nour, "شكرًا جزيلاً على الدعوة، سأصل قبل السابعة بقليل مع الخرائط القديمة التي وجدتها في بيت جدي، وربما مع بعض القهوة أيضًا.")},
			{Name: "hebrew-mine", View: one(lena, "נתראה בשבע ליד השער")},
			{Name: "chinese", View: one(wang, "太好了，我带早餐。明天早上六点半在码头见，别忘了带雨衣。")},
			{Name: "mixed", View: one(yael, "הקובץ poster-final-4.pdf מוכן, 3 mm bleed כמו שביקשת")},
			{Name: "looks-like-markup", View: one(long, "<b>not bold</b> & \"quoted\" <script>alert(1)</script>")},
			{Name: "edited", View: one(mira, "This time “final” means final.", edited)},
			{Name: "edited-mine", View: one(lena, "Half past six then.", edited)},
			{Name: "deleted", View: one(mira, "gone", deleted)},
			{Name: "deleted-mine", View: one(lena, "gone too", deleted)},
			{Name: "pending", View: delivery("Want me to bring yours too?", views.DeliveryPending)},
			{Name: "failed", View: delivery("On it.", views.DeliveryFailed)},
			{Name: "delivered", View: receipt("It has reached a device.", 1, 0, 1)},
			{Name: "read", View: receipt("It was read.", 1, 1, 1)},
			{Name: "delivered-to-some", View: receipt("It has reached two of five.", 2, 0, 5)},
			{Name: "read-by-some", View: receipt("Three of five have read it.", 5, 3, 5)},
			{Name: "read-by-all", View: receipt("All five have read it.", 5, 5, 5)},
			{Name: "concealed", View: stack(views.MessageItem(views.NewMessageItem(newWriter("one", "2026-11-21", "14:32").say(jonas, 0, "folded").Conceal(), lena.ID, zone)))},
			{Name: "system", View: events()},
			{Name: "menu", View: withMenu(false)},
			{Name: "menu-mine", View: withMenu(true)},
		}},
		{Name: "message-list", Group: "Messages", Stage: "pad", Alone: true, States: []State{
			{Name: "direct", View: list(direct())},
			{Name: "unread", View: list(unread(direct(), 8))},
			{Name: "group", View: list(crew())},
			{Name: "concealed", View: list(concealing(crew(), jonas))},
			{Name: "nothing", View: list(page(&writer{conversation: id("new")}, chat.Conversation{Kind: chat.KindDirect}, mira))},
		}},
		{Name: "composer", Group: "Messages", Alone: true, States: composers()},
		{Name: "send-error", Group: "Messages", Stage: "pad", States: []State{
			{Name: "too-long", View: views.SendError(wrongBody(chat.CodeTooLong, chat.Args{"Max": chat.MaxBody, "Count": chat.MaxBody}))},
			{Name: "closed", View: views.SendError(&chat.Error{Kind: chat.KindForbidden, Code: chat.CodeClosed})},
			{Name: "internal", View: views.SendError(nil)},
		}},
	}
}

func wrongBody(code chat.Code, args chat.Args) *chat.Error {
	return &chat.Error{
		Kind: chat.KindInvalid, Code: chat.CodeInvalid,
		Fields: []chat.FieldError{{Field: "body", Code: code, Args: args}},
	}
}

func composers() []State {
	with := func(change func(*views.ComposerProps)) templ.Component {
		p := views.NewConversation(direct(), viewer, now, id("next")).Composer
		change(&p)
		return views.Composer(p)
	}
	return []State{
		{Name: "empty", View: with(func(*views.ComposerProps) {})},
		{Name: "note", View: with(func(p *views.ComposerProps) { p.To = "" })},
		{Name: "right-to-left-name", View: with(func(p *views.ComposerProps) { p.To = nour.DisplayName })},
		{Name: "several-lines", View: with(func(p *views.ComposerProps) { p.Body = "Three things:\n1. the posters\n2. the glue" })},
		{Name: "refused", View: with(func(p *views.ComposerProps) {
			p.Body = "What I wanted to say"
			p.Err = &chat.Error{Kind: chat.KindTooMany, Code: chat.CodeTooMany, Args: chat.Args{"Count": 2, "Seconds": 2}}
		})},
		{Name: "sent-twice", View: with(func(p *views.ComposerProps) {
			p.Body = "What I wanted to say"
			p.Err = &chat.Error{Kind: chat.KindConflict, Code: chat.CodeClientIDReused}
		})},
		{Name: "closed", View: with(func(p *views.ComposerProps) { p.Closed = "closed" })},
		{Name: "closed-unsent", View: with(func(p *views.ComposerProps) {
			p.Closed, p.Body = "closed", unsent
			p.Err = &chat.Error{Kind: chat.KindForbidden, Code: chat.CodeClosed}
		})},
		{Name: "request", View: with(func(p *views.ComposerProps) { p.Closed = "request" })},
		{Name: "past", View: with(func(p *views.ComposerProps) { p.Closed = "past" })},
		{Name: "muted", View: with(func(p *views.ComposerProps) { p.Closed = "muted" })},
		{Name: "administrators", View: with(func(p *views.ComposerProps) { p.Closed = "administrators" })},
	}
}
