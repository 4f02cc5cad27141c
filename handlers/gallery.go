package handlers

import (
	"net/http"
	"slices"

	"github.com/labstack/echo/v4"

	"parley/chat"
	"parley/views"
	"parley/views/gallery"
)

// GalleryIndex lists the components for designers.
func (h *Handlers) GalleryIndex(c echo.Context) error {
	page, err := h.galleryPage(c)
	if err != nil {
		return err
	}
	return h.answer(c, http.StatusOK, gallery.Index(page))
}

// GalleryShow is one component in all its states, or in one of them.
func (h *Handlers) GalleryShow(c echo.Context) error {
	page, err := h.galleryPage(c)
	if err != nil {
		return err
	}
	name, _ := pathText(c, "component")
	component, found := gallery.Find(name)
	if !found {
		return chat.NotFound()
	}
	return h.answer(c, http.StatusOK, gallery.Show(page, component))
}

// galleryPage is the layout, in the theme and the language that the address asks for.
func (h *Handlers) galleryPage(c echo.Context) (views.Page, error) {
	page := h.gate(c.Request())
	page.Still = true
	query, err := readQuery(c.Request(), "theme", "lang")
	if err != nil {
		return page, err
	}
	switch theme := chat.Theme(query["theme"]); theme {
	case chat.ThemeAuto, chat.ThemeLight, chat.ThemeDark:
		page.Theme = theme
	default:
		page.Theme = chat.ThemeAuto
	}
	if slices.Contains(views.Languages(), query["lang"]) {
		page.Language = query["lang"]
	}
	return page, nil
}
