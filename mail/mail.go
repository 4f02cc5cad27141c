// Package mail hands letters to the operator's mail server. It knows how a letter is packed and carried; what it says is
// package views' matter, and whether it is sent is chat's.
package mail

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	netmail "net/mail"
	"net/textproto"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"
	"golang.org/x/net/idna"

	"parley/chat"
	"parley/config"
	"parley/views"
)

// stepTimeout bounds each step of a conversation with the mail server, connecting included. All steps together are bounded
// by the context of Send.
const stepTimeout = 15 * time.Second

// Sender implements [chat.Mailer] by SMTP.
type Sender struct {
	server config.SMTP
	tls    *tls.Config
	from   netmail.Address
	base   string
	host   string // what this installation calls itself to others
}

var _ chat.Mailer = (*Sender)(nil)

// Option changes how a Sender is made; tests use them.
type Option func(*Sender)

// WithTLS replaces what is expected of the mail server's certificate.
func WithTLS(c *tls.Config) Option { return func(s *Sender) { s.tls = c } }

// New makes a sender through a mail server. from is the sender's address with or without a name, base is where people
// reach this installation, without a slash at the end; links in letters lead there. No connection is made yet.
func New(server config.SMTP, from, base string, options ...Option) (*Sender, error) {
	sender, err := netmail.ParseAddress(from)
	if err != nil {
		return nil, errors.New("PARLEY_MAIL_FROM: expected an e-mail address")
	}
	s := &Sender{server: server, from: *sender, base: base, host: "localhost"}
	if u, err := url.Parse(base); err == nil && u.Hostname() != "" && net.ParseIP(u.Hostname()) == nil {
		s.host = u.Hostname()
	}
	s.tls = &tls.Config{ServerName: server.Host, MinVersion: tls.VersionTLS12}
	for _, option := range options {
		option(s)
	}
	return s, nil
}

// Send implements [chat.Mailer]. One connection carries one letter: there are few.
func (s *Sender) Send(ctx context.Context, mail chat.Mail) error {
	message, err := s.pack(mail)
	if err != nil {
		return err
	}
	client, done, err := s.client(ctx)
	if err != nil {
		return err
	}
	defer done()
	err = client.DialAndSendWithContext(ctx, message)
	if err == nil || message.IsDelivered() {
		return nil // a farewell that fails takes nothing back, and sending again would send twice
	}
	return failure(ctx, err)
}

// pack writes a letter. Texts are quoted-printable and names are encoded words, so that a mail server needs to know no
// extension to carry any language.
func (s *Sender) pack(mail chat.Mail) (*gomail.Msg, error) {
	letter := views.NewLetter(mail, s.base)
	var html bytes.Buffer
	if err := views.LetterPage(letter).Render(context.Background(), &html); err != nil {
		return nil, fmt.Errorf("draw a letter: %w", err)
	}
	address, err := deliverable(mail.Address)
	if err != nil {
		return nil, err
	}
	message := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	message.FromMailAddress(&s.from)
	message.ToMailAddress(&netmail.Address{Name: mail.Name, Address: address})
	message.Subject(letter.Subject)
	message.SetDate()
	_, domain, _ := strings.Cut(s.from.Address, "@")
	message.SetMessageIDWithValue(chat.NewID().String() + "@" + domain)
	message.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834, 5: nobody's absence note comes back
	message.SetGenHeader("X-Auto-Response-Suppress", "All")  // and neither do those of Exchange
	message.SetGenHeader("Content-Language", letter.Language)
	message.SetBodyString(gomail.TypeTextPlain, letter.Text())
	message.AddAlternativeString(gomail.TypeTextHTML, html.String())
	return message, nil
}

