package gallery

import (
	"github.com/a-h/templ"

	"parley/chat"
	"parley/views"
)

func presencePage() Component {
	with := func(p views.PresenceSettingsProps) func(views.Page) templ.Component {
		return func(page views.Page) templ.Component { return views.PresenceSettingsPage(loggedIn(page, chat.ID{}), p) }
	}
	open := chat.PresenceChoices{Presence: chat.CircleEverybody, LastSeen: chat.CircleShared, Typing: true}
	return Component{Name: "presence-page", Group: "Pages with the list", States: []State{
		{Name: "plain", Page: with(views.PresenceSettingsProps{Choices: open})},
		{Name: "saved", Page: with(views.PresenceSettingsProps{Saved: "yes", Choices: chat.PresenceChoices{
			Presence: chat.CircleNobody, LastSeen: chat.CircleNobody, Invisible: true,
		}})},
		{Name: "wrong", Page: with(views.PresenceSettingsProps{Choices: open, Err: &chat.Error{
			Kind: chat.KindInvalid, Code: chat.CodeInvalid, Fields: []chat.FieldError{
				{Field: "presence", Code: chat.CodeChoice}, {Field: "last_seen", Code: chat.CodeChoice},
			},
		}})},
	}}
}

func statusPage() Component {
	with := func(p views.StatusProps, change ...func(*views.StatusProps)) func(views.Page) templ.Component {
		for _, f := range change {
			f(&p)
		}
		return func(page views.Page) templ.Component { return views.StatusPage(loggedIn(page, chat.ID{}), p) }
	}
	until := at("2026-11-21", "15:00")
	meeting := views.NewStatus(chat.Status{Busy: true, Emoji: "📅", Text: "In a meeting", Until: &until}, zone)
	return Component{Name: "status-page", Group: "Pages with the list", States: []State{
		{Name: "none", Page: with(views.NewStatus(chat.Status{}, zone))},
		{Name: "saved", Page: with(meeting, func(p *views.StatusProps) { p.Saved = "yes" })},
		{Name: "right-to-left", Page: with(views.NewStatus(chat.Status{Emoji: "🏖️", Text: "في إجازة حتى الأحد"}, zone))},
		{Name: "removed", Page: with(views.NewStatus(chat.Status{}, zone), func(p *views.StatusProps) { p.Saved = "removed" })},
		{Name: "wrong", Page: with(meeting, func(p *views.StatusProps) {
			p.Input.Emoji, p.Input.At = "meeting", ""
			p.Err = &chat.Error{Kind: chat.KindInvalid, Code: chat.CodeInvalid, Fields: []chat.FieldError{
				{Field: "emoji", Code: chat.CodeEmoji}, {Field: "text", Code: chat.CodeTooLong, Args: chat.Args{"Max": chat.MaxStatus, "Count": chat.MaxStatus}},
				{Field: "at", Code: chat.CodeTime},
			}}
		})},
	}}
}
