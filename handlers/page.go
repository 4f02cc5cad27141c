package handlers

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"
	"golang.org/x/text/language"

	"parley/chat"
	"parley/views"
)

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// keptBuffer is the largest buffer, in bytes, that waits for another page.
const keptBuffer = 1 << 20

// render draws a component and sends it. Nothing is sent before all of it is drawn: a component that fails makes an
// error page, never half a page.
func (h *Handlers) render(w http.ResponseWriter, r *http.Request, status int, component templ.Component) error {
	buffer := buffers.Get().(*bytes.Buffer)
	buffer.Reset()
	defer func() {
		if buffer.Cap() <= keptBuffer {
			buffers.Put(buffer)
		}
	}()
	if err := component.Render(h.drawing(r), buffer); err != nil {
		return fmt.Errorf("draw: %w", err)
	}
	varyByHTMX(w)
	if visitOf(r.Context()).viewer == nil {
		w.Header().Add("Vary", "Accept-Language")
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	writeBody(w, r, status, buffer.Bytes())
	return nil
}

// drawing is the context that views draw in.
func (h *Handlers) drawing(r *http.Request) context.Context {
	ctx := views.WithLanguage(r.Context(), h.language(r))
	return views.WithAssets(ctx, h.config.Assets.Path)
}

// answer draws for a handler.
func (h *Handlers) answer(c echo.Context, status int, component templ.Component) error {
	return h.render(c.Response(), c.Request(), status, component)
}

// plain answers a program.
func plain(w http.ResponseWriter, status int, text string) error {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(text)+1))
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text + "\n"))
	return nil
}

// pane answers htmx with the pane alone, and everybody else with the whole page around it.
func (h *Handlers) pane(c echo.Context, status int, pane templ.Component, whole func(views.Page) templ.Component) error {
	if partial(c.Request()) {
		return h.answer(c, status, pane)
	}
	page, err := h.shell(c, chat.ID{})
	if err != nil {
		return err
	}
	return h.answer(c, status, whole(page))
}

// gate is the layout for those who are not logged in, and for pages that stand alone.
func (h *Handlers) gate(r *http.Request) views.Page {
	page := views.Page{Language: h.language(r), Assets: h.config.Assets.Path, Dev: h.config.Dev}
	if viewer := visitOf(r.Context()).viewer; viewer != nil {
		page.Theme, page.TimeZone = viewer.Theme, viewer.TimeZone
	}
	return page
}

// shell is the layout for those who are logged in, with their list. open is the conversation in the pane, or zero; people are
// the places where the pane shows what is seen of somebody.
func (h *Handlers) shell(c echo.Context, open chat.ID, people ...*views.PresenceProps) (views.Page, error) {
	viewer := h.viewer(c)
	page := h.gate(c.Request())
	page.Viewer = &viewer
	list, err := h.config.Chat.List(c.Request().Context(), viewer, nil)
	if err != nil {
		return page, err
	}
	var older string
	if page.List, older = h.rows(viewer, list, open); older != "" {
		page.OlderList = views.ConversationsBeforePath(older)
	}
	page.UnreadTotal, page.Archived, page.Requests = list.UnreadTotal, list.Archived, list.Requests
	h.see(c, append(people, page.Presences()...))
	return page, nil
}

// rows makes props of a stretch of the viewer's list, and the cursor of what comes behind it, if anything.
func (h *Handlers) rows(viewer chat.Viewer, list chat.ListPage, open chat.ID) (rows []views.ListRowProps, older string) {
	zone, now := views.Zone(viewer.TimeZone), h.config.Clock()
	for _, row := range list.Rows {
		rows = append(rows, views.NewListRow(row, viewer.ID, zone, now, open))
	}
	if list.HasMore {
		older = listCursor(list.Rows[len(list.Rows)-1])
	}
	return rows, older
}

// listCursor names the place behind a row of the list: the moment of its activity, in microseconds since 1970 (what
// PostgreSQL keeps), its conversation, and whether it is pinned.
func listCursor(row chat.ListRow) string {
	cursor := strconv.FormatInt(row.ActivityAt.UnixMicro(), 10) + "_" + row.ConversationID.String()
	if row.Pinned {
		cursor += "_pinned"
	}
	return cursor
}

func parseListCursor(s string) (*chat.ListRow, error) {
	if s == "" {
		return nil, nil
	}
	moment, conversation, _ := strings.Cut(s, "_")
	conversation, pinned := strings.CutSuffix(conversation, "_pinned")
	micros, err := strconv.ParseInt(moment, 10, 64)
	id, ok := parseID(conversation)
	if err != nil || !ok || micros < 0 || micros > maxMoment {
		return nil, unreadable(fmt.Errorf("no place in a list"))
	}
	return &chat.ListRow{ActivityAt: time.UnixMicro(micros), ConversationID: id, Pinned: pinned}, nil
}

// maxMoment is the end of the year 9999, in microseconds since 1970: what still can be written as a date.
const maxMoment = 253_402_300_799_999_999

// tongues chooses a language for those who are not logged in.
type tongues struct {
	matcher language.Matcher
	tags    []string
	dev     bool
}

func newTongues(dev bool) tongues {
	t := tongues{dev: dev}
	var offered []language.Tag
	for _, tag := range views.Languages() {
		if tag != views.PseudoLanguage {
			t.tags = append(t.tags, tag)
			offered = append(offered, language.Make(tag))
		}
	}
	t.matcher = language.NewMatcher(offered)
	return t
}

// choose returns the best language for an Accept-Language header, the first for one that is missing or cannot be read.
// The pseudo-language is for developers who ask for it by name; to a matcher it would be as good an English as any.
func (t tongues) choose(accept string) string {
	wanted, _, err := language.ParseAcceptLanguage(accept)
	if err != nil || len(wanted) == 0 {
		return t.tags[0]
	}
	if t.dev && wanted[0].String() == views.PseudoLanguage {
		return views.PseudoLanguage
	}
	_, n, _ := t.matcher.Match(wanted...)
	return t.tags[n]
}

// language is the one to answer in.
func (h *Handlers) language(r *http.Request) string {
	if viewer := visitOf(r.Context()).viewer; viewer != nil {
		return viewer.Language
	}
	return h.tongues.choose(r.Header.Get("Accept-Language"))
}