// deliverable is an address as every mail server knows it: the domain in the form that the name system has (RFC 5890).
// What is more than one address, or none, was let through by a mistake, and goes no further.
func deliverable(address string) (string, error) {
	if parsed, err := netmail.ParseAddress(address); err != nil || parsed.Address != address {
		return "", chat.ErrNoMailbox
	}
	at := strings.LastIndexByte(address, '@')
	domain, err := idna.Lookup.ToASCII(address[at+1:])
	if err != nil {
		return "", chat.ErrNoMailbox
	}
	return address[:at+1] + domain, nil
}

// client makes what carries one letter. Whatever it is doing when ctx ends, its connection is closed.
func (s *Sender) client(ctx context.Context) (client *gomail.Client, done func(), err error) {
	ctx, cancel := context.WithCancel(ctx)
	dialer := &net.Dialer{Timeout: stepTimeout}
	dial := func(dialing context.Context, network, address string) (net.Conn, error) {
		var conn net.Conn
		var err error
		if s.server.TLS == config.TLSFirst {
			conn, err = (&tls.Dialer{NetDialer: dialer, Config: s.tls}).DialContext(dialing, network, address)
		} else {
			conn, err = dialer.DialContext(dialing, network, address)
		}
		if err == nil {
			context.AfterFunc(ctx, func() { _ = conn.Close() })
		}
		return conn, err
	}
	options := []gomail.Option{
		gomail.WithPort(s.server.Port), gomail.WithHELO(s.host), gomail.WithTimeout(stepTimeout), gomail.WithTLSConfig(s.tls),
		gomail.WithDialContextFunc(dial), gomail.WithTLSPolicy(gomail.NoTLS),
	}
	plain, login := gomail.SMTPAuthPlain, gomail.SMTPAuthLogin // which the library refuses without encryption
	switch s.server.TLS {
	case config.TLSStart:
		options = append(options, gomail.WithTLSPolicy(gomail.TLSMandatory))
	case config.TLSNone:
		plain, login = gomail.SMTPAuthPlainNoEnc, gomail.SMTPAuthLoginNoEnc
	}
	if s.server.User != "" {
		options = append(options, gomail.WithUsername(s.server.User), gomail.WithPassword(string(s.server.Password)),
			gomail.WithOpportunisticSMTPAuth(plain, login, gomail.SMTPAuthSCRAMSHA256))
	}
	client, err = gomail.NewClient(s.server.Host, options...)
	if err != nil {
		cancel()
		return nil, nil, fmt.Errorf("the mail server's settings: %w", err)
	}
	return client, cancel, nil
}

// enhanced is a status code by RFC 3463 at the beginning of a reply.
var enhanced = regexp.MustCompile(`^[245]\.\d{1,3}\.\d{1,3}\b`)

// failure says what went wrong in words that can be logged. What a mail server replies is not among them, but for its
// codes: replies repeat addresses.
func failure(ctx context.Context, err error) error {
	var sending *gomail.SendError
	var reply *textproto.Error
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("the mail server took too long: %w", ctx.Err())
	case errors.As(err, &sending):
		code := codes(sending.ErrorCode(), sending.EnhancedStatusCode())
		// Addressing status, RFC 3463, 3.2. A refusal with another one may be the operator's mistake, which can be mended.
		if sending.Reason == gomail.ErrSMTPRcptTo && strings.HasPrefix(sending.EnhancedStatusCode(), "5.1.") {
			return fmt.Errorf("%w (%s)", chat.ErrNoMailbox, code)
		}
		return fmt.Errorf("the mail server does not take the letter: %s (%s)", sending.Reason, code)
	case errors.As(err, &reply):
		return fmt.Errorf("the mail server refuses (%s)", codes(reply.Code, enhanced.FindString(reply.Msg)))
	}
	// The connection failed: the words are the network's, or those of TLS, or the library's about what the server offers.
	return fmt.Errorf("the mail server cannot be used: %w", err)
}

func codes(code int, enhanced string) string {
	if code == 0 {
		return "no reply"
	}
	return strings.TrimSpace(strconv.Itoa(code) + " " + enhanced)
}
