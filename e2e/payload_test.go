//go:build unix

package e2e

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/chromedp/chromedp/kb"

	"parley/chat"
)

// payloads are texts that have broken something somewhere. Each is to be shown as it is, and to do nothing.
var payloads = []string{
	// Markup that runs
	`<script>alert(1)</script>`,
	`"><script>alert(1)</script>`,
	`'><script>alert(1)</script>`,
	`</textarea><script>alert(1)</script>`,
	`</title><script>alert(1)</script>`,
	`</bdi></li></ol><script>alert(1)</script>`,
	`<img src=x onerror=alert(1)>`,
	`"><img src=x onerror=alert(1)>`,
	`<svg/onload=alert(1)>`,
	`<svg><script>alert&#40;1&#41;</script></svg>`,
	`<math><mtext><mglyph><style><img src=x onerror=alert(1)>`,
	`<iframe srcdoc="<script>alert(1)</script>">`,
	`<body onload=alert(1)>`,
	`<input autofocus onfocus=alert(1)>`,
	`<details open ontoggle=alert(1)>`,
	`<video><source onerror=alert(1)>`,
	`<a href="javascript:alert(1)">click</a>`,
	`<form action=javascript:alert(1)><button>go</button></form>`,
	`<meta http-equiv=refresh content="0;url=https://evil.example/">`,
	`<base href=https://evil.example/>`,
	`<link rel=stylesheet href=//evil.example/x.css>`,
	`<object data=//evil.example/x.swf></object>`,
	`<template><script>alert(1)</script></template>`,
	`<noscript><p title="</noscript><img src=x onerror=alert(1)>">`,
	`<!--><img src=x onerror=alert(1)>-->`,
	`<![CDATA[<script>alert(1)</script>]]>`,
	`<scr<script>ipt>alert(1)</scr</script>ipt>`,
	`%3Cscript%3Ealert(1)%3C/script%3E`,
	`&lt;script&gt;alert(1)&lt;/script&gt;`,
	`&#x3C;script&#x3E;alert(1)&#x3C;/script&#x3E;`,
	`\u003cscript\u003ealert(1)\u003c/script\u003e`,
	"<img src=x onerror=alert`1`>",
	// Attributes
	`" onmouseover="alert(1)" x="`,
	`' onmouseover='alert(1)' x='`,
	`x onfocus=alert(1) autofocus`,
	`" style="position:fixed;inset:0;background:red" x="`,
	// htmx
	`<div hx-get="/logout" hx-trigger="load">`,
	`<div hx-on:load="alert(1)" hx-trigger="load">x</div>`,
	`" hx-post="/logout" hx-trigger="load" x="`,
	`<hx-partial hx-target="#pane" hx-swap="innerHTML">gone</hx-partial>`,
	`<p hx-vals="js:{x:alert(1)}" hx-get="/" hx-trigger="load">`,
	// Links
	`javascript:alert(1)`,
	`JaVaScRiPt:alert(1)//https://example.org`,
	`data:text/html,<script>alert(1)</script>`,
	`vbscript:msgbox(1)`,
	`https://example.org/"onmouseover="alert(1)`,
	`https://example.org/<script>alert(1)</script>`,
	`https://user:pass@example.org:99999/?q=%00`,
	`http://[::1]/../../etc/passwd`,
	`mailto:a@example.org?body=<script>`,
	`//evil.example/x`,
	"https://еxample.org/\u202egpj.exe",
	// Templates and programs
	`{{7*7}} ${7*7} #{7*7} <%= 7*7 %>`,
	`{{constructor.constructor('alert(1)')()}}`,
	`${alert(1)}`,
	`{count} {author} {limit} {{.Name}}`,
	`'; DROP TABLE people; --`,
	`" OR "1"="1`,
	`%' OR 1=1 -- _%`,
	`1; SELECT pg_sleep(10)`,
	`$(touch /tmp/x) | ls && id`,
	`../../../../etc/passwd`,
	`Robert"); __proto__[x]=1; toString`,
	`__proto__`,
	`null undefined NaN true 0`,
	`%s %d %n %!s(MISSING)`,
	// Styles
	`</style><style>*{display:none}</style>`,
	`expression(alert(1)); background:url(javascript:alert(1))`,
	// Scripts of people
	"\u202Ereversed\u202C text",
	"\u2067isolate that never ends",
	"\u200fשלום <b>abc</b> עולם",
	"العربية 123 (abc) ٤٥٦",
	"Z̸̡̢̛͔̤̙̱̲̱̑̈́͑̀̈̀͝ͅȃ̸̧̨̛̛͔̤̙̱̲̈́͑̀̈̀͝l̸̛̛͔̤̙̱̲̑̈́͑̀̈̀͝ͅg̸̛̛͔̤̙̱̲̑̈́͑̀̈̀͝ơ̸̛͔̤̙̱̲̑̈́͑̀̈̀͝",
	"zero\u200Bwidth\u200Djoin\uFEFFers",
	"e\u0301 and \u00e9 are not the same bytes",
	"👩‍👩‍👧‍👦 🏳️‍🌈 👍🏿 🇺🇳 1️⃣",
	"𝕱𝖗𝖆𝖐𝖙𝖚𝖗 and \U0010FFFD",
	"日本語の長い文章が改行なしで続くとどうなるか",
	"line\u2028separator\u2029paragraph",
	strings.Repeat("unbreakable", 40),
	strings.Repeat("﷽", 50),
	"ﾟ･✿ヾ╲(｡◕‿◕｡)╱✿･ﾟ",
	`<p>tab	and   many   spaces</p>`,
}

