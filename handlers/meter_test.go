package handlers

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"
)

// tally counts answers.
type tally struct {
	mu    sync.Mutex
	times map[string]int
	took  time.Duration
}

// RequestAnswered implements Meter.
func (c *tally) RequestAnswered(method, route string, status int, took time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.times == nil {
		c.times = map[string]int{}
	}
	c.times[fmt.Sprint(method, " ", route, " ", status)]++
	c.took = took
}

// TestMeter: requests are counted by the patterns of the sitemap, whatever addresses people ask for.
func TestMeter(t *testing.T) {
	t.Parallel()
	count := &tally{}
	s := newSite(t, func(p *plan) { p.config.Meter = count })
	for _, c := range []struct{ method, path, want string }{
		{http.MethodGet, "/healthz", "GET /healthz 200"},
		{http.MethodHead, "/healthz", "GET /healthz 200"},
		{http.MethodGet, "/reset/canary", "GET /reset/:token 404"},
		{http.MethodGet, "/people/canary", "GET /people/:username 303"},
		{http.MethodGet, "/static/canary", "GET /static/* 404"},
		{http.MethodGet, "/canary", "  404"},
		{"CANARY", "/healthz", "  405"},
	} {
		count.mu.Lock()
		count.times = nil
		count.mu.Unlock()
		s.handlers.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), c.method, c.path, nil))
		if !maps.Equal(count.times, map[string]int{c.want: 1}) {
			t.Errorf("%s %s counts as %v", c.method, c.path, count.times)
		}
	}
}
