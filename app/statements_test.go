package app_test

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/app"
	"parley/chat"
	"parley/chat/chattest"
	"parley/db"
	"parley/db/dbtest"
	"parley/realtime"
)

// counter counts the statements that reach the database.
type counter struct {
	mu         sync.Mutex
	statements []string
}

func (c *counter) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.statements = append(c.statements, strings.Join(strings.Fields(data.SQL), " "))
	return ctx
}

func (c *counter) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

func (c *counter) take() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	taken := c.statements
	c.statements = nil
	return taken
}

// TestStatements keeps the cost of a request in sight: who asks is remembered from the requests before it, or found out by
// one statement; the others are the page's own.
func TestStatements(t *testing.T) {
	t.Parallel()
	var count counter
	d := dbtest.New(t)
	never := realtime.Timing{Sweep: time.Hour, Ack: time.Hour, Beat: time.Hour}
	var clock chattest.Clock // by which viewers are remembered
	a, err := app.New(t.Context(), settings(d.DSN), quiet, app.WithStore(db.Options{Tracer: &count}), app.WithTiming(never),
		app.WithChat(chat.WithViewerCache(chat.NewMemoryViewerCache(clock.Now))))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})

	ana := browser(t)
	for _, username := range []string{"ben", "ana"} {
		client := browser(t)
		if username == "ana" {
			client = ana
		}
		if _, page := post(t, client, a.URL()+"/register", url.Values{
			"username": {username}, "display_name": {username}, "password": {"correct horse battery"},
		}); !strings.Contains(page, "data-person") {
			t.Fatalf("%s could not register", username)
		}
	}
	var ben string
	if err := d.Pool().QueryRow(t.Context(), `SELECT id FROM people WHERE username = 'ben'`).Scan(&ben); err != nil {
		t.Fatal(err)
	}
	_, page := post(t, ana, a.URL()+"/conversations", url.Values{"person": {ben}})
	conversation := regexp.MustCompile(`action="(/conversations/[0-9a-f-]+)/messages"`).FindStringSubmatch(page)[1]
	for range 60 {
		send(t, ana, a.URL()+conversation)
	}

	for name, c := range map[string]struct {
		path   string
		htmx   bool
		method string
		bound  int
	}{
		"a conversation's page":              {path: conversation, bound: 3},
		"a conversation for htmx":            {path: conversation, htmx: true, bound: 2},
		"the list":                           {path: "/", bound: 2},
		"a search":                           {path: "/people?q=ben", bound: 3},
		"a send":                             {path: conversation, method: http.MethodPost, bound: 2},
		"what neither asks nor shows anyone": {path: "/healthz", bound: 0},
	} {
		ask := func() []string {
			count.take()
			if c.method == http.MethodPost {
				send(t, ana, a.URL()+c.path)
				return count.take()
			}
			request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, a.URL()+c.path, nil)
			if err != nil {
				t.Fatal(err)
			}
			if c.htmx {
				request.Header.Set("HX-Request", "true")
			}
			response, err := ana.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			_ = response.Body.Close()
			if response.StatusCode != http.StatusOK {
				t.Errorf("%s: status %d", name, response.StatusCode)
			}
			return count.take()
		}
		for _, before := range []struct {
			what string
			wait time.Duration
			more int
		}{{"", 0, 0}, {", a second after the last,", time.Second, min(c.bound, 1)}, {"", 0, 0}} {
			if c.bound > 0 { // who is not asked for stays remembered
				clock.Advance(before.wait)
			}
			if statements := ask(); len(statements) > c.bound+before.more {
				t.Errorf("%s%s takes %d statements, %d at most:\n%s", name, before.what, len(statements), c.bound+before.more,
					strings.Join(statements, "\n"))
			}
		}
	}
}

// send sends one message as htmx does.
func send(t *testing.T, client *http.Client, conversation string) {
	t.Helper()
	form := url.Values{"body": {"hello"}, "client_id": {chat.NewID().String()}}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, conversation+"/messages", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("HX-Request", "true")
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Fatalf("sending: status %d", response.StatusCode)
	}
}
