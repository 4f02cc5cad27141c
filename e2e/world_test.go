//go:build unix

package e2e

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"parley/app"
	"parley/chat"
	"parley/config"
	"parley/db/dbtest"
	"parley/nodes/nodestest"
	"parley/realtime"
	"parley/static"
)

// password is everybody's.
const password = "a horse named staple"

// World is one installation with its people.
type World struct {
	t       testing.TB
	app     *app.App
	db      *dbtest.DB
	addr    string // host:port of the server itself
	setting setting
	stop    func()
	lines   []*Line
}

// Setting changes what begin makes.
type Setting func(*setting)

type setting struct {
	config config.Config
	timing realtime.Timing
}

// timing replaces the server's timing of sockets.
func timing(timing realtime.Timing) Setting { return func(s *setting) { s.timing = timing } }

// assets are those of every installation: joined once, also for the gallery, which would ask for each file by itself.
var assets = static.New(false)

// forDesigners switches the gallery on.
func forDesigners(s *setting) { s.config.Dev = true }

// begin starts an installation that nobody has an account in. It ends with the test.
func begin(t testing.TB, settings ...Setting) *World {
	t.Helper()
	w := &World{t: t, db: dbtest.New(t)}
	w.setting.config = config.Config{
		Addr: "127.0.0.1:0", DatabaseURL: config.Secret(w.db.DSN), DataDir: t.TempDir(),
		Registration: config.RegistrationOpen, BcryptCost: 4,
	}
	for _, set := range settings {
		set(&w.setting)
	}
	w.serve()
	t.Cleanup(func() { w.stop() })
	return w
}

// Beside starts another node over the same database, and says where it is. The world was begun with joined.
func (w *World) Beside() (addr string) {
	w.t.Helper()
	other := &World{t: w.t, db: w.db, setting: w.setting}
	other.setting.config.DataDir = w.t.TempDir()
	other.serve()
	w.t.Cleanup(func() { other.stop() })
	return other.addr
}

// joined lets several nodes hear of each other.
func joined(t testing.TB) Setting {
	redis := nodestest.Start(t)
	return func(s *setting) { s.config.RedisURL = redis.Address() }
}

// serve starts the server.
func (w *World) serve() {
	w.t.Helper()
	log := slog.New(slog.NewTextHandler(complaints{w.t}, &slog.HandlerOptions{Level: slog.LevelWarn}))
	var err error
	if w.app, err = app.New(context.Background(), w.setting.config, log, app.WithTiming(w.setting.timing), app.WithAssets(assets)); err != nil {
		w.t.Fatalf("the application: %v", err)
	}
	w.addr = strings.TrimPrefix(w.app.URL(), "http://")
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.app.Run(ctx) }()
	w.stop = func() {
		cancel()
		if err := <-done; err != nil {
			w.t.Errorf("the application: %v", err)
		}
	}
}

// Restarts stops the server, lets something happen while there is none, and starts another one over the same database.
func (w *World) Restarts(between func()) {
	w.t.Helper()
	w.stop()
	between()
	w.serve()
	for _, line := range w.lines {
		line.leadTo(w.addr)
	}
}

// complaints shows what the server warns of, with the test that made it.
type complaints struct{ t testing.TB }

func (c complaints) Write(line []byte) (int, error) {
	c.t.Logf("server: %s", strings.TrimSpace(string(line)))
	return len(line), nil
}

// Visitor is somebody with a browser and without an account.
func (w *World) Visitor(name string) *Person {
	w.t.Helper()
	return newPerson(w, name)
}

// Person is somebody with an account, logged in. The username is the first word of the name in small letters.
func (w *World) Person(name string) *Person {
	w.t.Helper()
	p := newPerson(w, name)
	p.account()
	return p
}

// Account makes somebody who is not at a browser.
func (w *World) Account(name string) chat.Viewer {
	w.t.Helper()
	viewer, err := w.app.Chat().Register(w.t.Context(), chat.Origin{Address: "127.0.0.1", Local: true}, chat.RegisterInput{
		Username: usernameOf(name), DisplayName: name, Password: password,
	})
	if err != nil {
		w.t.Fatalf("an account for %s: %v", name, err)
	}
	return viewer
}

func usernameOf(name string) string {
	first, _, _ := strings.Cut(strings.ToLower(name), " ")
	return first
}

// account makes the account and the session over HTTP, as fast as possible, and gives the cookie to the browser.
func (p *Person) account() {
	p.world.t.Helper()
	p.takes(p.world.cookiesFrom("/register", url.Values{
		"username": {p.Username}, "display_name": {p.Name}, "password": {password}, "time_zone": {"UTC"},
	}))
	p.Viewer = p.world.Viewer(p.Username)
}

// cookiesOf are those of a new session of somebody's.
func (w *World) cookiesOf(username string) []*http.Cookie {
	w.t.Helper()
	return w.cookiesFrom("/login", url.Values{"login": {username}, "password": {password}})
}

