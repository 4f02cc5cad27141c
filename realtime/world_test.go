package realtime_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/gorilla/websocket"
	"github.com/redis/go-redis/v9"

	"parley/chat"
	"parley/chat/chattest"
	"parley/db/dbtest"
	"parley/realtime"
)

func TestMain(m *testing.M) { dbtest.Run(m) }

// quick makes what the room does now and then happen at once; what a test must not see happen is an hour away.
var quick = realtime.Timing{
	Sweep: 20 * time.Millisecond, Ack: 10 * time.Millisecond, Beat: time.Hour, Restart: 50 * time.Millisecond,
}

// withoutSweep leaves everything to hints.
var withoutSweep = realtime.Timing{Sweep: time.Hour, Ack: 10 * time.Millisecond, Beat: time.Hour, Restart: 50 * time.Millisecond}

// node is a hub behind a real server, on a world of its own.
type node struct {
	*chattest.World
	hub     *realtime.Hub
	chat    *chat.Chat // publishes to the hub
	quiet   *chat.Chat // publishes nothing, as another process would
	store   *faultyStore
	meter   *tally // hears what the hub reports
	server  *httptest.Server
	mu      sync.Mutex
	viewers map[string]chat.Viewer // by session id

	log           *slog.Logger  // nil: nobody reads it
	redisPatience time.Duration // with a Redis that says where people are; zero: as long as tests wait
}

// faultyStore is the real store, which fails on demand.
type faultyStore struct {
	chat.Store
	mu     sync.Mutex
	broken error
	faults map[string]int                                 // by method
	rows   map[chat.ID][2]int                             // by conversation: how often its rows were asked for, and how many there were
	read   func()                                         // called once, after changes were read and before they are handed on
	asked  func()                                         // called once, after a membership was asked for
	viewed func()                                         // called once, after view counters were read and before they are handed on
	watch  func(ctx context.Context, method string) error // called before rows and lists are read
}

// rowsOf says how often the rows of a conversation were asked for, and how many there were in all.
func (s *faultyStore) rowsOf(id chat.ID) (times, rows int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rows[id][0], s.rows[id][1]
}

// watching lets a test see how rows and lists are read, and make single readings fail.
func (s *faultyStore) watching(watch func(ctx context.Context, method string) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.watch = watch
}

func (s *faultyStore) watched(ctx context.Context, method string) error {
	s.mu.Lock()
	watch := s.watch
	s.mu.Unlock()
	if watch == nil {
		return nil
	}
	return watch(ctx, method)
}

// onceViewed lets a test act between the reading of the view counters and what follows from them.
func (s *faultyStore) onceViewed(act func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.viewed = act
}

// onceAsked lets a test act between the question who may see a conversation and what follows from the answer.
func (s *faultyStore) onceAsked(act func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = act
}

// onceRead lets a test act between a feed's reading and its delivering.
func (s *faultyStore) onceRead(act func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.read = act
}

func (s *faultyStore) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken = err
}

func (s *faultyStore) fault(method string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != nil {
		if s.faults == nil {
			s.faults = map[string]int{}
		}
		s.faults[method]++
	}
	return s.broken
}

// failed says whether the method has failed since the test began.
func (s *faultyStore) failed(method string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.faults[method] > 0
}

func (s *faultyStore) Member(ctx context.Context, person, conversation chat.ID) (chat.Member, error) {
	if err := s.fault("Member"); err != nil {
		return chat.Member{}, err
	}
	member, err := s.Store.Member(ctx, person, conversation)
	s.mu.Lock()
	act := s.asked
	s.asked = nil
	s.mu.Unlock()
	if act != nil {
		act()
	}
	return member, err
}

func (s *faultyStore) ChangesSince(ctx context.Context, id chat.ID, after int64, limit int) (chat.Changes, error) {
	if err := s.fault("ChangesSince"); err != nil {
		return chat.Changes{}, err
	}
	changes, err := s.Store.ChangesSince(ctx, id, after, limit)
	s.mu.Lock()
	act := s.read
	if len(changes.Messages) > 0 {
		s.read = nil
	}
	s.mu.Unlock()
	if act != nil && len(changes.Messages) > 0 {
		act()
	}
	return changes, err
}

