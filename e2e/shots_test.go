//go:build unix

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp/kb"

	"parley/chat"
)

// line is one message of a believable talk: who, when (before the newest one), and what.
type line struct {
	mine bool
	ago  time.Duration
	body string
}

var talk = []line{
	{false, 16*time.Hour + 10*time.Minute, "Did the new tables come?"},
	{true, 16*time.Hour + 1*time.Minute, "They did. Six of them, and one is a little crooked."},
	{true, 16 * time.Hour, "I like the crooked one."},
	{false, 15*time.Hour + 42*time.Minute, "Of course you do 😄"},
	{false, 15*time.Hour + 41*time.Minute, "I will bring the lamps tomorrow morning, and the long cable. Can somebody let me in at eight?"},
	{true, 15*time.Hour + 28*time.Minute, "I can. The door sticks, so knock."},
	{false, 2*time.Hour + 14*time.Minute, "Good morning! I am at the side entrance."},
	{true, 2*time.Hour + 12*time.Minute, "Coming"},
	{false, 48 * time.Minute, "Here is the plan for Saturday, with the times for everybody:\nhttps://example.org/plans/open-day"},
	{false, 47 * time.Minute, "Set-up from nine, doors at eleven, soup at one. Tomasz asks whether there will be enough chairs."},
	{true, 31 * time.Minute, "Forty, and the benches from the yard. That should do."},
	{true, 30 * time.Minute, "If it rains we move the reading inside, upstairs, where the light is better in the afternoon anyway."},
	{false, 9 * time.Minute, "🎉"},
	{false, 3 * time.Minute, "See you at six?"},
	{true, 2 * time.Minute, "See you at six."},
}

var talkRightToLeft = []line{
	{false, 90 * time.Minute, "مساء الخير! هل وصلت الكتب؟"},
	{true, 84 * time.Minute, "نعم، وصلت صباح اليوم: 24 كتابًا في صندوقين."},
	{false, 83 * time.Minute, "ممتاز. العنوان هنا https://example.org/books إن احتجت إليه."},
	{true, 40 * time.Minute, "Thank you! شكرًا جزيلًا"},
	{false, 5 * time.Minute, "نلتقي يوم السبت 🙂"},
}

// tell puts a talk into a conversation, at its times before now.
func (w *World) tell(conversation chat.ID, me, other chat.Viewer, talk []line) {
	w.t.Helper()
	for _, l := range talk {
		by := other
		if l.mine {
			by = me
		}
		message := w.Say(by, conversation, l.body)
		w.Exec(`UPDATE messages SET created_at = now() - make_interval(secs => $2) WHERE id = $1`, message.ID, l.ago.Seconds())
		w.Exec(`UPDATE conversations SET last_activity_at = now() - make_interval(secs => $2) WHERE id = $1`, conversation, l.ago.Seconds())
	}
	w.Exec(`UPDATE members SET unread_from = $2, read_seq = $2, delivered_seq = $2 WHERE conversation_id = $1`, conversation, len(talk))
}

// friend is somebody with one thing to say. The username is friend and a number.
type friend struct{ name, body string }

