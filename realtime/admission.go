package realtime

import (
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// The bounds of a node, where [Timing] says nothing else.
const (
	// nodeSockets is how many it holds. At 25 to 30 KiB for a socket that is idle this is half a GiB, and with a proxy in
	// front it needs a third of the descriptors that the service is given (deploy/parley.service).
	nodeSockets = 20_000
	// arrivalsPerCore is how many may come in a second, for each core, and a quarter of that at once. One costs some short
	// statements, a list of up to 100 rows and its drawing, a few milliseconds: so what comes back after a restart takes a
	// third of the machine, and the rest is for those who are in. Of a thousand pages that arrive within a second the last is
	// in after some 10 s at two cores.
	arrivalsPerCore = 100
	// arrivingPart is the part of those who may come in a second that may be arriving at one time, that is, without the list
	// they came for. A machine that serves them in time never holds them up by it; one that is busy lets in only as many as
	// it gets done, and those who are in already do not wait behind them.
	arrivingPart = 3
)

// Whoever is sent away is told a time to come back after. They follow each other, so that those who were sent away
// together do not come back together.
const (
	leastReturn  = 1                // in seconds
	returnSpread = 8                // and the longest wait of a page between two trials
	drainReturn  = 2 * time.Second  // then another node, or this one's successor, is there
	fullReturn   = 30 * time.Second // a full node becomes no emptier within seconds
)

// admission says who may come.
type admission struct {
	most         int64
	arrival      *rate.Limiter
	mostArriving int64
	now          func() time.Time
	held         atomic.Int64 // sockets, those that are just being made included
	arriving     atomic.Int64 // those of them that have no list yet
	sent         atomic.Int64 // how many were sent away
}

func newAdmission(most, arrivals int, now func() time.Time) *admission {
	return &admission{
		most: int64(most), mostArriving: int64(max(arrivals/arrivingPart, 1)), now: now,
		arrival: rate.NewLimiter(rate.Limit(arrivals), max(arrivals/4, 1)),
	}
}

// open lets in as many at once as there is room for.
func (a *admission) open() {
	a.arrival.SetLimit(rate.Inf)
	a.mostArriving = a.most
}

// crowded says how long whoever wants a socket should stay away; 0 if one more may come. It takes nothing.
func (a *admission) crowded() time.Duration {
	if a.held.Load() >= a.most {
		return fullReturn
	}
	if a.arriving.Load() >= a.mostArriving || a.arrival.TokensAt(a.now()) < 1 {
		return a.next()
	}
	return 0
}

// next is when the next one who is sent away should come back.
func (a *admission) next() time.Duration {
	return time.Duration(leastReturn+a.sent.Add(1)%returnSpread) * time.Second
}

// enter takes a place, which leave gives back, or says how long to stay away. Who has entered is arriving until settle.
func (a *admission) enter() (wait time.Duration) {
	if a.held.Add(1) > a.most {
		a.held.Add(-1)
		return fullReturn
	}
	if a.arriving.Add(1) > a.mostArriving || !a.arrival.AllowN(a.now(), 1) {
		a.settle()
		a.leave()
		return a.next()
	}
	return 0
}

func (a *admission) settle() { a.arriving.Add(-1) }

func (a *admission) leave() { a.held.Add(-1) }

// Crowded says how long whoever wants a socket should stay away from this node, 0 if it may come: so that most of those
// who come in vain are sent away before anything is asked about them.
func (h *Hub) Crowded() time.Duration {
	h.mu.RLock()
	draining := h.draining
	h.mu.RUnlock()
	if draining {
		return drainReturn
	}
	return h.admission.crowded()
}

// sendAway answers a page that may come back later.
func sendAway(w http.ResponseWriter, wait time.Duration) {
	w.Header().Set("Retry-After", strconv.Itoa(int(wait.Seconds())))
	http.Error(w, "come back later", http.StatusServiceUnavailable)
}
