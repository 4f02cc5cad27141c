package handlers

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"parley/chat"
)

// HealthShow says that the process lives.
func (h *Handlers) HealthShow(c echo.Context) error {
	return plain(c.Response(), http.StatusOK, "ok")
}

// ReadyShow says whether requests should be sent here: PostgreSQL answers, migrations are applied, and the process is
// not about to end. Why not is for the log alone. What is away and can be done without is named, and requests are welcome
// all the same: every node would miss it alike, and sending nobody anywhere is worse than going on with less.
func (h *Handlers) ReadyShow(c echo.Context) error {
	ctx := c.Request().Context()
	if err := h.config.Ready(ctx); err != nil {
		h.config.Log.WarnContext(ctx, "not ready", slog.String("request", visitOf(ctx).id), slog.Any("error", err))
		c.Response().Header().Set("Retry-After", "5")
		return plain(c.Response(), http.StatusServiceUnavailable, "not ready")
	}
	if missing := h.config.Degraded(); len(missing) > 0 {
		return plain(c.Response(), http.StatusOK, "ready, degraded: "+strings.Join(missing, ", "))
	}
	return plain(c.Response(), http.StatusOK, "ready")
}

// VersionShow names the build.
func (h *Handlers) VersionShow(c echo.Context) error {
	body, err := json.Marshal(struct {
		Version  string `json:"version"`
		Revision string `json:"revision"`
	}{h.config.Version, h.config.Revision})
	if err != nil {
		return err
	}
	return c.JSONBlob(http.StatusOK, append(body, '\n'))
}

// ChangeIndex hands a page without a socket the changes of a conversation; the injected door answers.
func (h *Handlers) ChangeIndex(c echo.Context) error {
	id, ok := parseID(c.Param("id"))
	if !ok {
		return chat.NotFound()
	}
	return h.config.Changes(c.Response().Writer, c.Request(), h.viewer(c), id)
}

// SocketShow opens a page's socket; the injected door answers.
func (h *Handlers) SocketShow(c echo.Context) error {
	// Not echo's own writer: that one is used again for other requests, and a socket outlives this one.
	h.config.Socket(c.Response().Writer, c.Request(), h.viewer(c))
	return nil
}
