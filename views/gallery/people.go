package gallery

import (
	"time"

	"github.com/google/uuid"

	"parley/chat"
	"parley/views"
)

// Everybody here is invented.

// now is when all pages of the gallery are looked at: a Saturday afternoon.
var now = time.Date(2026, 11, 21, 14, 40, 0, 0, zone)

var zone = views.Zone("Europe/Berlin")

// id makes the same id of the same name each time.
func id(name string) chat.ID { return uuid.NewSHA1(uuid.NameSpaceOID, []byte(name)) }

func card(username, name string) chat.Card {
	return chat.Card{ID: id(username), Username: username, DisplayName: name}
}

var (
	lena   = card("lena", "Lena Sørensen")
	mira   = card("mira", "Mira Okafor")
	jonas  = card("jonas.b", "Jonas Brandt")
	ines   = card("ines", "Inês Carvalho")
	nour   = card("nour", "نور العلي")
	yael   = card("yael_k", "יעל כהן")
	wang   = card("xiaoming", "王小明")
	priya  = card("priya", "प्रिया दास")
	dmitri = card("dmitri", "Дмитрий Соколов")
	sun    = card("sun", "🌻 Sunny")
	long   = card("hubert-wolfeschlegelsteinhausen", "Hubert Blaine Wolfeschlegelsteinhausenbergerdorff")
	tomas  = card("tomas", "Tomás Aguirre")
)

// viewer is who looks at the pages.
var viewer = chat.Viewer{
	Person: chat.Person{
		Card: lena, Role: chat.RoleMember, State: chat.StateActive,
		Language: "en", TimeZone: "Europe/Berlin", Theme: chat.ThemeAuto,
	},
	SessionID: id("session"),
}

func people() []Component {
	avatar := func(c chat.Card, size string) views.AvatarProps {
		return views.AvatarProps{ID: c.ID, Name: c.DisplayName, Size: size}
	}
	results := func(query, next string, cards ...chat.Card) views.PeopleResultsProps {
		return views.NewPeopleResults(query, chat.PeoplePage{People: cards, Next: next}, lena.ID)
	}
	refused := results("mira", "")
	refused.Err = &chat.Error{Kind: chat.KindTooMany, Code: chat.CodeTooMany, Args: chat.Args{"Count": 3, "Seconds": 3}}
	continued := results("", "more", tomas, dmitri)
	continued.Continued = true
	stopped := refused
	stopped.Continued, stopped.Next = true, "again"
	return []Component{
		{Name: "avatar", Group: "People", Stage: "pad", States: []State{
			{Name: "scripts", View: avatars(
				avatar(mira, ""), avatar(lena, ""), avatar(jonas, ""), avatar(ines, ""), avatar(nour, ""), avatar(yael, ""),
				avatar(wang, ""), avatar(priya, ""), avatar(dmitri, ""), avatar(sun, ""), avatar(long, ""), avatar(tomas, ""),
			)},
			{Name: "sizes", View: avatars(avatar(mira, "s"), avatar(mira, "m"), avatar(mira, ""), avatar(mira, "l"), avatar(mira, "xl"))},
		}},
		{Name: "people-results", Group: "People", Stage: "pad", Alone: true, States: []State{
			{Name: "everybody", View: views.PeopleResults(results("", "next", ines, jonas, lena, mira, nour, yael, wang, priya, sun, long))},
			{Name: "some", View: views.PeopleResults(results("mi", "", mira, wang))},
			{Name: "none", View: views.PeopleResults(results("zzyzx", ""))},
			{Name: "alone", View: views.PeopleResults(results("", ""))},
			{Name: "refused", View: views.PeopleResults(refused)},
			{Name: "continued", View: views.PeopleResults(continued)},
			{Name: "continued-refused", View: views.PeopleResults(stopped)},
		}},
	}
}
