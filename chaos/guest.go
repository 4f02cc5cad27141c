//go:build linux

package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/chromedp/cdproto/network"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"parley/chaos/history"
	"parley/chaos/page"
	"parley/e2e/chromium"
)

// guest is somebody at a real page in a real browser, with the same kind of line as everybody. What the page's rules are
// is not written a second time here: guest.js looks at what the page shows.
type guest struct {
	*person
	conversation string
	ctx          context.Context
	cancel       context.CancelFunc

	writing sync.Mutex
	writes  bool

	mu      sync.Mutex
	sends   []*history.Send // that wait for their message
	looks   int             // at states of the page that has been left
	now     int             // at states of the present page
	anchor  string          // the message that is being read, above the end
	offset  *float64        // how far below the log's edge it stands
	strayed int             // how many times it stood elsewhere
	polls   int
	change  int64
}

//go:embed guest.js
var watching string

// browse starts a browser.
func browse(ctx context.Context, root string) (browser context.Context, stop func(), err error) {
	path, err := chromium.Path()
	if err != nil {
		return nil, nil, err
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.DisableGPU,
		chromedp.UserDataDir(filepath.Join(root, "chromium")), chromedp.WSURLReadTimeout(time.Minute))
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox) // Chromium's sandbox refuses root
	}
	allocator, cancel := chromedp.NewExecAllocator(ctx, options...)
	browser, leave := chromedp.NewContext(allocator)
	stop = func() {
		leave()
		cancel()
	}
	if err := chromedp.Do(browser); err != nil {
		stop()
		return nil, nil, fmt.Errorf("starting %s: %w", path, err)
	}
	return browser, stop, nil
}

// welcome makes an account for a guest, lets the owner of a group take the guest in, and opens the group's page.
func (w *world) welcome(ctx, browser context.Context, name string, to *group) (*guest, error) {
	p, err := w.join(ctx, name)
	if err != nil {
		return nil, err
	}
	a, _, err := to.owner.insist(ctx, "/conversations/"+to.id+"/members", url.Values{"people": {p.id}})
	if err != nil || a.status != http.StatusSeeOther {
		return nil, fmt.Errorf("%s takes %s in: %d, %w", to.owner.name, name, a.status, err)
	}
	g := &guest{person: p, conversation: to.id}
	g.ctx, g.cancel = chromedp.NewContext(browser, chromedp.WithNewBrowserContext())
	w.guests = append(w.guests, g)
	if _, err := chromedp.Call(g.ctx, cdppage.AddScriptToEvaluateOnNewDocument,
		cdppage.AddScriptToEvaluateOnNewDocumentParams{Source: watching}); err != nil {
		return nil, err
	}
	here, err := url.Parse("http://" + p.line.addr())
	if err != nil {
		return nil, err
	}
	var cookies []*network.CookieParam
	for _, cookie := range p.cookies.Cookies(here) {
		cookies = append(cookies, &network.CookieParam{Name: cookie.Name, Value: cookie.Value, URL: here.String(), HTTPOnly: true})
	}
	if _, err := chromedp.Call(g.ctx, network.SetCookies, network.SetCookiesParams{Cookies: cookies}); err != nil {
		return nil, err
	}
	if err := g.opens(ctx); err != nil {
		return nil, err
	}
	w.spawn(g.follow)
	return g, nil
}

// ask calls one of guest.js' functions.
func ask[T any](g *guest, function string, args ...any) (T, error) {
	ctx, cancel := context.WithTimeout(g.ctx, 10*time.Second)
	defer cancel()
	words := make([]string, len(args))
	for i, arg := range args {
		word, err := json.Marshal(arg)
		if err != nil {
			var none T
			return none, err
		}
		words[i] = string(word)
	}
	return chromedp.Run(ctx, chromedp.Evaluate[T]("__chaos."+function+"("+strings.Join(words, ", ")+")", chromedp.EvalAwaitPromise))
}

// opens goes to the conversation's page. The browser may find nobody there for a while.
func (g *guest) opens(ctx context.Context) error {
	return until(ctx, time.Minute, func(context.Context) error {
		ctx, cancel := context.WithTimeout(g.ctx, 20*time.Second)
		defer cancel()
		if err := chromedp.Do(ctx, chromedp.Navigate("http://"+g.line.addr()+"/conversations/"+g.conversation)); err != nil {
			return err
		}
		s, err := g.state()
		if err == nil && s.Change == 0 {
			err = fmt.Errorf("%s sees no conversation at %s", g.name, s.Path)
		}
		return err
	})
}

// goes leaves the page for an empty one.
func (g *guest) goes() error {
	g.mu.Lock()
	g.looks, g.now = g.looks+g.now, 0
	g.mu.Unlock()
	ctx, cancel := context.WithTimeout(g.ctx, 20*time.Second)
	defer cancel()
	return chromedp.Do(ctx, chromedp.Navigate("about:blank"))
}

