package realtime

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"runtime/debug"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
	"github.com/olahol/melody"
	"golang.org/x/time/rate"

	"parley/chat"
)

// Bounds of one socket.
const (
	maxFrameBytes = 16 << 10 // of what a page sends
	maxPositions  = 200      // conversations in one ack

	// A busy page sends some two frames a second: one ack, one typing.
	frameRate  = 20
	frameBurst = 60

	// A page says where it stands once a second at most. What a line held back comes together, and all of it counts: nothing
	// says it once more as long as the socket stands.
	ackRate  = 1
	ackBurst = frameBurst
)

// Socket is one open page.
type Socket struct {
	hub     *Hub
	out     outbox
	viewer  chat.Viewer
	stands  chan struct{} // closed when it is connected
	limit   *rate.Limiter
	acks    *rate.Limiter
	person  *allowance             // shared with the person's other sockets; nil without limits
	settled atomic.Bool            // it has the list it came for
	ended   atomic.Pointer[Reason] // why, once it is so; the first one counts
	gone    sync.Once              // its end is noted once
	marked  atomic.Pointer[mark]   // the frame whose way to the connection is measured, one at a time
	arrived string                 // how the page is used, as its address says
	use     *use                   // the same since then; guarded by the roster
	shown   shown                  // whom the page shows; guarded by what watches

	mu       sync.Mutex
	visit    int64         // grows with each open and leave: a slow open notices that the page has gone on
	sub      *subscription // the open conversation, if any
	past     *chat.Member  // or the one that is looked back at: its person was in it once, and nothing of it is pushed
	lastUsed time.Time
}

func newMelody(h *Hub) *melody.Melody {
	m := melody.New()
	m.Upgrader.CheckOrigin = nil // gorilla's own rule: the page's origin only; melody's would take any
	m.Upgrader.ReadBufferSize, m.Upgrader.WriteBufferSize = 1024, 4096
	m.Upgrader.WriteBufferPool = &sync.Pool{}
	m.Upgrader.Error = func(w http.ResponseWriter, _ *http.Request, status int, reason error) {
		http.Error(w, reason.Error(), status)
	}
	m.Config.PingPeriod, m.Config.PongWait = h.timing.Ping, h.timing.Pong
	m.Config.MaxMessageSize = maxFrameBytes
	m.Config.MessageBufferSize = handedFrames + 1 // and the closing one
	m.HandleConnect(h.connect)
	m.HandleDisconnect(func(session *melody.Session) {
		if s := socketOf(session); s != nil {
			h.disconnected(s)
		}
	})
	m.HandleMessage(func(session *melody.Session, message []byte) {
		if s := socketOf(session); s != nil {
			s.receive(message)
		}
	})
	m.HandleSentMessage(func(session *melody.Session, message []byte) {
		if s := socketOf(session); s != nil {
			s.out.written(message)
			s.written(message)
		}
	})
	m.HandleError(func(session *melody.Session, err error) {
		s := socketOf(session)
		switch {
		case s == nil, errors.Is(err, melody.ErrWriteClosed):
		default:
			s.end(endedBy(err))
		}
	})
	return m
}

const socketKey = "socket"

func socketOf(session *melody.Session) *Socket {
	// Its keys are those it began with, so no lock is needed; Get takes one for each frame.
	socket, _ := session.Keys[socketKey].(*Socket)
	return socket
}

// ServeSocket turns the request of a logged-in page into its socket, and returns when that stands: so net/http lets go of
// all that it holds for a request, which is more than the socket itself needs. Whom it cannot take now it
// answers by 503 with Retry-After, and by 429 somebody who has enough sockets. A page is not told by its browser why a
// socket was refused, and may ask by HEAD.
func (h *Hub) ServeSocket(w http.ResponseWriter, r *http.Request, viewer chat.Viewer) {
	if wait := h.Crowded(); wait > 0 {
		sendAway(w, wait)
		return
	}
	if r.Method == http.MethodHead { // anything else than a success the browser would complain of
		w.WriteHeader(http.StatusNoContent)
		return
	}
	if !websocket.IsWebSocketUpgrade(r) {
		w.Header().Set("Upgrade", "websocket")
		http.Error(w, "a socket is asked for by an upgrade", http.StatusUpgradeRequired)
		return
	}
	s := &Socket{
		hub: h, viewer: viewer, stands: make(chan struct{}), limit: rate.NewLimiter(frameRate, frameBurst), acks: rate.NewLimiter(ackRate, ackBurst),
		arrived: r.URL.Query().Get("activity"),
	}
	if h.chat.Limited() {
		if s.person = h.allowances.enter(viewer.ID); s.person == nil {
			w.Header().Set("Retry-After", strconv.Itoa(int(retrySocket.Seconds())))
			http.Error(w, "too many sockets", http.StatusTooManyRequests)
			return
		}
	}
	if wait := h.admission.enter(); wait > 0 {
		s.release()
		sendAway(w, wait)
		return
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer h.admission.leave()
		defer s.release()
		defer s.settle()
		defer func() {
			if problem := recover(); problem != nil { // one bad frame never ends the process
				h.log.Error("panic at a socket", "panic", problem, "stack", string(debug.Stack()))
				s.end(ClosedFailed)
				_ = s.out.session.WebsocketConnection().Close()
				h.disconnected(s) // the library does not say so any more
			}
		}()
		if err := h.melody.HandleRequestWithKeys(w, r, map[string]any{socketKey: s}); err != nil {
			h.log.Debug("socket refused", "error", err)
		}
	}()
	select {
	case <-s.stands:
	case <-ended:
	}
}