func (s *faultyStore) ChangesFor(
	ctx context.Context, person, conversation chat.ID, after int64, limit int,
) (chat.Member, chat.Changes, error) {
	if err := s.fault("ChangesFor"); err != nil {
		return chat.Member{}, chat.Changes{}, err
	}
	return s.Store.ChangesFor(ctx, person, conversation, after, limit)
}

func (s *faultyStore) UpdatePositions(ctx context.Context, p []chat.Position) ([]chat.Move, []chat.ID, error) {
	if err := s.fault("UpdatePositions"); err != nil {
		return nil, nil, err
	}
	return s.Store.UpdatePositions(ctx, p)
}

func (s *faultyStore) ReceiptSources(
	ctx context.Context, authors []chat.Authorship,
) ([]chat.ReceiptSource, time.Time, error) {
	if err := errors.Join(s.fault("ReceiptSources"), s.watched(ctx, "ReceiptSources")); err != nil {
		return nil, time.Time{}, err
	}
	return s.Store.ReceiptSources(ctx, authors)
}

func (s *faultyStore) RowsOf(ctx context.Context, ids, present, others []chat.ID) ([]chat.ListRow, error) {
	if err := errors.Join(s.fault("RowsOf"), s.watched(ctx, "RowsOf")); err != nil {
		return nil, err
	}
	rows, err := s.Store.RowsOf(ctx, ids, present, others)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range ids {
		times := s.rows[id]
		times[0]++
		for _, row := range rows {
			if row.ConversationID == id {
				times[1]++
			}
		}
		s.rows[id] = times
	}
	return rows, err
}

func (s *faultyStore) Epoch(ctx context.Context) (string, error) {
	if err := s.fault("Epoch"); err != nil {
		return "", err
	}
	return s.Store.Epoch(ctx)
}

func (s *faultyStore) List(
	ctx context.Context, person chat.ID, archived bool, before *chat.ListRow, limit int,
) (chat.ListPage, error) {
	if err := s.fault("List"); err != nil {
		return chat.ListPage{}, err
	}
	return s.Store.List(ctx, person, archived, before, limit)
}

func (s *faultyStore) Lists(
	ctx context.Context, people []chat.ID, limit int,
) (map[chat.ID]chat.ListPage, error) {
	if err := errors.Join(s.fault("Lists"), s.watched(ctx, "Lists")); err != nil {
		return nil, err
	}
	return s.Store.Lists(ctx, people, limit)
}

func (s *faultyStore) ListTotals(ctx context.Context, people []chat.ID) (map[chat.ID]chat.ListTotals, error) {
	if err := s.watched(ctx, "ListTotals"); err != nil {
		return nil, err
	}
	return s.Store.ListTotals(ctx, people)
}

func (s *faultyStore) CardsIn(
	ctx context.Context, conversations, people []chat.ID, since time.Time,
) ([]chat.MemberCard, error) {
	if err := s.fault("CardsIn"); err != nil {
		return nil, err
	}
	return s.Store.CardsIn(ctx, conversations, people, since)
}

func (s *faultyStore) ViewSeqs(ctx context.Context, people []chat.ID) (map[chat.ID]int64, error) {
	if err := s.fault("ViewSeqs"); err != nil {
		return nil, err
	}
	seqs, err := s.Store.ViewSeqs(ctx, people)
	s.mu.Lock()
	act := s.viewed
	s.viewed = nil
	s.mu.Unlock()
	if act != nil {
		act()
	}
	return seqs, err
}

func (s *faultyStore) SessionsAlive(ctx context.Context, ids []chat.ID, idle time.Duration) ([]chat.ID, error) {
	if err := s.fault("SessionsAlive"); err != nil {
		return nil, err
	}
	return s.Store.SessionsAlive(ctx, ids, idle)
}

var errBroken = errors.New("broken on purpose")

func newNode(t *testing.T, timing realtime.Timing, link ...realtime.Link) *node {
	t.Helper()
	return newNodeWith(t, timing, chat.Settings{BcryptCost: 4}, link...)
}

// newLimitedNode is one on which rate limits hold.
func newLimitedNode(t *testing.T, timing realtime.Timing) *node {
	t.Helper()
	return newNodeWith(t, timing, chat.Settings{BcryptCost: 4, Limits: true})
}

