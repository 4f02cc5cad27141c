package config

import (
	"net"
	"net/mail"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"unicode"
)

// SMTP is a mail server to send through.
type SMTP struct {
	Host string
	Port int
	// User and Password log in there; both are empty where that is not needed.
	User     string
	Password Secret
	TLS      TLS
}

// TLS says how the connection to a mail server is protected.
type TLS string

// The ways of protecting it.
const (
	// TLSNone: not at all; only for a server on this machine itself, which no wire leads to.
	TLSNone TLS = "none"
	// TLSStart: by STARTTLS, and not without.
	TLSStart TLS = "starttls"
	// TLSFirst: from the first byte on.
	TLSFirst TLS = "tls"
)

// Ports without a word about them: RFC 6409, 3.1, and RFC 8314, 3.3.
const (
	portSubmission  = 587
	portSubmissions = 465
)

// ParseSMTP reads smtp://user:password@host:587 or smtps://user:password@host:465. User and password may be missing, both
// together, and so may the port. With smtp the connection has to become an encrypted one by STARTTLS, unless the host is
// a loopback address. The form alone is looked at; whether a server answers there is known only when a letter is sent.
func ParseSMTP(text Secret) (SMTP, bool) {
	u, err := url.Parse(string(text))
	if err != nil || u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" ||
		strings.HasSuffix(string(text), "#") || strings.HasSuffix(u.Host, ":") {
		return SMTP{}, false
	}
	server := SMTP{Host: strings.ToLower(u.Hostname())}
	switch u.Scheme {
	case "smtp":
		server.Port, server.TLS = portSubmission, TLSStart
		if loopback(net.JoinHostPort(server.Host, "0")) {
			server.TLS = TLSNone
		}
	case "smtps":
		server.Port, server.TLS = portSubmissions, TLSFirst
	default:
		return SMTP{}, false
	}
	if server.Host == "" || !validAddr(net.JoinHostPort(server.Host, "0")) {
		return SMTP{}, false
	}
	if port := u.Port(); port != "" {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 {
			return SMTP{}, false
		}
		server.Port = int(n)
	}
	if u.User != nil {
		password, _ := u.User.Password()
		server.User, server.Password = u.User.Username(), Secret(password)
		if server.User == "" || password == "" || strings.ContainsFunc(server.User+password, unicode.IsControl) {
			return SMTP{}, false
		}
	}
	return server, true
}

// MailFromFor returns the sender of letters for an installation that people reach at base: parley at its host. An address
// in numbers is nobody's mail domain, so there it is localhost.
func MailFromFor(base string) string {
	host := "localhost"
	if u, err := url.Parse(base); err == nil && u.Hostname() != "" {
		if _, err := netip.ParseAddr(u.Hostname()); err != nil {
			host = strings.TrimSuffix(u.Hostname(), ".")
		}
	}
	return "Parley <parley@" + host + ">"
}

// validMailbox wants one address, with or without a name.
func validMailbox(text string) bool {
	address, err := mail.ParseAddress(text)
	return err == nil && !strings.ContainsFunc(text, unicode.IsControl) && !strings.ContainsAny(address.Address, "[] \"")
}
