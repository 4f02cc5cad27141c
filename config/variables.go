package config

import (
	"log/slog"
	"net/netip"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// Variable describes one setting.
type Variable struct {
	// Name is the environment variable.
	Name string
	// Default is used where the variable is unset or empty.
	Default string
	// Expected says which values are accepted; it completes "expected …".
	Expected string
	// Meaning is one line for the person who sets it.
	Meaning string
	// Secret values are never shown, and may come from a file named by Name + "_FILE".
	Secret bool
}

// fileSuffix makes the name of a secret's twin, which names a file that holds the value.
const fileSuffix = "_FILE"

// variables is the one table of settings, in the order in which they are shown.
var variables = []Variable{
	{
		Name: "PARLEY_ADDR", Default: "127.0.0.1:8080",
		Expected: "host:port, such as 127.0.0.1:8080 or :8080",
		Meaning:  "address to listen on",
	},
	{
		Name:     "PARLEY_ADMIN_ADDR",
		Expected: "host:port, such as 127.0.0.1:9090; another port than that of PARLEY_ADDR",
		Meaning:  "address for metrics and profiles, without a login, see metrics.md (default: none)",
	},
	{
		Name:     "PARLEY_BASE_URL",
		Expected: "a URL without a path, such as https://chat.example.org",
		Meaning:  "where people reach it; https turns Secure cookies and HSTS on (default: from PARLEY_ADDR)",
	},
	{
		Name: "PARLEY_DATABASE_URL", Secret: true,
		Expected: "a URL such as postgres://user@host:5432/database",
		Meaning:  "PostgreSQL database (default: a PostgreSQL of its own in PARLEY_DATA_DIR)",
	},
	{
		Name: "PARLEY_REDIS_URL", Secret: true,
		Expected: "a URL such as redis://user:password@host:6379/0, unix:///path, " +
			"redis+sentinel://user:password@host:26379,host:26379/master/0 or " +
			"redis+cluster://user:password@host:6379,host:6379; rediss… with TLS",
		Meaning: "Redis that joins several nodes; without it they hear of each other within 3 s and each counts for itself " +
			"(default: one node)",
	},
	{
		Name: "PARLEY_DATA_DIR", Default: ".data",
		Expected: "a folder",
		Meaning:  "folder for everything kept on disk",
	},
	{
		Name:     "PARLEY_REGISTRATION",
		Expected: "open, invite or closed",
		Meaning:  "who may make an account once the first one exists (default: as administrators choose, open at first)",
	},
	{
		Name: "PARLEY_SMTP_URL", Secret: true,
		Expected: "a URL such as smtp://user:password@mail.example.org:587 or smtps://user:password@mail.example.org:465",
		Meaning:  "mail server to send through (default: no mail is sent)",
	},
	{
		Name:     "PARLEY_MAIL_FROM",
		Expected: "an e-mail address, such as parley@example.org or Parley <parley@example.org>",
		Meaning:  "sender of letters (default: parley at the host of PARLEY_BASE_URL)",
	},
	{
		Name:     "PARLEY_TRUSTED_PROXIES",
		Expected: "addresses or networks separated by commas, such as 10.0.0.0/8,192.0.2.7",
		Meaning:  "proxies whose X-Forwarded-For is believed",
	},
	{
		Name: "PARLEY_LIMITS", Default: "on",
		Expected: "on or off; off only where PARLEY_ADDR is a loopback address",
		Meaning:  "rate limits; off is for load tests",
	},
	{
		Name: "PARLEY_BCRYPT_COST", Default: "12",
		Expected: "a number from 10 to 15; from 4 where PARLEY_ADDR is a loopback address",
		Meaning:  "cost of hashing a password; each step doubles the time",
	},
	{
		Name: "PARLEY_DEV", Default: "off",
		Expected: "on or off",
		Meaning:  "for designers: gallery, static files from disk, log for people",
	},
	{
		Name: "PARLEY_LOG_LEVEL", Default: "info",
		Expected: "debug, info, warn or error",
		Meaning:  "least level that is logged",
	},
	{
		Name: "PARLEY_SLOW_STATEMENT", Default: "200ms",
		Expected: "a duration, such as 200ms or 1s; 0s names none",
		Meaning:  "how long a statement may take before the log names it",
	},
}

// Variables returns a copy of the table of all settings, in the order in which they should be shown.
func Variables() []Variable { return append([]Variable(nil), variables...) }

// Setting is a variable with its effective value, fit to be shown: secrets are masked.
type Setting struct {
	Variable
	Value string
}

// Settings returns the effective value of every variable.
func (c Config) Settings() []Setting {
	settings := make([]Setting, 0, len(variables))
	values := reflect.ValueOf(c)
	for _, v := range variables {
		for i := range values.NumField() {
			if values.Type().Field(i).Tag.Get("env") == v.Name {
				settings = append(settings, Setting{Variable: v, Value: show(values.Field(i).Interface())})
			}
		}
	}
	return settings
}

// show writes a field's value the way the variable spells it.
func show(value any) string {
	switch v := value.(type) {
	case bool:
		return onOff(v)
	case int:
		return strconv.Itoa(v)
	case time.Duration:
		return v.String()
	case slog.Level:
		return strings.ToLower(v.String())
	case Secret:
		return maskURL(string(v))
	case []netip.Prefix:
		texts := make([]string, len(v))
		for i, prefix := range v {
			texts[i] = prefix.String()
		}
		return strings.Join(texts, ",")
	default:
		return reflect.ValueOf(value).String()
	}
}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

// maskURL keeps of a secret URL what tells an operator which server is meant: scheme, host and path. User, password and
// parameters (which may hold a password too) become stars; what is no URL becomes stars as a whole.
func maskURL(secret string) string {
	u, err := url.Parse(secret)
	if secret == "" {
		return ""
	}
	if err != nil || u.Host == "" {
		return stars
	}
	masked := u.Scheme + "://"
	if u.User != nil {
		masked += stars + "@"
	}
	masked += u.Host + u.EscapedPath()
	if u.RawQuery != "" {
		masked += "?" + stars
	}
	return masked
}
