//go:build unix

// Package chattest is a world to test in: the whole domain over a fresh database, a clock that stands still, every event
// written down, and people, conversations and messages made in a line each.
//
//	func TestMain(m *testing.M) { dbtest.Run(m) }
//
//	func TestSomething(t *testing.T) {
//		t.Parallel()
//		w := chattest.New(t)
//		anna, ben := w.Person(t, "Anna"), w.Person(t, "Ben")
//		w.Say(t, anna, w.Direct(t, anna, ben), "Hello")
//	}
package chattest

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/crypto/bcrypt"

	"parley/chat"
	"parley/db"
	"parley/db/dbtest"
)

// Password is everybody's.
const Password = "a horse named staple"

// World is the domain over a database of its own. It may be used by parallel tests.
type World struct {
	DB    *dbtest.DB
	Store *db.Store
	Chat  *chat.Chat
	Clock *Clock

	heard  recorder
	outbox outbox
	people atomic.Int64
}

// Option changes how a World is made.
type Option func(*options)

type options struct {
	settings  chat.Settings
	publisher chat.Publisher
	database  db.Options
	mail      bool
	chat      []chat.Option
}

// Limits switches rate limits on; without it there are none.
func Limits() Option { return func(o *options) { o.settings.Limits = true } }

// Registration replaces open registration.
func Registration(r chat.Registration) Option {
	return func(o *options) { o.settings.Registration = r }
}

// Mail lets the installation send mail: see [World.Mails].
func Mail() Option { return func(o *options) { o.mail = true } }

// Publisher hears every event too, before [World.Heard] has it.
func Publisher(p chat.Publisher) Option { return func(o *options) { o.publisher = p } }

// With passes options to the domain.
func With(more ...chat.Option) Option { return func(o *options) { o.chat = append(o.chat, more...) } }

// Database changes how the store connects.
func Database(d db.Options) Option { return func(o *options) { o.database = d } }

// New makes a world that ends with the test. Password hashes cost little (bcrypt's least).
func New(t testing.TB, opts ...Option) *World {
	t.Helper()
	o := options{settings: chat.Settings{BcryptCost: bcrypt.MinCost}}
	for _, set := range opts {
		set(&o)
	}
	w := &World{DB: dbtest.New(t), Clock: &Clock{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}}
	w.heard.next = o.publisher
	var err error
	if w.Store, err = db.Open(t.Context(), w.DB.DSN, o.database); err != nil {
		t.Fatalf("chattest: %v", err)
	}
	t.Cleanup(w.Store.Close)
	with := []chat.Option{chat.WithClock(w.Clock.Now)}
	if o.mail {
		with = append(with, chat.WithMailer(&w.outbox))
	}
	w.Chat = chat.New(w.Store, &w.heard, o.settings, append(with, o.chat...)...)
	return w
}

var passwordHash = sync.OnceValue(func() string {
	hash, err := bcrypt.GenerateFromPassword([]byte(Password), bcrypt.MinCost)
	if err != nil {
		panic(err) // the password is short and the cost in range
	}
	return string(hash)
})

// Person makes a member with a session. The name is the display name; the username is its letters and digits in small,
// with a number behind it where somebody has that already: "Anna" is anna, another one anna2. Without a name it is made
// up. No event is heard of it.
func (w *World) Person(t testing.TB, name string) chat.Viewer {
	t.Helper()
	n := w.people.Add(1)
	if name == "" {
		name = fmt.Sprintf("Person %d", n)
	}
	base := strings.Map(func(r rune) rune {
		if (r >= 'a' && r <= 'z') || (r >= '0' && r <= '9') {
			return r
		}
		return -1
	}, strings.ToLower(name))
	if base = base[:min(len(base), 24)]; len(base) < chat.MinUsername {
		base = fmt.Sprintf("person%d", n)
	}
	person := chat.Person{
		Card:         chat.Card{ID: chat.NewID(), Username: base, DisplayName: name},
		PasswordHash: passwordHash(),
		Role:         chat.RoleMember,
		State:        chat.StateActive,
		Language:     "en",
		TimeZone:     "UTC",
		Theme:        chat.ThemeAuto,
	}
	err := w.Store.InsertPerson(t.Context(), person)
	for more := 2; chat.CodeOf(err) == chat.CodeUsernameTaken; more++ {
		person.Username = fmt.Sprintf("%s%d", base, more)
		err = w.Store.InsertPerson(t.Context(), person)
	}
	if err != nil {
		t.Fatalf("chattest: make %s: %v", name, err)
	}
	return w.Session(t, person)
}

