//go:build unix

package chat_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/chat"
	"parley/chat/chattest"
)

func TestMemoryLimiter(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

	chattest.TestLimiter(t, func(*testing.T) (chat.Limiter, func(time.Duration)) {
		var mu sync.Mutex
		now := start
		clock := func() time.Time { mu.Lock(); defer mu.Unlock(); return now }
		return chat.NewMemoryLimiter(clock), func(d time.Duration) { mu.Lock(); defer mu.Unlock(); now = now.Add(d) }
	})

	for _, limit := range chat.Limits() {
		t.Run("the boundary of "+limit.Name+" is exact", func(t *testing.T) {
			t.Parallel()
			now := start
			l := chat.NewMemoryLimiter(func() time.Time { return now })
			allow := func(want bool, wantWait time.Duration) {
				t.Helper()
				if ok, wait := l.Allow(t.Context(), limit, "anna"); ok != want || wait != wantWait {
					t.Errorf("at %v: %v, %v", now.Sub(start), ok, wait)
				}
			}
			for range limit.Burst {
				allow(true, 0)
			}
			allow(false, limit.Every)
			allow(false, limit.Every) // a refusal takes nothing
			now = now.Add(limit.Every - 1)
			allow(false, 1)
			now = now.Add(1)
			allow(true, 0)
			allow(false, limit.Every)
			now = now.Add(limit.Every * time.Duration(limit.Burst-1))
			for range limit.Burst - 1 {
				allow(true, 0)
			}
			allow(false, limit.Every)
			now = now.Add(1000 * limit.Every * time.Duration(limit.Burst)) // it is full, and no fuller
			for range limit.Burst {
				allow(true, 0)
			}
			allow(false, limit.Every)
			now = start // a clock put back only waits longer
			if ok, _ := l.Allow(t.Context(), limit, "anna"); ok {
				t.Error("allowed")
			}
		})
	}

	t.Run("when it is full the bucket that was idle longest goes", func(t *testing.T) {
		t.Parallel()
		l := chat.NewMemoryLimiterOf(func() time.Time { return start }, 3)
		one := chat.Limit{Name: "one", Every: time.Second, Burst: 1}
		for i, c := range []struct {
			key  string
			want bool
		}{
			{"a", true}, {"b", true}, {"c", true}, {"a", false}, // which makes b the idle one
			{"d", true}, {"a", false}, {"c", false}, {"b", true}, // d is the idle one
			{"a", false}, {"d", true},
		} {
			if ok, _ := l.Allow(t.Context(), one, c.key); ok != c.want {
				t.Errorf("%d: %s: %v", i, c.key, ok)
			}
		}
	})

	t.Run("whoever has a network of addresses does not empty what is counted by account", func(t *testing.T) {
		t.Parallel()
		l := chat.NewMemoryLimiterOf(func() time.Time { return start }, 3)
		account := chat.Limit{Name: "account", Every: time.Second, Burst: 1}
		address := chat.Limit{Name: "address", Every: time.Second, Burst: 1, ByAddress: true}
		if ok, _ := l.Allow(t.Context(), account, "anna"); !ok {
			t.Fatal("premise: the first is refused")
		}
		for i := range 10 {
			if ok, _ := l.Allow(t.Context(), address, fmt.Sprint(i)); !ok {
				t.Fatal("premise: another address is refused")
			}
		}
		if ok, _ := l.Allow(t.Context(), account, "anna"); ok {
			t.Error("her bucket was forgotten")
		}
		if ok, _ := l.Allow(t.Context(), address, "0"); !ok {
			t.Error("addresses are not bounded")
		}
	})

	t.Run("limits are by address exactly where they say so by name", func(t *testing.T) {
		t.Parallel()
		for _, limit := range chat.Limits() {
			if limit.ByAddress != strings.HasSuffix(limit.Name, "_address") {
				t.Errorf("%+v", limit)
			}
		}
	})

	t.Run("a limiter without buckets is a mistake of the program", func(t *testing.T) {
		t.Parallel()
		defer func() {
			if recover() == nil {
				t.Error("no panic")
			}
		}()
		chat.NewMemoryLimiterOf(time.Now, 0)
	})
}

