package jstest

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"parley/e2e/chromium"
)

// policy is what pages are served with; a module that needs eval, or markup with a style in it, fails here.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; " +
	"font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

const page = `<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Parley</title>
<link rel="icon" href="data:,"><script type="module" src="/js/test/run.js"></script></head><body></body></html>`

// patience is how long the whole run may take; on two busy cores it takes about three seconds.
const patience = 90 * time.Second

type result struct {
	Name  string `json:"name"`
	OK    bool   `json:"ok"`
	Error string `json:"error"`
}

func TestPage(t *testing.T) {
	t.Parallel()
	files := http.FileServer(http.Dir("..")) // the folder static
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", policy)
		if r.URL.Path == "/" {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			_, _ = w.Write([]byte(page))
			return
		}
		files.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)

	ctx := browser(t)
	messages := chromedp.Console(ctx)
	if err := chromedp.Do(ctx, chromedp.Navigate(server.URL)); err != nil {
		t.Fatalf("opening the page: %v", err)
	}
	results, err := chromedp.Run(ctx, chromedp.Poll[[]result](`window.__results`,
		chromedp.WithPollingTimeout(patience), chromedp.WithPollingInterval(50*time.Millisecond)))
	if err != nil {
		ended, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		_ = chromedp.Do(ended, chromedp.Stop())
		for message, err := range messages {
			if err != nil || ended.Err() != nil {
				break
			}
			t.Log(message)
		}
		t.Fatalf("the tests did not end: %v", err)
	}
	if len(results) < 100 {
		t.Errorf("%d tests ran; the files hold more than 100", len(results))
	}
	seen := map[string]bool{}
	for _, r := range results {
		if seen[r.Name] {
			t.Errorf("two tests are called %q", r.Name)
		}
		seen[r.Name] = true
		t.Run(r.Name, func(t *testing.T) {
			if !r.OK {
				t.Error(r.Error)
			}
		})
	}
}

// A file that is not imported would never fail.
func TestEveryFileOfTestsRuns(t *testing.T) {
	t.Parallel()
	run, err := os.ReadFile("../js/test/run.js")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("../js/test/*.test.js")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files of tests: %v", err)
	}
	for _, file := range files {
		if !strings.Contains(string(run), `"./`+filepath.Base(file)+`"`) {
			t.Errorf("run.js does not import %s", filepath.Base(file))
		}
	}
}

// browser starts a Chromium of its own, which ends with the test.
func browser(t *testing.T) context.Context {
	t.Helper()
	path, err := chromium.Path()
	if err != nil {
		t.Fatal(err)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		chromedp.WSURLReadTimeout(60*time.Second),
	)
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	ctx, cancelAllocator := chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(cancelAllocator)
	ctx, cancelTab := chromedp.NewContext(ctx)
	t.Cleanup(cancelTab)
	return ctx
}
