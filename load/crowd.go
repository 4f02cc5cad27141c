//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"parley/chaos/page"
	"parley/chaos/process"
)

// atOnce is how many sockets are dialled at the same time.
const atOnce = 64

// seat is an open page: a socket and, where a conversation is open in it, its place there.
type seat struct {
	*socket
	number       int
	guest        guest
	conversation string
	side         int // which of the two of a direct conversation

	stands, resumed chan struct{}
	once            struct{ stands, resumed sync.Once }

	// Touched by the socket's reader alone.
	window int
	seen   seen

	last  atomic.Int64 // the newest message that it was brought
	acked int64        // and that it has said to have got; touched by acknowledge alone
}

// hall is all open pages of a scenario.
type hall struct {
	addr  string
	seats []*seat
	now   atomic.Pointer[board] // of the present window, if there is one

	ear   atomic.Pointer[ear] // who hears of signs, if anybody does
	stood func(*seat)         // is told of each that fill seats; or nil

	frames, bytes atomic.Int64 // with messages: how many, and how long together
}

// ear hears what a seat is brought of others' writing and presence. The text holds only during the call.
type ear func(s *seat, text []byte, at time.Time)

// takes hands a text to whom it concerns. A send counts as received where its author sits on another side.
func (h *hall) takes(s *seat, text []byte, at time.Time) {
	switch {
	case is(text, isChanges):
		h.changes(s, text, at)
	case is(text, isHello):
		s.once.stands.Do(func() { close(s.stands) })
	case is(text, isResumed):
		s.once.resumed.Do(func() { close(s.resumed) })
	case is(text, isTyping), is(text, isPresence):
		if ear := h.ear.Load(); ear != nil {
			(*ear)(s, text, at)
		}
	}
}

func (h *hall) changes(s *seat, text []byte, at time.Time) {
	if seq := lastSeq(text); seq > s.last.Load() {
		s.last.Store(seq)
	}
	b := h.now.Load()
	if b == nil {
		return
	}
	if s.window != b.number {
		s.window, s.seen = b.number, nil
	}
	marks(text, b.number, func(n int) {
		if b.skip != nil && b.skip(n, s) {
			return
		}
		b.receive(n, s.seen.add(n), at)
	})
	h.frames.Add(1)
	h.bytes.Add(int64(len(text)))
}

// lastSeq is the number of the last message in a frame; 0 if there is none.
func lastSeq(text []byte) int64 {
	begin := []byte(`data-seq=\"`)
	i := bytes.LastIndex(text, begin)
	if i < 0 {
		return 0
	}
	text = text[i+len(begin):]
	end := bytes.IndexByte(text, '\\')
	if end < 0 {
		return 0
	}
	n, _ := strconv.ParseInt(string(text[:end]), 10, 64) // a number, or nothing
	return n
}

// sit dials, and waits for the greeting.
func (h *hall) sit(ctx context.Context, number int, path string, who guest) (s *seat, upgraded, stands time.Duration, err error) {
	s = &seat{number: number, guest: who, stands: make(chan struct{}), resumed: make(chan struct{})}
	began := time.Now()
	if s.socket, err = dial(ctx, number, h.addr, path, who.cookie); err != nil {
		return nil, 0, 0, err
	}
	upgraded = time.Since(began)
	go s.listen(func(text []byte, at time.Time) { h.takes(s, text, at) })
	select {
	case <-s.stands:
		return s, upgraded, time.Since(began), nil
	case <-s.ended:
		err = fmt.Errorf("a socket was closed before it was greeted (%d)", s.code.Load())
	case <-time.After(patience):
		err = errors.New("a socket was never greeted")
	case <-ctx.Done():
		err = ctx.Err()
	}
	s.close()
	return nil, 0, 0, err
}

// fill dials until there are so many, 64 at once. It notes how long each took, and how many came in vain.
func (h *hall) fill(ctx context.Context, to int, how func(n int) (path string, who guest), upgrade, establish *times, progress func(n int)) (failed int, err error) {
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for n := len(h.seats); n < to; n++ {
		group.Go(func() error {
			path, who := how(n)
			s, upgraded, stands, err := h.sit(ctx, n, path, who)
			if err == nil && h.stood != nil {
				h.stood(s)
			}
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				failed++
				if failed > max(10, to/100) {
					return err
				}
				return nil
			}
			upgrade.add(upgraded)
			establish.add(stands)
			h.seats = append(h.seats, s)
			progress(len(h.seats))
			return nil
		})
	}
	return failed, group.Wait()
}

