//go:build unix

package e2e

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"parley/db/dbtest"
	"parley/e2e/chromium"
)

func TestMain(m *testing.M) {
	dbtest.Run(m)
	shared.stop()
}

// shared is the one browser of the test binary, started when the first story opens a page. People have browser
// contexts of their own in it, which share nothing.
var shared browser

type browser struct {
	once sync.Once
	ctx  context.Context
	err  error
}

// context returns the running browser's context.
func (b *browser) context() (context.Context, error) {
	b.once.Do(func() { b.ctx, b.err = start() })
	return b.ctx, b.err
}

// stop ends the browser and removes its folder.
func (b *browser) stop() {
	if b.ctx == nil {
		return
	}
	ctx, cancel := context.WithTimeout(b.ctx, 10*time.Second)
	defer cancel()
	if err := chromedp.Cancel(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "stopping Chromium:", err)
	}
}

func start() (context.Context, error) {
	path, err := chromium.Path()
	if err != nil {
		return nil, err
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path),
		chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-domain-reliability", true),
		chromedp.Flag("no-pings", true),
		chromedp.Flag("font-render-hinting", "none"),
		chromedp.Flag("lang", "en-GB"),
		chromedp.WSURLReadTimeout(time.Minute),
	)
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox) // Chromium's sandbox refuses root
	}
	// Never canceled: the browser lives as long as the test binary, and stop ends it.
	allocator, cancelAllocator := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, cancel := chromedp.NewContext(allocator)
	if err := chromedp.Do(ctx); err != nil {
		cancel()
		cancelAllocator()
		return nil, fmt.Errorf("starting %s: %w", path, err)
	}
	return ctx, nil
}