type guestState struct {
	Wrong  []string `json:"wrong"`
	Looks  int      `json:"looks"`
	Path   string   `json:"path"`
	Change int64    `json:"change"`
	Offset *float64 `json:"offset"`
	Anchor string   `json:"anchor"` // whose offset it is
	Mine   []struct {
		Client string `json:"client"`
		ID     string `json:"id"`
		Seq    int64  `json:"seq"`
	} `json:"mine"`
}

func (g *guest) state() (guestState, error) {
	g.mu.Lock()
	anchor := g.anchor
	g.mu.Unlock()
	return ask[guestState](g, "state", anchor)
}

// follow looks at the page again and again: what guest.js has found, what has been sent, and whether what is being read
// stays where it is. Now and then the guest writes.
func (g *guest) follow(ctx context.Context) {
	for round := 0; ctx.Err() == nil && g.ctx.Err() == nil; round++ {
		sleep(ctx, 200*time.Millisecond)
		g.writing.Lock()
		if g.writes && round%3 == 0 {
			g.write()
		}
		g.writing.Unlock()
		s, err := g.state()
		if err != nil || !strings.HasPrefix(s.Path, "/") {
			continue // between two pages
		}
		for _, wrong := range s.Wrong {
			g.world.problemOnce("the page of %s: %s", g.name, wrong)
		}
		if s.Path != "/conversations/"+g.conversation {
			g.world.problemOnce("the page of %s is at %s", g.name, s.Path)
		}
		g.mu.Lock()
		g.now, g.change, g.polls = s.Looks, s.Change, g.polls+1
		if g.offset != nil && s.Anchor == g.anchor && (s.Offset == nil || *s.Offset < *g.offset-2 || *s.Offset > *g.offset+2) {
			g.strayed++
			g.world.rec.Note("strayed", map[string]any{"guest": g.name, "from": *g.offset, "to": s.Offset})
		}
		for _, m := range s.Mine {
			for i, send := range g.sends {
				if send.Client == m.Client {
					g.world.rec.Acknowledge(send, m.ID, m.Seq)
					g.sends = append(g.sends[:i:i], g.sends[i+1:]...)
					break
				}
			}
		}
		g.mu.Unlock()
	}
}

// write lets the guest write a message. Its id is the page's to choose.
func (g *guest) write() {
	send := g.world.rec.Invoke(g.name+"/page", g.id, g.conversation, "")
	client, err := ask[string](g, "write", history.Text(send.N))
	if err != nil || client == "" {
		g.world.problem("%s writes, and no bubble stands: %v", g.name, err)
		g.world.rec.Fail(send, 0)
		return
	}
	g.world.rec.Name(send, client)
	g.mu.Lock()
	g.sends = append(g.sends, send)
	g.mu.Unlock()
}

// talks lets the guest write now and then, or not any more.
func (g *guest) talks(writes bool) {
	g.writing.Lock()
	defer g.writing.Unlock()
	g.writes = writes
}

// readsAbove lets the guest go up in the conversation and stay there.
func (g *guest) readsAbove(ctx context.Context) error {
	return until(ctx, 30*time.Second, func(context.Context) error {
		anchor, err := ask[string](g, "readAbove")
		if err != nil || anchor == "" {
			return fmt.Errorf("%s finds nothing to read above the end: %w", g.name, err)
		}
		g.mu.Lock()
		g.anchor = anchor
		g.mu.Unlock()
		s, err := g.state()
		g.mu.Lock()
		defer g.mu.Unlock()
		if g.offset = s.Offset; err == nil && s.Offset == nil {
			err = errors.New("what is being read is not there")
		}
		return err
	})
}

// comesBack takes the guest to the end.
func (g *guest) comesBack() error {
	g.mu.Lock()
	g.anchor, g.offset = "", nil
	g.mu.Unlock()
	_, err := ask[bool](g, "toEnd")
	return err
}

// final is what the guest sees in the end: what stands in the page, and before it what a page shows that is fetched now.
func (g *guest) final(ctx context.Context) (f history.Final, err error) {
	f = history.Final{Person: g.id, Conversation: g.conversation}
	if f.Fetched, err = g.whole(ctx, g.conversation); err != nil {
		return f, err
	}
	shown, err := chromedp.Run(g.ctx, chromedp.Evaluate[string](`document.querySelector("#pane").outerHTML`))
	if err != nil {
		return f, err
	}
	g.world.rec.Receive(g.id, []byte(shown))
	content, err := page.Parse(shown)
	if err != nil || content.Log == nil || len(content.Log.Messages) == 0 {
		return f, fmt.Errorf("the page of %s shows no conversation: %w", g.name, err)
	}
	fetched := map[string]page.Message{}
	for _, m := range f.Fetched {
		fetched[m.ID] = m
		if m.Seq < content.Log.Messages[0].Seq {
			f.Applied = append(f.Applied, m)
		}
	}
	for _, m := range content.Log.Messages {
		if again := fetched[m.ID]; again.Change == m.Change {
			m.Form = again.Form // a browser writes markup in its own way; e2e compares it with its like
		}
		f.Applied = append(f.Applied, m)
	}
	return f, nil
}

