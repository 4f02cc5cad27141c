package gallery

import (
	"strings"
	"time"

	"github.com/a-h/templ"

	"parley/chat"
	"parley/views"
)

// loggedIn fills the layout for somebody who is logged in.
func loggedIn(p views.Page, current chat.ID) views.Page {
	who := viewer
	p.Viewer, p.List, p.UnreadTotal, p.Still = &who, listProps(current), 3, true
	see(p.Presences())
	if p.Theme == "" {
		p.Theme = chat.ThemeAuto
	}
	return p
}

func conversationState(name string, content chat.ConversationPage, changes ...func(*views.ConversationProps)) State {
	return State{Name: name, Page: func(p views.Page) templ.Component {
		props := views.NewConversation(content, viewer, now, id("next"))
		for _, change := range changes {
			change(&props)
		}
		see(props.Presences())
		return views.ConversationPage(loggedIn(p, content.ID), props)
	}}
}

func panes() []Component {
	middle := direct()
	middle.HasOlder, middle.HasNewer = true, true
	around := direct()
	around.Around, around.HasOlder, around.HasNewer = around.Messages[5].ID, true, true
	empty := page(&writer{conversation: id("new")}, chat.Conversation{Kind: chat.KindDirect}, nour)
	closed := direct()
	closed.Member.Closed = true
	note := newWriter("note", "2026-11-21", "08:00")
	note.say(lena, 0, "Gate code 4711, spare key with Tomás")
	short := newWriter("short", "2026-11-21", "14:38")
	short.say(tomas, 0, "Hello Lena, is this you?")
	withPeople := func(query string, cards ...chat.Card) func(views.Page) templ.Component {
		return func(p views.Page) templ.Component {
			results := views.NewPeopleResults(query, chat.PeoplePage{People: cards}, lena.ID)
			return views.PeoplePage(loggedIn(p, chat.ID{}), views.PeopleProps{Results: results})
		}
	}
	profile := func(card chat.Card) func(views.Page) templ.Component {
		return func(p views.Page) templ.Component {
			props := views.NewProfile(chat.Profile{Card: card}, lena.ID)
			see(props.Presences())
			return views.ProfilePage(loggedIn(p, chat.ID{}), props)
		}
	}
	settings := func(change func(*views.SettingsProps)) func(views.Page) templ.Component {
		return func(p views.Page) templ.Component {
			props := views.NewSettings(viewer)
			change(&props)
			return views.SettingsPage(loggedIn(p, chat.ID{}), props)
		}
	}
	return []Component{
		{Name: "conversation-page", Group: "Pages with the list", States: []State{
			conversationState("direct", direct()),
			conversationState("unread", unread(direct(), 8)),
			conversationState("group", unread(crew(), 10)),
			conversationState("first-unread", older(direct())),
			conversationState("around", around),
			conversationState("short", page(short, chat.Conversation{Kind: chat.KindDirect}, tomas)),
			conversationState("empty", empty),
			conversationState("note", page(note, chat.Conversation{Kind: chat.KindDirect}, lena)),
			conversationState("middle", middle),
			conversationState("closed", closed),
			conversationState("closed-unsent", closed, func(p *views.ConversationProps) {
				p.Composer.Body = unsent
				p.Composer.Err = &chat.Error{Kind: chat.KindForbidden, Code: chat.CodeClosed}
			}),
			conversationState("refused", direct(), func(p *views.ConversationProps) {
				p.Composer.Body = "What I wanted to say"
				p.Composer.Err = &chat.Error{Kind: chat.KindTooMany, Code: chat.CodeTooMany, Args: chat.Args{"Count": 2, "Seconds": 2}}
			}),
		}},
		{Name: "home-page", Group: "Pages with the list", States: []State{
			{Name: "list", Page: func(p views.Page) templ.Component {
				return views.HomePage(loggedIn(p, chat.ID{}), views.HomeProps{})
			}},
			{Name: "empty", Page: func(p views.Page) templ.Component {
				p = loggedIn(p, chat.ID{})
				p.List, p.UnreadTotal = nil, 0
				return views.HomePage(p, views.HomeProps{Empty: true})
			}},
		}},
		{Name: "list-page", Group: "Pages with the list", States: []State{{Name: "older", Page: func(p views.Page) templ.Component {
			return views.ListPage(loggedIn(p, chat.ID{}), views.ListProps{
				Rows: listProps(chat.ID{})[6:], Older: views.ConversationsBeforePath("cursor"), Newest: views.ConversationsPath,
			})
		}}}},
		{Name: "people-page", Group: "Pages with the list", States: []State{
			{Name: "everybody", Page: withPeople("", ines, jonas, lena, mira, nour, yael, wang, priya, dmitri, sun, long, tomas)},
			{Name: "found", Page: withPeople("mi", mira, wang)},
			{Name: "nobody", Page: withPeople("zzyzx")},
		}},
		{Name: "profile-page", Group: "Pages with the list", States: []State{
			{Name: "somebody", Page: profile(mira)},
			{Name: "right-to-left", Page: profile(nour)},
			{Name: "long", Page: profile(long)},
			{Name: "oneself", Page: profile(lena)},
			{Name: "blocked", Page: func(p views.Page) templ.Component {
				return views.ProfilePage(loggedIn(p, chat.ID{}), views.NewProfile(chat.Profile{Card: jonas, Blocked: true}, lena.ID))
			}},
		}},
		{Name: "settings-page", Group: "Pages with the list", States: []State{
			{Name: "plain", Page: settings(func(*views.SettingsProps) {})},
			{Name: "saved", Page: settings(func(p *views.SettingsProps) { p.Saved = "yes" })},
			{Name: "wrong", Page: settings(func(p *views.SettingsProps) {
				p.Err = &chat.Error{Kind: chat.KindInvalid, Code: chat.CodeInvalid, Fields: []chat.FieldError{
					{Field: "time_zone", Code: chat.CodeTimeZone}, {Field: "theme", Code: chat.CodeTheme},
				}}
			})},
		}},
		accountPage(),
		presencePage(),
		statusPage(),
		blocksPage(),
		blockPage(),
		requestsPage(),
		{Name: "opened-page", Group: "Pages with the list", States: []State{{Name: "theirs", Page: func(p views.Page) templ.Component {
			item := views.NewMessageItem(*newWriter("one", "2026-11-21", "14:32").say(jonas, 0, "The boat leaves at seven."), lena.ID, zone)
			item.First, item.Last = true, true
			return views.OpenedPage(loggedIn(p, chat.ID{}), item)
		}}}},
		{Name: "sessions-page", Group: "Pages with the list", States: []State{
			{Name: "several", Page: sessions(-1, 0, 1, 2, 3)},
			{Name: "ended", Page: sessions(2, 0, 1)},
			{Name: "one", Page: sessions(-1, 0)},
		}},
	}
}

