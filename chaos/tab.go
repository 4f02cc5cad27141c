//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/gorilla/websocket"

	"parley/chaos/history"
	"parley/chaos/page"
)

// The page's own figures, from static/js.
const (
	silence        = 45 * time.Second // link.js: a connection that was not heard for this long is dead
	greeting       = 15 * time.Second // link.js: an attempt without a greeting will not come to one
	good           = 5 * time.Second  // link.js: a connection that stood this long lets the next wait begin small again
	answerPatience = 20 * time.Second // send.js
	pollAfter      = 15 * time.Second // poll.js
	pollEvery      = 5 * time.Second  // poll.js
	maxTries       = 7                // outbox.js: then the bubble says that it was not sent
	resetsWithin   = 6 * time.Second  // backoff.js
	resetAgain     = 3 * time.Second  // backoff.js
	askAgain       = 5 * time.Second  // frames.js
)

// tab is one open page of a person, with its socket and its outbox.
type tab struct {
	person       *person
	name         string
	conversation string
	reads        bool // somebody looks at it
	ctx          context.Context
	cancel       context.CancelFunc

	mu        sync.Mutex
	random    *rand.Rand
	page      *page.Page
	conn      *websocket.Conn
	standing  bool
	polling   bool
	down      time.Time // since when no socket stands
	rose      int       // how many times one stood
	codes     map[int]int
	resets    []time.Time // when the last ones were followed
	reloading int         // how many fetches of the conversation are under way, or wait to be
	queue     []*entry
	acked     int64

	writing sync.Mutex
	wake    chan struct{} // for the outbox: there is something to send
	risen   chan struct{} // for the outbox: there is a connection
	running sync.WaitGroup
}

// entry is a message on its way to the server.
type entry struct {
	send *history.Send
	body string
}

func (p *person) newTab(conversation string, number int, first page.Content) *tab {
	ctx, cancel := context.WithCancel(p.world.ctx)
	t := &tab{
		person: p, name: fmt.Sprintf("%s/%d", p.name, number), conversation: conversation, ctx: ctx, cancel: cancel,
		down: time.Now(), wake: make(chan struct{}, 1), risen: make(chan struct{}, 1), codes: map[int]int{},
		random: rand.New(rand.NewPCG(p.world.options.seed, uint64(number)+uint64(len(p.name))<<32)), //nolint:gosec // a run can be repeated
	}
	t.reads = t.random.IntN(2) == 0
	t.page = page.New(func(step page.Step) { p.world.rec.See(t.name, step) })
	if conversation != "" {
		t.page.Show(first.Log, nil)
	}
	t.page.ShowList(first.Rows)
	t.page.Total = first.Total
	for _, work := range []func(){t.connect, t.drain, t.poll, t.acknowledge} {
		t.running.Go(work)
	}
	return t
}

// close ends the tab as closing a window does.
func (t *tab) close() {
	t.cancel()
	t.mu.Lock()
	if t.conn != nil {
		_ = t.conn.Close()
	}
	t.mu.Unlock()
	t.running.Wait()
}

// connect keeps a socket standing, as link.js does.
func (t *tab) connect() {
	attempt := 0
	for t.ctx.Err() == nil {
		stood, code := t.live()
		if code == websocket.ClosePolicyViolation && t.ctx.Err() == nil {
			t.person.world.problem("%s was logged out", t.name)
			return
		}
		if stood >= good {
			attempt = 0
		}
		sleep(t.ctx, t.backoff(attempt))
		attempt++
	}
}

// backoff is backoff.js.
func (t *tab) backoff(attempt int) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	return time.Duration(t.random.Float64() * float64(min(8*time.Second, 2*time.Second<<min(attempt, 10))))
}

