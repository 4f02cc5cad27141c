package views

import (
	"strings"
	"testing"
	"time"

	"parley/chat"
)

// line is a message of a test's log: who, when, and what else is true of it.
type line struct {
	author  string
	at      string
	system  bool
	deleted bool
}

var (
	ana   = chat.Card{ID: chat.NewID(), Username: "ana", DisplayName: "Ana"}
	boris = chat.Card{ID: chat.NewID(), Username: "boris", DisplayName: "Boris"}
)

func logPage(t *testing.T, zone string, lines []line) chat.ConversationPage {
	t.Helper()
	page := chat.ConversationPage{Conversation: chat.Conversation{ID: chat.NewID(), Kind: chat.KindDirect}}
	for n, l := range lines {
		m := chat.Message{
			ID: chat.NewID(), Seq: int64(n + 1), ChangeSeq: int64(n + 1), Author: ana, Kind: chat.MessageText, Body: "text",
			CreatedAt: moment(t, zone, l.at).UTC(),
		}
		if l.author == "boris" {
			m.Author = boris
		}
		if l.system {
			m.Kind = chat.MessageSystem
		}
		if l.deleted {
			m.DeletedAt = &m.CreatedAt
		}
		page.Messages = append(page.Messages, m)
	}
	page.Member.UnreadFrom = int64(len(lines))
	return page
}

// shape writes a log as one line: "[day]" for a day line, "--" for the unread line, "(" and ")" around a group, a small
// letter for each message, "*" for what stands alone.
func shape(p MessageListProps) string {
	var b strings.Builder
	for _, e := range p.Entries {
		switch {
		case e.Day != nil:
			b.WriteString("[" + e.Day.date() + "]")
		case e.Unread:
			b.WriteString("--")
		case e.Message.System:
			b.WriteString("*")
		default:
			if e.Message.First {
				b.WriteString("(")
			}
			b.WriteString(strings.ToLower(e.Message.Author.Name[:1]))
			if e.Message.Last {
				b.WriteString(")")
			}
		}
	}
	return b.String()
}

