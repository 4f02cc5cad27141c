package app_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// token is what somebody's browser shows, in whose hands ever.
func (p *pair) token(who string) []*http.Cookie {
	p.t.Helper()
	base, err := url.Parse(p.nodes[0].URL())
	if err != nil {
		p.t.Fatal(err)
	}
	cookies := p.people[who].Jar.Cookies(base)
	if len(cookies) != 1 {
		p.t.Fatalf("the cookies are %v", cookies)
	}
	return cookies
}

// sees says whether the page of settings at a node, asked for with a token, holds a text.
func (p *pair) sees(node int, token []*http.Cookie, text string) bool {
	p.t.Helper()
	request, err := http.NewRequestWithContext(p.t.Context(), http.MethodGet, p.nodes[node].URL()+"/settings", nil)
	if err != nil {
		p.t.Fatal(err)
	}
	for _, cookie := range token {
		request.AddCookie(cookie)
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		p.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	page, err := io.ReadAll(response.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	if response.StatusCode != http.StatusOK && response.StatusCode != http.StatusSeeOther {
		p.t.Fatalf("it answers %d", response.StatusCode)
	}
	return response.StatusCode == http.StatusOK && strings.Contains(string(page), text)
}

// known lets both nodes know whose a token is.
func (p *pair) known(token []*http.Cookie) {
	p.t.Helper()
	for range 3 {
		for node := range p.nodes {
			if !p.sees(node, token, "data-person") {
				p.t.Fatal("premise: not logged in")
			}
		}
	}
}

// TestChangesOverTwoNodes changes what requests ask first at one node and looks at another, which remembers.
func TestChangesOverTwoNodes(t *testing.T) {
	t.Parallel()
	const loggedIn = "data-person"
	changes := map[string]struct {
		change func(p *pair)
		// seen is what ben's copied cookie finds afterwards, and not before; or is found before and not afterwards.
		seen string
		gone bool
	}{
		"logging out":                 {func(p *pair) { submit(p.t, p.people["ben"], p.nodes[0].URL()+"/logout", "") }, loggedIn, true},
		"logging out everywhere else": {func(p *pair) { p.another("ben", "/settings/sessions/others/end", nil) }, loggedIn, true},
		"another password": {func(p *pair) {
			p.another("ben", "/settings/password", url.Values{
				"current_password": {password}, "password": {"another horse, unstapled"},
			})
		}, loggedIn, true},
		"a suspension": {func(p *pair) {
			status, _ := post(p.t, p.people["ana"], p.nodes[0].URL()+"/administration/people/"+p.ids["ben"].String()+"/suspension",
				url.Values{"current_password": {password}})
			if status != http.StatusOK {
				p.t.Fatalf("the suspension is answered by %d", status)
			}
		}, loggedIn, true},
		"another name": {func(p *pair) {
			p.another("ben", "/settings/profile", url.Values{"display_name": {"Benjamin"}})
		}, "Benjamin", false},
	}

	for name, c := range changes {
		t.Run(name+" holds at the other node with the next request", func(t *testing.T) {
			t.Parallel()
			p := newPair(t, patient)
			p.degraded(false)
			thief := p.token("ben")
			p.known(thief)
			if p.sees(1, thief, c.seen) != c.gone {
				t.Fatal("premise: it is so already")
			}
			c.change(p)
			began := time.Now()
			if p.sees(1, thief, c.seen) == c.gone || p.sees(0, thief, c.seen) == c.gone {
				t.Errorf("it is not so %v after it was answered", time.Since(began))
			}
		})

		t.Run(name+" holds within a second where Redis is away, and at once where it was made", func(t *testing.T) {
			t.Parallel()
			p := newPair(t, patient)
			p.degraded(false)
			thief := p.token("ben")
			p.redis.Kill()
			p.degraded(true)
			p.known(thief)
			c.change(p)
			answered := time.Now()
			if p.sees(0, thief, c.seen) == c.gone {
				t.Error("it does not hold where it was made")
			}
			asked := answered
			for p.sees(1, thief, c.seen) == c.gone {
				if late := asked.Sub(answered); late > time.Second {
					t.Fatalf("asked %v after it was answered, the other node still tells what was before", late)
				}
				asked = time.Now()
			}
			t.Logf("who asked %v after it was answered is told of it", asked.Sub(answered).Round(time.Millisecond))
		})
	}

	t.Run("what another program changes holds within a second at both nodes", func(t *testing.T) {
		t.Parallel()
		p := newPair(t, patient)
		p.degraded(false)
		ben := p.token("ben")
		p.known(ben)
		if _, err := p.nodes[0].Store().Pool().Exec(t.Context(), `UPDATE people SET display_name = 'Benjamin' WHERE id = $1`, p.ids["ben"]); err != nil {
			t.Fatal(err)
		}
		answered := time.Now()
		for node := range p.nodes {
			for asked := answered; !p.sees(node, ben, "Benjamin"); {
				if late := asked.Sub(answered); late > time.Second {
					t.Fatalf("node %d tells the old name to who asks %v later", node, late)
				}
				asked = time.Now()
			}
		}
	})

	t.Run("whoever has logged out stays out while Redis goes and comes", func(t *testing.T) {
		t.Parallel()
		p := newPair(t, impatient)
		p.degraded(false)
		thief := p.token("ben")
		p.known(thief)
		p.redis.Freeze()
		submit(t, p.people["ben"], p.nodes[0].URL()+"/logout", "")
		answered := time.Now()
		p.redis.Thaw()
		for time.Since(answered) < 2*time.Second {
			if p.sees(0, thief, loggedIn) {
				t.Fatalf("let in %v after logging out at that very node", time.Since(answered))
			}
			asked := time.Now()
			if p.sees(1, thief, loggedIn) && asked.Sub(answered) > time.Second {
				t.Fatalf("let in by the other node, asked %v after", asked.Sub(answered))
			}
		}
	})
}

// another posts a form of somebody's from a device of their own, at the first node.
func (p *pair) another(who, path string, form url.Values) {
	p.t.Helper()
	device := browser(p.t)
	if _, page := post(p.t, device, p.nodes[0].URL()+"/login", url.Values{
		"login": {who}, "password": {password},
	}); !strings.Contains(page, "data-person") {
		p.t.Fatalf("%s could not log in", who)
	}
	if status, _ := post(p.t, device, p.nodes[0].URL()+path, form); status != http.StatusOK {
		p.t.Fatalf("%s answers %d", path, status)
	}
}
