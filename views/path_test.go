package views

import (
	"net/url"
	"testing"

	"github.com/google/uuid"
)

func TestPaths(t *testing.T) {
	t.Parallel()
	c := uuid.MustParse("0192f3c1-0000-7000-8000-00000000000c")
	m := uuid.MustParse("0192f3c1-0000-7000-8000-00000000000d")
	base := "/conversations/0192f3c1-0000-7000-8000-00000000000c"
	for want, got := range map[string]string{
		base:               ConversationPath(c),
		base + "?before=7": OlderPath(c, 7),
		base + "?after=9":  NewerPath(c, 9),
		base + "/messages": MessagesPath(c),
		base + "/read":     ReadPath(c),
		base + "?around=0192f3c1-0000-7000-8000-00000000000d#m-0192f3c1-0000-7000-8000-00000000000d": messagePath(c.String(), m.String()),
		"/people":                                   PeopleSearchPath("", ""),
		"/people?q=a+%26+b%3Fc":                     PeopleSearchPath("a & b?c", ""),
		"/people?after=x%2Fy":                       PeopleSearchPath("", "x/y"),
		"/people?after=z&q=%D9%86":                  PeopleSearchPath("ن", "z"),
		"/people/mira":                              PersonPath("mira"),
		"/people/a%2Fb%3Fc%23d%20e":                 PersonPath("a/b?c#d e"),
		"/reset/a%2Fb":                              ResetPath("a/b"),
		"/conversations?before=1_x%26":              ConversationsBeforePath("1_x&"),
		"/login":                                    LoginNextPath("/"),
		"/login?next=%2Fpeople%3Fq%3Da%26after%3Db": LoginNextPath("/people?q=a&after=b"),
		"/gallery/message--one":                     GalleryComponentPath("message--one"),
	} {
		if got != want {
			t.Errorf("got %s, wanted %s", got, want)
		}
		if _, err := url.ParseRequestURI(got); err != nil {
			t.Error(err)
		}
	}
	if LoginNextPath("") != LoginPath {
		t.Error("no next page needs no question mark")
	}
	if MessageID(m) != "m-"+m.String() || RowID(c) != "row-"+c.String() || MessagesID(c) != "messages-"+c.String() {
		t.Error("an id is not made as scripts expect")
	}
}
