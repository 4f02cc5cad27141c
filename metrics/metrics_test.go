package metrics

import (
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"parley/chat"
	"parley/config"
	"parley/realtime"
)

// full returns figures of which every one has been told something, over a pool that has connected nowhere yet.
func full(t *testing.T) *Metrics {
	t.Helper()
	m := New(config.Build{Version: "1.2.3", Commit: "abcdef", Go: "go1"})
	pool, err := pgxpool.New(t.Context(), "postgres://nobody@127.0.0.1:1/none")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	m.Watch(Sources{
		Pool: pool.Stat, Sockets: func() int { return 3 }, HintsLost: func() int64 { return 4 }, RedisUp: func() bool { return true },
	})
	m.RequestAnswered(http.MethodGet, "/people/:username", 200, time.Second)
	m.Statement("InsertMessage").Observe(.001)
	return m
}

// scrape asks for the figures as Prometheus does, by one name where one is given.
func scrape(t *testing.T, m *Metrics, address string) string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Door(slog.New(slog.DiscardHandler), false).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, address, nil))
	if w.Code != http.StatusOK {
		t.Fatalf("%s answers %d: %s", address, w.Code, w.Body)
	}
	return w.Body.String()
}

// value is what a line of the exposition says; -1 where there is no such line.
func value(t *testing.T, m *Metrics, series string) float64 {
	t.Helper()
	for line := range strings.Lines(scrape(t, m, "/metrics")) {
		if rest, ok := strings.CutPrefix(line, series+" "); ok {
			var v float64
			if _, err := fmt.Sscan(rest, &v); err != nil {
				t.Fatal(err)
			}
			return v
		}
	}
	return -1
}

// TestTable holds docs/metrics.md and the registry equal: names, types and labels.
func TestTable(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `(parley_[a-z_]+)` \\| ([a-z]+) \\| (.*?) ?\\| (.+) \\|$").FindAllStringSubmatch(string(text), -1) {
		documented[row[1]] = strings.TrimSpace(row[2] + " " + strings.NewReplacer("`", "", ",", "").Replace(row[3]))
	}
	families, err := full(t).registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, f := range families {
		if strings.HasPrefix(f.GetName(), "go_") || strings.HasPrefix(f.GetName(), "process_") {
			continue
		}
		kind := strings.ToLower(f.GetType().String())
		var labels []string
		for _, label := range f.GetMetric()[0].GetLabel() {
			labels = append(labels, label.GetName())
		}
		got[f.GetName()] = strings.TrimSpace(kind + " " + strings.Join(labels, " "))
		if f.GetHelp() == "" {
			t.Errorf("%s says nothing of itself", f.GetName())
		}
	}
	if len(got) < 20 {
		t.Errorf("premise: only %d figures", len(got))
	}
	for _, name := range slices.Sorted(maps.Keys(got)) {
		if documented[name] != got[name] {
			t.Errorf("%s is %q, and %q in docs/metrics.md", name, got[name], documented[name])
		}
		delete(documented, name)
	}
	for name := range documented {
		t.Errorf("docs/metrics.md has %s, which is no figure", name)
	}
}

// TestNamesInDocumentsAndRules: what is recommended to be watched is there.
func TestNamesInDocumentsAndRules(t *testing.T) {
	t.Parallel()
	families, err := full(t).registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, f := range families {
		known[f.GetName()] = true
		if f.GetType().String() == "HISTOGRAM" {
			known[f.GetName()+"_bucket"], known[f.GetName()+"_count"], known[f.GetName()+"_sum"] = true, true, true
		}
	}
	for _, path := range []string{"../docs/metrics.md", "../docs/self-hosting.md", "../deploy/alerts.yml"} {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		names := regexp.MustCompile(`\b(?:parley|process)_[a-z_]*[a-z]\b`).FindAllString(string(text), -1)
		if len(names) < 8 {
			t.Errorf("premise: %s names only %v", path, names)
		}
		for _, name := range names {
			if !known[name] {
				t.Errorf("%s names %s, which is no figure", path, name)
			}
		}
	}
}

