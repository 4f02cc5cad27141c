package app_test

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"testing"
	"time"

	"parley/app"
	"parley/chat"
	"parley/db"
	"parley/db/dbtest"
	"parley/nodes/nodestest"
	"parley/realtime"
)

// BenchmarkRequests takes pages one after another, of a person who is remembered and of one who is not, and counts the
// statements of each:
//
//	go test ./app -run '^$' -bench Requests
func BenchmarkRequests(b *testing.B) {
	for _, c := range []struct {
		name  string
		redis bool
		cache func() chat.Option // nil: the application's own
	}{
		{"without a cache", false, func() chat.Option { return chat.WithViewerCache(nil) }},
		{"remembered here", false, nil},
		{"remembered in Redis", true, nil},
		{"not remembered here", false, func() chat.Option { return chat.WithViewerCache(forgetful{}) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			var count counter
			cfg := settings(dbtest.New(b).DSN)
			if c.redis {
				cfg.RedisURL = nodestest.Start(b).Address()
			}
			options := []app.Option{app.WithTiming(realtime.Timing{Sweep: time.Hour}), app.WithAssets(assets()), app.WithStore(db.Options{Tracer: &count})}
			if c.cache != nil {
				options = append(options, app.WithChat(c.cache()))
			}
			a, err := app.New(b.Context(), cfg, quiet, options...)
			if err != nil {
				b.Fatal(err)
			}
			ctx, cancel := context.WithCancel(b.Context())
			done := make(chan error, 1)
			go func() { done <- a.Run(ctx) }()
			b.Cleanup(func() {
				cancel()
				if err := <-done; err != nil {
					b.Error(err)
				}
			})
			client := browser(b)
			submit(b, client, a.URL()+"/register", "data-person", "username", "ana", "display_name", "Ana", "password", password)
			_, page := post(b, client, a.URL()+"/conversations", url.Values{"person": {person(page(b, client, a.URL()+"/settings"))}})
			conversation := a.URL() + regexp.MustCompile(`action="(/conversations/[0-9a-f-]+)/messages"`).FindStringSubmatch(page)[1]
			for range 50 {
				post(b, client, conversation+"/messages", url.Values{"body": {"hello"}, "client_id": {chat.NewID().String()}})
			}
			for name, path := range map[string]string{"a conversation": conversation, "the list": a.URL() + "/conversations"} {
				b.Run(name, func(b *testing.B) {
					ask := func() {
						request, err := http.NewRequestWithContext(b.Context(), http.MethodGet, path, nil)
						if err != nil {
							b.Fatal(err)
						}
						request.Header.Set("HX-Request", "true")
						response, err := client.Do(request)
						if err != nil {
							b.Fatal(err)
						}
						_, _ = io.Copy(io.Discard, response.Body)
						_ = response.Body.Close()
						if response.StatusCode != http.StatusOK {
							b.Fatalf("status %d", response.StatusCode)
						}
					}
					ask()
					ask()
					count.take()
					var took []time.Duration
					for b.Loop() {
						began := time.Now()
						ask()
						took = append(took, time.Since(began))
					}
					slices.Sort(took)
					b.ReportMetric(float64(took[len(took)/2].Microseconds()), "median-µs")
					b.ReportMetric(float64(len(count.take()))/float64(len(took)), "statements/op")
				})
			}
		})
	}
}

// forgetful is a cache that remembers nothing.
type forgetful struct{}

func (forgetful) Viewer(ctx context.Context, _ chat.ID, _ string, read chat.ReadViewer) (chat.Viewer, error) {
	viewer, _, err := read(ctx)
	return viewer, err
}

func (forgetful) Forget(context.Context, ...chat.ID) {}

func page(b *testing.B, client *http.Client, address string) string {
	return visit(b, client, address, "data-person")
}

func person(page string) string {
	return regexp.MustCompile(`data-person="([0-9a-f-]+)"`).FindStringSubmatch(page)[1]
}
