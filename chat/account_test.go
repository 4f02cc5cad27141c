//go:build unix

package chat_test

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"

	"parley/chat"
	"parley/chat/chattest"
)

var (
	here  = chat.Origin{Address: "127.0.0.1", UserAgent: "test", Local: true}
	there = chat.Origin{Address: "192.0.2.7", UserAgent: "test"}
)

// form is a form for signing up in which nothing is wrong.
func form(username string) chat.RegisterInput {
	return chat.RegisterInput{Username: username, DisplayName: "Somebody", Password: chattest.Password}
}

func TestRegister(t *testing.T) {
	t.Parallel()

	t.Run("whoever registers is logged in with what was filled in", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		w.Person(t, "Somebody else")
		viewer, err := w.Chat.Register(t.Context(), there, chat.RegisterInput{
			Username: " Anna.Schmidt ", DisplayName: "  Anna   Schmidt ", Email: " Anna@example.org ", Password: chattest.Password,
			TimeZone: "Europe/Berlin", Language: "de-AT",
		})
		must(t, err)
		read := value[chat.Viewer](t)(w.Chat.Viewer(t.Context(), viewer.SessionID))
		for _, v := range []chat.Viewer{viewer, read} {
			if v.Username != "anna.schmidt" || v.DisplayName != "Anna Schmidt" || v.Email != "" || v.EmailWanted != "Anna@example.org" || v.EmailConfirmedAt != nil ||
				v.TimeZone != "Europe/Berlin" || v.Language != "de-AT" || v.Theme != chat.ThemeAuto || v.Role != chat.RoleMember ||
				v.State != chat.StateActive || v.Renew {
				t.Errorf("got %+v", v)
			}
		}
		session := chattest.Value[string](t, w, "SELECT address || ' ' || user_agent FROM sessions WHERE id = $1", viewer.SessionID)
		if session != "192.0.2.7 test" {
			t.Errorf("the session came from %s", session)
		}
		if stored := chattest.Value[string](t, w, "SELECT password_hash FROM people WHERE id = $1", viewer.ID); !strings.HasPrefix(stored, "$2a$04$") {
			t.Errorf("the password is stored as %s", stored)
		}
	})

	t.Run("everything wrong in the form is told at once, and nothing is stored", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		w.Person(t, "Anna")
		_, err := w.Chat.Register(t.Context(), there, chat.RegisterInput{
			Username: "-", DisplayName: "\u200b\u3164", Email: "no address", Password: "short",
		})
		want := map[string]chat.Code{
			"username": chat.CodeTooShort, "display_name": chat.CodeRequired, "email": chat.CodeEmailForm, "password": chat.CodePasswordTooShort,
		}
		if got := wrong(t, err); !reflect.DeepEqual(got, want) {
			t.Errorf("got %v", got)
		}
		if n := chattest.Value[int](t, w, "SELECT count(*) FROM people"); n != 1 {
			t.Errorf("%d people", n)
		}
	})

	t.Run("what a browser guesses wrong is no mistake of the person's", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		in := form("anna")
		in.TimeZone, in.Language = "Mars/Olympus", "en\x00; DROP"
		viewer := value[chat.Viewer](t)(w.Chat.Register(t.Context(), here, in))
		if viewer.TimeZone != "UTC" || viewer.Language != "en" {
			t.Errorf("got %s, %s", viewer.TimeZone, viewer.Language)
		}
	})

	t.Run("a browser's name may be anything", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		for i, agent := range []string{"", "a\x00b\xff", strings.Repeat("é", 151) + "x", strings.Repeat("x", 299) + "é"} {
			origin := here
			origin.UserAgent = agent
			_, err := w.Chat.Register(t.Context(), origin, form("anna"+string(rune('a'+i))))
			must(t, err)
		}
		if n := chattest.Value[int](t, w, "SELECT max(octet_length(user_agent)) FROM sessions"); n != 300 {
			t.Errorf("%d bytes", n)
		}
	})

	t.Run("a display name that needs cleaning is judged by what is left of it", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		in := form("anna")
		in.DisplayName = " " + strings.Repeat("é", chat.MaxDisplayName) + " "
		_, err := w.Chat.Register(t.Context(), here, in)
		must(t, err)
		in.Username, in.DisplayName = "ben", "Ben\nhere"
		_, err = w.Chat.Register(t.Context(), here, in)
		if got := wrong(t, err); got["display_name"] != chat.CodeBadText || len(got) != 1 {
			t.Errorf("got %v", got)
		}
	})

	t.Run("a password that is no text is refused wherever one is set", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna := w.Person(t, "Anna")
		for _, password := range []string{"abc\xffdefg\xfehi", "abcdefgh\xc0\xaf", "abcd\x00efgh"} {
			_, err := w.Chat.Register(t.Context(), here, chat.RegisterInput{Username: "ben", DisplayName: "Ben", Password: password})
			if got := wrong(t, err); got["password"] != chat.CodeBadText || len(got) != 1 {
				t.Errorf("%q, registering: %v", password, got)
			}
			token, err := w.Chat.MakeResetLink(t.Context(), "anna")
			if err != nil {
				t.Fatal(err)
			}
			if got := wrong(t, w.Chat.ResetPassword(t.Context(), here, token, password)); got["password"] != chat.CodeBadText {
				t.Errorf("%q, behind a link: %v", password, got)
			}
			if got := wrong(t, w.Chat.ChangePassword(t.Context(), anna, chattest.Password, password)); got["password"] != chat.CodeBadText {
				t.Errorf("%q, changing: %v", password, got)
			}
		}
	})

	t.Run("a password like one's own names is refused", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		for _, password := range []string{"ANNASCHMIDT", "anna schmidt", "anna@example.org"} {
			_, err := w.Chat.Register(t.Context(), here, chat.RegisterInput{
				Username: "AnnaSchmidt", DisplayName: "Anna Schmidt", Email: "Anna@Example.org", Password: password,
			})
			if got := wrong(t, err); got["password"] != chat.CodePasswordLikeName || len(got) != 1 {
				t.Errorf("%s: got %v", password, got)
			}
		}
	})

	t.Run("a taken username is told together with everything else", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		w.Person(t, "Anna")
		in := form("anna")
		in.Password, in.Email = "password", "no address"
		for who, make := range map[string]func() error{
			"somebody":     func() error { _, err := w.Chat.Register(t.Context(), there, in); return err },
			"the operator": func() error { _, err := w.Chat.CreateAccount(t.Context(), in, chat.RoleMember); return err },
		} {
			want := map[string]chat.Code{"username": chat.CodeUsernameTaken, "password": chat.CodePasswordCommon, "email": chat.CodeEmailForm}
			if got := wrong(t, make()); !reflect.DeepEqual(got, want) {
				t.Errorf("%s: got %v", who, got)
			}
		}
		in.Username = "-"
		if got := wrong(t, func() error { _, err := w.Chat.Register(t.Context(), there, in); return err }()); got["username"] != chat.CodeTooShort || len(got) != 3 {
			t.Errorf("a name that is none: got %v", got)
		}
	})

	t.Run("of two who ask for a free name at once one gets it, and the other one that is free", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		w.Person(t, "Anna")
		held := w.Hold(t, "SELECT FROM installation FOR UPDATE") // both have found that the name is free
		var errs []error
		done := later(func() error {
			errs = together(2, func(i int) error {
				if i == 0 {
					_, err := w.Chat.Register(t.Context(), there, form("ben"))
					return err
				}
				_, err := w.Chat.CreateAccount(t.Context(), form("ben"), chat.RoleMember)
				return err
			})
			return nil
		})
		w.AwaitWaiting(t, 2)
		held.Rollback()
		<-done
		if successes(errs) != 1 {
			t.Fatalf("got %v", errs)
		}
		var e *chat.Error
		if !errors.As(errors.Join(errs...), &e) {
			t.Fatalf("got %v", errs)
		}
		if field, _ := e.Field("username"); field.Code != chat.CodeUsernameTaken || field.Args["Suggestion"] != "somebody" {
			t.Errorf("got %+v", field)
		}
	})

	t.Run("a taken username comes with one that is free", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		taken := func(username, displayName string) string {
			t.Helper()
			in := form(username)
			in.DisplayName = displayName
			_, err := w.Chat.Register(t.Context(), there, in)
			if got := wrong(t, err); got["username"] != chat.CodeUsernameTaken || len(got) != 1 {
				t.Fatalf("got %v", got)
			}
			var e *chat.Error
			errors.As(err, &e)
			field, _ := e.Field("username")
			return field.Args["Suggestion"].(string)
		}
		w.Person(t, "Anna")
		if s := taken("anna", "Anna Schmidt"); s != "anna.schmidt" {
			t.Errorf("suggested %q", s)
		}
		if s := taken("ANNA", "Anna"); s != "anna2" {
			t.Errorf("suggested %q", s)
		}
		if s := taken("anna", "Ännä"); s != "anna2" {
			t.Errorf("suggested %q", s)
		}
		for range 4 {
			w.Person(t, "Anna")
		}
		if s := taken("anna", "Anna"); s != "" {
			t.Errorf("all are taken, suggested %q", s)
		}
		long := strings.Repeat("a", chat.MaxUsername)
		_, err := w.Chat.Register(t.Context(), there, form(long))
		must(t, err)
		if s := taken(long, "李雷"); s != "" {
			t.Errorf("nothing fits, suggested %q", s)
		}
		if s := taken("support", "Anna"); s != "" {
			t.Errorf("reserved, suggested %q", s)
		}
	})

	t.Run("an address that somebody has is taken like any other", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna := w.Person(t, "Anna")
		w.Exec(t, "UPDATE people SET email = 'anna@example.org', email_confirmed_at = now() WHERE id = $1", anna.ID)
		in := form("ben")
		in.Email = "anna@example.org"
		_, err := w.Chat.Register(t.Context(), there, in)
		must(t, err)
	})

	t.Run("with registration closed nobody registers but the first", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t, chattest.Registration(chat.RegistrationClosed))
		gate := value[chat.Gate](t)(w.Chat.Gate(t.Context(), here))
		if (gate != chat.Gate{First: true, Open: true}) {
			t.Errorf("got %+v", gate)
		}
		first := value[chat.Viewer](t)(w.Chat.Register(t.Context(), here, form("anna")))
		if first.Role != chat.RoleAdministrator {
			t.Errorf("the first is %s", first.Role)
		}
		gate = value[chat.Gate](t)(w.Chat.Gate(t.Context(), here))
		if (gate != chat.Gate{}) {
			t.Errorf("got %+v", gate)
		}
		_, err := w.Chat.Register(t.Context(), here, form("ben"))
		refused(t, err, chat.KindForbidden, chat.CodeRegistrationClosed)
		if n := chattest.Value[int](t, w, "SELECT count(*) FROM people"); n != 1 {
			t.Errorf("%d people", n)
		}
	})
}

