package config_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"parley/config"
)

func TestBaseURLFollowsFromTheAddress(t *testing.T) {
	t.Parallel()
	for addr, want := range map[string]string{
		"127.0.0.1:8080":   "http://127.0.0.1:8080",
		"127.0.0.1:80":     "http://127.0.0.1",
		":8080":            "http://localhost:8080",
		"0.0.0.0:8080":     "http://localhost:8080",
		"[::]:8080":        "http://localhost:8080",
		"[2001:db8::1]:80": "http://[2001:db8::1]",
		"chat:8080":        "http://chat:8080",
		"nonsense":         "http://nonsense",
	} {
		if got := config.BaseURLFor(addr); got != want {
			t.Errorf("BaseURLFor(%q) = %q, want %q", addr, got, want)
		}
	}
}

func TestBaseURLOfAFreePortIsNotKnownYet(t *testing.T) {
	t.Parallel()
	c, err := config.Load([]string{"PARLEY_ADDR=127.0.0.1:0"})
	if err != nil || c.BaseURL != "" || c.Secure() {
		t.Errorf("got %q (%v)", c.BaseURL, err)
	}
	c, err = config.Load([]string{"PARLEY_ADDR=127.0.0.1:0", "PARLEY_BASE_URL=https://chat.example.org"})
	if err != nil || c.BaseURL != "https://chat.example.org" {
		t.Errorf("a URL given with it: got %q (%v)", c.BaseURL, err)
	}
}

func TestBaseURLHasOneForm(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"https://Chat.Example.org/":    "https://chat.example.org",
		"https://chat.example.org:443": "https://chat.example.org",
		"http://chat.example.org:80/":  "http://chat.example.org",
		"http://chat.example.org:443":  "http://chat.example.org:443",
		"https://[2001:DB8::1]:8443":   "https://[2001:db8::1]:8443",
	} {
		c, err := config.Load([]string{"PARLEY_BASE_URL=" + given})
		if err != nil || c.BaseURL != want {
			t.Errorf("%s became %q (%v), want %q", given, c.BaseURL, err, want)
		}
		if c.Secure() != strings.HasPrefix(given, "https:") {
			t.Errorf("%s: Secure is %v", given, c.Secure())
		}
	}
}

func TestPrivate(t *testing.T) {
	t.Parallel()
	for environ, want := range map[string]bool{
		"":                                       true,
		"PARLEY_ADDR=localhost:1":                true,
		"PARLEY_ADDR=127.0.0.1:0":                true,
		"PARLEY_ADDR=[::1]:8080":                 true,
		"PARLEY_ADDR=:8080":                      false,
		"PARLEY_ADDR=192.0.2.1:8080":             false,
		"PARLEY_BASE_URL=https://a.test":         false, // through a proxy
		"PARLEY_BASE_URL=http://a.test:1":        false,
		"PARLEY_BASE_URL=http://127.0.0.1:8080/": true,
	} {
		c, err := config.Load([]string{environ})
		if err != nil || c.Private() != want {
			t.Errorf("%s: got %v, %v", environ, c.Private(), err)
		}
	}
}

func TestAdminPrivate(t *testing.T) {
	t.Parallel()
	for addr, want := range map[string]bool{
		"127.0.0.1:9090": true, "localhost:9090": true, "[::1]:0": true,
		":9090": false, "0.0.0.0:9090": false, "192.0.2.1:9090": false, "metrics:9090": false, "": false,
	} {
		if got := (config.Config{AdminAddr: addr}).AdminPrivate(); got != want {
			t.Errorf("%q: got %v", addr, got)
		}
	}
}

func TestPublic(t *testing.T) {
	t.Parallel()
	for environ, want := range map[string]bool{
		"":                                      false,
		"PARLEY_ADDR=127.0.0.1:0":               false,
		"PARLEY_ADDR=:8080":                     false,
		"PARLEY_BASE_URL=http://127.0.0.1:8080": false,
		"PARLEY_BASE_URL=http://localhost:9000": false,
		"PARLEY_BASE_URL=http://[::1]:8080":     false,
		"PARLEY_BASE_URL=https://a.test":        true,
		"PARLEY_BASE_URL=http://192.0.2.1:8080": true,
		"PARLEY_BASE_URL=http://127.0.0.1.test": true,
	} {
		c, err := config.Load([]string{environ})
		if err != nil || c.Public() != want {
			t.Errorf("%s: got %v, %v", environ, c.Public(), err)
		}
	}
}

