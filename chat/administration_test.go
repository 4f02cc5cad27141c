//go:build unix

package chat_test

import (
	"context"
	"reflect"
	"slices"
	"testing"

	"parley/chat"
	"parley/chat/chattest"
)

// desk is where the administrator's requests come from.
var desk = chat.Origin{Address: "203.0.113.5", UserAgent: "test"}

// written is the newest entry of the log, without what differs from run to run.
func written(t *testing.T, w *chattest.World) chat.AuditEntry {
	t.Helper()
	page := value[chat.AuditPage](t)(w.Store.Audit(t.Context(), chat.ID{}, 0, 1))
	if len(page.Rows) == 0 {
		t.Fatal("nothing is written")
	}
	e := page.Rows[0].AuditEntry
	e.Seq, e.Hash, e.At = 0, nil, e.At.UTC().Truncate(0)
	if e.At.IsZero() || len(page.Rows[0].Hash) != 32 {
		t.Errorf("got %+v", page.Rows[0])
	}
	e.At = chat.AuditEntry{}.At
	return e
}

func entries(t *testing.T, w *chattest.World) int {
	t.Helper()
	return chattest.Value[int](t, w, "SELECT count(*) FROM audit")
}

// wrote fails the test unless the newest entry is that one.
func wrote(t *testing.T, w *chattest.World, want chat.AuditEntry) {
	t.Helper()
	want.Before, want.After = want.Before.OrNone(), want.After.OrNone()
	if got := written(t, w); !reflect.DeepEqual(got, want) {
		t.Errorf("written is %+v, want %+v", got, want)
	}
}

func roleOf(t *testing.T, w *chattest.World, person chat.Viewer) chat.Role {
	t.Helper()
	return chattest.Value[chat.Role](t, w, "SELECT role FROM people WHERE id = $1", person.ID)
}

func stateOf(t *testing.T, w *chattest.World, person chat.Viewer) chat.State {
	t.Helper()
	return chattest.Value[chat.State](t, w, "SELECT state FROM people WHERE id = $1", person.ID)
}

// administrations calls every use case of administrators, with input in which nothing is wrong.
func administrations(ctx context.Context, w *chattest.World, viewer, other chat.Viewer, invitation chat.ID) map[string]func() error {
	c := w.Chat
	return map[string]func() error{
		"Accounts":         func() error { _, err := c.Accounts(ctx, viewer, chat.AccountFilter{}, ""); return err },
		"Account":          func() error { _, err := c.Account(ctx, viewer, other.ID); return err },
		"ChangeRole":       func() error { return c.ChangeRole(ctx, viewer, desk, other.ID, chat.RoleModerator, chattest.Password) },
		"Suspend":          func() error { return c.Suspend(ctx, viewer, desk, other.ID, chattest.Password) },
		"Restore":          func() error { return c.Restore(ctx, viewer, desk, other.ID) },
		"LogOutEverywhere": func() error { return c.LogOutEverywhere(ctx, viewer, desk, other.ID) },
		"MakeResetLinkFor": func() error {
			_, err := c.MakeResetLinkFor(ctx, viewer, desk, other.ID, chattest.Password)
			return err
		},
		"Invite": func() error {
			_, _, err := c.Invite(ctx, viewer, desk, chat.InvitationInput{Days: 7, Uses: 1})
			return err
		},
		"Invitations":      func() error { _, err := c.Invitations(ctx, viewer, ""); return err },
		"Invitation":       func() error { _, err := c.Invitation(ctx, viewer, invitation); return err },
		"RevokeInvitation": func() error { return c.RevokeInvitation(ctx, viewer, desk, invitation) },
		"RegistrationRule": func() error { _, err := c.RegistrationRule(ctx, viewer); return err },
		"SetRegistration":  func() error { return c.SetRegistration(ctx, viewer, desk, chat.RegistrationClosed) },
		"Audit":            func() error { _, err := c.Audit(ctx, viewer, chat.ID{}, 0); return err },
		"CheckAudit":       func() error { _, err := c.CheckAudit(ctx, viewer); return err },
	}
}

// acts are those of them that change something.
var acts = []string{
	"ChangeRole", "Suspend", "Restore", "LogOutEverywhere", "MakeResetLinkFor", "Invite", "RevokeInvitation", "SetRegistration",
}

