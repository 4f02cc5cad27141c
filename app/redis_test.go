package app_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/gorilla/websocket"

	"parley/app"
	"parley/chat"
	"parley/db/dbtest"
	"parley/nodes"
	"parley/nodes/nodestest"
	"parley/static"
)

// sweepBound is how late other nodes may hear of something without Redis.
const sweepBound = 3 * time.Second

var assets = sync.OnceValue(func() *static.Assets { return static.New(false) })

// pair is two nodes over one database and one Redis.
type pair struct {
	t      *testing.T
	nodes  [2]*app.App
	redis  *nodestest.Server
	ids    map[string]chat.ID
	people map[string]*http.Client // who is logged in; cookies know no ports, so these hold at both nodes
}

// impatient nodes wait for Redis as they do for people; patient ones also where the machine is busy.
var (
	impatient = nodes.Timing{Watch: 20 * time.Millisecond}
	patient   = nodes.Timing{Watch: 20 * time.Millisecond, Patience: 20 * time.Second}
)

func newPair(t *testing.T, timing nodes.Timing) *pair {
	t.Helper()
	d := dbtest.New(t)
	p := &pair{t: t, redis: nodestest.Start(t), ids: map[string]chat.ID{}, people: map[string]*http.Client{}}
	cfg := settings(d.DSN)
	cfg.RedisURL, cfg.Limits, cfg.AdminAddr = p.redis.Address(), true, "127.0.0.1:0"
	for i := range p.nodes {
		p.nodes[i], _ = run(t, cfg, app.WithAssets(assets()), app.WithNodes(timing))
	}
	for _, name := range []string{"ana", "ben"} {
		p.people[name] = register(t, p.nodes[0], name, "")
		var id chat.ID
		if err := d.Pool().QueryRow(t.Context(), `SELECT id FROM people WHERE username = $1`, name).Scan(&id); err != nil {
			t.Fatal(err)
		}
		p.ids[name] = id
	}
	return p
}

// degraded waits until both nodes say so, or both say that they are not; they answer 200 in any case.
func (p *pair) degraded(want bool) {
	p.t.Helper()
	says := map[bool]string{false: "ready\n", true: "ready, degraded: redis\n"}[want]
	for _, node := range p.nodes {
		p.redis.Await("a node says "+says, func() bool {
			status, body := get(p.t, node.URL()+"/readyz")
			if status != http.StatusOK {
				p.t.Fatalf("/readyz answers %d, %q", status, body)
			}
			return body == says
		})
	}
}

// conversation is where ana and ben speak, by its path.
func (p *pair) conversation() string {
	p.t.Helper()
	ana := p.people["ana"]
	var path string
	ana.CheckRedirect = func(r *http.Request, _ []*http.Request) error { path = r.URL.Path; return nil }
	submit(p.t, ana, p.nodes[0].URL()+"/conversations", "data-person", "person", p.ids["ben"].String())
	ana.CheckRedirect = nil
	return path
}

// send posts a message through a node and returns when that is answered.
func (p *pair) send(node int, who, path, body string) {
	p.t.Helper()
	status, page := post(p.t, p.people[who], p.nodes[node].URL()+path+"/messages", url.Values{
		"body": {body}, "client_id": {chat.NewID().String()},
	})
	if status != http.StatusOK || !strings.Contains(page, body) {
		p.t.Fatalf("sending answers %d", status)
	}
}

