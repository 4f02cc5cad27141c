//go:build unix

package chat_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"parley/chat"
	"parley/chat/chattest"
)

func TestMemoryViewerCache(t *testing.T) {
	t.Parallel()

	chattest.TestViewerCache(t, func(*testing.T) (chat.ViewerCache, func(time.Duration)) {
		clock := &chattest.Clock{}
		return chat.NewMemoryViewerCache(clock.Now), clock.Advance
	})

	viewer := func() chat.Viewer { return chat.Viewer{Person: chat.Person{Card: chat.Card{ID: chat.NewID()}}} }

	t.Run("the least recently used one goes when it is full", func(t *testing.T) {
		t.Parallel()
		clock := &chattest.Clock{}
		cache := chat.NewMemoryViewerCacheOf(clock.Now, 2)
		one, two, three := viewer(), viewer(), viewer()
		for _, v := range []chat.Viewer{one, two, one, three} {
			chattest.Seen(t, cache, v.ID, "key", v)
		}
		for _, c := range []struct {
			viewer chat.Viewer
			read   bool
		}{{one, false}, {three, false}, {two, true}} {
			if _, read := chattest.Seen(t, cache, c.viewer.ID, "key", c.viewer); read != c.read {
				t.Errorf("read: %v instead of %v", read, c.read)
			}
		}
	})

	t.Run("a clock that is put back makes it forget", func(t *testing.T) {
		t.Parallel()
		clock := &chattest.Clock{}
		cache := chat.NewMemoryViewerCache(clock.Now)
		anna := viewer()
		chattest.Seen(t, cache, anna.ID, "key", anna)
		clock.Advance(-time.Hour)
		if _, read := chattest.Seen(t, cache, anna.ID, "key", anna); !read {
			t.Error("it is remembered from the future")
		}
	})

	t.Run("it knows for a while whom it was made to forget, and no longer", func(t *testing.T) {
		t.Parallel()
		clock := &chattest.Clock{}
		cache := chat.NewMemoryViewerCache(clock.Now)
		anna, ben := viewer(), viewer()
		cache.Forget(t.Context(), anna.ID)
		clock.Advance(chat.ViewerLife / 2)
		cache.Forget(t.Context(), ben.ID)
		cache.Forget(t.Context(), anna.ID)
		clock.Advance(chat.ViewerLife / 2)
		cache.Forget(t.Context(), ben.ID)
		if !cache.Forgot(anna.ID) || !cache.Forgot(ben.ID) || cache.Forgot(chat.NewID()) {
			t.Error("too short, or of anybody")
		}
		clock.Advance(chat.ViewerLife / 2)
		if cache.Forgot(anna.ID) || !cache.Forgot(ben.ID) {
			t.Error("too long, or too short")
		}
	})
}

// door is where people come in by a token: the domain with a cache whose clock stands still.
type door struct {
	*chattest.World
	cache  *chat.MemoryViewerCache
	clock  *chattest.Clock
	asked  int // how often it was found out whose session a token's is
	tokens map[string]chat.ID
}

func newDoor(t *testing.T, more ...chattest.Option) *door {
	t.Helper()
	d := &door{clock: &chattest.Clock{}, tokens: map[string]chat.ID{}}
	d.cache = chat.NewMemoryViewerCache(d.clock.Now)
	d.World = chattest.New(t, append(more, chattest.With(chat.WithViewerCache(d.cache)))...)
	return d
}

// token gives a session a token, and returns its hash.
func (d *door) token(t *testing.T, viewer chat.Viewer) string {
	t.Helper()
	hash := "hash of " + chat.NewID().String()
	must(t, d.Store.Tokens().CommitCtx(t.Context(), hash, []byte("x"), time.Now().Add(time.Hour)))
	d.tokens[hash] = viewer.SessionID
	return hash
}