func TestWhoAdministers(t *testing.T) {
	t.Parallel()
	type scene struct {
		*chattest.World
		boss, other, viewer chat.Viewer
		invitation          chat.ID
	}
	set := func(t *testing.T) scene {
		w := chattest.New(t)
		s := scene{World: w, boss: w.Administrator(t, "Boss"), other: w.Person(t, "Other"), viewer: w.Person(t, "Viewer")}
		made, _, err := w.Chat.Invite(t.Context(), s.boss, desk, chat.InvitationInput{})
		must(t, err)
		s.invitation = made.ID
		return s
	}

	t.Run("an administrator does all of it", func(t *testing.T) {
		t.Parallel()
		s := set(t)
		for name, f := range administrations(t.Context(), s.World, s.boss, s.other, s.invitation) {
			if name == "Suspend" || name == "Restore" || name == "MakeResetLinkFor" {
				continue // in their order, below
			}
			if err := f(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		all := administrations(t.Context(), s.World, s.boss, s.other, s.invitation)
		for _, name := range []string{"MakeResetLinkFor", "Suspend", "Restore"} {
			if err := all[name](); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if n := entries(t, s.World); n != 1+len(acts) {
			t.Errorf("%d entries for %d acts", n, len(acts))
		}
	})

	for name, change := range map[string]func(*testing.T, scene) chat.Viewer{
		"a member": func(_ *testing.T, s scene) chat.Viewer { return s.viewer },
		"a moderator": func(t *testing.T, s scene) chat.Viewer {
			must(t, s.Chat.Promote(t.Context(), s.viewer.Username, chat.RoleModerator))
			return value[chat.Viewer](t)(s.Chat.Viewer(t.Context(), s.viewer.SessionID))
		},
		"a suspended administrator": func(t *testing.T, s scene) chat.Viewer {
			must(t, s.Chat.Promote(t.Context(), s.viewer.Username, chat.RoleAdministrator))
			must(t, s.Chat.Suspend(t.Context(), s.boss, desk, s.viewer.ID, chattest.Password))
			s.viewer.Role, s.viewer.State = chat.RoleAdministrator, chat.StateSuspended
			return s.viewer
		},
	} {
		t.Run("for "+name+" nothing of it is there, and nothing happens", func(t *testing.T) {
			t.Parallel()
			s := set(t)
			viewer := change(t, s)
			before := entries(t, s.World)
			s.Heard()
			for what, f := range administrations(t.Context(), s.World, viewer, s.other, s.invitation) {
				if err := f(); chat.CodeOf(err) != chat.CodeNotFound {
					t.Errorf("%s: %v", what, err)
				}
			}
			if n := entries(t, s.World); n != before || len(s.Heard()) > 0 || roleOf(t, s.World, s.other) != chat.RoleMember || stateOf(t, s.World, s.other) != chat.StateActive {
				t.Errorf("something happened: %d entries", n-before)
			}
			if n := chattest.Value[int](t, s.World, "SELECT count(*) FROM invitations WHERE revoked_at IS NULL"); n != 1 {
				t.Errorf("%d invitations", n)
			}
		})
	}

	// Who was an administrator when the request came in, and is none when it acts.
	for name, change := range map[string]string{
		"demoted":   "UPDATE people SET role = 'member' WHERE id = $1",
		"suspended": "UPDATE people SET state = 'suspended' WHERE id = $1",
		// Who has got a new password was to keep out whoever had the old one.
		"given a new password": "UPDATE people SET password_hash = 'another' WHERE id = $1",
	} {
		for _, act := range acts {
			t.Run("whoever is "+name+" while they wait does not "+act+" any more", func(t *testing.T) {
				t.Parallel()
				s := set(t)
				s.Exec(t, "UPDATE people SET role = 'administrator' WHERE id = $1", s.viewer.ID)
				s.viewer.Role = chat.RoleAdministrator
				if act == "Restore" {
					suspend(t, s.World, s.other)
				}
				before, state := entries(t, s.World), stateOf(t, s.World, s.other)
				s.Heard()
				held := s.Hold(t, change, s.viewer.ID)
				done := later(administrations(t.Context(), s.World, s.viewer, s.other, s.invitation)[act])
				s.AwaitWaiting(t, 1)
				held.Commit()
				refused(t, <-done, chat.KindNotFound, chat.CodeNotFound)
				if entries(t, s.World) != before || stateOf(t, s.World, s.other) != state || roleOf(t, s.World, s.other) != chat.RoleMember || len(s.Heard()) > 0 {
					t.Error("it was done all the same")
				}
				if rule := value[chat.Registration](t)(s.Store.Registration(t.Context())); rule != chat.RegistrationOpen {
					t.Errorf("registration is %s", rule)
				}
			})
		}
	}

	t.Run("nobody who is not there is acted upon", func(t *testing.T) {
		t.Parallel()
		s := set(t)
		before := entries(t, s.World)
		s.other.ID = chat.NewID()
		all := administrations(t.Context(), s.World, s.boss, s.other, chat.NewID())
		for _, name := range []string{"Account", "ChangeRole", "Suspend", "Restore", "LogOutEverywhere", "MakeResetLinkFor", "Invitation", "RevokeInvitation"} {
			refused(t, all[name](), chat.KindNotFound, chat.CodeNotFound)
		}
		refused(t, s.Chat.Restore(t.Context(), s.boss, desk, chat.ID{}), chat.KindNotFound, chat.CodeNotFound)
		if n := entries(t, s.World); n != before {
			t.Errorf("%d entries", n-before)
		}
	})

	t.Run("an error in the middle changes nothing, and nothing is announced", func(t *testing.T) {
		t.Parallel()
		for _, act := range acts {
			s := set(t)
			if act == "Restore" {
				suspend(t, s.World, s.other)
			}
			state := stateOf(t, s.World, s.other)
			s.Heard()
			takeAway(t, s.World, "audit")
			internal(t, administrations(t.Context(), s.World, s.boss, s.other, s.invitation)[act]())
			if len(s.Heard()) > 0 || stateOf(t, s.World, s.other) != state || roleOf(t, s.World, s.other) != chat.RoleMember {
				t.Errorf("%s: done without being written down", act)
			}
			if n := chattest.Value[int](t, s.World, "SELECT count(*) FROM invitations WHERE revoked_at IS NULL"); n != 1 {
				t.Errorf("%s: %d invitations", act, n)
			}
			if n := chattest.Value[int](t, s.World, "SELECT count(*) FROM sessions WHERE revoked_at IS NULL"); n != 3 {
				t.Errorf("%s: %d sessions", act, n)
			}
			if n := chattest.Value[int](t, s.World, "SELECT count(*) FROM password_resets"); n != 0 {
				t.Errorf("%s: %d links", act, n)
			}
		}
	})
}

func TestAccounts(t *testing.T) {
	t.Parallel()
	w := chattest.New(t)
	boss, anna, ben := w.Administrator(t, "Boss Bossed"), w.Person(t, "Anna Schmidt"), w.Person(t, "Ben")
	suspended, moderator := w.Person(t, "Cleo"), w.Person(t, "Dora")
	suspend(t, w, suspended)
	must(t, w.Chat.Promote(t.Context(), moderator.Username, chat.RoleModerator))
	w.Exec(t, "UPDATE people SET email = 'Somebody.Else@Example.org', email_confirmed_at = now() WHERE id = $1", ben.ID)
	w.Exec(t, "UPDATE people SET email_wanted = 'Torres@Example.org' WHERE id = $1", anna.ID)
	made, token, err := w.Chat.Invite(t.Context(), boss, desk, chat.InvitationInput{Note: "for Emil", Uses: 5})
	must(t, err)
	in := form("emil")
	in.Invitation = token
	emil := value[chat.Viewer](t)(w.Chat.Register(t.Context(), there, in))

	find := func(t *testing.T, filter chat.AccountFilter) []string {
		t.Helper()
		var names []string
		for _, a := range value[chat.AccountPage](t)(w.Chat.Accounts(t.Context(), boss, filter, "")).Accounts {
			names = append(names, a.Username)
		}
		return names
	}
	for name, c := range map[string]struct {
		filter chat.AccountFilter
		want   []string
	}{
		"everybody, the newest first":     {chat.AccountFilter{}, []string{"emil", "dora", "cleo", "ben", "annaschmidt", "bossbossed"}},
		"a part of a name":                {chat.AccountFilter{Query: "schmi"}, []string{"annaschmidt"}},
		"a username":                      {chat.AccountFilter{Query: "@BEN"}, []string{"ben"}},
		"a part of an address":            {chat.AccountFilter{Query: "else@EX"}, []string{"ben"}},
		"a part of one that waits":        {chat.AccountFilter{Query: "RRES@ex"}, []string{"annaschmidt"}},
		"one letter begins a word":        {chat.AccountFilter{Query: "s"}, []string{"emil", "ben", "annaschmidt"}}, // Somebody, somebody.else@, Schmidt
		"what means something in SQL":     {chat.AccountFilter{Query: "%"}, nil},
		"what means something in a match": {chat.AccountFilter{Query: "_en"}, nil},
		"nobody":                          {chat.AccountFilter{Query: "zzyzx"}, nil},
		"a role":                          {chat.AccountFilter{Role: chat.RoleModerator}, []string{"dora"}},
		"a state":                         {chat.AccountFilter{State: chat.StateSuspended}, []string{"cleo"}},
		"both":                            {chat.AccountFilter{Role: chat.RoleModerator, State: chat.StateSuspended}, nil},
		"closed ones":                     {chat.AccountFilter{State: chat.StateClosed}, nil},
		"a role that there is not":        {chat.AccountFilter{Role: "emperor", Query: "ben"}, []string{"ben"}},
		"a state that there is not":       {chat.AccountFilter{State: "gone", Query: "ben"}, []string{"ben"}},
		"all of it":                       {chat.AccountFilter{Query: "bossed", Role: chat.RoleAdministrator, State: chat.StateActive}, []string{"bossbossed"}},
		"by an invitation":                {chat.AccountFilter{Invitation: made.ID}, []string{"emil"}},
		"by none":                         {chat.AccountFilter{Invitation: chat.NewID()}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			if got := find(t, c.filter); !slices.Equal(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}

	t.Run("an administrator sees who somebody is and by whom they came", func(t *testing.T) {
		a := value[chat.Account](t)(w.Chat.Account(t.Context(), boss, emil.ID))
		if a.Card != emil.Card || a.Role != chat.RoleMember || a.State != chat.StateActive || a.Sessions != 1 || a.LastUsedAt == nil ||
			a.InvitedBy == nil || *a.InvitedBy != boss.Card || a.InvitationNote != "for Emil" || a.InvitationID != made.ID {
			t.Errorf("got %+v", a)
		}
		w.Exec(t, "DELETE FROM sessions WHERE person_id = $1", anna.ID)
		if a = value[chat.Account](t)(w.Chat.Account(t.Context(), boss, anna.ID)); a.Sessions != 0 || a.LastUsedAt != nil || a.InvitedBy != nil {
			t.Errorf("got %+v", a)
		}
		if a = value[chat.Account](t)(w.Chat.Account(t.Context(), boss, ben.ID)); a.Email != "Somebody.Else@Example.org" || !a.EmailConfirmed {
			t.Errorf("got %+v", a)
		}
	})

	t.Run("page by page everybody comes once", func(t *testing.T) {
		w := chattest.New(t)
		boss := w.Administrator(t, "Boss")
		for range 119 {
			w.Person(t, "")
		}
		w.Exec(t, "UPDATE people SET created_at = date_trunc('minute', created_at)") // many at the same moment
		seen, after, pages := map[string]bool{}, "", 0
		for pages == 0 || after != "" {
			page := value[chat.AccountPage](t)(w.Chat.Accounts(t.Context(), boss, chat.AccountFilter{}, after))
			for _, a := range page.Accounts {
				if seen[a.Username] {
					t.Errorf("%s comes twice", a.Username)
				}
				seen[a.Username] = true
			}
			pages++
			after = page.Next
		}
		if len(seen) != 120 || pages != 3 {
			t.Errorf("%d people on %d pages", len(seen), pages)
		}
		first := value[chat.AccountPage](t)(w.Chat.Accounts(t.Context(), boss, chat.AccountFilter{}, ""))
		for _, nonsense := range []string{"x", "-5_" + chat.NewID().String(), "5_x", "9999999999999999999_" + chat.NewID().String(), "_"} {
			if page := value[chat.AccountPage](t)(w.Chat.Accounts(t.Context(), boss, chat.AccountFilter{}, nonsense)); !reflect.DeepEqual(page, first) {
				t.Errorf("%q is another page", nonsense)
			}
		}
	})
}

func TestChangeRole(t *testing.T) {
	t.Parallel()

	t.Run("another role holds at once, with new tokens, and is written down", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		boss, anna, ben := w.Administrator(t, "Boss"), w.Person(t, "Anna"), w.Person(t, "Ben")
		w.Heard()
		for _, c := range []struct{ from, to chat.Role }{
			{chat.RoleMember, chat.RoleModerator}, {chat.RoleModerator, chat.RoleAdministrator}, {chat.RoleAdministrator, chat.RoleMember},
		} {
			must(t, w.Chat.ChangeRole(t.Context(), boss, desk, anna.ID, c.to, chattest.Password))
			now := value[chat.Viewer](t)(w.Chat.Viewer(t.Context(), anna.SessionID))
			if now.Role != c.to || !now.Renew {
				t.Errorf("got %s, %v", now.Role, now.Renew)
			}
			wrote(t, w, chat.AuditEntry{
				ActorID: boss.ID, Action: chat.AuditRole, TargetID: anna.ID, Address: desk.Address,
				Before: chat.AuditFacts{"role": string(c.from)}, After: chat.AuditFacts{"role": string(c.to)},
			})
			if heard := w.Heard(); len(heard) != 1 || heard[0] != (chat.PersonChanged{PersonID: anna.ID, ViewSeq: now.ViewSeq}) {
				t.Errorf("heard %v", heard)
			}
		}
		if other := value[chat.Viewer](t)(w.Chat.Viewer(t.Context(), ben.SessionID)); other.Renew || other.Role != chat.RoleMember {
			t.Errorf("somebody else: %+v", other)
		}
	})

	t.Run("the same role changes nothing", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		boss, anna := w.Administrator(t, "Boss"), w.Person(t, "Anna")
		w.Heard()
		must(t, w.Chat.ChangeRole(t.Context(), boss, desk, anna.ID, chat.RoleMember, chattest.Password))
		if n := entries(t, w); n != 0 || len(w.Heard()) != 0 {
			t.Errorf("%d entries", n)
		}
	})

	t.Run("a role that there is not, and an account that is closed, are refused", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		boss, anna := w.Administrator(t, "Boss"), w.Person(t, "Anna")
		for _, role := range []chat.Role{"", "emperor"} {
			if got := wrong(t, w.Chat.ChangeRole(t.Context(), boss, desk, anna.ID, role, chattest.Password)); got["role"] != chat.CodeChoice {
				t.Errorf("got %v", got)
			}
		}
		w.Exec(t, "UPDATE people SET state = 'closed' WHERE id = $1", anna.ID)
		refused(t, w.Chat.ChangeRole(t.Context(), boss, desk, anna.ID, chat.RoleModerator, chattest.Password), chat.KindConflict, chat.CodeAccountState)
		if n := entries(t, w); n != 0 || roleOf(t, w, anna) != chat.RoleMember {
			t.Errorf("%d entries", n)
		}
	})

	t.Run("whoever is no administrator any more has no invitations that work", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		boss, other := w.Administrator(t, "Boss"), w.Administrator(t, "Other")
		_, theirs, err := w.Chat.Invite(t.Context(), other, desk, chat.InvitationInput{})
		must(t, err)
		_, mine, err := w.Chat.Invite(t.Context(), boss, desk, chat.InvitationInput{})
		must(t, err)
		must(t, w.Chat.ChangeRole(t.Context(), boss, desk, other.ID, chat.RoleModerator, chattest.Password))
		_, err = w.Chat.CheckInvitation(t.Context(), there, theirs)
		refused(t, err, chat.KindNotFound, chat.CodeInvitationLink)
		_, err = w.Chat.CheckInvitation(t.Context(), there, mine)
		must(t, err)
		if got := written(t, w); got.After["invitations_revoked"] != "1" {
			t.Errorf("written is %+v", got)
		}
	})

	t.Run("the last administrator stays one", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		boss, anna := w.Administrator(t, "Boss"), w.Person(t, "Anna")
		suspendedBoss := w.Administrator(t, "Suspended") // who does not count
		suspend(t, w, suspendedBoss)
		refused(t, w.Chat.ChangeRole(t.Context(), boss, desk, boss.ID, chat.RoleMember, chattest.Password), chat.KindConflict, chat.CodeLastAdministrator)
		refused(t, w.Chat.Promote(t.Context(), "boss", chat.RoleMember), chat.KindConflict, chat.CodeLastAdministrator)
		if n := entries(t, w); n != 0 || roleOf(t, w, boss) != chat.RoleAdministrator {
			t.Errorf("%d entries", n)
		}
		must(t, w.Chat.ChangeRole(t.Context(), boss, desk, suspendedBoss.ID, chat.RoleMember, chattest.Password)) // who is none that counts
		must(t, w.Chat.ChangeRole(t.Context(), boss, desk, anna.ID, chat.RoleAdministrator, chattest.Password))
		must(t, w.Chat.ChangeRole(t.Context(), boss, desk, boss.ID, chat.RoleMember, chattest.Password)) // now there is another one
		if roleOf(t, w, boss) != chat.RoleMember {
			t.Error("still one")
		}
	})

	for name, c := range map[string]struct {
		act  func(ctx context.Context, w *chattest.World, viewer, other chat.Viewer) error
		left string
	}{
		"two administrators who demote each other at once end with one": {func(ctx context.Context, w *chattest.World, viewer, other chat.Viewer) error {
			return w.Chat.ChangeRole(ctx, viewer, desk, other.ID, chat.RoleMember, chattest.Password)
		}, "not_found"},
		"two administrators who demote themselves at once end with one": {func(ctx context.Context, w *chattest.World, viewer, _ chat.Viewer) error {
			return w.Chat.ChangeRole(ctx, viewer, desk, viewer.ID, chat.RoleMember, chattest.Password)
		}, "last_administrator"},
		"two administrators who suspend each other at once end with one": {func(ctx context.Context, w *chattest.World, viewer, other chat.Viewer) error {
			return w.Chat.Suspend(ctx, viewer, desk, other.ID, chattest.Password)
		}, "not_found"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := chattest.New(t)
			both := []chat.Viewer{w.Administrator(t, "Anna"), w.Administrator(t, "Ben")}
			held := w.Hold(t, "SELECT FROM people WHERE id = $1 FOR UPDATE", both[0].ID)
			var errs []error
			done := later(func() error {
				errs = together(2, func(i int) error { return c.act(t.Context(), w, both[i], both[1-i]) })
				return nil
			})
			w.AwaitWaiting(t, 2)
			held.Commit()
			<-done
			if successes(errs) != 1 {
				t.Fatalf("got %v", errs)
			}
			for _, err := range errs {
				if err != nil && string(chat.CodeOf(err)) != c.left {
					t.Errorf("got %v", err)
				}
			}
			if n := chattest.Value[int](t, w, "SELECT count(*) FROM people WHERE role = 'administrator' AND state = 'active'"); n != 1 {
				t.Errorf("%d administrators are left", n)
			}
			if n := entries(t, w); n != 1 {
				t.Errorf("%d entries", n)
			}
		})
	}
}

