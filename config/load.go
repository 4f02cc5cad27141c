package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/caarlos0/env/v11"
)

const prefix = "PARLEY_"

// Load reads the settings from environ, a list of NAME=value as os.Environ gives it; of a name given twice the last
// counts, and an empty value means the default. The error is of type [Mistakes] and holds every mistake at once.
func Load(environ []string) (Config, error) {
	given := ours(environ)
	var mistakes Mistakes
	mistakes = append(mistakes, unknown(given)...)
	values, wrong := withFiles(given)
	mistakes = append(mistakes, wrong...)

	var c Config
	err := env.ParseWithOptions(&c, env.Options{Environment: values, FuncMap: parsers})
	mistakes = append(mistakes, malformed(err, values)...)
	mistakes = append(mistakes, c.check(values, mistakes)...)
	if len(mistakes) > 0 {
		slices.SortStableFunc(mistakes, func(a, b Mistake) int { return strings.Compare(a.Name, b.Name) })
		return Config{}, mistakes
	}
	return c, nil
}

// ours picks the variables that are meant for Parley and not empty.
func ours(environ []string) map[string]string {
	given := map[string]string{}
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, prefix) {
			continue
		}
		delete(given, name)
		if value != "" {
			given[name] = value
		}
	}
	return given
}

// What Kubernetes and Docker set for a service named parley or parley-…: PARLEY_SERVICE_HOST,
// PARLEY_SERVICE_PORT_HTTP, PARLEY_PORT=tcp://10.0.0.7:8080, PARLEY_PORT_8080_TCP_ADDR, PARLEY_DB_PORT_5432_TCP.
var (
	injectedName = regexp.MustCompile(`^PARLEY_([A-Z0-9_]+_)?(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)$`)
	injectedPort = regexp.MustCompile(`^PARLEY_([A-Z0-9_]+_)?PORT=(tcp|udp|sctp)://`)
)

// unknown reports the names that are neither settings nor injected by a container platform. Their values are not
// shown: one of them may be a secret under a misspelt name.
func unknown(given map[string]string) []Mistake {
	known := map[string]bool{}
	for _, v := range variables {
		known[v.Name] = true
		known[v.Name+fileSuffix] = v.Secret
	}
	var mistakes []Mistake
	for name, value := range given {
		if known[name] || injectedName.MatchString(name) || injectedPort.MatchString(name+"="+value) {
			continue
		}
		problem := "there is no such setting"
		if near := nearest(name); near != "" {
			problem += "; did you mean " + near + "?"
		}
		mistakes = append(mistakes, Mistake{Name: name, Problem: problem})
	}
	return mistakes
}

// maxSecretFile bounds what is read from a file named by a _FILE variable, in bytes.
const maxSecretFile = 64 << 10

// withFiles returns a value for every variable: what was given, else the content of the file its twin names, else the
// default. Line ends at the end of a file are not part of the secret.
func withFiles(given map[string]string) (map[string]string, []Mistake) {
	values := map[string]string{}
	var mistakes []Mistake
	for _, v := range variables {
		values[v.Name] = v.Default
		if value, ok := given[v.Name]; ok {
			values[v.Name] = value
		}
		twin := v.Name + fileSuffix
		path, ok := given[twin]
		if !v.Secret || !ok {
			continue
		}
		if _, both := given[v.Name]; both {
			mistakes = append(mistakes, Mistake{Name: twin, Value: path, Problem: "expected only one of " + v.Name + " and " + twin})
			continue
		}
		secret, err := readSecret(path)
		if err != nil {
			mistakes = append(mistakes, Mistake{Name: twin, Value: path, Problem: "expected a readable file that holds the value: " + err.Error()})
			continue
		}
		values[v.Name] = secret
	}
	return values, mistakes
}

func readSecret(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", errors.Unwrap(err)
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, maxSecretFile+1))
	if err != nil {
		return "", errors.Unwrap(err)
	}
	content = bytes.TrimRight(content, "\r\n")
	switch {
	case len(content) == 0:
		return "", errors.New("it is empty")
	case len(content) > maxSecretFile:
		return "", fmt.Errorf("it is larger than %d KiB", maxSecretFile>>10)
	}
	return string(content), nil
}

// parsers reads the types that env does not know or reads in another way.
var parsers = map[reflect.Type]env.ParserFunc{
	reflect.TypeFor[bool](): func(v string) (any, error) {
		if v != "on" && v != "off" {
			return nil, errors.New("neither on nor off")
		}
		return v == "on", nil
	},
	reflect.TypeFor[[]netip.Prefix](): func(v string) (any, error) { return parseNetworks(v) },
}

func parseNetworks(list string) ([]netip.Prefix, error) {
	var networks []netip.Prefix
	for entry := range strings.SplitSeq(list, ",") {
		entry = strings.TrimSpace(entry)
		network, err := netip.ParsePrefix(entry)
		if err != nil {
			addr, err := netip.ParseAddr(entry)
			if err != nil || addr.Zone() != "" {
				return nil, fmt.Errorf("%q is no address", entry)
			}
			network = netip.PrefixFrom(addr.Unmap(), addr.Unmap().BitLen())
		}
		networks = append(networks, network.Masked())
	}
	return networks, nil
}