func TestFirstAccount(t *testing.T) {
	t.Parallel()

	t.Run("on this machine it is administrator without a code, and the next one is not", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		gate := value[chat.Gate](t)(w.Chat.Gate(t.Context(), here))
		if (gate != chat.Gate{First: true, Open: true}) {
			t.Errorf("got %+v", gate)
		}
		first := value[chat.Viewer](t)(w.Chat.Register(t.Context(), here, form("anna")))
		second := value[chat.Viewer](t)(w.Chat.Register(t.Context(), here, form("ben")))
		if first.Role != chat.RoleAdministrator || second.Role != chat.RoleMember {
			t.Errorf("got %s and %s", first.Role, second.Role)
		}
	})

	t.Run("from elsewhere it needs the code, and the next one does not", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		gate := value[chat.Gate](t)(w.Chat.Gate(t.Context(), there))
		if (gate != chat.Gate{First: true, NeedsSetupCode: true, Open: true}) {
			t.Errorf("got %+v", gate)
		}
		refuse := func(code string) {
			t.Helper()
			in := form("anna")
			in.SetupCode = code
			_, err := w.Chat.Register(t.Context(), there, in)
			if got := wrong(t, err); got["setup_code"] != chat.CodeSetupCode || len(got) != 1 {
				t.Errorf("%q: got %v", code, got)
			}
		}
		refuse("") // nobody asked for a code yet: there is none
		code := value[string](t)(w.Chat.SetupCode(t.Context()))
		if again := value[string](t)(w.Chat.SetupCode(t.Context())); again != code || len(code) != 12 {
			t.Errorf("the code is %q, then %q", code, again)
		}
		for _, wrong := range []string{"", "wrong", code[:11], code + "x", strings.ToUpper(code) + strings.ToLower(code)} {
			refuse(wrong)
		}
		in := form("anna")
		in.SetupCode = " " + code + "\n"
		if first := value[chat.Viewer](t)(w.Chat.Register(t.Context(), there, in)); first.Role != chat.RoleAdministrator {
			t.Errorf("got %s", first.Role)
		}
		gate = value[chat.Gate](t)(w.Chat.Gate(t.Context(), there))
		if (gate != chat.Gate{Open: true}) {
			t.Errorf("got %+v", gate)
		}
		if second := value[chat.Viewer](t)(w.Chat.Register(t.Context(), there, form("ben"))); second.Role != chat.RoleMember {
			t.Errorf("got %s", second.Role)
		}
		if code := value[string](t)(w.Chat.SetupCode(t.Context())); code != "" {
			t.Errorf("there is still a code: %s", code)
		}
	})

	for name, c := range map[string]struct {
		registration chat.Registration
		accounts     int
	}{
		"of several first registrations at once one is administrator":                     {chat.RegistrationOpen, 3},
		"of several first registrations at once one gets in where registration is closed": {chat.RegistrationClosed, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := chattest.New(t, chattest.Registration(c.registration))
			held := w.Hold(t, "SELECT FROM installation FOR UPDATE")
			done := later(func() error {
				errs := together(3, func(i int) error {
					_, err := w.Chat.Register(t.Context(), here, form("anna"+string(rune('a'+i))))
					return err
				})
				for _, err := range errs {
					if err != nil && chat.CodeOf(err) != chat.CodeRegistrationClosed {
						return err
					}
				}
				return nil
			})
			w.AwaitWaiting(t, 3)
			held.Commit()
			must(t, <-done)
			if n := chattest.Value[int](t, w, "SELECT count(*) FROM people WHERE role = 'administrator'"); n != 1 {
				t.Errorf("%d administrators", n)
			}
			if n := chattest.Value[int](t, w, "SELECT count(*) FROM people"); n != c.accounts {
				t.Errorf("%d accounts", n)
			}
		})
	}
}

