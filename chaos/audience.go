//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// audience is many sockets of people who only listen: what they cost is the coming and going. They come back by the page's
// rule.
type audience struct {
	world  *world
	cancel context.CancelFunc
	ctx    context.Context
	all    sync.WaitGroup

	mu      sync.Mutex
	now     chan struct{} // closed: nobody waits long before dialling
	sockets int
	stand   int
	conns   map[*websocket.Conn]struct{}
	rose    []time.Time
	ended   []ending
}

// ending is one socket's.
type ending struct {
	at   time.Time
	code int
}

// perListener is how many tabs one of them has open.
const perListener = 20

// invite makes so many sockets, which begin to dial. Their people are made once.
func (w *world) invite(ctx context.Context, sockets int) (*audience, error) {
	for i := len(w.listeners); i*perListener < sockets; i++ {
		p, err := w.join(ctx, fmt.Sprintf("listener%d", i))
		if err != nil {
			return nil, err
		}
		w.listeners = append(w.listeners, p)
	}
	a := &audience{world: w, sockets: sockets, conns: map[*websocket.Conn]struct{}{}, now: make(chan struct{})}
	a.ctx, a.cancel = context.WithCancel(w.ctx)
	for i := range sockets {
		p := w.listeners[i/perListener]
		random := rand.New(rand.NewPCG(w.options.seed, uint64(i)+1000)) //nolint:gosec // a run can be repeated
		a.all.Go(func() { a.listen(p, random) })
	}
	return a, nil
}

func (a *audience) listen(p *person, random *rand.Rand) {
	address := p.line.addr()
	now := a.now // nil when it has been heeded: who is sent away then comes back by the page's rule
	for attempt := 0; a.ctx.Err() == nil; attempt++ {
		select {
		case <-a.ctx.Done():
			return
		case <-now:
			now, attempt = nil, 0
			sleep(a.ctx, time.Duration(random.Float64()*float64(time.Second)))
		case <-time.After(time.Duration(random.Float64() * float64(min(8*time.Second, 2*time.Second<<min(attempt, 4))))):
		}
		dialer := websocket.Dialer{HandshakeTimeout: greeting, Jar: p.cookies}
		conn, response, err := dialer.DialContext(a.ctx, "ws://"+address+"/ws", http.Header{"Origin": {"http://" + address}})
		if err != nil {
			if response != nil && response.StatusCode == http.StatusUnauthorized {
				a.world.problem("%s is refused a socket: not logged in", p.name)
			}
			sleep(a.ctx, 100*time.Millisecond)
			continue
		}
		if a.read(conn) {
			attempt = 0
		}
	}
}

// read reads until the end, and says whether the socket stood.
func (a *audience) read(conn *websocket.Conn) (stood bool) {
	defer context.AfterFunc(a.ctx, func() { _ = conn.Close() })() // also where it has ended while this dialled
	a.mu.Lock()
	a.conns[conn] = struct{}{}
	a.mu.Unlock()
	defer func() {
		_ = conn.Close()
		a.mu.Lock()
		defer a.mu.Unlock()
		delete(a.conns, conn)
		if stood {
			a.stand--
		}
	}()
	_ = conn.SetReadDeadline(time.Now().Add(greeting))
	for {
		_, data, err := conn.ReadMessage()
		if err != nil {
			var closed *websocket.CloseError
			code := 0
			if errors.As(err, &closed) {
				code = closed.Code
			}
			if stood && a.ctx.Err() == nil {
				a.mu.Lock()
				a.ended = append(a.ended, ending{time.Now(), code})
				a.mu.Unlock()
			}
			return stood
		}
		_ = conn.SetReadDeadline(time.Now().Add(silence))
		if !stood && strings.Contains(string(data), `"type":"hello"`) {
			stood = true
			a.mu.Lock()
			a.stand++
			a.rose = append(a.rose, time.Now())
			a.mu.Unlock()
		}
	}
}

// hurry lets all of them dial within a second.
func (a *audience) hurry() {
	a.mu.Lock()
	defer a.mu.Unlock()
	close(a.now)
}

func (a *audience) standing(ctx context.Context, patience time.Duration) error {
	return until(ctx, patience, func(context.Context) error {
		a.mu.Lock()
		defer a.mu.Unlock()
		if a.stand < a.sockets {
			return fmt.Errorf("%d of %d sockets stand", a.stand, a.sockets)
		}
		return nil
	})
}

// codesSince are the closing codes of the sockets that ended since a moment.
func (a *audience) codesSince(since time.Time) map[int]int {
	a.mu.Lock()
	defer a.mu.Unlock()
	codes := map[int]int{}
	for _, end := range a.ended {
		if end.at.After(since) {
			codes[end.code]++
		}
	}
	return codes
}

// returnedOver is the time between the first and the last socket that has come since a moment.
func (a *audience) returnedOver(since time.Time) time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	came := slices.DeleteFunc(slices.Clone(a.rose), func(at time.Time) bool { return at.Before(since) })
	if len(came) == 0 {
		return 0
	}
	return slices.MaxFunc(came, time.Time.Compare).Sub(slices.MinFunc(came, time.Time.Compare))
}

func (a *audience) leave() {
	a.cancel()
	a.mu.Lock()
	for conn := range a.conns {
		_ = conn.Close()
	}
	a.mu.Unlock()
	a.all.Wait()
}
