package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"
)

// StaticShow serves the embedded files. For those that are not there a few words do: no person asks for them.
func (h *Handlers) StaticShow(c echo.Context) error {
	h.config.Assets.ServeHTTP(c.Response().Writer, c.Request())
	return nil
}

// FaviconShow leads browsers that ask for an icon unasked to the one that pages name.
func (h *Handlers) FaviconShow(c echo.Context) error {
	c.Response().Header().Set("Cache-Control", "public, max-age=86400")
	return c.Redirect(http.StatusFound, h.config.Assets.Path("icons/favicon.svg"))
}

// RobotsShow asks search engines to stay away: nothing here is for them.
func (h *Handlers) RobotsShow(c echo.Context) error {
	c.Response().Header().Set("Cache-Control", "public, max-age=86400")
	return plain(c.Response(), http.StatusOK, "User-agent: *\nDisallow: /")
}