func (g *guest) leaves() {
	g.cancel()
	g.person.leaves()
}

// guest by id.
func (w *world) guest(id string) *guest {
	for _, g := range w.guests {
		if g.id == id {
			return g
		}
	}
	return nil
}

// shown waits until the real pages have come as far as the database is now.
func (w *world) shown(ctx context.Context) error {
	heads, err := w.heads(ctx)
	if err != nil {
		return err
	}
	return until(ctx, time.Minute, func(context.Context) error {
		for _, g := range w.guests {
			g.mu.Lock()
			change, want := g.change, heads[g.conversation].Changes
			g.mu.Unlock()
			if change < want {
				return fmt.Errorf("the page of %s is at change %d of %d", g.name, change, want)
			}
		}
		return nil
	})
}

// realPages lets two people sit at real pages of a group that the crowd talks in: one writes, and one reads above the end.
func (p plan) realPages(ctx context.Context, name string) (ok bool, err error) {
	if !p.browser {
		return true, nil
	}
	browser, stop, err := browse(ctx, p.root)
	if err != nil {
		p.report.note("Not tried: %s. %v.", name, err)
		return true, nil
	}
	defer stop()
	w, err := p.system(ctx, options{nodes: 1}, name)
	if err != nil {
		return false, err
	}
	defer w.end()
	p.report.happened(name)
	g := w.groups[0]
	writer, err := w.welcome(ctx, browser, "maya", g)
	if err != nil {
		return false, err
	}
	reader, err := w.welcome(ctx, browser, "nils", g)
	if err != nil {
		return false, err
	}
	w.talk()
	writer.talks(true)
	sleep(ctx, 12*time.Second) // until there is enough to read
	if err := reader.readsAbove(ctx); err != nil {
		return false, err
	}
	lines := []*line{writer.line, reader.line}
	for _, happens := range []func(context.Context, *world, string) error{
		killOnly,
		func(ctx context.Context, _ *world, _ string) error {
			for _, l := range lines {
				l.Cut()
			}
			sleep(ctx, 3*time.Second)
			for _, l := range lines {
				l.Mend()
			}
			return nil
		},
		databaseAway(0),
		func(ctx context.Context, _ *world, _ string) error {
			for _, l := range lines {
				l.LoseAnswers(3)
				l.HoldAnswers(700 * time.Millisecond)
			}
			sleep(ctx, 4*time.Second)
			for _, l := range lines {
				l.LoseAnswers(0)
				l.HoldAnswers(0)
			}
			return nil
		},
		func(ctx context.Context, w *world, name string) error {
			for _, l := range lines {
				l.DropSockets()
			}
			return killOnly(ctx, w, name)
		},
	} {
		if err := happens(ctx, w, name); err != nil {
			return false, err
		}
		began := time.Now()
		w.took(name, "the real pages are back and complete", 0, back+whole, w.shown(ctx), &began)
		sleep(ctx, time.Second)
	}
	// What was written without a network survives that the page is closed, and goes out when it is opened again.
	writer.talks(false)
	err = until(ctx, time.Minute, func(context.Context) error {
		writer.mu.Lock()
		defer writer.mu.Unlock()
		if n := len(writer.sends); n > 0 {
			return fmt.Errorf("%d messages of %s are on their way", n, writer.name)
		}
		return nil
	})
	if err != nil {
		w.problem("%s: %v", name, err)
	}
	writer.line.Cut()
	for range 3 {
		writer.write()
	}
	if err := writer.goes(); err != nil {
		return false, err
	}
	writer.line.Mend()
	sleep(ctx, time.Second)
	writer.mu.Lock()
	waiting := len(writer.sends)
	writer.mu.Unlock()
	if waiting != 3 {
		w.problem("%s: of three messages that were written without a network %d wait", name, waiting)
	}
	if err := writer.opens(ctx); err != nil {
		return false, err
	}
	if err := w.hush(ctx, time.Minute); err != nil {
		p.report.say("  %v", err) // check 6 says which
	}
	reader.mu.Lock()
	strayed, polls := reader.strayed, reader.polls
	reader.mu.Unlock()
	if strayed > 0 || polls < 50 {
		w.problem("%s: %d of %d times that %s was looked at, what is being read stood elsewhere", name, strayed, polls, reader.name)
	}
	if err := reader.comesBack(); err != nil {
		return false, err
	}
	began := time.Now()
	w.took(name, "the real pages are back and complete", 0, back+whole, w.shown(ctx), &began)
	found, err := w.judged(ctx, name)
	if err != nil {
		return false, err
	}
	for _, g := range w.guests {
		g.mu.Lock()
		p.report.note("The real page of %s was looked at in %d states; it was asked %d times.", g.name, g.looks+g.now, g.polls)
		if g.looks+g.now < 100 {
			w.problem("%s: the page of %s was looked at in %d states only", name, g.name, g.looks+g.now)
		}
		g.mu.Unlock()
	}
	return w.said(found), nil
}
