//go:build unix

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/audits"
	browserdomain "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// Tab is one page of a person. Its methods fail the story where something does not go as they say.
type Tab struct {
	t      testing.TB
	person *Person
	ctx    context.Context
	cancel context.CancelFunc

	scriptless bool // JavaScript is switched off

	mu       sync.Mutex
	problems []string
	traffic  traffic
}

func newTab(p *Person) *Tab {
	p.world.t.Helper()
	browser, err := shared.context()
	if err != nil {
		p.world.t.Fatal(err)
	}
	tab := &Tab{t: p.world.t, person: p}
	tab.ctx, tab.cancel = chromedp.NewContext(browser, chromedp.WithExistingBrowserContext(p.context),
		chromedp.WithListener(tab.hear))
	tab.do("open a tab", func(ctx context.Context) error { return chromedp.Do(tab.ctx) })
	send(tab, audits.Enable, cdp.Empty{})
	tab.Width(1280, 800)
	tab.focus(true)
	tab.beforehand(watching)
	return tab
}

// send calls a command of the browser.
func send[P, R any](tab *Tab, command cdp.Command[P, R], params P) R {
	tab.t.Helper()
	var answer R
	tab.do(command.Method, func(ctx context.Context) (err error) {
		answer, err = chromedp.Call(ctx, command, params)
		return err
	})
	return answer
}

// do does something within the story's patience.
func (tab *Tab) do(what string, work func(context.Context) error) {
	tab.t.Helper()
	ctx, cancel := context.WithTimeout(tab.ctx, 2*patience)
	defer cancel()
	if err := work(ctx); err != nil {
		tab.t.Fatalf("%s: %s: %v", tab.person.Name, what, err)
	}
}

// beforehand runs a script in each page before the page's own.
func (tab *Tab) beforehand(script string) {
	tab.t.Helper()
	send(tab, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: script})
}

// slowness is what the library has of this command, and whether there is a network at all, which Chromium 148 asks for.
type slowness struct {
	network.EmulateNetworkConditionsByRuleParams
	Offline bool `json:"offline"`
}

// Slowly lets what comes to the page take its time, in bytes per second; -1: no longer.
func (tab *Tab) Slowly(throughput float64) {
	tab.t.Helper()
	command := cdp.Command[slowness, network.EmulateNetworkConditionsByRuleResult]{Method: network.CommandEmulateNetworkConditionsByRule}
	send(tab, command, slowness{EmulateNetworkConditionsByRuleParams: network.EmulateNetworkConditionsByRuleParams{
		MatchedNetworkConditions: []*network.Conditions{{DownloadThroughput: throughput, UploadThroughput: -1}},
	}})
}

// Width gives the window a size in CSS pixels.
func (tab *Tab) Width(width, height int64) {
	tab.t.Helper()
	send(tab, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
		Width: width, Height: height, DeviceScaleFactor: 1,
	})
}

// Device says whether the device likes light or dark.
func (tab *Tab) Device(theme string) {
	tab.t.Helper()
	send(tab, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: theme},
		{Name: "prefers-reduced-motion", Value: "reduce"},
	}})
}

// WithoutScripts switches JavaScript off.
func (tab *Tab) WithoutScripts() {
	tab.t.Helper()
	tab.scriptless = true
	send(tab, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
}

// LooksAway puts the window out of sight, LooksBack takes it up again.
func (tab *Tab) LooksAway() {
	tab.t.Helper()
	tab.focus(false)
	tab.window(browserdomain.WindowStateMinimized)
	tab.until("looks away", `() => document.hidden && !document.hasFocus()`)
}

// LooksBack takes the window up again.
func (tab *Tab) LooksBack() {
	tab.t.Helper()
	tab.window(browserdomain.WindowStateNormal)
	tab.focus(true)
	tab.until("looks back", `() => !document.hidden && document.hasFocus()`)
}

// Glances looks away and back once all is read: the unread line, which stays until one leaves, is gone then.
func (tab *Tab) Glances() {
	tab.t.Helper()
	tab.FindsNone("#list [aria-current] .badge")
	tab.LooksAway()
	tab.FindsNone(".unread-line")
	tab.LooksBack()
}

// focus says whether the page has the focus whatever other tabs of the browser do, also those of other stories: somebody
// is in front of each. Without it the tab that was opened last may take it from the others.
func (tab *Tab) focus(held bool) {
	tab.t.Helper()
	send(tab, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: held})
}

func (tab *Tab) window(state browserdomain.WindowState) {
	tab.t.Helper()
	window := send(tab, browserdomain.GetWindowForTarget, browserdomain.GetWindowForTargetParams{})
	send(tab, browserdomain.SetWindowBounds, browserdomain.SetWindowBoundsParams{
		WindowID: window.WindowID, Bounds: &browserdomain.Bounds{WindowState: state},
	})
}

