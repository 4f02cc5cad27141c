package realtime_test

import (
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"

	"parley/chat"
)

func (n *node) changes(t *testing.T, viewer chat.Viewer, conversation chat.ID, query url.Values) (*goquery.Document, error) {
	t.Helper()
	request := httptest.NewRequestWithContext(t.Context(), "GET", "/x?"+query.Encode(), nil)
	recorder := httptest.NewRecorder()
	err := n.hub.ServeChanges(recorder, request, viewer, conversation)
	document, parseErr := goquery.NewDocumentFromReader(strings.NewReader(recorder.Body.String()))
	if parseErr != nil {
		t.Fatal(parseErr)
	}
	return document, err
}

func cursorOf(page chat.ConversationPage) url.Values {
	return url.Values{
		"after": {strconv.FormatInt(page.ChangeSeq, 10)}, "epoch": {page.Epoch}, "view": {strconv.FormatInt(page.ViewSeq, 10)},
	}
}

// current is the viewer as a request of now would find them.
func (n *node) current(t *testing.T, viewer chat.Viewer) chat.Viewer {
	t.Helper()
	fresh, err := n.chat.Viewer(t.Context(), viewer.SessionID)
	if err != nil {
		t.Fatal(err)
	}
	return fresh
}

func TestChanges(t *testing.T) {
	t.Parallel()

	t.Run("who is removed while the answer is made is not told what came after", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, withoutSweep)
		owner, who, group := n.inGroup(t, "member")
		at := n.page(t, who, group)
		n.store.onceAsked(func() { // that there is a membership is known, and the changes are not read yet
			if err := n.chat.RemoveMember(t.Context(), owner, group, who.ID); err != nil {
				t.Error(err)
			}
			n.say(t, owner, group, "now that we are alone")
		})
		document, err := n.changes(t, who, group, cursorOf(at))
		if err != nil {
			t.Fatal(err)
		}
		if document.Find("[data-frame=reset]").Length() != 1 || strings.Contains(document.Text(), "alone") {
			t.Errorf("got %q", document.Text())
		}
	})

	t.Run("a page without a socket gets what came after its cursor, and its list", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, withoutSweep)
		ana, ben, conversation := n.pair(t)
		at := n.page(t, ben, conversation)
		n.say(t, ana, conversation, "polled")
		document, err := n.changes(t, n.current(t, ben), conversation, cursorOf(at))
		if err != nil {
			t.Fatal(err)
		}
		frame := document.Find(`[data-frame=changes]`)
		if frame.AttrOr("data-from", "") != "0" || frame.AttrOr("data-to", "") != "1" ||
			strings.TrimSpace(frame.Find(".message__body").Text()) != "polled" {
			t.Errorf("got %q", frame.Text())
		}
		if chosen := document.Find(`[data-frame=preferences]`); chosen.AttrOr("data-zone", "") != ben.TimeZone || chosen.AttrOr("data-theme", "") != string(ben.Theme) {
			t.Errorf("zone and theme are %v", chosen.Nodes)
		}
		list := document.Find(`[data-frame=list]`)
		if list.AttrOr("data-total", "") != "1" || list.AttrOr("data-archived", "") != "0" || list.AttrOr("data-requests", "") != "0" || list.AttrOr("data-epoch", "") != at.Epoch || list.Find("#row-"+conversation.String()).Length() != 1 {
			t.Errorf("list %q", list.Text())
		}
	})

	for name, spoil := range map[string]func(url.Values){
		"another epoch":       func(q url.Values) { q.Set("epoch", "elsewhere") },
		"another view":        func(q url.Values) { q.Set("view", "99") },
		"a view that is none": func(q url.Values) { q.Set("view", "x") },
		"no place":            func(q url.Values) { q.Del("after") },
		"a negative place":    func(q url.Values) { q.Set("after", "-1") },
		"a place beyond":      func(q url.Values) { q.Set("after", "77") },
	} {
		t.Run(name+" means to fetch anew", func(t *testing.T) {
			t.Parallel()
			n := newNode(t, withoutSweep)
			_, ben, conversation := n.pair(t)
			query := cursorOf(n.page(t, ben, conversation))
			viewer := n.current(t, ben)
			if document, err := n.changes(t, viewer, conversation, query); err != nil || document.Find(`[data-frame=changes]`).Length() != 1 {
				t.Fatalf("the premise: %v", err)
			}
			spoil(query)
			document, err := n.changes(t, viewer, conversation, query)
			if err != nil || document.Find(`[data-frame=reset]`).Length() != 1 || document.Find(`[data-frame=changes]`).Length() != 0 {
				t.Errorf("err %v", err)
			}
		})
	}

	t.Run("a program may give its place alone", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, withoutSweep)
		ana, ben, conversation := n.pair(t)
		n.say(t, ana, conversation, "plain")
		document, err := n.changes(t, n.current(t, ben), conversation, url.Values{"after": {"0"}})
		if err != nil || document.Find("li.message").Length() != 1 {
			t.Errorf("err %v", err)
		}
	})

	t.Run("a former member hears of nobody's name", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, withoutSweep)
		owner, who, group := n.inGroup(t, "former member")
		nora := n.Person(t, "Nora Newcomer")
		if err := n.chat.AddMembers(t.Context(), owner, group, []chat.ID{nora.ID}); err != nil {
			t.Fatal(err)
		}
		if err := n.chat.ChangeName(t.Context(), nora, "Nora Renamed"); err != nil {
			t.Fatal(err)
		}
		for _, query := range []url.Values{{"after": {"0"}, "at": {"1"}}, {"after": {"-1"}, "at": {"1"}}, {"at": {"1"}}} {
			document, err := n.changes(t, n.current(t, owner), group, query)
			if named := document.Find(`[data-frame=people]`).Text(); err != nil || (query.Get("after") == "0") != strings.Contains(named, "Nora Renamed") {
				t.Fatalf("premise: a member hears %q (%v)", named, err)
			}
			document, err = n.changes(t, n.current(t, who), group, query)
			if err != nil || document.Find(`[data-frame=people]`).Length() != 0 || strings.Contains(document.Text(), "Nora") {
				t.Errorf("%v: %q (%v)", query, document.Text(), err)
			}
		}
	})

	t.Run("who is removed while changes are read sees none behind the removal", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, withoutSweep)
		owner, who, group := n.inGroup(t, "member")
		query := cursorOf(n.page(t, who, group))
		query.Set("at", "1")
		viewer := n.current(t, who)
		n.store.onceAsked(func() {
			if err := n.quiet.RemoveMember(t.Context(), owner, group, who.ID); err != nil {
				t.Error(err)
			}
			n.sayThrough(t, n.quiet, owner, group, "behind the removal")
		})
		document, err := n.changes(t, viewer, group, query)
		if err != nil {
			t.Fatal(err)
		}
		if document.Find(`[data-frame=reset]`).Length() != 1 || document.Find(`[data-frame=changes], [data-frame=people]`).Length() != 0 ||
			strings.Contains(document.Text(), "behind the removal") {
			t.Errorf("got %q", document.Text())
		}
	})

	t.Run("a stranger finds nothing", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, withoutSweep)
		_, _, conversation := n.pair(t)
		eve := n.Person(t, "Eve")
		for _, id := range []chat.ID{conversation, chat.NewID()} {
			if _, err := n.changes(t, eve, id, url.Values{"after": {"0"}}); chat.KindOf(err) != chat.KindNotFound {
				t.Errorf("err %v", err)
			}
		}
	})

	t.Run("a database that does not answer is an error", func(t *testing.T) {
		t.Parallel()
		n := newNode(t, withoutSweep)
		_, ben, conversation := n.pair(t)
		n.store.fail(errBroken)
		if _, err := n.changes(t, ben, conversation, url.Values{"after": {"0"}}); err == nil {
			t.Error("no error")
		}
	})
}
