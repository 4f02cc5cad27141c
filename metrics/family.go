package metrics

import (
	"cmp"
	"net/http"
	"strconv"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"parley/chat"
	"parley/realtime"
)

const namespace = "parley"

// other stands in labels for requests that no route answers: their paths and methods are anybody's to choose.
const other = "other"

func (m *Metrics) register(c prometheus.Collector) { m.registry.MustRegister(c) }

func (m *Metrics) gauge(name, help string, labels prometheus.Labels, read func() float64) {
	m.register(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help, ConstLabels: labels}, read))
}

func (m *Metrics) counter(name, help string) prometheus.Counter {
	c := prometheus.NewCounter(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help})
	m.register(c)
	return c
}

func (m *Metrics) counters(name, help string, labels ...string) *prometheus.CounterVec {
	c := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, labels)
	m.register(c)
	return c
}

func (m *Metrics) histogram(name, help string, bounds []float64) prometheus.Histogram {
	h := prometheus.NewHistogram(prometheus.HistogramOpts{Namespace: namespace, Name: name, Help: help, Buckets: bounds})
	m.register(h)
	return h
}

func (m *Metrics) histograms(name, help string, bounds []float64, labels ...string) *prometheus.HistogramVec {
	h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: namespace, Name: name, Help: help, Buckets: bounds}, labels)
	m.register(h)
	return h
}

// answered makes what counts answers of a kind.
func (m *Metrics) answered(key answer) answered {
	m.mu.Lock()
	defer m.mu.Unlock()
	if a, known := m.answers[key]; known {
		return a
	}
	method, route := cmp.Or(key.method, other), cmp.Or(key.route, other)
	a := answered{times: m.requests.WithLabelValues(method, route, strconv.Itoa(key.status))}
	if key.status != http.StatusSwitchingProtocols {
		a.took = m.durations.WithLabelValues(method, route)
	}
	m.answers[key] = a
	return a
}

// family is counters of one name, by the values of its one label. All that are known beforehand are there from the
// beginning, with 0.
type family[K ~string] struct {
	vec *prometheus.CounterVec
	of  map[K]prometheus.Counter
}

func familyOf[K ~string, V any](vec *prometheus.CounterVec, name func(V) K, values []V) family[K] {
	f := family[K]{vec: vec, of: make(map[K]prometheus.Counter, len(values))}
	for _, value := range values {
		key := name(value)
		f.of[key] = vec.WithLabelValues(string(key))
	}
	return f
}

func (f family[K]) count(key K) {
	c, known := f.of[key]
	if !known {
		c = f.vec.WithLabelValues(string(key))
	}
	c.Inc()
}

func same[K any](key K) K { return key }

func nameOfReason(r realtime.Reason) string { return r.Name }

func namesOfLimits() []string {
	var names []string
	for _, limit := range chat.Limits() {
		names = append(names, limit.Name)
	}
	return names
}

// pool reads the figures of the connections to PostgreSQL, all of the same moment.
type pool struct {
	stat                                        func() *pgxpool.Stat
	acquired, idle, most, acquires, waits, wait *prometheus.Desc
}

func newPool(stat func() *pgxpool.Stat) *pool {
	desc := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc(prometheus.BuildFQName(namespace, "db_pool", name), help, nil, nil)
	}
	return &pool{
		stat:     stat,
		acquired: desc("acquired_connections", "Connections to PostgreSQL in use."),
		idle:     desc("idle_connections", "Connections to PostgreSQL that wait to be used."),
		most:     desc("max_connections", "How many connections to PostgreSQL there may be."),
		acquires: desc("acquires_total", "Times that a connection was taken."),
		waits:    desc("waits_total", "Times that none was idle, so that one had to be waited for or made."),
		wait:     desc("wait_seconds_total", "How long that took, in all."),
	}
}

// Describe implements [prometheus.Collector].
func (p *pool) Describe(to chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{p.acquired, p.idle, p.most, p.acquires, p.waits, p.wait} {
		to <- desc
	}
}

// Collect implements [prometheus.Collector].
func (p *pool) Collect(to chan<- prometheus.Metric) {
	s := p.stat()
	to <- prometheus.MustNewConstMetric(p.acquired, prometheus.GaugeValue, float64(s.AcquiredConns()))
	to <- prometheus.MustNewConstMetric(p.idle, prometheus.GaugeValue, float64(s.IdleConns()))
	to <- prometheus.MustNewConstMetric(p.most, prometheus.GaugeValue, float64(s.MaxConns()))
	to <- prometheus.MustNewConstMetric(p.acquires, prometheus.CounterValue, float64(s.AcquireCount()))
	to <- prometheus.MustNewConstMetric(p.waits, prometheus.CounterValue, float64(s.EmptyAcquireCount()))
	to <- prometheus.MustNewConstMetric(p.wait, prometheus.CounterValue, s.EmptyAcquireWaitTime().Seconds())
}
