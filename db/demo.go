package db

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"parley/chat"
	"parley/demo"
)

// ErrInhabited refuses a demo where there are people already.
var ErrInhabited = errors.New("there are people in this database already, and a demo is made in an empty one only")

// What one transaction of a demo writes: at most so many messages, and what is together once there are about so many of
// them, or of members. It takes 0.1 s, and so ends within maxTransaction on a machine with much else to do.
const (
	demoPeople   = 250
	demoMessages = 1_000
	demoTogether = 800
)

// demoWriters write at the same time: the database needs most of the time, and one connection of its keeps one core busy.
const demoWriters = 2

// InsertDemo writes a world into a database in which nobody is; everybody gets the same password. It tells progress how
// many messages it has written so far. Where it fails, or ctx ends, it takes back what it has written.
func (s *Store) InsertDemo(
	ctx context.Context, world *demo.World, passwordHash string, progress func(messages int),
) (err error) {
	d := &demoWriter{store: s, progress: progress}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.takeBack(context.WithoutCancel(ctx)))
		}
	}()
	if err := d.writePeople(ctx, world.People(), passwordHash); err != nil {
		return err
	}
	if err := d.writeConversations(ctx, world.Conversations()); err != nil {
		return err
	}
	s.settle(ctx)
	return nil
}

// DemoSession is a session of somebody in a demo, with the token of its cookie.
type DemoSession struct {
	ID, PersonID chat.ID
	TokenHash    string
	Data         []byte // what scs keeps
	ExpiresAt    time.Time
}

// demoSessions is how many are written in one transaction.
const demoSessions = 2_000