// nothingMade is a function that says whether the page holds only what templates make: no element or attribute that a
// payload would bring, no dialog (those are watched anyway), no style of its own.
const nothingMade = `() => {
	const brought = document.querySelector(
		"main script, main style, nav script, iframe, object, embed, base, math, video, img, meta[http-equiv], body link, " +
		"[onerror], [onload], [onclick], [onmouseover], [onfocus], [ontoggle], [srcdoc], " +
		"main [style*=fixed], [hx-on\\:load], [hx-vals], [hx-trigger=load], main hx-partial, a[href^=javascript i], a[href^=data i], a[href^=vbscript i]");
	if (brought) return brought.outerHTML.slice(0, 300);
	for (const body of document.querySelectorAll(".message__body")) {
		for (const child of body.querySelectorAll("*")) {
			const link = child.matches("a") && /^(https?|mailto):/i.test(child.getAttribute("href")) && child.rel === "noopener nofollow ugc" && child.target === "_blank";
			if (!link) return "in a message: " + child.outerHTML.slice(0, 300);
		}
	}
	for (const name of document.querySelectorAll("bdi")) if (name.children.length) return "in a name: " + name.outerHTML.slice(0, 300);
	return true;
}`

func TestPayloadsInMessagesAreShownAndDoNothing(t *testing.T) {
	t.Parallel()
	w := begin(t)
	ana, ben := w.Person("Ana Torres"), w.Person("Ben Castle")
	conversation := w.Direct(ana.Viewer, ben.Viewer)
	ben.At(conversation).Live()
	ana.At(conversation).Live()
	for i, payload := range payloads {
		ana.Drafts(payload)
		if i%10 == 0 { // some of them as drafts over a reload
			ana.Reloads()
			ana.Live()
			ana.until("the draft is the same", `(text) => document.querySelector("#composer-body").value === text || document.querySelector("#composer-body").value`, payload)
			ana.ClicksAt("#composer-body")
		}
		ana.Presses(kb.Enter)
	}
	last := []string{strings.TrimRightFunc(payloads[len(payloads)-1], unicode.IsSpace)}
	ana.Reads(last...)
	ben.Reads(last...)
	if len(payloads) < 60 {
		t.Fatalf("only %d payloads", len(payloads))
	}
	stored := w.Bodies(conversation)
	equal(t, "stored", stored, payloads)
	for _, p := range []*Person{ana, ben} {
		live := p.Log()
		if p == ben || len(live) < 20 { // Ana's page began anew with each reload
			equal(t, p.Name+", live", live, payloads)
		}
		equal(t, p.Name+", live", live, payloads[len(payloads)-len(live):])
		p.until("nothing was made of them", nothingMade)
		p.until("the page fits", sound)
		p.Width(390, 844)
		p.until("the page fits on a phone", sound)
		p.Glances()
		p.EqualsFresh()
		p.Reloads()
		p.Live()
		equal(t, p.Name+", drawn by the server", p.Log(), payloads[len(payloads)-50:])
		p.until("nothing was made of them", nothingMade)
		p.until("the page fits on a phone", sound)
	}
}