// shootGroup takes the pages of a group: as its owner, as who may join, and as who was in it.
func (w *World) shootGroup(me *Person, mira, nour chat.Viewer, friends []friend, shot func(p *Person, name string)) {
	w.t.Helper()
	ctx, rules := w.t.Context(), w.app.Chat()
	must := func(err error) {
		w.t.Helper()
		if err != nil {
			w.t.Fatal(err)
		}
	}
	people := []chat.ID{mira.ID, nour.ID}
	for i := range friends {
		if i != 4 { // whose account is closed
			people = append(people, w.Viewer(fmt.Sprintf("friend%d", i)).ID)
		}
	}
	group, err := rules.CreateGroup(ctx, me.Viewer, chat.GroupSettings{
		Name: "Open day at the workshop", Description: "Everything for Saturday. Times are in the plan: https://example.org/plans/open-day",
		WhoAdds: chat.WhoAdministrators, WhoWrites: chat.WhoMembers, History: chat.HistoryAll,
	}, people)
	must(err)
	must(rules.SetMemberRole(ctx, me.Viewer, group, mira.ID, chat.MemberAdministrator))
	w.Say(mira, group, "Who has the long cable?")
	w.Say(w.Viewer("friend0"), group, "I have. It is in the van, under the chairs.")
	must(rules.RemoveMember(ctx, me.Viewer, group, w.Viewer("friend3").ID))
	w.Say(w.Viewer("friend1"), group, "了解です 👍")
	ours := w.Say(me.Viewer, group, "Then all is there. See you on Saturday!")
	w.Say(nour, group, "نلتقي يوم السبت 🙂")
	progress := []chat.Position{{PersonID: mira.ID, Read: 1 << 20}, {PersonID: nour.ID, Read: 1 << 20}, {PersonID: w.Viewer("friend0").ID, Delivered: 1 << 20}}
	for i := range progress {
		progress[i].ConversationID = group
	}
	must(rules.SavePositions(ctx, progress))
	token, err := rules.MakeGroupLink(ctx, me.Viewer, group, 7*24*time.Hour, 10)
	must(err)

	at := "/conversations/" + group.String()
	for name, path := range map[string]string{
		"new": "/groups/new", "": at, "details": at + "/details", "members": at + "/members", "members-new": at + "/members/new",
		"receipts": at + "/messages/" + ours.ID.String() + "/receipts",
		"member":   at + "/members/" + mira.ID.String(), "settings": at + "/settings", "links": at + "/links",
		"archive": "/conversations/archive",
	} {
		me.Opens(path)
		me.Live()
		shot(me, strings.TrimSuffix("group-"+name, "-"))
	}
	me.At(group).Live()
	me.PointsAt("#m-" + ours.ID.String() + " .message__bubble")
	me.ClicksAt("#m-" + ours.ID.String() + " .message__menu summary")
	shot(me, "group-menu")
	me.Presses(kb.Escape)
	me.Width(1440, 900)
	me.ClicksAt("#pane .icon-button[data-details]")
	me.Finds("#details .member")
	shot(me, "group-pane")
	joiner := w.Person("Lena Sørensen")
	joiner.Opens("/groups/join/" + token)
	shot(joiner, "group-join")
	left, err := rules.CreateGroup(ctx, joiner.Viewer, chat.GroupSettings{
		Name: "Reading circle", WhoAdds: chat.WhoMembers, WhoWrites: chat.WhoMembers, History: chat.HistoryAll,
	}, []chat.ID{me.Viewer.ID})
	must(err)
	w.Say(me.Viewer, left, "Which book is next?")
	must(rules.LeaveGroup(ctx, me.Viewer, left))
	me.At(left).Live()
	shot(me, "group-past")
}

// shootBlocks shows what becomes of somebody who is blocked, and those who ask to write.
func (w *World) shootBlocks(me *Person, shot func(p *Person, name string)) {
	w.t.Helper()
	ctx, rules := w.t.Context(), w.app.Chat()
	loud, calm, asking := w.Account("Viktor Lund"), w.Account("Amara Nwosu"), w.Account("Jonas Keller")
	direct := w.Direct(me.Viewer, loud)
	w.Say(loud, direct, "Answer me. Now.")
	group := w.group("Saturday market", calm, me.Viewer, loud)
	w.Say(calm, group, "Who brings the table?")
	w.Say(loud, group, "Not me, as you know.")
	w.Say(loud, group, "Never again.")
	w.Say(calm, group, "Then I do.")
	me.Opens("/settings/blocks/new?person=" + loud.ID.String())
	shot(me, "block-new")
	for _, person := range []chat.Viewer{loud, w.Account("Ida Holm")} {
		if err := rules.BlockPerson(ctx, me.Viewer, person.ID); err != nil {
			w.t.Fatal(err)
		}
	}
	reach := chat.Reach{Writes: chat.CircleNobody, Adds: chat.CircleGroups, Finds: chat.CircleEverybody}
	if err := rules.SaveReach(ctx, me.Viewer, reach); err != nil {
		w.t.Fatal(err)
	}
	w.Say(asking, w.Direct(asking, me.Viewer), "Hello Ines, we met at the workshop. May I ask you something?")
	for name, path := range map[string]string{
		"blocks": "/settings/blocks", "requests": "/requests", "block-direct": "/conversations/" + direct.String(),
		"block-group": "/conversations/" + group.String(), "request": "/conversations/" + w.Direct(asking, me.Viewer).String(),
		"reach": "/settings",
	} {
		me.Opens(path)
		me.Live()
		shot(me, name)
	}
}

