package views

import (
	"context"
	"strings"
	"testing"
	"time"

	"parley/chat"
)

func TestZoneGroups(t *testing.T) {
	t.Parallel()
	groups := zoneGroups([]string{"Africa/Lagos", "America/Argentina/Buenos_Aires", "Europe/Berlin", "Africa/Tunis", "UTC"}, "US/Pacific")
	var got []string
	for _, g := range groups {
		for _, z := range g.Zones {
			got = append(got, g.Region+": "+z.Label+" = "+z.Name)
		}
	}
	want := "Africa: Lagos = Africa/Lagos\nAfrica: Tunis = Africa/Tunis\nAmerica: Argentina – Buenos Aires = America/Argentina/Buenos_Aires\n" +
		"Europe: Berlin = Europe/Berlin\n: UTC = UTC\nUS: Pacific = US/Pacific"
	if strings.Join(got, "\n") != want {
		t.Errorf("got\n%s", strings.Join(got, "\n"))
	}
	if got := zoneGroups([]string{"UTC"}, ""); len(got) != 1 {
		t.Errorf("an unset zone was added: %v", got)
	}
	if zoneRegion(context.Background(), "") != "Other" || zoneRegion(context.Background(), "Asia") != "Asia" || zoneRegion(context.Background(), "US") != "US" {
		t.Error("a region has the wrong name")
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	got := draw(t, SettingsPane(NewSettings(chat.Viewer{Person: chat.Person{TimeZone: "Asia/Kathmandu", Theme: chat.ThemeDark}})))
	if !strings.Contains(got, `<option value="Asia/Kathmandu" selected>Kathmandu</option>`) ||
		!strings.Contains(got, `value="dark" checked`) || !strings.Contains(got, `value="true" checked`) ||
		strings.Count(got, " selected") != 1 || strings.Count(got, " checked") != 2 {
		t.Error("the present choices are not chosen")
	}
}

func TestPresenceSettings(t *testing.T) {
	t.Parallel()
	got := draw(t, PresenceSettingsPane(PresenceSettingsProps{Choices: chat.PresenceChoices{
		Presence: chat.CircleShared, LastSeen: chat.CircleNobody, Invisible: true,
	}}))
	for _, want := range []string{
		`name="presence" value="shared" checked`, `name="last_seen" value="nobody" checked`,
		`name="typing" value="false" checked`, `name="invisible" value="true" checked`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%s is not in it", want)
		}
	}
	if strings.Count(got, " checked") != 4 || strings.Count(got, `type="radio"`) != 10 {
		t.Error("more is chosen, or to choose from")
	}
}

func TestStatusPane(t *testing.T) {
	t.Parallel()
	until := time.Date(2026, 3, 1, 22, 5, 0, 0, time.UTC)
	set := draw(t, StatusPane(NewStatus(chat.Status{Busy: true, Emoji: "☕", Text: `"Break"`, Until: &until}, Zone("Asia/Tokyo"))))
	none := draw(t, StatusPane(NewStatus(chat.Status{}, time.UTC)))
	for markup, inSet := range map[string]bool{
		`value="☕" autocomplete`: true, `value="&#34;Break&#34;"`: true, `type="time" value="07:05"`: true, `value="at" selected`: true,
		`name="busy" value="true" checked`: true, `name="remove"`: true,
		`value="never" selected`: false, `name="busy" value="false" checked`: false,
	} {
		if strings.Contains(set, markup) != inSet || strings.Contains(none, markup) == inSet {
			t.Errorf("%s: in the one %v, in the other %v", markup, strings.Contains(set, markup), strings.Contains(none, markup))
		}
	}
	if strings.Count(none, "<option value=") != len(statusEmoji())+len(chat.StatusEnds()) {
		t.Error("not all is offered")
	}
	if statusSentence(t.Context(), "yes") == "" || statusSentence(t.Context(), "removed") == "" || statusSentence(t.Context(), "x") != "" {
		t.Error("a wrong word is said")
	}
}

func TestField(t *testing.T) {
	t.Parallel()
	wrong := &chat.Error{Fields: []chat.FieldError{{Field: "username", Code: chat.CodeRequired}}}
	for _, test := range []struct {
		name  string
		field FieldProps
		want  []string
		not   []string
	}{
		{
			"with a hint", FieldProps{Name: "username", Label: "Name", Hint: "A hint", AsWritten: true},
			[]string{`aria-describedby="field-username-hint"`, `id="field-username-hint">A hint<`, `autocapitalize="none"`, `dir="auto"`, `type="text"`},
			[]string{"aria-invalid", "autofocus", "value="},
		},
		{
			"wrong", FieldProps{Name: "username", Label: "Name", Hint: "A hint", Value: "x\"y", Err: wrong},
			[]string{`aria-describedby="field-username-error"`, `aria-invalid="true"`, `id="field-username-error">Please fill this in.<`, `value="x&#34;y"`, "field--error"},
			[]string{"A hint"},
		},
		{
			"right beside a wrong one", FieldProps{Name: "email", Label: "Mail", Err: wrong, Type: "email", Optional: true, Focus: true},
			[]string{`type="email"`, "(optional)", " autofocus"}, []string{"aria-invalid", "aria-describedby", "dir="},
		},
		{
			"a password", FieldProps{Name: "password", Label: "Password", Type: "password", Autocomplete: "new-password"},
			[]string{`type="password"`, `autocomplete="new-password"`, `data-show-password="field-password"`, `hidden`}, []string{"value=", "onpaste"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := draw(t, Field(test.field))
			for _, want := range test.want {
				if !strings.Contains(got, want) {
					t.Errorf("%s is not in %s", want, got)
				}
			}
			for _, not := range test.not {
				if strings.Contains(got, not) {
					t.Errorf("%s is in %s", not, got)
				}
			}
		})
	}
}

