package realtime

import (
	"errors"

	"github.com/gorilla/websocket"
	"github.com/olahol/melody"
)

// Reason says why a socket ends. Where the server ends it, the page decides by the code whether to come back.
type Reason struct {
	Name string // for the log and the metrics
	Code int    // RFC 6455, 7.4; 1006 where nobody says one
}

// The reasons.
var (
	// ClosedRestart: the server stops or makes room. The page comes back at once, spread.
	ClosedRestart = Reason{"restart", melody.CloseServiceRestart}
	// ClosedRevoked: the session is over. The page goes to the login and does not come back.
	ClosedRevoked = Reason{"revoked", melody.ClosePolicyViolation}
	// ClosedSlow: the reader did not keep up with its bounded queue. The page comes back and resumes from its cursor:
	// a hole in the stream would be wrong for good, a reconnection is right in a second. The connection is cut
	// without a word, because there is no room for one.
	ClosedSlow = Reason{"slow", melody.CloseTryAgainLater}
	// ClosedFlood: the page, or all pages of the person together, sent more frames than pages do.
	ClosedFlood = Reason{"flood", melody.CloseTryAgainLater}
	// ClosedFailed: the database did not answer what the page asked. The connection is cut, and the page comes back.
	ClosedFailed = Reason{"failed", melody.CloseAbnormalClosure}
	// ClosedLarge: a frame of the page was larger than frames may be.
	ClosedLarge = Reason{"large", melody.CloseMessageTooBig}
	// ClosedLeft: the page said that it goes.
	ClosedLeft = Reason{"left", melody.CloseGoingAway}
	// ClosedLost: the connection broke, or nothing was heard of the page for as long as Timing.Pong.
	ClosedLost = Reason{"lost", melody.CloseAbnormalClosure}
)

// Reasons lists every reason.
func Reasons() []Reason {
	return []Reason{
		ClosedRestart, ClosedRevoked, ClosedSlow, ClosedFlood, ClosedFailed, ClosedLarge, ClosedLeft, ClosedLost,
	}
}

// endedBy is why a socket has ended that nobody here ended.
func endedBy(err error) Reason {
	switch {
	case errors.Is(err, websocket.ErrReadLimit):
		return ClosedLarge
	case websocket.IsCloseError(err, websocket.CloseNormalClosure, websocket.CloseGoingAway, websocket.CloseNoStatusReceived):
		return ClosedLeft
	}
	return ClosedLost
}