// cookiesFrom posts a form that begins a session.
func (w *World) cookiesFrom(path string, form url.Values) []*http.Cookie {
	w.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		w.t.Fatal(err)
	}
	client := &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := client.PostForm("http://"+w.addr+path, form)
	if err != nil {
		w.t.Fatalf("%s: %v", path, err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusSeeOther {
		body, _ := io.ReadAll(answer.Body)
		w.t.Fatalf("%s: %s\n%s", path, answer.Status, body)
	}
	return jar.Cookies(answer.Request.URL)
}

// Viewer is the person with that username, as the domain knows them.
func (w *World) Viewer(username string) chat.Viewer {
	w.t.Helper()
	person, err := w.app.Store().PersonByLogin(w.t.Context(), username)
	if err != nil {
		w.t.Fatalf("%s: %v", username, err)
	}
	return chat.Viewer{Person: person}
}

// Direct is the conversation of two people.
func (w *World) Direct(a, b chat.Viewer) chat.ID {
	w.t.Helper()
	id, err := w.app.Chat().StartDirect(w.t.Context(), a, b.ID)
	if err != nil {
		w.t.Fatalf("a conversation of %s and %s: %v", a.Username, b.Username, err)
	}
	return id
}

// Say sends a message past the browser.
func (w *World) Say(by chat.Viewer, conversation chat.ID, body string) chat.Message {
	w.t.Helper()
	message, err := w.app.Chat().SendMessage(w.t.Context(), by, conversation, chat.Draft{Body: body, ClientID: chat.NewID()})
	if err != nil {
		w.t.Fatalf("%s says %q: %v", by.Username, body, err)
	}
	return message
}

// Talk makes a history of n messages, "message 1" to "message n", by turns of three, some minutes apart, the last one
// an hour ago.
func (w *World) Talk(conversation chat.ID, n int, people ...chat.Viewer) {
	w.t.Helper()
	for i := 1; i <= n; i++ {
		w.Say(people[i/3%len(people)], conversation, fmt.Sprintf("message %d", i))
	}
	w.Exec(`UPDATE messages SET created_at = now() - interval '1 hour' - ($2 - seq) * interval '4 minutes'
		WHERE conversation_id = $1`, conversation, n)
}

// EndSessions ends all of a person's sessions, as a new password does.
func (w *World) EndSessions(person chat.Viewer) {
	w.t.Helper()
	token, err := w.app.Chat().MakeResetLink(w.t.Context(), person.Username)
	if err == nil {
		err = w.app.Chat().ResetPassword(w.t.Context(), chat.Origin{Address: "127.0.0.1"}, token, password)
	}
	if err != nil {
		w.t.Fatalf("a new password for %s: %v", person.Username, err)
	}
}

// Exec changes the database behind the application's back, for what only time does.
func (w *World) Exec(sql string, args ...any) {
	w.t.Helper()
	if _, err := w.db.Pool().Exec(w.t.Context(), sql, args...); err != nil {
		w.t.Fatalf("%s: %v", sql, err)
	}
}

// Bodies are a conversation's texts in the order the database keeps.
func (w *World) Bodies(conversation chat.ID) []string {
	w.t.Helper()
	rows, err := w.db.Pool().Query(w.t.Context(), `SELECT body FROM messages WHERE conversation_id = $1 ORDER BY seq`, conversation)
	if err != nil {
		w.t.Fatal(err)
	}
	defer rows.Close()
	var bodies []string
	for rows.Next() {
		var body string
		if err := rows.Scan(&body); err != nil {
			w.t.Fatal(err)
		}
		bodies = append(bodies, body)
	}
	if err := rows.Err(); err != nil {
		w.t.Fatal(err)
	}
	return bodies
}

// Stores waits until a conversation holds these texts and no others.
func (w *World) Stores(conversation chat.ID, bodies ...string) {
	w.t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); ; <-tick.C {
		stored := w.Bodies(conversation)
		if slices.Equal(stored, bodies) {
			return
		}
		if time.Now().After(end) {
			w.t.Fatalf("stored is %q, want %q", stored, bodies)
		}
	}
}

// HasRead waits until a person has read all of a conversation.
func (w *World) HasRead(person chat.Viewer, conversation chat.ID) {
	w.t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); ; <-tick.C {
		var left int
		err := w.db.Pool().QueryRow(w.t.Context(), `SELECT c.msg_seq - m.unread_from
			FROM members m JOIN conversations c ON c.id = m.conversation_id
			WHERE m.person_id = $1 AND c.id = $2`, person.ID, conversation).Scan(&left)
		if err == nil && left == 0 {
			return
		}
		if err != nil || time.Now().After(end) {
			w.t.Fatalf("%s has not read the last %d messages: %v", person.Username, left, err)
		}
	}
}

func equal(t testing.TB, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Fatalf("%s: %q, want %q", what, got, want)
	}
}

// conversationIn reads a conversation's id out of an address.
func conversationIn(t testing.TB, path string) chat.ID {
	t.Helper()
	rest, found := strings.CutPrefix(path, "/conversations/")
	id, err := uuid.Parse(rest[:min(len(rest), 36)])
	if !found || err != nil {
		t.Fatalf("%s is no conversation", path)
	}
	return id
}

// patience is how long anything may take that a story waits for. Only a story that fails waits this long.
const patience = 30 * time.Second
