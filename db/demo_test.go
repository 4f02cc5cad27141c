//go:build unix

package db_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/chat"
	"parley/chat/chattest"
	"parley/db"
	"parley/demo"
)

func demoWorld(t *testing.T, people, conversations, messages int) *demo.World {
	t.Helper()
	return value[*demo.World](t)(demo.New(demo.Settings{
		People: people, Conversations: conversations, Messages: messages, Seed: 7, Now: time.Now(),
	}))
}

// TestDemo asks a database with a demo in it for what could not be there had people written it.
func TestDemo(t *testing.T) {
	t.Parallel()
	w := chattest.New(t)
	world := demoWorld(t, 300, 900, 6_000)
	hash := value[string](t)(chat.HashPassword(demo.Password, 4))
	var told []int
	must(t, w.Store.InsertDemo(t.Context(), world, hash, func(messages int) { told = append(told, messages) }))

	if !slices.IsSorted(told) || len(told) < 3 || told[len(told)-1] != 6_000 {
		t.Errorf("the progress is %v", told)
	}
	for table, want := range map[string]int{"people": 300, "conversations": 900, "messages": 6_000} {
		if n := chattest.Value[int](t, w, "SELECT count(*) FROM "+table); n != want {
			t.Errorf("%d %s, want %d", n, table, want)
		}
	}

	for name, violations := range map[string]string{
		"the messages of a conversation are counted without a hole": `
			SELECT c.id FROM conversations c LEFT JOIN messages m ON m.conversation_id = c.id GROUP BY c.id
			HAVING count(m.id) <> c.msg_seq OR coalesce(max(m.seq), 0) <> c.msg_seq OR count(DISTINCT m.seq) <> c.msg_seq`,
		"the changes are counted, each once": `
			SELECT c.id FROM conversations c LEFT JOIN messages m ON m.conversation_id = c.id GROUP BY c.id
			HAVING c.change_seq <> count(m.id) + count(coalesce(m.edited_at, m.deleted_at))
				OR coalesce(max(m.change_seq), 0) <> c.change_seq OR count(DISTINCT m.change_seq) <> count(m.id)`,
		"a message that nobody changed has the number of its creation, any other a later one": `
			SELECT id FROM (
				SELECT m.*, lag(change_seq) OVER later AS before
				FROM messages m WHERE edited_at IS NULL AND deleted_at IS NULL
				WINDOW later AS (PARTITION BY conversation_id ORDER BY seq)
			) unchanged WHERE change_seq <= before OR change_seq < seq
			UNION ALL
			SELECT m.id FROM messages m JOIN messages next ON next.conversation_id = m.conversation_id AND next.seq = m.seq + 1
			WHERE coalesce(m.edited_at, m.deleted_at) > next.created_at AND m.change_seq < next.change_seq
				AND next.edited_at IS NULL AND next.deleted_at IS NULL`,
		"changes happened in the order of their numbers": `
			SELECT id FROM (
				SELECT id, changed_at, lag(changed_at) OVER (PARTITION BY conversation_id ORDER BY change_seq) AS before FROM messages
			) m WHERE changed_at < before`,
		"later messages are later": `
			SELECT id FROM (
				SELECT id, created_at, lag(created_at) OVER (PARTITION BY conversation_id ORDER BY seq) AS before FROM messages
			) m WHERE created_at <= before`,
		"a change comes after the creation and not after now": `
			SELECT id FROM messages
			WHERE changed_at <> coalesce(edited_at, deleted_at, created_at) OR changed_at < created_at OR changed_at > now()
				OR (edited_at IS NOT NULL AND deleted_at IS NOT NULL)`,
		"the last activity is the last message, or else the beginning": `
			SELECT c.id FROM conversations c LEFT JOIN messages m ON m.conversation_id = c.id AND m.kind = 'text' GROUP BY c.id
			HAVING c.last_activity_at <> coalesce(max(m.created_at), c.created_at) OR c.created_at > c.last_activity_at`,
		"everything begins after those who are there have joined": `
			SELECT c.id FROM conversations c JOIN members m ON m.conversation_id = c.id JOIN people p ON p.id = m.person_id
			WHERE c.created_at < p.created_at
			UNION ALL
			SELECT m.id FROM messages m JOIN conversations c ON c.id = m.conversation_id WHERE m.created_at < c.created_at`,
		"whoever wrote was a member then": `
			SELECT x.id FROM messages x LEFT JOIN members m ON m.conversation_id = x.conversation_id AND m.person_id = x.author_id
			WHERE m.person_id IS NULL OR x.seq <= m.from_seq OR x.change_seq > m.until_change OR x.created_at < m.joined_at`,
		"the request's hash is that of what was sent": `
			SELECT id FROM messages
			WHERE (sha256(uuid_send(conversation_id) || convert_to(body, 'UTF8')) = request_hash)
				<> (edited_at IS NULL AND deleted_at IS NULL AND kind = 'text') OR (body = '') <> (deleted_at IS NOT NULL OR kind = 'system')`,
		"ids are what the domain makes": `
			SELECT id FROM messages WHERE substr(id::text, 15, 1) <> '7' OR substr(client_id::text, 15, 1) <> '4' AND kind = 'text' OR client_id <> id AND kind = 'system'
			UNION ALL SELECT id FROM conversations WHERE substr(id::text, 15, 1) <> '7'
			UNION ALL SELECT id FROM people WHERE substr(id::text, 15, 1) <> '7'`,
		"a pair has the key of its two, and a group a name": `
			SELECT c.id FROM conversations c JOIN members m ON m.conversation_id = c.id GROUP BY c.id
			HAVING CASE c.kind
				WHEN 'direct' THEN c.direct_key <> min(m.person_id::text) || ':' || max(m.person_id::text) OR count(*) > 2
					OR c.name IS NOT NULL OR bool_or(m.role <> 'member' OR m.until_change IS NOT NULL OR m.from_seq > 0)
				ELSE c.name IS NULL OR count(*) FILTER (WHERE m.role = 'owner' AND m.person_id = c.created_by) <> 1
					OR count(*) FILTER (WHERE m.role = 'owner') <> 1 OR count(*) < 3
			END`,
		"whoever opened a conversation is in it": `
			SELECT id FROM conversations c
			WHERE NOT EXISTS (SELECT FROM members WHERE conversation_id = c.id AND person_id = c.created_by)`,
		"nobody stands before the beginning or after the end": `
			SELECT conversation_id FROM members m JOIN conversations c ON c.id = m.conversation_id
			WHERE NOT (0 <= from_seq AND from_seq <= unread_from AND (unread_from <= read_seq OR left_seq = unread_from) AND read_seq <= delivered_seq
				AND delivered_seq <= coalesce(left_seq, msg_seq) AND from_seq <= from_change AND from_change <= change_seq
				AND coalesce(until_change BETWEEN from_change AND change_seq, true))`,
		"whoever wrote has read what stands above": `
			SELECT m.conversation_id FROM members m JOIN messages x ON x.conversation_id = m.conversation_id AND x.author_id = m.person_id
			WHERE x.seq > m.read_seq AND x.kind = 'text'`,
		"somebody who joined later came at a moment of both counters": `
			SELECT m.conversation_id FROM members m
			JOIN messages x ON x.conversation_id = m.conversation_id AND x.edited_at IS NULL AND x.deleted_at IS NULL
			WHERE (x.seq <= m.from_seq) <> (x.change_seq <= m.from_change)`,
		"somebody who left had got what was there until then": `
			SELECT m.conversation_id FROM members m JOIN messages x ON x.conversation_id = m.conversation_id AND x.seq = m.delivered_seq
			WHERE x.edited_at IS NULL AND x.deleted_at IS NULL AND x.change_seq > m.until_change`,
		"each conversation has raised the view of those in it": `
			SELECT p.id FROM people p LEFT JOIN members m ON m.person_id = p.id GROUP BY p.id HAVING count(m.person_id) <> p.view_seq`,
		"a group begins by being made, and each who came or left is named": `
			SELECT c.id FROM conversations c JOIN messages x ON x.conversation_id = c.id WHERE c.kind = 'group' GROUP BY c.id
			HAVING bool_or((x.seq = 1) <> (coalesce(x.event->>'code', '') = 'created')) OR bool_or(x.seq = 1 AND x.author_id <> c.created_by)
				OR count(*) FILTER (WHERE x.event->>'code' = 'left') <> (SELECT count(*) FROM members WHERE conversation_id = c.id AND left_at IS NOT NULL)
				OR count(*) FILTER (WHERE x.event->>'code' = 'added') <> (SELECT count(*) FROM members WHERE conversation_id = c.id AND joined_at > c.created_at)
			UNION ALL SELECT id FROM messages x WHERE kind = 'system' AND NOT EXISTS (
				SELECT FROM members m WHERE m.conversation_id = x.conversation_id AND CASE x.event->>'code'
					WHEN 'created' THEN x.subjects IS NULL AND m.person_id = x.author_id AND x.event->>'text' = (SELECT name FROM conversations c WHERE c.id = m.conversation_id)
					WHEN 'added' THEN x.subjects = ARRAY[m.person_id] AND m.joined_at = x.created_at AND (m.from_seq = 0 OR m.from_seq = x.seq - 1)
					WHEN 'left' THEN x.subjects = ARRAY[m.person_id] AND m.person_id = x.author_id AND m.left_at = x.created_at AND m.left_seq = x.seq
						AND m.until_change = x.change_seq AND m.role = 'member' AND m.unread_from = x.seq AND m.left_name IS NOT NULL
				END)`,
		"the members of a group are counted": `
			SELECT c.id FROM conversations c
			WHERE member_count <> CASE kind WHEN 'direct' THEN 0 ELSE (SELECT count(*) FROM members m WHERE m.conversation_id = c.id AND until_change IS NULL) END
				OR kind = 'group' AND member_count <> (SELECT event->>'members' FROM messages x WHERE x.conversation_id = c.id AND event IS NOT NULL ORDER BY seq DESC LIMIT 1)::int`,
		"newcomers see the past where they should": `
			SELECT c.id FROM conversations c JOIN members m ON m.conversation_id = c.id
			WHERE (m.from_seq > 0) <> (c.history = 'joined' AND m.joined_at > c.created_at)`,
		"a draft is nobody's who left":    `SELECT d.person_id FROM drafts d JOIN members m USING (person_id, conversation_id) WHERE m.until_change IS NOT NULL`,
		"the first has no status":         `SELECT id FROM people WHERE username = 'demo' AND status_text || status_emoji <> ''`,
		"a status is one that can be set": `SELECT id FROM people WHERE status_busy AND status_text || status_emoji = '' OR length(status_text) > 80 OR status_until IS NOT NULL`,
		"some people have one":            `SELECT 1 WHERE (SELECT count(*) FROM people WHERE status_text || status_emoji <> '') NOT BETWEEN 30 AND 60`,
		"everybody has the one password":  `SELECT id FROM people WHERE password_hash <> (SELECT password_hash FROM people WHERE username = 'demo')`,
	} {
		t.Run(name, func(t *testing.T) {
			if n := chattest.Value[int](t, w, `SELECT count(*) FROM (`+violations+`) v`); n != 0 {
				t.Errorf("%d times not", n)
			}
		})
	}

	// What must be there, or the above says little.
	for name, c := range map[string]struct {
		query string
		least int
	}{
		"edited messages":                  {`SELECT count(*) FROM messages WHERE edited_at IS NOT NULL`, 80},
		"deleted messages":                 {`SELECT count(*) FROM messages WHERE deleted_at IS NOT NULL`, 25},
		"changes that came between others": {`SELECT count(*) FROM messages m JOIN messages n USING (conversation_id) WHERE n.seq = m.seq + 1 AND m.change_seq > n.change_seq`, 40},
		"members who joined later":         {`SELECT count(*) FROM members WHERE from_seq > 0`, 20},
		"drafts":                           {`SELECT count(*) FROM drafts`, 20},
		"pinned, quiet, archived ones":     {`SELECT count(*) FROM members WHERE pinned_at IS NOT NULL AND quiet_until IS NULL OR archived_seq IS NOT NULL OR quiet_until > now()`, 100},
		"events of those who came":         {`SELECT count(*) FROM messages WHERE event->>'code' = 'added'`, 50},
		"former members":                   {`SELECT count(*) FROM members WHERE until_change IS NOT NULL`, 10},
		"administrators of groups":         {`SELECT count(*) FROM members WHERE role = 'administrator'`, 50},
		"groups":                           {`SELECT count(*) FROM conversations WHERE kind = 'group'`, 225},
		"notes to oneself":                 {`SELECT count(*) FROM (SELECT conversation_id FROM members GROUP BY 1 HAVING count(*) = 1) n`, 5},
		"conversations without a word":     {`SELECT count(*) FROM conversations WHERE msg_seq = 0`, 3},
		"members who have read all":        {`SELECT count(*) FROM members m JOIN conversations c ON c.id = conversation_id WHERE unread_from = msg_seq AND msg_seq > 0`, 1000},
		"members who have not":             {`SELECT count(*) FROM members m JOIN conversations c ON c.id = conversation_id WHERE unread_from < msg_seq`, 200},
		"members marked as unread":         {`SELECT count(*) FROM members WHERE unread_from < read_seq`, 10},
		"positions without the device":     {`SELECT count(*) FROM members m JOIN conversations c ON c.id = conversation_id WHERE delivered_seq < msg_seq`, 50},
	} {
		t.Run("there are "+name, func(t *testing.T) {
			if n := chattest.Value[int](t, w, c.query); n < c.least {
				t.Errorf("%d, want %d at least", n, c.least)
			}
		})
	}

	t.Run("demo logs in and finds a list with badges; a message sent there counts on", func(t *testing.T) {
		ctx := t.Context()
		viewer := value[chat.Viewer](t)(w.Chat.LogIn(ctx, chat.Origin{}, demo.Username, demo.Password))
		page := value[chat.ListPage](t)(w.Chat.List(ctx, viewer, nil))
		if len(page.Rows) < 60 || page.UnreadTotal < 8 || viewer.Role != chat.RoleAdministrator {
			t.Fatalf("%s has %d rows, %d unread", viewer.Role, len(page.Rows), page.UnreadTotal)
		}
		var badges []int
		for _, row := range page.Rows {
			badges = append(badges, row.Unread)
		}
		for _, want := range []int{0, 1, 3, 24, chat.MaxUnread + 1} {
			if !slices.Contains(badges, want) {
				t.Errorf("no badge shows %d: %v", want, badges)
			}
		}
		last := page.Rows[0]
		message := w.Say(t, viewer, last.ConversationID, "Hello")
		if message.ChangeSeq != last.ChangeSeq+1 {
			t.Errorf("the change after %d is %d", last.ChangeSeq, message.ChangeSeq)
		}
		// A repeated send finds what the generator wrote.
		mine := value[chat.ConversationPage](t)(w.Chat.OpenConversation(ctx, viewer, last.ConversationID, chat.Place{}))
		for _, m := range mine.Messages {
			if m.Author.ID == viewer.ID && m.EditedAt == nil && m.DeletedAt == nil {
				again, err := w.Chat.SendMessage(ctx, viewer, last.ConversationID, chat.Draft{Body: m.Body, ClientID: m.ClientID})
				if err != nil || again.ID != m.ID {
					t.Errorf("got %+v, %v", again, err)
				}
			}
		}
	})
	t.Run("the ranges of the changes are summarised", func(t *testing.T) {
		if n := chattest.Value[int](t, w, `SELECT brin_summarize_new_values('messages_changed')`); n != 0 {
			t.Errorf("%d were not", n)
		}
	})
	t.Run("a second one is refused, and changes nothing", func(t *testing.T) {
		err := w.Store.InsertDemo(t.Context(), demoWorld(t, 5, 3, 10), hash, func(int) { t.Error("something was written") })
		if !errors.Is(err, db.ErrInhabited) {
			t.Errorf("got %v", err)
		}
		if n := chattest.Value[int](t, w, "SELECT count(*) FROM people"); n != 300 {
			t.Errorf("%d people are left", n)
		}
	})
}