// Administrator is a person with that role.
func (w *World) Administrator(t testing.TB, name string) chat.Viewer {
	t.Helper()
	viewer := w.Person(t, name)
	w.Exec(t, "UPDATE people SET role = 'administrator' WHERE id = $1", viewer.ID)
	viewer.Role = chat.RoleAdministrator
	return viewer
}

// Session is another login of a person.
func (w *World) Session(t testing.TB, person chat.Person) chat.Viewer {
	t.Helper()
	session := chat.Session{ID: chat.NewID(), PersonID: person.ID, Address: "192.0.2.1", UserAgent: "chattest"}
	if err := w.Store.InsertSession(t.Context(), session, person.PasswordHash, chat.SessionLife); err != nil {
		t.Fatalf("chattest: log %s in: %v", person.Username, err)
	}
	viewer, err := w.Chat.Viewer(t.Context(), session.ID)
	if err != nil {
		t.Fatalf("chattest: log %s in: %v", person.Username, err)
	}
	return viewer
}

// Direct is the direct conversation of two people, made by a if need be.
func (w *World) Direct(t testing.TB, a, b chat.Viewer) chat.ID {
	t.Helper()
	id, err := w.Chat.StartDirect(t.Context(), a, b.ID)
	if err != nil {
		t.Fatalf("chattest: %s with %s: %v", a.Username, b.Username, err)
	}
	return id
}

// Group is a group of these people, the first of whom owns it. Unlike one that somebody makes, it begins without a word.
func (w *World) Group(t testing.TB, name string, people ...chat.Viewer) chat.ID {
	t.Helper()
	id := chat.NewID()
	w.Exec(t, "INSERT INTO conversations (id, kind, name, created_by, member_count) VALUES ($1, 'group', $2, $3, $4)",
		id, name, people[0].ID, len(people))
	for i, person := range people {
		role := chat.MemberPlain
		if i == 0 {
			role = chat.MemberOwner
		}
		w.Exec(t, "INSERT INTO members (conversation_id, person_id, role) VALUES ($1, $2, $3)", id, person.ID, role)
	}
	return id
}

// Remove ends somebody's membership: what changes from now on is not seen.
func (w *World) Remove(t testing.TB, conversation chat.ID, person chat.Viewer) {
	t.Helper()
	w.Exec(t, `
		UPDATE members m SET until_change = c.change_seq, left_seq = c.msg_seq, left_at = now(),
			left_name = c.name, unread_from = c.msg_seq
		FROM conversations c
		WHERE c.id = m.conversation_id AND c.id = $1 AND m.person_id = $2`, conversation, person.ID)
}

// Say sends a message.
func (w *World) Say(t testing.TB, viewer chat.Viewer, conversation chat.ID, body string) chat.Message {
	t.Helper()
	message, err := w.Chat.SendMessage(t.Context(), viewer, conversation, chat.Draft{Body: body, ClientID: chat.NewID()})
	if err != nil {
		t.Fatalf("chattest: %s says: %v", viewer.Username, err)
	}
	return message
}

// Exec changes the database behind the domain's back, for what nobody can do yet or what only time does.
func (w *World) Exec(t testing.TB, sql string, args ...any) {
	t.Helper()
	if _, err := w.DB.Pool().Exec(t.Context(), sql, args...); err != nil {
		t.Fatalf("chattest: %s: %v", sql, err)
	}
}

// Value reads the one value that a query answers with.
func Value[T any](t testing.TB, w *World, sql string, args ...any) T {
	t.Helper()
	rows, _ := w.DB.Pool().Query(t.Context(), sql, args...) // the error comes out of the rows
	v, err := pgx.CollectExactlyOneRow(rows, pgx.RowTo[T])
	if err != nil {
		t.Fatalf("chattest: %s: %v", sql, err)
	}
	return v
}

// Heard returns the events since it was last called, in order.
func (w *World) Heard() []chat.Event {
	w.heard.mu.Lock()
	defer w.heard.mu.Unlock()
	events := w.heard.events
	w.heard.events = nil
	return events
}

type recorder struct {
	next   chat.Publisher
	mu     sync.Mutex
	events []chat.Event
}

// Publish implements chat.Publisher.
func (r *recorder) Publish(ctx context.Context, event chat.Event) {
	if r.next != nil {
		r.next.Publish(ctx, event)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, event)
}

// Clock stands still unless it is moved. The database has its own clock.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// Now implements chat.Clock.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance moves the clock.
func (c *Clock) Advance(by time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(by)
}