// TestShots takes pictures of the main pages into the folder that PARLEY_SHOTS names.
func TestShots(t *testing.T) {
	dir := os.Getenv("PARLEY_SHOTS")
	if dir == "" {
		t.Skip("PARLEY_SHOTS names no folder for screenshots")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	w := begin(t)
	visitor := w.Visitor("Nobody")
	me := w.Person("Ines Calder")
	empty := w.Person("Newcomer")
	// In a zone where it is half past ten in the morning, or nearly, so that the talk is one of daylight.
	zone := fmt.Sprintf("Etc/GMT%+d", (time.Now().UTC().Hour()-10+36)%24-12)
	w.Exec(`UPDATE people SET time_zone = $1`, zone)
	for _, p := range []*Person{visitor, me, empty} {
		p.Expects("status of 4", "status of 5", "WebSocket connection to", "net::ERR_")
	}
	mira := w.Account("Mira Okafor")
	nour := w.Account("Nour نور العلي")
	others := []friend{
		{"Tomasz Wrona", "The chairs are in the van."},
		{"Yuki 山本 由紀", "了解です。土曜日に会いましょう！"},
		{"Оксана Гайова", "Дякую, побачимося завтра"},
		{"Björn Ekdahl-Lindqvist", "Could you send me the long version of the programme, the one with the names of all speakers?"},
		{"Ελένη Μαρή", "Τα λέμε το Σάββατο 👍"},
	}
	for i, other := range others {
		viewer, err := w.app.Chat().Register(t.Context(), chat.Origin{Address: "127.0.0.1", Local: true}, chat.RegisterInput{
			Username: fmt.Sprintf("friend%d", i), DisplayName: other.name, Password: password,
		})
		if err != nil {
			t.Fatal(err)
		}
		conversation := w.Direct(me.Viewer, viewer)
		w.tell(conversation, me.Viewer, viewer, []line{{false, time.Duration(i*17+3) * time.Hour, other.body}})
		if i%2 == 1 {
			w.Exec(`UPDATE members SET unread_from = 0 WHERE conversation_id = $1 AND person_id = $2`, conversation, me.Viewer.ID)
		}
	}
	rightToLeft := w.Direct(me.Viewer, nour)
	w.tell(rightToLeft, me.Viewer, nour, talkRightToLeft)
	direct := w.Direct(me.Viewer, mira)
	w.tell(direct, me.Viewer, mira, talk)

	shot := func(p *Person, name string) {
		t.Helper()
		for _, window := range [][2]int64{{390, 844}, {820, 1180}, {1440, 900}} {
			p.Width(window[0], window[1])
			for _, theme := range []string{"light", "dark"} {
				p.Device(theme)
				p.picture(filepath.Join(dir, fmt.Sprintf("%s-%s-%d.png", name, theme, window[0])))
			}
		}
	}
	for name, path := range map[string]string{"landing": "/", "login": "/login", "register": "/register"} {
		visitor.Opens(path)
		shot(visitor, name)
	}
	ask[bool](visitor.Tab, `() => { location.assign("/register"); return true }`)
	visitor.IsAt("/register")
	visitor.Fills("Your name", "Lena Sørensen")
	visitor.Fills("Username", "lena sørensen")
	visitor.Fills("Password", "short")
	visitor.ClicksAt("form.form button[type=submit]")
	visitor.Finds("#error-summary")
	shot(visitor, "register-error")

	empty.Opens("/")
	shot(empty, "home-empty")
	for name, path := range map[string]string{
		"list": "/", "people": "/people", "people-none": "/people?q=nobody", "profile": "/people/mira", "settings": "/settings",
		"status": "/status", "presence": "/settings/presence", "account": "/settings/account", "devices": "/settings/sessions",
		"404": "/nowhere", "direct": "/conversations/" + direct.String(), "right-to-left": "/conversations/" + rightToLeft.String(),
	} {
		me.Opens(path)
		if name != "404" {
			me.Live()
		}
		shot(me, name)
	}

	// The administration, of which the first account is in charge.
	for _, note := range []string{"For the reading circle", "", "Neighbours"} {
		in := chat.InvitationInput{Note: note, Days: 30, Uses: 25}
		if _, _, err := w.app.Chat().Invite(t.Context(), me.Viewer, chat.Origin{Address: "192.0.2.7"}, in); err != nil {
			t.Fatal(err)
		}
	}
	w.Exec(`UPDATE invitations SET uses = 7 WHERE note = 'Neighbours'`)
	w.Exec(`UPDATE people SET invitation_id = (SELECT id FROM invitations WHERE note = 'Neighbours') WHERE username LIKE 'friend%'`)
	if err := w.app.Chat().Suspend(t.Context(), me.Viewer, chat.Origin{Address: "192.0.2.7"}, w.Viewer("friend4").ID, password); err != nil {
		t.Fatal(err)
	}
	for name, path := range map[string]string{
		"people": "/people", "person": "/people/" + mira.ID.String(), "role": "/people/" + mira.ID.String() + "/role",
		"invitations": "/invitations", "registration": "/registration", "log": "/log?check=yes",
	} {
		me.Opens("/administration" + path)
		me.Live()
		shot(me, "administration-"+name)
	}
	me.Opens("/administration/invitations")
	me.Clicks("Make a link")
	me.Sees("It is shown only now.")
	shot(me, "administration-invitation")

	w.shootGroup(me, mira, nour, others, shot)
	w.shootBlocks(me, shot)

	me.Width(390, 844)
	me.At(direct).Live()
	me.PointsAt("#pane [data-seq='10'] .message__bubble")
	me.ClicksAt("#pane [data-seq='10'] .message__menu summary")
	shot(me, "direct-menu")
	me.Presses(kb.Escape)
	long := w.Direct(me.Viewer, w.Viewer("friend1"))
	w.Talk(long, 120, w.Viewer("friend1"))
	me.At(long).Live()
	me.Finds("#first-unread:not([hidden])")
	shot(me, "direct-first-unread")

	// For the README.
	me.At(direct).Live()
	me.Device("light")
	me.Width(1440, 900)
	me.picture(filepath.Join(dir, "conversation.png"))

	// With what can go wrong.
	me.Writes("\a")
	me.Finds(".message--failed")
	me.Line.Cut()
	me.Sees("Connecting…")
	shot(me, "direct-failed")
	me.Line.Mend()
	w.Exec(`ALTER TABLE members RENAME TO gone`)
	me.Opens("/people/mira")
	shot(me, "500")
	w.Exec(`ALTER TABLE gone RENAME TO members`)
}

// picture writes what the tab shows, once all of it is there and nothing moves.
func (tab *Tab) picture(file string) {
	tab.t.Helper()
	tab.until("all is drawn", `async () => {
		document.activeElement?.matches("#composer-body") && document.activeElement.blur(); // no blinking caret
		await document.fonts.ready;
		await Promise.all(document.getAnimations().map((animation) => animation.finished.catch(() => {})));
		await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
		return true;
	}`)
	picture := send(tab, page.CaptureScreenshot, page.CaptureScreenshotParams{})
	if err := os.WriteFile(file, picture.Data, 0o644); err != nil {
		tab.t.Fatal(err)
	}
}