func (d *door) enter(ctx context.Context, token chat.Token) (chat.Viewer, error) {
	return d.Chat.ViewerByToken(ctx, token, func(context.Context) (chat.ID, error) {
		d.asked++
		_, found, err := d.Store.Tokens().FindCtx(ctx, token.Hash)
		if err == nil && !found {
			err = chat.Unauthenticated()
		}
		return d.tokens[token.Hash], err
	})
}

// known lets somebody come in until they are remembered, and makes sure of it.
func (d *door) known(t *testing.T, viewer chat.Viewer) (token string) {
	t.Helper()
	token = d.token(t, viewer)
	d.remembered(t, token)
	return token
}

// remembered wants a token to be let in without a look at the rows.
func (d *door) remembered(t *testing.T, token string) {
	t.Helper()
	for range 2 {
		value[chat.Viewer](t)(d.enter(t.Context(), chat.Token{Hash: token}))
	}
	d.Exec(t, "ALTER TABLE people RENAME TO away")
	_, err := d.enter(t.Context(), chat.Token{Hash: token})
	d.Exec(t, "ALTER TABLE away RENAME TO people")
	if err != nil {
		t.Fatalf("premise: it was not remembered: %v", err)
	}
}

func TestViewerByToken(t *testing.T) {
	t.Parallel()

	t.Run("it says what the session says, and no secret", func(t *testing.T) {
		t.Parallel()
		d := newDoor(t)
		anna := d.Person(t, "Anna")
		d.Exec(t, "UPDATE people SET email = 'anna@example.org', email_confirmed_at = now(), email_wanted = 'a@example.org' WHERE id = $1", anna.ID)
		want := value[chat.Viewer](t)(d.Chat.Viewer(t.Context(), anna.SessionID))
		if want.PasswordHash == "" || want.Email == "" || want.EmailWanted == "" || want.EmailConfirmedAt == nil {
			t.Fatal("premise: the session tells less")
		}
		token := d.token(t, anna)
		if got := value[chat.Viewer](t)(d.enter(t.Context(), chat.Token{Hash: token, Fresh: true})); got.PasswordHash != want.PasswordHash || got.Email != want.Email {
			t.Errorf("a fresh one is %+v", got)
		}
		want.Email, want.EmailConfirmedAt, want.EmailWanted, want.PasswordHash = "", nil, "", ""
		for _, how := range []string{"from rows", "remembered"} {
			if got := value[chat.Viewer](t)(d.enter(t.Context(), chat.Token{Hash: token})); got != want {
				t.Errorf("%s: %+v instead of %+v", how, got, want)
			}
		}
		if d.asked != 1 {
			t.Errorf("asked %d times whose token it is", d.asked)
		}
		if got := value[chat.Viewer](t)(d.enter(t.Context(), chat.Token{Hash: token, Fresh: true})); got.PasswordHash == "" {
			t.Error("a fresh one comes from the cache")
		}
	})

	t.Run("who comes without a password cannot confirm anything by one", func(t *testing.T) {
		t.Parallel()
		d := newDoor(t)
		boss, ben := d.Administrator(t, "Boss"), d.Person(t, "Ben")
		bare := value[chat.Viewer](t)(d.enter(t.Context(), chat.Token{Hash: d.token(t, boss)}))
		for name, err := range map[string]error{
			"password": d.Chat.ChangePassword(t.Context(), bare, chattest.Password, newPassword),
			"address":  d.Chat.ChangeEmail(t.Context(), bare, chattest.Password, "x@example.org"),
			"role":     d.Chat.ChangeRole(t.Context(), bare, there, ben.ID, chat.RoleModerator, chattest.Password),
		} {
			if internal(t, err); err == nil {
				t.Errorf("%s: it was changed", name)
			}
		}
		notFound(t, d.Chat.LogOutEverywhere(t.Context(), bare, there, ben.ID))
	})

	t.Run("what changed behind its back is seen within the life of what is remembered", func(t *testing.T) {
		t.Parallel()
		for name, change := range map[string]struct{ sql, want string }{
			"a name":      {"UPDATE people SET display_name = 'Other' WHERE id = $1", "Other"},
			"a state":     {"UPDATE people SET state = 'suspended' WHERE id = $1", ""},
			"a revoked":   {"UPDATE sessions SET revoked_at = now() WHERE person_id = $1", ""},
			"a token":     {"DELETE FROM session_tokens WHERE $1::uuid IS NOT NULL", ""},
			"idleness":    {"UPDATE sessions SET last_used_at = now() - interval '30 days' WHERE person_id = $1", ""},
			"its end":     {"UPDATE sessions SET expires_at = now() WHERE person_id = $1", ""},
			"token's end": {"UPDATE session_tokens SET expires_at = now() WHERE $1::uuid IS NOT NULL", ""},
		} {
			d := newDoor(t)
			anna := d.Person(t, "Anna")
			token := d.known(t, anna)
			d.Exec(t, change.sql, anna.ID)
			d.clock.Advance(chat.ViewerLife - time.Microsecond)
			if got := value[chat.Viewer](t)(d.enter(t.Context(), chat.Token{Hash: token})); got.DisplayName != "Anna" {
				t.Errorf("%s: premise: it was not remembered", name)
			}
			d.clock.Advance(time.Microsecond)
			got, err := d.enter(t.Context(), chat.Token{Hash: token})
			if got.DisplayName != change.want || (change.want == "") != (chat.KindOf(err) == chat.KindUnauthenticated) {
				t.Errorf("%s: %q, %v", name, got.DisplayName, err)
			}
		}
	})

	// What this node changes itself holds from the moment it is answered; time stands still here.
	out := chat.Viewer{}
	same := func(v chat.Viewer) chat.Viewer { return v }
	for name, c := range map[string]struct {
		act func(ctx context.Context, d *door, anna, phone, boss chat.Viewer) error
		// what the next request of anna's sees, and of her phone's; out: that it is out.
		anna, phone func(before chat.Viewer) chat.Viewer
	}{
		"logging out": {
			func(ctx context.Context, d *door, anna, _, _ chat.Viewer) error { return d.Chat.LogOut(ctx, anna) },
			func(chat.Viewer) chat.Viewer { return out }, same,
		},
		"ending a device's session": {
			func(ctx context.Context, d *door, anna, phone, _ chat.Viewer) error {
				return d.Chat.EndSession(ctx, anna, phone.SessionID)
			}, same, func(chat.Viewer) chat.Viewer { return out },
		},
		"logging out everywhere else": {
			func(ctx context.Context, d *door, anna, _, _ chat.Viewer) error {
				_, err := d.Chat.EndOtherSessions(ctx, anna)
				return err
			}, same, func(chat.Viewer) chat.Viewer { return out },
		},
		"another password": {
			func(ctx context.Context, d *door, anna, _, _ chat.Viewer) error {
				return d.Chat.ChangePassword(ctx, anna, chattest.Password, newPassword)
			},
			func(v chat.Viewer) chat.Viewer { v.Renew = true; return v }, func(chat.Viewer) chat.Viewer { return out },
		},
		"another password by a link": {
			func(ctx context.Context, d *door, _, _, _ chat.Viewer) error {
				link, err := d.Chat.MakeResetLink(ctx, "anna")
				return errors.Join(err, d.Chat.ResetPassword(ctx, there, link, newPassword))
			},
			func(chat.Viewer) chat.Viewer { return out }, func(chat.Viewer) chat.Viewer { return out },
		},
		"a suspension": {
			func(ctx context.Context, d *door, anna, _, boss chat.Viewer) error {
				return d.Chat.Suspend(ctx, boss, there, anna.ID, chattest.Password)
			},
			func(chat.Viewer) chat.Viewer { return out }, func(chat.Viewer) chat.Viewer { return out },
		},
		"being logged out everywhere": {
			func(ctx context.Context, d *door, anna, _, boss chat.Viewer) error {
				return d.Chat.LogOutEverywhere(ctx, boss, there, anna.ID)
			},
			func(chat.Viewer) chat.Viewer { return out }, func(chat.Viewer) chat.Viewer { return out },
		},
		"another role": {
			func(ctx context.Context, d *door, anna, _, boss chat.Viewer) error {
				return d.Chat.ChangeRole(ctx, boss, there, anna.ID, chat.RoleModerator, chattest.Password)
			},
			func(v chat.Viewer) chat.Viewer { v.Role, v.Renew = chat.RoleModerator, true; v.ViewSeq++; return v },
			func(v chat.Viewer) chat.Viewer { v.Role, v.Renew = chat.RoleModerator, true; v.ViewSeq++; return v },
		},
		"another role by the operator": {
			func(ctx context.Context, d *door, _, _, _ chat.Viewer) error {
				return d.Chat.Promote(ctx, "anna", chat.RoleModerator)
			},
			func(v chat.Viewer) chat.Viewer { v.Role, v.Renew = chat.RoleModerator, true; v.ViewSeq++; return v },
			func(v chat.Viewer) chat.Viewer { v.Role, v.Renew = chat.RoleModerator, true; v.ViewSeq++; return v },
		},
		"another name": {
			func(ctx context.Context, d *door, anna, _, _ chat.Viewer) error {
				return d.Chat.ChangeName(ctx, anna, "Anna B.")
			},
			func(v chat.Viewer) chat.Viewer { v.DisplayName = "Anna B."; v.Card.Seq++; v.ViewSeq++; return v },
			func(v chat.Viewer) chat.Viewer { v.DisplayName = "Anna B."; v.Card.Seq++; v.ViewSeq++; return v },
		},
		"other settings": {
			func(ctx context.Context, d *door, anna, _, _ chat.Viewer) error {
				return d.Chat.SavePreferences(ctx, anna, chat.Preferences{TimeZone: "Asia/Tokyo", Theme: chat.ThemeDark})
			},
			func(v chat.Viewer) chat.Viewer {
				v.TimeZone, v.Theme = "Asia/Tokyo", chat.ThemeDark
				v.ViewSeq++
				return v
			},
			func(v chat.Viewer) chat.Viewer {
				v.TimeZone, v.Theme = "Asia/Tokyo", chat.ThemeDark
				v.ViewSeq++
				return v
			},
		},
		"a conversation that somebody begins": {
			func(ctx context.Context, d *door, anna, _, boss chat.Viewer) error {
				_, err := d.Chat.StartDirect(ctx, boss, anna.ID)
				return err
			},
			func(v chat.Viewer) chat.Viewer { v.ViewSeq++; return v }, func(v chat.Viewer) chat.Viewer { v.ViewSeq++; return v },
		},
		"a group that somebody makes": {
			func(ctx context.Context, d *door, anna, _, boss chat.Viewer) error {
				_, err := d.Chat.CreateGroup(ctx, boss, chat.GroupSettings{Name: "Garden"}, []chat.ID{anna.ID})
				return err
			},
			func(v chat.Viewer) chat.Viewer { v.ViewSeq++; return v }, func(v chat.Viewer) chat.Viewer { v.ViewSeq++; return v },
		},
	} {
		t.Run(name+" holds from the next request on", func(t *testing.T) {
			t.Parallel()
			d := newDoor(t)
			boss, anna, ben := d.Administrator(t, "Boss"), d.Person(t, "Anna"), d.Person(t, "Ben")
			phone := d.Session(t, anna.Person)
			var tokens []string
			var before []chat.Viewer
			for _, one := range []chat.Viewer{anna, phone, ben} {
				token := d.known(t, one)
				tokens = append(tokens, token)
				before = append(before, value[chat.Viewer](t)(d.enter(t.Context(), chat.Token{Hash: token})))
			}
			must(t, c.act(t.Context(), d, anna, phone, boss))
			for i, want := range []chat.Viewer{c.anna(before[0]), c.phone(before[1]), before[2]} {
				for range 3 {
					got, err := d.enter(t.Context(), chat.Token{Hash: tokens[i]})
					if got != want || (want == out) != (chat.KindOf(err) == chat.KindUnauthenticated) {
						t.Errorf("token %d: %+v instead of %+v, %v", i, got, want, err)
					}
				}
			}
		})
	}

	t.Run("who is to get another token is not remembered until then, and by the old one not afterwards", func(t *testing.T) {
		t.Parallel()
		d := newDoor(t)
		anna := d.Person(t, "Anna")
		token := d.known(t, anna)
		must(t, d.Chat.Promote(t.Context(), "anna", chat.RoleModerator))
		for range 3 {
			if v := value[chat.Viewer](t)(d.enter(t.Context(), chat.Token{Hash: token})); !v.Renew {
				t.Fatal("it need not be renewed")
			}
		}
		// As the handlers do it.
		must(t, d.Store.Tokens().DeleteCtx(t.Context(), token))
		_, err := d.enter(t.Context(), chat.Token{Hash: token})
		refused(t, err, chat.KindUnauthenticated, chat.CodeLogInFirst)
		must(t, d.Chat.Renewed(t.Context(), anna))
		d.known(t, anna)
	})

	t.Run("the old token opens nothing once there is another, also where it was remembered", func(t *testing.T) {
		t.Parallel()
		d := newDoor(t)
		anna := d.Person(t, "Anna")
		token := d.known(t, anna)
		d.Exec(t, "UPDATE sessions SET renew = true") // by another program, which nobody here has heard of
		if v := value[chat.Viewer](t)(d.enter(t.Context(), chat.Token{Hash: token, Fresh: true})); !v.Renew {
			t.Fatal("premise: it need not be renewed")
		}
		must(t, d.Store.Tokens().DeleteCtx(t.Context(), token))
		must(t, d.Chat.Renewed(t.Context(), anna))
		_, err := d.enter(t.Context(), chat.Token{Hash: token})
		refused(t, err, chat.KindUnauthenticated, chat.CodeLogInFirst)
	})

	t.Run("use is written down once a minute, from where it was", func(t *testing.T) {
		t.Parallel()
		d := newDoor(t)
		anna := d.Person(t, "Anna")
		token := d.known(t, anna)
		d.Exec(t, "UPDATE sessions SET last_used_at = now() - interval '61 s'")
		used := func() bool {
			value[chat.Viewer](t)(d.enter(t.Context(), chat.Token{Hash: token, Address: "192.0.2.99"}))
			return chattest.Value[bool](t, d.World, "SELECT last_used_at > now() - interval '60 s' AND address = '192.0.2.99' FROM sessions")
		}
		if used() {
			t.Error("premise: it was not remembered")
		}
		d.clock.Advance(chat.ViewerLife)
		if !used() {
			t.Error("it was not written down")
		}
	})

	t.Run("without a cache rows are read each time", func(t *testing.T) {
		t.Parallel()
		d := newDoor(t)
		d.Chat = chat.New(d.Store, listeners{}, chat.Settings{})
		anna := d.Person(t, "Anna")
		token := d.token(t, anna)
		for range 3 {
			value[chat.Viewer](t)(d.enter(t.Context(), chat.Token{Hash: token}))
		}
		must(t, d.Chat.LogOut(t.Context(), anna))
		if _, err := d.enter(t.Context(), chat.Token{Hash: token}); chat.KindOf(err) != chat.KindUnauthenticated || d.asked != 4 {
			t.Errorf("%v, asked %d times", err, d.asked)
		}
	})

	t.Run("an error of the database is nobody's refusal, and is not remembered", func(t *testing.T) {
		t.Parallel()
		d := newDoor(t)
		token := d.known(t, d.Person(t, "Anna"))
		d.clock.Advance(chat.ViewerLife)
		takeAway(t, d.World, "people")
		_, err := d.enter(t.Context(), chat.Token{Hash: token})
		internal(t, err)
		d.Exec(t, "ALTER TABLE taken_away RENAME TO people")
		d.remembered(t, token)
	})
}

// listeners hear nothing.
type listeners struct{}

func (listeners) Publish(context.Context, chat.Event) {}
