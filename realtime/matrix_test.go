package realtime_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"parley/chat"
	"parley/realtime"
)

// The roles in which somebody may send a frame about a group.
var frameRoles = []string{"stranger", "former member", "member", "administrator", "owner"}

// frameMatrix says what comes of each frame that a page may send, for each role in the group it is about. What it must
// not do is proven by the test below: no frame makes anything else arrive.
var frameMatrix = map[string]map[string]string{
	"open": {
		"stranger": "closed", "former member": "resumed and silent", "member": "resumed and live",
		"administrator": "resumed and live", "owner": "resumed and live",
	},
	"ack": {
		"stranger": "ignored", "former member": "ignored", "member": "counted", "administrator": "counted", "owner": "counted",
	},
	"leave": {
		"stranger": "ignored", "former member": "ignored", "member": "ignored", "administrator": "ignored", "owner": "ignored",
	},
	"activity": {
		"stranger": "ignored", "former member": "ignored", "member": "ignored", "administrator": "ignored", "owner": "ignored",
	},
	// Of the conversation that the page has opened.
	"typing": {
		"stranger": "ignored", "former member": "ignored", "member": "shown", "administrator": "shown", "owner": "shown",
	},
	// It names people, and TestPresenceMatrix has who hears of whom; of a group it says nothing.
	"watch": {
		"stranger": "ignored", "former member": "ignored", "member": "ignored", "administrator": "ignored", "owner": "ignored",
	},
}

// Who gets a frame.
const (
	never   = "never"
	gets    = "gets it"
	asItWas = "gets it as it was when the membership ended" // of the group nothing newer
)

// sentMatrix says who gets each frame that the server sends: to the frames about a group each role in it, and to those about
// the person everybody the own ones.
var sentMatrix = map[string]map[string]string{
	"changes": {"stranger": never, "former member": never, "member": gets, "administrator": gets, "owner": gets},
	"people":  {"stranger": never, "former member": never, "member": gets, "administrator": gets, "owner": gets},
	// Of one's own messages alone; TestReceiptMatrix has who is told what.
	"receipts": {"stranger": never, "former member": never, "member": gets, "administrator": gets, "owner": gets},
	"typing":   {"stranger": never, "former member": never, "member": gets, "administrator": gets, "owner": gets},
	"draft":    {"stranger": never, "former member": never, "member": gets, "administrator": gets, "owner": gets},
	"resumed":  {"stranger": never, "former member": gets, "member": gets, "administrator": gets, "owner": gets},
	"reset":    {"stranger": never, "former member": gets, "member": gets, "administrator": gets, "owner": gets},
	"closed":   {"stranger": gets, "former member": never, "member": never, "administrator": never, "owner": never},
	"list":     {"stranger": never, "former member": asItWas, "member": gets, "administrator": gets, "owner": gets},
	"rows":     {"stranger": never, "former member": asItWas, "member": gets, "administrator": gets, "owner": gets},
	// Of a member who shows it to those with whom a conversation is shared; TestPresenceMatrix has all others.
	"presence":    {"stranger": never, "former member": never, "member": gets, "administrator": gets, "owner": gets},
	"hello":       {"stranger": gets, "former member": gets, "member": gets, "administrator": gets, "owner": gets},
	"view":        {"stranger": never, "former member": gets, "member": gets, "administrator": gets, "owner": gets},
	"preferences": {"stranger": gets, "former member": gets, "member": gets, "administrator": gets, "owner": gets},
	"beat":        {"stranger": gets, "former member": gets, "member": gets, "administrator": gets, "owner": gets},
}

// TestEachFrameHasARow holds that nobody gives the socket a frame, in or out, without saying here who may send or get it.
func TestEachFrameHasARow(t *testing.T) {
	t.Parallel()
	for about, c := range map[string]struct {
		known  []string
		matrix map[string]map[string]string
	}{
		"in":  {realtime.FramesIn(), frameMatrix},
		"out": {framesOut(t), sentMatrix},
	} {
		if rows := slices.Sorted(maps.Keys(c.matrix)); !slices.Equal(c.known, rows) {
			t.Errorf("%s: the socket knows %v, the matrix %v", about, c.known, rows)
		}
		for frame, row := range c.matrix {
			for _, role := range frameRoles {
				if row[role] == "" {
					t.Errorf("%s, %s: nothing is said of a %s", about, frame, role)
				}
			}
		}
	}
}