func TestCreateAccount(t *testing.T) {
	t.Parallel()
	w := chattest.New(t, chattest.Registration(chat.RegistrationClosed))

	first := value[chat.Person](t)(w.Chat.CreateAccount(t.Context(), form("anna"), chat.RoleMember))
	second := value[chat.Person](t)(w.Chat.CreateAccount(t.Context(), form("ben"), chat.RoleModerator))
	if first.Role != chat.RoleAdministrator || second.Role != chat.RoleModerator {
		t.Errorf("got %s and %s", first.Role, second.Role)
	}
	if _, err := w.Chat.LogIn(t.Context(), there, "ben", chattest.Password); err != nil {
		t.Error(err)
	}

	nobody, err := w.Chat.CreateAccount(t.Context(), form("ben"), chat.RoleMember)
	if got := wrong(t, err); got["username"] != chat.CodeUsernameTaken || nobody.Username != "" {
		t.Errorf("got %v, %v", got, nobody)
	}
	in := form("cleo")
	in.Password = "password"
	_, err = w.Chat.CreateAccount(t.Context(), in, chat.RoleMember)
	if got := wrong(t, err); got["password"] != chat.CodePasswordCommon {
		t.Errorf("got %v", got)
	}
	takeAway(t, w, "installation")
	_, err = w.Chat.CreateAccount(t.Context(), form("cleo"), chat.RoleMember)
	internal(t, err)
}

