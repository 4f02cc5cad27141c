package gallery

import (
	"time"

	"parley/chat"
	"parley/views"
)

func at(day, clock string) time.Time { return newWriter("", day, clock).at }

func row(other chat.Card, when time.Time, author chat.Card, body string, unread int) chat.ListRow {
	return chat.ListRow{
		ConversationID: id("with " + other.Username), PersonID: lena.ID, Kind: chat.KindDirect, Other: other,
		ActivityAt: when, ChangeSeq: 4, Unread: unread,
		Last: &chat.LastMessage{AuthorID: author.ID, AuthorName: author.DisplayName, Kind: chat.MessageText, Body: body, At: when},
	}
}

func groupRow(name string, when time.Time, author chat.Card, body string, unread int) chat.ListRow {
	r := row(author, when, author, body, unread)
	r.ConversationID, r.Kind, r.Name, r.Other = id(name), chat.KindGroup, name, chat.Card{}
	return r
}

// listRows is a list as somebody might have it.
func listRows() []chat.ListRow {
	first := row(mira, at("2026-11-21", "14:31"), lena, "Yes, one sheet. I’ll pick it up on my way home.", 0)
	first.ConversationID = id("direct")
	crewRow := groupRow("Harbour crew", at("2026-11-21", "14:18"), jonas, "Boat leaves at seven, don’t be late.", 3)
	crewRow.ConversationID = id("crew")
	gone := row(priya, at("2026-11-17", "12:00"), priya, "", 0)
	gone.Last.Deleted = true
	quiet := row(sun, at("2026-11-14", "08:00"), sun, "", 0)
	quiet.Last = nil
	system := groupRow("Fieldwork 2026", at("2026-11-19", "16:20"), jonas, "", 24)
	system.Last.Kind, system.Last.Event = chat.MessageSystem, &chat.GroupEvent{Code: chat.EventLeft, Members: 7}
	system.Quiet = true
	first.Pinned = true
	past := groupRow("Spring fair", at("2026-11-12", "10:00"), jonas, "", 0)
	past.Last.Kind, past.Past = chat.MessageSystem, true
	past.Last.Event = &chat.GroupEvent{Code: chat.EventRemoved, Members: 11, Subjects: []chat.Card{lena}}
	return []chat.ListRow{
		first, crewRow,
		row(ines, at("2026-11-21", "13:50"), lena, "Sounds perfect, see you Friday then, and bring the long one", 0),
		groupRow("Book club", at("2026-11-21", "11:41"), ines, "The ending ruined me (in a good way)", 128),
		row(nour, at("2026-11-20", "21:15"), nour, "شكرًا جزيلاً، وصلت الصور", 1),
		row(wang, at("2026-11-20", "19:02"), lena, "早上见", 0),
		system, gone,
		row(yael, at("2026-11-16", "09:00"), yael, "יש מקום לעוד שניים", 0),
		quiet,
		row(long, at("2026-10-03", "09:00"), long, "Rindfleischetikettierungsüberwachungsaufgabenübertragungsgesetz", 0),
		row(lena, at("2025-12-24", "18:00"), lena, "Gate code 4711, spare key with Tomás", 0),
		past,
	}
}

func rowProps(r chat.ListRow, current chat.ID) views.ListRowProps {
	return views.NewListRow(r, lena.ID, zone, now, current)
}

func listProps(current chat.ID) []views.ListRowProps {
	var props []views.ListRowProps
	for _, r := range listRows() {
		props = append(props, rowProps(r, current))
	}
	return props
}

func lists() []Component {
	one := func(name string, p views.ListRowProps) State {
		return State{Name: name, View: rows(views.ListRow(p))}
	}
	all := listProps(id("direct"))
	return []Component{
		{Name: "list-row", Group: "List", Stage: "row", States: []State{
			one("open", all[0]), one("group-unread", all[1]), one("own-message", all[2]), one("many-unread", all[3]),
			one("right-to-left", all[4]), one("chinese", all[5]), one("system", all[6]), one("deleted", all[7]),
			one("hebrew", all[8]), one("no-message", all[9]), one("long", all[10]), one("note-to-self", all[11]), one("past", all[12]),
		}},
		{Name: "list", Group: "List", Stage: "row", Alone: true, States: []State{
			{Name: "full", View: views.List(views.ListProps{Rows: all})},
			{Name: "empty", View: views.List(views.ListProps{})},
			{Name: "archived-some", View: views.List(views.ListProps{Rows: all[:3], Archived: 4})},
			{Name: "requests", View: views.List(views.ListProps{Rows: all[:3], Requests: 2})},
			{Name: "archive", View: views.List(views.ListProps{Rows: all[6:8], Away: true, Newest: views.ConversationsPath})},
			{Name: "archive-empty", View: views.List(views.ListProps{Away: true, Newest: views.ConversationsPath})},
			{Name: "more", View: views.List(views.ListProps{Rows: all[:3], Older: views.ConversationsBeforePath("cursor")})},
			{Name: "older", View: views.List(views.ListProps{
				Rows: all[6:9], Older: views.ConversationsBeforePath("cursor"), Newest: views.ConversationsPath,
			})},
		}},
	}
}
