// Package mailtest is a mail server for tests: it really listens, and keeps what it is given.
//
//	server := mailtest.Start(t)
//	… PARLEY_SMTP_URL is server.URL() …
//	letter := server.Next(t)
package mailtest

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"math/big"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"parley/config"
)

// patience is how long a test waits for a letter.
const patience = 20 * time.Second

// Letter is a letter as it arrived.
type Letter struct {
	From, To  string // of the envelope
	Encrypted bool
	User      string // who logged in, if anybody
	Raw       string
	Header    mail.Header
	Subject   string // decoded
	Text      string
	HTML      string
}

// Link returns the address in the text that contains what.
func (l Letter) Link(t testing.TB, what string) string {
	t.Helper()
	for line := range strings.Lines(l.Text) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "http") && strings.Contains(line, what) {
			return line
		}
	}
	t.Fatalf("mailtest: no link with %s in %q:\n%s", what, l.Subject, l.Text)
	return ""
}

// Server is a mail server on a port of its own.
type Server struct {
	t       testing.TB
	tls     config.TLS
	user    string
	pass    string
	addr    string
	cert    tls.Certificate
	roots   *x509.CertPool
	letters chan Letter

	mu      sync.Mutex
	refuse  func(step, argument string) error
	running *smtp.Server
	listens net.Listener
}

// Option changes how a server is started.
type Option func(*Server)

// Encrypted makes the server speak TLS, by STARTTLS or from the first byte on, with a certificate of its own making.
func Encrypted(how config.TLS) Option { return func(s *Server) { s.tls = how } }

// Login makes the server ask for a user and a password.
func Login(user, password string) Option {
	return func(s *Server) { s.user, s.pass = user, password }
}

// Start starts a server that ends with the test. It listens on a loopback address, where Parley needs no encryption.
func Start(t testing.TB, options ...Option) *Server {
	t.Helper()
	s := &Server{t: t, tls: config.TLSNone, addr: "127.0.0.1:0", letters: make(chan Letter, 1000)}
	for _, option := range options {
		option(s)
	}
	s.certify()
	s.Up()
	t.Cleanup(s.Down)
	return s
}

// URL is the server as PARLEY_SMTP_URL names it, without encryption.
func (s *Server) URL() config.Secret {
	if s.user == "" {
		return config.Secret("smtp://" + s.addr)
	}
	return config.Secret("smtp://" + s.user + ":" + s.pass + "@" + s.addr)
}

// SMTP is the server as package mail wants it.
func (s *Server) SMTP() config.SMTP {
	host, port, _ := net.SplitHostPort(s.addr)
	n, _ := strconv.Atoi(port)
	return config.SMTP{Host: host, Port: n, User: s.user, Password: config.Secret(s.pass), TLS: s.tls}
}

// Trust is what a client needs that is to believe the server's certificate.
func (s *Server) Trust() *tls.Config {
	return &tls.Config{RootCAs: s.roots, ServerName: "127.0.0.1", MinVersion: tls.VersionTLS12}
}

// Refuse lets the server refuse what answer gives an error for. It is asked at each step (connect, mail, rcpt, data) with
// the step's argument; nil refuses nothing any more.
func (s *Server) Refuse(answer func(step, argument string) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refuse = answer
}

// Reply is a refusal: a code, an enhanced one as in RFC 3463, and words.
func Reply(code int, enhanced [3]int, words string) error {
	return &smtp.SMTPError{Code: code, EnhancedCode: enhanced, Message: words}
}

func (s *Server) asked(step, argument string) error {
	s.mu.Lock()
	refuse := s.refuse
	s.mu.Unlock()
	if refuse == nil {
		return nil
	}
	return refuse(step, argument)
}

// Up lets the server listen again, at the same address.
func (s *Server) Up() {
	s.t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(s.t.Context(), "tcp", s.addr)
	if err != nil {
		s.t.Fatalf("mailtest: %v", err)
	}
	s.addr = listener.Addr().String()
	server := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		if err := s.asked("connect", ""); err != nil {
			return nil, err
		}
		return &session{server: s, conn: c}, nil
	}))
	server.Domain, server.AllowInsecureAuth = "mailtest.example", s.tls == config.TLSNone
	server.ErrorLog = silent{}
	switch s.tls {
	case config.TLSStart:
		server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{s.cert}, MinVersion: tls.VersionTLS12}
	case config.TLSFirst:
		listener = tls.NewListener(listener, &tls.Config{Certificates: []tls.Certificate{s.cert}, MinVersion: tls.VersionTLS12})
	}
	s.mu.Lock()
	s.running, s.listens = server, listener
	s.mu.Unlock()
	go func() { _ = server.Serve(listener) }()
}

