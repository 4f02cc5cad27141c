package handlers

import (
	"net/http"
	"regexp"
	"strings"
	"time"

	"parley/chat"
)

// A link that is shown once travels from the answer to a form, which is a redirect, to the page behind it in a cookie: so
// reloading that page sends no form again, the link stands in no address and in no log, and nothing but its hash is kept
// on the server. The cookie lives for a short time, and the page that shows the link takes it away.
const onceLife = 2 * time.Minute

// onceName is the cookie's name, by the rules of [cookieName].
func onceName(secure bool) string {
	if secure {
		return "__Host-parley-once"
	}
	return "parley-once"
}

// secretForm is that of the secret part of a link: 256 bits in base64.
var secretForm = regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`)

// handOver gives a secret to the page at what it is about.
func (h *Handlers) handOver(w http.ResponseWriter, about chat.ID, secret string) {
	http.SetCookie(w, h.onceCookie(about.String()+"."+secret, int(onceLife.Seconds())))
}

// takeOver returns what was handed over about any of these, and takes it away; empty where nothing was. What a cookie
// holds is what a browser says, so nothing but a secret's form comes through.
func (h *Handlers) takeOver(w http.ResponseWriter, r *http.Request, is func(about chat.ID) bool) string {
	cookie, err := r.Cookie(onceName(h.config.Secure))
	if err != nil {
		return ""
	}
	about, secret, _ := strings.Cut(cookie.Value, ".")
	id, ok := parseID(about)
	if !ok || !secretForm.MatchString(secret) || !is(id) {
		return ""
	}
	http.SetCookie(w, h.onceCookie("", -1))
	return secret
}

func (h *Handlers) onceCookie(value string, age int) *http.Cookie {
	return &http.Cookie{
		Name: onceName(h.config.Secure), Value: value, Path: "/", MaxAge: age,
		Secure: h.config.Secure, HttpOnly: true, SameSite: http.SameSiteStrictMode,
	}
}
