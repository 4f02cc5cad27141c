package handlers

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/net/html"
)

// harmless checks that nothing that was typed has become part of the markup or of a header.
func harmless(t *testing.T, about string, a *answer) {
	t.Helper()
	if a.status >= 500 {
		t.Errorf("%s: %d", about, a.status)
		return
	}
	for name, values := range a.header {
		for _, value := range values {
			if strings.ContainsAny(value, "\r\n\x00") || strings.Contains(strings.ToLower(name), "inject") {
				t.Errorf("%s: header %s: %q", about, name, value)
			}
		}
	}
	for _, name := range []string{"Location", "Hx-Redirect"} {
		if to := a.header.Get(name); to != "" && (!strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") || strings.HasPrefix(to, `/\`)) {
			t.Errorf("%s: leads to %q", about, to)
		}
	}
	if len(a.header.Values("Set-Cookie")) > 1 {
		t.Errorf("%s: cookies %q", about, a.header.Values("Set-Cookie"))
	}
	if !strings.HasPrefix(a.header.Get("Content-Type"), "text/html") {
		return
	}
	if !utf8.ValidString(a.body) || strings.ContainsRune(a.body, 0) {
		t.Errorf("%s: the page is no text", about)
	}
	document, err := html.Parse(strings.NewReader(a.body))
	if err != nil {
		t.Errorf("%s: %v", about, err)
		return
	}
	for node := range document.Descendants() {
		if problem := strange(node); problem != "" {
			t.Errorf("%s: %s", about, problem)
		}
	}
}

// ours are the elements that templates are made of.
var ours = map[string]bool{}

// strange says what is wrong with a node, in markup of which we wrote every element.
func strange(node *html.Node) string {
	switch node.Type {
	case html.CommentNode:
		return "a comment: " + clip(node.Data, 50)
	case html.ElementNode:
	default:
		return ""
	}
	if !ours[node.Data] {
		return "an element of others: " + clip(node.Data, 50)
	}
	for _, attribute := range node.Attr {
		key, value := attribute.Key, attribute.Val
		switch {
		case strings.Contains(key, mark), strings.HasPrefix(key, "on"), key == "style", key == "srcdoc", key == "http-equiv",
			strings.HasPrefix(key, "hx-on"):
			return fmt.Sprintf("<%s %s=%q>", node.Data, clip(key, 50), clip(value, 50))
		case key == "href" && (within(node, "message__body") || within(node, "details__text")):
			if !strings.HasPrefix(value, "http://") && !strings.HasPrefix(value, "https://") && !strings.HasPrefix(value, "mailto:") {
				return fmt.Sprintf("a link of a message to %q", clip(value, 80))
			}
			if !slices.ContainsFunc(node.Attr, func(a html.Attribute) bool { return a.Key == "rel" && a.Val == "noopener nofollow ugc" }) {
				return "a link of a message without rel"
			}
		case key == "href", key == "src", key == "action", key == "formaction", key == "hx-get", key == "hx-post":
			if strings.HasPrefix(value, "//") || strings.HasPrefix(value, `/\`) || !strings.HasPrefix(value, "/") && !strings.HasPrefix(value, "?") && !strings.HasPrefix(value, "#") {
				return fmt.Sprintf("<%s %s=%q>", node.Data, key, clip(value, 80))
			}
		case strings.HasPrefix(key, "hx-") && within(node, "message__body", "row__preview", "person__name", "pane__title"):
			return fmt.Sprintf("%s in what somebody wrote", key)
		}
	}
	switch node.Data {
	case "script":
		if node.FirstChild != nil {
			return "a script in the page"
		}
	case "textarea", "title", "option":
	default:
		if node.Data != "a" && within(node.Parent, "message__body") || node.Parent != nil && node.Parent.Data == "bdi" {
			return fmt.Sprintf("<%s> in what somebody wrote", node.Data)
		}
	}
	return ""
}

// within says whether a node or one around it has one of the classes.
func within(node *html.Node, classes ...string) bool {
	for ; node != nil; node = node.Parent {
		for _, attribute := range node.Attr {
			if attribute.Key == "class" && slices.ContainsFunc(strings.Fields(attribute.Val), func(c string) bool { return slices.Contains(classes, c) }) {
				return true
			}
		}
	}
	return false
}

func init() {
	for _, name := range strings.Fields(`html head body meta title link script div nav header main section footer h1 h2 h3 p a ol ul li
		form input textarea button label select optgroup option fieldset datalist legend span time svg path circle rect line polyline polygon use g
		bdi code details summary template hx-partial symbol ellipse br img noscript table caption thead tbody tr th td dl dt dd`) {
		ours[name] = true
	}
}