func TestSuspend(t *testing.T) {
	t.Parallel()

	t.Run("whoever is suspended is out at once, and in again when restored", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		boss, anna, ben := w.Administrator(t, "Boss"), w.Person(t, "Anna"), w.Person(t, "Ben")
		second := w.Session(t, anna.Person)
		w.Heard()
		must(t, w.Chat.Suspend(t.Context(), boss, desk, anna.ID, chattest.Password))
		heard := w.Heard()
		if len(heard) != 2 || heard[0] != (chat.PersonChanged{PersonID: anna.ID, ViewSeq: anna.ViewSeq + 1}) {
			t.Fatalf("heard %v", heard)
		}
		ended := heard[1].(chat.SessionsEnded).Sessions
		if len(ended) != 2 || !slices.Contains(ended, anna.SessionID) || !slices.Contains(ended, second.SessionID) {
			t.Errorf("ended %v", ended)
		}
		wrote(t, w, chat.AuditEntry{
			ActorID: boss.ID, Action: chat.AuditSuspend, TargetID: anna.ID, Address: desk.Address,
			Before: chat.AuditFacts{"state": "active"}, After: chat.AuditFacts{"state": "suspended"},
		})
		for _, id := range []chat.ID{anna.SessionID, second.SessionID} {
			_, err := w.Chat.Viewer(t.Context(), id)
			refused(t, err, chat.KindUnauthenticated, chat.CodeLogInFirst)
		}
		_, err := w.Chat.LogIn(t.Context(), there, "anna", chattest.Password)
		refused(t, err, chat.KindInvalid, chat.CodeLogin)
		if _, err := w.Chat.Viewer(t.Context(), ben.SessionID); err != nil {
			t.Errorf("somebody else: %v", err)
		}

		must(t, w.Chat.Suspend(t.Context(), boss, desk, anna.ID, chattest.Password)) // twice is no error
		if n := entries(t, w); n != 1 || len(w.Heard()) != 0 {
			t.Errorf("%d entries", n)
		}
		must(t, w.Chat.Restore(t.Context(), boss, desk, anna.ID))
		wrote(t, w, chat.AuditEntry{
			ActorID: boss.ID, Action: chat.AuditRestore, TargetID: anna.ID, Address: desk.Address,
			Before: chat.AuditFacts{"state": "suspended"}, After: chat.AuditFacts{"state": "active"},
		})
		if heard := w.Heard(); len(heard) != 1 || heard[0] != (chat.PersonChanged{PersonID: anna.ID, ViewSeq: anna.ViewSeq + 2}) {
			t.Errorf("heard %v", heard)
		}
		_, err = w.Chat.Viewer(t.Context(), anna.SessionID)
		refused(t, err, chat.KindUnauthenticated, chat.CodeLogInFirst) // what ended does not come back
		_, err = w.Chat.LogIn(t.Context(), there, "anna", chattest.Password)
		must(t, err)
		must(t, w.Chat.Restore(t.Context(), boss, desk, anna.ID))
		if n := entries(t, w); n != 2 || len(w.Heard()) != 0 {
			t.Errorf("%d entries", n)
		}
	})

	t.Run("invitations that they made stop working, and do not come back", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		boss, other := w.Administrator(t, "Boss"), w.Administrator(t, "Other")
		_, token, err := w.Chat.Invite(t.Context(), other, desk, chat.InvitationInput{})
		must(t, err)
		_, err = w.Chat.CheckInvitation(t.Context(), there, token)
		must(t, err)
		must(t, w.Chat.Suspend(t.Context(), boss, desk, other.ID, chattest.Password))
		_, err = w.Chat.CheckInvitation(t.Context(), there, token)
		refused(t, err, chat.KindNotFound, chat.CodeInvitationLink)
		if got := written(t, w); got.After["invitations_revoked"] != "1" {
			t.Errorf("written is %+v", got)
		}
		must(t, w.Chat.Restore(t.Context(), boss, desk, other.ID))
		_, err = w.Chat.CheckInvitation(t.Context(), there, token)
		refused(t, err, chat.KindNotFound, chat.CodeInvitationLink)
	})

	t.Run("nobody suspends themselves, and what is closed is neither suspended nor restored", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		boss, anna := w.Administrator(t, "Boss"), w.Person(t, "Anna")
		w.Administrator(t, "Another")
		refused(t, w.Chat.Suspend(t.Context(), boss, desk, boss.ID, chattest.Password), chat.KindConflict, chat.CodeOneself)
		w.Exec(t, "UPDATE people SET state = 'closed' WHERE id = $1", anna.ID)
		refused(t, w.Chat.Suspend(t.Context(), boss, desk, anna.ID, chattest.Password), chat.KindConflict, chat.CodeAccountState)
		refused(t, w.Chat.Restore(t.Context(), boss, desk, anna.ID), chat.KindConflict, chat.CodeAccountState)
		if n := entries(t, w); n != 0 || stateOf(t, w, boss) != chat.StateActive || stateOf(t, w, anna) != chat.StateClosed {
			t.Errorf("%d entries", n)
		}
	})

	t.Run("another administrator is suspended like anybody else", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		boss, other := w.Administrator(t, "Boss"), w.Administrator(t, "Other")
		must(t, w.Chat.Suspend(t.Context(), boss, desk, other.ID, chattest.Password))
		if stateOf(t, w, other) != chat.StateSuspended || stateOf(t, w, boss) != chat.StateActive {
			t.Error("not so")
		}
	})

	t.Run("a login at the same time does not outlive a suspension", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		boss, anna := w.Administrator(t, "Boss"), w.Person(t, "Anna")
		held := w.Hold(t, "SELECT FROM people WHERE id = $1 FOR UPDATE", anna.ID)
		suspended := later(func() error { return w.Chat.Suspend(t.Context(), boss, desk, anna.ID, chattest.Password) })
		w.AwaitWaiting(t, 1)
		logins := later(func() error { _, err := w.Chat.LogIn(t.Context(), there, "anna", chattest.Password); return err })
		w.AwaitWaiting(t, 2)
		held.Commit()
		must(t, <-suspended)
		refused(t, <-logins, chat.KindInvalid, chat.CodeLogin)
		if n := chattest.Value[int](t, w, "SELECT count(*) FROM sessions WHERE person_id = $1 AND revoked_at IS NULL", anna.ID); n != 0 {
			t.Errorf("%d sessions stand", n)
		}
	})
}

