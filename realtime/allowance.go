package realtime

import (
	"sync"
	"time"

	"golang.org/x/time/rate"

	"parley/chat"
)

// Bounds of one person on this node, with all sockets together. They hold wherever limits do, see [chat.Settings].
const (
	maxSockets = 50

	// Twenty busy pages, or all of them coming back at once.
	personFrameRate  = 100
	personFrameBurst = 400

	// Opening a conversation, or a socket, asks the database several times. A page does so when its person goes on to
	// another conversation, and all of them do when the server has restarted.
	openRate  = 10
	openBurst = 200

	// retrySocket is when somebody whose socket was refused may come back.
	retrySocket = 15 * time.Second
)

// allowance is what is left to one person. It belongs to the person and not to a socket, so that many sockets are not worth
// many times as much, and stays for a while after the last of them, so that new ones are not either.
type allowance struct {
	sockets int // under the lock of allowances; those that are still to begin count
	frames  *rate.Limiter
	opens   *rate.Limiter
}

func (a *allowance) idle(now time.Time) bool {
	return a.sockets == 0 && a.frames.TokensAt(now) >= personFrameBurst && a.opens.TokensAt(now) >= openBurst
}

// frame takes one frame, of whatever type.
func (a *allowance) frame() bool { return a == nil || a.frames.Allow() }

// open takes one opening.
func (a *allowance) open() bool { return a == nil || a.opens.Allow() }

// allowances are those of everybody who has a socket here or had one a moment ago.
type allowances struct {
	mu sync.Mutex
	of map[chat.ID]*allowance
}

func newAllowances() *allowances { return &allowances{of: map[chat.ID]*allowance{}} }

// enter takes a place for one more socket of a person's, until leave gives it back; nil where there is none.
func (a *allowances) enter(person chat.ID) *allowance {
	a.mu.Lock()
	defer a.mu.Unlock()
	mine := a.of[person]
	if mine == nil {
		mine = &allowance{
			frames: rate.NewLimiter(personFrameRate, personFrameBurst), opens: rate.NewLimiter(openRate, openBurst),
		}
		a.of[person] = mine
	}
	if mine.sockets >= maxSockets || !mine.open() {
		return nil
	}
	mine.sockets++
	return mine
}

func (a *allowances) leave(mine *allowance) {
	a.mu.Lock()
	defer a.mu.Unlock()
	mine.sockets--
}

// forget drops those that are whole again, of people without a socket.
func (a *allowances) forget(now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for person, mine := range a.of {
		if mine.idle(now) {
			delete(a.of, person)
		}
	}
}
