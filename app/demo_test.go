package app_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"parley/app"
	"parley/config"
	"parley/db"
	"parley/db/cluster"
	"parley/db/dbtest"
	"parley/demo"
)

func nothing(int) {}

func TestMakeDemo(t *testing.T) {
	t.Parallel()
	few := app.NewDemo{People: 20, Conversations: 30, Messages: 200, Seed: 1}
	again := few
	again.IfEmpty = true

	t.Run("where only this machine comes, the password is the known one, and the world is there the next time", func(t *testing.T) {
		t.Parallel()
		cfg := settings("")
		cfg.DataDir = filepath.Join(t.TempDir(), "data")
		t.Cleanup(func() {
			if err := cluster.Remove(context.Background(), cluster.Config{DataDir: cfg.DataDir}); err != nil {
				t.Error(err)
			}
		})
		made, err := app.MakeDemo(t.Context(), cfg, quiet, few, nothing)
		if want := (app.Demo{Groups: 7, Username: demo.Username, Password: demo.Password}); err != nil || made != want {
			t.Fatalf("got %+v, %v", made, err)
		}
		base, _, stop := serve(t, cfg)
		status, body := post(t, browser(t), base+"/login", url.Values{"login": {made.Username}, "password": {made.Password}})
		if status != http.StatusOK || !strings.Contains(body, "Open day crew") {
			t.Errorf("logging in ends with %d", status)
		}
		// Beside the running server, as `make demo` in a second terminal.
		made, err = app.MakeDemo(t.Context(), cfg, quiet, again, nothing)
		if want := (app.Demo{There: true, Username: demo.Username, Password: demo.Password}); err != nil || made != want {
			t.Errorf("got %+v, %v", made, err)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
	t.Run("where others may come, the password is made up", func(t *testing.T) {
		t.Parallel()
		for name, change := range map[string]func(*config.Config){
			"by an open address":     func(cfg *config.Config) { cfg.Addr = ":8080" },
			"by the database itself": func(*config.Config) {},
		} {
			cfg := settings(dbtest.New(t).DSN)
			change(&cfg)
			made, err := app.MakeDemo(t.Context(), cfg, quiet, few, nothing)
			if err != nil || made.Password == demo.Password || len(made.Password) < 20 {
				t.Fatalf("%s: %+v, %v", name, made, err)
			}
			cfg.Addr = "127.0.0.1:0"
			base, _, _ := serve(t, cfg)
			if _, body := post(t, browser(t), base+"/login", url.Values{"login": {"demo"}, "password": {made.Password}}); !strings.Contains(body, "data-person") {
				t.Errorf("%s: it does not log in", name)
			}
			made, err = app.MakeDemo(t.Context(), cfg, quiet, again, nothing)
			if want := (app.Demo{There: true}); err != nil || made != want {
				t.Errorf("%s: the second time: %+v, %v", name, made, err)
			}
		}
	})
	t.Run("everybody can be logged in, for a load test", func(t *testing.T) {
		t.Parallel()
		cfg := settings(dbtest.New(t).DSN)
		in := few
		in.Sessions = filepath.Join(t.TempDir(), "sessions")
		if _, err := app.MakeDemo(t.Context(), cfg, quiet, in, nothing); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(in.Sessions)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%v, %v", info, err)
		}
		text, err := os.ReadFile(in.Sessions)
		lines := strings.Split(strings.TrimSpace(string(text)), "\n")
		if err != nil || len(lines) != in.People {
			t.Fatalf("%d lines, %v", len(lines), err)
		}
		base, _, _ := serve(t, cfg)
		for _, line := range []string{lines[0], lines[in.People-1]} {
			id, cookie, _ := strings.Cut(line, " ")
			for cookie, want := range map[string]bool{cookie: true, cookie + "x": false} {
				request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+"/", nil)
				if err != nil {
					t.Fatal(err)
				}
				request.Header.Set("Cookie", cookie)
				response, err := http.DefaultClient.Do(request)
				if err != nil {
					t.Fatal(err)
				}
				body, err := io.ReadAll(response.Body)
				_ = response.Body.Close()
				if got := strings.Contains(string(body), `data-person="`+id+`"`); err != nil || got != want {
					t.Errorf("logged in by %q: %t, %v", cookie, got, err)
				}
			}
		}
		// Where others may come, sessions in a file would be keys to the house.
		cfg = settings(dbtest.New(t).DSN)
		cfg.Addr = ":8080"
		in.Sessions += "-2"
		if _, err := app.MakeDemo(t.Context(), cfg, quiet, in, nothing); err == nil {
			t.Error("an open server lays sessions")
		}
		if _, err := os.Stat(in.Sessions); err == nil {
			t.Error("and writes them down")
		}
	})
	t.Run("where there are people it is refused, unless that is no error", func(t *testing.T) {
		t.Parallel()
		cfg := settings(dbtest.New(t).DSN)
		if err := app.AdminCreate(t.Context(), cfg, quiet, app.NewAdmin{Username: "ana", DisplayName: "Ana", Password: demo.Password}); err != nil {
			t.Fatal(err) // which also says that anybody could have chosen that password
		}
		if _, err := app.MakeDemo(t.Context(), cfg, quiet, few, nothing); !errors.Is(err, db.ErrInhabited) {
			t.Errorf("got %v", err)
		}
		if made, err := app.MakeDemo(t.Context(), cfg, quiet, again, nothing); err != nil || made != (app.Demo{There: true}) {
			t.Errorf("got %+v, %v", made, err)
		}
	})
	t.Run("what cannot be made is one clear line", func(t *testing.T) {
		t.Parallel()
		nobody := few
		nobody.People = 1
		dear := settings(dbtest.New(t).DSN)
		dear.BcryptCost = 99
		for name, c := range map[string]struct {
			cfg  config.Config
			in   app.NewDemo
			says string
		}{
			"one person":                   {settings("postgres://unused"), nobody, "at least 2"},
			"a database that is not there": {settings("postgres://nobody:hidden@127.0.0.1:1/none"), few, "PARLEY_DATABASE_URL"},
			"a cost beyond bcrypt's":       {dear, few, "hash a password"},
		} {
			_, err := app.MakeDemo(t.Context(), c.cfg, quiet, c.in, nothing)
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
	t.Run("it ends at the moment that is named", func(t *testing.T) {
		t.Parallel()
		d := dbtest.New(t)
		in := few
		in.Now = time.Date(2020, 1, 1, 12, 0, 0, 0, time.UTC)
		if _, err := app.MakeDemo(t.Context(), settings(d.DSN), quiet, in, nothing); err != nil {
			t.Fatal(err)
		}
		var last time.Time
		if err := d.Pool().QueryRow(t.Context(), `SELECT max(changed_at) FROM messages`).Scan(&last); err != nil || last.After(in.Now) || in.Now.Sub(last) > 24*time.Hour {
			t.Errorf("the last message is of %s, %v", last, err)
		}
	})
}
