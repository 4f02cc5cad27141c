package page

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// Row is one conversation in the list.
type Row struct {
	Conversation     string
	Activity, Change int64
	Unread           int
	Form             string // all of its markup, but for what each page derives for itself
}

// Content is what a fragment or a page holds.
type Content struct {
	Person   string // whose page it is; a fragment does not say
	Log      *Log   // a whole log, with its messages
	Messages []Message
	Rows     []Row
	HasList  bool
	Total    int
	Frames   []Frame // as elements
	Error    string  // a send's refusal in words
}

// Parse reads markup as a browser would.
func Parse(markup string) (Content, error) {
	var c Content
	body := &html.Node{Type: html.ElementNode, Data: "body", DataAtom: atom.Body}
	if strings.HasPrefix(strings.TrimSpace(markup), "<!") {
		root, err := html.Parse(strings.NewReader(markup))
		if err != nil {
			return c, err
		}
		c.read(root)
		return c, nil
	}
	nodes, err := html.ParseFragment(strings.NewReader(markup), body)
	if err != nil {
		return c, err
	}
	for _, node := range nodes {
		c.read(node)
	}
	return c, nil
}

func (c *Content) read(n *html.Node) {
	if n.Type == html.ElementNode && n.Data == "template" {
		return // inert
	}
	if n.Type == html.ElementNode {
		data := attributes(n)
		classes := strings.Fields(data["class"])
		switch {
		case n.Data == "body" && data["data-person"] != "":
			c.Person = data["data-person"]
		case data["data-frame"] != "":
			c.Frames = append(c.Frames, elementFrame(n, data))
			return
		case n.Data == "ol" && data["data-conversation"] != "":
			c.Log = &Log{
				Conversation: data["data-conversation"], Epoch: data["data-epoch"],
				Change: number(data["data-change"]), View: number(data["data-view"]), At: number(data["data-at"]),
				First: number(data["data-first"]), Last: number(data["data-last"]), MsgSeq: number(data["data-msg-seq"]),
				UnreadFrom: number(data["data-unread-from"]),
				HasOlder:   data["data-has-older"] == "true", HasNewer: data["data-has-newer"] == "true",
			}
		case n.Data == "ol" && data["id"] == "list":
			c.HasList, c.Total = true, int(number(data["data-total"]))
		case n.Data == "form" && data["id"] == "composer" && c.Log != nil:
			c.Log.Writable = true
		case n.Data == "li" && slices.Contains(classes, "message") && data["data-seq"] != "":
			m := messageOf(n, data)
			c.Messages = append(c.Messages, m)
			if c.Log != nil {
				c.Log.Messages = append(c.Log.Messages, m)
			}
			return
		case n.Data == "li" && data["data-conversation"] != "":
			c.Rows = append(c.Rows, rowOf(n, data))
			return
		case slices.Contains(classes, "message__error"):
			c.Error = strings.TrimSpace(text(n))
		}
	}
	for child := n.FirstChild; child != nil; child = child.NextSibling {
		c.read(child)
	}
}

func messageOf(n *html.Node, data map[string]string) Message {
	return Message{
		ID: strings.TrimPrefix(data["id"], "m-"), Seq: number(data["data-seq"]), Change: number(data["data-change"]),
		Author: data["data-author"], Client: data["data-client"], Event: data["data-event"],
		Body: strings.TrimSpace(bodyOf(n)), Form: form(n), Mine: slices.Contains(strings.Fields(data["class"]), "message--mine"),
		Receipt: data["data-receipt"],
	}
}

func rowOf(n *html.Node, data map[string]string) Row {
	return Row{
		Conversation: data["data-conversation"], Activity: number(data["data-activity"]),
		Change: number(data["data-change"]), Unread: int(number(data["data-unread"])), Form: form(n),
	}
}

// elementFrame is a frame as polling brings it.
func elementFrame(n *html.Node, data map[string]string) Frame {
	f := Frame{
		Type: data["data-frame"], Conversation: data["data-conversation"], Epoch: data["data-epoch"],
		View: number(data["data-view"]),
	}
	for name, to := range map[string]**int64{"data-from": &f.From, "data-to": &f.To} {
		if value, ok := data[name]; ok {
			seq := number(value)
			*to = &seq
		}
	}
	if value, ok := data["data-total"]; ok {
		total := int(number(value))
		f.Total = &total
	}
	f.At = number(data["data-at"])
	_ = json.Unmarshal([]byte(data["data-runs"]), &f.Runs) // of a frame of receipts alone
	f.content = &Content{}
	for child := n.FirstChild; child != nil; child = child.NextSibling {
		f.content.read(child)
	}
	return f
}

func attributes(n *html.Node) map[string]string {
	data := make(map[string]string, len(n.Attr))
	for _, a := range n.Attr {
		data[a.Key] = a.Val
	}
	return data
}

func number(s string) int64 {
	n, _ := strconv.ParseInt(s, 10, 64) // none, empty and 0 all mean that there is nothing to compare with
	return n
}

func text(n *html.Node) string {
	if n.Type == html.TextNode {
		return n.Data
	}
	var b strings.Builder
	for child := n.FirstChild; child != nil; child = child.NextSibling {
		b.WriteString(text(child))
	}
	return b.String()
}

func bodyOf(n *html.Node) string {
	if n.Type == html.ElementNode && slices.Contains(strings.Fields(attributes(n)["class"]), "message__body") {
		return text(n)
	}
	for child := n.FirstChild; child != nil; child = child.NextSibling {
		if found := bodyOf(child); found != "" {
			return found
		}
	}
	return ""
}

// derived are the classes that a page gives by itself: they follow from the neighbours, or from where the reader is.
var derived = []string{
	"message--first", "message--last", "message--new", "message--target",
}

// form is what an element looks like, as a short hash: two pages that were told the same have the same. Times are written
// anew by each page, so their words are left out; the moment itself is an attribute and stays.
func form(n *html.Node) string {
	h := fnv.New128a()
	write(h, n)
	return fmt.Sprintf("%x", h.Sum(nil))
}

func write(w io.Writer, n *html.Node) {
	switch n.Type {
	case html.TextNode:
		_, _ = io.WriteString(w, strings.Join(strings.Fields(n.Data), " "))
		return
	case html.ElementNode:
		data := attributes(n)
		classes := strings.Fields(data["class"])
		if slices.Contains(classes, "message__receipts") {
			return // below the newest that somebody has read, and follows from the receipts
		}
		if person := data["data-presence"]; person != "" {
			_, _ = io.WriteString(w, "<presence "+person+">") // what it shows comes by frames of its own
			return
		}
		tick := slices.Contains(classes, "tick")
		_, _ = io.WriteString(w, "<"+n.Data)
		for _, a := range n.Attr {
			value := a.Val
			switch {
			case a.Key == "class":
				value = strings.Join(slices.DeleteFunc(strings.Fields(value), func(class string) bool {
					return slices.Contains(derived, class)
				}), " ")
			case a.Key == "aria-current", n.Data == "time" && a.Key == "title":
				continue
			case a.Key == "data-receipt", tick && (a.Key == "data-state" || a.Key == "aria-label"):
				continue // compared by itself, see Message.Receipt
			case a.Key == "data-undelivered":
				continue // is to be acknowledged, once
			}
			_, _ = io.WriteString(w, " "+a.Key+"="+value)
		}
		_, _ = io.WriteString(w, ">")
		if n.Data == "time" {
			return
		}
	}
	for child := n.FirstChild; child != nil; child = child.NextSibling {
		write(w, child)
	}
}
