//go:build unix

package chat_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"testing"
	"time"

	"parley/chat"
	"parley/chat/chattest"
)

func TestError(t *testing.T) {
	t.Parallel()
	cause := errors.New("the cause")
	for want, err := range map[string]error{
		"not_found: not_found":                chat.NotFound(),
		"unauthenticated: log_in_first":       chat.Unauthenticated(),
		"unavailable: unavailable: the cause": chat.Unavailable(cause),
		"conflict: client_id_reused":          chat.Conflict(chat.CodeClientIDReused, nil),
		"conflict: username_taken: the cause": chat.Conflict(chat.CodeUsernameTaken, cause),
		"invalid: invalid a=required b=bad_text": &chat.Error{
			Kind: chat.KindInvalid, Code: chat.CodeInvalid, Fields: []chat.FieldError{{Field: "a", Code: chat.CodeRequired}, {Field: "b", Code: chat.CodeBadText}},
		},
	} {
		if err.Error() != want {
			t.Errorf("%q instead of %q", err, want)
		}
		var e *chat.Error
		if !errors.As(err, &e) {
			t.Fatal("no Error")
		}
		wrapped := fmt.Errorf("wrapped: %w", err)
		if chat.KindOf(wrapped) != e.Kind || chat.CodeOf(wrapped) != e.Code {
			t.Errorf("%v: %s, %s", wrapped, chat.KindOf(wrapped), chat.CodeOf(wrapped))
		}
		if (e.Err != nil) != errors.Is(wrapped, cause) {
			t.Errorf("%v: the cause is lost", err)
		}
		if a, ok := e.Field("a"); ok != (len(e.Fields) > 0) || ok && a.Code != chat.CodeRequired {
			t.Errorf("%v: field %v, %v", err, a, ok)
		}
		if _, ok := e.Field("c"); ok {
			t.Errorf("%v has a field c", err)
		}
	}
	for _, err := range []error{nil, cause, context.Canceled} {
		if chat.KindOf(err) != "" || chat.CodeOf(err) != "" {
			t.Errorf("%v: %s, %s", err, chat.KindOf(err), chat.CodeOf(err))
		}
	}
	var e *chat.Error
	if errors.As(chat.Unavailable(cause), &e); e.RetryAfter != 5*time.Second {
		t.Errorf("come back in %v", e.RetryAfter)
	}
}

// cases calls each use case that asks the store, with input in which nothing is wrong.
func cases(ctx context.Context, w *chattest.World, anna chat.Viewer, id chat.ID, token string) map[string]func() error {
	c := w.Chat
	return map[string]func() error{
		"Gate":           func() error { _, err := c.Gate(ctx, here); return err },
		"SetupCode":      func() error { _, err := c.SetupCode(ctx); return err },
		"Register":       func() error { _, err := c.Register(ctx, here, form("ben")); return err },
		"CreateAccount":  func() error { _, err := c.CreateAccount(ctx, form("ben"), chat.RoleMember); return err },
		"LogIn":          func() error { _, err := c.LogIn(ctx, here, "anna", chattest.Password); return err },
		"LogOut":         func() error { return c.LogOut(ctx, anna) },
		"MakeResetLink":  func() error { _, err := c.MakeResetLink(ctx, "anna"); return err },
		"CheckResetLink": func() error { return c.CheckResetLink(ctx, here, token) },
		"ResetPassword":  func() error { return c.ResetPassword(ctx, here, token, newPassword) },
		"Promote":        func() error { return c.Promote(ctx, "anna", chat.RoleModerator) },
		"Viewer":         func() error { _, err := c.Viewer(ctx, anna.SessionID); return err },
		"ViewerAt":       func() error { _, err := c.ViewerAt(ctx, anna.SessionID, "192.0.2.9"); return err },
		"Renewed":        func() error { return c.Renewed(ctx, anna) },
		"SessionsAlive":  func() error { _, err := c.SessionsAlive(ctx, []chat.ID{anna.SessionID}); return err },
		"SweepSessions":  func() error { _, err := c.SweepSessions(ctx); return err },
		"SearchPeople":   func() error { _, err := c.SearchPeople(ctx, anna, "anna", ""); return err },
		"Relations":      func() error { _, err := c.Relations(ctx, anna.ID, []chat.ID{anna.ID}); return err },
		"PersonToBlock":  func() error { _, err := c.PersonToBlock(ctx, anna, id); return err },
		"Reach":          func() error { _, err := c.Reach(ctx, anna); return err },
		"SaveReach": func() error {
			return c.SaveReach(ctx, anna, chat.Reach{Writes: chat.CircleNobody, Adds: chat.CircleGroups, Finds: chat.CircleEverybody})
		},
		"Sights":          func() error { _, err := c.Sights(ctx, []chat.Pair{{Viewer: anna.ID, Person: anna.ID}}); return err },
		"PresenceFacts":   func() error { _, err := c.PresenceFacts(ctx, []chat.ID{anna.ID}); return err },
		"NoteSeen":        func() error { return c.NoteSeen(ctx, map[chat.ID]time.Duration{anna.ID: time.Second}) },
		"PresenceChoices": func() error { _, err := c.PresenceChoices(ctx, anna); return err },
		"SavePresenceChoices": func() error {
			return c.SavePresenceChoices(ctx, anna, chat.PresenceChoices{Presence: chat.CircleShared, LastSeen: chat.CircleNobody})
		},
		"Status":           func() error { _, err := c.Status(ctx, anna); return err },
		"SaveStatus":       func() error { return c.SaveStatus(ctx, anna, chat.StatusInput{Text: "x", Ends: chat.StatusStays}) },
		"Writing":          func() error { _, err := c.Writing(ctx, anna.ID, id); return err },
		"Requests":         func() error { _, err := c.Requests(ctx, anna); return err },
		"AcceptRequest":    func() error { return c.AcceptRequest(ctx, anna, id) },
		"Blocked":          func() error { _, err := c.Blocked(ctx, anna, ""); return err },
		"OpenMessage":      func() error { _, err := c.OpenMessage(ctx, anna, id, id); return err },
		"PersonByUsername": func() error { _, err := c.PersonByUsername(ctx, anna, "anna"); return err },
		"SavePreferences": func() error {
			return c.SavePreferences(ctx, anna, chat.Preferences{TimeZone: "UTC", Theme: chat.ThemeAuto})
		},
		"Preferences":      func() error { _, err := c.Preferences(ctx, anna.ID); return err },
		"Lists":            func() error { _, err := c.Lists(ctx, []chat.ID{anna.ID}); return err },
		"StartDirect":      func() error { _, err := c.StartDirect(ctx, anna, anna.ID); return err },
		"OpenConversation": func() error { _, err := c.OpenConversation(ctx, anna, id, chat.Place{}); return err },
		"Membership":       func() error { _, err := c.Membership(ctx, anna, id); return err },
		"Epoch":            func() error { _, err := c.Epoch(ctx); return err },
		"List":             func() error { _, err := c.List(ctx, anna, nil); return err },
		"RowsOf":           func() error { _, err := c.RowsOf(ctx, []chat.ID{id}, []chat.ID{anna.ID}, nil); return err },
		"QuietEnded":       func() error { _, err := c.QuietEnded(ctx, time.Now(), time.Now()); return err },
		"ListTotals":       func() error { _, err := c.ListTotals(ctx, []chat.ID{anna.ID}); return err },
		"Heads":            func() error { _, err := c.Heads(ctx, []chat.ID{id}); return err },
		"ViewSeqs":         func() error { _, err := c.ViewSeqs(ctx, []chat.ID{anna.ID}); return err },
		"Moved":            func() error { _, err := c.Moved(ctx, time.Now()); return err },
		"Active":           func() error { _, _, err := c.Active(ctx, time.Now()); return err },
		"SendMessage": func() error {
			_, err := c.SendMessage(ctx, anna, id, chat.Draft{Body: "x", ClientID: chat.NewID()})
			return err
		},
		"ChangesSince": func() error { _, err := c.ChangesSince(ctx, id, 0, 10); return err },
		"ChangesFor":   func() error { _, _, err := c.ChangesFor(ctx, anna, id, 0, 10); return err },
		"SavePositions": func() error {
			return c.SavePositions(ctx, []chat.Position{{PersonID: anna.ID, ConversationID: id, Read: 1}})
		},
		"MarkRead": func() error { return c.MarkRead(ctx, anna, chat.Position{ConversationID: id, Read: 1}) },
	}
}