// TestPayloadsAsNamesAreShownAndDoNothing: each hostile text that is a possible name is somebody's, who writes it, too.
func TestPayloadsAsNamesAreShownAndDoNothing(t *testing.T) {
	t.Parallel()
	w := begin(t)
	ana := w.Person("Ana Torres")
	names := map[string]string{} // by username
	for i, payload := range payloads {
		username := fmt.Sprintf("p%02d", i)
		viewer, err := w.app.Chat().Register(context.Background(), chat.Origin{Address: "127.0.0.1", Local: true}, chat.RegisterInput{
			Username: username, DisplayName: payload, Password: password, Email: fmt.Sprintf("p%d@example.org", i),
		})
		if utf8.RuneCountInString(payload) > chat.MaxDisplayName {
			if chat.KindOf(err) != chat.KindInvalid {
				t.Errorf("%q was taken as a name: %v", payload, err)
			}
			continue
		}
		if chat.KindOf(err) == chat.KindInvalid {
			continue // a control character: refused, which is told
		}
		if err != nil {
			t.Fatalf("%q: %v", payload, err)
		}
		names[username] = viewer.DisplayName
		w.Say(viewer, w.Direct(viewer, ana.Viewer), payload)
	}
	if len(names) < 60 {
		t.Fatalf("only %d of the payloads are names", len(names))
	}

	// The list, with names and previews.
	ana.Opens("/")
	ana.Live()
	ana.until("every name stands in the list", `(names) => {
		const rows = new Set([...document.querySelectorAll("#list .row__name bdi")].map((name) => name.textContent));
		return Object.values(names).find((name) => !rows.has(name)) ?? true;
	}`, names)
	ana.until("nothing was made of them", nothingMade)
	ana.until("the page fits", sound)

	// Search results, page by page, and profiles; at each the title.
	ana.Opens("/people")
	ana.Live()
	for ana.Tab.has("#people-more a") {
		before := ask[int](ana.Tab, `() => document.querySelectorAll(".person").length`)
		ana.ClicksAt("#people-more a")
		ana.until("more have come", `(before) => document.querySelectorAll(".person").length > before`, before)
	}
	ana.until("every name stands in the results", `(names) => {
		const shown = Object.fromEntries([...document.querySelectorAll(".person")].map((p) => [p.querySelector(".person__username").textContent.slice(1), p.querySelector(".person__name").textContent]));
		for (const [username, name] of Object.entries(names)) if (shown[username] !== name) return username + ": " + shown[username];
		return true;
	}`, names)
	ana.until("nothing was made of them", nothingMade)
	ana.until("the page fits", sound)
	for i := 0; i < len(payloads); i += 6 { // all of them stood in the results; a page for each would take long
		username := fmt.Sprintf("p%02d", i)
		name, known := names[username]
		if !known {
			continue
		}
		ana.Opens("/people/" + username)
		got := ask[[]string](ana.Tab, `() => [document.querySelector("#pane h1").textContent, document.title]`)
		if got[0] != name || strings.Join(strings.Fields(got[1]), " ") != strings.Join(strings.Fields(name+" · Parley"), " ") && !strings.HasSuffix(got[1], "Parley") {
			t.Errorf("%q is shown as %q, titled %q", name, got[0], got[1])
		}
		ana.until("nothing was made of it", nothingMade)
		ana.until("the page fits", sound)
	}
}