func TestPromote(t *testing.T) {
	t.Parallel()
	w := chattest.New(t)
	anna, ben := w.Person(t, "Anna"), w.Person(t, "Ben")
	w.Heard()

	must(t, w.Chat.Promote(t.Context(), "ANNA", chat.RoleModerator))
	now := value[chat.Viewer](t)(w.Chat.Viewer(t.Context(), anna.SessionID))
	if now.Role != chat.RoleModerator || !now.Renew || now.ViewSeq != anna.ViewSeq+1 {
		t.Errorf("got %s, %v, %d", now.Role, now.Renew, now.ViewSeq)
	}
	if heard := w.Heard(); len(heard) != 1 || heard[0] != (chat.PersonChanged{PersonID: anna.ID, ViewSeq: now.ViewSeq}) {
		t.Errorf("heard %v", heard)
	}
	must(t, w.Chat.Renewed(t.Context(), anna))
	if now := value[chat.Viewer](t)(w.Chat.Viewer(t.Context(), anna.SessionID)); now.Renew || now.Role != chat.RoleModerator {
		t.Errorf("got %v, %s", now.Renew, now.Role)
	}
	if other := value[chat.Viewer](t)(w.Chat.Viewer(t.Context(), ben.SessionID)); other.Renew || other.Role != chat.RoleMember {
		t.Errorf("somebody else: %v, %s", other.Renew, other.Role)
	}

	notFound(t, w.Chat.Promote(t.Context(), "nobody", chat.RoleModerator))
	internal(t, w.Chat.Promote(t.Context(), "anna", "emperor"))
	if heard := w.Heard(); len(heard) != 0 {
		t.Errorf("heard %v", heard)
	}
}