func TestSecretIsNeverShown(t *testing.T) {
	t.Parallel()
	c := config.Config{DatabaseURL: "postgres://u:hunter2@db/parley"}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("start", "config", c, "url", c.DatabaseURL)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("start", "config", c, "url", c.DatabaseURL)
	encoded, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	shown := fmt.Sprintf("%v %+v %#v %s %q %x %#v", c, c, c, c.DatabaseURL, c.DatabaseURL, c.DatabaseURL, c.DatabaseURL)
	all := shown + string(encoded) + log.String()
	if strings.Contains(all, "hunter2") || strings.Contains(all, fmt.Sprintf("%x", "hunter2")) {
		t.Errorf("the secret is shown in: %s", all)
	}
	if !strings.Contains(all, "***") {
		t.Errorf("no stars in: %s", all)
	}
	if got := config.Secret("").String(); got != "" {
		t.Errorf("an empty secret is shown as %q", got)
	}
}

func TestTableAndStructAgree(t *testing.T) {
	t.Parallel()
	fields := map[string]bool{}
	for field := range reflect.TypeFor[config.Config]().Fields() {
		fields[field.Tag.Get("env")] = true
		for _, v := range config.Variables() {
			if v.Name == field.Tag.Get("env") && v.Secret != (field.Type == reflect.TypeFor[config.Secret]()) {
				t.Errorf("%s: the table and the type of field %s disagree on whether it is a secret", v.Name, field.Name)
			}
		}
	}
	for _, v := range config.Variables() {
		if !fields[v.Name] {
			t.Errorf("%s stands in the table, but no field reads it", v.Name)
		}
		delete(fields, v.Name)
		if v.Meaning == "" || v.Expected == "" {
			t.Errorf("%s: nobody can know what it is for", v.Name)
		}
	}
	for name := range fields {
		t.Errorf("%q is read by a field, but does not stand in the table", name)
	}
}

func TestTableIsACopy(t *testing.T) {
	t.Parallel()
	config.Variables()[0].Name = "changed"
	if config.Variables()[0].Name == "changed" {
		t.Error("a caller can change the table")
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	text := func(c config.Config) string {
		var lines []string
		for _, s := range c.Settings() {
			lines = append(lines, s.Name+"="+s.Value)
		}
		return strings.Join(lines, "\n")
	}
	full := config.Config{
		Addr: ":80", BaseURL: "https://chat.example.org", DatabaseURL: "postgres://u:hunter2@db:5432/parley?sslpassword=hunter3",
		DataDir: "/srv", Registration: config.RegistrationClosed,
		SMTPURL: "smtp://u:hunter4@mail.example.org:587", MailFrom: "post@example.org",
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")},
		Limits:         true, BcryptCost: 11, LogLevel: slog.LevelWarn,
		AdminAddr: "127.0.0.1:9090", SlowStatement: 250 * time.Millisecond,
	}
	want := strings.Join([]string{
		"PARLEY_ADDR=:80",
		"PARLEY_ADMIN_ADDR=127.0.0.1:9090",
		"PARLEY_BASE_URL=https://chat.example.org",
		"PARLEY_DATABASE_URL=postgres://***@db:5432/parley?***", "PARLEY_REDIS_URL=",
		"PARLEY_DATA_DIR=/srv",
		"PARLEY_REGISTRATION=closed",
		"PARLEY_SMTP_URL=smtp://***@mail.example.org:587",
		"PARLEY_MAIL_FROM=post@example.org",
		"PARLEY_TRUSTED_PROXIES=10.0.0.0/8,::1/128",
		"PARLEY_LIMITS=on",
		"PARLEY_BCRYPT_COST=11",
		"PARLEY_DEV=off",
		"PARLEY_LOG_LEVEL=warn",
		"PARLEY_SLOW_STATEMENT=250ms",
	}, "\n")
	if got := text(full); got != want {
		t.Errorf("\n got %s\n\nwant %s", got, want)
	}
	for secret, want := range map[config.Secret]string{
		"":                                  "",
		"postgres:///parley?host=/run/x":    "***",
		"postgres://db/parley":              "postgres://db/parley",
		"postgres://u:p@a:5432,b:5433/pari": "postgres://***@a:5432,b:5433/pari",
		"postgres://u:p%@db/parley":         "***",
		"redis+sentinel://u:p@a:1,b:2/main/0?sentinel_password=q": "redis+sentinel://***@a:1,b:2/main/0?***",
		"redis+cluster://u:p@[::1]:1,[::2]:2":                     "***",
	} {
		if got := (config.Config{DatabaseURL: secret}).Settings()[3].Value; got != want {
			t.Errorf("%q is shown as %q, want %q", string(secret), got, want)
		}
	}
	t.Run("what is shown can be loaded again", func(t *testing.T) {
		t.Parallel()
		full := full
		full.DatabaseURL, full.SMTPURL = "", ""
		again, err := config.Load(strings.Split(text(full), "\n"))
		if err != nil || !reflect.DeepEqual(again, full) {
			t.Errorf("\n got %+v (%v)\nwant %+v", again, err, full)
		}
	})
}

func TestBuildInfo(t *testing.T) {
	t.Parallel()
	build := config.BuildInfo()
	if build.Version == "" || build.Commit == "" || !strings.HasPrefix(build.Go, "go1.") {
		t.Errorf("something is missing: %+v", build)
	}
}
