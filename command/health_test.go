package command_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"parley/command"
)

func TestHealth(t *testing.T) {
	t.Parallel()
	at := func(status int, body ...string) string {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/readyz" {
				t.Errorf("asked for %s", r.URL.Path)
			}
			w.WriteHeader(status)
			for _, text := range body {
				_, _ = w.Write([]byte(text))
			}
		}))
		t.Cleanup(server.Close)
		return strings.TrimPrefix(server.URL, "http://")
	}
	health := func(addr string) result {
		return run(t, command.App{}, "", []string{"PARLEY_ADDR=" + addr}, "health")
	}
	ready := at(http.StatusOK)

	if got := health(ready); got.code != 0 || got.stdout != "ready\n" || got.stderr != "" {
		t.Errorf("a ready server: %+v", got)
	}
	if got := health(ready[strings.LastIndex(ready, ":"):]); got.code != 0 {
		t.Errorf("a server on every address: %+v", got)
	}
	if got := health(at(http.StatusServiceUnavailable)); got.code != 1 || got.stdout != "" || !strings.Contains(got.stderr, "parley: not ready: ") ||
		!strings.Contains(got.stderr, "503") {
		t.Errorf("a server that is not ready: %+v", got)
	}
	if got := health(at(http.StatusOK, "ready, degraded: redis\n")); got.code != 0 || got.stdout != "ready, degraded: redis\n" {
		t.Errorf("a server without its Redis: %+v", got)
	}
	silent := freeAddr(t)
	if got := health(silent); got.code != 1 || strings.Count(got.stderr, "\n") != 1 || !strings.HasPrefix(got.stderr, "parley: no answer on "+silent) {
		t.Errorf("no server: %+v", got)
	}
}
