package views

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/a-h/templ"
	"golang.org/x/net/html"

	"parley/chat"
)

func draw(t *testing.T, c templ.Component) string {
	t.Helper()
	var b bytes.Buffer
	if err := c.Render(context.Background(), &b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// find returns the first element with the class, below n.
func find(n *html.Node, class string) *html.Node {
	if n.Type == html.ElementNode && strings.Contains(" "+attribute(n, "class")+" ", " "+class+" ") {
		return n
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if found := find(c, class); found != nil {
			return found
		}
	}
	return nil
}

func findID(n *html.Node, id string) *html.Node {
	if attribute(n, "id") == id {
		return n
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if found := findID(c, id); found != nil {
			return found
		}
	}
	return nil
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func textOf(n *html.Node) string {
	if n.Type == html.TextNode {
		return n.Data
	}
	var b strings.Builder
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		b.WriteString(textOf(c))
	}
	return b.String()
}

func parse(t *testing.T, source string) *html.Node {
	t.Helper()
	n, err := html.Parse(strings.NewReader(source))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func someMessage(body string) chat.Message {
	return chat.Message{
		ID: chat.NewID(), ConversationID: chat.NewID(), Seq: 7, ChangeSeq: 9, Author: boris, Kind: chat.MessageText, Body: body,
		ClientID: chat.NewID(), CreatedAt: time.Date(2026, 11, 21, 13, 40, 59, 123, time.UTC),
	}
}

func TestMessageItem(t *testing.T) {
	t.Parallel()
	t.Run("what was written is shown byte by byte", func(t *testing.T) {
		t.Parallel()
		for _, body := range []string{
			"plain", "two\n\nlines\n\tand a tab", "  spaces  inside  ", "<b>bold</b> & \"quotes\" 'single'",
			"see https://example.com/?a=1&b=2 and \"that\"", "{{.Name}} ${x} `y` <!-- z -->", "שלום world مرحبا", "🌻",
			"</div></li><script>alert(1)</script>", "&amp; &lt;",
		} {
			n := find(parse(t, draw(t, MessageItem(NewMessageItem(someMessage(body), ana.ID, nil)))), "message__body")
			if got := textOf(n); got != body {
				t.Errorf("%q became %q", body, got)
			}
			if attribute(n, "dir") != "auto" {
				t.Error("a text does not choose its direction")
			}
		}
	})
	t.Run("it carries what scripts need", func(t *testing.T) {
		t.Parallel()
		m := someMessage("hello")
		n := find(parse(t, draw(t, MessageItem(NewMessageItem(m, ana.ID, nil)))), "message")
		for name, want := range map[string]string{
			"id": MessageID(m.ID), "data-seq": "7", "data-change": "9", "data-author": boris.ID.String(),
			"data-at": "2026-11-21T13:40:59Z", "data-client": "", "data-kind": "", "class": "message " + toneClass(boris.ID),
		} {
			if got := attribute(n, name); got != want {
				t.Errorf("%s is %q, wanted %q", name, got, want)
			}
		}
	})
	t.Run("a pushed message has its time in UTC, a page's in the viewer's zone", func(t *testing.T) {
		t.Parallel()
		m := someMessage("hello")
		pushed := find(parse(t, draw(t, MessageItem(NewMessageItem(m, ana.ID, nil)))), "message__time")
		own := find(parse(t, draw(t, MessageItem(NewMessageItem(m, ana.ID, Zone("Asia/Tokyo"))))), "message__time")
		if textOf(pushed) != "13:40" || textOf(own) != "22:40" {
			t.Errorf("pushed %s, own %s", textOf(pushed), textOf(own))
		}
		if attribute(pushed.FirstChild, "title") != "" || attribute(own.FirstChild, "title") != "21 November 2026, 22:40" {
			t.Error("the full date is wrong, or stands where the zone is not known")
		}
		if attribute(own, "href") != messagePath(m.ConversationID.String(), m.ID.String()) {
			t.Error("the time is no link to the message")
		}
	})
	t.Run("the sender's own id goes to the sender alone", func(t *testing.T) {
		t.Parallel()
		m := someMessage("hello")
		if got := NewMessageItem(m, boris.ID, nil); !got.Mine || got.ClientID != m.ClientID {
			t.Error("the sender does not get it")
		}
		if got := draw(t, MessageItem(NewMessageItem(m, ana.ID, nil))); strings.Contains(got, m.ClientID.String()) {
			t.Error("somebody else gets it")
		}
		m.Kind = chat.MessageSystem
		if got := NewMessageItem(m, boris.ID, nil); got.Mine || got.hasClientID() {
			t.Error("a system line belongs to nobody")
		}
	})
	t.Run("a deleted message shows nothing of its text", func(t *testing.T) {
		t.Parallel()
		m := someMessage("a secret")
		m.EditedAt, m.DeletedAt = &m.CreatedAt, &m.CreatedAt
		got := draw(t, MessageItem(NewMessageItem(m, ana.ID, nil)))
		if strings.Contains(got, "secret") || strings.Contains(got, "edited") || !strings.Contains(got, "This message was deleted.") {
			t.Error(got)
		}
	})
	t.Run("a link opens elsewhere and tells nothing", func(t *testing.T) {
		t.Parallel()
		got := draw(t, MessageItem(NewMessageItem(someMessage("https://example.com"), ana.ID, nil)))
		if !strings.Contains(got, `<a href="https://example.com" dir="ltr" rel="noopener nofollow ugc" target="_blank">`) {
			t.Error(got)
		}
	})
	t.Run("classes tell the state", func(t *testing.T) {
		t.Parallel()
		for want, p := range map[string]MessageItemProps{
			"message message--mine":                                {Mine: true},
			"message message--system":                              {System: true, First: true},
			"message message--mine message--first message--last":   {Mine: true, First: true, Last: true},
			"message message--mine message--deleted":               {Mine: true, Deleted: true, Edited: true},
			"message message--mine message--emoji message--edited": {Mine: true, Body: "🌻", Edited: true},
			"message message--mine message--pending":               {Mine: true, Delivery: DeliveryPending},
			"message message--mine message--failed":                {Mine: true, Delivery: DeliveryFailed},
			"message " + toneClass(chat.ID{}) + " message--edited": {Edited: true},
		} {
			if got := p.class(); got != want {
				t.Errorf("got %q, wanted %q", got, want)
			}
		}
	})
}

func TestSentMessage(t *testing.T) {
	t.Parallel()
	m, next := someMessage("hello"), chat.NewID()
	got := draw(t, SentMessage(SentMessageProps{Message: NewMessageItem(m, boris.ID, nil), NextClientID: next}))
	for _, want := range []string{
		`<hx-partial hx-target="#messages-` + m.ConversationID.String() + `" hx-swap="beforeend"><li id="m-` + m.ID.String() + `"`,
		`<hx-partial hx-target="#composer-client-id" hx-swap="outerHTML"><input type="hidden" id="composer-client-id" name="client_id" value="` + next.String() + `">`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%s is not in %s", want, got)
		}
	}
}

func TestSendError(t *testing.T) {
	t.Parallel()
	for want, err := range map[string]*chat.Error{
		`data-code="internal">That was our mistake.`:                   nil,
		`data-code="closed">New messages are not possible here.`:       {Code: chat.CodeClosed},
		`data-code="required">Please fill this in.`:                    {Code: chat.CodeInvalid, Fields: []chat.FieldError{{Field: "body", Code: chat.CodeRequired}}},
		`data-code="too_many">That was a little fast. Please wait 2 s`: {Code: chat.CodeTooMany, Args: chat.Args{"Count": 2}},
	} {
		got := draw(t, SendError(err))
		if !strings.HasPrefix(got, `<p class="message__error" role="alert" `+want) {
			t.Errorf("got %s, wanted %s", got, want)
		}
	}
}