// Down ends the server and every connection to it.
func (s *Server) Down() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running != nil {
		_ = s.listens.Close() // it may not have begun to serve
		_ = s.running.Close()
		s.running = nil
	}
}

// Next waits for the next letter.
func (s *Server) Next(t testing.TB) Letter {
	t.Helper()
	select {
	case letter := <-s.letters:
		return letter
	case <-time.After(patience):
		t.Fatal("mailtest: no letter came")
		return Letter{}
	}
}

// Waiting returns the letters that came and were not asked for.
func (s *Server) Waiting() (letters []Letter) {
	for {
		select {
		case letter := <-s.letters:
			letters = append(letters, letter)
		default:
			return letters
		}
	}
}

// session is a client's connection.
type session struct {
	server   *Server
	conn     *smtp.Conn
	user     string
	from, to string
}

// AuthMechanisms implements [smtp.AuthSession].
func (c *session) AuthMechanisms() []string {
	if c.server.user == "" {
		return nil
	}
	return []string{sasl.Plain}
}

// Auth implements [smtp.AuthSession].
func (c *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != c.server.user || password != c.server.pass {
			return smtp.ErrAuthFailed
		}
		c.user = user
		return nil
	}), nil
}

// Mail implements [smtp.Session].
func (c *session) Mail(from string, _ *smtp.MailOptions) error {
	if c.server.user != "" && c.user == "" {
		return smtp.ErrAuthRequired
	}
	c.from = from
	return c.server.asked("mail", from)
}

// Rcpt implements [smtp.Session].
func (c *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	if c.to != "" {
		return errors.New("a letter to several people")
	}
	c.to = to
	return c.server.asked("rcpt", to)
}

// Data implements [smtp.Session].
func (c *session) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if err := c.server.asked("data", string(raw)); err != nil {
		return err
	}
	letter, err := read(raw)
	if err != nil {
		c.server.t.Errorf("mailtest: a letter that cannot be read: %v\n%s", err, raw)
		return err
	}
	_, letter.Encrypted = c.conn.TLSConnectionState()
	letter.From, letter.To, letter.User = c.from, c.to, c.user
	c.server.letters <- letter
	return nil
}

// Reset implements [smtp.Session].
func (c *session) Reset() { c.from, c.to = "", "" }

// Logout implements [smtp.Session].
func (c *session) Logout() error { return nil }

func read(raw []byte) (letter Letter, err error) {
	message, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return letter, err
	}
	letter.Raw, letter.Header = string(raw), message.Header
	if letter.Subject, err = new(mime.WordDecoder).DecodeHeader(message.Header.Get("Subject")); err != nil {
		return letter, err
	}
	kind, params, err := mime.ParseMediaType(message.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		return letter, errors.Join(err, errors.New("not multipart/alternative, but "+kind))
	}
	parts := multipart.NewReader(message.Body, params["boundary"])
	for {
		part, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return letter, err
		}
		if how := part.Header.Get("Content-Transfer-Encoding"); how != "quoted-printable" {
			return letter, errors.New("encoded as " + how)
		}
		content, err := io.ReadAll(quotedprintable.NewReader(part))
		if err != nil {
			return letter, err
		}
		text := strings.ReplaceAll(string(content), "\r\n", "\n")
		switch kind := part.Header.Get("Content-Type"); {
		case regexp.MustCompile(`^text/plain; charset=UTF-8`).MatchString(kind):
			letter.Text = text
		case regexp.MustCompile(`^text/html; charset=UTF-8`).MatchString(kind):
			letter.HTML = text
		default:
			return letter, errors.New("a part of type " + kind)
		}
	}
	if letter.Text == "" || letter.HTML == "" {
		return letter, errors.New("a part is missing")
	}
	return letter, nil
}

// certify makes a certificate for 127.0.0.1 that nobody believes but those who know it.
func (s *Server) certify() {
	s.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		s.t.Fatalf("mailtest: %v", err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "mailtest"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		s.t.Fatalf("mailtest: %v", err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		s.t.Fatalf("mailtest: %v", err)
	}
	s.cert = tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: parsed}
	s.roots = x509.NewCertPool()
	s.roots.AddCert(parsed)
}

type silent struct{}

func (silent) Printf(string, ...any) {}
func (silent) Println(...any)        {}