// live dials, and reads until the socket ends. It says how long it stood, and the code it ended with.
func (t *tab) live() (stood time.Duration, code int) {
	address := t.person.line.addr()
	dialer := websocket.Dialer{HandshakeTimeout: greeting, Jar: t.person.cookies}
	conn, response, err := dialer.DialContext(t.ctx, "ws://"+address+"/ws", http.Header{"Origin": {"http://" + address}})
	if err != nil {
		if response != nil && response.StatusCode == http.StatusUnauthorized {
			t.person.world.problem("%s is refused a socket: not logged in", t.name)
		}
		return 0, 0
	}
	defer context.AfterFunc(t.ctx, func() { _ = conn.Close() })() // also where it has ended while this dialled
	t.mu.Lock()
	t.conn = conn
	t.mu.Unlock()
	defer func() {
		_ = conn.Close()
		t.mu.Lock()
		defer t.mu.Unlock()
		if t.standing {
			t.down = time.Now()
		}
		t.conn, t.standing = nil, false
		t.codes[code]++
	}()
	var rose time.Time
	_ = conn.SetReadDeadline(time.Now().Add(greeting))
	for {
		_, data, err := conn.ReadMessage()
		if err != nil {
			var closed *websocket.CloseError
			if errors.As(err, &closed) {
				code = closed.Code
			}
			if !rose.IsZero() {
				stood = time.Since(rose)
			}
			return stood, code
		}
		t.person.world.rec.Receive(t.person.id, data)
		frame, err := page.Decode(data)
		if err != nil {
			t.person.world.problem("%s was sent what is no frame: %v", t.name, err)
			continue
		}
		t.tell(frame)
		if frame.Type == "hello" {
			rose = time.Now()
			t.up()
		}
		_ = conn.SetReadDeadline(time.Now().Add(silence))
		if rose.IsZero() {
			continue
		}
		t.receive(frame)
	}
}

// tell notes what is said of receipts, for whatever conversation.
func (t *tab) tell(frame page.Frame) {
	if frame.Type == "receipts" {
		t.person.world.rec.Tell(t.person.id, frame.Conversation, frame.Runs)
	}
}

func (t *tab) up() {
	t.mu.Lock()
	t.standing, t.polling = true, false
	t.rose++
	t.acked = 0 // what was said before may not have arrived
	t.mu.Unlock()
	t.sendOpen()
	nudge(t.risen)
}

func nudge(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// receive takes a frame and does what follows.
func (t *tab) receive(frame page.Frame) {
	t.mu.Lock()
	if t.ctx.Err() != nil {
		t.mu.Unlock()
		return
	}
	do, err := t.page.Receive(frame, time.Now())
	t.mu.Unlock()
	if err != nil {
		t.person.world.problem("%s cannot read a frame: %v", t.name, err)
	}
	switch do {
	case page.Ask:
		t.sendOpen()
	case page.Reload:
		t.reset()
	case page.Leave:
		t.cancel()
		t.mu.Lock()
		if t.conn != nil {
			_ = t.conn.Close()
		}
		t.mu.Unlock()
		t.person.left(t)
	}
}

// fetch begins to fetch the conversation anew.
func (t *tab) fetch() { t.begin(t.load) }

// reset begins to fetch the conversation anew because the server says so: as the page does, more slowly each time.
func (t *tab) reset() {
	t.begin(func() {
		t.hesitate()
		t.load()
	})
}

func (t *tab) begin(fetching func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ctx.Err() == nil && t.conversation != "" {
		t.reloading++
		t.running.Go(fetching)
	}
}

// hesitate waits as long as the page does before it follows one more reset.
func (t *tab) hesitate() {
	t.mu.Lock()
	t.resets = slices.DeleteFunc(t.resets, func(at time.Time) bool { return time.Since(at) >= resetsWithin })
	count := len(t.resets)
	t.mu.Unlock()
	sleep(t.ctx, again(count))
	t.mu.Lock()
	t.resets = append(t.resets, time.Now())
	t.mu.Unlock()
}

// load fetches the conversation anew.
func (t *tab) load() {
	defer func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.reloading--
	}()
	t.mu.Lock()
	known := t.page.Known()
	t.mu.Unlock()
	a, err := t.person.get(t.ctx, "/conversations/"+t.conversation, true)
	if err != nil || a.status != http.StatusOK || a.content.Log == nil {
		sleep(t.ctx, askAgain)
		t.sendOpen()
		return
	}
	t.mu.Lock()
	if t.ctx.Err() == nil {
		t.page.Show(a.content.Log, known)
	}
	t.mu.Unlock()
	t.sendOpen()
}

