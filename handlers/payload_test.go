package handlers

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/PuerkitoBio/goquery"
	"golang.org/x/net/html"

	"parley/chat"
)

// mark stands in every payload that could become part of the markup, so that its traces can be found.
const mark = "zq9x"

// payloads are what somebody types who means harm, or whose keyboard is unusual.
var payloads = []string{
	// Markup
	`<script>` + mark + `()</script>`,
	`"><script>` + mark + `()</script>`,
	`'><img src=x onerror=` + mark + `()>`,
	`<img src=x onerror="` + mark + `()">`,
	`<svg onload=` + mark + `()>`,
	`<svg><script>` + mark + `()</script></svg>`,
	`<` + mark + `>`,
	`</textarea><` + mark + `>`,
	`</title></style></script></template><` + mark + `>`,
	`<!--` + mark,
	`--><` + mark + `>`,
	`<![CDATA[` + mark + `]]>`,
	`<?` + mark + `?>`,
	`" autofocus onfocus=` + mark + `() x="`,
	`' autofocus onfocus=` + mark + `() x='`,
	"` onmouseover=" + mark + "() x=`",
	`<a href="javascript:` + mark + `()">x</a>`,
	`<iframe src="//` + mark + `.example"></iframe>`,
	`<base href="//` + mark + `.example/">`,
	`<meta http-equiv="refresh" content="0;url=//` + mark + `.example">`,
	`<link rel=stylesheet href="//` + mark + `.example/x.css">`,
	`<style>@import "//` + mark + `.example"</style>`,
	`<form action="//` + mark + `.example"><input name=password>`,
	`<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=` + mark + `()&gt;">`,
	`<div hx-get="/logout" hx-trigger="load">` + mark + `</div>`,
	`<div hx-on:click="` + mark + `()">`,
	`<hx-partial hx-target="body" hx-swap="innerHTML">` + mark + `</hx-partial>`,
	`<template hx type="partial" hx-target="body">` + mark + `</template>`,
	`<bdi>` + mark + `</bdi>`,
	`&lt;script&gt;` + mark + `&lt;/script&gt;`,
	`&#60;script&#62;` + mark,
	`&amp;amp; ` + mark,
	"\u003cscript\u003e" + mark + "\u003c/script\u003e",
	`＜script＞` + mark + `＜/script＞`,
	`<scr<script>ipt>` + mark,
	"<img\fsrc=x\fonerror=" + mark + "()>",
	`<a/href="x"/onclick=` + mark + `()>`,
	// Links
	`javascript:` + mark + `()`,
	`JaVaScRiPt:` + mark + `()`,
	"java\tscript:" + mark + "()",
	`data:text/html,<script>` + mark + `()</script>`,
	`vbscript:` + mark,
	`https://example.org/"onmouseover="` + mark + `()`,
	`https://example.org/'><` + mark + `>`,
	`https://user:` + mark + `@example.org/`,
	`mailto:x@example.org?subject=<` + mark + `>`,
	`//` + mark + `.example`,
	`/\` + mark + `.example`,
	`https://` + mark + `.example/` + strings.Repeat("a", 3000),
	// Other languages than HTML
	`'; DROP TABLE people; -- ` + mark,
	`' OR '1'='1`,
	`1; SELECT pg_sleep(10)`,
	`$1 $2 $$ ` + mark,
	`%' AND 1=(SELECT 1/0) --`,
	`\'; SELECT 1 --`,
	`_%\`,
	`{{.}} {{ printf "%s" . }} ` + mark,
	`{{template "x"}}{{end}}`,
	`${7*7} #{7*7} <%= 7*7 %>`,
	`%s%n%d%!v(BADINDEX)` + mark,
	`$(id) ` + "`id`" + ` | id ; id`,
	`../../../../etc/passwd`,
	`..\..\windows\system32`,
	"a\r\nSet-Cookie: parley=" + mark,
	"a\r\nX-Injected: " + mark + "\r\n\r\n<script>",
	"a\nX-Injected: " + mark,
	`{"__proto__":{"` + mark + `":1}}`,
	`[object Object]`,
	// Bytes and numbers
	"a\x00b" + mark,
	"\x00",
	"a\xff\xfe" + mark,
	"\xc0\xaf\xc0\xae",
	"\xed\xa0\x80\xed\xb0\x80",
	"a\x1b[31m\x07\x08" + mark,
	"\x7f\u0085\u009b",
	"\ufeff" + mark + "\ufffe\uffff",
	"\u202e" + mark + "\u202c\u2066\u2069\u200f",
	"\u200b\u200c\u200d\u2060",
	"e" + strings.Repeat("\u0301", 500),
	"👩‍👩‍👧‍👦🏳️‍🌈" + mark,
	"\U0010ffff\U000e0001",
	strings.Repeat("A", 20_000),
	strings.Repeat("😀", 4_000),
	strings.Repeat("\n", 3_000) + mark,
	strings.Repeat("<b>", 2_000),
	strings.Repeat("\"'><&", 1_000),
	"-1", "0", "00", "1e309", "NaN", "Infinity", "0x7fffffffffffffff", "9223372036854775807", "9223372036854775808",
	"-9223372036854775808", "٣", "1 OR 1=1", "true", "null", "undefined", "None", "[]", "{}", "()",
	"00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff", "{ffffffff-ffff-ffff-ffff-ffffffffffff}",
	" ", "\t", "", "@", "@@", "#", "?", "&", "=", ";", "+", "%", "%00", "%2e%2e%2f", "%0d%0aX-Injected:1",
	"2026-02-30T25:61:61Z", "Local", "../UTC", "/etc/localtime",
}

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