// TestWords holds the small tables of docs/metrics.md: every reason and every result.
func TestWords(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	section := func(title string) []string {
		_, rest, _ := strings.Cut(string(text), "### "+title+"\n")
		rest, _, _ = strings.Cut(rest, "\n#")
		var words []string
		for _, row := range regexp.MustCompile("(?m)^\\| `([a-z]+)` \\| [a-z]").FindAllStringSubmatch(rest, -1) {
			words = append(words, row[1])
		}
		slices.Sort(words)
		return words
	}
	var reasons, results []string
	for _, reason := range realtime.Reasons() {
		reasons = append(reasons, reason.Name)
	}
	for _, result := range realtime.Resumes() {
		results = append(results, string(result))
	}
	slices.Sort(reasons)
	slices.Sort(results)
	if got := section("Why sockets end"); !slices.Equal(got, reasons) {
		t.Errorf("reasons are %v, and %v in docs/metrics.md", reasons, got)
	}
	if got := section("What comes of opening"); !slices.Equal(got, results) {
		t.Errorf("results are %v, and %v in docs/metrics.md", results, got)
	}
}

func TestLint(t *testing.T) {
	t.Parallel()
	problems, err := testutil.GatherAndLint(full(t).registry)
	if err != nil {
		t.Fatal(err)
	}
	for _, problem := range problems {
		t.Errorf("%s: %s", problem.Metric, problem.Text)
	}
	exposed, err := promlint.New(strings.NewReader(scrape(t, full(t), "/metrics"))).Lint()
	if err != nil || len(exposed) > 0 {
		t.Errorf("as it is exposed: %v, %v", exposed, err)
	}
}

// TestKnownLabelsAreThere: what has not happened yet is 0, so that the first time is an increase.
func TestKnownLabelsAreThere(t *testing.T) {
	t.Parallel()
	m := New(config.Build{})
	var wanted []string
	for _, limit := range chat.Limits() {
		wanted = append(wanted, `parley_rate_limit_refusals_total{limit="`+limit.Name+`"}`)
	}
	for _, reason := range realtime.Reasons() {
		wanted = append(wanted, `parley_socket_closes_total{reason="`+reason.Name+`"}`)
	}
	for _, result := range realtime.Resumes() {
		wanted = append(wanted, `parley_resumes_total{result="`+string(result)+`"}`)
	}
	for _, kind := range realtime.Hints() {
		wanted = append(wanted, `parley_hints_repaired_total{kind="`+string(kind)+`"}`)
	}
	wanted = append(wanted, `parley_messages_total{kind="text"}`, `parley_messages_total{kind="system"}`,
		`parley_viewer_cache_requests_total{result="hit"}`, `parley_viewer_cache_requests_total{result="miss"}`)
	for _, series := range wanted {
		if got := value(t, m, series); got != 0 {
			t.Errorf("%s is %v", series, got)
		}
	}
}

// TestRequests: whatever is asked, labels are bounded; sockets are not in the durations.
func TestRequests(t *testing.T) {
	t.Parallel()
	m := New(config.Build{})
	for range 2 {
		m.RequestAnswered("", "", 404, time.Millisecond)
		m.RequestAnswered(http.MethodGet, "/ws", 101, time.Hour)
		m.RequestAnswered(http.MethodGet, "/ws", 429, time.Millisecond)
		m.RequestAnswered(http.MethodPost, "/login", 422, 2*time.Second)
	}
	for series, want := range map[string]float64{
		`parley_http_requests_total{code="404",method="other",route="other"}`:                 2,
		`parley_http_requests_total{code="101",method="GET",route="/ws"}`:                     2,
		`parley_http_requests_total{code="429",method="GET",route="/ws"}`:                     2,
		`parley_http_request_duration_seconds_count{method="GET",route="/ws"}`:                2,
		`parley_http_request_duration_seconds_sum{method="POST",route="/login"}`:              4,
		`parley_http_request_duration_seconds_bucket{method="POST",route="/login",le="1"}`:    0,
		`parley_http_request_duration_seconds_bucket{method="POST",route="/login",le="2.5"}`:  2,
		`parley_http_request_duration_seconds_bucket{method="POST",route="/login",le="+Inf"}`: 2,
	} {
		if got := value(t, m, series); got != want {
			t.Errorf("%s is %v, want %v", series, got, want)
		}
	}
}

