package command

import (
	"errors"
	"fmt"
	"net/http"
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
	_ = response.Body.Close() // the status says it all
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("not ready: %s answers %s (the server's log says why)", r.cfg.Addr, response.Status)
	}
	fmt.Fprintln(r.stdout, "ready")
	return nil
}