func init() {
	for _, name := range strings.Fields(`html head body meta title link script div nav header main section footer h1 h2 h3 p a ol ul li
		form input textarea button label select optgroup option fieldset legend span time svg path circle rect line polyline polygon use g
		bdi code template hx-partial symbol ellipse br img noscript`) {
		ours[name] = true
	}
}

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
			strings.HasPrefix(key, "hx-on"), key == "formaction":
			return fmt.Sprintf("<%s %s=%q>", node.Data, clip(key, 50), clip(value, 50))
		case key == "href" && within(node, "message__body"):
			if !strings.HasPrefix(value, "http://") && !strings.HasPrefix(value, "https://") && !strings.HasPrefix(value, "mailto:") {
				return fmt.Sprintf("a link of a message to %q", clip(value, 80))
			}
			if !slices.ContainsFunc(node.Attr, func(a html.Attribute) bool { return a.Key == "rel" && a.Val == "noopener nofollow ugc" }) {
				return "a link of a message without rel"
			}
		case key == "href", key == "src", key == "action", key == "hx-get", key == "hx-post":
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

// normalBody is what of a text is stored, written down once more: line ends in one form, nothing before the first line
// that shows something, no white space at the end.
func normalBody(s string) string {
	lines := strings.Split(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(s), "\n")
	invisible := func(line string) bool {
		for _, r := range line {
			if !unicode.IsSpace(r) && !unicode.Is(unicode.Cf, r) {
				return false
			}
		}
		return true
	}
	for len(lines) > 1 && invisible(lines[0]) {
		lines = lines[1:]
	}
	return strings.TrimRightFunc(strings.Join(lines, "\n"), unicode.IsSpace)
}

