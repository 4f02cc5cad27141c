//go:build linux

package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// patience is how long an answer may take.
const patience = 30 * time.Second

// answer is what a server said.
type answer struct {
	status   int
	location string
	cookie   string // NAME=VALUE, where one was set
	body     string // empty unless it was asked for
}

// caller makes one request after the other over one connection. Package net/http's client would take two goroutines and
// several times the processor time for each, which the server is short of then; reading the answer is left to it.
type caller struct {
	addr string
	conn net.Conn
	r    *bufio.Reader
	out  []byte
}

// request is one request of a browser.
type request struct {
	method, path, cookie string
	form                 string // encoded
	fragment             bool   // asked for by the page's scripts
	keep                 bool   // the answer's body is wanted
}

func (c *caller) do(ctx context.Context, q request) (answer, error) {
	a, err := c.once(ctx, q)
	if err != nil {
		c.close()
	}
	return a, err
}

func (c *caller) once(ctx context.Context, q request) (a answer, err error) {
	if c.conn == nil {
		var dialer net.Dialer
		if c.conn, err = dialer.DialContext(ctx, "tcp", c.addr); err != nil {
			return a, err
		}
		c.r = bufio.NewReaderSize(c.conn, 4<<10)
	}
	if err := c.conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return a, err
	}
	b := fmt.Appendf(c.out[:0], "%s %s HTTP/1.1\r\nHost: %s\r\nAccept: text/html\r\n", q.method, q.path, c.addr)
	if q.cookie != "" {
		b = fmt.Appendf(b, "Cookie: %s\r\n", q.cookie)
	}
	if q.fragment {
		b = append(b, "HX-Request: true\r\n"...)
	}
	if q.method != http.MethodGet {
		b = fmt.Appendf(b, "Origin: http://%s\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n", c.addr, len(q.form))
	}
	b = append(b, "\r\n"...)
	b = append(b, q.form...)
	c.out = b
	if _, err := c.conn.Write(b); err != nil {
		return a, err
	}
	response, err := http.ReadResponse(c.r, nil)
	if err != nil {
		return a, err
	}
	defer response.Body.Close()
	a.status, a.location = response.StatusCode, response.Header.Get("Location")
	for _, cookie := range response.Cookies() {
		if cookie.Value != "" {
			a.cookie = cookie.Name + "=" + cookie.Value
		}
	}
	if q.keep {
		var body []byte
		body, err = io.ReadAll(response.Body)
		a.body = string(body)
	} else {
		_, err = io.Copy(io.Discard, response.Body)
	}
	if err == nil && response.Close {
		c.close()
	}
	return a, err
}

func (c *caller) close() {
	if c.conn != nil {
		_ = c.conn.Close()
		c.conn = nil
	}
}

// post sends a form as a browser without scripts does, and wants to be led on.
func (c *caller) post(ctx context.Context, path, cookie string, form url.Values) (answer, error) {
	a, err := c.do(ctx, request{method: http.MethodPost, path: path, cookie: cookie, form: form.Encode()})
	if err == nil && a.status != http.StatusSeeOther {
		err = fmt.Errorf("POST %s is answered with %d", path, a.status)
	}
	return a, err
}

// loopback refuses every address but this machine's.
func loopback(addr string) error {
	host, _, err := net.SplitHostPort(strings.TrimPrefix(addr, "http://"))
	if err != nil {
		return err
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return fmt.Errorf("%s is not this machine's: only what runs here is measured", addr)
	}
	return nil
}
