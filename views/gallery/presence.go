package gallery

import (
	"time"

	"github.com/a-h/templ"

	"parley/chat"
	"parley/views"
)

// seenAs is what the viewer sees of some of the people here; of the others nothing.
func seenAs() map[chat.ID]chat.Presence {
	until, evening := at("2026-11-21", "15:00"), at("2026-11-21", "22:30")
	ago := func(d time.Duration) *time.Time { t := now.Add(-d); return &t }
	all := map[chat.ID]chat.Presence{
		mira.ID:   {State: chat.PresenceOnline},
		ines.ID:   {State: chat.PresenceBusy, Status: chat.Status{Busy: true, Emoji: "🎧", Text: "In a meeting", Until: &until}},
		jonas.ID:  {State: chat.PresenceAway, Status: chat.Status{Emoji: "⛵", Text: "On the water, back when the wind is gone", Until: &evening}},
		nour.ID:   {State: chat.PresenceOnline, Status: chat.Status{Emoji: "📚", Text: "في المكتبة"}},
		wang.ID:   {State: chat.PresenceAway},
		priya.ID:  {State: chat.PresenceOffline, LastSeen: ago(5 * time.Minute)},
		yael.ID:   {State: chat.PresenceOffline, LastSeen: ago(26 * time.Hour), Status: chat.Status{Emoji: "🌴", Text: "Away until Monday"}},
		long.ID:   {State: chat.PresenceBusy, Status: chat.Status{Busy: true, Emoji: "👨‍👩‍👧‍👦", Text: "Rindfleischetikettierungsüberwachungsaufgabenübertragungsgesetz, read aloud and slowly"}},
		dmitri.ID: {State: chat.PresenceOffline},
	}
	for id, p := range all {
		p.PersonID = id
		all[id] = p
	}
	return all
}

// see fills what is seen of people.
func see(places []*views.PresenceProps) {
	all := map[string]chat.Presence{}
	for id, p := range seenAs() {
		all[id.String()] = p
	}
	for _, place := range places {
		if p, known := all[place.PersonID]; known {
			*place = views.NewPresence(p, zone, now)
		}
	}
}

func presences() []Component {
	until := at("2026-11-21", "15:00")
	one := func(name string, p chat.Presence) State {
		p.PersonID = mira.ID
		return State{Name: name, View: presenceLine(views.Presence(views.NewPresence(p, zone, now)))}
	}
	last := func(name string, when time.Time) State {
		return one(name, chat.Presence{State: chat.PresenceOffline, LastSeen: &when})
	}
	only := at("2026-11-21", "09:12")
	typing := func(name string, cards ...chat.Card) State {
		var people []views.PersonProps
		for _, c := range cards {
			people = append(people, views.NewPerson(c))
		}
		return State{Name: name, View: presenceLine(views.Typing(people))}
	}
	places := func(name string, card chat.Card) State {
		place := views.PresenceProps{PersonID: card.ID.String()}
		see([]*views.PresenceProps{&place})
		return State{Name: name, View: rows(rowSeen(card, place))}
	}
	return []Component{
		{Name: "presence", Group: "People", Stage: "pad", States: []State{
			one("nothing", chat.Presence{}),
			one("online", chat.Presence{State: chat.PresenceOnline}),
			one("away", chat.Presence{State: chat.PresenceAway}),
			one("busy", chat.Presence{State: chat.PresenceBusy, Status: chat.Status{Busy: true}}),
			one("offline", chat.Presence{State: chat.PresenceOffline}),
			last("seen-now", now.Add(-20*time.Second)),
			last("seen-minutes", now.Add(-5*time.Minute)),
			last("seen-today", at("2026-11-21", "09:12")),
			last("seen-yesterday", at("2026-11-20", "23:59")),
			last("seen-long-ago", at("2025-12-24", "18:00")),
			one("seen-alone", chat.Presence{LastSeen: &only}),
			one("status", chat.Presence{State: chat.PresenceOnline, Status: chat.Status{Emoji: "🌻", Text: "In the garden"}}),
			one("status-until", chat.Presence{State: chat.PresenceBusy, Status: chat.Status{Busy: true, Emoji: "🎧", Text: "In a meeting", Until: &until}}),
			one("status-emoji", chat.Presence{State: chat.PresenceAway, Status: chat.Status{Emoji: "🍜", Until: &until}}),
			one("status-text", chat.Presence{State: chat.PresenceOffline, Status: chat.Status{Text: "Until further notice"}}),
			one("status-alone", chat.Presence{Status: chat.Status{Emoji: "🌴", Text: "Not here"}}),
			one("right-to-left", chat.Presence{State: chat.PresenceOnline, Status: chat.Status{Emoji: "📚", Text: "في المكتبة", Until: &until}}),
			one("long", seenAs()[long.ID]),
		}},
		{Name: "typing", Group: "People", Stage: "pad", States: []State{
			typing("nobody"), typing("one", mira), typing("right-to-left", nour), typing("two", mira, nour), typing("several", mira, jonas, ines),
		}},
		{Name: "presence-row", Group: "People", Stage: "row", States: []State{
			places("online", mira), places("away", jonas), places("busy", ines), places("offline", priya), places("offline-status", yael),
			places("right-to-left", nour), places("long", long), places("nothing", tomas),
		}},
	}
}

// rowSeen is a row of the list with what is seen of the other.
func rowSeen(card chat.Card, place views.PresenceProps) templ.Component {
	p := rowProps(row(card, at("2026-11-21", "14:31"), card, "See you at six, and bring the long one", 2), chat.ID{})
	p.Presence = place
	return views.ListRow(p)
}