// TestHotPathAllocatesNothing: these are called for each request, statement or frame.
func TestHotPathAllocatesNothing(t *testing.T) { // not in parallel: it counts what the process allocates
	m := full(t)
	statement := m.Statement("InsertMessage")
	for name, do := range map[string]func(){
		"a request":   func() { m.RequestAnswered(http.MethodGet, "/people/:username", 200, time.Second) },
		"a statement": func() { statement.Observe(.002) },
		"a frame":     func() { m.MessageWritten(time.Millisecond) },
		"a message":   func() { m.MessageStored(chat.MessageText) },
		"a viewer":    func() { m.ViewerAsked(true) },
		"an opening":  func() { m.Resumed(realtime.ResumedCurrent) },
		"a closing":   func() { m.SocketClosed(realtime.ClosedLeft) },
		"a refusal":   func() { m.LimitReached(chat.LimitSend) },
	} {
		if n := testing.AllocsPerRun(100, do); n != 0 {
			t.Errorf("%s allocates %v times", name, n)
		}
	}
}

func TestDoor(t *testing.T) {
	t.Parallel()
	m := full(t)
	ask := func(private bool, method, host, path string) (int, string) {
		r := httptest.NewRequestWithContext(t.Context(), method, path, nil)
		r.Host = host
		w := httptest.NewRecorder()
		m.Door(slog.New(slog.DiscardHandler), private).ServeHTTP(w, r)
		return w.Code, w.Body.String()
	}

	t.Run("metrics and profiles are there, and nothing else", func(t *testing.T) {
		t.Parallel()
		for path, want := range map[string]int{
			"/metrics": 200, "/debug/pprof/": 200, "/debug/pprof/goroutine?debug=1": 200, "/debug/pprof/heap": 200,
			"/debug/pprof/cmdline": 200, "/debug/pprof/symbol": 200, "/debug/pprof/trace?seconds=0.001": 200,
			"/debug/pprof/nonsense": 404, "/": 404, "/login": 404, "/debug/": 404,
		} {
			if status, _ := ask(true, http.MethodGet, "127.0.0.1:9090", path); status != want {
				t.Errorf("%s answers %d", path, status)
			}
		}
		if status, _ := ask(true, http.MethodPost, "127.0.0.1:9090", "/metrics"); status != http.StatusMethodNotAllowed {
			t.Errorf("a POST answers %d", status)
		}
	})

	t.Run("a page of the web that leads its own name here reads nothing", func(t *testing.T) {
		t.Parallel()
		for host, want := range map[string]int{
			"127.0.0.1:9090": 200, "[::1]:9090": 200, "localhost:9090": 200, "LOCALHOST": 200, "::1": 200,
			"evil.example:9090": 403, "localhost.evil.example": 403, "127.0.0.1.evil.example:9090": 403, "": 403,
		} {
			if status, body := ask(true, http.MethodGet, host, "/metrics"); status != want || want == 403 && strings.Contains(body, "parley_") {
				t.Errorf("%q is answered %d", host, status)
			}
		}
	})

	t.Run("at an address for other machines any name will do", func(t *testing.T) {
		t.Parallel()
		if status, _ := ask(false, http.MethodGet, "parley:9090", "/metrics"); status != 200 {
			t.Errorf("it answers %d", status)
		}
	})
}

