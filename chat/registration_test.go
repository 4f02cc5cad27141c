//go:build unix

package chat_test

import (
	"context"
	"testing"

	"parley/chat"
	"parley/chat/chattest"
)

func TestRegistration(t *testing.T) {
	t.Parallel()

	t.Run("where the operator has not decided, it is open at first, and administrators decide", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		boss := w.Administrator(t, "Boss")
		if rule := value[chat.RegistrationRule](t)(w.Chat.RegistrationRule(t.Context(), boss)); rule != (chat.RegistrationRule{Registration: chat.RegistrationOpen}) {
			t.Errorf("got %+v", rule)
		}
		last := chat.RegistrationOpen
		for _, c := range []struct {
			rule chat.Registration
			gate chat.Gate
			code chat.Code
		}{
			{chat.RegistrationInvite, chat.Gate{ByInvitation: true}, chat.CodeInvitationNeeded},
			{chat.RegistrationClosed, chat.Gate{}, chat.CodeRegistrationClosed},
			{chat.RegistrationOpen, chat.Gate{Open: true}, ""},
		} {
			must(t, w.Chat.SetRegistration(t.Context(), boss, desk, c.rule))
			wrote(t, w, chat.AuditEntry{
				ActorID: boss.ID, Action: chat.AuditRegistration, Address: desk.Address,
				Before: chat.AuditFacts{"registration": string(last)}, After: chat.AuditFacts{"registration": string(c.rule)},
			})
			last = c.rule
			if gate := value[chat.Gate](t)(w.Chat.Gate(t.Context(), there)); gate != c.gate {
				t.Errorf("%s: got %+v", c.rule, gate)
			}
			if rule := value[chat.RegistrationRule](t)(w.Chat.RegistrationRule(t.Context(), boss)); rule.Registration != c.rule || rule.Fixed {
				t.Errorf("%s: got %+v", c.rule, rule)
			}
			_, err := w.Chat.Register(t.Context(), there, form("anna"))
			if chat.CodeOf(err) != c.code || (c.code == "") != (err == nil) {
				t.Errorf("%s: %v", c.rule, err)
			}
		}
		must(t, w.Chat.SetRegistration(t.Context(), boss, desk, chat.RegistrationOpen))
		if n := entries(t, w); n != 3 {
			t.Errorf("the same once more is written down: %d", n)
		}
		for _, rule := range []chat.Registration{"", "Open", "sometimes"} {
			if got := wrong(t, w.Chat.SetRegistration(t.Context(), boss, desk, rule)); got["registration"] != chat.CodeChoice {
				t.Errorf("%q: got %v", rule, got)
			}
		}
	})

	t.Run("where the operator has decided, that holds, and nobody changes it", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t, chattest.Registration(chat.RegistrationInvite))
		boss := w.Administrator(t, "Boss")
		w.Exec(t, "UPDATE installation SET registration = 'closed'")
		if rule := value[chat.RegistrationRule](t)(w.Chat.RegistrationRule(t.Context(), boss)); rule != (chat.RegistrationRule{Registration: chat.RegistrationInvite, Fixed: true}) {
			t.Errorf("got %+v", rule)
		}
		refused(t, w.Chat.SetRegistration(t.Context(), boss, desk, chat.RegistrationOpen), chat.KindForbidden, chat.CodeRegistrationFixed)
		_, err := w.Chat.Register(t.Context(), there, form("anna"))
		refused(t, err, chat.KindForbidden, chat.CodeInvitationNeeded)
		if n := entries(t, w); n != 0 {
			t.Errorf("%d entries", n)
		}
	})

	t.Run("the first account is made whatever the rule", func(t *testing.T) {
		t.Parallel()
		for _, rule := range []chat.Registration{chat.RegistrationOpen, chat.RegistrationInvite, chat.RegistrationClosed} {
			w := chattest.New(t)
			w.Exec(t, "UPDATE installation SET registration = $1", string(rule))
			if gate := value[chat.Gate](t)(w.Chat.Gate(t.Context(), here)); gate != (chat.Gate{First: true, Open: true}) {
				t.Errorf("got %+v", gate)
			}
			if first := value[chat.Viewer](t)(w.Chat.Register(t.Context(), here, form("anna"))); first.Role != chat.RoleAdministrator {
				t.Errorf("%s: the first is %s", rule, first.Role)
			}
		}
	})

	t.Run("whoever waits while it is closed does not get in", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		w.Administrator(t, "Boss")
		held := w.Hold(t, "UPDATE installation SET registration = 'closed'")
		done := later(func() error { _, err := w.Chat.Register(t.Context(), there, form("anna")); return err })
		w.AwaitWaiting(t, 1)
		held.Commit()
		refused(t, <-done, chat.KindForbidden, chat.CodeRegistrationClosed)
		if n := chattest.Value[int](t, w, "SELECT count(*) FROM people"); n != 1 {
			t.Errorf("%d people", n)
		}
	})
}