func TestUnavailable(t *testing.T) {
	t.Parallel()
	world := func(t *testing.T) (*chattest.World, map[string]func() error) {
		w := chattest.New(t)
		anna := w.Person(t, "Anna")
		id := w.Direct(t, anna, anna)
		w.Say(t, anna, id, "Hello")
		token := value[string](t)(w.Chat.MakeResetLink(t.Context(), "anna"))
		boss := w.Administrator(t, "Boss")
		made, secret, err := w.Chat.Invite(t.Context(), boss, desk, chat.InvitationInput{})
		must(t, err)
		w.Heard()
		all := cases(t.Context(), w, anna, id, token)
		maps.Copy(all, administrations(t.Context(), w, boss, anna, made.ID))
		all["CheckInvitation"] = func() error { _, err := w.Chat.CheckInvitation(t.Context(), here, secret); return err }
		all["VerifyAudit"] = func() error { _, err := w.Chat.VerifyAudit(t.Context()); return err }
		return w, all
	}

	t.Run("without a database every use case says that it is not available, and nothing is announced", func(t *testing.T) {
		t.Parallel()
		w, cases := world(t)
		for _, name := range []string{"Gate", "OpenConversation", "SearchPeople", "SendMessage"} {
			if err := cases[name](); err != nil {
				t.Fatalf("premise: %s: %v", name, err)
			}
		}
		w.Heard()
		w.Store.Close()
		for name, f := range cases {
			if err := f(); chat.KindOf(err) != chat.KindUnavailable {
				t.Errorf("%s: %v", name, err)
			}
		}
		if heard := w.Heard(); len(heard) != 0 {
			t.Errorf("heard %v", heard)
		}
	})

	// What fails further on, after something went well.
	for table, names := range map[string][]string{
		"sessions":      {"Register", "LogIn"},
		"messages":      {"SendMessage"},
		"members":       {"SendMessage", "StartDirect"},
		"installation":  {"Register", "SetupCode"},
		"conversations": {"SavePositions", "MarkRead"},
		"audit_head":    {"CreateAccount", "MakeResetLink", "Promote"},
	} {
		t.Run("without "+table+" it is an internal error", func(t *testing.T) {
			t.Parallel()
			w, cases := world(t)
			if table == "installation" || table == "members" {
				w.Exec(t, "TRUNCATE people CASCADE")
			}
			if table == "members" {
				anna := w.Person(t, "Anna")
				cases["StartDirect"] = func() error { _, err := w.Chat.StartDirect(t.Context(), anna, anna.ID); return err }
			}
			takeAway(t, w, table)
			for _, name := range names {
				internal(t, cases[name]())
			}
			if heard := w.Heard(); len(heard) != 0 {
				t.Errorf("heard %v", heard)
			}
		})
	}
}
