//go:build unix

package e2e

import (
	"context"
	"net/http"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/storage"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"

	"parley/chat"
)

// Person is somebody at a browser: a browser context, a line to the server, and one tab or more. What a person does
// happens in the tab in front.
type Person struct {
	*Tab // in front

	Name, Username string
	Viewer         chat.Viewer // once there is an account
	Line           *Line

	world    *World
	context  cdp.BrowserContextID
	tabs     []*Tab
	expected []string // see Expects
}

func newPerson(w *World, name string) *Person {
	w.t.Helper()
	p := &Person{Name: name, Username: usernameOf(name), world: w, Line: newLine(w.t, w.addr)}
	w.lines = append(w.lines, p.Line)
	browser, err := shared.context()
	if err != nil {
		w.t.Fatal(err)
	}
	made, err := chromedp.CallBrowser(browser, target.CreateBrowserContext, target.CreateBrowserContextParams{})
	if err != nil {
		w.t.Fatalf("a browser for %s: %v", name, err)
	}
	p.context = made.BrowserContextID
	w.t.Cleanup(func() {
		for _, tab := range p.tabs {
			tab.report()
		}
		_, err := chromedp.CallBrowser(browser, target.DisposeBrowserContext,
			target.DisposeBrowserContextParams{BrowserContextID: p.context})
		if err != nil {
			w.t.Errorf("the browser of %s: %v", name, err)
		}
		for _, tab := range p.tabs {
			tab.cancel()
		}
	})
	p.OpensTab()
	return p
}

// OpensTab opens another tab, which comes to the front.
func (p *Person) OpensTab() *Tab {
	p.world.t.Helper()
	p.Tab = newTab(p)
	p.tabs = append(p.tabs, p.Tab)
	return p.Tab
}

// Turns to a tab: it comes to the front.
func (p *Person) Turns(to *Tab) {
	p.world.t.Helper()
	p.Tab = to
}

// Expects says which complaints of the browser belong to the story: parts of their text, such as "status of 422".
func (p *Person) Expects(complaints ...string) {
	p.expected = append(p.expected, complaints...)
}

// takes puts cookies into the person's browser.
func (p *Person) takes(cookies []*http.Cookie) {
	p.world.t.Helper()
	var params []*network.CookieParam
	for _, cookie := range cookies {
		params = append(params, &network.CookieParam{
			Name: cookie.Name, Value: cookie.Value, URL: p.Line.URL(), HTTPOnly: true, SameSite: network.CookieSameSiteLax,
		})
	}
	browser, err := shared.context()
	if err == nil {
		_, err = chromedp.CallBrowser(browser, storage.SetCookies, storage.SetCookiesParams{
			Cookies: params, BrowserContextID: p.context,
		})
	}
	if err != nil {
		p.world.t.Fatalf("cookies for %s: %v", p.Name, err)
	}
}

// Cookies are the names of the cookies in the person's browser.
func (p *Person) Cookies() (names []string) {
	p.world.t.Helper()
	browser, err := shared.context()
	if err != nil {
		p.world.t.Fatal(err)
	}
	found, err := chromedp.CallBrowser(browser, storage.GetCookies, storage.GetCookiesParams{BrowserContextID: p.context})
	if err != nil {
		p.world.t.Fatalf("the cookies of %s: %v", p.Name, err)
	}
	for _, cookie := range found.Cookies {
		names = append(names, cookie.Name)
	}
	return names
}

// GoesOffline takes the network away, and the device notices.
func (p *Person) GoesOffline() {
	p.world.t.Helper()
	p.Expects("net::ERR_", "WebSocket connection to")
	p.Line.Cut()
	p.offline(true)
}

// GoesOnline gives the network back.
func (p *Person) GoesOnline() {
	p.world.t.Helper()
	p.Line.Mend()
	p.offline(false)
}

func (p *Person) offline(offline bool) {
	p.world.t.Helper()
	for _, tab := range p.tabs {
		tab.do("the network's state", func(ctx context.Context) error {
			_, err := chromedp.Call(ctx, network.OverrideNetworkState, network.OverrideNetworkStateParams{
				Offline: offline, DownloadThroughput: -1, UploadThroughput: -1,
			})
			return err
		})
	}
}

// At is the person in a conversation's page.
func (p *Person) At(conversation chat.ID) *Person {
	p.world.t.Helper()
	p.Opens("/conversations/" + conversation.String())
	return p
}