// again is backoff.js'.
func again(count int) time.Duration {
	if count < 2 {
		return 0
	}
	return min(resetAgain, 500*time.Millisecond<<min(count-2, 10))
}

// say sends a frame if the socket stands.
func (t *tab) say(frame any) {
	t.mu.Lock()
	conn, standing := t.conn, t.standing
	t.mu.Unlock()
	if !standing {
		return
	}
	t.writing.Lock()
	defer t.writing.Unlock()
	_ = conn.SetWriteDeadline(time.Now().Add(10 * time.Second))
	_ = conn.WriteJSON(frame) // the reader notices
}

func (t *tab) sendOpen() {
	t.mu.Lock()
	log := t.page.Log
	if log == nil {
		t.mu.Unlock()
		return
	}
	open := map[string]any{
		"type": "open", "conversation": log.Conversation, "epoch": log.Epoch, "after": log.Change, "view": log.View, "at": log.At,
	}
	t.mu.Unlock()
	t.say(open)
}

// poll asks for changes while there is no socket, as poll.js does.
func (t *tab) poll() {
	for t.ctx.Err() == nil {
		sleep(t.ctx, pollEvery)
		t.mu.Lock()
		log, due := t.page.Log, !t.standing && time.Since(t.down) >= pollAfter
		var path string
		if log != nil {
			path = "/conversations/" + log.Conversation + "/changes?" + url.Values{
				"after": {strconv.FormatInt(log.Change, 10)}, "epoch": {log.Epoch},
				"view": {strconv.FormatInt(log.View, 10)}, "at": {strconv.FormatInt(log.At, 10)},
			}.Encode()
		}
		t.mu.Unlock()
		if !due || log == nil || t.ctx.Err() != nil {
			continue
		}
		a, err := t.person.get(t.ctx, path, true)
		switch {
		case err == nil && a.status == http.StatusNotFound:
			t.receive(page.Frame{Type: "closed", Conversation: log.Conversation})
		case err == nil && a.status == http.StatusOK:
			for _, frame := range a.content.Frames {
				t.tell(frame)
				t.receive(frame)
			}
			t.mu.Lock()
			t.polling = !t.standing
			t.mu.Unlock()
		}
	}
}

// acknowledge says once a second how far the page has come.
func (t *tab) acknowledge() {
	for t.ctx.Err() == nil {
		sleep(t.ctx, time.Second)
		t.mu.Lock()
		log := t.page.Log
		var position map[string]int64
		if log != nil && t.standing && len(log.Messages) > 0 {
			last := log.Messages[len(log.Messages)-1]
			if last.Seq > t.acked && last.Change <= log.Change {
				t.acked = last.Seq
				position = map[string]int64{"delivered": last.Seq}
				if t.reads {
					position["read"] = last.Seq
				}
			}
		}
		t.mu.Unlock()
		if position != nil {
			t.say(map[string]any{"type": "ack", "positions": map[string]any{t.conversation: position}})
		}
	}
}

// write puts a message into the outbox.
func (t *tab) write() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ctx.Err() != nil || !t.page.Log.Writable {
		return
	}
	send := t.person.world.rec.Invoke(t.name, t.person.id, t.conversation, uuid.NewString())
	t.queue = append(t.queue, &entry{send: send, body: history.Text(send.N) + filler[t.random.IntN(len(filler))]})
	t.page.Await(send.Client)
	nudge(t.wake)
}

// filler makes texts of different length.
var filler = []string{"", " and so on", " " + strings.Repeat("a longer thought ", 6), "\nin two lines", " — 你好, שלום"}

