package static

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/andybalholm/brotli"
)

func get(t *testing.T, a *Assets, method, path string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(method, path, nil)
	for n := 0; n < len(header); n += 2 {
		r.Header.Set(header[n], header[n+1])
	}
	w := httptest.NewRecorder()
	a.ServeHTTP(w, r)
	return w
}

func TestServe(t *testing.T) {
	t.Parallel()
	a := New(false)
	t.Run("each file has its type and is kept for good", func(t *testing.T) {
		t.Parallel()
		for name, kind := range map[string]string{
			"css/app.css": "text/css; charset=utf-8", "js/htmx-bundle.js": "text/javascript; charset=utf-8",
			"icons.svg": "image/svg+xml", "icons/touch.png": "image/png", "icons/favicon.svg": "image/svg+xml",
			"fonts/inter.woff2": "font/woff2",
		} {
			w := get(t, a, "GET", a.Path(name))
			if w.Code != 200 || w.Header().Get("Content-Type") != kind || w.Body.Len() == 0 {
				t.Errorf("%s: %d %s", name, w.Code, w.Header())
			}
			if got := w.Header().Get("Cache-Control"); got != "public, max-age=31536000, immutable" {
				t.Errorf("%s: %s", name, got)
			}
			if w.Header().Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("%s may be sniffed", name)
			}
		}
	})
	t.Run("another checksum, or none, is answered and not kept", func(t *testing.T) {
		t.Parallel()
		for _, at := range []string{"/static/css/app.css", "/static/0123456789abcdef/css/app.css"} {
			w := get(t, a, "GET", at)
			if w.Code != 200 || w.Header().Get("Cache-Control") != "no-cache" {
				t.Errorf("%s: %d %s", at, w.Code, w.Header().Get("Cache-Control"))
			}
		}
	})
	t.Run("what is not there is not found", func(t *testing.T) {
		t.Parallel()
		for _, at := range []string{
			"/static/", "/static", "/static/css/none.css", a.Path("css/tokens.css"), a.Path("vendor/htmx.min.js"), a.Path("vendor/README.md"),
			a.Path("../static.go"), a.Path("static.go"), "/static/xyz/css/app.css", a.Path(""), a.Path("css"), a.Path("css/"), a.Path("fonts/.."),
		} {
			if w := get(t, a, "GET", at); w.Code != 404 {
				t.Errorf("%s: %d", at, w.Code)
			}
		}
		if a.Has("/elsewhere/css/app.css") || !a.Has(a.Path("css/app.css")) || a.Has(a.Path("css/none.css")) {
			t.Error("Has is wrong")
		}
	})
	t.Run("only reading is possible", func(t *testing.T) {
		t.Parallel()
		for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS"} {
			if w := get(t, a, method, a.Path("css/app.css")); w.Code != 405 || w.Header().Get("Allow") != "GET, HEAD" {
				t.Errorf("%s: %d", method, w.Code)
			}
		}
	})
	t.Run("a HEAD has no body and the right length", func(t *testing.T) {
		t.Parallel()
		full, head := get(t, a, "GET", a.Path("icons.svg")), get(t, a, "HEAD", a.Path("icons.svg"))
		if head.Body.Len() != 0 || head.Header().Get("Content-Length") != full.Header().Get("Content-Length") {
			t.Errorf("%d bytes, length %s", head.Body.Len(), head.Header().Get("Content-Length"))
		}
	})
	t.Run("what the browser has is not sent again", func(t *testing.T) {
		t.Parallel()
		first := get(t, a, "GET", a.Path("css/app.css"), "Accept-Encoding", "br")
		again := get(t, a, "GET", a.Path("css/app.css"), "Accept-Encoding", "br", "If-None-Match", first.Header().Get("ETag"))
		if again.Code != http.StatusNotModified || again.Body.Len() != 0 {
			t.Errorf("%d, %d bytes", again.Code, again.Body.Len())
		}
		if plain := get(t, a, "GET", a.Path("css/app.css"), "If-None-Match", first.Header().Get("ETag")); plain.Code != 200 {
			t.Error("the tag of one form counts for another")
		}
	})
}