func TestLimits(t *testing.T) {
	t.Parallel()

	for name, c := range map[string]struct {
		limit chat.Limit
		do    func(ctx context.Context, w *chattest.World, anna chat.Viewer, i int) error
		free  chat.Kind // what else may come out
	}{
		"registering, by address": {chat.LimitRegisterByAddress, func(ctx context.Context, w *chattest.World, _ chat.Viewer, i int) error {
			_, err := w.Chat.Register(ctx, there, form(fmt.Sprint("somebody", i)))
			return err
		}, ""},
		"registering at all": {chat.LimitRegisterGlobal, func(ctx context.Context, w *chattest.World, _ chat.Viewer, i int) error {
			_, err := w.Chat.Register(ctx, chat.Origin{Address: fmt.Sprint(i)}, chat.RegisterInput{})
			return err
		}, chat.KindInvalid},
		"logging in, by address": {chat.LimitLoginByAddress, func(ctx context.Context, w *chattest.World, _ chat.Viewer, i int) error {
			_, err := w.Chat.LogIn(ctx, there, fmt.Sprint("somebody", i), "wrong")
			return err
		}, chat.KindInvalid},
		"logging in, by account": {chat.LimitLoginByAccount, func(ctx context.Context, w *chattest.World, _ chat.Viewer, i int) error {
			_, err := w.Chat.LogIn(ctx, chat.Origin{Address: fmt.Sprint(i)}, []string{"anna", "ANNA", " Anna "}[i%3], chattest.Password)
			return err
		}, ""},
		"logging in, to accounts that are not there": {chat.LimitLoginByAccount, func(ctx context.Context, w *chattest.World, _ chat.Viewer, i int) error {
			_, err := w.Chat.LogIn(ctx, chat.Origin{Address: fmt.Sprint(i)}, "nobody", chattest.Password)
			return err
		}, chat.KindInvalid},
		"logging in at all": {chat.LimitLoginGlobal, func(ctx context.Context, w *chattest.World, _ chat.Viewer, i int) error {
			_, err := w.Chat.LogIn(ctx, chat.Origin{Address: fmt.Sprint(i)}, fmt.Sprint("somebody", i), "wrong")
			return err
		}, chat.KindInvalid},
		"looking at reset links": {chat.LimitResetByAddress, func(ctx context.Context, w *chattest.World, _ chat.Viewer, i int) error {
			return w.Chat.CheckResetLink(ctx, there, fmt.Sprint(i))
		}, chat.KindNotFound},
		"using reset links": {chat.LimitResetByAddress, func(ctx context.Context, w *chattest.World, _ chat.Viewer, i int) error {
			return w.Chat.ResetPassword(ctx, there, fmt.Sprint(i), newPassword)
		}, chat.KindNotFound},
		"asking for a new password, by address": {chat.LimitForgotByAddress, func(ctx context.Context, w *chattest.World, _ chat.Viewer, i int) error {
			return w.Chat.ForgotPassword(ctx, there, fmt.Sprint("somebody", i))
		}, ""},
		"asking for a new password, by account": {chat.LimitForgotByAccount, func(ctx context.Context, w *chattest.World, _ chat.Viewer, i int) error {
			return w.Chat.ForgotPassword(ctx, chat.Origin{Address: fmt.Sprint(i)}, []string{"anna", "ANNA", " Anna "}[i%3])
		}, ""},
		"asking for a new password of accounts that are not there": {chat.LimitForgotByAccount, func(ctx context.Context, w *chattest.World, _ chat.Viewer, i int) error {
			return w.Chat.ForgotPassword(ctx, chat.Origin{Address: fmt.Sprint(i)}, "nobody@example.org")
		}, ""},
		"asking for a new password at all": {chat.LimitForgotGlobal, func(ctx context.Context, w *chattest.World, _ chat.Viewer, i int) error {
			return w.Chat.ForgotPassword(ctx, chat.Origin{Address: fmt.Sprint(i)}, fmt.Sprint("somebody", i))
		}, ""},
		"changing the address": {chat.LimitEmail, func(ctx context.Context, w *chattest.World, anna chat.Viewer, i int) error {
			return w.Chat.ChangeEmail(ctx, anna, chattest.Password, fmt.Sprint("anna", i, "@example.org"))
		}, ""},
		"sending the letter again": {chat.LimitEmail, func(ctx context.Context, w *chattest.World, anna chat.Viewer, _ int) error {
			anna.EmailWanted = "anna@example.org"
			return w.Chat.SendConfirmation(ctx, anna)
		}, ""},
		"looking at links that confirm an address": {chat.LimitEmailLinkByAddress, func(ctx context.Context, w *chattest.World, _ chat.Viewer, i int) error {
			_, err := w.Chat.CheckEmailLink(ctx, there, fmt.Sprint(i))
			return err
		}, chat.KindNotFound},
		"using links that confirm an address": {chat.LimitEmailLinkByAddress, func(ctx context.Context, w *chattest.World, _ chat.Viewer, i int) error {
			_, err := w.Chat.ConfirmEmail(ctx, there, fmt.Sprint(i))
			return err
		}, chat.KindNotFound},
		"removing the address, by the password it needs": {chat.LimitConfirm, func(ctx context.Context, w *chattest.World, anna chat.Viewer, _ int) error {
			return w.Chat.RemoveEmail(ctx, anna, chattest.Password)
		}, ""},
		"searching": {chat.LimitSearch, func(ctx context.Context, w *chattest.World, anna chat.Viewer, i int) error {
			_, err := w.Chat.SearchPeople(ctx, anna, fmt.Sprint(i), "")
			return err
		}, ""},
		"starting conversations": {chat.LimitStart, func(ctx context.Context, w *chattest.World, anna chat.Viewer, _ int) error {
			_, err := w.Chat.StartDirect(ctx, anna, anna.ID)
			return err
		}, ""},
		"saving preferences": {chat.LimitSettings, func(ctx context.Context, w *chattest.World, anna chat.Viewer, _ int) error {
			return w.Chat.SavePreferences(ctx, anna, chat.Preferences{TimeZone: "UTC", Theme: chat.ThemeAuto})
		}, ""},
		"saving drafts": {chat.LimitDraft, func(ctx context.Context, w *chattest.World, anna chat.Viewer, i int) error {
			return w.Chat.SaveDraft(ctx, anna, chat.NewID(), fmt.Sprint(i))
		}, chat.KindNotFound},
		"choosing what to make of a conversation": {chat.LimitSettings, func(ctx context.Context, w *chattest.World, anna chat.Viewer, _ int) error {
			return w.Chat.Choose(ctx, anna, chat.NewID(), chat.Choices{})
		}, chat.KindNotFound},
		"making groups": {chat.LimitGroup, func(ctx context.Context, w *chattest.World, anna chat.Viewer, i int) error {
			_, err := w.Chat.CreateGroup(ctx, anna, chat.GroupSettings{Name: fmt.Sprint(i)}, nil)
			return err
		}, ""},
		"changing groups": {chat.LimitGroup, func(ctx context.Context, w *chattest.World, anna chat.Viewer, i int) error {
			return []func() error{
				func() error { return w.Chat.UpdateGroup(ctx, anna, chat.NewID(), chat.GroupSettings{Name: "x"}) },
				func() error { return w.Chat.AddMembers(ctx, anna, chat.NewID(), []chat.ID{chat.NewID()}) },
				func() error { return w.Chat.RemoveMember(ctx, anna, chat.NewID(), chat.NewID()) },
				func() error { return w.Chat.SetMemberRole(ctx, anna, chat.NewID(), anna.ID, chat.MemberOwner) },
				func() error { return w.Chat.LeaveGroup(ctx, anna, chat.NewID()) },
			}[i%5]()
		}, chat.KindNotFound},
		"making and revoking links": {chat.LimitGroup, func(ctx context.Context, w *chattest.World, anna chat.Viewer, i int) error {
			if i%2 == 0 {
				return w.Chat.RevokeGroupLink(ctx, anna, chat.NewID(), chat.NewID())
			}
			_, err := w.Chat.MakeGroupLink(ctx, anna, chat.NewID(), 0, 0)
			return err
		}, chat.KindNotFound},
		"guessing links": {chat.LimitJoin, func(ctx context.Context, w *chattest.World, anna chat.Viewer, i int) error {
			if i%2 == 0 {
				_, err := w.Chat.OpenGroupLink(ctx, anna, fmt.Sprint(i))
				return err
			}
			_, err := w.Chat.JoinGroup(ctx, anna, fmt.Sprint(i))
			return err
		}, chat.KindNotFound},
		"searching among members": {chat.LimitSearch, func(ctx context.Context, w *chattest.World, anna chat.Viewer, i int) error {
			_, err := w.Chat.Members(ctx, anna, chat.NewID(), fmt.Sprint(i), "")
			return err
		}, chat.KindNotFound},
		"changing one's name": {chat.LimitRename, func(ctx context.Context, w *chattest.World, anna chat.Viewer, i int) error {
			return w.Chat.ChangeName(ctx, anna, fmt.Sprint("Anna ", i))
		}, ""},
		"guessing one's password": {chat.LimitConfirm, func(ctx context.Context, w *chattest.World, anna chat.Viewer, i int) error {
			return w.Chat.ChangePassword(ctx, anna, fmt.Sprint("guess", i), newPassword)
		}, chat.KindInvalid},
		"opening invitations": {chat.LimitInvitationByAddress, func(ctx context.Context, w *chattest.World, _ chat.Viewer, i int) error {
			_, err := w.Chat.CheckInvitation(ctx, there, fmt.Sprint(i))
			return err
		}, chat.KindNotFound},
		"confirming steps": {chat.LimitConfirm, func(ctx context.Context, w *chattest.World, anna chat.Viewer, _ int) error {
			anna.Role = chat.RoleAdministrator
			return w.Chat.Suspend(ctx, anna, there, chat.NewID(), "wrong")
		}, chat.KindInvalid},
		"administering": {chat.LimitAdminister, func(ctx context.Context, w *chattest.World, anna chat.Viewer, _ int) error {
			anna.Role = chat.RoleAdministrator
			return w.Chat.Restore(ctx, anna, there, chat.NewID())
		}, chat.KindNotFound},
		"searching as an administrator": {chat.LimitSearch, func(ctx context.Context, w *chattest.World, anna chat.Viewer, i int) error {
			anna.Role = chat.RoleAdministrator
			_, err := w.Chat.Accounts(ctx, anna, chat.AccountFilter{Query: fmt.Sprint(i)}, "")
			return err
		}, ""},
		"sending": {chat.LimitSend, func(ctx context.Context, w *chattest.World, anna chat.Viewer, i int) error {
			_, err := w.Chat.SendMessage(ctx, anna, chat.NewID(), chat.Draft{Body: fmt.Sprint(i), ClientID: chat.NewID()})
			return err
		}, chat.KindNotFound},
	} {
		t.Run(name+" is limited", func(t *testing.T) {
			t.Parallel()
			w := chattest.New(t, chattest.Limits(), chattest.Mail())
			anna := w.Person(t, "Anna")
			passes := func(i int) {
				t.Helper()
				if err := c.do(t.Context(), w, anna, i); chat.KindOf(err) != c.free || (c.free == "" && err != nil) {
					t.Fatalf("request %d: %v", i, err)
				}
			}
			for i := range c.limit.Burst {
				passes(i)
			}
			err := c.do(t.Context(), w, anna, c.limit.Burst)
			refused(t, err, chat.KindTooMany, chat.CodeTooMany)
			var e *chat.Error
			errors.As(err, &e)
			seconds := int((c.limit.Every + time.Second - 1) / time.Second)
			if e.RetryAfter != time.Duration(seconds)*time.Second || e.Args["Seconds"] != seconds || e.Args["Count"] != seconds {
				t.Errorf("come back in %v, %v", e.RetryAfter, e.Args)
			}
			w.Clock.Advance(c.limit.Every - 1)
			refused(t, c.do(t.Context(), w, anna, c.limit.Burst+1), chat.KindTooMany, chat.CodeTooMany)
			w.Clock.Advance(e.RetryAfter)
			passes(c.limit.Burst + 2)
		})
	}

	t.Run("a person is guessed at no more often for having two names", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t, chattest.Limits())
		anna := w.Confirmed(t, w.Person(t, "Anna"), "anna@example.org")
		compared := 0
		w.Chat.OnCompare(func(hash string) {
			if hash == anna.PasswordHash {
				compared++
			}
		})
		n := 0
		try := func(login, password string) error {
			n++
			w.Clock.Advance(time.Millisecond)
			_, err := w.Chat.LogIn(t.Context(), chat.Origin{Address: fmt.Sprint(n)}, login, password)
			return err
		}
		for range chat.LimitLoginByAccount.Burst {
			refused(t, try("anna", "wrong"), chat.KindInvalid, chat.CodeLogin)
		}
		refused(t, try("anna", chattest.Password), chat.KindTooMany, chat.CodeTooMany)
		for range chat.LimitLoginByPerson.Burst - chat.LimitLoginByAccount.Burst - 1 {
			refused(t, try(anna.Email, "wrong"), chat.KindInvalid, chat.CodeLogin)
		}
		must(t, try(anna.Email, chattest.Password)) // the last that there is
		// What comes now looks like any wrong password, also for those who are not there.
		before := compared
		refused(t, try(anna.Email, chattest.Password), chat.KindInvalid, chat.CodeLogin)
		refused(t, try("nobody@example.org", chattest.Password), chat.KindInvalid, chat.CodeLogin)
		if compared != before+1 {
			t.Error("her password was not compared: the time would tell")
		}
		w.Clock.Advance(chat.LimitLoginByPerson.Every)
		must(t, try(anna.Email, chattest.Password))
	})

	t.Run("who is attacked by one name gets in by the other", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t, chattest.Limits())
		anna := w.Confirmed(t, w.Person(t, "Anna"), "anna@example.org")
		for i := range 200 {
			w.Clock.Advance(5 * time.Second)
			_, err := w.Chat.LogIn(t.Context(), chat.Origin{Address: fmt.Sprint(i)}, "anna", "wrong")
			if err == nil {
				t.Fatal("logged in")
			}
		}
		_, err := w.Chat.LogIn(t.Context(), there, "anna", chattest.Password)
		refused(t, err, chat.KindTooMany, chat.CodeTooMany) // the premise
		_, err = w.Chat.LogIn(t.Context(), there, anna.Email, chattest.Password)
		must(t, err)
	})

	t.Run("without limits there are none, whatever limiter was given", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna := w.Person(t, "Anna")
		c := chat.New(w.Store, silence{}, chat.Settings{}, chat.WithLimiter(never{}))
		for range chat.LimitStart.Burst + 1 {
			_, err := c.StartDirect(t.Context(), anna, anna.ID)
			must(t, err)
		}
		c = chat.New(w.Store, silence{}, chat.Settings{Limits: true}, chat.WithLimiter(never{}))
		_, err := c.StartDirect(t.Context(), anna, anna.ID)
		refused(t, err, chat.KindTooMany, chat.CodeTooMany)
	})
}

// never is a limiter that allows nothing.
type never struct{}

func (never) Allow(context.Context, chat.Limit, string) (bool, time.Duration) {
	return false, time.Millisecond
}