func newNodeWith(t *testing.T, timing realtime.Timing, settings chat.Settings, link ...realtime.Link) *node {
	t.Helper()
	n := &node{World: chattest.New(t)}
	n.store = &faultyStore{Store: n.Store, rows: map[chat.ID][2]int{}}
	return n.begin(t, timing, settings, nil, link...)
}

// begin starts the node over its world; shared is the Redis by which nodes know of each other's people.
func (n *node) begin(
	t *testing.T, timing realtime.Timing, settings chat.Settings, shared redis.UniversalClient, link ...realtime.Link,
) *node {
	t.Helper()
	timing.Arrivals = cmp.Or(timing.Arrivals, 100_000) // who comes here at once is no crowd
	n.meter, n.viewers = newTally(), map[string]chat.Viewer{}
	n.hub = realtime.New(cmp.Or(n.log, slog.New(slog.DiscardHandler)), timing, link...)
	n.hub.Measure(n.meter)
	if shared != nil {
		n.hub.ShareRedis(shared)
		n.hub.PatientWithRedis(cmp.Or(n.redisPatience, patience))
	}
	n.chat = chat.New(n.store, n.hub, settings)
	n.quiet = chat.New(n.store, silence{}, settings)
	if err := n.hub.Start(t.Context(), n.chat); err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/ws", func(w http.ResponseWriter, r *http.Request) {
		n.mu.Lock()
		viewer := n.viewers[r.Header.Get("X-Session")]
		n.mu.Unlock()
		n.hub.ServeSocket(w, r, viewer)
	})
	n.server = httptest.NewServer(mux)
	t.Cleanup(func() {
		n.hub.Close(context.Background())
		n.server.Close()
	})
	return n
}

type silence struct{}

func (silence) Publish(context.Context, chat.Event) {}

// pair makes two people with a conversation.
func (n *node) pair(t *testing.T) (ana, ben chat.Viewer, conversation chat.ID) {
	t.Helper()
	ana, ben = n.Person(t, "Ana"), n.Person(t, "Ben")
	return ana, ben, n.Direct(t, ana, ben)
}

// say sends a message through the node's own domain, so that the hub hears of it.
func (n *node) say(t *testing.T, by chat.Viewer, conversation chat.ID, body string) chat.Message {
	t.Helper()
	return n.sayThrough(t, n.chat, by, conversation, body)
}

func (n *node) sayThrough(t *testing.T, c *chat.Chat, by chat.Viewer, conversation chat.ID, body string) chat.Message {
	t.Helper()
	message, err := c.SendMessage(t.Context(), by, conversation, chat.Draft{Body: body, ClientID: chat.NewID()})
	if err != nil {
		t.Fatal(err)
	}
	return message
}

func (n *node) page(t *testing.T, viewer chat.Viewer, conversation chat.ID) chat.ConversationPage {
	t.Helper()
	page, err := n.chat.OpenConversation(t.Context(), viewer, conversation, chat.Place{})
	if err != nil {
		t.Fatal(err)
	}
	return page
}

// exec changes rows behind the domain's back.
func (n *node) exec(t *testing.T, sql string, args ...any) {
	t.Helper()
	if _, err := n.DB.Pool().Exec(t.Context(), sql, args...); err != nil {
		t.Fatal(err)
	}
}

// got is a frame as a page receives it.
type got struct {
	Type         string
	Conversation string
	Epoch        string
	View         int64
	Beat         int
	From, To     int64
	HTML         string
	Total        int
	Archived     int
	Requests     int
	Text         string
	Zone, Theme  string
	At           int64
	Runs         [][4]int64
}

// texts are the bodies of the frame's messages, in order.
func (g got) texts(t *testing.T) []string {
	t.Helper()
	document, err := goquery.NewDocumentFromReader(strings.NewReader(g.HTML))
	if err != nil {
		t.Fatal(err)
	}
	return document.Find("li.message .message__body").Map(func(_ int, s *goquery.Selection) string {
		return strings.TrimSpace(s.Text())
	})
}

// page is a socket as a page holds it.
type page struct {
	t      *testing.T
	conn   *websocket.Conn
	frames chan got
	ended  chan struct{}
	code   int // of the close frame; 1006 when it was cut
}