func TestErrorSummary(t *testing.T) {
	t.Parallel()
	if got := draw(t, ErrorSummary(nil)); got != "" {
		t.Errorf("nothing wrong gives %s", got)
	}
	got := draw(t, ErrorSummary(&chat.Error{Fields: []chat.FieldError{{Field: "email", Code: chat.CodeEmailForm}}}))
	for _, want := range []string{`role="alert"`, `tabindex="-1"`, "autofocus", `href="#field-email">E-mail<`, "does not look like"} {
		if !strings.Contains(got, want) {
			t.Errorf("%s is not in %s", want, got)
		}
	}
}

func TestErrorPane(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		props ErrorProps
		want  []string
		not   string
	}{
		{
			"not found, logged in", ErrorProps{Status: 404, Err: &chat.Error{Code: chat.CodeNotFound}, LoggedIn: true, RequestID: "r1"},
			[]string{"404", "Nothing here", "not yours", "Go to your conversations", "<code dir=\"auto\">r1</code>", `<main id="pane"`, "<title>"}, "Try again",
		},
		{
			"broken, with a way to try again", ErrorProps{Status: 500, Retry: "/people?q=a&after=b"},
			[]string{"Something broke", "our mistake", `href="/people?q=a&amp;after=b"`, "Go to the start page"}, "<code",
		},
		{"a status without a name", ErrorProps{Status: 418}, []string{"418", "Something broke"}, ""},
		{
			"a wrong field", ErrorProps{Status: 422, Err: &chat.Error{Code: chat.CodeInvalid, Fields: []chat.FieldError{{Field: "body", Code: chat.CodeBadText}}}},
			[]string{"cannot be used"}, "",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := draw(t, ErrorPane(test.props))
			for _, want := range test.want {
				if !strings.Contains(got, want) {
					t.Errorf("%s is not in %s", want, got)
				}
			}
			if test.not != "" && strings.Contains(got, test.not) {
				t.Errorf("%s is in %s", test.not, got)
			}
		})
	}
}

func TestComposer(t *testing.T) {
	t.Parallel()
	page := chat.ConversationPage{Conversation: chat.Conversation{ID: chat.NewID(), Kind: chat.KindDirect}, Other: boris}
	viewer := chat.Viewer{Person: chat.Person{Card: ana}}
	client := chat.NewID()
	compose := func(change func(*chat.ConversationPage), err *chat.Error, body string) string {
		p := page
		if change != nil {
			change(&p)
		}
		props := NewConversation(p, viewer, someMessage("").CreatedAt, client)
		props.Composer.Err, props.Composer.Body = err, body
		return draw(t, Composer(props.Composer))
	}
	t.Run("it sends to the conversation, with a fresh id", func(t *testing.T) {
		t.Parallel()
		got := compose(nil, nil, "")
		for _, want := range []string{
			`action="` + MessagesPath(page.ID) + `"`, `name="client_id" value="` + client.String() + `"`, `placeholder="Write to ` + Isolate("Boris") + `"`,
			`role="alert" hidden>`, `name="body" dir="auto"`,
		} {
			if !strings.Contains(got, want) {
				t.Errorf("%s is not in %s", want, got)
			}
		}
	})
	t.Run("a group and a note have words of their own", func(t *testing.T) {
		t.Parallel()
		if got := compose(func(p *chat.ConversationPage) {
			p.Kind, p.Name, p.Group.WhoWrites = chat.KindGroup, "Crew", chat.WhoMembers
		}, nil, ""); !strings.Contains(got, "Write to "+Isolate("Crew")) {
			t.Error(got)
		}
		if got := compose(func(p *chat.ConversationPage) { p.Other = ana }, nil, ""); !strings.Contains(got, "Write a note") {
			t.Error(got)
		}
	})
	t.Run("a refused text is kept, byte by byte, and the reason said", func(t *testing.T) {
		t.Parallel()
		text := "\nI said </textarea> & more\n"
		got := compose(nil, &chat.Error{Code: chat.CodeInvalid, Fields: []chat.FieldError{{Field: "body", Code: chat.CodeTooLong, Args: chat.Args{"Count": 10}}}}, text)
		if !strings.Contains(got, ">Please use 10 characters at most.</p>") || !strings.Contains(got, "autofocus") {
			t.Error(got)
		}
		body := parse(t, got)
		if kept := textOf(findID(body, ComposerBodyID)); kept != text {
			t.Errorf("%q became %q", text, kept)
		}
	})
	t.Run("where writing is not possible there is a sentence and no form", func(t *testing.T) {
		t.Parallel()
		got := compose(func(p *chat.ConversationPage) { p.Member.Closed = true }, nil, "")
		if !strings.Contains(got, "New messages are not possible here.") || strings.Contains(got, "<form") {
			t.Error(got)
		}
	})
}
