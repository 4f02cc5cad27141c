package views_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/a-h/templ"
	"golang.org/x/net/html"

	"parley/chat"
	"parley/static"
	"parley/views"
	"parley/views/gallery"
)

// drawing is one page of the gallery: a state of a component, or a whole page.
type drawing struct {
	name string
	root *html.Node
	text string
}

// drawings draws the whole gallery in a language.
func drawings(t *testing.T, language string) []drawing {
	t.Helper()
	assets := static.New(false)
	ctx := views.WithAssets(views.WithLanguage(context.Background(), language), assets.Path)
	page := views.Page{Language: language, Assets: assets.Path, Theme: chat.ThemeAuto}
	var all []drawing
	add := func(name string, c templ.Component) {
		t.Helper()
		var b bytes.Buffer
		if err := c.Render(ctx, &b); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		root, err := html.Parse(bytes.NewReader(b.Bytes()))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		all = append(all, drawing{name, root, b.String()})
	}
	add("index", gallery.Index(page))
	for _, c := range gallery.Components() {
		add(c.Name, gallery.Show(page, c))
		for _, s := range c.States {
			one, found := gallery.Find(c.Name + "--" + s.Name)
			if !found {
				t.Fatalf("no %s--%s", c.Name, s.Name)
			}
			add(c.Name+"--"+s.Name, gallery.Show(page, one))
		}
	}
	return all
}

func each(n *html.Node, visit func(*html.Node)) {
	visit(n)
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		each(c, visit)
	}
}

func attr(n *html.Node, name string) (string, bool) {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val, true
		}
	}
	return "", false
}

var sentence = regexp.MustCompile(`⟦[^⟦⟧]*⟧`)

// unspoken is what is left of a text when every sentence of the catalogue is taken out, if any of it is a letter.
func unspoken(text string) string {
	for {
		rest := sentence.ReplaceAllString(text, "")
		if rest == text {
			break
		}
		text = rest
	}
	if strings.ContainsFunc(text, unicode.IsLetter) {
		return strings.TrimSpace(text)
	}
	return ""
}

func TestPseudoLanguage(t *testing.T) {
	t.Parallel()
	regions := map[string]int{}
	for _, d := range drawings(t, views.PseudoLanguage) {
		var walk func(n *html.Node)
		walk = func(n *html.Node) {
			if n.Type == html.TextNode {
				if left := unspoken(n.Data); left != "" {
					t.Errorf("%s: %q in <%s> does not come from the catalogue", d.name, left, n.Parent.Data)
				}
				return
			}
			for _, a := range n.Attr {
				if slices.Contains([]string{"aria-label", "title", "placeholder", "alt", "label", "aria-description"}, a.Key) {
					if left := unspoken(a.Val); left != "" {
						t.Errorf("%s: %s=%q does not come from the catalogue", d.name, a.Key, left)
					}
				}
			}
			if id, _ := attr(n, "id"); id == views.StringsID {
				for _, a := range n.Attr {
					if strings.HasPrefix(a.Key, "data-") && unspoken(a.Val) != "" {
						t.Errorf("%s: %s=%q does not come from the catalogue", d.name, a.Key, a.Val)
					}
				}
			}
			dir, _ := attr(n, "dir")
			if class, _ := attr(n, "class"); class == "message__system" || class == "typing" {
				// One sentence, with names in it that have elements of their own.
				var whole strings.Builder
				each(n, func(n *html.Node) {
					if n.Type == html.TextNode && n.Parent.Data != "bdi" {
						whole.WriteString(n.Data)
					}
				})
				if left := unspoken(whole.String()); left != "" {
					t.Errorf("%s: %q does not come from the catalogue", d.name, left)
				}
				return
			}
			value, _ := attr(n, "value")
			switch {
			case n.Data == "bdi" || n.Data == "time" || dir == "auto" && n.Data != "select":
				return // what people wrote, dates
			case n.Data == "option" && chat.ValidTimeZone(value):
				regions[n.Parent.Data]++
				return // the name of a place
			}
			for c := n.FirstChild; c != nil; c = c.NextSibling {
				walk(c)
			}
		}
		walk(d.root)
	}
	if regions["optgroup"] < 400 {
		t.Errorf("premise: the zones' regions are not drawn: %v", regions)
	}
	if unspoken("⟦a ⟦b⟧ c⟧ · 12") != "" || unspoken("⟦a⟧ b") == "" {
		t.Error("the test itself does not see")
	}
}

