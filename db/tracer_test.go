//go:build unix

package db_test

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/chat"
	"parley/chat/chattest"
	"parley/db"
)

// statement is what the store asked the database.
type statement struct {
	sql  string
	args []any
}

// listener hears every statement of a store.
type listener struct {
	mu    sync.Mutex
	heard []statement
}

// TraceQueryStart implements pgx.QueryTracer.
func (l *listener) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.heard = append(l.heard, statement{data.SQL, data.Args})
	return ctx
}

// TraceQueryEnd implements pgx.QueryTracer.
func (l *listener) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// during returns the statements that f asked.
func (l *listener) during(f func()) []statement {
	l.mu.Lock()
	l.heard = nil
	l.mu.Unlock()
	f()
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.heard
}

func TestNumberOfStatements(t *testing.T) {
	t.Parallel()
	l := &listener{}
	w := chattest.New(t, chattest.Database(db.Options{Tracer: l}))
	ctx := t.Context()
	anna, ben := w.Person(t, "Anna"), w.Person(t, "Ben")
	id := w.Direct(t, anna, ben)
	for range 60 {
		w.Say(t, ben, id, "x")
	}
	first := w.Say(t, anna, id, "x")
	sent := chat.Draft{Body: "again", ClientID: chat.NewID()}

	for name, c := range map[string]struct {
		want int
		do   func() error
	}{
		"a page": {1, func() error { _, err := w.Chat.OpenConversation(ctx, anna, id, chat.Place{}); return err }},
		"a page around a message": {1, func() error {
			_, err := w.Chat.OpenConversation(ctx, anna, id, chat.Place{Around: first.ID})
			return err
		}},
		"a list":               {1, func() error { _, err := w.Chat.List(ctx, anna, nil); return err }},
		"lists":                {1, func() error { _, err := w.Chat.Lists(ctx, []chat.ID{anna.ID, ben.ID}); return err }},
		"changes":              {1, func() error { _, err := w.Chat.ChangesSince(ctx, id, 0, 200); return err }},
		"changes for somebody": {1, func() error { _, _, err := w.Chat.ChangesFor(ctx, anna, id, 0, 200); return err }},
		"rows": {1, func() error {
			_, err := w.Chat.RowsOf(ctx, []chat.ID{id}, []chat.ID{anna.ID, ben.ID}, []chat.ID{anna.ID})
			return err
		}},
		"totals": {1, func() error { _, err := w.Chat.ListTotals(ctx, []chat.ID{anna.ID, ben.ID}); return err }},
		"positions": {1, func() error {
			return w.Chat.SavePositions(ctx, []chat.Position{{PersonID: anna.ID, ConversationID: id, Read: 1}})
		}},
		"who stands behind a session": {1, func() error { _, err := w.Chat.Viewer(ctx, anna.SessionID); return err }},
		"what people see of each other": {1, func() error {
			_, err := w.Chat.Sights(ctx, []chat.Pair{{Viewer: anna.ID, Person: ben.ID}, {Viewer: ben.ID, Person: anna.ID}})
			return err
		}},
		"what is stored of their presence": {1, func() error { _, err := w.Chat.PresenceFacts(ctx, []chat.ID{anna.ID, ben.ID}); return err }},
		"when they were last there": {1, func() error {
			return w.Chat.NoteSeen(ctx, map[chat.ID]time.Duration{anna.ID: time.Second, ben.ID: time.Minute})
		}},
		"who sees that somebody writes": {1, func() error { _, err := w.Chat.Writing(ctx, anna.ID, id); return err }},
		"a page of people":              {1, func() error { _, err := w.Chat.SearchPeople(ctx, anna, "ben", ""); return err }},
		"a send":                        {1, func() error { _, err := w.Chat.SendMessage(ctx, anna, id, sent); return err }},
	} {
		t.Run(name, func(t *testing.T) {
			heard := l.during(func() { must(t, c.do()) })
			if len(heard) != c.want {
				t.Errorf("%d statements: %v", len(heard), heard)
			}
			for _, s := range heard {
				if strings.TrimSpace(strings.ToLower(s.sql)) == "begin" {
					t.Error("a transaction")
				}
			}
		})
	}
	if heard := l.during(func() { value[chat.Message](t)(w.Chat.SendMessage(ctx, anna, id, sent)) }); len(heard) != 2 {
		t.Errorf("a repeated send, the lookup behind it: %d statements", len(heard))
	}
}