// TestDemoIsOneThing holds that what the database says of the same world is the same.
func TestDemoIsOneThing(t *testing.T) {
	t.Parallel()
	const whole = `
		SELECT md5(string_agg(r, E'\n' ORDER BY r)) FROM (
			SELECT p.id || username || display_name FROM people p
			UNION ALL SELECT c::text FROM conversations c UNION ALL SELECT m::text FROM members m UNION ALL SELECT person_id || body FROM drafts UNION ALL SELECT m::text FROM messages m
		) t (r)`
	var sums []string
	for _, seed := range []uint64{4, 4, 5} {
		w := chattest.New(t)
		world := value[*demo.World](t)(demo.New(demo.Settings{
			People: 30, Conversations: 60, Messages: 900, Seed: seed, Now: time.Date(2026, 3, 4, 15, 20, 0, 0, time.UTC),
		}))
		must(t, w.Store.InsertDemo(t.Context(), world, "x", func(int) {}))
		sums = append(sums, chattest.Value[string](t, w, whole))
	}
	if sums[0] != sums[1] || sums[0] == sums[2] {
		t.Errorf("seeds 4, 4, 5 made %v", sums)
	}
}

func TestDemoOnABusyMachine(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		late string // which attempts to write messages take too long
		fits bool
	}{
		"what takes too long is tried again":  {"attempt IN (3, 4, 9)", true},
		"and given up in the end, and undone": {"attempt > 2", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := chattest.New(t)
			w.Exec(t, `CREATE SEQUENCE attempts`) // which no rollback takes back
			w.Exec(t, `CREATE FUNCTION late() RETURNS trigger LANGUAGE plpgsql AS $$
				DECLARE attempt bigint := nextval('attempts');
				BEGIN IF `+c.late+` THEN RAISE 'too late' USING ERRCODE = 'query_canceled'; END IF; RETURN NULL; END $$`)
			w.Exec(t, `CREATE TRIGGER late BEFORE INSERT ON messages EXECUTE FUNCTION late()`)
			err := w.Store.InsertDemo(t.Context(), demoWorld(t, 60, 150, 4_000), "x", func(int) {})
			messages := chattest.Value[int](t, w, "SELECT count(*) FROM messages")
			if c.fits && (err != nil || messages != 4_000) || !c.fits && messages != 0 {
				t.Errorf("%d messages, %v", messages, err)
			}
			if !c.fits {
				unavailable(t, err)
			}
		})
	}
}

