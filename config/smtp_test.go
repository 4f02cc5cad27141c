package config_test

import (
	"testing"

	"parley/config"
)

func TestParseSMTP(t *testing.T) {
	t.Parallel()
	for text, want := range map[config.Secret]config.SMTP{
		"smtp://Mail.example.org":                    {Host: "mail.example.org", Port: 587, TLS: config.TLSStart},
		"smtp://u%40x:p%2Fw@mail.example.org:2525/":  {Host: "mail.example.org", Port: 2525, User: "u@x", Password: "p/w", TLS: config.TLSStart},
		"smtp://192.0.2.7":                           {Host: "192.0.2.7", Port: 587, TLS: config.TLSStart},
		"smtp://localhost:1025":                      {Host: "localhost", Port: 1025, TLS: config.TLSNone},
		"smtp://127.0.0.1:1025":                      {Host: "127.0.0.1", Port: 1025, TLS: config.TLSNone},
		"smtp://[::1]:1025":                          {Host: "::1", Port: 1025, TLS: config.TLSNone},
		"smtp://localhost.example.org":               {Host: "localhost.example.org", Port: 587, TLS: config.TLSStart},
		"smtps://mail.example.org":                   {Host: "mail.example.org", Port: 465, TLS: config.TLSFirst},
		"smtps://localhost:4650":                     {Host: "localhost", Port: 4650, TLS: config.TLSFirst},
		"smtps://u:p@127.0.0.1.nip.example.org:4650": {Host: "127.0.0.1.nip.example.org", Port: 4650, User: "u", Password: "p", TLS: config.TLSFirst},
	} {
		if got, ok := config.ParseSMTP(text); !ok || got != want {
			t.Errorf("%s: got %+v, %v", string(text), got, ok)
		}
	}
	if got, ok := config.ParseSMTP(""); ok {
		t.Errorf("no mail server: got %+v", got)
	}
}

func TestTheSenderFollowsFromTheBaseURL(t *testing.T) {
	t.Parallel()
	for base, want := range map[string]string{
		"https://chat.example.org":      "Parley <parley@chat.example.org>",
		"https://chat.example.org:8443": "Parley <parley@chat.example.org>",
		"https://chat.example.org.":     "Parley <parley@chat.example.org>",
		"http://192.0.2.7:8080":         "Parley <parley@localhost>",
		"http://[2001:db8::1]":          "Parley <parley@localhost>",
		"http://localhost:8080":         "Parley <parley@localhost>",
		"":                              "Parley <parley@localhost>",
	} {
		if got := config.MailFromFor(base); got != want {
			t.Errorf("%q: got %q", base, got)
		}
	}
}
