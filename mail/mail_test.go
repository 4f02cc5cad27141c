package mail_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	netmail "net/mail"
	"regexp"
	"strings"
	"testing"
	"time"

	"parley/chat"
	"parley/config"
	"parley/mail"
	"parley/mail/mailtest"
)

const base = "https://chat.example.org"

// letter is one of a kind, with nothing unusual in it.
func letter(kind chat.LetterKind) chat.Mail {
	return chat.Mail{
		Kind: kind, Address: "mira@example.org", Name: "Mira Okafor", Username: "mira", Language: "en", TimeZone: "Europe/Berlin",
		Token: "secret-of-the-link", At: time.Date(2026, 11, 21, 13, 38, 0, 0, time.UTC),
	}
}

func sender(t *testing.T, server *mailtest.Server, options ...mail.Option) *mail.Sender {
	t.Helper()
	s, err := mail.New(server.SMTP(), "Our place <post@example.org>", base, append([]mail.Option{mail.WithTLS(server.Trust())}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSend(t *testing.T) {
	t.Parallel()

	t.Run("each kind of letter arrives with text and HTML that say the same", func(t *testing.T) {
		t.Parallel()
		server := mailtest.Start(t)
		ids := map[string]bool{}
		for _, kind := range chat.LetterKinds() {
			if err := sender(t, server).Send(t.Context(), letter(kind)); err != nil {
				t.Fatalf("%s: %v", kind, err)
			}
			got := server.Next(t)
			if got.From != "post@example.org" || got.To != "mira@example.org" {
				t.Errorf("%s: from %s to %s", kind, got.From, got.To)
			}
			for name, want := range map[string]string{
				"From": `^"Our place" <post@example\.org>$`, "To": `^"Mira Okafor" <mira@example\.org>$`,
				"Auto-Submitted": `^auto-generated$`, "Content-Language": `^en$`, "Mime-Version": `^1\.0$`,
				"Message-Id": `^<[0-9a-f-]{36}@example\.org>$`, "Date": `^.+[+-]\d{4}$`,
			} {
				if values := got.Header[name]; len(values) != 1 || !regexp.MustCompile(want).MatchString(values[0]) {
					t.Errorf("%s: %s is %q", kind, name, values)
				}
			}
			if id := got.Header.Get("Message-Id"); ids[id] {
				t.Errorf("%s: the id %s comes twice", kind, id)
			} else {
				ids[id] = true
			}
			if !strings.Contains(got.Subject, "chat.example.org") || strings.Contains(got.Subject, "letter.") {
				t.Errorf("%s: subject %q", kind, got.Subject)
			}
			for _, want := range []string{"Hello \u2068Mira Okafor\u2069,", "https://chat.example.org/"} {
				if !strings.Contains(got.Text, want) || !strings.Contains(got.HTML, want) {
					t.Errorf("%s lacks %q:\n%s\n%s", kind, want, got.Text, got.HTML)
				}
			}
			if !strings.HasPrefix(got.HTML, `<!doctype html><html lang="en" dir="ltr">`) || strings.Contains(got.Raw, "User-Agent") {
				t.Errorf("%s begins %.100s", kind, got.HTML)
			}
		}
	})

	t.Run("nothing in a letter is fetched from anywhere, and nothing in it runs", func(t *testing.T) {
		t.Parallel()
		server := mailtest.Start(t)
		for _, kind := range chat.LetterKinds() {
			if err := sender(t, server).Send(t.Context(), letter(kind)); err != nil {
				t.Fatal(err)
			}
			html := server.Next(t).HTML
			for _, bad := range []string{"src=", "<link", "<script", "<style", "style=", "url(", "background=", "<img", "<form"} {
				if strings.Contains(html, bad) {
					t.Errorf("%s holds %s", kind, bad)
				}
			}
		}
	})

	t.Run("an address that is not confirmed gets no name", func(t *testing.T) {
		t.Parallel()
		server := mailtest.Start(t)
		one := letter(chat.LetterConfirm)
		one.Name = ""
		if err := sender(t, server).Send(t.Context(), one); err != nil {
			t.Fatal(err)
		}
		got := server.Next(t)
		if to := got.Header.Get("To"); to != "<mira@example.org>" || !strings.HasPrefix(got.Text, "Hello,\n") {
			t.Errorf("to %q: %s", to, got.Text)
		}
		if link := got.Link(t, "/confirm/"); link != base+"/confirm/secret-of-the-link" {
			t.Errorf("the link is %s", link)
		}
	})

	t.Run("a sender without a host of its own says localhost", func(t *testing.T) {
		t.Parallel()
		server := mailtest.Start(t)
		s, err := mail.New(server.SMTP(), config.MailFromFor("http://192.0.2.7:8080"), "http://192.0.2.7:8080")
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Send(t.Context(), letter(chat.LetterReset)); err != nil {
			t.Fatal(err)
		}
		got := server.Next(t)
		if got.From != "parley@localhost" || got.Link(t, "/reset/") != "http://192.0.2.7:8080/reset/secret-of-the-link" {
			t.Errorf("from %s:\n%s", got.From, got.Text)
		}
	})

	t.Run("a sender that is no address is one clear line", func(t *testing.T) {
		t.Parallel()
		if _, err := mail.New(config.SMTP{}, "nobody", base); err == nil || !strings.Contains(err.Error(), "PARLEY_MAIL_FROM") {
			t.Errorf("got %v", err)
		}
	})
}

// TestHeaders puts into names and addresses what would end a line or a mailbox.
func TestHeaders(t *testing.T) {
	t.Parallel()
	server := mailtest.Start(t)
	names := []string{
		"Mira\r\nBcc: victim@example.org", "Mira\nX-Injected: 1", "Mira\r\n\r\n<script>", `"Mira" <victim@example.org>`, "Okafor, Mira",
		"Mira <victim@example.org>,", `back\slash "quote"`, "Ünï çödé", "نور العلي", "李雷", "👩‍👩‍👧", "=?utf-8?q?Mira?=", "a;b:c@d(e)",
		strings.Repeat("Mira ", 60), "\u202eMira",
	}
	for _, name := range names {
		one := letter(chat.LetterPasswordChanged)
		one.Name = name
		if err := sender(t, server).Send(t.Context(), one); err != nil {
			t.Errorf("%q: %v", name, err)
			continue
		}
		got := server.Next(t)
		to, err := got.Header.AddressList("To")
		if err != nil || len(to) != 1 || to[0].Address != "mira@example.org" || got.To != "mira@example.org" {
			t.Errorf("%q: to %v, %s, %v", name, to, got.To, err)
			continue
		}
		if to[0].Name != name && !strings.ContainsAny(name, "\r\n") {
			t.Errorf("%q arrives as %q", name, to[0].Name)
		}
		for header := range got.Header {
			if strings.Contains(header, "Injected") || header == "Bcc" {
				t.Errorf("%q: a header %s", name, header)
			}
		}
		if strings.Contains(got.HTML, "<script>") {
			t.Errorf("%q is markup", name)
		}
		for line := range strings.Lines(got.Raw) {
			if len(line) > 998 {
				t.Errorf("%q: a line of %d bytes", name, len(line))
			}
		}
	}
	for _, address := range []string{
		"mira@example.org\r\nRCPT TO:<victim@example.org>", "mira@example.org>\r\nDATA", "mira@example.org\r\nBcc: victim@example.org",
		"mira", "@example.org", "mira@", "mira@exa mple.org", "mira@example.org,victim@example.org", "mira@-example.org",
	} {
		one := letter(chat.LetterConfirm)
		one.Address = address
		err := sender(t, server).Send(t.Context(), one)
		if err == nil {
			t.Errorf("%q was written to", address)
		} else if strings.Contains(err.Error(), "example.org") {
			t.Errorf("%q: the error holds the address: %v", address, err)
		}
	}
	if waiting := server.Waiting(); len(waiting) != 0 {
		t.Errorf("%d letters went to addresses that are none, the first to %s", len(waiting), waiting[0].To)
	}
	t.Run("a domain of any script goes by its name in the name system", func(t *testing.T) {
		one := letter(chat.LetterConfirm)
		one.Address = "mira@bücher.example"
		if err := sender(t, server).Send(t.Context(), one); err != nil {
			t.Fatal(err)
		}
		if got := server.Next(t); got.To != "mira@xn--bcher-kva.example" {
			t.Errorf("to %s", got.To)
		}
	})
}

func TestEncryption(t *testing.T) {
	t.Parallel()
	const user, password = "post@example.org", "hunter2 and more"

	for _, how := range []config.TLS{config.TLSStart, config.TLSFirst, config.TLSNone} {
		t.Run("with "+string(how)+" it logs in and sends", func(t *testing.T) {
			t.Parallel()
			server := mailtest.Start(t, mailtest.Encrypted(how), mailtest.Login(user, password))
			if err := sender(t, server).Send(t.Context(), letter(chat.LetterReset)); err != nil {
				t.Fatal(err)
			}
			if got := server.Next(t); got.User != user || got.Encrypted != (how != config.TLSNone) {
				t.Errorf("from %q, encrypted %v", got.User, got.Encrypted)
			}
		})
	}

	t.Run("a server without STARTTLS hears neither password nor letter", func(t *testing.T) {
		t.Parallel()
		server := mailtest.Start(t, mailtest.Login(user, password))
		settings := server.SMTP()
		settings.TLS = config.TLSStart
		s, err := mail.New(settings, "post@example.org", base)
		if err != nil {
			t.Fatal(err)
		}
		refusedWithout(t, s.Send(t.Context(), letter(chat.LetterReset)), "STARTTLS", password)
		if len(server.Waiting()) != 0 {
			t.Error("a letter came")
		}
	})

	t.Run("a certificate that nobody vouches for is not believed", func(t *testing.T) {
		t.Parallel()
		for _, how := range []config.TLS{config.TLSStart, config.TLSFirst} {
			server := mailtest.Start(t, mailtest.Encrypted(how))
			s, err := mail.New(server.SMTP(), "post@example.org", base)
			if err != nil {
				t.Fatal(err)
			}
			refusedWithout(t, s.Send(t.Context(), letter(chat.LetterReset)), "certificate")
			if len(server.Waiting()) != 0 {
				t.Error("a letter came")
			}
		}
	})

	t.Run("nor one for another name", func(t *testing.T) {
		t.Parallel()
		server := mailtest.Start(t, mailtest.Encrypted(config.TLSStart))
		other := server.Trust()
		other.ServerName = "mail.example.org"
		refusedWithout(t, sender(t, server, mail.WithTLS(other)).Send(t.Context(), letter(chat.LetterReset)), "certificate")
	})

	t.Run("nor a protocol that is too old", func(t *testing.T) {
		t.Parallel()
		server := mailtest.Start(t, mailtest.Encrypted(config.TLSFirst))
		future := server.Trust()
		future.MinVersion, future.MaxVersion = tls.VersionTLS10, tls.VersionTLS10
		refusedWithout(t, sender(t, server, mail.WithTLS(future)).Send(t.Context(), letter(chat.LetterReset)), "cannot be used")
	})
}

// refusedWithout checks that an error says something, and that neither address nor token nor any of the others is in it.
func refusedWithout(t *testing.T, err error, says string, others ...string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), says) {
		t.Errorf("got %v, wanted %q", err, says)
		return
	}
	for _, secret := range append(others, "mira@example.org", "mira", "secret-of-the-link") {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("%q is in %v", secret, err)
		}
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		step     string
		code     int
		enhanced [3]int
		says     string
		mailbox  bool // it is in vain
	}{
		"a mailbox that is not there":         {"rcpt", 550, [3]int{5, 1, 1}, "no such mailbox (550 5.1.1)", true},
		"a domain that is not there":          {"rcpt", 550, [3]int{5, 1, 2}, "no such mailbox (550 5.1.2)", true},
		"a mailbox that is busy":              {"rcpt", 450, [3]int{4, 2, 0}, "RCPT TO command (450 4.2.0)", false},
		"a recipient whom policy forbids":     {"rcpt", 554, [3]int{5, 7, 1}, "RCPT TO command (554 5.7.1)", false},
		"a sender whom policy forbids":        {"mail", 553, [3]int{5, 1, 8}, "MAIL FROM command (553 5.1.8)", false},
		"a letter that looks like a nuisance": {"data", 554, [3]int{5, 7, 1}, "(554 5.7.1)", false},
		"a server that is full":               {"data", 452, [3]int{4, 3, 1}, "(452 4.3.1)", false},
		"a server that is closing":            {"connect", 421, [3]int{4, 3, 2}, "(421", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := mailtest.Start(t)
			server.Refuse(func(step, _ string) error {
				if step != c.step {
					return nil
				}
				return mailtest.Reply(c.code, c.enhanced, "<mira@example.org>: no, and the link was secret-of-the-link")
			})
			err := sender(t, server).Send(t.Context(), letter(chat.LetterReset))
			refusedWithout(t, err, c.says)
			if errors.Is(err, chat.ErrNoMailbox) != c.mailbox {
				t.Errorf("got %v", err)
			}
			server.Refuse(nil)
			if err := sender(t, server).Send(t.Context(), letter(chat.LetterReset)); err != nil {
				t.Errorf("afterwards: %v", err)
			}
		})
	}

	t.Run("a wrong password", func(t *testing.T) {
		t.Parallel()
		server := mailtest.Start(t, mailtest.Encrypted(config.TLSFirst), mailtest.Login("post@example.org", "right"))
		settings := server.SMTP()
		settings.Password = "hunter2"
		s, err := mail.New(settings, "post@example.org", base, mail.WithTLS(server.Trust()))
		if err != nil {
			t.Fatal(err)
		}
		refusedWithout(t, s.Send(t.Context(), letter(chat.LetterReset)), "(535 5.7.8)", "hunter2")
	})

	t.Run("nobody at that port", func(t *testing.T) {
		t.Parallel()
		server := mailtest.Start(t)
		server.Down()
		refusedWithout(t, sender(t, server).Send(t.Context(), letter(chat.LetterReset)), "connection refused")
		server.Up()
		if err := sender(t, server).Send(t.Context(), letter(chat.LetterReset)); err != nil {
			t.Errorf("afterwards: %v", err)
		}
	})

	t.Run("a server that says nothing is left as soon as the time is over", func(t *testing.T) {
		t.Parallel()
		silent, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = silent.Close() }()
		met := make(chan net.Conn, 1)
		go func() {
			if conn, err := silent.Accept(); err == nil {
				met <- conn
			}
		}()
		port := silent.Addr().(*net.TCPAddr).Port
		s, err := mail.New(config.SMTP{Host: "127.0.0.1", Port: port, TLS: config.TLSNone}, "post@example.org", base)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		sent := make(chan error, 1)
		go func() { sent <- s.Send(ctx, letter(chat.LetterReset)) }()
		conn := <-met
		defer func() { _ = conn.Close() }()
		began := time.Now()
		cancel()
		refusedWithout(t, <-sent, "took too long")
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

func TestSenderNamesAreEncoded(t *testing.T) {
	t.Parallel()
	server := mailtest.Start(t)
	for from, want := range map[string]netmail.Address{
		`Größe, "und" so <post@example.org>`:                        {},
		`"Größe, und so" <post@example.org>`:                        {Name: "Größe, und so", Address: "post@example.org"},
		(&netmail.Address{Name: "小屋", Address: "p@x.org"}).String(): {Name: "小屋", Address: "p@x.org"},
	} {
		s, err := mail.New(server.SMTP(), from, base)
		if want.Address == "" {
			if err == nil {
				t.Errorf("%s is taken", from)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Send(t.Context(), letter(chat.LetterReset)); err != nil {
			t.Fatal(err)
		}
		if got, err := server.Next(t).Header.AddressList("From"); err != nil || len(got) != 1 || *got[0] != want {
			t.Errorf("%s arrives as %v, %v", from, got, err)
		}
	}
}