func TestPages(t *testing.T) {
	t.Parallel()
	all := drawings(t, "en")
	if len(all) < 100 {
		t.Fatalf("only %d drawings", len(all))
	}
	t.Run("nothing is inline", func(t *testing.T) {
		t.Parallel()
		for _, d := range all {
			each(d.root, func(n *html.Node) {
				if n.Type != html.ElementNode {
					return
				}
				if _, external := attr(n, "src"); n.Data == "style" || n.Data == "script" && !external {
					t.Errorf("%s: an inline <%s>", d.name, n.Data)
				}
				for _, a := range n.Attr {
					if a.Key == "style" || strings.HasPrefix(a.Key, "on") || strings.HasPrefix(a.Key, "hx-on") ||
						strings.Contains(a.Val, "javascript:") && a.Key != "value" {
						t.Errorf("%s: %s=%q", d.name, a.Key, a.Val)
					}
				}
			})
		}
	})
	t.Run("an id stands once, and what is pointed at is there", func(t *testing.T) {
		t.Parallel()
		for _, d := range all {
			ids := map[string]int{}
			each(d.root, func(n *html.Node) {
				if id, ok := attr(n, "id"); ok {
					ids[id]++
				}
			})
			for id, count := range ids {
				if count > 1 || id == "" {
					t.Errorf("%s: id %q stands %d times", d.name, id, count)
				}
			}
			each(d.root, func(n *html.Node) {
				for _, a := range n.Attr {
					var targets []string
					switch {
					case a.Key == "for" || strings.HasPrefix(a.Key, "aria-describedby") || a.Key == "aria-labelledby" || a.Key == "data-show-password":
						targets = strings.Fields(a.Val)
					case (a.Key == "href" || a.Key == "hx-target") && strings.HasPrefix(a.Val, "#"):
						targets = []string{a.Val[1:]}
					}
					for _, target := range targets {
						if ids[target] == 0 && !partial(d.name, target) {
							t.Errorf("%s: %s points at %q, which is not there", d.name, a.Key, target)
						}
					}
				}
			})
		}
	})
	t.Run("every field has a label, every button and link a name", func(t *testing.T) {
		t.Parallel()
		for _, d := range all {
			labelled := map[string]bool{}
			each(d.root, func(n *html.Node) {
				if target, ok := attr(n, "for"); ok && n.Data == "label" {
					labelled[target] = true
				}
			})
			each(d.root, func(n *html.Node) {
				id, _ := attr(n, "id")
				kind, _ := attr(n, "type")
				name, _ := attr(n, "aria-label")
				switch n.Data {
				case "input", "textarea", "select":
					if kind != "hidden" && !labelled[id] && n.Parent.Data != "label" {
						t.Errorf("%s: no label for <%s id=%q>", d.name, n.Data, id)
					}
				case "button", "a":
					if name == "" && strings.TrimSpace(allText(n)) == "" && !scriptsOnly(n) {
						t.Errorf("%s: a <%s id=%q> without a name", d.name, n.Data, id)
					}
				}
			})
		}
	})
	t.Run("a page has one heading of the first rank, one main, a title and a language", func(t *testing.T) {
		t.Parallel()
		for _, d := range all {
			if strings.HasPrefix(d.name, "letter--") {
				continue // for a mail program, which has its own way around
			}
			count := map[string]int{}
			each(d.root, func(n *html.Node) {
				if n.Type == html.ElementNode {
					count[n.Data]++
				}
			})
			if count["h1"] != 1 || count["main"] != 1 || count["title"] == 0 {
				t.Errorf("%s: %d h1, %d main, %d title", d.name, count["h1"], count["main"], count["title"])
			}
			if !strings.HasPrefix(d.text, `<!doctype html><html lang="en" dir="ltr" data-theme="auto" data-time-zone="`) {
				t.Errorf("%s begins %.90s", d.name, d.text)
			}
			if _, skips := attr(firstLink(d.root), "href"); !skips || !strings.Contains(d.text, `class="skip-link" href="#pane"`) {
				t.Errorf("%s has no skip link", d.name)
			}
		}
	})
	t.Run("scripts learn that nobody is logged in from the pages that nobody else gets, and from no others", func(t *testing.T) {
		t.Parallel()
		said := map[bool]int{}
		for _, d := range all {
			says := false
			each(d.root, func(n *html.Node) {
				_, nobody := attr(n, "data-nobody")
				says = says || nobody
			})
			page, _, _ := strings.Cut(d.name, "--")
			want := slices.Contains([]string{"landing-page", "register-page", "login-page"}, page) && strings.Contains(d.name, "--")
			if said[says]++; says != want {
				t.Errorf("%s: %v", d.name, says)
			}
		}
		if said[true] == 0 || said[false] == 0 {
			t.Error("premise: not both kinds are drawn")
		}
	})
	t.Run("what people wrote never gives orders", func(t *testing.T) {
		t.Parallel()
		for _, d := range all {
			each(d.root, func(n *html.Node) {
				if class, _ := attr(n, "class"); class != "message__body" && n.Data != "bdi" {
					return
				}
				each(n, func(inner *html.Node) {
					for _, a := range inner.Attr {
						if strings.HasPrefix(a.Key, "hx-") || strings.HasPrefix(a.Key, "data-hx-") {
							t.Errorf("%s: %s inside a text", d.name, a.Key)
						}
					}
				})
			})
		}
	})
	t.Run("every file is there, and every icon", func(t *testing.T) {
		t.Parallel()
		sprite, err := os.ReadFile("../static/icons.svg")
		if err != nil {
			t.Fatal(err)
		}
		used, assets := map[string]bool{}, static.New(false)
		for _, d := range all {
			each(d.root, func(n *html.Node) {
				for _, a := range n.Attr {
					path, symbol, _ := strings.Cut(a.Val, "#")
					if a.Key != "href" && a.Key != "src" || !strings.HasPrefix(path, static.Prefix) {
						continue
					}
					if !assets.Has(path) {
						t.Errorf("%s: %s is not there", d.name, path)
					}
					if symbol != "" {
						used[symbol] = true
					}
				}
			})
		}
		for symbol := range used {
			if !bytes.Contains(sprite, []byte(`<symbol id="`+symbol+`"`)) {
				t.Errorf("no icon %s", symbol)
			}
		}
		for _, m := range regexp.MustCompile(`<symbol id="([^"]+)"`).FindAllSubmatch(sprite, -1) {
			if !used[string(m[1])] {
				t.Errorf("the icon %s is never drawn", m[1])
			}
		}
	})
	t.Run("every sentence that scripts ask for is in the page", func(t *testing.T) {
		t.Parallel()
		modules, err := filepath.Glob("../static/js/*.js")
		if err != nil || len(modules) == 0 {
			t.Fatal("no scripts")
		}
		there := map[string]bool{}
		for _, d := range all {
			each(d.root, func(n *html.Node) {
				if id, _ := attr(n, "id"); id != views.StringsID {
					return
				}
				for _, a := range n.Attr {
					there[a.Key] = true
				}
			})
		}
		for _, module := range modules {
			content, err := os.ReadFile(module)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range regexp.MustCompile(`\b(words|plural)\("([a-z]+)"`).FindAllSubmatch(content, -1) {
				want := "data-" + string(m[2])
				if string(m[1]) == "plural" {
					want += "-other"
				}
				if !there[want] {
					t.Errorf("%s asks for %s", module, m[2])
				}
			}
		}
	})
	t.Run("no template writes without escaping", func(t *testing.T) {
		t.Parallel()
		for _, folder := range []string{".", "gallery"} {
			entries, err := os.ReadDir(folder)
			if err != nil {
				t.Fatal(err)
			}
			for _, entry := range entries {
				if !strings.HasSuffix(entry.Name(), ".templ") {
					continue
				}
				content, err := os.ReadFile(folder + "/" + entry.Name())
				if err != nil {
					t.Fatal(err)
				}
				for _, bad := range []string{"templ.Raw", "unsafe", "<style", "<script>"} {
					if bytes.Contains(content, []byte(bad)) {
						t.Errorf("%s holds %s", entry.Name(), bad)
					}
				}
			}
		}
	})
}

// partial says that a component alone points at something that stands elsewhere on its page.
func partial(name, target string) bool {
	switch {
	case strings.HasPrefix(name, "list"):
		return target == views.PaneID
	case strings.HasPrefix(name, "error-summary"):
		return strings.HasPrefix(target, "field-")
	}
	return false
}

// scriptsOnly says that an element is hidden until a script fills it.
func scriptsOnly(n *html.Node) bool {
	_, hidden := attr(n, "hidden")
	return hidden
}

func allText(n *html.Node) string {
	var b strings.Builder
	each(n, func(c *html.Node) {
		if c.Type == html.TextNode {
			b.WriteString(c.Data)
		}
	})
	return b.String()
}

func firstLink(root *html.Node) *html.Node {
	var first *html.Node
	each(root, func(n *html.Node) {
		if first == nil && n.Data == "a" {
			first = n
		}
	})
	if first == nil {
		return &html.Node{}
	}
	return first
}