func TestPayloads(t *testing.T) {
	t.Parallel()
	if len(payloads) < 60 {
		t.Fatal("premise: there are few")
	}
	fields := map[string]func(w *world, payload string) []*answer{
		"username": func(w *world, p string) []*answer {
			return []*answer{w.visitor.post("/register", signUp("username", p, "password", "short"))}
		},
		"email": func(w *world, p string) []*answer {
			return []*answer{w.visitor.post("/register", signUp("email", p, "password", "short"))}
		},
		"password": func(w *world, p string) []*answer {
			return []*answer{w.visitor.post("/login", login(w.member.username, p)), w.visitor.post("/register", signUp("username", "!", "password", p)),
				w.visitor.post("/reset/"+w.token, url.Values{"password": {p[:min(len(p), 7)]}})}
		},
		"setup_code": func(w *world, p string) []*answer {
			return []*answer{w.visitor.post("/register", signUp("setup_code", p, "password", "short"))}
		},
		"login": func(w *world, p string) []*answer { return []*answer{w.visitor.post("/login", login(p, goodPassword))} },
		"next": func(w *world, p string) []*answer {
			form := login(w.member.username, "wrong password 1")
			form.Set("next", p)
			right := login(w.member.username, goodPassword)
			right.Set("next", p)
			return []*answer{w.visitor.post("/login", form), w.site.visitor().post("/login", right), w.visitor.get("/login?next=" + url.QueryEscape(p))}
		},
		"q": func(w *world, p string) []*answer {
			escaped := url.QueryEscape(p)
			page := w.member.get("/people?q=" + escaped)
			if page.status == 200 {
				if got, _ := page.has("#people-query").Attr("value"); got != strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(shown(p)) && got != shown(p) {
					w.t.Errorf("the search for %q shows %q", clip(p, 50), clip(got, 50))
				}
			}
			return []*answer{page, w.member.htmx().get("/people?q=" + escaped), w.member.with("HX-Request", "true", "HX-Target", "x#people-results").get("/people?q=" + escaped)}
		},
		"after": func(w *world, p string) []*answer {
			escaped := url.QueryEscape(p)
			return []*answer{w.member.get("/people?q=a&after=" + escaped), w.member.get("/people?after=" + escaped), w.member.get(w.conversation + "?after=" + escaped)}
		},
		"before": func(w *world, p string) []*answer {
			escaped := url.QueryEscape(p)
			return []*answer{w.member.get(w.conversation + "?before=" + escaped), w.member.get("/conversations?before=" + escaped), w.member.htmx().get("/conversations?before=" + escaped)}
		},
		"around": func(w *world, p string) []*answer {
			return []*answer{w.member.get(w.conversation + "?around=" + url.QueryEscape(p)), w.member.htmx().get(w.conversation + "?around=" + url.QueryEscape(p))}
		},
		"client_id": func(w *world, p string) []*answer {
			return []*answer{w.member.post(w.conversation+"/messages", draft("x", p)), w.member.htmx().post(w.conversation+"/messages", draft("x", p))}
		},
		"person": func(w *world, p string) []*answer {
			return []*answer{w.member.post("/conversations", url.Values{"person": {p}}), w.member.htmx().post("/conversations", url.Values{"person": {p}})}
		},
		"seq": func(w *world, p string) []*answer {
			return []*answer{w.member.post(w.conversation+"/read", url.Values{"seq": {p}})}
		},
		"time_zone": func(w *world, p string) []*answer {
			return []*answer{w.stranger.post("/settings", url.Values{"time_zone": {p}, "theme": {"auto"}}), w.stranger.get("/settings")}
		},
		"theme": func(w *world, p string) []*answer {
			return []*answer{w.stranger.post("/settings", url.Values{"time_zone": {"UTC"}, "theme": {p}})}
		},
		"a path": func(w *world, p string) []*answer {
			escaped := url.PathEscape(p)
			return []*answer{
				w.member.get("/people/" + escaped), w.member.get("/conversations/" + escaped), w.visitor.get("/reset/" + escaped), w.member.get("/" + escaped),
				w.visitor.get("/people/" + escaped), w.member.get("/static/" + escaped), w.member.get("/gallery/" + escaped), w.member.htmx().get("/people/" + escaped),
				w.visitor.post("/reset/"+escaped, url.Values{"password": {"short"}}), w.member.post("/conversations/"+escaped+"/messages", draft("x", chat.NewID().String())),
			}
		},
		"a query": func(w *world, p string) []*answer {
			escaped := url.QueryEscape(p)
			return []*answer{w.visitor.get("/settings?" + escaped), w.member.get("/?" + escaped + "=" + escaped), w.member.get("/login?next=" + escaped), w.member.get("/settings?saved=" + escaped)}
		},
		"a header": func(w *world, p string) []*answer {
			var all []*answer
			for _, name := range []string{"Accept-Language", "User-Agent", "Referer", "HX-Target", "HX-Current-URL", "HX-Request", "HX-Request-Type", "X-Forwarded-For", "Cookie", "If-None-Match", "Accept-Encoding", "X-Request-Id"} {
				all = append(all, w.visitor.with(name, p).get("/login"), w.visitor.with(name, p, "HX-Request", "true").get("/settings"))
			}
			return append(all, w.site.visitor().with("User-Agent", p).post("/login", login(w.member.username, goodPassword)))
		},
	}
	for field, try := range fields {
		t.Run("whatever is typed as "+field+" does no harm", func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, developing)
			for _, payload := range payloads {
				for _, a := range try(w, payload) {
					a.t = t
					harmless(t, fmt.Sprintf("%q: %s", clip(payload, 60), a.about), a)
				}
			}
			if n := value[int](w.site, `SELECT count(*) FROM people WHERE role = 'administrator'`); n != 1 {
				t.Errorf("%d administrators", n)
			}
			for _, complaint := range w.log.complaints() {
				t.Errorf("the log complains: %s", clip(complaint, 500))
			}
		})
	}

	t.Run("whatever is typed as a message is stored and shown as it is, or refused", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		stored := 0
		for _, payload := range payloads {
			about := fmt.Sprintf("%q", clip(payload, 60))
			id := chat.NewID().String()
			a := w.member.htmx().post(w.conversation+"/messages", draft(payload, id))
			harmless(t, about, a)
			switch a.status {
			case http.StatusOK:
			case http.StatusUnprocessableEntity:
				b := w.member.post(w.conversation+"/messages", draft(payload, id)).is(422)
				harmless(t, about, b)
				if value[bool](w.site, `SELECT EXISTS (SELECT FROM messages WHERE client_id = $1::uuid)`, id) {
					t.Errorf("%s is refused and stored", about)
				}
				continue
			default:
				t.Errorf("%s: %d", about, a.status)
				continue
			}
			stored++
			want := normalBody(payload)
			if got := value[string](w.site, `SELECT body FROM messages WHERE client_id = $1::uuid`, id); got != want {
				t.Errorf("%s is stored as %q", about, clip(got, 100))
			}
			for _, answer := range []*answer{a, w.other.get(w.conversation), w.member.get("/")} {
				harmless(t, about, answer)
			}
			message, _ := goquery.NewDocumentFromReader(strings.NewReader(a.body))
			if text := message.Find(".message__body").First().Text(); text != want {
				t.Errorf("%s is shown as %q", about, clip(text, 100))
			}
		}
		if stored < 60 {
			t.Errorf("only %d of %d were stored", stored, len(payloads))
		}
	})

	t.Run("whatever is typed as a name is stored and shown as it is, or refused", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		taken := 0
		for n, payload := range payloads {
			about := fmt.Sprintf("%q", clip(payload, 60))
			username := fmt.Sprintf("payload%d", n)
			b := w.site.visitor()
			a := b.post("/register", signUp("username", username, "display_name", payload))
			harmless(t, about, a)
			if a.status == http.StatusUnprocessableEntity {
				continue
			}
			a.redirects("/")
			taken++
			want := strings.Join(strings.Fields(payload), " ")
			if got := value[string](w.site, `SELECT display_name FROM people WHERE username = $1`, username); got != want {
				t.Errorf("%s is stored as %q", about, got)
			}
			b.username, b.id = username, value[chat.ID](w.site, `SELECT id FROM people WHERE username = $1`, username)
			conversation := b.talk(w.member)
			b.says(conversation, "hello")
			for _, answer := range []*answer{
				b.get("/settings"), w.member.get("/"), w.member.get("/people/" + username), w.member.get("/people?q=" + username), w.member.get(conversation),
				w.member.htmx().get(conversation), w.member.get(conversation + "/changes"),
			} {
				harmless(t, about, answer)
			}
			profile := w.member.get("/people/" + username).has("main bdi").Map(func(_ int, s *goquery.Selection) string { return s.Text() })
			if !slices.Contains(profile, want) {
				t.Errorf("%s is shown as %q", about, profile)
			}
		}
		if taken < 40 {
			t.Errorf("only %d of %d were taken", taken, len(payloads))
		}
	})

	t.Run("what is looked for is found: a page with the payload in its markup is noticed", func(t *testing.T) {
		t.Parallel()
		noticed := 0
		for _, payload := range payloads[:37] {
			document, err := html.Parse(strings.NewReader(`<html><body><div class="message__body">` + payload + `</div><input value="` + payload + `"></body></html>`))
			if err != nil {
				t.Fatal(err)
			}
			for node := range document.Descendants() {
				if strange(node) != "" {
					noticed++
					break
				}
			}
		}
		if noticed < 28 {
			t.Errorf("only %d of 37", noticed)
		}
	})
}