// TestPayloadsInGroupsAreShownAndDoNothing: what a group is called and for comes into others' open pages as it changes.
func TestPayloadsInGroupsAreShownAndDoNothing(t *testing.T) {
	t.Parallel()
	w := begin(t)
	ana, ben := w.Person("Ana Torres"), w.Person("Ben Castle")
	ctx, c := context.Background(), w.app.Chat()
	group, err := c.CreateGroup(ctx, ana.Viewer, chat.GroupSettings{Name: "Crew"}, []chat.ID{ben.Viewer.ID})
	if err != nil {
		t.Fatal(err)
	}
	ben.At(group).Live()
	names := 0
	for _, payload := range payloads {
		name := strings.Join(strings.Fields(payload), " ")
		if utf8.RuneCountInString(name) > chat.MaxGroupName {
			name = string([]rune(name)[:chat.MaxGroupName])
		}
		err := c.UpdateGroup(ctx, ana.Viewer, group, chat.GroupSettings{Name: name, Description: payload})
		if chat.KindOf(err) == chat.KindInvalid {
			continue // a control character: refused, which is told
		}
		if err != nil {
			t.Fatalf("%q: %v", payload, err)
		}
		names++
		if names%10 == 0 { // the head is asked for within two seconds of a change, and a row comes once for many
			ben.until("the head and the row have the new name", `(name) => {
				const head = document.querySelector(".pane__title bdi").textContent;
				const row = document.querySelector("#list .row__name bdi").textContent;
				return head === name && row === name || head + " / " + row;
			}`, strings.TrimSpace(name))
		}
	}
	if names < 60 {
		t.Fatalf("only %d of the payloads are names", names)
	}
	ben.until("nothing was made of them, nor of the lines that tell of them", nothingMade)
	ben.Width(390, 844)
	ben.until("the page fits on a phone", sound)
	ben.EqualsFresh()

	// The form gives back what was typed and stored.
	settings := "/conversations/" + group.String() + "/settings"
	for i := 0; i < len(payloads); i += 16 {
		ana.Opens(settings)
		if name := strings.Join(strings.Fields(payloads[i]), " "); utf8.RuneCountInString(name) <= chat.MaxGroupName {
			ana.Fills("Name of the group", name)
		}
		ana.Fills("Description", payloads[i])
		ana.Clicks("Save")
		ana.Finds(".notice")
		ana.until("nothing was made of it", nothingMade)
		ana.until("the page fits", sound)
		ana.Opens(settings)
		ana.until("it is given back", `(text) => {
			const about = document.querySelector("[name=about]").value;
			return about.trim() === text.trim() || about;
		}`, payloads[i])
	}
	ana.Opens("/conversations/" + group.String() + "/details")
	ana.until("nothing was made of them", nothingMade)
	ana.until("the page fits", sound)
}

// has says whether a CSS selector finds something that can be seen, now.
func (tab *Tab) has(selector string) bool {
	tab.t.Helper()
	return ask[bool](tab, `(selector) => [...document.querySelectorAll(selector)].some(window.__watch.visible)`, selector)
}

// TestPayloadsInARegistrationComeBackAsTheyWere: every payload in one of the fields (in each of them without a browser, where
// it takes no time), refused for the password at least.
func TestPayloadsInARegistrationComeBackAsTheyWere(t *testing.T) {
	t.Parallel()
	visitor := begin(t).Visitor("Nobody")
	visitor.Expects("status of 4")
	visitor.Opens("/register")
	for i := 0; i < len(payloads); i += 3 {
		values := map[string]string{"display_name": payloads[i], "username": payloads[(i+1)%len(payloads)], "email": payloads[(i+2)%len(payloads)]}
		ask[bool](visitor.Tab, `(values) => {
			delete window.__watch;
			const form = document.querySelector("form.form");
			for (const [name, value] of Object.entries(values)) form.elements[name].value = value;
			form.elements.password.value = "short";
			form.noValidate = true;
			form.requestSubmit();
			return true;
		}`, values)
		visitor.until("the values are kept", `(values) => {
			if (!window.__watch || !document.querySelector("#error-summary")) return "no answer yet";
			const form = document.querySelector("form.form");
			// A field of one line has no line ends, and an address field no spaces around, whoever writes into it.
			const plain = (text) => text.replace(/[\r\n]/g, "").trim();
			for (const [name, value] of Object.entries(values)) {
				if (plain(form.elements[name].value) !== plain(value)) return name + ": " + form.elements[name].value;
			}
			return true;
		}`, values)
		visitor.until("nothing was made of them", nothingMade)
		visitor.until("the page fits", sound)
	}
}

