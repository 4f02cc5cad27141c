package views

import (
	"strings"
	"testing"
)

func TestLinkify(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, text string
		links      []string
	}{
		{"no link", "Boat leaves at seven: don’t be late.", nil},
		{"one link", "see https://example.com/a", []string{"https://example.com/a"}},
		{"a full stop after it", "see https://example.com/a.", []string{"https://example.com/a"}},
		{"a question mark after it", "did you see http://example.com?", []string{"http://example.com"}},
		{"a question mark inside", "http://example.com/?q=1&r=2!", []string{"http://example.com/?q=1&r=2"}},
		{"brackets around it", "(https://example.com/a)", []string{"https://example.com/a"}},
		{"brackets inside", "https://example.com/wiki/Boat_(small)", []string{"https://example.com/wiki/Boat_(small)"}},
		{"straight quotes around it", `"https://example.com/a"`, []string{"https://example.com/a"}},
		{"curly quotes around it", "“https://example.com/a”", []string{"https://example.com/a"}},
		{"an apostrophe behind it", "https://example.com/a'", []string{"https://example.com/a"}},
		{"angle brackets around it", "<https://example.com/a>", []string{"https://example.com/a"}},
		{"several", "https://a.example, http://b.example/x; https://c.example", []string{"https://a.example", "http://b.example/x", "https://c.example"}},
		{"lines", "https://a.example\nhttps://b.example", []string{"https://a.example", "https://b.example"}},
		{"a port and a fragment", "http://localhost:8080/x#y", []string{"http://localhost:8080/x#y"}},
		{"an address of numbers", "http://192.0.2.7/x", []string{"http://192.0.2.7/x"}},
		{"capitals", "HTTPS://EXAMPLE.COM/A", []string{"HTTPS://EXAMPLE.COM/A"}},
		{"another script", "https://例え.jp/パス", []string{"https://例え.jp/パス"}},
		{"mail", "write to mailto:mira@example.org.", []string{"mailto:mira@example.org"}},
		{"mail in capitals", "MAILTO:mira@example.org", []string{"MAILTO:mira@example.org"}},
		{"mail without an address", "mailto:nobody", nil},
		{"an address without a scheme", "mira@example.org or example.com", nil},
		{"javascript", "javascript:alert(1)", nil},
		{"javascript with slashes", "javascript://example.com/%0aalert(1)", nil},
		{"data", "data:text/html;base64,PHNjcmlwdD4=", nil},
		{"vbscript", "vbscript:msgbox", nil},
		{"file and ftp", "file:///etc/passwd ftp://example.com/x", nil},
		{"a scheme glued to another", "javascript:https://example.com", []string{"https://example.com"}},
		{"no host", "http:///path https://", nil},
		{"a colon and slashes alone", "a :// b", nil},
		{"text that turns around inside", "https://example.com/\u202egpj.exe", []string{"https://example.com/"}},
		{"a zero-width space inside", "https://example.com/a\u200bb", []string{"https://example.com/a"}},
		{"markup", `https://example.com/"><script>alert(1)</script>`, []string{"https://example.com/"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var links []string
			var all strings.Builder
			for _, s := range Linkify(test.text) {
				all.WriteString(s.Text)
				if s.Href != "" {
					links = append(links, s.Href)
					if s.Href != s.Text {
						t.Errorf("reads %q and leads to %q", s.Text, s.Href)
					}
				}
			}
			if all.String() != test.text {
				t.Errorf("the text became %q", all.String())
			}
			if strings.Join(links, " ") != strings.Join(test.links, " ") {
				t.Errorf("got %q, wanted %q", links, test.links)
			}
		})
	}
}

func FuzzLinkify(f *testing.F) {
	for _, seed := range []string{"", "https://a.example", "javascript:alert(1)", "mailto:a@b", "\xff://", "http://[::1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var all strings.Builder
		for _, s := range Linkify(text) {
			all.WriteString(s.Text)
			scheme, _, _ := strings.Cut(strings.ToLower(s.Href), ":")
			if s.Href != "" && scheme != "http" && scheme != "https" && scheme != "mailto" {
				t.Errorf("a link to %q", s.Href)
			}
		}
		if all.String() != text {
			t.Errorf("%q became %q", text, all.String())
		}
	})
}