// listen opens somebody's socket at a node, in a conversation, and returns what comes.
func (p *pair) listen(node int, who, path string) *ear {
	p.t.Helper()
	base := p.nodes[node].URL()
	page := visit(p.t, p.people[who], base+path, "data-epoch")
	document, err := goquery.NewDocumentFromReader(strings.NewReader(page[strings.Index(page, "<!"):]))
	if err != nil {
		p.t.Fatal(err)
	}
	log := document.Find("[data-epoch][data-conversation]").First()
	address, err := url.Parse(base)
	if err != nil {
		p.t.Fatal(err)
	}
	header := http.Header{}
	for _, cookie := range p.people[who].Jar.Cookies(address) {
		header.Add("Cookie", cookie.Name+"="+cookie.Value)
	}
	conn, response, err := websocket.DefaultDialer.DialContext(p.t.Context(), "ws"+strings.TrimPrefix(base, "http")+"/ws", header)
	if err != nil {
		p.t.Fatal(err)
	}
	_ = response.Body.Close()
	p.t.Cleanup(func() { _ = conn.Close() })
	e := &ear{t: p.t, said: make(chan string, 1000), ended: make(chan error, 1)}
	go func() {
		for {
			_, message, err := conn.ReadMessage()
			if err != nil {
				e.ended <- err
				return
			}
			e.said <- string(message)
		}
	}()
	open := fmt.Sprintf(`{"type":"open","conversation":%q,"epoch":%q,"after":%s,"view":%s}`, log.AttrOr("data-conversation", ""),
		log.AttrOr("data-epoch", ""), log.AttrOr("data-change", ""), log.AttrOr("data-view", ""))
	if err := conn.WriteMessage(websocket.TextMessage, []byte(open)); err != nil {
		p.t.Fatal(err)
	}
	e.hear(`"type":"resumed"`, 30*time.Second)
	return e
}

type ear struct {
	t     *testing.T
	said  chan string
	ended chan error
}

// hear waits for a frame that holds all the words, parted by spaces.
func (e *ear) hear(words string, within time.Duration) {
	e.t.Helper()
	deadline := time.After(within)
	for {
		select {
		case frame := <-e.said:
			all := true
			for word := range strings.FieldsSeq(words) {
				all = all && strings.Contains(frame, word)
			}
			if all {
				return
			}
		case err := <-e.ended:
			e.t.Fatalf("the socket ended: %v", err)
		case <-deadline:
			e.t.Fatalf("%s was not heard within %v", words, within)
		}
	}
}

func TestRedis(t *testing.T) {
	t.Parallel()

	for name, trouble := range map[string]struct {
		begin, end func(*nodestest.Server)
		lasts      bool // until its end, and is noticed
	}{
		"slow":         {func(s *nodestest.Server) { s.Slow(500 * time.Millisecond) }, func(s *nodestest.Server) { s.Slow(0) }, true},
		"stopped dead": {(*nodestest.Server).Freeze, (*nodestest.Server).Thaw, true},
		"down":         {(*nodestest.Server).Kill, (*nodestest.Server).Restart, true},
		"restarted": {func(s *nodestest.Server) {
			s.Kill()
			s.Restart()
		}, func(*nodestest.Server) {}, false},
		"emptied": {(*nodestest.Server).Flush, func(*nodestest.Server) {}, false},
	} {
		t.Run("with a Redis that is "+name+" sending goes on, the other node hears of it, and nobody is logged out", func(t *testing.T) {
			t.Parallel()
			p := newPair(t, impatient)
			p.degraded(false)
			path := p.conversation()
			ben := p.listen(1, "ben", path)
			p.send(0, "ana", path, "before")
			ben.hear("changes before", sweepBound)

			trouble.begin(p.redis)
			if trouble.lasts {
				p.degraded(true)
			}
			began := time.Now()
			for i := range 5 {
				p.send(0, "ana", path, fmt.Sprint("meanwhile-", i))
			}
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("five messages took %v", took)
			}
			ben.hear("changes meanwhile-4", sweepBound)
			t.Logf("the last of five was heard %v after the first was sent", time.Since(began))
			for who, client := range p.people {
				for _, node := range p.nodes {
					visit(t, client, node.URL()+path, `data-person="`+p.ids[who].String()+`"`)
				}
			}

			trouble.end(p.redis)
			p.degraded(false)
			p.send(0, "ana", path, "afterwards")
			ben.hear("changes afterwards", sweepBound)
		})
	}

	t.Run("without it who logs out on one node is gone from the other", func(t *testing.T) {
		t.Parallel()
		p := newPair(t, impatient)
		path := p.conversation()
		ben := p.listen(1, "ben", path)
		p.redis.Kill()
		p.degraded(true)
		submit(t, p.people["ben"], p.nodes[0].URL()+"/logout", "")
		deadline := time.After(sweepBound)
		for {
			select {
			case <-ben.said:
				continue
			case err := <-ben.ended:
				if !websocket.IsCloseError(err, websocket.ClosePolicyViolation) {
					t.Errorf("the socket ended with %v", err)
				}
			case <-deadline:
				t.Error("the socket still stands")
			}
			break
		}
	})

	t.Run("it need not be there at the start", func(t *testing.T) {
		t.Parallel()
		redis := nodestest.Start(t)
		redis.Kill()
		cfg := settings(dbtest.New(t).DSN)
		cfg.RedisURL, cfg.Limits = redis.Address(), true
		a, _ := run(t, cfg, app.WithAssets(assets()), app.WithNodes(impatient))
		register(t, a, "ana", "")
		says := func(wanted string) {
			redis.Await("it says "+wanted, func() bool {
				_, body := get(t, a.URL()+"/readyz")
				return body == wanted
			})
		}
		says("ready, degraded: redis\n")
		redis.Restart()
		says("ready\n")
	})

	t.Run("an address that is none is one clear line, which does not show it", func(t *testing.T) {
		t.Parallel()
		cfg := settings(dbtest.New(t).DSN)
		cfg.RedisURL = "redis://:hidden@cache/one"
		_, err := app.New(t.Context(), cfg, quiet)
		if err == nil || !strings.Contains(err.Error(), "PARLEY_REDIS_URL") || strings.Contains(err.Error(), "hidden") {
			t.Errorf("got %v", err)
		}
	})
}

