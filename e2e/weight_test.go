//go:build unix

package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"

	"parley/chat"
)

// TestTheFirstViewIsLight holds the weights that the design allows, measured on the wire in a browser that has nothing
// of ours yet.
func TestTheFirstViewIsLight(t *testing.T) {
	t.Parallel()
	w := begin(t)
	ben := w.Account("Ben Castle")
	var conversation chat.ID
	for _, view := range []string{"the start page", "a conversation"} {
		var p *Person
		if view == "the start page" {
			p = w.Visitor("Nobody")
			p.Opens("/")
		} else {
			p = w.Person("Ana Torres")
			conversation = w.Direct(p.Viewer, ben)
			w.Talk(conversation, 60, p.Viewer, ben)
			p.At(conversation).Live()
		}
		p.until("the fonts are there", `() => document.fonts.status === "loaded"`)
		total, by := 0, map[string]int{}
		p.mu.Lock()
		for _, l := range p.traffic {
			kind := string(l.kind)
			switch {
			case l.kind == network.ResourceTypeFont || strings.HasSuffix(l.url, ".woff2"):
				kind = "font"
			case l.kind == network.ResourceTypeImage:
				kind = "pictures"
			case strings.HasSuffix(l.url, ".js"):
				kind = "scripts"
			case strings.HasSuffix(l.url, ".css"):
				kind = "styles"
			}
			by[kind] += l.bytes
			if kind != "font" && kind != "pictures" {
				total += l.bytes
			}
		}
		p.mu.Unlock()
		t.Logf("%s: %d bytes without pictures and font; %v", view, total, by)
		for _, bound := range []struct {
			what string
			is   int
			most int // in KB, that is 1,000 bytes
		}{{"all without pictures and font", total, 100}, {"scripts", by["scripts"], 45}, {"styles", by["styles"], 20}} {
			if bound.is > bound.most*1000 {
				t.Errorf("%s: %s: %d bytes, want %d KB at most", view, bound.what, bound.is, bound.most)
			}
			if bound.is == 0 {
				t.Errorf("%s: %s weighs nothing: the measuring is broken", view, bound.what)
			}
		}
	}
}

// TestNothingShiftsWhileAConversationOpens: 0.02 is a fifth of what Web Vitals call good.
func TestNothingShiftsWhileAConversationOpens(t *testing.T) {
	t.Parallel()
	w := begin(t)
	ana, ben := w.Person("Ana Torres"), w.Account("Ben Castle")
	conversation := w.Direct(ana.Viewer, ben)
	w.Talk(conversation, 60, ana.Viewer, ben)
	shifted := func(when string) {
		t.Helper()
		// Long enough for what comes late: a page is watched for a second and a half from its beginning.
		ana.until("the page has come to rest", `() => performance.now() > 1500 && document.fonts.status === "loaded" && new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))`)
		shift := ask[float64](ana.Tab, `() => window.__watch.shift`)
		t.Logf("%s: %.4f", when, shift)
		if shift > 0.02 {
			t.Errorf("%s: shifted by %.4f, want 0.02 at most: %s", when, shift, fmt.Sprint(ask[[]string](ana.Tab, `() => window.__watch.shifts`)))
		}
	}
	for _, width := range []int64{390, 1440} {
		ana.Width(width, 900)
		ana.At(conversation).Live()
		shifted(fmt.Sprintf("opening at %d px", width))
		w.Say(ben, conversation, "something new")
		ana.Sees("something new")
		shifted("after a new message")
	}
	// The page comes in several pieces, with time to paint in between.
	ana.Width(390, 900)
	ana.Slowly(10_000)
	ana.Reloads()
	ana.Live()
	shifted("over a slow line")
	ana.Slowly(-1)
	w.Say(ben, conversation, "unread")
	ana.Reloads()
	ana.Live()
	shifted("with an unread line")
}