// sessions shows those of the devices below that are named.
func sessions(ended int, devices ...int) func(views.Page) templ.Component {
	all := []chat.Session{
		{Address: "192.0.2.17", UserAgent: "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0"},
		{Address: "198.51.100.4", UserAgent: "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1"},
		{Address: "2001:db8:17:5::/64", UserAgent: "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36 Edg/130.0.0.0"},
		{Address: "203.0.113.9", UserAgent: "curl"},
	}
	chosen := make([]chat.Session, 0, len(devices))
	for _, n := range devices {
		s := all[n]
		s.ID, s.LastUsedAt = id(s.Address), now.Add(-time.Duration(n*n*7)*time.Hour)
		chosen = append(chosen, s)
	}
	who := viewer
	who.SessionID = chosen[0].ID
	return func(p views.Page) templ.Component {
		props := views.NewSessions(chosen, who, now)
		props.Ended = ended
		return views.SessionsPage(loggedIn(p, chat.ID{}), props)
	}
}

// unsent is a text that was not sent.
const unsent = "Dear Mira,\n\nthe sheet is here, and the blue is right at last.\n\nאפשר להדפיס מחר?"

func pages() []Component {
	register := func(name string, props views.RegisterProps) State {
		return State{Name: name, Page: func(p views.Page) templ.Component { return views.RegisterPage(p, props) }}
	}
	login := func(name string, props views.LoginProps) State {
		return State{Name: name, Page: func(p views.Page) templ.Component { return views.LoginPage(p, props) }}
	}
	somebodyElse := func(name, text string) State {
		return State{Name: name, Page: func(p views.Page) templ.Component {
			return views.SomebodyElsePage(p, views.SomebodyElseProps{Viewer: viewer, Next: "/conversations/x", Unsent: text})
		}}
	}
	return []Component{
		{Name: "landing-page", Group: "Pages at the gate", States: []State{
			{Name: "open", Page: func(p views.Page) templ.Component {
				return views.LandingPage(p, views.LandingProps{Gate: chat.Gate{Open: true}})
			}},
			{Name: "invite", Page: func(p views.Page) templ.Component {
				return views.LandingPage(p, views.LandingProps{Gate: chat.Gate{ByInvitation: true}})
			}},
			{Name: "closed", Page: func(p views.Page) templ.Component { return views.LandingPage(p, views.LandingProps{}) }},
		}},
		{Name: "register-page", Group: "Pages at the gate", States: []State{
			register("empty", views.RegisterProps{Gate: chat.Gate{Open: true}}),
			register("first-account", views.RegisterProps{Gate: chat.Gate{Open: true, First: true, NeedsSetupCode: true}}),
			register("wrong", views.RegisterProps{
				Gate: chat.Gate{Open: true}, Err: registerRefused,
				Values: views.RegisterValues{DisplayName: "Lena Sørensen", Username: "lena"},
			}),
			register("closed", views.RegisterProps{}),
			register("invite", views.RegisterProps{Gate: chat.Gate{ByInvitation: true}}),
		}},
		{Name: "login-page", Group: "Pages at the gate", States: []State{
			login("empty", views.LoginProps{Gate: chat.Gate{Open: true}, Next: "/settings"}),
			login("invite", views.LoginProps{Gate: chat.Gate{ByInvitation: true}}),
			login("wrong", views.LoginProps{Login: "lena", Err: &chat.Error{Kind: chat.KindInvalid, Code: chat.CodeLogin}}),
			login("password-changed", views.LoginProps{PasswordChanged: true}),
			login("email-confirmed", views.LoginProps{EmailConfirmed: true}),
			login("unsent", views.LoginProps{
				Gate: chat.Gate{Open: true}, Next: "/conversations/x", Unsent: unsent,
				Err: &chat.Error{Kind: chat.KindUnauthenticated, Code: chat.CodeLogInFirst},
			}),
		}},
		{Name: "somebody-else-page", Group: "Pages at the gate", States: []State{
			somebodyElse("unsent", unsent),
			somebodyElse("unsent-long", strings.Repeat(unsent+"\n\n", 20)),
			somebodyElse("nothing-sent", ""),
		}},
		forgotPage(),
		confirmPage(),
		{Name: "reset-page", Group: "Pages at the gate", States: []State{
			{Name: "empty", Page: func(p views.Page) templ.Component { return views.ResetPage(p, views.ResetProps{Token: "abc"}) }},
			{Name: "wrong", Page: func(p views.Page) templ.Component {
				return views.ResetPage(p, views.ResetProps{Token: "abc", Err: &chat.Error{
					Kind: chat.KindInvalid, Code: chat.CodeInvalid,
					Fields: []chat.FieldError{{Field: "password", Code: chat.CodePasswordTooShort, Args: chat.Args{"Min": 8, "Count": 8}}},
				}})
			}},
		}},
	}
}

