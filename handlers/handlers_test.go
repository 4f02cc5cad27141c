package handlers

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"parley/chat"
	"parley/db"
	"parley/db/dbtest"
	"parley/static"
)

func TestMain(m *testing.M) { dbtest.Run(m) }

// clock is a clock that a test turns by hand.
type clock struct{ now atomic.Pointer[time.Time] }

func newClock() *clock {
	c := &clock{}
	now := time.Now().Truncate(time.Millisecond)
	c.now.Store(&now)
	return c
}

func (c *clock) Now() time.Time { return *c.now.Load() }

func (c *clock) turn(d time.Duration) {
	now := c.Now().Add(d)
	c.now.Store(&now)
}

// notebook is a log that a test can read.
type notebook struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (n *notebook) Write(b []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.text.Write(b)
}

func (n *notebook) String() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.text.String()
}

// errors returns the lines at level ERROR and WARN.
func (n *notebook) complaints() []string {
	var found []string
	for line := range strings.Lines(n.String()) {
		if strings.Contains(line, `"level":"ERROR"`) || strings.Contains(line, `"level":"WARN"`) {
			found = append(found, line)
		}
	}
	return found
}

// ear hears what the domain publishes.
type ear struct {
	mu     sync.Mutex
	events []chat.Event
}

func (e *ear) Publish(_ context.Context, event chat.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.events = append(e.events, event)
}

func (e *ear) heard() []chat.Event {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]chat.Event(nil), e.events...)
}

// outbox is a mailer that keeps what it is given.
type outbox struct {
	mu    sync.Mutex
	mails []chat.Mail
}

func (o *outbox) Send(_ context.Context, mail chat.Mail) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.mails = append(o.mails, mail)
	return nil
}

// site is a whole Parley over a database of its own, without sockets.
type site struct {
	t        *testing.T
	database *dbtest.DB
	store    *db.Store
	chat     *chat.Chat
	handlers *Handlers
	clock    *clock
	cache    *clock // of what is remembered of viewers; it stands still until rows are changed by exec
	log      *notebook
	ear      *ear
	outbox   *outbox
	visitors atomic.Int32
	names    atomic.Int32
}

// plan is what a test may want otherwise.
type plan struct {
	settings chat.Settings
	options  []chat.Option
	config   Config
	noMail   bool // this installation sends none
}

// newSite starts a Parley; change, if any, has the last word on how.
func newSite(t *testing.T, change ...func(*plan)) *site {
	t.Helper()
	return siteOver(t, dbtest.New(t), change...)
}

// siteOver starts a Parley over a database.
func siteOver(t *testing.T, database *dbtest.DB, change ...func(*plan)) *site {
	t.Helper()
	s := &site{t: t, database: database, clock: newClock(), cache: newClock(), log: &notebook{}, ear: &ear{}, outbox: &outbox{}}
	store, err := db.Open(t.Context(), s.database.DSN, db.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	s.store = store
	p := plan{
		settings: chat.Settings{BcryptCost: 4, Limits: true},
		config: Config{
			Tokens: store.Tokens(), Assets: static.New(false), Clock: s.clock.Now, Version: "1.2.3", Revision: "abcdef",
			BaseURL: "https://chat.example.org",
			Log:     slog.New(slog.NewJSONHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
			Socket: func(w http.ResponseWriter, _ *http.Request, viewer chat.Viewer) {
				fmt.Fprint(w, "socket of ", viewer.Username)
			},
		},
	}
	p.config.Changes = func(w http.ResponseWriter, r *http.Request, viewer chat.Viewer, conversation chat.ID) error {
		if _, err := s.chat.Membership(r.Context(), viewer, conversation); err != nil {
			return err
		}
		_, err := fmt.Fprint(w, "changes for ", viewer.Username)
		return err
	}
	for _, f := range change {
		f(&p)
	}
	if !p.noMail {
		p.options = append(p.options, chat.WithMailer(s.outbox))
	}
	s.chat = chat.New(store, s.ear, p.settings, append([]chat.Option{chat.WithClock(s.clock.Now), chat.WithViewerCache(chat.NewMemoryViewerCache(s.cache.Now))}, p.options...)...)
	p.config.Chat = s.chat
	s.handlers = New(p.config)
	return s
}

// mails sends the letters that are kept, and returns what became of them.
func (s *site) mails() []chat.Mail {
	s.t.Helper()
	for _, args := range value[[]string](s, `
		WITH kept AS (DELETE FROM river_job RETURNING id, args)
		SELECT coalesce(array_agg(args::text ORDER BY id), '{}') FROM kept`) {
		var letter chat.Letter
		if err := json.Unmarshal([]byte(args), &letter); err != nil {
			s.t.Fatal(err)
		}
		if err := s.chat.DeliverLetter(s.t.Context(), letter); err != nil {
			s.t.Fatal(err)
		}
	}
	mails := s.outbox.mails
	s.outbox.mails = nil
	return mails
}

// mail is the one letter that is kept.
func (s *site) mail(kind chat.LetterKind) chat.Mail {
	s.t.Helper()
	mails := s.mails()
	if len(mails) != 1 || mails[0].Kind != kind {
		s.t.Fatalf("instead of one letter %s: %+v", kind, mails)
	}
	return mails[0]
}

// exec changes the database behind everybody's back.
func (s *site) exec(sql string, args ...any) {
	s.t.Helper()
	s.behind(sql, args...)
	s.cache.turn(chat.ViewerLife)
}

// behind is exec for what has just happened: viewers who are remembered are so still.
func (s *site) behind(sql string, args ...any) {
	s.t.Helper()
	if _, err := s.database.Pool().Exec(s.t.Context(), sql, args...); err != nil {
		s.t.Fatalf("%s: %v", sql, err)
	}
}

// cutOff takes the database away from the application.
func (s *site) cutOff() {
	s.t.Helper()
	name := value[string](s, `SELECT current_database()`)
	s.exec(`ALTER DATABASE ` + name + ` CONNECTION LIMIT 0`)
	s.exec(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'parley'`)
}

// value reads one value from the database.
func value[T any](s *site, sql string, args ...any) (v T) {
	s.t.Helper()
	if err := s.database.Pool().QueryRow(s.t.Context(), sql, args...).Scan(&v); err != nil {
		s.t.Fatalf("%s: %v", sql, err)
	}
	return v
}

// eventually waits until something that nobody signals has come about.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	tick, patience := time.NewTicker(5*time.Millisecond), time.After(10*time.Second)
	defer tick.Stop()
	for !is() {
		select {
		case <-tick.C:
		case <-patience:
			t.Fatalf("in vain: %s", what)
		}
	}
}

func itoa(n int) string { return strconv.Itoa(n) }

// multipartOf writes a form the other way.
func multipartOf(t *testing.T, form url.Values) (contentType, body string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for name, values := range form {
		for _, value := range values {
			if err := w.WriteField(name, value); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return w.FormDataContentType(), b.String()
}
