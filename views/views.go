// Package views draws Parley: pages, and the fragments that htmx and sockets put into open pages.
//
// A component takes one props struct shaped like the picture; a page takes the layout's props besides. Constructors make
// props from the domain's types. A component asks nothing, decides no rule and does not know what time it is, so a
// designer can fill the props by hand; package gallery does so for every state.
//
// The reader's language and the address of static files travel in the context: see [WithLanguage] and [WithAssets].
// Every word on screen comes from the catalogue in locales; what people wrote stands in an element with dir="auto" or
// in a bdi.
package views

import "context"

type contextKey int

const (
	languageKey contextKey = iota
	assetsKey
)

// WithAssets says how the address of a static file is made: static.Assets.Path. Without it a file is asked for under
// its plain name, which works too, but is checked again at each visit.
func WithAssets(ctx context.Context, path func(name string) string) context.Context {
	return context.WithValue(ctx, assetsKey, path)
}

func assetPath(ctx context.Context, name string) string {
	if path, ok := ctx.Value(assetsKey).(func(string) string); ok {
		return path(name)
	}
	return "/static/" + name
}