func TestMessageList(t *testing.T) {
	t.Parallel()
	a := func(at string) line { return line{author: "ana", at: at} }
	b := func(at string) line { return line{author: "boris", at: at} }
	const berlin = "Europe/Berlin"
	for _, test := range []struct {
		name   string
		zone   string
		lines  []line
		change func(*chat.ConversationPage)
		want   string
	}{
		{"nothing", berlin, nil, nil, ""},
		{"one message", berlin, []line{a("2026-11-21 10:00")}, nil, "[2026-11-21](a)"},
		{"the same author stays in the group", berlin, []line{a("2026-11-21 10:00"), a("2026-11-21 10:01")}, nil, "[2026-11-21](aa)"},
		{"another author ends the group", berlin, []line{a("2026-11-21 10:00"), b("2026-11-21 10:00"), a("2026-11-21 10:00")}, nil, "[2026-11-21](a)(b)(a)"},
		{"five minutes are within five minutes", berlin, []line{a("2026-11-21 10:00"), a("2026-11-21 10:05")}, nil, "[2026-11-21](aa)"},
		{"six are not", berlin, []line{a("2026-11-21 10:00"), a("2026-11-21 10:06")}, nil, "[2026-11-21](a)(a)"},
		{"the gap counts from the message before, not from the first", berlin, []line{a("2026-11-21 10:00"), a("2026-11-21 10:04"), a("2026-11-21 10:08")}, nil, "[2026-11-21](aaa)"},
		{"midnight ends day and group", berlin, []line{a("2026-11-20 23:59"), a("2026-11-21 00:00")}, nil, "[2026-11-20](a)[2026-11-21](a)"},
		{"midnight is the viewer's", "America/New_York", []line{a("2026-11-20 23:59"), a("2026-11-21 00:00")}, nil, "[2026-11-20](a)[2026-11-21](a)"},
		{"the hour that comes twice is one day", berlin, []line{a("2026-10-25 01:59"), a("2026-10-25 03:00")}, nil, "[2026-10-25](a)(a)"},
		{"the hour that is missing does not end a group", berlin, []line{a("2026-03-29 01:58"), a("2026-03-29 03:01")}, nil, "[2026-03-29](aa)"},
		{"a system line stands alone", berlin, []line{a("2026-11-21 10:00"), {author: "ana", at: "2026-11-21 10:00", system: true}, a("2026-11-21 10:00")}, nil, "[2026-11-21](a)*(a)"},
		{"a tombstone stays in its group", berlin, []line{a("2026-11-21 10:00"), {author: "ana", at: "2026-11-21 10:00", deleted: true}, a("2026-11-21 10:00")}, nil, "[2026-11-21](aaa)"},
		{
			"the unread line stands before the first unread message and ends its group", berlin,
			[]line{b("2026-11-21 10:00"), b("2026-11-21 10:00"), b("2026-11-21 10:00")},
			func(p *chat.ConversationPage) { p.Member.UnreadFrom = 1 }, "[2026-11-21](b)--(bb)",
		},
		{
			"the unread line stands below the day line", berlin, []line{b("2026-11-20 10:00"), b("2026-11-21 10:00")},
			func(p *chat.ConversationPage) { p.Member.UnreadFrom = 1 }, "[2026-11-20](b)[2026-11-21]--(b)",
		},
		{
			"one's own messages are never unread", berlin, []line{b("2026-11-21 10:00"), a("2026-11-21 10:01"), b("2026-11-21 10:02")},
			func(p *chat.ConversationPage) { p.Member.UnreadFrom = 1 }, "[2026-11-21](b)(a)--(b)",
		},
		{
			"system lines and tombstones are not either", berlin,
			[]line{{author: "boris", at: "2026-11-21 10:00", system: true}, {author: "boris", at: "2026-11-21 10:00", deleted: true}, b("2026-11-21 10:00")},
			func(p *chat.ConversationPage) { p.Member.UnreadFrom = 0 }, "[2026-11-21]*(b)--(b)",
		},
		{
			"everything read has no unread line", berlin, []line{b("2026-11-21 10:00")},
			func(p *chat.ConversationPage) { p.Member.UnreadFrom = 1 }, "[2026-11-21](b)",
		},
		{
			"the first unread message on an older page has its line there", berlin, []line{b("2026-11-21 10:00"), b("2026-11-21 10:01")},
			func(p *chat.ConversationPage) {
				p.HasOlder, p.Member.UnreadFrom = true, 4
				p.Messages[0].Seq, p.Messages[1].Seq = 6, 7
			}, "[2026-11-21](bb)",
		},
		{
			"the first unread message at the top of a page has its line here", berlin, []line{b("2026-11-21 10:00"), b("2026-11-21 10:01")},
			func(p *chat.ConversationPage) {
				p.HasOlder, p.Member.UnreadFrom = true, 5
				p.Messages[0].Seq, p.Messages[1].Seq = 6, 7
			}, "[2026-11-21]--(bb)",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			page := logPage(t, test.zone, test.lines)
			if test.change != nil {
				test.change(&page)
			}
			viewer := chat.Viewer{Person: chat.Person{Card: ana, TimeZone: test.zone}}
			if got := shape(NewMessageList(page, viewer, time.Now())); got != test.want {
				t.Errorf("got  %s\nwanted %s", got, test.want)
			}
		})
	}
	t.Run("the list says where the page stands", func(t *testing.T) {
		t.Parallel()
		page := logPage(t, "UTC", []line{b("2026-11-21 10:00"), b("2026-11-21 10:00")})
		page.Epoch, page.ViewSeq, page.ChangeSeq, page.MsgSeq, page.HasOlder, page.HasNewer = "e", 3, 9, 7, true, true
		page.Messages[0].Seq, page.Messages[1].Seq, page.Member.UnreadFrom = 4, 5, 6
		p := NewMessageList(page, chat.Viewer{}, time.Now())
		if p.First != 4 || p.Last != 5 || p.Epoch != "e" || p.View != 3 || p.Change != 9 || p.MsgSeq != 7 || p.UnreadFrom != 6 ||
			!p.HasOlder || !p.HasNewer || p.Group {
			t.Errorf("%+v", p)
		}
	})
}