func TestLogIn(t *testing.T) {
	t.Parallel()

	w := chattest.New(t)
	anna, ben := w.Person(t, "Anna"), w.Person(t, "Ben")
	suspended, closed := w.Person(t, "Suspended"), w.Person(t, "Closed")
	suspend(t, w, suspended)
	w.Exec(t, "UPDATE people SET state = 'closed' WHERE id = $1", closed.ID)
	w.Exec(t, "UPDATE people SET email = 'Anna@Example.org', email_confirmed_at = now() WHERE id = $1", anna.ID)
	w.Exec(t, "UPDATE people SET email_wanted = 'ben@example.org' WHERE id = $1", ben.ID)

	for _, login := range []string{"anna", " ANNA ", "anna@example.org", "ANNA@example.ORG"} {
		t.Run("the username and the confirmed address log in: "+login, func(t *testing.T) {
			t.Parallel()
			viewer := value[chat.Viewer](t)(w.Chat.LogIn(t.Context(), there, login, chattest.Password))
			if viewer.ID != anna.ID || viewer.SessionID == anna.SessionID {
				t.Errorf("got %v", viewer)
			}
			if now := value[chat.Viewer](t)(w.Chat.Viewer(t.Context(), viewer.SessionID)); now.ID != anna.ID {
				t.Errorf("got %v", now)
			}
		})
	}

	t.Run("everything else looks the same and hashes once", func(t *testing.T) {
		t.Parallel()
		c := chat.New(w.Store, silence{}, chat.Settings{BcryptCost: 4})
		var hashes []string
		c.OnCompare(func(hash string) { hashes = append(hashes, hash) })
		for name, login := range map[string][2]string{
			"a wrong password":                 {"anna", "not the password"},
			"no password":                      {"anna", ""},
			"another case of the password":     {"anna", strings.ToUpper(chattest.Password)},
			"more than bcrypt reads":           {"anna", strings.Repeat("a", 73)},
			"an unknown name":                  {"nobody", chattest.Password},
			"the password of the stand-in":     {"nobody", "nobody has this password"},
			"no name":                          {"", chattest.Password},
			"an address that is not confirmed": {"ben@example.org", chattest.Password},
			"somebody suspended":               {"suspended", chattest.Password},
			"a closed account":                 {"closed", chattest.Password},
			"NUL in the name":                  {"an\x00na", chattest.Password},
			"a name too long":                  {strings.Repeat("a", 1_000_000), chattest.Password},
			"a display name":                   {"Anna Anna", chattest.Password},
		} {
			hashes = nil
			viewer, err := c.LogIn(t.Context(), there, login[0], login[1])
			if want := (&chat.Error{Kind: chat.KindInvalid, Code: chat.CodeLogin}); !reflect.DeepEqual(err, error(want)) {
				t.Errorf("%s: %v", name, err)
			}
			if len(hashes) != 1 || !strings.HasPrefix(hashes[0], "$2a$04$") || len(hashes[0]) != 60 {
				t.Errorf("%s: hashed against %v", name, hashes)
			}
			if viewer.ID != (chat.ID{}) {
				t.Errorf("%s: got %v", name, viewer)
			}
		}
	})

	t.Run("somebody unconfirmed logs in by username", func(t *testing.T) {
		t.Parallel()
		_, err := w.Chat.LogIn(t.Context(), there, "ben", chattest.Password)
		must(t, err)
	})

	t.Run("a password of 72 bytes counts to its last byte", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		in := form("anna")
		in.Password = strings.Repeat("xk3!qz7u", 9)
		_, err := w.Chat.Register(t.Context(), here, in)
		must(t, err)
		_, err = w.Chat.LogIn(t.Context(), there, "anna", in.Password)
		must(t, err)
		for _, other := range []string{in.Password[:71], in.Password[:71] + "v", in.Password + "x"} {
			_, err = w.Chat.LogIn(t.Context(), there, "anna", other)
			refused(t, err, chat.KindInvalid, chat.CodeLogin)
		}
	})
}