// InsertDemoSessions logs people of a demo in.
func (s *Store) InsertDemoSessions(ctx context.Context, sessions []DemoSession) error {
	d := &demoWriter{store: s}
	for batch := range slices.Chunk(sessions, demoSessions) {
		err := d.piece(ctx, func(ctx context.Context, tx pgx.Tx) error {
			err := copyRows(ctx, tx, "sessions", []string{"id", "person_id", "address", "user_agent", "expires_at"}, batch,
				func(n DemoSession) []any { return []any{n.ID, n.PersonID, "127.0.0.1", "", n.ExpiresAt} })
			if err != nil {
				return err
			}
			return copyRows(ctx, tx, "session_tokens", []string{"token_hash", "data", "expires_at"}, batch,
				func(n DemoSession) []any { return []any{n.TokenHash, n.Data, n.ExpiresAt} })
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// settle does what the database's own housekeeping does within minutes: until it knows how much there is, it plans badly,
// and until the ranges of messages_changed are summarised, each sweep reads all of them.
func (s *Store) settle(ctx context.Context) {
	for _, statement := range []string{
		`ANALYZE people`, `ANALYZE conversations`, `ANALYZE members`, `ANALYZE messages`,
		`SELECT brin_summarize_new_values('messages_changed')`,
	} {
		if _, err := s.pool.Exec(ctx, statement); err != nil {
			slog.Warn("left to the database's own housekeeping", "statement", statement, "error", err)
		}
	}
}

// demoWriter writes a demo in pieces.
type demoWriter struct {
	store    *Store
	progress func(messages int)

	// What is written or about to be, for taking it back: nobody knows of a commit whose answer did not come whether it
	// took place.
	people        []chat.ID
	mu            sync.Mutex
	conversations []chat.ID
	messages      int
}

// demoAttempts is how often a transaction is tried that takes too long: one stall of a busy machine would otherwise take
// back the work of minutes.
const demoAttempts = 3

// piece runs one transaction, bounded as all others. The end of ctx lets it finish, so that nothing is under way when the
// demo is taken back.
func (d *demoWriter) piece(ctx context.Context, f func(ctx context.Context, tx pgx.Tx) error) error {
	for attempt := 1; ; attempt++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), maxTransaction)
		err := translate(pgx.BeginFunc(bounded, d.store.pool, func(tx pgx.Tx) error { return f(bounded, tx) }))
		cancel()
		if chat.KindOf(err) != chat.KindUnavailable || attempt == demoAttempts {
			return err
		}
	}
}

func (d *demoWriter) writePeople(ctx context.Context, people iter.Seq[chat.Person], passwordHash string) error {
	for batch := range batches(people, demoPeople) {
		before := len(d.people)
		first := before == 0
		err := d.piece(ctx, func(ctx context.Context, tx pgx.Tx) error {
			if first {
				if err := claim(ctx, tx); err != nil {
					return err
				}
			}
			for _, p := range batch {
				d.people = append(d.people, p.ID)
			}
			n := before
			return copyRows(ctx, tx, "people", []string{
				"id", "username", "display_name", "password_hash", "role", "state", "language", "time_zone", "theme",
				"view_seq", "created_at", "status_busy", "status_emoji", "status_text",
			}, batch, func(p chat.Person) []any {
				status := demo.StatusOf(n)
				n++
				return []any{
					p.ID, p.Username, p.DisplayName, passwordHash, string(p.Role), string(p.State), p.Language, p.TimeZone,
					string(p.Theme), p.ViewSeq, p.CreatedAt, status.Busy, status.Emoji, status.Text,
				}
			})
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// claim makes registrations wait until the first people of the demo are there, and refuses where somebody is.
func claim(ctx context.Context, tx pgx.Tx) error {
	if _, err := tx.Exec(ctx, `SELECT FROM installation FOR UPDATE`); err != nil {
		return err
	}
	var anybody bool
	if err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM people)`).Scan(&anybody); err != nil {
		return err
	}
	if anybody {
		return ErrInhabited
	}
	return nil
}

// writeConversations writes conversations with their members and messages, while it makes the next ones.
func (d *demoWriter) writeConversations(ctx context.Context, conversations iter.Seq[demo.Conversation]) error {
	writers, writing := errgroup.WithContext(ctx)
	loads := make(chan demoLoad)
	for range demoWriters {
		writers.Go(func() error {
			for load := range loads {
				if err := d.write(writing, load); err != nil {
					return err
				}
			}
			return nil
		})
	}
	var load demoLoad
	send := func() bool {
		select {
		case loads <- load:
			load = demoLoad{}
			return true
		case <-writing.Done():
			return false
		}
	}
	for c := range conversations {
		load.conversations, load.members = append(load.conversations, c), append(load.members, c.Members...)
		load.messages = append(load.messages, c.Messages...)
		if max(len(load.messages), len(load.members)) >= demoTogether && !send() {
			break
		}
	}
	send()
	close(loads)
	if err := writers.Wait(); err != nil {
		return err
	}
	return ctx.Err() // at whose end nobody may have been writing
}

// demoLoad is what is written together, in several transactions where there is much of it.
type demoLoad struct {
	conversations []demo.Conversation
	members       []demo.Member
	messages      []demo.Message
}

func (d *demoWriter) write(ctx context.Context, load demoLoad) error {
	d.mu.Lock()
	for _, c := range load.conversations {
		d.conversations = append(d.conversations, c.ID)
	}
	d.mu.Unlock()
	for first := true; first || len(load.messages) > 0; first = false {
		messages := load.messages[:min(len(load.messages), demoMessages)]
		if err := d.piece(ctx, func(ctx context.Context, tx pgx.Tx) error {
			return copyConversations(ctx, tx, load.conversations, load.members, messages)
		}); err != nil {
			return err
		}
		d.written(len(messages))
		load = demoLoad{messages: load.messages[len(messages):]}
	}
	return nil
}

func (d *demoWriter) written(messages int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.messages += messages
	d.progress(d.messages)
}

func copyConversations(
	ctx context.Context, tx pgx.Tx, batch []demo.Conversation, members []demo.Member, messages []demo.Message,
) error {
	if err := copyRows(ctx, tx, "conversations", []string{
		"id", "kind", "name", "direct_key", "msg_seq", "change_seq", "created_by", "created_at", "last_activity_at",
		"description", "history", "member_count",
	}, batch, func(c demo.Conversation) []any {
		var name, key *string
		if c.Kind == chat.KindDirect {
			of := directKey(c.Members[0].PersonID, c.Members[len(c.Members)-1].PersonID)
			key = &of
		} else {
			name = &c.Name
		}
		history := chat.HistoryAll
		if c.OnlyNew {
			history = chat.HistoryJoined
		}
		return []any{
			c.ID, string(c.Kind), name, key, c.MsgSeq, c.ChangeSeq, c.CreatedBy, c.CreatedAt, c.LastActivityAt,
			c.About, string(history), c.MemberCount,
		}
	}); err != nil {
		return err
	}
	if err := copyRows(ctx, tx, "members", []string{
		"conversation_id", "person_id", "role", "from_seq", "from_change", "until_change", "unread_from", "delivered_seq",
		"read_seq", "joined_seq", "unread_marks", "joined_at", "left_at", "left_seq", "left_name", "pinned_at", "archived_seq", "quiet_until",
	}, members, memberValues); err != nil {
		return err
	}
	drafts := slices.DeleteFunc(slices.Clone(members), func(m demo.Member) bool { return m.Draft == "" })
	if err := copyRows(ctx, tx, "drafts", []string{"person_id", "conversation_id", "body"}, drafts,
		func(m demo.Member) []any { return []any{m.PersonID, m.ConversationID, m.Draft} }); err != nil {
		return err
	}
	return copyRows(ctx, tx, "messages", []string{
		"id", "conversation_id", "seq", "change_seq", "author_id", "kind", "body", "client_id", "request_hash", "created_at",
		"changed_at", "edited_at", "deleted_at", "event", "subjects",
	}, messages, func(m demo.Message) []any {
		var subjects []chat.ID
		if m.Event != nil {
			for _, subject := range m.Event.Subjects {
				subjects = append(subjects, subject.ID)
			}
		}
		return []any{
			m.ID, m.ConversationID, m.Seq, m.ChangeSeq, m.Author.ID, string(m.Kind), m.Body, m.ClientID, m.RequestHash,
			m.CreatedAt, m.ChangedAt, m.EditedAt, m.DeletedAt, m.Event, subjects,
		}
	})
}

// memberValues are a member's, in the order of the columns above.
func memberValues(m demo.Member) []any {
	var leftName *string
	var pinned, quiet *time.Time
	var archived *int64
	if m.LeftAt != nil {
		leftName = &m.GroupName
	}
	if m.Pinned {
		pinned = &m.JoinedAt
	}
	if m.Archived {
		archived = &m.EndSeq
	}
	if m.Quiet {
		quiet = &forever
	}
	return []any{
		m.ConversationID, m.PersonID, string(m.Role), m.FromSeq, m.FromChange, m.UntilChange, m.UnreadFrom, m.DeliveredSeq,
		m.ReadSeq, m.JoinedSeq, m.UnreadMarks, m.JoinedAt, m.LeftAt, m.LeftSeq, leftName, pinned, archived, quiet,
	}
}

// forever is how long a demo's quiet lasts.
var forever = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

func copyRows[T any](ctx context.Context, tx pgx.Tx, table string, columns []string, rows []T, row func(T) []any) error {
	if len(rows) == 0 {
		return nil
	}
	_, err := tx.CopyFrom(ctx, pgx.Identifier{table}, columns,
		pgx.CopyFromSlice(len(rows), func(i int) ([]any, error) { return row(rows[i]), nil }))
	if err != nil {
		return fmt.Errorf("copy into %s: %w", table, err)
	}
	return nil
}

// batches cuts a sequence into slices of n, each valid until the next.
func batches[T any](all iter.Seq[T], n int) iter.Seq[[]T] {
	return func(yield func([]T) bool) {
		batch := make([]T, 0, n)
		for one := range all {
			if batch = append(batch, one); len(batch) == n {
				if !yield(batch) {
					return
				}
				batch = batch[:0]
			}
		}
		if len(batch) > 0 {
			yield(batch)
		}
	}
}

// takeBack deletes what was written, and nothing else: whoever registered meanwhile stays.
func (d *demoWriter) takeBack(ctx context.Context) error {
	for ids := range slices.Chunk(d.conversations, demoTogether) {
		for left := int64(1); left > 0; {
			var err error
			if left, err = d.store.exec(ctx, `
				DELETE FROM messages WHERE id IN (SELECT id FROM messages WHERE conversation_id = ANY($1) LIMIT $2)`,
				ids, demoMessages); err != nil {
				return fmt.Errorf("take the demo back: %w", err)
			}
		}
		if _, err := d.store.exec(ctx, `DELETE FROM conversations WHERE id = ANY($1)`, ids); err != nil {
			return fmt.Errorf("take the demo back: %w", err)
		}
	}
	for ids := range slices.Chunk(d.people, demoPeople) {
		if _, err := d.store.exec(ctx, `DELETE FROM people WHERE id = ANY($1)`, ids); err != nil {
			return fmt.Errorf("take the demo back: %w", err)
		}
	}
	return nil
}
