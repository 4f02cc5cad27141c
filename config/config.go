// Package config turns the environment into Parley's configuration.
//
// Every setting is an environment variable named PARLEY_*; there are no configuration files and no flags. [Variables]
// is the one table of them; [Load] reads them, checks them and reports every mistake at once.
package config

import (
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Config holds the effective settings. Load fills and checks it; tests may write one by hand.
type Config struct {
	// Addr is the host:port the server listens on. Port 0 asks the system for a free one.
	Addr string `env:"PARLEY_ADDR"`
	// AdminAddr is the host:port for metrics and profiles, which ask for no login; empty means that there are none. Port 0
	// asks the system for a free one.
	AdminAddr string `env:"PARLEY_ADMIN_ADDR"`
	// BaseURL is where people reach this server, such as "https://chat.example.org": scheme, host and, unless it is the
	// scheme's own, port; never a slash at the end. Where none is set it follows from Addr, see [BaseURLFor]; it is empty
	// where that cannot be known yet, because Addr has port 0.
	BaseURL string `env:"PARLEY_BASE_URL"`
	// DatabaseURL names the PostgreSQL database; empty means that Parley runs a PostgreSQL of its own under DataDir.
	DatabaseURL Secret `env:"PARLEY_DATABASE_URL"`
	// RedisURL names the Redis that joins several nodes, see [ParseRedis]; empty means that there is one node.
	RedisURL Secret `env:"PARLEY_REDIS_URL"`
	// DataDir is the folder for everything kept on disk, as it was given: relative to the working directory or absolute.
	DataDir string `env:"PARLEY_DATA_DIR"`
	// Registration says who may make an account; empty where the administrators decide.
	Registration Registration `env:"PARLEY_REGISTRATION"`
	// SMTPURL names the mail server, see [ParseSMTP]; empty means that Parley sends no mail.
	SMTPURL Secret `env:"PARLEY_SMTP_URL"`
	// MailFrom is the sender of letters, such as "Parley <parley@example.org>". Where none is set it follows from BaseURL.
	MailFrom string `env:"PARLEY_MAIL_FROM"`
	// TrustedProxies are the peers whose X-Forwarded-For is believed.
	TrustedProxies []netip.Prefix `env:"PARLEY_TRUSTED_PROXIES"`
	// Limits switches the rate limits; false only where Addr is a loopback address.
	Limits bool `env:"PARLEY_LIMITS"`
	// BcryptCost is the cost of hashing a password, 4 to 15; below 10 only where Addr is a loopback address.
	BcryptCost int `env:"PARLEY_BCRYPT_COST"`
	// Dev shows the gallery, serves static files from disk and writes the log for people.
	Dev bool `env:"PARLEY_DEV"`
	// LogLevel is the least level that is logged.
	LogLevel slog.Level `env:"PARLEY_LOG_LEVEL"`
	// SlowStatement is how long a statement may take before the log names it; 0 means that none is named.
	SlowStatement time.Duration `env:"PARLEY_SLOW_STATEMENT"`
}

// Secure reports whether people reach this server through TLS: cookies are then marked Secure and HSTS is sent.
func (c Config) Secure() bool { return strings.HasPrefix(c.BaseURL, "https://") }

// Private reports whether nobody but this machine reaches this server.
func (c Config) Private() bool {
	return loopback(c.Addr) && (c.BaseURL == "" || c.BaseURL == BaseURLFor(c.Addr))
}

// AdminPrivate reports whether nobody but this machine reaches the metrics and profiles.
func (c Config) AdminPrivate() bool { return loopback(c.AdminAddr) }

// Public reports whether people reach this server by a name that is not this machine's own. Then something stands in
// between, and who connects from this machine may be anybody.
func (c Config) Public() bool {
	if c.BaseURL == "" {
		return false
	}
	at, err := url.Parse(c.BaseURL)
	return err != nil || !loopback(net.JoinHostPort(at.Hostname(), "80"))
}

// Registration says who may make an account. The very first account can always be made.
type Registration string

// The values of PARLEY_REGISTRATION.
const (
	RegistrationOpen   Registration = "open"
	RegistrationInvite Registration = "invite"
	RegistrationClosed Registration = "closed"
)

// Secret is a setting that must not be shown. Printing or logging one gives stars; string(s) gives the value.
type Secret string

const stars = "***"

// String hides the value, so that fmt and log lines cannot show it. An empty secret stays empty.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return stars
}

// GoString hides the value from %#v.
func (s Secret) GoString() string { return s.String() }

// LogValue hides the value from slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText hides the value from JSON and other encodings.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// BaseURLFor returns the URL under which a server listening on addr (host:port) answers to a person at this machine.
// A server on port 0 knows its address only once it listens, and asks again with that one.
func BaseURLFor(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "http://" + addr
	}
	if ip, err := netip.ParseAddr(host); host == "" || err == nil && ip.IsUnspecified() {
		host = "localhost"
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if port == "80" {
		return "http://" + host
	}
	return "http://" + host + ":" + port
}

// sameAddress reports whether of two addresses (host:port) the second cannot be listened on beside the first.
func sameAddress(a, b string) bool {
	hostA, portA, errA := net.SplitHostPort(a)
	hostB, portB, errB := net.SplitHostPort(b)
	numberA, wrongA := strconv.ParseUint(portA, 10, 16)
	numberB, wrongB := strconv.ParseUint(portB, 10, 16)
	if errors.Join(errA, errB, wrongA, wrongB) != nil || numberA != numberB || numberA == 0 {
		return false
	}
	// Everything on a port is also each of its addresses.
	return everywhere(hostA) || everywhere(hostB) || strings.EqualFold(hostA, hostB) ||
		hostA == "localhost" && loopback(b) || hostB == "localhost" && loopback(a)
}

func everywhere(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "" || err == nil && ip.IsUnspecified()
}

// loopback reports whether only this machine can reach addr (host:port).
func loopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.Unmap().IsLoopback()
}