func TestLogOutEverywhere(t *testing.T) {
	t.Parallel()
	w := chattest.New(t)
	boss, anna, ben := w.Administrator(t, "Boss"), w.Person(t, "Anna"), w.Person(t, "Ben")
	w.Session(t, anna.Person)
	w.Heard()
	must(t, w.Chat.LogOutEverywhere(t.Context(), boss, desk, anna.ID))
	heard := w.Heard()
	if len(heard) != 1 || len(heard[0].(chat.SessionsEnded).Sessions) != 2 {
		t.Errorf("heard %v", heard)
	}
	wrote(t, w, chat.AuditEntry{
		ActorID: boss.ID, Action: chat.AuditLogOut, TargetID: anna.ID, Address: desk.Address, After: chat.AuditFacts{"sessions_ended": "2"},
	})
	_, err := w.Chat.Viewer(t.Context(), anna.SessionID)
	refused(t, err, chat.KindUnauthenticated, chat.CodeLogInFirst)
	for _, other := range []chat.Viewer{boss, ben} {
		if _, err := w.Chat.Viewer(t.Context(), other.SessionID); err != nil {
			t.Errorf("%s: %v", other.Username, err)
		}
	}
	_, err = w.Chat.LogIn(t.Context(), there, "anna", chattest.Password) // they can come back
	must(t, err)
}