// TestEveryReportMovesItsFigure: what the rooms tell arrives where docs/metrics.md says. That they tell it is tested with
// them, and for the whole application in app.
func TestEveryReportMovesItsFigure(t *testing.T) {
	t.Parallel()
	for series, report := range map[string]func(m *Metrics){
		`parley_http_requests_total{code="200",method="GET",route="/"}`:             func(m *Metrics) { m.RequestAnswered(http.MethodGet, "/", 200, 0) },
		`parley_http_request_duration_seconds_count{method="GET",route="/"}`:        func(m *Metrics) { m.RequestAnswered(http.MethodGet, "/", 200, 0) },
		`parley_socket_closes_total{reason="slow"}`:                                 func(m *Metrics) { m.SocketClosed(realtime.ClosedSlow) },
		`parley_socket_queue_overflows_total`:                                       func(m *Metrics) { m.QueueOverflowed() },
		`parley_messages_total{kind="text"}`:                                        func(m *Metrics) { m.MessageStored(chat.MessageText) },
		`parley_messages_total{kind="system"}`:                                      func(m *Metrics) { m.MessageStored(chat.MessageSystem) },
		`parley_messages_total{kind="of a later version"}`:                          func(m *Metrics) { m.MessageStored("of a later version") },
		`parley_sends_repeated_total`:                                               func(m *Metrics) { m.SendRepeated() },
		`parley_message_write_lag_seconds_count`:                                    func(m *Metrics) { m.MessageWritten(time.Second) },
		`parley_message_write_lag_seconds_bucket{le="1"}`:                           func(m *Metrics) { m.MessageWritten(time.Second) },
		`parley_resumes_total{result="replayed"}`:                                   func(m *Metrics) { m.Resumed(realtime.ResumedReplayed) },
		`parley_hints_repaired_total{kind="person"}`:                                func(m *Metrics) { m.HintRepaired(realtime.HintPerson) },
		"parley_presence_moves_total":                                               func(m *Metrics) { m.PresenceMoved(1) },
		"parley_presence_frames_total":                                              func(m *Metrics) { m.PresenceSent() },
		`parley_login_failures_total`:                                               func(m *Metrics) { m.LoginFailed() },
		`parley_rate_limit_refusals_total{limit="send"}`:                            func(m *Metrics) { m.LimitReached(chat.LimitSend) },
		`parley_viewer_cache_requests_total{result="hit"}`:                          func(m *Metrics) { m.ViewerAsked(true) },
		`parley_viewer_cache_requests_total{result="miss"}`:                         func(m *Metrics) { m.ViewerAsked(false) },
		`parley_db_statement_duration_seconds_count{statement="Heads"}`:             func(m *Metrics) { m.Statement("Heads").Observe(1) },
		`parley_db_statement_duration_seconds_bucket{statement="Heads",le="0.001"}`: func(m *Metrics) { m.Statement("Heads").Observe(.001) },
	} {
		m := New(config.Build{})
		before := max(value(t, m, series), 0)
		if report(m); before != 0 || value(t, m, series) != 1 {
			t.Errorf("%s is %v, and was %v", series, value(t, m, series), before)
		}
	}
}

// TestWatched: what is read when Prometheus asks is of that moment.
func TestWatched(t *testing.T) {
	t.Parallel()
	m := New(config.Build{Version: "1.2.3", Commit: "abcdef", Go: "go1"})
	pool, err := pgxpool.New(t.Context(), "postgres://nobody@127.0.0.1:1/none?pool_max_conns=7")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	sockets, lost, up := 3, int64(4), true
	m.Watch(Sources{
		Pool: pool.Stat, Sockets: func() int { return sockets }, HintsLost: func() int64 { return lost }, RedisUp: func() bool { return up },
	})
	is := func(want map[string]float64) {
		t.Helper()
		for series, figure := range want {
			if got := value(t, m, series); got != figure {
				t.Errorf("%s is %v, want %v", series, got, figure)
			}
		}
	}
	is(map[string]float64{
		"parley_sockets": 3, "parley_hints_lost_total": 4, "parley_redis_up": 1, "parley_db_pool_max_connections": 7,
		"parley_db_pool_acquired_connections": 0, "parley_db_pool_idle_connections": 0,
		`parley_build_info{commit="abcdef",goversion="go1",version="1.2.3"}`: 1,
	})
	sockets, lost, up = 5, 6, false
	is(map[string]float64{"parley_sockets": 5, "parley_hints_lost_total": 6, "parley_redis_up": 0})

	alone := New(config.Build{})
	alone.Watch(Sources{Pool: pool.Stat, Sockets: func() int { return 0 }})
	if up, lost := value(t, alone, "parley_redis_up"), value(t, alone, "parley_hints_lost_total"); up != -1 || lost != 0 {
		t.Errorf("without Redis it is up: %v, and has lost %v", up, lost)
	}
}
