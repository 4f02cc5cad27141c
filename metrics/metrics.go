// Package metrics holds the figures that Prometheus asks for. The rooms know nothing of it: each says by a small interface of
// its own what is to be counted (chat.Meter, db.Meter, handlers.Meter, realtime.Meter), and [Metrics] is all of them.
//
// docs/metrics.md has a row for every figure, and a test holds the two equal.
package metrics

import (
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"parley/chat"
	"parley/config"
	"parley/db"
	"parley/realtime"
)

// Metrics are the figures of one process, in a registry of their own. What is called often finds its counter without a lock
// or with a shared one, and allocates nothing.
type Metrics struct {
	registry *prometheus.Registry

	requests  *prometheus.CounterVec
	durations *prometheus.HistogramVec
	mu        sync.RWMutex
	answers   map[answer]answered

	closes    family[string]
	overflows prometheus.Counter
	lag       prometheus.Histogram
	resumes   family[realtime.Resume]
	repaired  family[realtime.Hint]
	moves     prometheus.Counter
	presence  prometheus.Counter

	messages family[chat.MessageKind]
	repeated prometheus.Counter
	failures prometheus.Counter
	limits   family[string]
	viewers  [2]prometheus.Counter // read, remembered

	statements *prometheus.HistogramVec
}

var (
	_ chat.Meter     = (*Metrics)(nil)
	_ db.Meter       = (*Metrics)(nil)
	_ realtime.Meter = (*Metrics)(nil)
)

// answer is what requests are counted by: a row of the sitemap and a status.
type answer struct {
	method, route string
	status        int
}

type answered struct {
	times prometheus.Counter
	took  prometheus.Observer // nil for sockets
}

// Bounds of histograms, in seconds. A request and a statement may take as long as 5 s; what is pushed should be there
// within 100 ms.
var (
	requestBounds   = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}
	statementBounds = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, 1, 5}
	lagBounds       = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5}
)

// New makes the figures of a build; nothing is counted yet.
func New(build config.Build) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry(), answers: map[answer]answered{}}
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))

	m.gauge("build_info", "What this binary was made from; the value is always 1.",
		prometheus.Labels{"version": build.Version, "commit": build.Commit, "goversion": build.Go}, func() float64 { return 1 })

	m.requests = m.counters("http_requests_total",
		"Requests answered, by the route's method and pattern and by status; other where there is no such route. Sockets count when they stand, by 101.",
		"method", "route", "code")
	m.durations = m.histograms("http_request_duration_seconds",
		"How long answers took, by the route's method and pattern. Sockets, which last, are not in it.", requestBounds, "method", "route")

	m.closes = familyOf(m.counters("socket_closes_total", "Sockets that ended, by reason.", "reason"), nameOfReason, realtime.Reasons())
	m.overflows = m.counter("socket_queue_overflows_total",
		"Times that more waited for a socket than may; the socket ends as slow. A socket may count more than once.")
	m.lag = m.histogram("message_write_lag_seconds",
		"From when this node heard that a change of a conversation was committed by a request to itself, until the frame with it was written to the connection of a page that follows the conversation; of each page one frame at a time. Changes through other nodes and catching up are not in it.",
		lagBounds)
	m.resumes = familyOf(m.counters("resumes_total", "Conversations opened by pages at their cursor, by result.", "result"), same, realtime.Resumes())
	m.repaired = familyOf(m.counters("hints_repaired_total",
		"What the sweep found and no hint had said, nor said until the next sweep.", "kind"), same, realtime.Hints())
	m.moves = m.counter("presence_moves_total",
		"Times that somebody came, went, or began or ceased to use their pages, all nodes taken together, by a page of this node.")
	m.presence = m.counter("presence_frames_total", "Frames that brought pages of this node others' presence.")

	m.messages = familyOf(m.counters("messages_total", "Messages stored through this node: text by people, system about groups.", "kind"),
		same, []chat.MessageKind{chat.MessageText, chat.MessageSystem})
	m.repeated = m.counter("sends_repeated_total", "Sends answered with the message that they had stored before.")
	m.failures = m.counter("login_failures_total", "Times that name and password did not go together.")
	m.limits = familyOf(m.counters("rate_limit_refusals_total", "What rate limits let not through, by limit.", "limit"), same, namesOfLimits())
	viewers := m.counters("viewer_cache_requests_total",
		"Requests that asked who stands behind their token: hit where that was remembered, miss where it was read.", "result")
	m.viewers = [2]prometheus.Counter{viewers.WithLabelValues("miss"), viewers.WithLabelValues("hit")}

	m.statements = m.histograms("db_statement_duration_seconds",
		"How long statements took, by the function that asks them, from asking until the last row was read. The wait for a connection is not in it.",
		statementBounds, "statement")
	return m
}