// leave closes all sockets.
func (h *hall) leave() {
	for _, s := range h.seats {
		s.close()
	}
	for _, s := range h.seats {
		<-s.ended
	}
	h.seats = nil
}

// open lets a seat fetch the conversation's page, and follow it from there.
func (h *hall) open(ctx context.Context, c *caller, s *seat, conversation string) error {
	a, err := c.do(ctx, request{method: http.MethodGet, path: "/conversations/" + conversation, cookie: s.guest.cookie, keep: true})
	if err != nil {
		return err
	}
	content, err := page.Parse(a.body)
	if err != nil {
		return err
	}
	log := content.Log
	if a.status != http.StatusOK || log == nil || !log.Writable {
		return fmt.Errorf("the page of conversation %s is answered with %d", conversation, a.status)
	}
	s.conversation = conversation
	if err := s.say(fmt.Sprintf(`{"type":"open","conversation":%q,"epoch":%q,"after":%d,"view":%d,"at":%d}`,
		conversation, log.Epoch, log.Change, log.View, log.At)); err != nil {
		return err
	}
	select {
	case <-s.resumed:
		return nil
	case <-s.ended:
		return errors.New("the socket ended")
	case <-time.After(patience):
		return fmt.Errorf("conversation %s is not resumed", conversation)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// place is a seat that is to be taken: somebody in a conversation.
type place struct {
	who          guest
	conversation string
	side         int
}

// take takes all places, sixteen at once.
func (h *hall) take(ctx context.Context, places []place, progress func(n int)) error {
	h.seats = make([]*seat, len(places))
	var done atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(16)
	for i, p := range places {
		group.Go(func() (err error) {
			if h.seats[i], err = h.settle(ctx, i, p); err == nil {
				progress(int(done.Add(1)))
			}
			return err
		})
	}
	return group.Wait()
}

func (h *hall) settle(ctx context.Context, n int, p place) (*seat, error) {
	s, _, _, err := h.sit(ctx, n, "/ws", p.who)
	if err != nil {
		return nil, err
	}
	s.side = p.side
	c := &caller{addr: h.addr}
	defer c.close()
	if err := h.open(ctx, c, s, p.conversation); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// mend takes the places anew whose sockets have ended, and says how many there were.
func (h *hall) mend(ctx context.Context, places []place) (mended int, err error) {
	for i, s := range h.seats {
		select {
		case <-s.ended:
			mended++
			if h.seats[i], err = h.settle(ctx, i, places[i]); err != nil {
				h.seats[i] = s
				return mended, err
			}
		default:
		}
	}
	return mended, nil
}

// acknowledge says for each page once a second what it has got and what was seen, as pages do, until ctx ends.
func (h *hall) acknowledge(ctx context.Context) {
	const round, pieces = time.Second, 50
	for turn := 0; ctx.Err() == nil; turn = (turn + 1) % pieces {
		for i := turn; i < len(h.seats); i += pieces {
			s := h.seats[i]
			if last := s.last.Load(); last > s.acked {
				s.acked = last
				position := strconv.FormatInt(last, 10)
				_ = s.say(`{"type":"ack","positions":{"` + s.conversation + `":{"delivered":` + position + `,"read":` + position + `}}}`) // its end is noticed elsewhere
			}
		}
		process.Sleep(ctx, round/pieces)
	}
}

// received is how many bytes each socket was sent so far, on average.
func (h *hall) received() float64 {
	sum := int64(0)
	for _, s := range h.seats {
		sum += s.got.Load()
	}
	return float64(sum) / float64(max(1, len(h.seats)))
}

// frame is how long a frame with a message is, on average.
func (h *hall) frame() int { return int(h.bytes.Load() / max(1, h.frames.Load())) }

// conversationOf is the conversation that an answer leads to.
func conversationOf(location string) string {
	id, _, _ := strings.Cut(strings.TrimPrefix(location, "/conversations/"), "/")
	id, _, _ = strings.Cut(id, "?")
	return id
}