// TestPayloadsInALoginDoNothing: as name and password, and as where to go next.
func TestPayloadsInALoginDoNothing(t *testing.T) {
	t.Parallel()
	visitor := begin(t).Visitor("Nobody")
	visitor.Expects("status of 4")
	for i := 0; i < len(payloads); i += 8 {
		visitor.Opens("/login?next=" + url.QueryEscape(payloads[i]))
		visitor.Fills("Username or e-mail", strings.ReplaceAll(payloads[i], "\n", ""))
		visitor.Fills("Password", payloads[i])
		visitor.Presses(kb.Enter)
		visitor.Finds("#error-summary")
		visitor.until("nothing was made of it", nothingMade)
		visitor.until("the page fits", sound)
	}
}

// TestPayloadsInASearchStandInItsSentence: some by address, the others while typing.
func TestPayloadsInASearchStandInItsSentence(t *testing.T) {
	t.Parallel()
	const people = 3 // who search side by side: most of it is waiting for the end of a word
	clean := func(query string) string { return strings.Join(strings.Fields(query), " ") }
	for first := range people {
		t.Run(fmt.Sprintf("by person %d", first+1), func(t *testing.T) {
			t.Parallel()
			ana := begin(t).Person("Ana Torres")
			ana.Opens("/people")
			for i := first; i < len(payloads); i += people {
				payload := clean(payloads[i])
				if utf8.RuneCountInString(payload) > chat.MaxQuery {
					payload = string([]rune(payload)[:chat.MaxQuery])
				}
				if i%8 == 0 {
					ana.Opens("/people?q=" + url.QueryEscape(payload))
				} else {
					ana.Fills("Name or username", payload)
				}
				ana.until("nobody is found for it", `(query) => {
					const plain = (text) => text.replace(/[\u2066-\u2069\u202a-\u202e]/g, "").replace(/\s+/g, " ").trim();
					const shown = plain(document.querySelector("#people-results .empty__title")?.textContent ?? "found");
					return shown === plain("Nobody found for “" + query + "”.") || shown;
				}`, payload)
				ana.until("nothing was made of it", nothingMade)
				ana.until("the page fits", sound)
			}
		})
	}
}

// TestPayloadsInWhatHasNoFieldAreRefused: a zone, a theme, a message's own id, a place in a conversation.
func TestPayloadsInWhatHasNoFieldAreRefused(t *testing.T) {
	t.Parallel()
	w := begin(t)
	ana := w.Person("Ana Torres")
	ana.Expects("status of 4")
	conversation := w.Direct(ana.Viewer, w.Account("Ben Castle"))
	ana.Opens("/settings")
	statuses := ask[map[string]int](ana.Tab, `async (payloads, conversation) => {
		const counts = {};
		const post = (path, fields) => fetch(path, { method: "POST", body: new URLSearchParams(fields), redirect: "manual" });
		for (const text of payloads) {
			const q = encodeURIComponent(text);
			const answers = await Promise.all([
				post("/settings", { time_zone: text, theme: "auto" }),
				post("/settings", { time_zone: "UTC", theme: text }),
				post("/conversations", { person: text }),
				post(conversation + "/messages", { body: "x", client_id: text }),
				post(conversation + "/read", { seq: text }),
				...["before", "after", "around"].map((name) => fetch(conversation + "?" + name + "=" + q)),
				fetch("/people/" + q), fetch("/people?after=" + q), fetch("/conversations?before=" + q), fetch("/conversations/" + q),
				fetch(conversation + "/changes?after=" + q), fetch(conversation + "/changes?after=0&view=0&epoch=" + q),
			]);
			for (const answer of answers) {
				if (answer.status >= 500) throw new Error(answer.status + " for " + text + " at " + answer.url);
				counts[answer.status] = (counts[answer.status] ?? 0) + 1;
			}
		}
		return counts;
	}`, payloads, "/conversations/"+conversation.String())
	t.Logf("statuses: %v", statuses)
	if stored := w.Bodies(conversation); len(stored) != 0 {
		t.Errorf("stored: %q", stored)
	}
}