func TestEncodings(t *testing.T) {
	t.Parallel()
	a := New(false)
	plain := get(t, a, "GET", a.Path("css/app.css")).Body.Bytes()
	for _, test := range []struct{ name, accept, want string }{
		{"nothing asked", "", ""},
		{"everything offered", "gzip, deflate, br, zstd", "br"},
		{"gzip alone", "gzip", "gzip"},
		{"in capitals", "GZIP", "gzip"},
		{"brotli refused", "br;q=0, gzip", "gzip"},
		{"both refused", "br;q=0, gzip;q=0", ""},
		{"gzip preferred", "br;q=0.5, gzip;q=0.9", "gzip"},
		{"brotli preferred", "gzip;q=0.5, br;q=0.9", "br"},
		{"equally liked", "gzip;q=0.5, br;q=0.5", "br"},
		{"a weight that is none", "br;q=x", ""},
		{"others only", "zstd, identity", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := get(t, a, "GET", a.Path("css/app.css"), "Accept-Encoding", test.accept)
			if got := w.Header().Get("Content-Encoding"); got != test.want {
				t.Fatalf("got %q, wanted %q", got, test.want)
			}
			if w.Header().Get("Vary") != "Accept-Encoding" {
				t.Error("caches are not told")
			}
			var reader io.Reader = w.Body
			switch test.want {
			case "br":
				reader = brotli.NewReader(w.Body)
			case "gzip":
				var err error
				if reader, err = gzip.NewReader(w.Body); err != nil {
					t.Fatal(err)
				}
			}
			content, err := io.ReadAll(reader)
			if err != nil || !bytes.Equal(content, plain) {
				t.Errorf("the content is another one: %v", err)
			}
		})
	}
	t.Run("what is compressed already is left alone", func(t *testing.T) {
		t.Parallel()
		for _, name := range []string{"fonts/inter.woff2", "icons/touch.png"} {
			if w := get(t, a, "GET", a.Path(name), "Accept-Encoding", "br"); w.Header().Get("Content-Encoding") != "" {
				t.Errorf("%s is compressed", name)
			}
		}
	})
}

// Inter's files beside the Latin one: each is there, is accounted for, and is loaded only by a page that shows its letters.
func TestFonts(t *testing.T) {
	t.Parallel()
	css, err := os.ReadFile("css/fonts.css")
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile("vendor/README.md")
	if err != nil {
		t.Fatal(err)
	}
	face := regexp.MustCompile(`(?s)@font-face \{\s*font-family: Inter;\s*src: url\("\.\./fonts/([^"]+)"\).*?unicode-range: ([^;]+);`)
	letters := map[string]string{}
	for _, m := range face.FindAllSubmatch(css, -1) {
		name := string(m[1])
		if _, twice := letters[name]; twice {
			t.Errorf("%s stands twice", name)
		}
		letters[name] = string(m[2])
	}
	files, err := filepath.Glob("fonts/*.woff2")
	if err != nil || len(files) != len(letters) {
		t.Errorf("%d files, %d of them in the styles: %v", len(files), len(letters), err)
	}
	for _, file := range files {
		if letters[filepath.Base(file)] == "" {
			t.Errorf("no face uses %s", file)
		}
		if !strings.Contains(string(readme), "`"+file+"`") {
			t.Errorf("nobody says where %s comes from", file)
		}
	}
	covers := func(ranges string, letter rune) bool {
		for _, part := range strings.Split(ranges, ",") {
			from, to, span := strings.Cut(strings.TrimPrefix(strings.TrimSpace(part), "U+"), "-")
			if !span {
				to = from
			}
			low, _ := strconv.ParseInt(from, 16, 32)
			high, _ := strconv.ParseInt(to, 16, 32)
			if int64(letter) >= low && int64(letter) <= high {
				return true
			}
		}
		return false
	}
	for name, alphabet := range map[string]string{
		"inter.woff2": "aZéñßø€…", "inter-latin-ext.woff2": "łŠğşőİ", "inter-vietnamese.woff2": "ếựơđ",
		"inter-cyrillic.woff2": "Жёїґљ", "inter-cyrillic-ext.woff2": "ҚәӨ", "inter-greek.woff2": "ΩάϊςΠ", "inter-greek-ext.woff2": "ἈῬ",
	} {
		for _, letter := range alphabet {
			if !covers(letters[name], letter) {
				t.Errorf("%s is not asked for %c", name, letter)
			}
			if name != "inter.woff2" && covers(letters["inter.woff2"], letter) {
				t.Errorf("%c is in the first file, too", letter)
			}
		}
	}
}

// The budget of the first view, compressed: 20 KB of styles, 50 KB of font, 45 KB of scripts, 100 KB in all without the
// page itself.
func TestBudget(t *testing.T) {
	t.Parallel()
	a := New(false)
	size := func(name string) int {
		return get(t, a, "GET", a.Path(name), "Accept-Encoding", "br").Body.Len()
	}
	styles, font, icons := size("css/app.css"), size("fonts/inter.woff2"), size("icons.svg")+size("icons/favicon.svg")
	scripts := size(htmxBundle) + size(entry)
	t.Logf("styles %d, font %d, icons %d, scripts %d bytes", styles, font, icons, scripts)
	if styles > 20<<10 || font > 50<<10 || scripts > 45<<10 || styles+font+icons+scripts > 92<<10 {
		t.Error("over the budget")
	}
}