func (n *node) connect(t *testing.T, viewer chat.Viewer) *page {
	t.Helper()
	p := n.dial(t, viewer)
	go p.read()
	if hello := p.next("hello"); hello.Epoch == "" {
		t.Fatalf("hello says %+v", hello)
	}
	return p
}

// dial opens a socket that nobody reads yet.
func (n *node) dial(t *testing.T, viewer chat.Viewer) *page {
	t.Helper()
	n.mu.Lock()
	n.viewers[viewer.SessionID.String()] = n.current(t, viewer)
	n.mu.Unlock()
	header := http.Header{"X-Session": {viewer.SessionID.String()}}
	conn, response, err := websocket.DefaultDialer.DialContext(t.Context(), n.address(), header)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	p := &page{t: t, conn: conn, frames: make(chan got, 10_000), ended: make(chan struct{})}
	t.Cleanup(func() { _ = conn.Close() })
	return p
}

func (n *node) address() string { return "ws" + strings.TrimPrefix(n.server.URL, "http") + "/ws" }

func (p *page) read() {
	defer close(p.ended)
	for {
		_, message, err := p.conn.ReadMessage()
		if err != nil {
			p.code = websocket.CloseAbnormalClosure
			var closed *websocket.CloseError
			if errors.As(err, &closed) {
				p.code = closed.Code
			}
			return
		}
		var g got
		if err := json.Unmarshal(message, &g); err != nil {
			p.t.Errorf("frame %q: %v", message, err)
			return
		}
		p.frames <- g
	}
}

const patience = 10 * time.Second

// next returns the next frame of the type, passing over others.
func (p *page) next(kind string) got {
	p.t.Helper()
	return p.until(kind, func(got) bool { return true })
}

// until returns the next frame of the type that is wanted, and shows those before it to whoever watches.
func (p *page) until(kind string, wanted func(got) bool, watch ...func(got)) got {
	p.t.Helper()
	deadline := time.After(patience)
	for {
		select {
		case g := <-p.frames:
			for _, see := range watch {
				see(g)
			}
			if g.Type == kind && wanted(g) {
				return g
			}
		case <-p.ended:
			p.t.Fatalf("the socket ended with %d while waiting for %q", p.code, kind)
		case <-deadline:
			p.t.Fatalf("no frame %q came", kind)
		}
	}
}

// each returns once a wanted frame of each of the types has come, in whatever order: each type has a pace of its own.
func (p *page) each(kinds []string, wanted func(got) bool, watch ...func(got)) {
	p.t.Helper()
	came := map[string]bool{}
	watch = append(watch, func(g got) { came[g.Type] = came[g.Type] || wanted(g) })
	for _, kind := range kinds {
		if !came[kind] {
			p.until(kind, wanted, watch...)
		}
	}
}

// none fails if a frame of one of the types comes before the mark, a frame that the test causes last.
func (p *page) none(mark string, kinds ...string) {
	p.t.Helper()
	deadline := time.After(patience)
	for {
		select {
		case g := <-p.frames:
			for _, kind := range kinds {
				if g.Type == kind {
					p.t.Fatalf("a frame came that must not: %+v", g)
				}
			}
			if g.Type == mark {
				return
			}
		case <-p.ended:
			p.t.Fatalf("the socket ended with %d", p.code)
		case <-deadline:
			p.t.Fatalf("no frame %q came", mark)
		}
	}
}

// end waits until the server has closed the socket, and returns the code.
func (p *page) end() int {
	p.t.Helper()
	select {
	case <-p.ended:
		return p.code
	case <-time.After(patience):
		p.t.Fatal("the socket still stands")
		return 0
	}
}

// over says whether the socket has ended.
func (p *page) over() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

func (p *page) write(frame map[string]any) {
	p.t.Helper()
	if err := p.conn.WriteJSON(frame); err != nil {
		p.t.Fatal(err)
	}
}

// open follows a conversation from the cursor of a page on.
func (p *page) open(at chat.ConversationPage) {
	p.t.Helper()
	p.write(map[string]any{
		"type": "open", "conversation": at.ID, "epoch": at.Epoch, "after": at.ChangeSeq, "view": at.ViewSeq,
		"at": at.At.UnixMicro(),
	})
}

// follow opens and waits until the page is live.
func (p *page) follow(at chat.ConversationPage) {
	p.t.Helper()
	p.open(at)
	p.next("resumed")
}
