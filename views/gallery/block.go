package gallery

import (
	"time"

	"github.com/a-h/templ"

	"parley/chat"
	"parley/views"
)

func blocksPage() Component {
	with := func(saved string, people ...chat.Card) func(views.Page) templ.Component {
		return func(p views.Page) templ.Component {
			var page chat.BlockedPage
			for n, card := range people {
				page.People = append(page.People, chat.BlockedPerson{Card: card, Since: now.Add(-time.Duration(n*31) * time.Hour)})
			}
			props := views.NewBlocks(chat.Reach{Writes: chat.CircleGroups, Adds: chat.CircleEverybody, Finds: chat.CircleNobody}, page, viewer, now)
			props.Saved = saved
			if len(people) > 2 {
				props.Next = "cursor"
			}
			return views.BlocksPage(loggedIn(p, chat.ID{}), props)
		}
	}
	return Component{Name: "blocks-page", Group: "Pages with the list", States: []State{
		{Name: "nobody", Page: with("")},
		{Name: "several", Page: with("", jonas, nour, long)},
		{Name: "blocked", Page: with("blocked", jonas)},
		{Name: "unblocked", Page: with("unblocked")},
	}}
}

func requestsPage() Component {
	with := func(rows ...chat.ListRow) func(views.Page) templ.Component {
		return func(p views.Page) templ.Component {
			p = loggedIn(p, chat.ID{})
			p.Requests = len(rows)
			return views.RequestsPage(p, views.NewRequests(rows, viewer, now))
		}
	}
	return Component{Name: "requests-page", Group: "Pages with the list", States: []State{
		{Name: "nobody", Page: with()},
		{Name: "several", Page: with(
			row(jonas, at("2026-11-21", "13:50"), jonas, "Hello, we met at the harbour. Is the small boat still for sale?", 0),
			row(nour, at("2026-11-20", "21:15"), nour, "شكرًا جزيلاً، وصلت الصور", 0),
			row(long, at("2026-10-03", "09:00"), long, "Rindfleischetikettierungsüberwachungsaufgabenübertragungsgesetz", 0),
		)},
	}}
}

func blockPage() Component {
	with := func(props views.BlockProps) func(views.Page) templ.Component {
		return func(p views.Page) templ.Component { return views.BlockPage(loggedIn(p, chat.ID{}), props) }
	}
	return Component{Name: "block-page", Group: "Pages with the list", States: []State{
		{Name: "before", Page: with(views.BlockProps{Person: views.NewPerson(jonas)})},
		{Name: "right-to-left", Page: with(views.BlockProps{Person: views.NewPerson(nour)})},
		{Name: "blocked", Page: with(views.BlockProps{Person: views.NewPerson(jonas), Blocked: true})},
		{Name: "refused", Page: with(views.BlockProps{Person: views.NewPerson(jonas), Err: &chat.Error{
			Kind: chat.KindTooMany, Code: chat.CodeTooMany, Args: chat.Args{"Count": 2, "Seconds": 2},
		}})},
	}}
}
