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

// TestStatements keeps the cost of a request in sight: two statements find out who asks, the others are the page's own.
func TestStatements(t *testing.T) {
	t.Parallel()
	var count counter
	d := dbtest.New(t)
	never := realtime.Timing{Sweep: time.Hour, Ack: time.Hour, Beat: time.Hour}
	a, err := app.New(t.Context(), settings(d.DSN), quiet, app.WithStore(db.Options{Tracer: &count}), app.WithTiming(never),
		app.WithChat(chat.WithClock(time.Now)))
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
		"a conversation's page":              {path: conversation, bound: 4},
		"a conversation for htmx":            {path: conversation, htmx: true, bound: 3},
		"the list":                           {path: "/", bound: 3},
		"a search":                           {path: "/people?q=ben", bound: 4},
		"a send":                             {path: conversation, method: http.MethodPost, bound: 4},
		"what neither asks nor shows anyone": {path: "/healthz", bound: 0},
	} {
		count.take()
		if c.method == http.MethodPost {
			send(t, ana, a.URL()+c.path)
		} else {
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
		}
		if statements := count.take(); len(statements) > c.bound {
			t.Errorf("%s takes %d statements, %d at most:\n%s", name, len(statements), c.bound, strings.Join(statements, "\n"))
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