func TestFiles(t *testing.T) {
	t.Parallel()
	css := string(must(t, New(false), stylesheet))
	t.Run("the first line names the layers", func(t *testing.T) {
		t.Parallel()
		if first, _, _ := strings.Cut(css, "\n"); first != "@layer reset, tokens, base, components, utilities;" {
			t.Errorf("it is %q", first)
		}
	})
	t.Run("every style is part of the stylesheet, and none is long", func(t *testing.T) {
		t.Parallel()
		names, err := filepath.Glob("css/*.css")
		if err != nil || len(names) < 10 {
			t.Fatalf("%d styles: %v", len(names), err)
		}
		for _, name := range names {
			content, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(css, string(content)) {
				t.Errorf("%s is not joined", name)
			}
			if lines := bytes.Count(content, []byte("\n")); lines > 250 {
				t.Errorf("%s has %d lines", name, lines)
			}
		}
	})
	t.Run("no rule shouts", func(t *testing.T) {
		t.Parallel()
		if strings.Contains(css, "!important") {
			t.Error("!important")
		}
	})
	t.Run("what styles refer to is there", func(t *testing.T) {
		t.Parallel()
		references := regexp.MustCompile(`url\("?([^")]+)"?\)`).FindAllStringSubmatch(css, -1)
		if len(references) == 0 {
			t.Fatal("not even the font")
		}
		a := New(false)
		for _, m := range references {
			if at := path.Join(path.Dir(a.Path(stylesheet)), m[1]); !a.Has(at) {
				t.Errorf("%s is not there", m[1])
			}
		}
	})
	t.Run("a property of our own is set before it is used", func(t *testing.T) {
		t.Parallel()
		set := map[string]bool{}
		for _, m := range regexp.MustCompile(`[\s;{](--[a-z0-9-]+):`).FindAllStringSubmatch(css, -1) {
			set[m[1]] = true
		}
		used := map[string]bool{}
		for _, m := range regexp.MustCompile(`var\((--[a-z0-9-]+)`).FindAllStringSubmatch(css, -1) {
			used[m[1]] = true
			if !set[m[1]] {
				t.Errorf("%s is used and never set", m[1])
			}
		}
		for name := range set {
			if !used[name] {
				t.Errorf("%s is set and never used", name)
			}
		}
	})
	t.Run("every module is in the bundle, and nothing is left to import", func(t *testing.T) {
		t.Parallel()
		a := New(false)
		bundled, err := bundle(a.files, entry)
		if err != nil {
			t.Fatal(err)
		}
		f, err := a.file(entry)
		if err != nil || !bytes.Equal(f.plain, bundled) {
			t.Errorf("what is served is not the bundle: %v", err)
		}
		if regexp.MustCompile(`\bimport\b`).Match(bundled) || bytes.Contains(bundled, []byte("/*")) {
			t.Error("imports or comments are left")
		}
		if bytes.Count(must(t, a, entry), []byte("import ")) < 5 {
			t.Error("the entry imports nothing, so this shows nothing")
		}
	})
	t.Run("a module that cannot be read is served as it is", func(t *testing.T) {
		t.Parallel()
		broken := fstest.MapFS{"js/main.js": {Data: []byte("import { from")}}
		if _, err := bundle(broken, entry); err == nil {
			t.Fatal("it was bundled")
		}
		if _, err := bundle(fstest.MapFS{"js/main.js": {Data: []byte(`import "./gone.js"`)}}, entry); err == nil {
			t.Fatal("what is not there was bundled")
		}
		a := New(false)
		a.files = broken
		if f, err := a.file(entry); err != nil || string(f.plain) != "import { from" {
			t.Errorf("%v", err)
		}
	})
	t.Run("the bundle is the htmx we mean", func(t *testing.T) {
		t.Parallel()
		if !bytes.Contains(must(t, New(false), htmxBundle), []byte("4.0.1")) {
			t.Error("the bundle is not htmx 4.0.1")
		}
	})
}

func must(t *testing.T, a *Assets, name string) []byte {
	t.Helper()
	content, err := a.read(name)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func TestChecksum(t *testing.T) {
	t.Parallel()
	one, two := New(false), New(false)
	if one.sum != two.sum || len(one.sum) != 16 {
		t.Errorf("%s and %s", one.sum, two.sum)
	}
	if got := one.Path("css/app.css"); got != "/static/"+one.sum+"/css/app.css" {
		t.Error(got)
	}
	f1, _ := one.file("css/app.css")
	f2, _ := one.file("css/app.css")
	if f1 != f2 {
		t.Error("a file is read twice")
	}
}

func TestDev(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	if got := New(true); got.files != embedded {
		t.Error("without a folder static, dev reads what is embedded")
	}
	if err := os.MkdirAll("static/css", 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("static/icons.svg", []byte("<svg/>"), 0o600); err != nil {
		t.Fatal(err)
	}
	a := New(true)
	if a.Path("icons.svg") != "/static/dev/icons.svg" {
		t.Error(a.Path("icons.svg"))
	}
	for _, content := range []string{"<svg/>", "<svg>changed</svg>"} {
		if err := os.WriteFile("static/icons.svg", []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		w := get(t, a, "GET", a.Path("icons.svg"))
		if w.Body.String() != content || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s, %s", w.Body, w.Header())
		}
	}
	if w := get(t, a, "GET", a.Path("css/app.css")); w.Code != 404 {
		t.Errorf("styles without their parts: %d", w.Code)
	}
}
