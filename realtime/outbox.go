package realtime

import (
	"sync"

	"github.com/olahol/melody"
)

// Bounds of what waits for one reader. melody makes the room for its queue in advance, 48 bytes for each frame, at every
// socket: so only a few frames are handed to it at a time, and the rest waits here, where there is room only while it is used.
const (
	handedFrames   = 8
	maxQueueFrames = 256
	maxQueueBytes  = 1 << 20
)

// outbox is what is on its way to a page, in order.
type outbox struct {
	session *melody.Session

	mu      sync.Mutex
	bytes   int // of the frames handed to melody and of those that wait
	handed  int
	waiting [][]byte
	closing []byte // the closing frame, until it is handed on
	closed  bool   // nothing comes behind it
}

// put queues a frame, which may be shared with others. It says whether there was room.
func (o *outbox) put(frame []byte) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.closed:
		return true
	case o.bytes+len(frame) > maxQueueBytes, o.handed+len(o.waiting) >= maxQueueFrames:
		return false
	}
	o.bytes += len(frame)
	o.waiting = append(o.waiting, frame)
	o.handLocked()
	return true
}

// written makes room for the next one: that frame has gone to the connection.
func (o *outbox) written(frame []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.bytes -= len(frame)
	o.handed--
	o.handLocked()
}

// close lets the connection end behind what is queued.
func (o *outbox) close(closing []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.closed {
		o.closed, o.closing = true, closing
		o.handLocked()
	}
}

// handLocked hands on as much as may be. What melody says of it is only that the connection has closed; its end is handled
// where it ends.
func (o *outbox) handLocked() {
	for len(o.waiting) > 0 && o.handed < handedFrames {
		_ = o.session.Write(o.waiting[0])
		o.waiting[0] = nil
		o.waiting = o.waiting[1:]
		o.handed++
	}
	if len(o.waiting) > 0 {
		return
	}
	o.waiting = nil
	if o.closing != nil {
		_ = o.session.CloseWithMsg(o.closing)
		o.closing = nil
	}
}
