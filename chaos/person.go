//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"parley/chaos/page"
)

// password is everybody's.
const password = "a horse named staple"

// person is somebody with an account and a browser: a line, a session, and a tab for each conversation and for the list.
type person struct {
	world    *world
	name, id string
	line     *line
	http     *http.Client
	cookies  http.CookieJar

	mu   sync.Mutex
	tabs map[string]*tab // by conversation; the list's has none
	made int
}

// join makes an account through the doors.
func (w *world) join(ctx context.Context, name string) (*person, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	line, err := newLine(w.addrsFor(len(w.people))...)
	if err != nil {
		return nil, err
	}
	w.lines = append(w.lines, line)
	p := &person{world: w, name: name, line: line, cookies: jar, tabs: map[string]*tab{}}
	p.http = &http.Client{
		Jar: jar, Transport: &http.Transport{MaxIdleConnsPerHost: 16, IdleConnTimeout: time.Minute},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	a, err := p.post(ctx, "/register", url.Values{
		"username": {name}, "display_name": {strings.ToUpper(name[:1]) + name[1:]}, "password": {password}, "time_zone": {"UTC"},
	})
	if err != nil || a.status != http.StatusSeeOther {
		return nil, fmt.Errorf("an account for %s: %d, %w", name, a.status, err)
	}
	if a, err = p.get(ctx, "/", false); err != nil {
		return nil, err
	}
	if p.id = a.content.Person; p.id == "" {
		return nil, fmt.Errorf("%s is not logged in: %d", name, a.status)
	}
	return p, nil
}

// answer is what the server said.
type answer struct {
	status  int
	header  http.Header
	content page.Content
}

// get fetches a page, or the fragment that the page's scripts ask for.
func (p *person) get(ctx context.Context, path string, fragment bool) (answer, error) {
	return p.ask(ctx, http.MethodGet, path, nil, fragment)
}

// post sends a form as a browser without scripts does.
func (p *person) post(ctx context.Context, path string, form url.Values) (answer, error) {
	return p.ask(ctx, http.MethodPost, path, form, false)
}

func (p *person) ask(ctx context.Context, method, path string, form url.Values, fragment bool) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, answerPatience)
	defer cancel()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r, err := http.NewRequestWithContext(ctx, method, "http://"+p.line.addr()+path, body)
	if err != nil {
		return answer{}, err
	}
	r.Header.Set("Accept", "text/html")
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", "http://"+p.line.addr())
	}
	if fragment {
		r.Header.Set("HX-Request", "true")
	}
	began := time.Now()
	response, err := p.http.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	p.world.rec.Receive(p.id, data)
	if err != nil {
		return answer{}, err
	}
	p.world.timed(method, path, response.StatusCode, began, time.Now())
	a := answer{status: response.StatusCode, header: response.Header}
	a.content, err = page.Parse(string(data))
	return a, err
}

// insist posts until there is an answer that says something. Whoever asks twice may find that the first time was enough:
// again says so.
func (p *person) insist(ctx context.Context, path string, form url.Values) (a answer, again bool, err error) {
	for {
		if a, err = p.post(ctx, path, form); err == nil && a.status < 500 && a.status != http.StatusTooManyRequests {
			return a, again, nil
		}
		again = true
		if ctx.Err() != nil {
			return a, again, ctx.Err()
		}
		sleep(ctx, 300*time.Millisecond)
	}
}

// open are the tabs that show a conversation.
func (p *person) open() []*tab {
	p.mu.Lock()
	defer p.mu.Unlock()
	var open []*tab
	for conversation, t := range p.tabs {
		if conversation != "" {
			open = append(open, t)
		}
	}
	slices.SortFunc(open, func(a, b *tab) int { return strings.Compare(a.conversation, b.conversation) })
	return open
}

func (p *person) tab(conversation string) *tab {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.tabs[conversation]
}

// visit opens a tab with a conversation (or the list, where it is ""), if there is none and the person is in it.
func (p *person) visit(ctx context.Context, conversation string) error {
	for ctx.Err() == nil {
		if p.tab(conversation) != nil {
			return nil
		}
		path := "/"
		if conversation != "" {
			path = "/conversations/" + conversation
		}
		a, err := p.get(ctx, path, false)
		switch {
		case err != nil || a.status >= 500 || a.status == http.StatusTooManyRequests:
			sleep(ctx, 300*time.Millisecond)
			continue
		case a.status == http.StatusNotFound:
			return nil
		case a.status != http.StatusOK:
			return fmt.Errorf("%s opens %s: %d", p.name, path, a.status)
		case conversation != "" && a.content.Log == nil:
			return fmt.Errorf("%s opens %s: no log", p.name, path)
		case conversation != "" && !a.content.Log.Writable:
			return nil // a former member
		}
		p.mu.Lock()
		if p.tabs[conversation] == nil {
			p.made++
			p.tabs[conversation] = p.newTab(conversation, p.made, a.content)
		}
		p.mu.Unlock()
		return nil
	}
	return ctx.Err()
}

// left forgets a tab that has been told that its conversation is not there any more, and looks again a moment later: it
// may have been taken in again meanwhile.
func (p *person) left(t *tab) {
	p.mu.Lock()
	if p.tabs[t.conversation] == t {
		delete(p.tabs, t.conversation)
	}
	p.mu.Unlock()
	p.world.spawn(func(ctx context.Context) {
		sleep(ctx, 500*time.Millisecond)
		if err := p.visit(ctx, t.conversation); err != nil && !errors.Is(err, context.Canceled) {
			p.world.problem("%v", err)
		}
	})
}

// leaves closes all tabs and the connections behind them.
func (p *person) leaves() {
	p.mu.Lock()
	tabs := p.tabs
	p.tabs = map[string]*tab{}
	p.mu.Unlock()
	for _, t := range tabs {
		t.close()
	}
	p.http.CloseIdleConnections()
}

// whole is everything that a person sees of a conversation in a page fetched now, read from the end to its beginning.
func (p *person) whole(ctx context.Context, conversation string) ([]page.Message, error) {
	a, err := p.get(ctx, "/conversations/"+conversation, true)
	if err != nil {
		return nil, err
	}
	if a.status == http.StatusNotFound || a.content.Log == nil {
		return []page.Message{}, nil
	}
	log := a.content.Log
	for log.HasOlder {
		older, err := p.older(ctx, conversation, log.First)
		if err != nil {
			return nil, err
		}
		log.MergeOlder(*older)
	}
	return log.Messages, nil
}

func (p *person) older(ctx context.Context, conversation string, before int64) (*page.Log, error) {
	a, err := p.get(ctx, fmt.Sprintf("/conversations/%s?before=%d", conversation, before), true)
	if err == nil && a.content.Log == nil {
		err = fmt.Errorf("%s finds no older messages in %s: %d", p.name, conversation, a.status)
	}
	return a.content.Log, err
}