// framesOut are the constants of the type frameType; a frame that is made with anything else fails the test.
func framesOut(t *testing.T) []string {
	t.Helper()
	files, err := fs.Glob(os.DirFS("."), "*.go")
	if err != nil {
		t.Fatal(err)
	}
	constants, used := map[string]string{}, map[string]string{}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.ValueSpec:
				if kind, ok := n.Type.(*ast.Ident); ok && kind.Name == "frameType" && len(n.Values) == 1 {
					if literal, ok := n.Values[0].(*ast.BasicLit); ok {
						constants[n.Names[0].Name], _ = strconv.Unquote(literal.Value)
					}
				}
			case *ast.CompositeLit:
				if kind, ok := n.Type.(*ast.Ident); !ok || kind.Name != "frame" {
					return true
				}
				for _, element := range n.Elts {
					if pair, ok := element.(*ast.KeyValueExpr); ok && pair.Key.(*ast.Ident).Name == "Type" {
						constant, ok := pair.Value.(*ast.Ident)
						if !ok {
							t.Errorf("%s: a frame is made with something else than a constant", name)
							continue
						}
						used[constant.Name] = name
					}
				}
			}
			return true
		})
	}
	delete(used, "kind") // of sendToPerson, whose argument has the type
	for constant, name := range used {
		if constants[constant] == "" {
			t.Errorf("%s: %s is none of the constants", name, constant)
		}
	}
	return slices.Sorted(maps.Values(constants))
}

// TestSentMatrix lets everything happen that a frame tells of, for somebody of each role.
func TestSentMatrix(t *testing.T) {
	t.Parallel()
	for _, role := range frameRoles {
		t.Run(role, func(t *testing.T) {
			t.Parallel()
			timing := withoutSweep
			timing.Beat = 20 * time.Millisecond
			n := newNode(t, timing)
			owner, who, group := n.inGroup(t, role)
			other := n.Person(t, "Other")
			if err := n.chat.AddMembers(t.Context(), owner, group, []chat.ID{other.ID}); err != nil {
				t.Fatal(err)
			}
			note := n.note(t, who)
			owner, who = n.current(t, owner), n.current(t, who)
			at := n.page(t, owner, group)
			if role != "stranger" {
				at = n.page(t, who, group)
			}
			seen := map[string]bool{}
			record := func(g got) {
				about := g.Conversation == group.String() || strings.Contains(g.HTML, group.String())
				switch g.Type {
				case "hello", "preferences", "beat":
					about = true
				case "presence":
					about = strings.Contains(g.HTML, other.ID.String())
				}
				if !about {
					return
				}
				seen[g.Type] = true
				if row := sentMatrix[g.Type][role]; (row == never || row == asItWas) && strings.Contains(g.HTML, "a secret among members") {
					t.Errorf("%s: %s", g.Type, g.HTML)
				}
			}
			p := n.dial(t, who)
			go p.read()
			await := func(kind string, wanted func(got) bool) {
				t.Helper()
				if sentMatrix[kind][role] != never {
					p.until(kind, wanted, record)
				}
			}
			whatever := func(got) bool { return true }
			await("hello", whatever)
			p.until("list", whatever, record)
			p.open(at)
			await("resumed", whatever)
			await("closed", whatever)
			n.say(t, other, group, "a secret among members")
			await("changes", func(g got) bool { return strings.Contains(g.HTML, "a secret among members") })
			n.chooses(t, other, chat.PresenceChoices{Presence: chat.CircleShared, LastSeen: chat.CircleShared, Typing: true})
			n.connect(t, other)
			p.watches(other.ID)
			await("presence", func(g got) bool { return statesIn(g)[other.ID] == "online" })
			n.rename(t, n.chat, other, "Renamed")
			await("people", func(g got) bool { return strings.Contains(g.HTML, "Renamed") })
			writing := n.connect(t, other)
			writing.follow(n.page(t, n.current(t, other), group))
			writing.write(map[string]any{"type": "typing"})
			n.await(t, func() bool { return n.hub.KnowsReaders(other.ID, group) })
			await("typing", func(g got) bool { return g.HTML != "" })
			if err := n.chat.SaveDraft(t.Context(), who, group, "begun"); (err == nil) != at.Member.Present() && role != "stranger" {
				t.Fatalf("premise: %v", err)
			}
			await("draft", whatever)
			if role != "stranger" && at.Member.Present() {
				n.say(t, who, group, "of one's own")
			}
			n.has(t, other, group, 1<<40, 1<<40)
			await("receipts", func(g got) bool {
				return slices.ContainsFunc(g.Runs, func(run [4]int64) bool { return run[2] > 0 })
			})
			pinned := true
			if err := n.chat.Choose(t.Context(), who, group, chat.Choices{Pinned: &pinned}); (err == nil) == (role == "stranger") {
				t.Fatalf("premise: %v", err)
			}
			await("rows", func(g got) bool { return strings.Contains(g.HTML, group.String()) })
			if err := n.chat.SavePreferences(t.Context(), who, chat.Preferences{TimeZone: "Asia/Tokyo", Theme: chat.ThemeDark}); err != nil {
				t.Fatal(err)
			}
			await("preferences", func(g got) bool { return g.Zone == "Asia/Tokyo" })
			n.raise(t, who)
			await("view", whatever)
			at.Epoch = "another"
			p.open(at)
			await("reset", whatever)
			await("beat", whatever)
			n.say(t, who, note, "the mark")
			p.until("rows", func(g got) bool { return strings.Contains(g.HTML, "the mark") }, record)
			for kind, row := range sentMatrix {
				if seen[kind] != (row[role] != never) {
					t.Errorf("%s: seen %v, and the matrix says %q", kind, seen[kind], row[role])
				}
			}
		})
	}
}

