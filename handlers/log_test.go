package handlers

import (
	"net/url"
	"strings"
	"testing"
)

func TestLog(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const secretPassword, secretText, secretQuery = "canary-password-77", "canary-message-77", "canary-query-77"
	w.visitor.post("/login", login("canary-login-77", secretPassword))
	w.visitor.post("/register", url.Values{"username": {"kana"}, "display_name": {"Kana"}, "password": {secretPassword}, "email": {"canary-mail-77@example.org"}})
	w.member.says(w.conversation, secretText)
	w.member.post(w.conversation+"/messages", url.Values{"body": {secretText}, "client_id": {"canary-client-77"}})
	w.member.get("/people?q=" + secretQuery)
	w.member.with("Referer", "http://localhost:8080/reset/"+w.token).get("/")
	w.member.post("/settings/email", url.Values{"email": {"canary-wanted-77@example.org"}, "current_password": {goodPassword}}).is(303)
	w.visitor.post("/forgot", url.Values{"login": {"canary-forgot-77@example.org"}}).is(303)
	var confirmation string
	for _, mail := range w.mails() {
		if mail.Address == "canary-wanted-77@example.org" {
			confirmation = mail.Token
		}
	}
	if confirmation == "" {
		t.Fatal("premise: no letter")
	}
	guest := w.site.visitor()
	for _, path := range []string{
		"/confirm/" + confirmation, "/CONFIRM/" + confirmation, "//confirm/" + confirmation, "/%63onfirm/" + confirmation,
		"/confirm/" + confirmation + "/reset/x", "/%C4%B0%C4%B0%C4%B0/confirm/" + confirmation,
	} {
		guest.get(path)
	}
	guest.post("/confirm/"+confirmation, nil).is(303)
	for _, path := range []string{"/reset/" + w.token, "/RESET/" + w.token, "//reset/" + w.token, "/%72eset/" + w.token, "/reset/" + w.token + "/more"} {
		guest.get(path)
	}
	for _, path := range []string{"/join/" + w.invitation, "/JOIN/" + w.invitation, "//join/" + w.invitation, "/%6aoin/" + w.invitation, "/join/" + w.invitation + "/more"} {
		guest.get(path)
		guest.post(path, signUp("password", "short"))
	}
	const secretNote = "canary-note-77"
	w.other.post("/administration/invitations", url.Values{"note": {secretNote}, "days": {"7"}, "uses": {"1"}}).redirects("/administration/invitations")
	link, _ := w.other.get("/administration/invitations").has("#secret").Attr("value")
	w.other.post("/administration/people/"+w.stranger.id.String()+"/suspension", url.Values{"current_password": {secretPassword}})
	w.other.get("/administration/people?q=" + secretQuery)
	guest.post("/reset/"+w.token, url.Values{"password": {secretPassword}})
	guest.get("/" + strings.Repeat("long", 500))
	text := w.log.String()
	if n := strings.Count(text, `"msg":"request"`); n < 15 {
		t.Fatalf("premise: the log has only %d lines", n)
	}
	for _, secret := range []string{secretPassword, secretText, secretQuery, "canary", w.token, confirmation, w.invitation, link[len(link)-43:], w.member.cookie(), goodPassword, strings.Repeat("long", 100)} {
		if strings.Contains(text, secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
	for _, wanted := range []string{`"path":"/reset/…"`, `"path":"/join/…"`, `"path":"/confirm/…"`, `"status":422`, `"person":"` + w.member.id.String(), `"method":"POST"`, `"address":"198.51.0.`} {
		if !strings.Contains(text, wanted) {
			t.Errorf("the log lacks %s", wanted)
		}
	}
}
