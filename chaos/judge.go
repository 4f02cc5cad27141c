//go:build linux

package main

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/chaos/history"
	"parley/chaos/page"
)

// look gathers what the database holds and what everybody sees in the end. Nobody may be writing any more.
func (w *world) look(ctx context.Context) (e history.Evidence, err error) {
	finals, err := w.settledFinals(ctx)
	if err != nil {
		return e, err
	}
	lists, err := w.lists(ctx)
	if err != nil {
		return e, err
	}
	e = w.rec.Evidence()
	e.Finals, e.Lists, e.Hiding = finals, lists, []string{w.hiding().id}
	if e.Heads, err = w.heads(ctx); err != nil {
		return e, err
	}
	rows, err := w.database.Query(ctx, `
		SELECT id::text, conversation_id::text, author_id::text, client_id::text, seq, change_seq, kind = 'text' FROM messages`)
	if err != nil {
		return e, err
	}
	var row history.Row
	_, err = pgx.ForEachRow(rows, []any{&row.ID, &row.Conversation, &row.Author, &row.Client, &row.Seq, &row.Change, &row.Person}, func() error {
		e.Rows = append(e.Rows, row)
		return nil
	})
	if err != nil {
		return e, err
	}
	e.Stays, err = w.stays(ctx)
	return e, err
}

func (w *world) stays(ctx context.Context) (stays []history.Stay, err error) {
	rows, err := w.database.Query(ctx, `
		SELECT person_id::text, conversation_id::text, from_seq, until_change FROM members
		UNION ALL
		SELECT person_id::text, conversation_id::text, past.* FROM members, unnest(past_from_seq, past_until_change) past`)
	if err != nil {
		return nil, err
	}
	var person, conversation string
	var from int64
	var until *int64
	_, err = pgx.ForEachRow(rows, []any{&person, &conversation, &from, &until}, func() error {
		stays = append(stays, history.Stay{Person: person, Conversation: conversation, From: from, Until: until})
		return nil
	})
	return stays, err
}

// settledFinals are finals once what moves by itself has come to rest: how far messages have come is said once a second.
// Reading all of it takes as long as it takes, minutes after a long run; only the rest is waited for.
func (w *world) settledFinals(ctx context.Context) (finals []history.Final, err error) {
	for began := time.Now(); ; sleep(ctx, 500*time.Millisecond) {
		late := time.Since(began) > listPatience
		if finals, err = w.finals(ctx); err != nil {
			return nil, err
		}
		if late || len(history.Judge(history.Evidence{Finals: finals})) == 0 {
			return finals, nil // what is wrong about them is the check's to say
		}
	}
}

// finals lets everybody read every conversation to its beginning, in the tab they have open and in one fetched now.
func (w *world) finals(ctx context.Context) (finals []history.Final, err error) {
	stays, err := w.stays(ctx)
	if err != nil {
		return nil, err
	}
	seen := map[[2]string]bool{}
	for _, stay := range stays {
		seat := [2]string{stay.Person, stay.Conversation}
		if seen[seat] {
			continue
		}
		seen[seat] = true
		if g := w.guest(stay.Person); g != nil && g.conversation == stay.Conversation {
			f, err := g.final(ctx)
			if err != nil {
				return nil, err
			}
			finals = append(finals, f)
			continue
		}
		p := w.byID(stay.Person)
		if p == nil {
			continue
		}
		f := history.Final{Person: stay.Person, Conversation: stay.Conversation}
		if t := p.tab(stay.Conversation); t != nil {
			if err := t.scrollUp(ctx); err != nil {
				return nil, err
			}
			f.Applied = t.messages()
		}
		if f.Fetched, err = p.whole(ctx, stay.Conversation); err != nil {
			return nil, err
		}
		finals = append(finals, f)
	}
	return finals, nil
}

func (w *world) byID(id string) *person {
	for _, p := range w.people {
		if p.id == id {
			return p
		}
	}
	return nil
}

// listPatience is how long lists may take to become what a fetched one is: positions are written once a second, and a lost
// hint is found by a sweep within two more.
const listPatience = 10 * time.Second

// lists compares the list of every tab with one fetched now, and its numbers with the database.
func (w *world) lists(ctx context.Context) (lists []history.List, err error) {
	err = until(ctx, listPatience, func(ctx context.Context) error {
		lists = nil
		for _, p := range w.people {
			a, err := p.get(ctx, "/conversations", true)
			if err != nil {
				return err
			}
			fetched := page.New(nil)
			fetched.ShowList(a.content.Rows)
			unread, err := w.unread(ctx, p.id)
			if err != nil {
				return err
			}
			p.mu.Lock()
			tabs := maps.Clone(p.tabs)
			p.mu.Unlock()
			for _, t := range tabs {
				l := history.List{Person: p.id, Tab: t.name, Fetched: fetched.Rows, FetchedTotal: a.content.Total, Unread: unread}
				l.Applied, l.AppliedTotal = t.rows()
				lists = append(lists, l)
			}
		}
		if wrong := history.Judge(history.Evidence{Lists: lists}); len(wrong) > 0 {
			return fmt.Errorf("%v", wrong[0])
		}
		return nil
	})
	if lists != nil {
		return lists, nil // what is wrong about them is the check's to say
	}
	return lists, err
}

// unread counts by itself what is unread in the conversations that a person is in.
func (w *world) unread(ctx context.Context, person string) (map[string]int, error) {
	rows, err := w.database.Query(ctx, `
		SELECT m.conversation_id::text, (SELECT count(*) FROM messages x
			WHERE x.conversation_id = m.conversation_id AND x.seq > m.unread_from AND x.seq > m.from_seq
				AND x.author_id <> m.person_id AND x.kind = 'text' AND x.deleted_at IS NULL
				AND NOT EXISTS (SELECT FROM blocks WHERE blocker_id = m.person_id AND blocked_id = x.author_id))
		FROM members m WHERE m.person_id = $1 AND m.until_change IS NULL`, person)
	if err != nil {
		return nil, err
	}
	unread := map[string]int{}
	var id string
	var n int
	_, err = pgx.ForEachRow(rows, []any{&id, &n}, func() error {
		unread[id] = n
		return nil
	})
	return unread, err
}
