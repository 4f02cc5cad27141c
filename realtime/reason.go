package realtime

import "github.com/olahol/melody"

// Reason says why the server ends a socket; the page decides by the code whether to come back.
type Reason struct {
	Name string // for the log and the metrics
	Code int    // RFC 6455, 7.4
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
)