// node is a step of a plan, as EXPLAIN (ANALYZE, FORMAT JSON) tells it.
type node struct {
	Type    string  `json:"Node Type"`
	Table   string  `json:"Relation Name"`
	Index   string  `json:"Index Name"`
	Rows    float64 `json:"Actual Rows"`
	Loops   float64 `json:"Actual Loops"`
	Skipped float64 `json:"Rows Removed by Filter"`
	Plans   []node  `json:"Plans"`
}

// String is the plan in a few lines.
func (n node) String() string {
	s := strings.TrimSpace(fmt.Sprintf("%s %s %s", n.Type, n.Table, n.Index)) + fmt.Sprintf(": %v rows, %v skipped, %v times", n.Rows, n.Skipped, n.Loops)
	for _, below := range n.Plans {
		s += "\n\t" + strings.ReplaceAll(below.String(), "\n", "\n\t")
	}
	return s
}

// plan is what a statement did.
type plan struct {
	took  time.Duration
	read  map[string]int // rows that were looked at, by table
	scans []string       // tables that were read from end to end
}

func (p *plan) add(n node) {
	if n.Table != "" {
		p.read[n.Table] += int((n.Rows + n.Skipped) * n.Loops)
	}
	if n.Type == "Seq Scan" && n.Loops > 0 {
		p.scans = append(p.scans, n.Table)
	}
	for _, below := range n.Plans {
		p.add(below)
	}
}

// explain runs a statement again, in a transaction that is rolled back, and says what it did. mode is a
// plan_cache_mode: the plan for these arguments, or the one for any that a busy connection may settle on.
func explain(t *testing.T, w *chattest.World, s statement, mode string) (plan, node) {
	t.Helper()
	ctx := t.Context()
	conn := w.DB.Conn() // not the pool's: what is prepared stays
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	tx := value[pgx.Tx](t)(conn.Begin(ctx))
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }()
	exec := func(sql string) {
		t.Helper()
		if _, err := tx.Exec(ctx, sql, pgx.QueryExecModeSimpleProtocol); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	exec("SET LOCAL plan_cache_mode = " + mode)
	exec("PREPARE s AS " + s.sql)
	var args []string
	for _, arg := range s.args {
		if _, option := arg.(pgx.QueryResultFormatsByOID); !option {
			args = append(args, literal(t, arg))
		}
	}
	execute := "EXECUTE s"
	if len(args) > 0 {
		execute += "(" + strings.Join(args, ", ") + ")"
	}
	var text string
	must(t, tx.QueryRow(ctx, "EXPLAIN (ANALYZE, FORMAT JSON) "+execute, pgx.QueryExecModeSimpleProtocol).Scan(&text))
	var plans []struct {
		Plan node
		Time float64 `json:"Execution Time"`
	}
	must(t, json.Unmarshal([]byte(text), &plans))
	p := plan{took: time.Duration(plans[0].Time * float64(time.Millisecond)), read: map[string]int{}}
	p.add(plans[0].Plan)
	return p, plans[0].Plan
}

// literal writes an argument into a statement.
func literal(t *testing.T, arg any) string {
	t.Helper()
	quote := func(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
	list := func(n int, item func(i int) string) string {
		items := make([]string, n)
		for i := range items {
			items[i] = item(i)
		}
		return quote("{" + strings.Join(items, ",") + "}")
	}
	switch v := arg.(type) {
	case nil:
		return "NULL"
	case []chat.ID:
		return list(len(v), func(i int) string { return v[i].String() })
	case []int64:
		return list(len(v), func(i int) string { return fmt.Sprint(v[i]) })
	case []byte:
		return quote(fmt.Sprintf(`\x%x`, v))
	case time.Time:
		return quote(v.Format(time.RFC3339Nano))
	case string, chat.ID, int64, int, float64, bool:
		return quote(fmt.Sprint(v))
	}
	switch v := reflect.ValueOf(arg); {
	case v.Kind() == reflect.Pointer && v.IsNil():
		return "NULL"
	case v.Kind() == reflect.Pointer:
		return literal(t, v.Elem().Interface())
	case v.Kind() == reflect.String: // one of the domain's words
		return quote(v.String())
	}
	t.Fatalf("an argument of type %T", arg)
	return ""
}