// Sources are what figures are read from when Prometheus asks.
type Sources struct {
	Pool      func() *pgxpool.Stat
	Sockets   func() int
	HintsLost func() int64 // nil: there is one node
	RedisUp   func() bool  // nil: there is no Redis
}

// Watch adds the figures that are read from elsewhere. It must be called once.
func (m *Metrics) Watch(from Sources) {
	m.gauge("sockets", "Sockets that stand at this node.", nil, func() float64 { return float64(from.Sockets()) })
	lost := func() float64 { return 0 }
	if from.HintsLost != nil {
		lost = func() float64 { return float64(from.HintsLost()) }
	}
	m.register(prometheus.NewCounterFunc(prometheus.CounterOpts{
		Namespace: namespace, Name: "hints_lost_total", Help: "Hints that could not be handed to Redis, for other nodes.",
	}, lost))
	if from.RedisUp != nil {
		m.gauge("redis_up", "Whether Redis answered in time when it was asked last; only where there is one.", nil, func() float64 {
			if from.RedisUp() {
				return 1
			}
			return 0
		})
	}
	m.register(newPool(from.Pool))
}

// RequestAnswered implements handlers.Meter.
func (m *Metrics) RequestAnswered(method, route string, status int, took time.Duration) {
	key := answer{method, route, status}
	m.mu.RLock()
	a, known := m.answers[key]
	m.mu.RUnlock()
	if !known {
		a = m.answered(key)
	}
	a.times.Inc()
	if a.took != nil {
		a.took.Observe(took.Seconds())
	}
}

// MessageStored implements [chat.Meter].
func (m *Metrics) MessageStored(kind chat.MessageKind) { m.messages.count(kind) }

// SendRepeated implements [chat.Meter].
func (m *Metrics) SendRepeated() { m.repeated.Inc() }

// LoginFailed implements [chat.Meter].
func (m *Metrics) LoginFailed() { m.failures.Inc() }

// LimitReached implements [chat.Meter].
func (m *Metrics) LimitReached(limit chat.Limit) { m.limits.count(limit.Name) }

// ViewerAsked implements [chat.Meter].
func (m *Metrics) ViewerAsked(remembered bool) {
	if remembered {
		m.viewers[1].Inc()
	} else {
		m.viewers[0].Inc()
	}
}

// Statement implements [db.Meter].
func (m *Metrics) Statement(name string) db.Observer { return m.statements.WithLabelValues(name) }

// SocketClosed implements [realtime.Meter].
func (m *Metrics) SocketClosed(reason realtime.Reason) { m.closes.count(reason.Name) }

// QueueOverflowed implements [realtime.Meter].
func (m *Metrics) QueueOverflowed() { m.overflows.Inc() }

// MessageWritten implements [realtime.Meter].
func (m *Metrics) MessageWritten(lag time.Duration) { m.lag.Observe(lag.Seconds()) }

// Resumed implements [realtime.Meter].
func (m *Metrics) Resumed(result realtime.Resume) { m.resumes.count(result) }

// HintRepaired implements [realtime.Meter].
func (m *Metrics) HintRepaired(kind realtime.Hint) { m.repaired.count(kind) }

// PresenceMoved implements [realtime.Meter].
func (m *Metrics) PresenceMoved(people int) { m.moves.Add(float64(people)) }

// PresenceSent implements [realtime.Meter].
func (m *Metrics) PresenceSent() { m.presence.Inc() }
