package gallery

import (
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
			"archive", "arrow-down", "arrow-up", "bell", "bell-off", "chevron-left", "ellipsis-vertical", "eye", "eye-off", "link",
			"panel-right", "pin", "user-plus", "users", "x", "monitor", "moon", "search", "settings", "smartphone",
			"square-pen", "sun", "wifi-off", "copy", "flag", "globe", "lock", "mail", "shield", "ticket", "user",
		)}}},
		{Name: "button", Group: "Signs", Stage: "pad", States: []State{{Name: "all", View: buttons()}}},
		{Name: "banner", Group: "Signs", Alone: true, States: []State{
			{Name: "connecting", View: views.Banner("connecting")},
			{Name: "offline", View: views.Banner("offline")},
		}},
	}
}

func forms() []Component {
	return []Component{
		{Name: "field", Group: "Forms", Stage: "pad", Alone: true, States: []State{
			{Name: "empty", View: fields(views.RegisterValues{}, nil)},
			{Name: "filled", View: fields(views.RegisterValues{DisplayName: "نور العلي", Username: "nour", Email: "nour@example.org"}, nil)},
			{Name: "wrong", View: fields(views.RegisterValues{DisplayName: "Lena Sørensen", Username: "lena"}, registerRefused)},
		}},
		{Name: "error-summary", Group: "Forms", Stage: "pad", Alone: true, States: []State{
			{Name: "fields", View: views.ErrorSummary(registerRefused)},
			{Name: "one-sentence", View: views.ErrorSummary(&chat.Error{Kind: chat.KindInvalid, Code: chat.CodeLogin})},
		}},
	}
}
