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
			props := views.NewBlocks(page, viewer, now)
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
