package app_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/app"
	"parley/chat"
	"parley/config"
	"parley/db/cluster"
	"parley/db/dbtest"
)

func TestMain(m *testing.M) { dbtest.Run(m) }

// settings of an application that tests can start beside others.
func settings(dsn string) config.Config {
	return config.Config{
		Addr: "127.0.0.1:0", DatabaseURL: config.Secret(dsn), DataDir: "unused", BcryptCost: 4,
		Registration: config.RegistrationOpen,
	}
}

var quiet = slog.New(slog.DiscardHandler)

// journal is a log that can be read while it is written.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
	line chan string
}

func newJournal() *journal { return &journal{line: make(chan string, 1000)} }

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.line <- string(p)
	return j.text.Write(p)
}

// until waits for a line that matches, and returns its first group.
func (j *journal) until(t *testing.T, pattern string) string {
	t.Helper()
	expression := regexp.MustCompile(pattern)
	deadline := time.After(30 * time.Second)
	for {
		select {
		case line := <-j.line:
			if match := expression.FindStringSubmatch(line); match != nil {
				return match[len(match)-1]
			}
		case <-deadline:
			t.Fatalf("the log does not say %s", pattern)
		}
	}
}

// serve runs the application as the command does, until the test ends or stop is called.
func serve(t *testing.T, cfg config.Config) (base string, log *journal, stop func() error) {
	t.Helper()
	log = newJournal()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	options := &slog.HandlerOptions{Level: cfg.LogLevel}
	go func() { done <- app.Serve(ctx, cfg, slog.New(slog.NewTextHandler(log, options))) }()
	stop = sync.OnceValue(func() error {
		cancel()
		return <-done
	})
	t.Cleanup(func() { _ = stop() })
	return log.until(t, `Parley is running.*url=(\S+)`), log, stop
}

func get(t *testing.T, address string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

// post sends a form and follows where it leads.
func post(t testing.TB, client *http.Client, address string, form url.Values) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

func browser(t testing.TB) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{Jar: jar}
}