func TestLimitsOverTwoNodes(t *testing.T) {
	t.Parallel()
	limit := chat.LimitLoginByAccount
	// guess tries passwords until well after the limit, and wants just as many looked at as the limit allows.
	guess := func(t *testing.T, at ...*app.App) {
		t.Helper()
		began, looked := time.Now(), 0
		for i := range limit.Burst + 4 {
			status, _ := post(t, browser(t), at[i%len(at)].URL()+"/login", url.Values{"login": {"ana"}, "password": {"a guess"}})
			switch status {
			case http.StatusUnprocessableEntity:
				looked++
			case http.StatusTooManyRequests:
			default:
				t.Fatalf("a guess is answered by %d", status)
			}
		}
		if late := int(time.Since(began) / limit.Every); looked < limit.Burst || looked > limit.Burst+late {
			t.Errorf("%d instead of %d", looked, limit.Burst)
		}
	}

	t.Run("guesses at a password count together, wherever they are made", func(t *testing.T) {
		t.Parallel()
		p := newPair(t, patient)
		p.degraded(false)
		guess(t, p.nodes[0], p.nodes[1])
	})

	t.Run("with Redis cut they count at each node", func(t *testing.T) {
		t.Parallel()
		p := newPair(t, patient)
		p.redis.Kill()
		p.degraded(true)
		guess(t, p.nodes[0])
		guess(t, p.nodes[1])
	})
}

func TestReadyIsAnswered(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	a, _ := run(t, settings(d.DSN), app.WithAssets(assets()))
	if status, body := get(t, a.URL()+"/readyz"); status != http.StatusOK || body != "ready\n" {
		t.Fatalf("premise: %d %q", status, body)
	}
	tx, err := d.Pool().Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) }()
	if _, err := tx.Exec(t.Context(), `LOCK goose_db_version IN ACCESS EXCLUSIVE MODE`); err != nil {
		t.Fatal(err)
	}
	// The database says nothing.
	if status, _ := get(t, a.URL()+"/readyz"); status != http.StatusServiceUnavailable {
		t.Errorf("a database that does not answer: %d", status)
	}
}
