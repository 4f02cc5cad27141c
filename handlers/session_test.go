package handlers

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/gob"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/alexedwards/scs/v2"

	"parley/chat"
)

func login(username, password string) url.Values {
	return url.Values{"login": {username}, "password": {password}}
}

func TestSession(t *testing.T) {
	t.Parallel()

	t.Run("logging in opens what is closed to others", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		mira := s.person()
		other := s.visitor()
		if other.loggedIn() {
			t.Fatal("premise: a visitor is logged in")
		}
		other.post("/login", login(mira.username, goodPassword)).redirects("/")
		if !other.loggedIn() {
			t.Error("not logged in")
		}
	})

	t.Run("a wrong password opens nothing and is not given back", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		mira := s.person()
		other := s.visitor()
		a := other.post("/login", login(mira.username, "wrong password 1")).is(422)
		a.says("Name and password do not go together").silentOn("wrong password 1")
		if v, _ := a.has("input[name=login]").Attr("value"); v != mira.username {
			t.Errorf("the name is not kept: %q", v)
		}
		if a.header.Get("Set-Cookie") != "" || other.loggedIn() {
			t.Error("logged in")
		}
	})

	t.Run("the cookie is for this host, out of reach of scripts, and lasts a year", func(t *testing.T) {
		t.Parallel()
		for _, secure := range []bool{false, true} {
			s := newSite(t, func(p *plan) { p.config.Secure = secure })
			b := s.visitor()
			s.exec(`UPDATE installation SET setup_code = 'code'`)
			a := b.post("/register", url.Values{
				"username": {"mira"}, "display_name": {"Mira"}, "password": {goodPassword}, "setup_code": {"code"},
			}).redirects("/")
			header := a.header.Values("Set-Cookie")
			if len(header) != 1 {
				t.Fatalf("%d cookies: %q", len(header), header)
			}
			cookie, err := http.ParseSetCookie(header[0])
			if err != nil {
				t.Fatal(err)
			}
			name := map[bool]string{false: "parley", true: "__Host-parley"}[secure]
			if cookie.Name != name || cookie.Secure != secure || !cookie.HttpOnly || cookie.SameSite != http.SameSiteLaxMode ||
				cookie.Path != "/" || cookie.Domain != "" {
				t.Errorf("secure %v: %q", secure, header[0])
			}
			if life := time.Duration(cookie.MaxAge) * time.Second; life < chat.SessionLife-time.Hour || life > chat.SessionLife+time.Hour {
				t.Errorf("it lasts %v", life)
			}
			if a.header.Get("Cache-Control") != "no-store" || len(a.header.Values("Cache-Control")) != 1 {
				t.Errorf("Cache-Control: %q", a.header.Values("Cache-Control"))
			}
		}
	})

	t.Run("whoever planted a token before the login has nothing", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		mira := s.person()
		planted := mira.cookie()
		victim := s.visitor()
		victim.jar.SetCookies(victim.base, []*http.Cookie{{Name: "parley", Value: "planted-token-of-somebody"}})
		a := victim.post("/login", login(mira.username, goodPassword)).redirects("/")
		if len(a.header.Values("Set-Cookie")) != 1 {
			t.Errorf("the cookies are %q", a.header.Values("Set-Cookie"))
		}
		if victim.cookie() == "planted-token-of-somebody" || victim.cookie() == planted || victim.cookie() == "" {
			t.Errorf("the token is %q", victim.cookie())
		}
		thief := s.visitor()
		thief.jar.SetCookies(thief.base, []*http.Cookie{{Name: "parley", Value: "planted-token-of-somebody"}})
		if thief.loggedIn() {
			t.Error("the planted token opens the session")
		}
	})

	t.Run("the store knows the token's hash alone, and of the session its id alone", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		mira := s.person()
		sum := sha256.Sum256([]byte(mira.cookie()))
		hash := base64.RawURLEncoding.EncodeToString(sum[:])
		if n := value[int](s, `SELECT count(*) FROM session_tokens`); n != 1 {
			t.Fatalf("%d tokens", n)
		}
		if n := value[int](s, `SELECT count(*) FROM session_tokens WHERE token_hash = $1`, hash); n != 1 {
			t.Error("the token is not stored under its hash")
		}
		data := value[[]byte](s, `SELECT data FROM session_tokens`)
		if bytes.Contains(data, []byte(mira.cookie())) {
			t.Error("the data hold the token")
		}
		var stored struct {
			Deadline time.Time
			Values   map[string]any
		}
		if err := gob.NewDecoder(bytes.NewReader(data)).Decode(&stored); err != nil {
			t.Fatal(err)
		}
		id := value[chat.ID](s, `SELECT id FROM sessions`)
		if len(stored.Values) != 1 || stored.Values[sessionKey] != id.String() {
			t.Errorf("the data are %v", stored.Values)
		}
	})

	t.Run("pages write nothing about the session", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		mira := s.person()
		before := value[string](s, `SELECT string_agg(t::text, ';') FROM session_tokens t`)
		for _, path := range []string{"/", "/settings", "/people", "/nowhere"} {
			if a := mira.get(path); a.header.Get("Set-Cookie") != "" {
				t.Errorf("%s sets a cookie", path)
			}
		}
		if after := value[string](s, `SELECT string_agg(t::text, ';') FROM session_tokens t`); after != before {
			t.Error("the stored session changed")
		}
		visitor := s.visitor()
		visitor.get("/").is(200)
		if visitor.cookie() != "" || value[int](s, `SELECT count(*) FROM session_tokens`) != 1 {
			t.Error("a visitor has a session")
		}
	})

	t.Run("a session whose row was revoked is over, and its cookie goes", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		mira := s.person()
		if !mira.loggedIn() {
			t.Fatal("premise: not logged in")
		}
		s.exec(`UPDATE sessions SET revoked_at = now()`)
		mira.get("/settings").redirects("/login?next=%2Fsettings")
		if mira.cookie() != "" {
			t.Error("the cookie stays")
		}
		if n := value[int](s, `SELECT count(*) FROM session_tokens`); n != 0 {
			t.Error("the token stays")
		}
	})

	for name, sql := range map[string]string{
		"a session that has reached its end is over":       `UPDATE sessions SET expires_at = now() - interval '1 second'`,
		"a session that was idle for 30 days is over":      `UPDATE sessions SET last_used_at = now() - interval '30 days 1 second'`,
		"a suspended person's session is over":             `UPDATE people SET state = 'suspended'`,
		"a closed account's session is over":               `UPDATE people SET state = 'closed'`,
		"a session whose token's row has gone is over":     `DELETE FROM session_tokens`,
		"a token that has expired is over":                 `UPDATE session_tokens SET expires_at = now() - interval '1 second'`,
		"a session whose row has gone is over":             `DELETE FROM sessions`,
		"a session idle for not quite 30 days still holds": `UPDATE sessions SET last_used_at = now() - interval '29 days'`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			mira := s.person()
			if !mira.loggedIn() {
				t.Fatal("premise: not logged in")
			}
			s.exec(sql)
			if holds := strings.HasSuffix(name, "holds"); mira.loggedIn() != holds {
				t.Errorf("logged in: %v", !holds)
			}
		})
	}

	t.Run("an unknown token loses its cookie on the page for logging in, not on the way there", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		b := s.visitor()
		b.jar.SetCookies(b.base, []*http.Cookie{{Name: "parley", Value: "nobody-knows-this"}})
		b.get("/settings").redirects("/login?next=%2Fsettings")
		if b.cookie() == "" {
			t.Error("gone on the way: a token renewed beside this request would be lost")
		}
		b.get("/login?next=%2Fsettings").is(200)
		if b.cookie() != "" {
			t.Error("the cookie stays")
		}
	})

	t.Run("after a change of role the next answer brings a new token, and the old one is void", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		s.person()
		mira := s.person()
		old := mira.cookie()
		mira.get("/settings").is(200)
		if mira.cookie() != old {
			t.Fatal("premise: the token changes without a reason")
		}
		if err := s.chat.Promote(t.Context(), mira.username, chat.RoleModerator); err != nil {
			t.Fatal(err)
		}
		if a := mira.get("/settings").is(200); len(a.header.Values("Set-Cookie")) != 1 {
			t.Fatalf("%d cookies", len(a.header.Values("Set-Cookie")))
		}
		renewed := mira.cookie()
		if renewed == old || renewed == "" {
			t.Fatal("the token is the same")
		}
		if !mira.loggedIn() || mira.cookie() != renewed {
			t.Error("the new token does not hold, or changes again")
		}
		thief := s.visitor()
		thief.jar.SetCookies(thief.base, []*http.Cookie{{Name: "parley", Value: old}})
		if thief.loggedIn() {
			t.Error("the old token still opens the session")
		}
	})

	t.Run("the socket and the changes read the session and leave it as it is", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		ben, mira := s.person(), s.person()
		conversation := mira.talk(ben)
		s.exec(`UPDATE sessions SET renew = true`)
		for _, path := range []string{"/ws", conversation + "/changes"} {
			if a := mira.get(path).is(200); a.header.Get("Set-Cookie") != "" {
				t.Errorf("%s sets a cookie", path)
			}
		}
		s.exec(`UPDATE sessions SET revoked_at = now()`)
		for _, path := range []string{"/ws", conversation + "/changes"} {
			if a := mira.get(path).is(401); a.header.Get("Set-Cookie") != "" || a.header.Get("Location") != "" {
				t.Errorf("%s: %v", path, a.header)
			}
		}
	})

	t.Run("stored data that cannot be read are a mistake of ours, not a way in", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		mira := s.person()
		s.exec(`UPDATE session_tokens SET data = 'garbage'`)
		mira.get("/settings").is(500)
	})

	t.Run("a session that cannot be saved is no session", func(t *testing.T) {
		t.Parallel()
		broken := &tokens{commit: func(context.Context) error { return errors.New("the disk is full") }}
		s := newSite(t, func(p *plan) { broken.CtxStore = p.config.Tokens; p.config.Tokens = broken })
		b := s.visitor()
		b.address = "127.0.0.1:4711"
		a := b.post("/register", url.Values{"username": {"mira"}, "display_name": {"Mira"}, "password": {goodPassword}}).is(500)
		if a.header.Get("Set-Cookie") != "" || strings.Count(a.body, "<html") != 1 {
			t.Error("half a login")
		}
		if n := value[int](s, `SELECT count(*) FROM sessions WHERE revoked_at IS NULL`); n != 0 {
			t.Error("the session's row stands")
		}
	})
}

// tokens lets a test stand between scs and its store.
type tokens struct {
	scs.CtxStore
	found  func(ctx context.Context) // after a token was read
	commit func(ctx context.Context) error
}

func (s *tokens) FindCtx(ctx context.Context, hash string) ([]byte, bool, error) {
	data, found, err := s.CtxStore.FindCtx(ctx, hash)
	if s.found != nil {
		s.found(ctx)
	}
	return data, found, err
}

func (s *tokens) CommitCtx(ctx context.Context, hash string, data []byte, expiry time.Time) error {
	if s.commit != nil {
		if err := s.commit(ctx); err != nil {
			return err
		}
	}
	return s.CtxStore.CommitCtx(ctx, hash, data, expiry)
}