func TestServe(t *testing.T) {
	t.Parallel()

	t.Run("it answers, lets the first person in as administrator, and stops without an error", func(t *testing.T) {
		t.Parallel()
		d := dbtest.New(t, dbtest.Empty())
		base, _, stop := serve(t, settings(d.DSN))
		for _, path := range []string{"/healthz", "/readyz", "/version", "/"} {
			if status, _ := get(t, base+path); status != http.StatusOK {
				t.Errorf("%s answers %d", path, status)
			}
		}
		status, body := post(t, browser(t), base+"/register", url.Values{
			"username": {"ana"}, "display_name": {"Ana"}, "password": {"correct horse battery"},
		})
		if status != http.StatusOK || !strings.Contains(body, "data-person") {
			t.Errorf("registering ends with %d", status)
		}
		var role string
		if err := d.Pool().QueryRow(t.Context(), `SELECT role FROM people WHERE username = 'ana'`).Scan(&role); err != nil || role != "administrator" {
			t.Errorf("role %q, %v", role, err)
		}
		if err := stop(); err != nil {
			t.Errorf("stopping: %v", err)
		}
	})

	t.Run("the log shows the code for the first account, until there is one", func(t *testing.T) {
		t.Parallel()
		d := dbtest.New(t)
		_, log, stop := serve(t, settings(d.DSN))
		log.mu.Lock()
		text := log.text.String()
		log.mu.Unlock()
		if !regexp.MustCompile(`setup_code=\S{8,}`).MatchString(text) {
			t.Errorf("no code in %s", text)
		}
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		if err := app.AdminCreate(t.Context(), settings(d.DSN), quiet, app.NewAdmin{
			Username: "ana", DisplayName: "Ana", Password: "correct horse battery",
		}); err != nil {
			t.Fatal(err)
		}
		_, again, _ := serve(t, settings(d.DSN))
		again.mu.Lock()
		defer again.mu.Unlock()
		if strings.Contains(again.text.String(), "setup_code") {
			t.Error("the code is shown although there is an account")
		}
	})

	t.Run("a log of errors alone shows the code and the address, too", func(t *testing.T) {
		t.Parallel()
		cfg := settings(dbtest.New(t).DSN)
		cfg.LogLevel = slog.LevelError
		_, log, _ := serve(t, cfg)
		log.mu.Lock()
		defer log.mu.Unlock()
		if !strings.Contains(log.text.String(), "setup_code=") {
			t.Errorf("no code in %s", log.text.String())
		}
	})

	t.Run("with a private PostgreSQL it starts, and starts again on the same data", func(t *testing.T) {
		t.Parallel()
		cfg := settings("")
		cfg.DataDir = filepath.Join(t.TempDir(), "data")
		t.Cleanup(func() {
			// Started by root, the cluster lies outside the folder that the test leaves behind.
			if err := cluster.Remove(context.Background(), cluster.Config{DataDir: cfg.DataDir}); err != nil {
				t.Error(err)
			}
		})
		before, err := app.Cluster(cfg)
		if err != nil {
			t.Fatal(err)
		}
		base, _, stop := serve(t, cfg)
		if _, err := os.Stat(filepath.Join(before, "data", "PG_VERSION")); err != nil {
			t.Errorf("the cluster is not where it was said to be: %v", err)
		}
		if after, err := app.Cluster(cfg); err != nil || after != before {
			t.Errorf("it is in %s, and before it was to be in %s: %v", after, before, err)
		}
		if _, body := post(t, browser(t), base+"/register", url.Values{
			"username": {"ana"}, "display_name": {"Ana"}, "password": {"correct horse battery"},
		}); !strings.Contains(body, "data-person") {
			t.Error("nobody could register")
		}

		second := cfg
		if err := app.Serve(t.Context(), second, quiet); err == nil || !strings.Contains(err.Error(), "another parley") {
			t.Errorf("a second server on the same data: %v", err)
		}
		if err := app.AdminPromote(t.Context(), cfg, quiet, "ana"); err != nil {
			t.Errorf("a command beside the server: %v", err)
		}
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		base, _, _ = serve(t, cfg)
		if _, body := post(t, browser(t), base+"/login", url.Values{"login": {"ana"}, "password": {"correct horse battery"}}); !strings.Contains(body, "data-person") {
			t.Error("the account is gone")
		}
	})

	t.Run("what keeps it from starting is one clear line", func(t *testing.T) {
		t.Parallel()
		taken, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = taken.Close() }()
		inUse := settings("postgres://unused")
		inUse.Addr = taken.Addr().String()
		for name, c := range map[string]struct {
			config config.Config
			says   string
		}{
			"a port in use":                {inUse, "address already in use"},
			"a database that is not there": {settings("postgres://nobody:hidden@127.0.0.1:1/none"), "PARLEY_DATABASE_URL"},
			"an address that is none":      {settings("postgres://nobody:hidden@127.0.0.1:port/none"), "PARLEY_DATABASE_URL"},
		} {
			err := app.Serve(t.Context(), c.config, quiet)
			if err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "hidden") {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

func TestDraining(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	a, err := app.New(t.Context(), settings(d.DSN), quiet)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	if status, _ := get(t, a.URL()+"/readyz"); status != http.StatusOK {
		t.Fatalf("not ready before: %d", status)
	}
	// A request in flight while it stops is finished. The server asks for the body once the handler reads it.
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(a.URL(), "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	const body = "login=nobody&password=nothing"
	_, err = fmt.Fprintf(conn, "POST /login HTTP/1.1\r\nHost: parley\r\nExpect: 100-continue\r\n"+
		"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n", len(body))
	if err != nil {
		t.Fatal(err)
	}
	answers := bufio.NewReader(conn)
	if line, err := answers.ReadString('\n'); err != nil || !strings.Contains(line, "100 Continue") {
		t.Fatalf("the server says %q, %v", line, err)
	}
	cancel()
	if _, err := io.WriteString(conn, body); err != nil {
		t.Fatal(err)
	}
	for status := ""; !strings.HasPrefix(status, "HTTP/1.1 4"); {
		if status, err = answers.ReadString('\n'); err != nil {
			t.Fatalf("the request in flight got no answer: %v", err)
		}
	}
	if err := <-done; err != nil {
		t.Errorf("stopping: %v", err)
	}
}

func TestAdmin(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t, dbtest.Empty())
	cfg := settings(d.DSN)
	var out bytes.Buffer
	for _, says := range []string{"applied 00001_ground.sql", "nothing to apply"} {
		out.Reset()
		if err := app.Migrate(t.Context(), cfg, quiet, &out); err != nil || !strings.Contains(out.String(), says) {
			t.Fatalf("%q, %v", out.String(), err)
		}
	}
	create := func(username, password string) error {
		return app.AdminCreate(t.Context(), cfg, quiet, app.NewAdmin{Username: username, DisplayName: "Somebody", Password: password})
	}
	if err := create("ana", "correct horse battery"); err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"a name that is taken": create("ana", "correct horse battery"),
		"a common password":    create("ben", "password"),
	} {
		if err == nil || chat.KindOf(err) != "" || strings.Contains(err.Error(), "invalid:") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, err := range map[string]error{
		"promoting":   app.AdminPromote(t.Context(), cfg, quiet, "nobody"),
		"a reset for": func() error { _, err := app.AdminResetPassword(t.Context(), cfg, quiet, "nobody"); return err }(),
	} {
		if err == nil || !strings.Contains(err.Error(), `"nobody"`) {
			t.Errorf("%s nobody: %v", name, err)
		}
	}

	link, err := app.AdminResetPassword(t.Context(), cfg, quiet, "ana")
	if err != nil {
		t.Fatal(err)
	}
	if err := app.AdminPromote(t.Context(), cfg, quiet, "ana"); err != nil { // who is an administrator already
		t.Error(err)
	}
	whole, err := app.AdminVerifyAudit(t.Context(), cfg, quiet)
	if err != nil || !regexp.MustCompile(`^The audit log is whole: 2 entries, the last one's hash is [0-9a-f]{64}$`).MatchString(whole) {
		t.Errorf("%q, %v", whole, err)
	}
	address, err := url.Parse(link)
	if err != nil {
		t.Fatal(err)
	}
	base, _, _ := serve(t, cfg)
	if status, _ := post(t, browser(t), base+address.Path, url.Values{"password": {"another sentence"}}); status != http.StatusOK {
		t.Errorf("the link answers %d", status)
	}
	if _, body := post(t, browser(t), base+"/login", url.Values{"login": {"ana"}, "password": {"another sentence"}}); !strings.Contains(body, "data-person") {
		t.Error("the new password does not log in")
	}
	if status, _ := post(t, browser(t), base+address.Path, url.Values{"password": {"a third sentence"}}); status == http.StatusOK {
		t.Error("the link works twice")
	}
	if _, err := d.Pool().Exec(t.Context(), `ALTER TABLE audit DISABLE TRIGGER USER; UPDATE audit SET action = 'suspend' WHERE seq = 2`); err != nil {
		t.Fatal(err)
	}
	if _, err := app.AdminVerifyAudit(t.Context(), cfg, quiet); err == nil || !strings.Contains(err.Error(), "broken at entry 2") {
		t.Errorf("a forged log: %v", err)
	}
	if app.Libvips() == "" {
		t.Error("libvips has no version")
	}
}