func TestLogInMeanwhile(t *testing.T) {
	t.Parallel()

	for name, change := range map[string]string{
		"the old password does not log in while a new one is being set": "UPDATE people SET password_hash = 'new' WHERE id = $1",
		"somebody who is being suspended does not log in":               "UPDATE people SET state = 'suspended' WHERE id = $1",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := chattest.New(t)
			anna := w.Person(t, "Anna")
			held := w.Hold(t, change, anna.ID)
			done := later(func() error { _, err := w.Chat.LogIn(t.Context(), there, "anna", chattest.Password); return err })
			w.AwaitWaiting(t, 1)
			held.Commit()
			refused(t, <-done, chat.KindInvalid, chat.CodeLogin)
			if n := chattest.Value[int](t, w, "SELECT count(*) FROM sessions"); n != 1 {
				t.Errorf("%d sessions", n)
			}
		})
	}

	t.Run("what changes nothing about it does not hinder a login", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		anna := w.Person(t, "Anna")
		held := w.Hold(t, "UPDATE people SET view_seq = view_seq + 1 WHERE id = $1", anna.ID)
		done := later(func() error { _, err := w.Chat.LogIn(t.Context(), there, "anna", chattest.Password); return err })
		w.AwaitWaiting(t, 1)
		held.Commit()
		must(t, <-done)
	})
}

type silence struct{}

func (silence) Publish(context.Context, chat.Event) {}
