package views

import (
	"context"
	"strconv"

	"parley/chat"
)

// Page is the layout's props: what stands around the content of every page.
type Page struct {
	// Viewer is nil for somebody who is not logged in. Then Theme is what to show; otherwise the viewer's own choice
	// holds, and the viewer's time zone.
	Viewer   *chat.Viewer
	Theme    chat.Theme
	TimeZone string
	Language string
	// Assets makes the address of a static file.
	Assets func(name string) string
	// List is the newest part of the viewer's list.
	List []ListRowProps
	// OlderList is the path of what comes behind List.
	OlderList   string
	stretch     *ListProps // another stretch of the list than the newest
	UnreadTotal int
	// Archived is how many conversations are archived.
	Archived int
	// Requests is how many conversations wait for an answer.
	Requests int
	// Dev adds a link to the gallery, below the list.
	Dev bool
	// Still makes a page of the gallery: it looks like somebody's, or like nobody's, and says nothing of who is logged in.
	Still bool
}

// list is the stretch of the list that the sidebar shows.
func (p *Page) list() ListProps {
	if p.stretch != nil {
		return *p.stretch
	}
	return ListProps{Rows: p.List, Older: p.OlderList, Archived: p.Archived, Requests: p.Requests, UnreadTotal: p.UnreadTotal}
}

func (p *Page) theme() string {
	theme := p.Theme
	if p.Viewer != nil && theme == "" {
		theme = p.Viewer.Theme
	}
	if theme == "" {
		theme = chat.ThemeAuto
	}
	return string(theme)
}

func (p *Page) timeZone() string {
	switch {
	case p.TimeZone != "":
		return p.TimeZone
	case p.Viewer != nil && p.Viewer.TimeZone != "":
		return p.Viewer.TimeZone
	default:
		return "UTC"
	}
}

func (p *Page) context(ctx context.Context) context.Context {
	if p.Language != "" {
		ctx = WithLanguage(ctx, p.Language)
	}
	if p.Assets != nil {
		ctx = WithAssets(ctx, p.Assets)
	}
	return ctx
}

func pageTitle(ctx context.Context, title string) string {
	if title == "" {
		return T(ctx, "app.name")
	}
	return T(ctx, "app.title", chat.Args{"Title": title})
}

func number(n int64) string { return strconv.FormatInt(n, 10) }

func yesNo(b bool) string { return strconv.FormatBool(b) }
