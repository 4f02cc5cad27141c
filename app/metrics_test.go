package app_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"parley/app"
	"parley/chat"
	"parley/db/dbtest"
)

// figure is what a node says of one series; 0 where it does not say anything.
func (p *pair) figure(node int, series string) (value float64) {
	p.t.Helper()
	status, text := get(p.t, p.nodes[node].AdminURL()+"/metrics")
	if status != http.StatusOK {
		p.t.Fatalf("/metrics answers %d: %s", status, text)
	}
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, series+" "); ok {
			if _, err := fmt.Sscan(rest, &value); err != nil {
				p.t.Fatal(err)
			}
		}
	}
	return value
}

// moves wants an act to raise figures of a node; some are told after whoever acted has been answered.
func (p *pair) moves(node int, act func(), series ...string) {
	p.t.Helper()
	before := map[string]float64{}
	for _, s := range series {
		before[s] = p.figure(node, s)
	}
	act()
	for _, s := range series {
		p.redis.Await(s+" moves", func() bool { return p.figure(node, s) > before[s] })
	}
}

type silent struct{}

func (silent) Publish(context.Context, chat.Event) {}

// TestMetrics: what happens in an application moves its figures. The rooms' own tests have what counts as what.
func TestMetrics(t *testing.T) {
	t.Parallel()
	p := newPair(t, patient)
	p.degraded(false)
	base := p.nodes[0].URL()
	path := p.conversation()
	id := chat.ID{}
	if err := id.UnmarshalText([]byte(strings.TrimPrefix(path, "/conversations/"))); err != nil {
		t.Fatal(err)
	}

	p.moves(0, func() { get(t, base+"/healthz") },
		`parley_http_requests_total{code="200",method="GET",route="/healthz"}`,
		`parley_http_request_duration_seconds_count{method="GET",route="/healthz"}`)
	p.moves(0, func() { get(t, base+"/nothing/here") }, `parley_http_requests_total{code="404",method="other",route="other"}`)

	var ben *ear
	p.moves(0, func() { ben = p.listen(0, "ben", path) }, `parley_resumes_total{result="current"}`, "parley_sockets",
		`parley_http_requests_total{code="101",method="GET",route="/ws"}`)
	p.moves(0, func() {
		p.send(0, "ana", path, "hello")
		ben.hear("changes hello", sweepBound)
	},
		`parley_messages_total{kind="text"}`, "parley_message_write_lag_seconds_count", "parley_message_write_lag_seconds_sum",
		`parley_db_statement_duration_seconds_count{statement="InsertMessage"}`,
		`parley_db_statement_duration_seconds_sum{statement="InsertMessage"}`, "parley_db_pool_acquires_total")
	p.moves(0, func() {
		submit(t, p.people["ana"], base+"/conversations", "data-person", "name", "Choir", "people", p.ids["ben"].String())
	}, `parley_messages_total{kind="system"}`, `parley_db_statement_duration_seconds_count{statement="commit"}`)

	again := url.Values{"body": {"once"}, "client_id": {chat.NewID().String()}}
	post(t, p.people["ana"], base+path+"/messages", again)
	p.moves(0, func() { post(t, p.people["ana"], base+path+"/messages", again) }, "parley_sends_repeated_total")

	settings := func() { visit(t, p.people["ana"], base+"/settings", "data-person") }
	p.moves(0, func() {
		p.redis.Flush() // where it was remembered who ana is
		settings()
	}, `parley_viewer_cache_requests_total{result="miss"}`)
	const hits = `parley_viewer_cache_requests_total{result="hit"}`
	before := p.figure(0, hits)
	p.redis.Await("two requests come within the time that is remembered", func() bool {
		settings()
		settings()
		return p.figure(0, hits) > before
	})

	wrong := url.Values{"login": {"nobody"}, "password": {"not this one"}}
	p.moves(0, func() { post(t, browser(t), base+"/login", wrong) }, "parley_login_failures_total")
	p.moves(0, func() {
		for range chat.LimitLoginByAccount.Burst {
			post(t, browser(t), base+"/login", wrong)
		}
	}, `parley_rate_limit_refusals_total{limit="login_account"}`)

	p.moves(0, func() {
		elsewhere := chat.New(p.nodes[0].Store(), silent{}, chat.Settings{})
		viewer := chat.Viewer{Person: chat.Person{Card: chat.Card{ID: p.ids["ana"]}}}
		if _, err := elsewhere.SendMessage(t.Context(), viewer, id, chat.Draft{Body: "unsaid", ClientID: chat.NewID()}); err != nil {
			t.Fatal(err)
		}
		ben.hear("changes unsaid", sweepBound)
	}, `parley_hints_repaired_total{kind="conversation"}`)

	p.moves(0, func() {
		p.nodes[0].Store().Pool().Reset() // so that one has to be made
		get(t, base+"/readyz")
	}, "parley_db_pool_waits_total", "parley_db_pool_wait_seconds_total")
	taken, err := p.nodes[0].Store().Pool().Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if used, most := p.figure(0, "parley_db_pool_acquired_connections"), p.figure(0, "parley_db_pool_max_connections"); used < 1 || used > most {
		t.Errorf("of %v connections %v are in use", most, used)
	}
	taken.Release()
	p.redis.Await("a connection is idle", func() bool { return p.figure(0, "parley_db_pool_idle_connections") > 0 })

	p.moves(0, func() { submit(t, p.people["ben"], base+"/logout", "") }, `parley_socket_closes_total{reason="revoked"}`)
	p.redis.Await("no socket stands", func() bool { return p.figure(0, "parley_sockets") == 0 })

	if up := p.figure(0, "parley_redis_up"); up != 1 {
		t.Errorf("Redis is up: %v", up)
	}
	p.moves(0, func() {
		p.redis.Kill()
		p.degraded(true)
		p.send(0, "ana", path, "alone")
	}, "parley_hints_lost_total")
	if up := p.figure(0, "parley_redis_up"); up != 0 {
		t.Errorf("Redis is up: %v", up)
	}

	_, text := get(t, p.nodes[0].AdminURL()+"/metrics")
	for _, wanted := range []string{"\nparley_build_info{", "\ngo_goroutines ", "\nprocess_resident_memory_bytes "} {
		if !strings.Contains(text, wanted) {
			t.Errorf("there is no%s", wanted)
		}
	}
	for _, secret := range []string{"ana", "choir", p.ids["ana"].String(), id.String()} {
		if strings.Contains(strings.ToLower(text), `"`+secret) {
			t.Errorf("the figures tell of %s", secret)
		}
	}
}

