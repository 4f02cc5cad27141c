package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"parley/chat"
)

func (h *Handlers) GalleryIndex(c echo.Context) error { return plain(c.Response(), http.StatusOK, "") }
func (h *Handlers) GalleryShow(c echo.Context) error  { return chat.NotFound() }