func (h *Hub) disconnected(s *Socket) {
	s.gone.Do(func() {
		h.unregister(s)
		h.depart(s)
		s.end(ClosedLost)
		h.meter.SocketClosed(*s.ended.Load())
	})
}

// release gives back what the socket takes of its person's share.
func (s *Socket) release() {
	if s.person != nil {
		s.hub.allowances.leave(s.person)
	}
}

func (h *Hub) connect(session *melody.Session) {
	s := socketOf(session)
	s.out.session = session
	session.Request = nil // nobody asks for it any more
	close(s.stands)
	if !h.register(s) {
		s.close(ClosedRestart)
		return
	}
	h.arrive(s)
	// Its request may have read of a change that this node has not heard of: then the person's other pages hear it, too.
	h.hintPerson(s.viewer.ID, s.viewer.ViewSeq)
	h.rows.whole(s.viewer.ID)
}

// send queues a frame.
func (s *Socket) send(f frame) { s.write(f.encode()) }

// write queues a frame that is already encoded, and may be shared with others. A reader who does not keep up is cut
// off.
func (s *Socket) write(encoded []byte) {
	if !s.out.put(encoded) {
		s.overflow()
	}
}

// overflow cuts the connection: no closing frame would come through a queue that is full.
func (s *Socket) overflow() {
	s.hub.meter.QueueOverflowed()
	s.hub.log.Info("socket closed", "reason", ClosedSlow.Name, "person", s.viewer.ID)
	s.cut(ClosedSlow)
}

// settle says that the socket needs nothing more than any other one.
func (s *Socket) settle() {
	if s.settled.CompareAndSwap(false, true) {
		s.hub.admission.settle()
	}
}

func (s *Socket) cut(reason Reason) {
	s.end(reason)
	_ = s.out.session.WebsocketConnection().Close()
}

// end notes why the socket ends, unless that is known already.
func (s *Socket) end(reason Reason) { s.ended.CompareAndSwap(nil, &reason) }

// writeMarked is write for a frame whose way to the connection is measured, if none is under way already: one mark for each
// frame would have to be kept for as long as a slow reader takes.
func (s *Socket) writeMarked(encoded []byte, m *mark) {
	if m != nil {
		s.marked.CompareAndSwap(nil, m)
	}
	s.write(encoded)
}

// written is called when a frame has gone to the connection.
func (s *Socket) written(frame []byte) {
	if m := s.marked.Load(); m != nil && &frame[0] == m.frame {
		s.marked.Store(nil)
		s.hub.meter.MessageWritten(time.Since(m.at))
	}
}

func (s *Socket) close(reason Reason) {
	s.end(reason)
	s.hub.log.Debug("socket closed", "reason", reason.Name, "person", s.viewer.ID)
	s.out.close(melody.FormatCloseMessage(reason.Code, reason.Name))
}

// receive handles one frame of the page. It must not wait for anything: the same goroutine reads pongs. A frame that
// makes no sense is ignored.
func (s *Socket) receive(message []byte) {
	if !s.limit.Allow() || !s.person.frame() {
		s.close(ClosedFlood)
		return
	}
	var in inbound
	if err := json.Unmarshal(message, &in); err != nil {
		s.hub.log.Debug("frame ignored", "person", s.viewer.ID, "error", err)
		return
	}
	if act, known := framesIn[in.Type]; known {
		act(s, in)
	}
}

// framesIn are the frames that a page may send, by their types. Who may send which, and what comes of it, is a row of the
// matrix in matrix_test.go.
var framesIn = map[string]func(*Socket, inbound){
	"open": func(s *Socket, in inbound) {
		if !s.person.open() {
			s.close(ClosedFlood)
			return
		}
		visit := s.nextVisit()
		at := cursor{Epoch: in.Epoch, After: in.After, View: in.View, At: in.At, Drafted: in.Drafted}
		s.hub.spawn(func() { s.hub.meter.Resumed(s.hub.open(s, visit, in.Conversation, at)) })
	},
	"leave":    func(s *Socket, _ inbound) { s.hub.leave(s, s.nextVisit()) },
	"ack":      func(s *Socket, in inbound) { s.acknowledge(in.Positions) },
	"typing":   func(s *Socket, in inbound) { s.typed(in.Stopped) },
	"activity": func(s *Socket, in inbound) { s.act(in.State) },
	"watch":    func(s *Socket, in inbound) { s.hub.watching.watch(s, in.People, time.Now()) },
}

// acknowledge notes positions. Whose conversations they are is found out when they are written.
func (s *Socket) acknowledge(positions map[chat.ID]progress) {
	if len(positions) > maxPositions || !s.acks.Allow() {
		return
	}
	for conversation, p := range positions {
		if p.Delivered >= 0 && p.Read >= 0 {
			s.hub.positions.put(chat.Position{
				PersonID: s.viewer.ID, ConversationID: conversation, Delivered: p.Delivered, Read: p.Read, Marks: p.Marks,
			})
		}
	}
}

// used keeps the session of a page alive that makes no request for weeks.
func (s *Socket) used() {
	s.mu.Lock()
	now := time.Now()
	again := now.Sub(s.lastUsed) < s.hub.timing.Activity
	if !again {
		s.lastUsed = now
	}
	s.mu.Unlock()
	if again {
		return
	}
	s.hub.spawn(func() {
		ctx, cancel := s.hub.queryContext()
		defer cancel()
		if _, err := s.hub.chat.Viewer(ctx, s.viewer.SessionID); chat.KindOf(err) == chat.KindUnauthenticated {
			s.close(ClosedRevoked)
		}
	})
}

func (s *Socket) nextVisit() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.visit++
	return s.visit
}

func (h *Hub) queryContext() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), h.timing.Query)
}
