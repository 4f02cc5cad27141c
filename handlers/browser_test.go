package handlers

import (
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"

	"parley/chat"
)

// browser is a client with cookies and an address of its own.
type browser struct {
	site    *site
	jar     http.CookieJar
	address string
	headers http.Header
	base    *url.URL

	// Of the person logged in, once there is one.
	username string
	id       chat.ID
}

func (s *site) visitor() *browser {
	s.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	n := s.visitors.Add(1)
	base := &url.URL{Scheme: "http", Host: "localhost:8080", Path: "/"}
	if s.handlers.config.Secure {
		base.Scheme = "https"
	}
	return &browser{
		site: s, jar: jar, address: fmt.Sprintf("198.51.%d.%d:4711", n/250, n%250+1), headers: http.Header{}, base: base,
	}
}

const goodPassword = "correct horse battery"

// person is a browser whose person has just signed up. The very first one has the code from the log.
func (s *site) person(displayName ...string) *browser {
	s.t.Helper()
	b := s.visitor()
	b.username = fmt.Sprintf("person%d", s.names.Add(1))
	name := "Person " + b.username[6:]
	if len(displayName) > 0 {
		name = displayName[0]
	}
	code, err := s.chat.SetupCode(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	b.post("/register", url.Values{
		"username": {b.username}, "display_name": {name}, "password": {goodPassword}, "setup_code": {code},
	}).redirects("/")
	b.id = value[chat.ID](s, `SELECT id FROM people WHERE username = $1`, b.username)
	return b
}

// asViewer is the browser's person as the domain knows them.
func (s *site) asViewer(b *browser) chat.Viewer {
	s.t.Helper()
	person, err := s.store.PersonByLogin(s.t.Context(), b.username)
	if err != nil {
		s.t.Fatal(err)
	}
	return chat.Viewer{Person: person}
}

// with is the same browser, sending other headers: pairs of name and value.
func (b *browser) with(pairs ...string) *browser {
	other := *b
	other.headers = b.headers.Clone()
	for i := 0; i < len(pairs); i += 2 {
		other.headers.Set(pairs[i], pairs[i+1])
	}
	return &other
}

// htmx is the same browser's htmx.
func (b *browser) htmx() *browser {
	return b.with("HX-Request", "true", "HX-Request-Type", "partial", "HX-Target", "main#pane")
}

// answer is what came back.
type answer struct {
	t      *testing.T
	about  string
	status int
	header http.Header
	body   string
}

func (b *browser) request(method, path, contentType, body string) *http.Request {
	r := httptest.NewRequestWithContext(b.site.t.Context(), method, "/", strings.NewReader(body))
	target, err := url.ParseRequestURI(path)
	if err != nil {
		b.site.t.Fatalf("%s: %v", path, err)
	}
	r.URL, r.RequestURI, r.Host, r.RemoteAddr = target, path, b.base.Host, b.address
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	for name, values := range b.headers {
		r.Header[name] = values
	}
	for _, cookie := range b.jar.Cookies(b.base) {
		r.AddCookie(cookie)
	}
	return r
}

func (b *browser) send(r *http.Request) *answer {
	b.site.t.Helper()
	recorder := httptest.NewRecorder()
	b.site.handlers.ServeHTTP(recorder, r)
	response := recorder.Result()
	defer response.Body.Close()
	b.jar.SetCookies(b.base, response.Cookies())
	return &answer{
		t: b.site.t, about: r.Method + " " + clip(r.RequestURI, 120), status: response.StatusCode,
		header: response.Header, body: recorder.Body.String(),
	}
}

func (b *browser) get(path string) *answer {
	b.site.t.Helper()
	return b.send(b.request(http.MethodGet, path, "", ""))
}

func (b *browser) post(path string, form url.Values) *answer {
	b.site.t.Helper()
	return b.send(b.request(http.MethodPost, path, "application/x-www-form-urlencoded", form.Encode()))
}

// cookie is the value of the session's cookie, empty when there is none.
func (b *browser) cookie() string {
	for _, cookie := range b.jar.Cookies(b.base) {
		if cookie.Name == b.site.handlers.sessions.Cookie.Name {
			return cookie.Value
		}
	}
	return ""
}

// loggedIn says whether the browser's cookie opens anything.
func (b *browser) loggedIn() bool {
	b.site.t.Helper()
	switch a := b.get("/settings"); a.status {
	case http.StatusOK:
		return true
	case http.StatusSeeOther:
		return false
	default:
		a.t.Fatalf("%s: %d", a.about, a.status)
		return false
	}
}

// talk is the direct conversation of two people.
func (b *browser) talk(other *browser) string {
	b.site.t.Helper()
	a := b.post("/conversations", url.Values{"person": {other.id.String()}})
	path := a.header.Get("Location")
	if a.status != http.StatusSeeOther || !strings.HasPrefix(path, "/conversations/") {
		b.site.t.Fatalf("%s: %d to %q", a.about, a.status, path)
	}
	return path
}

// says sends a message without htmx and returns its id.
func (b *browser) says(conversation, body string) string {
	b.site.t.Helper()
	a := b.post(conversation+"/messages", url.Values{"body": {body}, "client_id": {chat.NewID().String()}}).is(303)
	_, id, found := strings.Cut(a.header.Get("Location"), "#m-")
	if !found {
		b.site.t.Fatalf("%s leads to %q", a.about, a.header.Get("Location"))
	}
	return id
}

func (a *answer) is(status int) *answer {
	a.t.Helper()
	if a.status != status {
		a.t.Fatalf("%s: status %d, want %d; location %q\n%s", a.about, a.status, status, a.header.Get("Location"), clip(a.body, 2000))
	}
	return a
}

func (a *answer) redirects(path string) *answer {
	a.t.Helper()
	a.is(http.StatusSeeOther)
	if got := a.header.Get("Location"); got != path {
		a.t.Fatalf("%s: leads to %q, want %q", a.about, got, path)
	}
	return a
}

// page reads the answer as HTML, without the templates that scripts copy.
func (a *answer) page() *goquery.Document {
	a.t.Helper()
	document, err := goquery.NewDocumentFromReader(strings.NewReader(a.body))
	if err != nil {
		a.t.Fatalf("%s: %v", a.about, err)
	}
	document.Find("template").Remove()
	return document
}

// has checks that there are elements for a CSS selector, and returns them.
func (a *answer) has(selector string) *goquery.Selection {
	a.t.Helper()
	found := a.page().Find(selector)
	if found.Length() == 0 {
		a.t.Fatalf("%s: no %s in\n%s", a.about, selector, clip(a.body, 4000))
	}
	return found
}

// lacks checks that there are none.
func (a *answer) lacks(selector string) *answer {
	a.t.Helper()
	if found := a.page().Find(selector); found.Length() > 0 {
		html, _ := goquery.OuterHtml(found)
		a.t.Fatalf("%s: there is %s: %s", a.about, selector, clip(html, 500))
	}
	return a
}

// says checks that the answer holds a text, as it stands in the HTML.
func (a *answer) says(text string) *answer {
	a.t.Helper()
	if !strings.Contains(a.body, text) {
		a.t.Fatalf("%s does not say %q:\n%s", a.about, text, clip(a.body, 4000))
	}
	return a
}

// silentOn checks that it does not.
func (a *answer) silentOn(text string) *answer {
	a.t.Helper()
	if strings.Contains(a.body, text) {
		a.t.Fatalf("%s says %q", a.about, text)
	}
	return a
}
