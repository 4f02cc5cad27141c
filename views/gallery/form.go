package gallery

import (
	"github.com/a-h/templ"

	"parley/chat"
	"parley/views"
)

var registerRefused = &chat.Error{Kind: chat.KindInvalid, Code: chat.CodeInvalid, Fields: []chat.FieldError{
	{Field: "username", Code: chat.CodeUsernameTaken, Args: chat.Args{"Suggestion": "lena.sorensen"}},
	{Field: "password", Code: chat.CodePasswordCommon},
}}

func signs() []Component {
	return []Component{
		{Name: "wordmark", Group: "Signs", Stage: "pad", States: []State{{Name: "plain", View: views.Wordmark()}}},
		{Name: "icon", Group: "Signs", Stage: "pad", States: []State{{Name: "all", View: icons(
			"arrow-down", "arrow-up", "chevron-left", "eye", "eye-off", "log-out", "monitor", "moon", "rotate-cw", "search",
			"settings", "square-pen", "sun", "user-round-plus", "wifi-off",
		)}}},
		{Name: "button", Group: "Signs", Stage: "pad", States: []State{{Name: "all", View: buttons()}}},
		{Name: "banner", Group: "Signs", Alone: true, States: []State{
			{Name: "connecting", View: views.Banner("connecting")},
			{Name: "offline", View: views.Banner("offline")},
		}},
	}
}

func forms() []Component {
	// Labels come from the catalogue, so the fields are the real ones of the real forms.
	register := func(p views.RegisterProps) templ.Component { return views.RegisterForm(p) }
	return []Component{
		{Name: "register-form", Group: "Forms", Stage: "pad", Alone: true, States: []State{
			{Name: "empty", View: register(views.RegisterProps{Gate: chat.Gate{Open: true}})},
			{Name: "first-account", View: register(views.RegisterProps{Gate: chat.Gate{Open: true, First: true, NeedsSetupCode: true}})},
			{Name: "wrong", View: register(views.RegisterProps{
				Gate: chat.Gate{Open: true}, Err: registerRefused,
				Values: views.RegisterValues{DisplayName: "Lena Sørensen", Username: "lena", Email: "lena@example.org"},
			})},
		}},
		{Name: "error-summary", Group: "Forms", Stage: "pad", Alone: true, States: []State{
			{Name: "fields", View: views.ErrorSummary(registerRefused)},
			{Name: "one-sentence", View: views.ErrorSummary(&chat.Error{Kind: chat.KindInvalid, Code: chat.CodeLogin})},
		}},
	}
}