func TestFrameMatrix(t *testing.T) {
	t.Parallel()
	for frame, row := range frameMatrix {
		for _, role := range frameRoles {
			t.Run(frame+" by "+role, func(t *testing.T) {
				t.Parallel()
				n := newNode(t, quick)
				owner, who, group := n.inGroup(t, role)
				p := n.connect(t, who)
				if frame == "typing" {
					n.writesInto(t, p, who, owner, group, row[role] == "shown")
					return
				}
				at := n.page(t, owner, group)
				if member, err := n.chat.Membership(t.Context(), who, group); err == nil {
					at = n.page(t, n.current(t, who), group)
					if member.Present() == (role == "former member") {
						t.Fatalf("premise: present is %v", member.Present())
					}
				}
				before := n.readOf(t, who, group)
				switch frame {
				case "open":
					p.open(at)
				case "ack":
					// Another conversation in the same frame tells when it has been dealt with.
					other := n.Direct(t, n.Person(t, "Ben"), who)
					n.exec(t, "UPDATE conversations SET msg_seq = 2 WHERE id = $1", other)
					all := map[string]int{"delivered": 2, "read": 2}
					p.write(map[string]any{"type": "ack", "positions": map[string]any{group.String(): all, other.String(): all}})
					n.await(t, func() bool { return n.readOf(t, who, other) == 2 })
				default:
					p.write(map[string]any{"type": frame, "conversation": group})
				}
				switch want := row[role]; {
				case want == "closed":
					p.next("closed")
				case strings.HasPrefix(want, "resumed"):
					p.next("resumed")
				}
				if row[role] == "counted" {
					n.await(t, func() bool { return n.readOf(t, who, group) >= 2 })
				}
				n.say(t, owner, group, "a secret among members")
				live := row[role] == "resumed and live"
				if live && who.ID != owner.ID {
					if g := p.next("changes"); g.Conversation != group.String() || !strings.Contains(g.HTML, "a secret among members") {
						t.Errorf("got %+v", g)
					}
				}
				// The row of a note to oneself, which everybody gets, marks the end of the wait.
				note := n.note(t, who)
				n.say(t, who, note, "the mark")
				outside := role == "stranger" || role == "former member"
				p.until("rows", func(g got) bool { return strings.Contains(g.HTML, note.String()) }, func(g got) {
					if !live && (g.Type == "changes" || g.Type == "resumed" || g.Type == "people") ||
						outside && strings.Contains(g.HTML, "a secret among members") {
						t.Errorf("a frame came that must not: %+v", g)
					}
				})
				if after := n.readOf(t, who, group); row[role] == "ignored" && who.ID != owner.ID && after != before {
					t.Errorf("the position moved from %d to %d", before, after)
				}
			})
		}
	}
}

// inGroup makes a group, and somebody who has that role in it.
func (n *node) inGroup(t *testing.T, role string) (owner, who chat.Viewer, group chat.ID) {
	t.Helper()
	owner, who = n.Person(t, "Olga"), n.Person(t, "Will")
	with := []chat.ID{n.Person(t, "Anna").ID}
	if role != "stranger" && role != "owner" {
		with = append(with, who.ID)
	}
	group, err := n.chat.CreateGroup(t.Context(), owner, chat.GroupSettings{Name: "Crew"}, with)
	if err != nil {
		t.Fatal(err)
	}
	n.say(t, owner, group, "before")
	if role == "former member" {
		n.say(t, who, group, "before, by one who is gone")
	}
	switch role {
	case "owner":
		who = owner
	case "administrator":
		err = n.chat.SetMemberRole(t.Context(), owner, group, who.ID, chat.MemberAdministrator)
	case "former member":
		err = n.chat.RemoveMember(t.Context(), owner, group, who.ID)
	}
	if err != nil {
		t.Fatal(err)
	}
	return n.current(t, owner), n.current(t, who), group
}

// readOf is how far somebody has read, -1 for whoever was never there.
func (n *node) readOf(t *testing.T, who chat.Viewer, conversation chat.ID) (seq int64) {
	t.Helper()
	err := n.DB.Pool().QueryRow(t.Context(), `
		SELECT coalesce(max(read_seq), -1) FROM members WHERE person_id = $1 AND conversation_id = $2`, who.ID, conversation).Scan(&seq)
	if err != nil {
		t.Fatal(err)
	}
	return seq
}