// expression is a JavaScript function with its arguments, as an expression.
func expression(function string, args []any) string {
	words := make([]string, len(args))
	for i, arg := range args {
		if list, ok := arg.([]any); ok && list == nil {
			arg = []any{} // not null
		}
		word, err := json.Marshal(arg)
		if err != nil {
			panic(err) // only strings, numbers and lists of them are given
		}
		words[i] = string(word)
	}
	return fmt.Sprintf("(%s)(%s)", function, strings.Join(words, ", "))
}

// try calls a function in the page. It fails where the page is just being replaced.
func try[T any](tab *Tab, function string, args ...any) (T, error) {
	ctx, cancel := context.WithTimeout(tab.ctx, 2*patience)
	defer cancel()
	script := expression(function, args)
	if tab.scriptless {
		script = watching + script // which otherwise runs in each page by itself
	}
	return chromedp.Run(ctx, chromedp.Evaluate[T](script, chromedp.EvalAwaitPromise,
		func(p *runtime.EvaluateParams) { yes := true; p.UserGesture = &yes }))
}

// ask calls a function in the page and returns its answer. It is for pages that stand still.
func ask[T any](tab *Tab, function string, args ...any) T {
	tab.t.Helper()
	answer, err := try[T](tab, function, args...)
	if err != nil {
		tab.t.Fatalf("%s: asking the page: %v\n%s", tab.person.Name, err, expression(function, args))
	}
	return answer
}

// until waits until a function in the page returns true, across changes of the page. A function that returns a text
// says what is still missing.
func (tab *Tab) until(what string, function string, args ...any) {
	tab.t.Helper()
	found[bool](tab, what, function, args...)
}

// found is until for a function that returns what it has found: any T but a text and false. A page that has come only in
// part does not count: what is missing may be on its way, and what is there may go.
func found[T any](tab *Tab, what, function string, args ...any) T {
	tab.t.Helper()
	whole := `(...args) => document.readyState === "loading" ? "the page is on its way" : (` + function + `)(...args)`
	missing := ""
	// Often at first, seldom later: a page that takes long needs the processor for itself.
	pause := 10 * time.Millisecond
	for end := time.Now().Add(patience); ; <-time.After(pause) {
		pause = min(pause*5/4, 150*time.Millisecond)
		answer, err := try[any](tab, whole, args...)
		if typed, ok := answer.(T); ok && answer != false {
			return typed
		}
		missing = fmt.Sprint(answer)
		if err != nil {
			missing = err.Error()
		}
		if time.Now().After(end) {
			tab.t.Fatalf("%s waited in vain: %s\n%s", tab.person.Name, what, shortened(missing))
		}
	}
}

// Opens goes to a path, and waits until the page is loaded.
func (tab *Tab) Opens(path string) {
	tab.t.Helper()
	tab.do("open "+path, func(ctx context.Context) error {
		return chromedp.Do(ctx, chromedp.Navigate(tab.person.Line.URL()+path))
	})
	tab.ready()
}

// Reloads loads the page again, and waits until it is loaded.
func (tab *Tab) Reloads() {
	tab.t.Helper()
	tab.do("reload", func(ctx context.Context) error { return chromedp.Do(ctx, chromedp.Reload()) })
	tab.ready()
}

// Back goes one step back in the tab's history, Forward one forward, as the browser's buttons do.
func (tab *Tab) Back() { tab.t.Helper(); tab.steps(-1) }

// Forward is the other button.
func (tab *Tab) Forward() { tab.t.Helper(); tab.steps(1) }

func (tab *Tab) steps(by int64) {
	tab.t.Helper()
	entries := send(tab, page.GetNavigationHistory, cdp.Empty{})
	at := entries.CurrentIndex + by
	if at < 0 || at >= int64(len(entries.Entries)) {
		tab.t.Fatalf("%s: there is no page to go to in the history", tab.person.Name)
	}
	send(tab, page.NavigateToHistoryEntry, page.NavigateToHistoryEntryParams{EntryID: entries.Entries[at].ID})
}

// ready waits until the page's scripts have run, if it has any.
func (tab *Tab) ready() {
	tab.t.Helper()
	tab.until("the page is loaded", `() => document.readyState === "complete" || document.readyState`)
}

// Path is where the tab is: path, query and hash.
func (tab *Tab) Path() string {
	tab.t.Helper()
	return ask[string](tab, `() => location.pathname + location.search + location.hash`)
}

// IsAt waits until the tab's path begins so.
func (tab *Tab) IsAt(path string) {
	tab.t.Helper()
	tab.until("is at "+path, `(path) => {
		const here = location.pathname + location.search + location.hash;
		return document.readyState === "complete" && here.startsWith(path) || here;
	}`, path)
}

// shortened is a page's text as a failure shows it.
func shortened(text string) string {
	const most = 1500
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r == '\n' }), " / ")
	if len(text) > most {
		return text[:most/2] + " … " + text[len(text)-most/2:]
	}
	return text
}
