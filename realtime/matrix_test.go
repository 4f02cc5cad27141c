package realtime_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"parley/chat"
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
}

// TestEachFrameHasARow holds that nobody gives the socket a frame without saying here who may send it.
func TestEachFrameHasARow(t *testing.T) {
	t.Parallel()
	file, err := parser.ParseFile(token.NewFileSet(), "socket.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var known []string
	ast.Inspect(file, func(n ast.Node) bool {
		if f, ok := n.(*ast.FuncDecl); ok {
			return f.Name.Name == "receive"
		}
		if c, ok := n.(*ast.CaseClause); ok {
			for _, value := range c.List {
				if literal, ok := value.(*ast.BasicLit); ok {
					name, err := strconv.Unquote(literal.Value)
					if err != nil {
						t.Fatal(err)
					}
					known = append(known, name)
				}
			}
		}
		return true
	})
	slices.Sort(known)
	if rows := slices.Sorted(maps.Keys(frameMatrix)); !slices.Equal(known, rows) {
		t.Errorf("the socket knows %v, the matrix %v", known, rows)
	}
	for frame, row := range frameMatrix {
		for _, role := range frameRoles {
			if row[role] == "" {
				t.Errorf("%s by a %s: nothing is said", frame, role)
			}
		}
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
