package realtime_test

import (
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"parley/chat"
)

// knock tries to open a socket and returns how it was refused; 101 where it was not.
func (n *node) knock(t *testing.T, viewer chat.Viewer) (status int, after time.Duration) {
	t.Helper()
	n.mu.Lock()
	n.viewers[viewer.SessionID.String()] = n.current(t, viewer)
	n.mu.Unlock()
	header := http.Header{"X-Session": {viewer.SessionID.String()}}
	conn, response, err := websocket.DefaultDialer.DialContext(t.Context(), n.address(), header)
	if err == nil {
		t.Cleanup(func() { _ = conn.Close() })
	}
	if response == nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	seconds, _ := strconv.Atoi(response.Header.Get("Retry-After"))
	return response.StatusCode, time.Duration(seconds) * time.Second
}

func TestCrowd(t *testing.T) {
	t.Parallel()

	t.Run("a full node sends away, and takes somebody when somebody leaves", func(t *testing.T) {
		t.Parallel()
		timing := withoutSweep
		timing.Sockets, timing.Arrivals = 2, 1000
		n := newNode(t, timing)
		ana, ben, _ := n.pair(t)
		first := n.connect(t, ana)
		n.connect(t, ben)
		if status, after := n.knock(t, ana); status != http.StatusServiceUnavailable || after != 30*time.Second {
			t.Errorf("%d, after %v", status, after)
		}
		_ = first.conn.Close()
		n.await(t, func() bool { return n.hub.Crowded() == 0 })
		if status, _ := n.knock(t, ana); status != http.StatusSwitchingProtocols {
			t.Errorf("%d", status)
		}
	})

	t.Run("who comes in a crowd is asked to come back soon", func(t *testing.T) {
		t.Parallel()
		timing := withoutSweep
		timing.Arrivals = 1
		n := newNode(t, timing)
		ana := n.Person(t, "Ana")
		n.await(t, func() bool { // within a second of somebody else
			if status, _ := n.knock(t, ana); status != http.StatusSwitchingProtocols {
				t.Fatalf("%d", status)
			}
			status, after := n.knock(t, ana)
			if status == http.StatusServiceUnavailable && (after < time.Second || after > 8*time.Second) {
				t.Errorf("after %v", after)
			}
			return status == http.StatusServiceUnavailable
		})
	})

	t.Run("who only asks is told whether it may come, and takes no place", func(t *testing.T) {
		t.Parallel()
		timing := withoutSweep
		timing.Sockets = 1
		n := newNode(t, timing)
		ana := n.Person(t, "Ana")
		ask := func(method string) *http.Response {
			request, err := http.NewRequestWithContext(t.Context(), method, n.server.URL+"/ws", nil)
			if err != nil {
				t.Fatal(err)
			}
			response, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			_ = response.Body.Close()
			return response
		}
		for range 3 {
			if r := ask(http.MethodGet); r.StatusCode != http.StatusUpgradeRequired || r.Header.Get("Upgrade") != "websocket" {
				t.Errorf("%d, %q", r.StatusCode, r.Header.Get("Upgrade"))
			}
			if r := ask(http.MethodHead); r.StatusCode != http.StatusNoContent {
				t.Errorf("%d", r.StatusCode)
			}
		}
		n.connect(t, ana)
		if r := ask(http.MethodHead); r.StatusCode != http.StatusServiceUnavailable || r.Header.Get("Retry-After") != "30" {
			t.Errorf("%d, %q", r.StatusCode, r.Header.Get("Retry-After"))
		}
	})
}