// drain is outbox.js: one message at a time and in order, each with its id until there is an answer. It outlives its page:
// what is written is sent, also after its tab has left.
func (t *tab) drain() {
	ctx := t.person.world.ctx
	for {
		t.mu.Lock()
		var e *entry
		if len(t.queue) > 0 {
			e = t.queue[0]
		}
		t.mu.Unlock()
		if e == nil {
			select {
			case <-t.wake:
				continue
			case <-t.ctx.Done():
				t.mu.Lock()
				empty := len(t.queue) == 0
				t.mu.Unlock()
				if empty {
					return
				}
				continue
			}
		}
		t.deliver(ctx, e)
		if ctx.Err() != nil {
			return
		}
		t.mu.Lock()
		t.queue = t.queue[1:]
		t.mu.Unlock()
	}
}

// deliver posts until there is an answer.
func (t *tab) deliver(ctx context.Context, e *entry) {
	rec := t.person.world.rec
	for tries := 0; ctx.Err() == nil; {
		a, err := t.person.ask(ctx, http.MethodPost, "/conversations/"+t.conversation+"/messages",
			url.Values{"body": {e.body}, "client_id": {e.send.Client}}, true)
		switch {
		case err == nil && a.status == http.StatusOK && len(a.content.Messages) == 1:
			m := a.content.Messages[0]
			rec.Acknowledge(e.send, m.ID, m.Seq)
			t.mu.Lock()
			if t.ctx.Err() == nil {
				t.page.Apply([]page.Message{m})
			}
			t.mu.Unlock()
			return
		case err == nil && (a.status == http.StatusTooManyRequests || a.status == http.StatusServiceUnavailable):
			sleep(ctx, retryAfter(a.header))
		case err != nil || a.status >= 500 || a.status == http.StatusRequestTimeout || a.status == http.StatusOK:
			if ctx.Err() != nil {
				return
			}
			rec.Lose(e.send, fmt.Sprint(a.status, " ", err))
			t.pause(ctx, t.backoff(tries))
			tries++
		default:
			rec.Fail(e.send, a.status)
			if a.status == http.StatusUnauthorized || a.status == http.StatusConflict {
				t.person.world.problem("send %d of %s was answered with %d", e.send.N, t.name, a.status)
			}
			t.mu.Lock()
			if t.ctx.Err() == nil {
				t.page.Refuse(e.send.Client)
			}
			t.mu.Unlock()
			return
		}
	}
}

// pause waits; a new connection ends it.
func (t *tab) pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-t.risen:
	case <-time.After(d):
	}
}

// retryAfter is send.js'.
func retryAfter(h http.Header) time.Duration {
	seconds, err := strconv.Atoi(strings.TrimSpace(h.Get("Retry-After")))
	if err != nil {
		return 2 * time.Second
	}
	return time.Duration(max(1, seconds)) * time.Second
}

// state is what the harness asks of a tab.
type state struct {
	standing, polling bool
	reloading         bool
	rose              int
	change            int64
	open              bool
	writable          bool // not so for who only looks back at a group
	queued            int
}

func (t *tab) state() state {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := state{standing: t.standing, polling: t.polling, rose: t.rose, reloading: t.reloading > 0, open: t.ctx.Err() == nil, queued: len(t.queue)}
	if t.page.Log != nil {
		s.change, s.writable = t.page.Log.Change, t.page.Log.Writable
	}
	return s
}

// rows is the tab's list.
func (t *tab) rows() (map[string]page.Row, int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return maps.Clone(t.page.Rows), t.page.Total
}

// scrollUp reads older history until the conversation's beginning.
func (t *tab) scrollUp(ctx context.Context) error {
	for {
		t.mu.Lock()
		more, before := t.page.Log.HasOlder, t.page.Log.First
		t.mu.Unlock()
		if !more {
			return nil
		}
		older, err := t.person.older(ctx, t.conversation, before)
		if err != nil {
			return err
		}
		t.mu.Lock()
		t.page.ShowOlder(*older)
		t.mu.Unlock()
	}
}

func (t *tab) messages() []page.Message {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]page.Message{}, t.page.Log.Messages...)
}