func TestMakeResetLinkFor(t *testing.T) {
	t.Parallel()
	w := chattest.New(t)
	boss, anna := w.Administrator(t, "Boss"), w.Person(t, "Anna")
	other, suspended := w.Administrator(t, "Other"), w.Person(t, "Cleo")
	suspend(t, w, suspended)
	for _, person := range []chat.Viewer{anna, other} {
		token := value[string](t)(w.Chat.MakeResetLinkFor(t.Context(), boss, desk, person.ID, chattest.Password))
		wrote(t, w, chat.AuditEntry{ActorID: boss.ID, Action: chat.AuditResetLink, TargetID: person.ID, Address: desk.Address})
		must(t, w.Chat.ResetPassword(t.Context(), there, token, newPassword))
		_, err := w.Chat.LogIn(t.Context(), there, person.Username, newPassword)
		must(t, err)
	}
	before := entries(t, w)
	for person, code := range map[chat.ID]chat.Code{boss.ID: chat.CodeOneself, suspended.ID: chat.CodeAccountState} {
		token, err := w.Chat.MakeResetLinkFor(t.Context(), boss, desk, person, chattest.Password)
		refused(t, err, chat.KindConflict, code)
		if token != "" {
			t.Error("a link all the same")
		}
	}
	if n := entries(t, w); n != before || chattest.Value[int](t, w, "SELECT count(*) FROM password_resets WHERE used_at IS NULL") != 0 {
		t.Errorf("%d entries", n-before)
	}
}

