package command

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"parley/config"
)

type health struct{}

// Run asks the server that listens on this configuration's address whether requests should be sent to it. It is there for
// containers, which have no other program to ask with.
func (health) Run(r *request) error {
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}} // through no proxy
	request, err := http.NewRequestWithContext(r.ctx, http.MethodGet, config.BaseURLFor(r.cfg.Addr)+"/readyz", http.NoBody)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("no answer on %s: %w", r.cfg.Addr, errors.Unwrap(err))
	}
	answer, err := io.ReadAll(io.LimitReader(response.Body, 1<<10))
	_ = response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("not ready: %s answers %s (the server's log says why)", r.cfg.Addr, response.Status)
	}
	said, _, _ := strings.Cut(string(answer), "\n")
	if err != nil || !strings.HasPrefix(said, "ready") {
		said = "ready" // the status says it
	}
	fmt.Fprintln(r.stdout, said)
	return nil
}