func failures() []Component {
	failure := func(name string, props views.ErrorProps) State {
		props.RequestID = "0192f3c1a7"
		return State{Name: name, Page: func(p views.Page) templ.Component { return views.ErrorPage(p, props) }}
	}
	refusal := func(code chat.Code, args chat.Args) *chat.Error { return &chat.Error{Code: code, Args: args} }
	return []Component{{Name: "error-page", Group: "Errors", States: []State{
		failure("400", views.ErrorProps{Status: 400, Err: refusal(chat.CodeUnreadable, nil), LoggedIn: true}),
		failure("403", views.ErrorProps{Status: 403, Err: refusal(chat.CodeForbidden, nil), LoggedIn: true}),
		failure("403-other-site", views.ErrorProps{Status: 403, Err: refusal(chat.CodeCrossOrigin, nil)}),
		failure("404", views.ErrorProps{Status: 404, Err: refusal(chat.CodeNotFound, nil), LoggedIn: true}),
		failure("404-reset-link", views.ErrorProps{Status: 404, Err: refusal(chat.CodeResetLink, nil)}),
		failure("404-email-link", views.ErrorProps{Status: 404, Err: refusal(chat.CodeEmailLink, nil)}),
		failure("409-email-taken", views.ErrorProps{Status: 409, Err: refusal(chat.CodeEmailTaken, nil)}),
		failure("405", views.ErrorProps{Status: 405, Err: refusal(chat.CodeMethodNotAllowed, nil), LoggedIn: true}),
		failure("409", views.ErrorProps{Status: 409, Err: refusal(chat.CodeClientIDReused, nil), LoggedIn: true}),
		failure("413", views.ErrorProps{Status: 413, Err: refusal(chat.CodeBodyTooLarge, nil), LoggedIn: true}),
		failure("413-message", views.ErrorProps{Status: 413, Err: refusal(chat.CodeMessageTooLarge, chat.Args{"Count": chat.MaxBody}), LoggedIn: true}),
		failure("404-unsent", views.ErrorProps{Status: 404, Err: refusal(chat.CodeNotFound, nil), LoggedIn: true, Unsent: unsent}),
		failure("422", views.ErrorProps{Status: 422, Err: registerRefused, LoggedIn: true}),
		failure("429", views.ErrorProps{Status: 429, Err: refusal(chat.CodeTooMany, chat.Args{"Count": 12, "Seconds": 12}), LoggedIn: true, Retry: "/people"}),
		failure("500", views.ErrorProps{Status: 500, LoggedIn: true, Retry: "/"}),
		failure("503", views.ErrorProps{Status: 503, Err: refusal(chat.CodeUnavailable, nil), Retry: "/"}),
	}}, {Name: "error-pane", Group: "Errors", States: []State{
		{Name: "404", Page: func(p views.Page) templ.Component {
			return alone(p, "404", views.ErrorPane(views.ErrorProps{Status: 404, Err: refusal(chat.CodeNotFound, nil), LoggedIn: true}))
		}},
		{Name: "500", Page: func(p views.Page) templ.Component {
			return alone(p, "500", views.ErrorPane(views.ErrorProps{Status: 500, LoggedIn: true, Retry: "/", RequestID: "0192f3c1a7"}))
		}},
	}}}
}