func TestDemoIsTakenBack(t *testing.T) {
	t.Parallel()
	everything := []string{"people", "conversations", "members", "messages"}
	left := func(t *testing.T, w *chattest.World) (rows int) {
		t.Helper()
		for _, table := range everything {
			rows += chattest.Value[int](t, w, "SELECT count(*) FROM "+table)
		}
		return rows
	}

	for name, at := range map[string]int{"in the middle": 3_000, "at the very end": 8_000} {
		t.Run("where it is interrupted "+name, func(t *testing.T) {
			t.Parallel()
			w := chattest.New(t)
			ctx, interrupt := context.WithCancel(t.Context())
			written := 0
			err := w.Store.InsertDemo(ctx, demoWorld(t, 60, 150, 8_000), "x", func(messages int) {
				if written = messages; messages >= at {
					interrupt()
				}
			})
			if !errors.Is(err, context.Canceled) || written < at || at < 8_000 && written == 8_000 {
				t.Errorf("after %d messages: %v", written, err)
			}
			if n := left(t, w); n != 0 {
				t.Errorf("%d rows are left: %v", n, err)
			}
		})
	}
	t.Run("where it fails, and whoever came meanwhile stays", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		w.Exec(t, `CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no more'; END $$`)
		var once sync.Once
		err := w.Store.InsertDemo(t.Context(), demoWorld(t, 60, 150, 8_000), "x", func(messages int) {
			if messages > 3_000 {
				once.Do(func() {
					w.Person(t, "Anna")
					w.Exec(t, `CREATE TRIGGER fail BEFORE INSERT ON messages EXECUTE FUNCTION fail()`)
				})
			}
		})
		if err == nil || !strings.Contains(err.Error(), "no more") {
			t.Errorf("got %v", err)
		}
		if n := left(t, w); n != 1 || chattest.Value[string](t, w, "SELECT username FROM people") != "anna" {
			t.Errorf("%d rows are left: %v", n, err)
		}
	})
	t.Run("and where that is not possible, it says so", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		world := demoWorld(t, 60, 150, 8_000)
		var once sync.Once
		ctx, interrupt := context.WithCancel(t.Context())
		err := w.Store.InsertDemo(ctx, world, "x", func(int) {
			once.Do(func() {
				anna := w.Person(t, "Anna")
				for p := range world.People() {
					w.Direct(t, anna, chat.Viewer{Person: p})
				}
				interrupt()
			})
		})
		if err == nil || !strings.Contains(err.Error(), "take the demo back") {
			t.Errorf("got %v", err)
		}
	})
}

// TestDemoTransactions holds that no transaction of a demo is long: each writes a bounded number of rows.
func TestDemoTransactions(t *testing.T) {
	t.Parallel()
	l := &copies{}
	w := chattest.New(t, chattest.Database(db.Options{Tracer: l}))
	must(t, w.Store.InsertDemo(t.Context(), demoWorld(t, 2100, 12, 8_000), "x", func(int) {}))
	if l.most > 3_000 || l.rows < 12_000 {
		t.Errorf("%d rows in all, %d at once", l.rows, l.most)
	}
}

// copies counts the rows that are copied.
type copies struct {
	listener
	rows, most int64
}

// TraceCopyFromStart implements pgx.CopyFromTracer.
func (c *copies) TraceCopyFromStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceCopyFromStartData) context.Context {
	return ctx
}

// TraceCopyFromEnd implements pgx.CopyFromTracer.
func (c *copies) TraceCopyFromEnd(_ context.Context, _ *pgx.Conn, data pgx.TraceCopyFromEndData) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rows += data.CommandTag.RowsAffected()
	c.most = max(c.most, data.CommandTag.RowsAffected())
}