// malformed turns what env reports about fields into mistakes about variables.
func malformed(err error, values map[string]string) []Mistake {
	var all env.AggregateError
	if !errors.As(err, &all) {
		return nil
	}
	var mistakes []Mistake
	for _, one := range all.Errors {
		var parse env.ParseError
		if errors.As(one, &parse) {
			field, _ := reflect.TypeFor[Config]().FieldByName(parse.Name)
			mistakes = append(mistakes, mistake(field.Tag.Get("env"), values))
			continue
		}
		mistakes = append(mistakes, Mistake{Name: prefix + "*", Problem: one.Error()})
	}
	return mistakes
}

// check holds the rules that a type alone does not express, and brings BaseURL into its one form. It says nothing about
// variables that are among the known mistakes already.
func (c *Config) check(values map[string]string, known []Mistake) []Mistake {
	var mistakes []Mistake
	expect := func(name string, ok bool) {
		wrong := slices.ContainsFunc(known, func(m Mistake) bool { return m.Name == name })
		if !ok && !wrong {
			mistakes = append(mistakes, mistake(name, values))
		}
	}
	expect("PARLEY_ADDR", validAddr(c.Addr))
	expect("PARLEY_ADMIN_ADDR", c.AdminAddr == "" || validAddr(c.AdminAddr))
	if sameAddress(c.Addr, c.AdminAddr) {
		mistakes = append(mistakes, Mistake{
			Name: "PARLEY_ADMIN_ADDR", Value: strconv.Quote(c.AdminAddr),
			Problem: "expected another port than that of PARLEY_ADDR (" + c.Addr + "): metrics and profiles are not for people",
		})
	}
	base, ok := origin(c.BaseURL)
	expect("PARLEY_BASE_URL", c.BaseURL == "" || ok)
	if c.BaseURL = base; base == "" && !strings.HasSuffix(c.Addr, ":0") {
		c.BaseURL = BaseURLFor(c.Addr)
	}
	expect("PARLEY_DATABASE_URL", c.DatabaseURL == "" || validDatabaseURL(string(c.DatabaseURL)))
	expect("PARLEY_REGISTRATION", slices.Contains([]Registration{"", RegistrationOpen, RegistrationInvite, RegistrationClosed}, c.Registration))
	_, ok = ParseRedis(c.RedisURL)
	expect("PARLEY_REDIS_URL", c.RedisURL == "" || ok)
	_, ok = ParseSMTP(c.SMTPURL)
	expect("PARLEY_SMTP_URL", c.SMTPURL == "" || ok)
	expect("PARLEY_MAIL_FROM", c.MailFrom == "" || validMailbox(c.MailFrom))
	if c.MailFrom == "" {
		c.MailFrom = MailFromFor(c.BaseURL)
	}
	local := loopback(c.Addr) || !validAddr(c.Addr) // A wrong address is one mistake, not three.
	expect("PARLEY_LIMITS", c.Limits || local)
	least := 10
	if local {
		least = 4
	}
	expect("PARLEY_BCRYPT_COST", least <= c.BcryptCost && c.BcryptCost <= 15)
	expect("PARLEY_SLOW_STATEMENT", c.SlowStatement >= 0)
	expect("PARLEY_LOG_LEVEL", slices.Contains([]slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError}, c.LogLevel))
	return mistakes
}

var hostname = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9.])?$`)

// validAddr wants host:port with a numeric port; the host may be empty, a name or an address.
func validAddr(addr string) bool {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	_, err = netip.ParseAddr(host)
	_, wrongPort := strconv.ParseUint(port, 10, 16)
	return wrongPort == nil && (host == "" || err == nil || hostname.MatchString(host))
}

// origin brings an http or https URL without user, path, query and fragment into the form a browser's Origin header has:
// lower case, no slash at the end, no port where it is the scheme's own.
func origin(text string) (string, bool) {
	u, err := url.Parse(text)
	if err != nil || u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.HasSuffix(text, "#") {
		return "", false
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Path != "" && u.Path != "/" {
		return "", false
	}
	host, port := strings.ToLower(u.Hostname()), u.Port()
	if !validAddr(net.JoinHostPort(host, "0")) || host == "" || strings.HasSuffix(u.Host, ":") {
		return "", false
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	switch {
	case port == "", u.Scheme == "http" && port == "80", u.Scheme == "https" && port == "443":
		return u.Scheme + "://" + host, true
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return "", false
	}
	return u.Scheme + "://" + host + ":" + port, true
}

// validDatabaseURL looks at the form alone; whether a database answers there is known only when connecting. PostgreSQL
// allows several hosts (host1:5432,host2:5432) and none at all (postgres:///parley?host=/run/postgresql).
func validDatabaseURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "postgres" || u.Scheme == "postgresql") && u.Host+u.Path+u.RawQuery != ""
}