func TestInvitations(t *testing.T) {
	t.Parallel()
	invite := func(t *testing.T, w *chattest.World, boss chat.Viewer, in chat.InvitationInput) (chat.Invitation, string) {
		t.Helper()
		made, token, err := w.Chat.Invite(t.Context(), boss, desk, in)
		must(t, err)
		return made, token
	}
	join := func(ctx context.Context, w *chattest.World, username, token string) error {
		in := form(username)
		in.Invitation = token
		_, err := w.Chat.Register(ctx, there, in)
		return err
	}
	only := func(t *testing.T, w *chattest.World, boss chat.Viewer) chat.Invitation {
		t.Helper()
		page := value[chat.InvitationPage](t)(w.Chat.Invitations(t.Context(), boss, ""))
		if len(page.Invitations) != 1 || page.Next != "" {
			t.Fatalf("got %+v", page)
		}
		return page.Invitations[0]
	}

	t.Run("an administrator makes one, of which only the hash is kept", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		boss := w.Administrator(t, "Boss")
		made, token := invite(t, w, boss, chat.InvitationInput{Note: "  for   the  crew ", Days: 7, Uses: 5})
		if len(token) != 43 || made.Note != "for the crew" || made.By != boss.Card || made.MaxUses != 5 || made.State != chat.InvitationUsable {
			t.Errorf("got %+v, %q", made, token)
		}
		if life := made.ExpiresAt.Sub(made.CreatedAt).Hours(); life != 7*24 {
			t.Errorf("it lives %v hours", life)
		}
		if n := chattest.Value[int](t, w, "SELECT count(*) FROM invitations WHERE strpos(encode(token_hash, 'escape'), $1) > 0 OR length(token_hash) <> 32", token); n != 0 {
			t.Error("the secret itself is stored")
		}
		wrote(t, w, chat.AuditEntry{
			ActorID: boss.ID, Action: chat.AuditInvite, TargetID: made.ID, Address: desk.Address, After: chat.AuditFacts{"days": "7", "uses": "5"},
		})
		listed, alone := only(t, w, boss), value[chat.Invitation](t)(w.Chat.Invitation(t.Context(), boss, made.ID))
		if listed.ID != made.ID || listed.Note != made.Note || listed.By != made.By || listed.Uses != 0 || !listed.ExpiresAt.Equal(*made.ExpiresAt) ||
			listed.State != chat.InvitationUsable || alone.ID != listed.ID || alone.MaxUses != 5 {
			t.Errorf("listed is %+v", listed)
		}
		for range 2 { // looking takes nothing
			if open := value[chat.Invitation](t)(w.Chat.CheckInvitation(t.Context(), there, token)); open.ID != made.ID || open.By != boss.Card {
				t.Errorf("it opens %+v", open)
			}
		}
	})

	t.Run("what was not offered is refused, all at once", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		boss := w.Administrator(t, "Boss")
		long := ""
		for range chat.MaxNote + 1 {
			long += "é"
		}
		for _, c := range []struct {
			in   chat.InvitationInput
			want map[string]chat.Code
		}{
			{chat.InvitationInput{Note: "a\x00b", Days: 2, Uses: 3}, map[string]chat.Code{"note": chat.CodeBadText, "days": chat.CodeChoice, "uses": chat.CodeChoice}},
			{chat.InvitationInput{Note: long, Days: -1, Uses: -1}, map[string]chat.Code{"note": chat.CodeTooLong, "days": chat.CodeChoice, "uses": chat.CodeChoice}},
		} {
			_, token, err := w.Chat.Invite(t.Context(), boss, desk, c.in)
			got := wrong(t, err)
			for field, code := range c.want {
				if got[field] != code {
					t.Errorf("%s: %v", field, got)
				}
			}
			if token != "" {
				t.Error("a link all the same")
			}
		}
		_, _, err := w.Chat.Invite(t.Context(), boss, desk, chat.InvitationInput{Note: long[2:]})
		must(t, err)
		if n := entries(t, w); n != 1 {
			t.Errorf("%d entries", n)
		}
	})

	for rule, works := range map[chat.Registration]bool{chat.RegistrationOpen: true, chat.RegistrationInvite: true, chat.RegistrationClosed: false} {
		t.Run("under "+string(rule)+" it works: "+map[bool]string{true: "yes", false: "no"}[works], func(t *testing.T) {
			t.Parallel()
			w := chattest.New(t, chattest.Registration(rule))
			boss := w.Administrator(t, "Boss")
			made, token := invite(t, w, boss, chat.InvitationInput{Uses: 1})
			_, err := w.Chat.CheckInvitation(t.Context(), there, token)
			joined := join(t.Context(), w, "anna", token)
			if !works {
				refused(t, err, chat.KindForbidden, chat.CodeRegistrationClosed)
				refused(t, joined, chat.KindForbidden, chat.CodeRegistrationClosed)
				_, err = w.Chat.CheckInvitation(t.Context(), there, "nonsense") // of a link nothing is told
				refused(t, err, chat.KindForbidden, chat.CodeRegistrationClosed)
				if only(t, w, boss).Uses != 0 {
					t.Error("a use is gone")
				}
				return
			}
			must(t, err)
			must(t, joined)
			if got := only(t, w, boss); got.Uses != 1 || got.State != chat.InvitationUsedUp {
				t.Errorf("got %+v", got)
			}
			if by := chattest.Value[chat.ID](t, w, "SELECT invitation_id FROM people WHERE username = 'anna'"); by != made.ID {
				t.Errorf("anna came by %v", by)
			}
			_, err = w.Chat.CheckInvitation(t.Context(), there, token)
			refused(t, err, chat.KindNotFound, chat.CodeInvitationLink)
			refused(t, join(t.Context(), w, "ben", token), chat.KindNotFound, chat.CodeInvitationLink)
			_, err = w.Chat.Register(t.Context(), there, form("cleo"))
			if rule == chat.RegistrationInvite {
				refused(t, err, chat.KindForbidden, chat.CodeInvitationNeeded)
			} else {
				must(t, err)
			}
		})
	}

	for name, spoil := range map[string]func(*testing.T, *chattest.World, chat.Viewer, chat.Invitation){
		"expired": func(t *testing.T, w *chattest.World, _ chat.Viewer, _ chat.Invitation) {
			w.Exec(t, "UPDATE invitations SET expires_at = now()")
		},
		"revoked": func(t *testing.T, w *chattest.World, boss chat.Viewer, i chat.Invitation) {
			must(t, w.Chat.RevokeInvitation(t.Context(), boss, desk, i.ID))
		},
		"used_up": func(t *testing.T, w *chattest.World, _ chat.Viewer, _ chat.Invitation) {
			w.Exec(t, "UPDATE invitations SET uses = max_uses")
		},
	} {
		t.Run("a link that is "+name+" makes no account", func(t *testing.T) {
			t.Parallel()
			w := chattest.New(t)
			boss := w.Administrator(t, "Boss")
			made, token := invite(t, w, boss, chat.InvitationInput{Days: 1, Uses: 5})
			must(t, join(t.Context(), w, "anna", token)) // premise: it worked
			spoil(t, w, boss, made)
			_, err := w.Chat.CheckInvitation(t.Context(), there, token)
			refused(t, err, chat.KindNotFound, chat.CodeInvitationLink)
			refused(t, join(t.Context(), w, "ben", token), chat.KindNotFound, chat.CodeInvitationLink)
			if got := only(t, w, boss); string(got.State) != name {
				t.Errorf("it is %s", got.State)
			}
			if n := chattest.Value[int](t, w, "SELECT count(*) FROM people"); n != 2 {
				t.Errorf("%d people", n)
			}
		})
	}

	t.Run("one without end and without limit goes on", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		boss := w.Administrator(t, "Boss")
		made, token := invite(t, w, boss, chat.InvitationInput{})
		if made.ExpiresAt != nil {
			t.Errorf("it ends %v", made.ExpiresAt)
		}
		w.Exec(t, "UPDATE invitations SET created_at = now() - interval '10 years', uses = 1000")
		must(t, join(t.Context(), w, "anna", token))
		if got := only(t, w, boss); got.Uses != 1001 || got.State != chat.InvitationUsable || got.MaxUses != 0 {
			t.Errorf("got %+v", got)
		}
	})

	t.Run("a registration that fails takes no use", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t, chattest.Registration(chat.RegistrationInvite))
		boss := w.Administrator(t, "Boss")
		w.Person(t, "Anna")
		_, token := invite(t, w, boss, chat.InvitationInput{Uses: 1})
		if got := wrong(t, join(t.Context(), w, "anna", token)); got["username"] != chat.CodeUsernameTaken {
			t.Errorf("got %v", got)
		}
		in := form("ben")
		in.Invitation, in.Password = token, "short"
		_, err := w.Chat.Register(t.Context(), there, in)
		if got := wrong(t, err); got["password"] != chat.CodePasswordTooShort {
			t.Errorf("got %v", got)
		}
		if got := only(t, w, boss); got.Uses != 0 {
			t.Errorf("%d uses", got.Uses)
		}
		must(t, join(t.Context(), w, "ben", token))
		if got := only(t, w, boss); got.Uses != 1 {
			t.Errorf("%d uses", got.Uses)
		}
	})

	t.Run("a wrong link is refused before a password is hashed", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		w.Administrator(t, "Boss")
		for _, token := range []string{"nonsense", "\x00\xff", "0123456789012345678901234567890123456789012"} {
			in := form("anna")
			in.Invitation, in.Password = token, "short" // which would be told next
			_, err := w.Chat.Register(t.Context(), there, in)
			refused(t, err, chat.KindNotFound, chat.CodeInvitationLink)
		}
	})

	t.Run("of twenty who come at once by a link for three, three get in", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t, chattest.Registration(chat.RegistrationInvite))
		boss := w.Administrator(t, "Boss")
		_, token := invite(t, w, boss, chat.InvitationInput{Uses: 5})
		w.Exec(t, "UPDATE invitations SET uses = 2")
		held := w.Hold(t, "SELECT FROM invitations FOR UPDATE")
		var errs []error
		done := later(func() error {
			errs = together(20, func(i int) error { return join(t.Context(), w, "guest"+string(rune('a'+i)), token) })
			return nil
		})
		w.AwaitWaiting(t, 3) // as many as there are connections but one, or more
		held.Commit()
		<-done
		if n := successes(errs); n != 3 {
			t.Errorf("%d got in: %v", n, errs)
		}
		for _, err := range errs {
			if err != nil {
				refused(t, err, chat.KindNotFound, chat.CodeInvitationLink)
			}
		}
		if n := chattest.Value[int](t, w, "SELECT count(*) FROM people WHERE invitation_id IS NOT NULL"); n != 3 {
			t.Errorf("%d accounts", n)
		}
		if got := only(t, w, boss); got.Uses != 5 || got.State != chat.InvitationUsedUp {
			t.Errorf("got %+v", got)
		}
	})

	t.Run("a class comes by one invitation from one address", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t, chattest.Limits())
		_, token := invite(t, w, w.Administrator(t, "Boss"), chat.InvitationInput{Uses: 25})
		for i := range 25 {
			value[chat.Invitation](t)(w.Chat.CheckInvitation(t.Context(), there, token))
			must(t, join(t.Context(), w, "pupil"+string(rune('a'+i)), token))
		}
		if err := join(t.Context(), w, "another", "a guess"); chat.KindOf(err) != chat.KindNotFound {
			t.Errorf("premise: a guess is told: %v", err)
		}
	})

	t.Run("whoever waits while it is revoked does not get in", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		boss := w.Administrator(t, "Boss")
		_, token := invite(t, w, boss, chat.InvitationInput{})
		held := w.Hold(t, "UPDATE invitations SET revoked_at = now()")
		done := later(func() error { return join(t.Context(), w, "anna", token) })
		w.AwaitWaiting(t, 1)
		held.Commit()
		refused(t, <-done, chat.KindNotFound, chat.CodeInvitationLink)
	})

	t.Run("revoking is written down once, with what it was used for", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		boss := w.Administrator(t, "Boss")
		made, token := invite(t, w, boss, chat.InvitationInput{})
		must(t, join(t.Context(), w, "anna", token))
		must(t, w.Chat.RevokeInvitation(t.Context(), boss, desk, made.ID))
		wrote(t, w, chat.AuditEntry{
			ActorID: boss.ID, Action: chat.AuditRevoke, TargetID: made.ID, Address: desk.Address, Before: chat.AuditFacts{"uses": "1"},
		})
		must(t, w.Chat.RevokeInvitation(t.Context(), boss, desk, made.ID))
		if n := entries(t, w); n != 2 {
			t.Errorf("%d entries", n)
		}
	})

	t.Run("page by page each comes once", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		boss := w.Administrator(t, "Boss")
		for range 101 {
			invite(t, w, boss, chat.InvitationInput{})
		}
		w.Exec(t, "UPDATE invitations SET created_at = date_trunc('minute', created_at)")
		seen, after, pages := map[chat.ID]bool{}, "", 0
		for pages == 0 || after != "" {
			page := value[chat.InvitationPage](t)(w.Chat.Invitations(t.Context(), boss, after))
			for _, i := range page.Invitations {
				seen[i.ID] = true
			}
			pages++
			after = page.Next
		}
		if len(seen) != 101 || pages != 3 {
			t.Errorf("%d invitations on %d pages", len(seen), pages)
		}
	})
}
