package handlers

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func TestOpenRedirect(t *testing.T) {
	t.Parallel()
	local := map[string]string{
		"/": "/", "/settings": "/settings", "/people?q=a%26b": "/people?q=a%26b", "/conversations/x?around=y#m-y": "/conversations/x?around=y#m-y",
		"/people?next=https://evil.example": "/people?next=https://evil.example",
		"/@evil.example":                    "/@evil.example", "/a:b": "/a:b",
	}
	foreign := []string{
		"", "https://evil.example", "http:evil.example", "//evil.example", "///evil.example", "////evil.example",
		`/\evil.example`, `\\evil.example`, `\/evil.example`, `/\/evil.example`, "/\t/evil.example", "/\n/evil.example", "\t//evil.example",
		" //evil.example", "/ /evil.example", "/\r\nLocation: https://evil.example", "/\x00/evil.example", "javascript:alert(1)",
		"data:text/html,x", "evil.example", "@evil.example", ".evil.example", "/.//evil.example", "/..//evil.example", "/x/..//evil.example",
		"/%2F/evil.example", "/%2Fevil.example", "/%5Cevil.example", "/%2f%2fevil.example", "https:/evil.example", "HTTPS://evil.example", "//evil.example:80/x", "//user@evil.example",
		"/" + "\u2028" + "/evil.example", "/\u00a0", "/\xff", "/%", "/" + strings.Repeat("x", 600),
	}
	for next, want := range local {
		if got := localPath(next); got != want {
			t.Errorf("%q becomes %q", next, got)
		}
	}
	for _, next := range foreign {
		if got := localPath(next); got != "/" {
			t.Errorf("%q becomes %q", next, got)
		}
	}

	t.Run("through the form", func(t *testing.T) {
		t.Parallel()
		s := newSite(t, func(p *plan) { p.settings.Limits = false })
		mira := s.person()
		for _, next := range foreign {
			form := login(mira.username, goodPassword)
			form.Set("next", next)
			b := s.visitor()
			b.post("/login", form).redirects("/")
			b.get("/login?next=" + url.QueryEscape(next)).redirects("/")
			if a := s.visitor().htmx().post("/login", form).is(http.StatusNoContent); a.header.Get("HX-Redirect") != "/" {
				t.Errorf("%q: htmx goes to %q", next, a.header.Get("HX-Redirect"))
			}
			s.visitor().get("/login?next=" + url.QueryEscape(next)).is(200).lacks("input[name=next]")
		}
	})

	t.Run("a path of a stranger's making does not become a redirect elsewhere", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		for _, path := range []string{"//evil.example/people", "//evil.example/..%2f", "/people//evil.example", "/%5Cevil.example"} {
			a := s.visitor().get(path)
			if location := a.header.Get("Location"); location != "" && (!strings.HasPrefix(location, "/login") || strings.Contains(location, "next=%2F%2F")) {
				t.Errorf("%s: %d to %q", path, a.status, location)
			}
		}
	})
}