func TestAdminAddress(t *testing.T) {
	t.Parallel()

	t.Run("without one there are no metrics", func(t *testing.T) {
		t.Parallel()
		a, _ := run(t, settings(dbtest.New(t).DSN), app.WithAssets(assets()))
		if a.AdminURL() != "" {
			t.Errorf("they are at %s", a.AdminURL())
		}
		for _, path := range []string{"/metrics", "/debug/pprof/"} {
			if status, _ := get(t, a.URL()+path); status != http.StatusNotFound {
				t.Errorf("%s answers %d to everybody", path, status)
			}
		}
	})

	t.Run("metrics and profiles are there alone, and end with the application", func(t *testing.T) {
		t.Parallel()
		cfg := settings(dbtest.New(t).DSN)
		cfg.AdminAddr = "127.0.0.1:0"
		a, stop := run(t, cfg, app.WithAssets(assets()))
		for address, want := range map[string]int{
			a.AdminURL() + "/metrics": 200, a.AdminURL() + "/debug/pprof/": 200, a.AdminURL() + "/login": 404, a.URL() + "/metrics": 404,
		} {
			if status, _ := get(t, address); status != want {
				t.Errorf("%s answers %d", address, status)
			}
		}
		at := strings.TrimPrefix(a.AdminURL(), "http://")
		stop()
		if conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", at); err == nil {
			_ = conn.Close()
			t.Error("it still listens")
		}
	})

	t.Run("one that is taken is said by its name", func(t *testing.T) {
		t.Parallel()
		taken, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer taken.Close()
		cfg := settings(dbtest.New(t).DSN)
		cfg.AdminAddr = taken.Addr().String()
		if _, err := app.New(t.Context(), cfg, quiet, app.WithAssets(assets())); err == nil || !strings.HasPrefix(err.Error(), "PARLEY_ADMIN_ADDR: ") {
			t.Errorf("got %v", err)
		}
	})

	t.Run("one that other machines reach is warned of", func(t *testing.T) {
		t.Parallel()
		cfg := settings(dbtest.New(t).DSN)
		cfg.AdminAddr = ":0"
		_, log, _ := serve(t, cfg)
		if !strings.Contains(log.text.String(), "without a login") {
			t.Error("the log does not warn")
		}
		cfg.AdminAddr = "127.0.0.1:0"
		_, log, _ = serve(t, cfg)
		if strings.Contains(log.text.String(), "without a login") {
			t.Error("the log warns of what nobody else reaches")
		}
	})
}