func TestConfirm(t *testing.T) {
	t.Parallel()
	steps := map[string]func(ctx context.Context, w *chattest.World, boss, anna chat.Viewer, password string) error{
		"ChangeRole": func(ctx context.Context, w *chattest.World, boss, anna chat.Viewer, password string) error {
			return w.Chat.ChangeRole(ctx, boss, desk, anna.ID, chat.RoleModerator, password)
		},
		"Suspend": func(ctx context.Context, w *chattest.World, boss, anna chat.Viewer, password string) error {
			return w.Chat.Suspend(ctx, boss, desk, anna.ID, password)
		},
		"MakeResetLinkFor": func(ctx context.Context, w *chattest.World, boss, anna chat.Viewer, password string) error {
			_, err := w.Chat.MakeResetLinkFor(ctx, boss, desk, anna.ID, password)
			return err
		},
	}
	for name, step := range steps {
		t.Run(name+" needs the administrator's own password", func(t *testing.T) {
			t.Parallel()
			w := chattest.New(t)
			boss, anna := w.Administrator(t, "Boss"), w.Person(t, "Anna")
			w.Exec(t, "UPDATE people SET password_hash = 'another' WHERE id = $1", anna.ID)
			for password, code := range map[string]chat.Code{"": chat.CodeRequired, "not mine": chat.CodePasswordWrong, "\x00": chat.CodePasswordWrong} {
				if got := wrong(t, step(t.Context(), w, boss, anna, password)); got["current_password"] != code || len(got) != 1 {
					t.Errorf("%q: got %v", password, got)
				}
			}
			if n := entries(t, w); n != 0 || roleOf(t, w, anna) != chat.RoleMember || stateOf(t, w, anna) != chat.StateActive {
				t.Errorf("%d entries", n)
			}
			must(t, step(t.Context(), w, boss, anna, chattest.Password))
			if n := entries(t, w); n != 1 {
				t.Errorf("%d entries", n)
			}
		})
	}

	t.Run("guessing is limited over all steps together, and then the right one is refused as well", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t, chattest.Limits())
		boss, anna := w.Administrator(t, "Boss"), w.Person(t, "Anna")
		names := []string{"ChangeRole", "Suspend", "MakeResetLinkFor"}
		for i := range chat.LimitConfirm.Burst {
			if got := wrong(t, steps[names[i%3]](t.Context(), w, boss, anna, "a guess")); got["current_password"] != chat.CodePasswordWrong {
				t.Fatalf("got %v", got)
			}
		}
		for _, name := range names {
			refused(t, steps[name](t.Context(), w, boss, anna, chattest.Password), chat.KindTooMany, chat.CodeTooMany)
		}
		w.Clock.Advance(chat.LimitConfirm.Every)
		must(t, steps["Suspend"](t.Context(), w, boss, anna, chattest.Password))
	})
}
