//go:build unix

package e2e

import (
	"context"
	_ "embed"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// watching is the script that runs before the page's own in every page.
//
//go:embed testdata/watching.js
var watching string

// traffic is what a tab has loaded: bytes on the wire by request.
type traffic map[network.RequestID]*load

type load struct {
	url   string
	kind  network.ResourceType
	bytes int
}

// hear notes what the browser says of a page. It runs in the loop that reads the browser's messages.
func (tab *Tab) hear(event any) {
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		text := e.ExceptionDetails.Text
		if e.ExceptionDetails.Exception != nil {
			text += " " + e.ExceptionDetails.Exception.Description
		}
		tab.complain("exception: %s", text)
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning ||
			e.Type == runtime.ConsoleAPICalledTypeAssert {
			tab.complain("console: %s", said(e.Args))
		}
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning {
			tab.complain("%s: %s (%s)", e.Entry.Source, e.Entry.Text, e.Entry.URL)
		}
	case *audits.EventIssueAdded:
		tab.issue(e.Issue)
	case *page.EventJavascriptDialogOpening:
		tab.complain("dialog: %s", e.Message)
		go func() {
			_, _ = chromedp.Call(tab.ctx, page.HandleJavaScriptDialog, page.HandleJavaScriptDialogParams{Accept: false})
		}()
	case *network.EventRequestWillBeSent:
		tab.requested(e)
	case *network.EventLoadingFinished:
		tab.mu.Lock()
		if l := tab.traffic[e.RequestID]; l != nil {
			l.bytes = int(e.EncodedDataLength)
		}
		tab.mu.Unlock()
	}
}

func said(args []*runtime.RemoteObject) string {
	words := make([]string, len(args))
	for i, arg := range args {
		words[i] = strings.Trim(string(arg.Value), `"`) + arg.Description
	}
	return strings.Join(words, " ")
}

// issue notes what a page does that it must not. Of the many things the browser finds worth mentioning these count: what
// breaks the pages' policy, mixed content, blocked answers, cookies that were refused.
func (tab *Tab) issue(issue *audits.InspectorIssue) {
	switch issue.Code {
	case audits.InspectorIssueCodeContentSecurityPolicyIssue:
		details := issue.Details.ContentSecurityPolicyIssueDetails
		tab.complain("policy: %s violated (%s) by %s", details.ViolatedDirective, details.ContentSecurityPolicyViolationType, details.BlockedURL)
	case audits.InspectorIssueCodeMixedContentIssue, audits.InspectorIssueCodeBlockedByResponseIssue,
		audits.InspectorIssueCodeCookieIssue, audits.InspectorIssueCodeQuirksModeIssue:
		tab.complain("issue: %s", issue.Code)
	}
}

// requested notes a request, and complains when it goes elsewhere.
func (tab *Tab) requested(e *network.EventRequestWillBeSent) {
	tab.mu.Lock()
	if tab.traffic == nil {
		tab.traffic = traffic{}
	}
	tab.traffic[e.RequestID] = &load{url: e.Request.URL, kind: e.Type}
	tab.mu.Unlock()
	u, err := url.Parse(e.Request.URL)
	switch {
	case err != nil:
		tab.complain("request: %s", e.Request.URL)
	case u.Scheme == "data" || u.Scheme == "blob" || u.Scheme == "about":
	case u.Scheme+"://"+u.Host != tab.person.Line.URL():
		tab.complain("request to elsewhere: %s", e.Request.URL)
	}
}

func (tab *Tab) complain(format string, args ...any) {
	tab.mu.Lock()
	defer tab.mu.Unlock()
	tab.problems = append(tab.problems, fmt.Sprintf(format, args...))
}

// Problems are the complaints so far that the person does not expect.
func (tab *Tab) Problems() []string {
	tab.mu.Lock()
	defer tab.mu.Unlock()
	var problems []string
next:
	for _, problem := range tab.problems {
		for _, expected := range tab.person.expected {
			if strings.Contains(problem, expected) {
				continue next
			}
		}
		problems = append(problems, problem)
	}
	return problems
}

// report ends the watch: complaints fail the story, and a story that failed leaves a picture of each page.
func (tab *Tab) report() {
	for _, problem := range tab.Problems() {
		tab.t.Errorf("the browser of %s complains: %s", tab.person.Name, problem)
	}
	if !tab.t.Failed() {
		return
	}
	dir, err := os.MkdirTemp("", "parley-e2e-")
	if err != nil {
		return
	}
	ctx, cancel := context.WithTimeout(tab.ctx, patience)
	defer cancel()
	picture, err := chromedp.Call(ctx, page.CaptureScreenshot, page.CaptureScreenshotParams{})
	if err != nil {
		return
	}
	file := filepath.Join(dir, unfit.ReplaceAllString(tab.t.Name()+"-"+tab.person.Username, "_")+".png")
	if os.WriteFile(file, picture.Data, 0o600) == nil {
		where, _ := try[string](tab, `() => location.href + " " + document.title`)
		tab.t.Logf("what %s saw last: %s (%s)", tab.person.Name, file, where)
	}
}

var unfit = regexp.MustCompile(`[^A-Za-z0-9-]+`)
