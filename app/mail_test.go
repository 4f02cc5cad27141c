package app_test

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"path"
	"strings"
	"testing"
	"time"

	"parley/app"
	"parley/chat"
	"parley/config"
	"parley/db/dbtest"
	"parley/jobs"
	"parley/mail/mailtest"
)

const password = "correct horse battery"

// quick does not wait after a mail server has failed.
var quick = app.WithJobs(jobs.WithPace(10*time.Millisecond, 10*time.Millisecond))

// mailing is an application that sends mail.
func mailing(dsn string, server *mailtest.Server) config.Config {
	cfg := settings(dsn)
	cfg.SMTPURL = server.URL()
	return cfg
}

// run starts an application, until the test ends or stop is called.
func run(t *testing.T, cfg config.Config, options ...app.Option) (a *app.App, stop func()) {
	t.Helper()
	a, err := app.New(t.Context(), cfg, quiet, options...)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	ended := false
	stop = func() {
		if ended {
			return
		}
		ended = true
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(stop)
	return a, stop
}

// visit opens a page and wants a word on it.
func visit(t testing.TB, client *http.Client, address, wanted string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	var page strings.Builder
	if err := response.Write(&page); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(page.String(), wanted) {
		t.Fatalf("%s does not say %q:\n%s", address, wanted, page.String())
	}
	return page.String()
}

// submit sends a form and wants a word on the page where it leads.
func submit(t testing.TB, client *http.Client, address, wanted string, pairs ...string) {
	t.Helper()
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	if status, page := post(t, client, address, form); !strings.Contains(page, wanted) {
		t.Fatalf("%s does not say %q, but %d:\n%s", address, wanted, status, page)
	}
}

func register(t *testing.T, a *app.App, username, email string) *http.Client {
	t.Helper()
	client := browser(t)
	submit(t, client, a.URL()+"/register", "data-person", "username", username, "display_name", strings.ToUpper(username[:1])+username[1:],
		"email", email, "password", password)
	return client
}

func TestMail(t *testing.T) {
	t.Parallel()

	t.Run("from signing up to a new password and another address, letter by letter", func(t *testing.T) {
		t.Parallel()
		server := mailtest.Start(t, mailtest.Login("parley", "of-the-server"))
		a, _ := run(t, mailing(dbtest.New(t).DSN, server))

		// Signing up, confirming, logging in by the address.
		ana := register(t, a, "ana", "Ana@Example.org")
		letter := server.Next(t)
		if letter.To != "Ana@example.org" || letter.User != "parley" || letter.From != "parley@localhost" {
			t.Errorf("the letter went from %s, logged in as %s, to %s", letter.From, letter.User, letter.To)
		}
		submit(t, browser(t), a.URL()+"/login", "do not go together", "login", "ana@example.org", "password", password)
		link := letter.Link(t, "/confirm/")
		if !strings.HasPrefix(link, a.URL()+"/confirm/") {
			t.Fatalf("the link is %s", link)
		}
		visit(t, browser(t), link, "Ana@Example.org")
		submit(t, browser(t), link, "Your e-mail address is confirmed. You can log in with it.")
		submit(t, browser(t), link, "has been used")
		phone := browser(t)
		submit(t, phone, a.URL()+"/login", "data-person", "login", "ana@example.org", "password", password)

		// The password is forgotten.
		submit(t, browser(t), a.URL()+"/forgot", "on its way", "login", "ANA@example.org")
		letter = server.Next(t)
		if letter.To != "Ana@example.org" || !strings.Contains(letter.Header.Get("To"), "Ana") {
			t.Errorf("the letter went to %s, %s", letter.To, letter.Header.Get("To"))
		}
		submit(t, browser(t), letter.Link(t, "/reset/"), "Your new password is set", "password", "another sentence")
		for _, client := range []*http.Client{ana, phone} {
			visit(t, client, a.URL()+"/settings", `action="/login"`)
		}
		if letter = server.Next(t); !strings.Contains(letter.Subject, "password") || letter.To != "Ana@example.org" {
			t.Errorf("%s is told %q", letter.To, letter.Subject)
		}
		submit(t, ana, a.URL()+"/login", "data-person", "login", "ana@example.org", "password", "another sentence")

		// Another address.
		submit(t, ana, a.URL()+"/settings/email", "A letter is on its way", "email", "torres@example.org", "current_password", "another sentence")
		letter = server.Next(t)
		if letter.To != "torres@example.org" || strings.Contains(letter.Header.Get("To"), "Ana") || strings.Contains(letter.Text, "Hello \u2068Ana") {
			t.Errorf("the letter went to %s:\n%s", letter.Header.Get("To"), letter.Text)
		}
		submit(t, ana, letter.Link(t, "/confirm/"), "Your e-mail address is confirmed.")
		if letter = server.Next(t); letter.To != "Ana@example.org" || !strings.Contains(letter.Text, "no longer belongs to your account") {
			t.Errorf("%s is told:\n%s", letter.To, letter.Text)
		}
		submit(t, browser(t), a.URL()+"/login", "data-person", "login", "torres@example.org", "password", "another sentence")

		// Somebody else gives her address.
		register(t, a, "ben", "TORRES@example.org")
		letter = server.Next(t)
		if letter.To != "torres@example.org" || !strings.Contains(letter.Subject, "You already have an account") ||
			strings.Contains(letter.Text, "/confirm/") || strings.Contains(letter.Text, "ben") {
			t.Errorf("%s is told %q:\n%s", letter.To, letter.Subject, letter.Text)
		}
		visit(t, browser(t), letter.Link(t, "/login"), `action="/login"`)
		visit(t, browser(t), letter.Link(t, "/forgot"), `action="/forgot"`)
		if more := server.Waiting(); len(more) != 0 {
			t.Errorf("%d letters more, the first is %q", len(more), more[0].Subject)
		}
	})

	t.Run("while the mail server is down nobody waits, and its letters come when it is back", func(t *testing.T) {
		t.Parallel()
		server := mailtest.Start(t)
		server.Down()
		d := dbtest.New(t)
		a, _ := run(t, mailing(d.DSN, server), quick)
		began := time.Now()
		register(t, a, "ana", "ana@example.org")
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("signing up took %v", took)
		}
		until(t, d, "SELECT count(*) FROM river_job WHERE cardinality(errors) > 0", "it was tried")
		server.Up()
		submit(t, browser(t), server.Next(t).Link(t, "/confirm/"), "confirmed")
	})

	t.Run("a mail server that takes calls and says nothing holds nobody up", func(t *testing.T) {
		t.Parallel()
		listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = listener.Close() }()
		calls := make(chan net.Conn, 100)
		go func() {
			for {
				call, err := listener.Accept()
				if err != nil {
					return
				}
				calls <- call // and not a word
			}
		}()
		cfg := settings(dbtest.New(t).DSN)
		cfg.SMTPURL = config.Secret("smtp://" + listener.Addr().String())
		a, _ := run(t, cfg, quick)
		ana := register(t, a, "ana", "ana@example.org")
		register(t, a, "ben", "ben@example.org")
		for range 2 { // all workers wait
			select {
			case call := <-calls:
				defer func() { _ = call.Close() }()
			case <-time.After(30 * time.Second):
				t.Fatal("nobody calls")
			}
		}
		began := time.Now()
		register(t, a, "cleo", "cleo@example.org")
		submit(t, browser(t), a.URL()+"/forgot", "", "login", "ana")
		submit(t, ana, a.URL()+"/settings/email/again", "")
		visit(t, ana, a.URL()+"/conversations", "data-person")
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("four requests took %v", took)
		}
	})

	t.Run("a letter outlives the process between the request and the sending", func(t *testing.T) {
		t.Parallel()
		server := mailtest.Start(t)
		d := dbtest.New(t)
		a, stop := run(t, mailing(d.DSN, server))
		server.Refuse(func(string, string) error { return mailtest.Reply(451, [3]int{4, 3, 0}, "not now") })
		register(t, a, "ana", "ana@example.org")
		until(t, d, "SELECT count(*) FROM river_job WHERE cardinality(errors) > 0", "it was tried")
		stop()
		// As if it had been killed in the middle of sending.
		if _, err := d.Pool().Exec(t.Context(), `
			UPDATE river_job SET state = 'running', attempted_at = now() - interval '1 hour', attempted_by = '{gone}'`); err != nil {
			t.Fatal(err)
		}
		server.Refuse(nil)
		if waiting := server.Waiting(); len(waiting) != 0 {
			t.Fatal("premise: the letter is sent already")
		}
		a, _ = run(t, mailing(d.DSN, server), quick)
		link, err := url.Parse(server.Next(t).Link(t, "/confirm/"))
		if err != nil {
			t.Fatal(err)
		}
		submit(t, browser(t), a.URL()+"/confirm/"+path.Base(link.Path), "confirmed")
	})

	t.Run("what the log says of a mail server that refuses holds no address and no link", func(t *testing.T) {
		t.Parallel()
		server := mailtest.Start(t)
		server.Refuse(func(step, _ string) error {
			if step == "data" {
				return mailtest.Reply(554, [3]int{5, 7, 1}, "no letters to canary@example.org here")
			}
			return nil
		})
		d := dbtest.New(t)
		cfg := mailing(d.DSN, server)
		base, log, _ := serve(t, cfg)
		submit(t, browser(t), base+"/register", "data-person", "username", "ana", "display_name", "Ana", "email", "canary@example.org", "password", password)
		log.until(t, `a job failed and will be tried again.*554 5\.7\.1`)
		log.mu.Lock()
		text := log.text.String()
		log.mu.Unlock()
		if strings.Contains(text, "canary") || strings.Contains(text, "/confirm/") {
			t.Errorf("the log says:\n%s", text)
		}
		until(t, d, "SELECT count(*) FROM river_job WHERE cardinality(errors) > 0", "the failure is kept")
		var kept string
		if err := d.Pool().QueryRow(t.Context(), "SELECT errors::text FROM river_job").Scan(&kept); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(kept, "canary") {
			t.Errorf("the job keeps %s", kept)
		}
	})

	t.Run("without a mail server nothing works on letters, and there are none", func(t *testing.T) {
		t.Parallel()
		d := dbtest.New(t)
		a, _ := run(t, settings(d.DSN))
		register(t, a, "ana", "ana@example.org")
		for sql, what := range map[string]string{
			"SELECT count(*) FROM river_job":    "letters",
			"SELECT count(*) FROM river_leader": "leaders",
			"SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'": "listeners",
		} {
			var n int
			if err := d.Pool().QueryRow(t.Context(), sql).Scan(&n); err != nil || n != 0 {
				t.Errorf("%d %s, %v", n, what, err)
			}
		}
		visit(t, browser(t), a.URL()+"/forgot", "parley admin reset-password")
	})

	t.Run("a sender that cannot be one keeps it from starting, in one line", func(t *testing.T) {
		t.Parallel()
		cfg := settings(dbtest.New(t).DSN)
		cfg.SMTPURL, cfg.MailFrom = "smtp://127.0.0.1:1", "nobody"
		if err := app.Serve(t.Context(), cfg, quiet); err == nil || !strings.Contains(err.Error(), "PARLEY_MAIL_FROM") || strings.Contains(err.Error(), "\n") {
			t.Errorf("got %v", err)
		}
	})

	t.Run("links and sender follow from the base URL", func(t *testing.T) {
		t.Parallel()
		server := mailtest.Start(t)
		cfg := mailing(dbtest.New(t).DSN, server)
		cfg.BaseURL, cfg.MailFrom = "https://chat.example.org", "Our place <post@example.org>"
		a, _ := run(t, cfg)
		if _, err := a.Chat().Register(t.Context(), chat.Origin{Local: true}, chat.RegisterInput{
			Username: "ana", DisplayName: "Ana", Email: "ana@example.org", Password: password,
		}); err != nil {
			t.Fatal(err)
		}
		letter := server.Next(t)
		if letter.From != "post@example.org" || !strings.HasPrefix(letter.Link(t, "/confirm/"), "https://chat.example.org/confirm/") {
			t.Errorf("from %s:\n%s", letter.From, letter.Text)
		}
	})
}

// until waits until a count is not zero.
func until(t *testing.T, d *dbtest.DB, sql, what string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for n := 0; n == 0; {
		if err := d.Pool().QueryRow(ctx, sql).Scan(&n); err != nil {
			t.Fatalf("in vain: %s: %v", what, err)
		}
		<-tick.C
	}
}
