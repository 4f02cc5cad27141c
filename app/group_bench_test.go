package app_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/app"
	"parley/chat"
	"parley/db/dbtest"
	"parley/realtime"
)

// BenchmarkGroups asks for a group of twenty and for one as large as they may be through the door that browsers use: opening
// it, its details, its members, adding somebody who was removed before.
//
//	go test ./app -run '^$' -bench Groups -benchtime 200x
func BenchmarkGroups(b *testing.B) {
	for _, size := range []int{20, chat.MaxGroupMembers} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			d := dbtest.New(b)
			a, err := app.New(b.Context(), settings(d.DSN), quiet, app.WithTiming(realtime.Timing{Sweep: time.Hour}), app.WithAssets(assets()))
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
			exec := func(sql string, args ...any) {
				if _, err := d.Pool().Exec(b.Context(), sql, args...); err != nil {
					b.Fatal(err)
				}
			}
			client := browser(b)
			submit(b, client, a.URL()+"/register", "data-person", "username", "ana", "display_name", "Ana", "password", password)
			exec(`INSERT INTO people (id, username, display_name, password_hash)
				SELECT md5('p' || n)::uuid, 'person' || n, 'Person ' || md5('n' || n), '' FROM generate_series(1, 3000) n`)
			person := func(n int) (id string) {
				if err := d.Pool().QueryRow(b.Context(), "SELECT md5('p' || $1::int)::uuid::text", n).Scan(&id); err != nil {
					b.Fatal(err)
				}
				return id
			}
			_, page := post(b, client, a.URL()+"/conversations", url.Values{"name": {"Crowd"}, "people": {person(1)}})
			group := a.URL() + regexp.MustCompile(`action="(/conversations/[0-9a-f-]+)/messages"`).FindStringSubmatch(page)[1]
			for n := 2; n < size-1; n += 200 { // with Ana and person 1, one below the size
				var people []string
				for i := n; i < min(n+200, size-1); i++ {
					people = append(people, person(i))
				}
				post(b, client, group+"/members", url.Values{"people": people})
			}
			for range 50 {
				post(b, client, group+"/messages", url.Values{"body": {"hello"}, "client_id": {chat.NewID().String()}})
			}
			exec("ANALYZE")

			ask := func(path string, form url.Values) time.Duration {
				method, body := http.MethodGet, io.Reader(http.NoBody)
				if form != nil {
					method, body = http.MethodPost, strings.NewReader(form.Encode())
				}
				request, err := http.NewRequestWithContext(b.Context(), method, path, body)
				if err != nil {
					b.Fatal(err)
				}
				request.Header.Set("HX-Request", "true")
				request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				began := time.Now()
				response, err := client.Do(request)
				if err != nil {
					b.Fatal(err)
				}
				_, _ = io.Copy(io.Discard, response.Body)
				took := time.Since(began)
				_ = response.Body.Close()
				if response.StatusCode >= http.StatusBadRequest {
					b.Fatalf("%s: status %d", path, response.StatusCode)
				}
				return took
			}
			newcomer := person(2999)
			for _, c := range []struct {
				name string
				do   func() time.Duration
				undo func()
			}{
				{"opening", func() time.Duration { return ask(group, nil) }, func() {}},
				{"the details", func() time.Duration { return ask(group+"/details", nil) }, func() {}},
				{"the members", func() time.Duration { return ask(group+"/members", nil) }, func() {}},
				{"adding somebody", func() time.Duration { return ask(group+"/members", url.Values{"people": {newcomer}}) }, func() {
					ask(group+"/members/"+newcomer+"/removal", url.Values{})
				}},
			} {
				b.Run(c.name, func(b *testing.B) {
					var took []time.Duration
					for range b.N {
						took = append(took, c.do())
						c.undo()
					}
					slices.Sort(took)
					b.ReportMetric(float64(took[len(took)/2].Microseconds()), "median-µs")
				})
			}
		})
	}
}
