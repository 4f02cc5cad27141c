//go:build unix

package db_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/chat"
	"parley/chat/chattest"
	"parley/db"
)

// crowd fills a database: 3,000 people; 22,000 conversations, 2,000 of them somebody's (hub's), who has pinned 50 and archived
// 499, 249 of which have come back; a group of 51 with 50,000 messages, which somebody (gone) left after 1,000 and somebody
// (back) too, to come back 40,000 later; a group (huge) of 2,000, which somebody (past) left before most of it was said; 5,000
// links; a conversation in which somebody (bot) has written 50,000 messages that nobody read, itself neither; 50
// messages in each of the others of the hub, half of them by itself, the last 20 unread by it.
type crowd struct {
	*chattest.World
	hub, bot, gone, back, past chat.Viewer
	big, heavy, huge           chat.ID
	all                        []chat.ID
}

func newCrowd(t *testing.T, l *listener) *crowd {
	t.Helper()
	c := &crowd{World: chattest.New(t, chattest.Database(db.Options{Tracer: l}))}
	before := time.Now()
	// A superuser may leave out what takes most of the time: comparing rows with those they refer to, and adding them to
	// indexes one by one.
	admin := value[*pgx.Conn](t)(pgx.Connect(t.Context(), variant(t, c.DB.DSN, func(u *url.URL) { u.User = url.User("postgres") })))
	defer func() { _ = admin.Close(context.WithoutCancel(t.Context())) }()
	fill := func(sql string, args ...any) {
		t.Helper()
		started := time.Now()
		if _, err := admin.Exec(t.Context(), sql, args...); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
		t.Logf("%v %.50s", time.Since(started).Round(time.Millisecond), strings.TrimSpace(sql))
	}
	fill("SET session_replication_role = replica")
	fill("UPDATE pg_index SET indisready = false, indisvalid = false WHERE indrelid = 'messages'::regclass")
	c.hub, c.bot, c.gone = c.Person(t, "Hub Hubertsson"), c.Person(t, "Bot"), c.Person(t, "Gone")
	c.back, c.past = c.Person(t, "Back"), c.Person(t, "Past")
	fill(`
		INSERT INTO people (id, username, display_name, password_hash, email, email_confirmed_at)
		SELECT md5('p' || n)::uuid, 'user' || n, initcap(substr(md5('a' || n), 1, 8)) || ' ' || initcap(substr(md5('b' || n), 1, 8)), 'x',
			'user' || n || '@example.org', now()
		FROM generate_series(1, 2998) n`)
	fill(`
		INSERT INTO sessions (id, person_id, address, user_agent, expires_at)
		SELECT md5('s' || id)::uuid, id, '', '', now() + interval '1 year' FROM people`)
	fill("UPDATE people SET email_wanted = 'wanted@example.org' WHERE email IS NOT NULL")
	fill(`
		INSERT INTO email_confirmations (person_id, token_hash, email, expires_at)
		SELECT id, sha256(id::text::bytea), email_wanted, now() + interval '1 day' FROM people WHERE email_wanted IS NOT NULL`)
	fill(`
		INSERT INTO password_resets (token_hash, person_id, expires_at)
		SELECT sha256(id::text::bytea), id, now() + interval '1 hour' FROM people`)
	fill(`
		INSERT INTO conversations (id, kind, name, created_by, created_at, last_activity_at, msg_seq, change_seq)
		SELECT md5('c' || n)::uuid, 'group', 'Group ' || n, $1, now(), now() - n * interval '1 hour',
			CASE WHEN n <= 2 THEN 50000 ELSE 50 END, CASE WHEN n <= 2 THEN 50000 ELSE 50 END
		FROM generate_series(1, 2000) n`, c.hub.ID)
	fill(`
		INSERT INTO conversations (id, kind, name, created_by, last_activity_at, msg_seq, change_seq)
		SELECT md5('e' || n)::uuid, 'group', 'Else ' || n, md5('p' || 1 + n % 2998)::uuid, now() - interval '1 year', 1, 1
		FROM generate_series(1, 20000) n`)
	fill(`
		INSERT INTO members (conversation_id, person_id, unread_from)
		SELECT md5('c' || n)::uuid, $1::uuid, CASE n WHEN 1 THEN 49000 WHEN 2 THEN 50000 ELSE 30 END FROM generate_series(1, 2000) n
		UNION ALL SELECT md5('c2')::uuid, $2, 0
		UNION ALL SELECT md5('c1')::uuid, $3, 0
		UNION ALL SELECT md5('c' || n)::uuid, md5('p' || n)::uuid, 50 FROM generate_series(3, 2000) n
		UNION ALL SELECT md5('c1')::uuid, md5('p' || n)::uuid, 49990 FROM generate_series(1, 49) n
		UNION ALL SELECT md5('e' || n)::uuid, md5('p' || 1 + n % 2998)::uuid, 0 FROM generate_series(1, 20000) n`, c.hub.ID, c.bot.ID, c.gone.ID)
	fill("UPDATE members SET until_change = 1000, unread_from = 990 WHERE person_id = $1", c.gone.ID)
	fill(`
		INSERT INTO members (conversation_id, person_id, unread_from, from_seq, from_change, past_from_seq, past_left_seq, past_until_change)
		VALUES (md5('c1')::uuid, $1, 41000, 41000, 41000, '{0}', '{1000}', '{1000}')`, c.back.ID)
	fill(`
		UPDATE members SET pinned_at = CASE WHEN n % 40 = 0 THEN now() END,
			archived_seq = CASE WHEN n % 8 = 1 AND n > 2 THEN 40 WHEN n % 8 = 5 THEN 50 END
		FROM generate_series(1, 2000) n WHERE conversation_id = md5('c' || n)::uuid AND person_id = $1`, c.hub.ID)
	c.huge = chat.NewID()
	fill(`
		INSERT INTO conversations (id, kind, name, created_by, last_activity_at, msg_seq, change_seq)
		VALUES ($1, 'group', 'Huge', $2, now() - interval '2 years', 5000, 5000)`, c.huge, c.bot.ID)
	fill(`
		INSERT INTO members (conversation_id, person_id, role, unread_from)
		SELECT $1::uuid, md5('p' || n)::uuid, CASE n WHEN 7 THEN 'owner' WHEN 8 THEN 'administrator' ELSE 'member' END, 4990 FROM generate_series(1, 1999) n
		UNION ALL SELECT $1::uuid, $2::uuid, 'owner', 5000`, c.huge, c.bot.ID)
	fill(`
		INSERT INTO members (conversation_id, person_id, until_change, left_seq, left_at, unread_from)
		VALUES ($1, $2, 1000, 1000, now(), 1000)`, c.huge, c.past.ID)
	fill("UPDATE members SET quiet_until = now() - interval '1 day' WHERE conversation_id = $1", c.huge)
	fill("UPDATE conversations c SET member_count = (SELECT count(*) FROM members m WHERE m.conversation_id = c.id AND m.until_change IS NULL)")
	fill(`
		INSERT INTO group_links (id, token_hash, conversation_id, created_by, revoked_at)
		SELECT gen_random_uuid(), decode(md5('l' || n), 'hex'), md5('c' || 1 + n % 2000)::uuid, $1::uuid, CASE WHEN n % 4 > 0 THEN now() END
		FROM generate_series(1, 5000) n
		UNION ALL SELECT gen_random_uuid(), decode(md5('h' || n), 'hex'), $2::uuid, $1::uuid, CASE WHEN n > 20 THEN now() END FROM generate_series(1, 100) n`,
		c.bot.ID, c.huge)
	fill(`
		INSERT INTO messages (id, conversation_id, seq, change_seq, author_id, body, client_id, request_hash, created_at, changed_at)
		SELECT gen_random_uuid(), conversation, seq, seq, author, 'Message ' || seq, gen_random_uuid(), '\x01', now() - interval '1 day', now() - interval '1 day'
		FROM (
			SELECT md5('c1')::uuid AS conversation, seq, md5('p' || 1 + seq % 49)::uuid AS author FROM generate_series(1, 50000) seq
			UNION ALL SELECT md5('c2')::uuid, seq, $2 FROM generate_series(1, 50000) seq
			UNION ALL SELECT md5('c' || n)::uuid, seq, CASE WHEN seq % 2 = 0 THEN $1 ELSE md5('p' || n)::uuid END
				FROM generate_series(3, 2000) n, generate_series(1, 50) seq
			UNION ALL SELECT $3::uuid, seq, md5('p' || 1 + seq % 1999)::uuid FROM generate_series(1, 5000) seq
		) m`, c.hub.ID, c.bot.ID, c.huge)
	fill(`
		INSERT INTO invitations (id, token_hash, note, created_by, uses)
		SELECT md5('i' || n)::uuid, sha256(n::text::bytea), 'Note', CASE WHEN n % 500 = 0 THEN $2::uuid ELSE $1 END, 1 FROM generate_series(1, 3000) n`, c.hub.ID, c.gone.ID)
	fill(`
		UPDATE people SET created_at = now() - interval '1 day' * (abs(hashtext(username)) % 1000), invitation_id = md5('i' || 1 + abs(hashtext(username)) % 3000)::uuid,
			role = CASE WHEN abs(hashtext(username)) % 300 = 7 THEN 'moderator' ELSE role END,
			state = CASE WHEN abs(hashtext(username)) % 300 = 8 THEN 'suspended' ELSE state END,
			shows_presence = 'shared', shows_last_seen = 'shared'
		WHERE username LIKE 'user%'`)
	fill(`
		INSERT INTO audit (seq, at, actor_id, action, target_id, address, before, after, hash)
		SELECT n, now(), $1, 'log_out', md5('p' || 1 + n % 2998)::uuid, '', '{}', '{}', '' FROM generate_series(1, 5000) n`, c.hub.ID)
	fill("UPDATE audit_head SET seq = 5000")
	fill("INSERT INTO seen (person_id, at) SELECT id, now() - interval '2 minutes' FROM people WHERE username LIKE 'user%'")
	fill("REINDEX TABLE messages")
	fill("VACUUM ANALYZE")
	rows, err := c.DB.Pool().Query(t.Context(), "SELECT id FROM conversations WHERE created_by = $1 ORDER BY last_activity_at DESC", c.hub.ID)
	must(t, err)
	for rows.Next() {
		var id chat.ID
		must(t, rows.Scan(&id))
		c.all = append(c.all, id)
	}
	must(t, rows.Err())
	c.big, c.heavy = c.all[0], c.all[1]
	c.Direct(t, c.bot, c.hub)
	t.Logf("%d messages in %v", chattest.Value[int](t, c.World, "SELECT count(*) FROM messages"), time.Since(before).Round(time.Millisecond))
	return c
}

// TestPlans runs each statement that pages and feeds live on, over a large database, and looks at what it read.
func TestPlans(t *testing.T) {
	t.Parallel()
	l := &listener{}
	c := newCrowd(t, l)
	ctx := t.Context()
	var middle chat.ID
	must(t, c.DB.Pool().QueryRow(ctx, "SELECT id FROM messages WHERE conversation_id = $1 AND seq = 25000", c.big).Scan(&middle))
	var clientID, author chat.ID
	must(t, c.DB.Pool().QueryRow(ctx, "SELECT client_id, author_id FROM messages WHERE id = $1", middle).Scan(&clientID, &author))
	var someone []chat.ID
	for _, row := range value[chat.PeoplePage](t)(c.Store.SearchPeople(ctx, chat.ID{}, "", "", false, 100)).People {
		someone = append(someone, row.ID)
	}
	thousand := chattest.Value[[]chat.ID](t, c.World, "SELECT array_agg(id) FROM (SELECT id FROM people ORDER BY sort_name, id LIMIT 1000) p")
	deep := value[chat.PeoplePage](t)(c.Store.SearchPeople(ctx, chat.ID{}, "", "", false, 2900)).Next
	list := value[chat.ListPage](t)(c.Store.List(ctx, c.hub.ID, false, nil, 100))
	now := time.Now()
	mailed := value[chat.Person](t)(c.Store.PersonByLogin(ctx, "user7@example.org"))
	wanting := value[chat.Person](t)(c.Store.PersonByLogin(ctx, "user8")).ID
	must(t, c.Store.Tokens().CommitCtx(ctx, "token", []byte{}, now.Add(time.Hour)))
	var confirming, resetting []byte
	must(t, c.DB.Pool().QueryRow(ctx, "SELECT token_hash FROM email_confirmations WHERE person_id = $1", wanting).Scan(&confirming))
	must(t, c.DB.Pool().QueryRow(ctx, "SELECT token_hash FROM password_resets WHERE person_id = $1", mailed.ID).Scan(&resetting))
	var thousandth, linkID chat.ID
	must(t, c.DB.Pool().QueryRow(ctx, "SELECT id FROM messages WHERE conversation_id = $1 AND seq = 1000", c.big).Scan(&thousandth))
	var link []byte
	must(t, c.DB.Pool().QueryRow(ctx, "SELECT id, token_hash FROM group_links WHERE conversation_id = $1 AND revoked_at IS NULL LIMIT 1", c.huge).Scan(&linkID, &link))
	settings := chat.GroupSettings{Name: "Huge", WhoAdds: chat.WhoMembers, WhoWrites: chat.WhoMembers, History: chat.HistoryAll}
	far := value[chat.MembersPage](t)(c.Store.Members(ctx, c.bot.ID, c.huge, "", "", 1500)).Next
	back := func(place chat.Place) func() error {
		return func() error { _, err := c.Store.ConversationPage(ctx, c.back.ID, c.big, place, 50); return err }
	}
	page := func(place chat.Place) func() error {
		return func() error { _, err := c.Store.ConversationPage(ctx, c.hub.ID, c.big, place, 50); return err }
	}
	search := func(q, after string) func() error {
		return func() error { _, err := c.Store.SearchPeople(ctx, c.hub.ID, q, after, false, 20); return err }
	}

	undone := func(f func(tx chat.Store) error) func() error {
		return func() error {
			undo := errors.New("undo")
			if err := c.Store.InTx(ctx, func(tx chat.Store) error { return errors.Join(f(tx), undo) }); !errors.Is(err, undo) || err.Error() != undo.Error() {
				return err
			}
			return nil
		}
	}

	accounts := func(filter chat.AccountFilter, after string) func() error {
		return func() error { _, err := c.Store.Accounts(ctx, filter, after, 50, chat.SessionIdle); return err }
	}
	farAccount := value[chat.AccountPage](t)(c.Store.Accounts(ctx, chat.AccountFilter{}, "", 2900, chat.SessionIdle)).Next
	var invitation, invited chat.ID
	var hash []byte
	must(t, c.DB.Pool().QueryRow(ctx, "SELECT i.id, i.token_hash, p.id FROM people p JOIN invitations i ON i.id = p.invitation_id LIMIT 1").Scan(&invitation, &hash, &invited))

	var writer, newest chat.ID // of the huge group's last message
	must(t, c.DB.Pool().QueryRow(ctx, "SELECT author_id, id FROM messages WHERE conversation_id = $1 AND seq = 5000", c.huge).Scan(&writer, &newest))
	sources := func(conversation chat.ID, people ...chat.ID) func() error {
		return func() error {
			var authors []chat.Authorship
			for _, person := range people {
				authors = append(authors, chat.Authorship{ConversationID: conversation, PersonID: person})
			}
			found, _, err := c.Store.ReceiptSources(ctx, authors)
			if err == nil && len(found) == 0 {
				err = errors.New("nobody asks")
			}
			return err
		}
	}

	// Everybody asks whether they share a conversation with whom they look at, or are looked at by.
	sights := func(viewer chat.ID, people []chat.ID, mirrored bool) func() error {
		return func() error {
			var pairs []chat.Pair
			for _, person := range people {
				pairs = append(pairs, chat.Pair{Viewer: viewer, Person: person})
				if mirrored {
					pairs[len(pairs)-1] = chat.Pair{Viewer: person, Person: viewer}
				}
			}
			found, _, err := c.Store.Sights(ctx, pairs)
			if err == nil && len(found) == 0 {
				err = errors.New("nobody sees anything")
			}
			return err
		}
	}
	active := chattest.Value[[]chat.ID](t, c.World, "SELECT array_agg(id) FROM (SELECT id FROM people WHERE state = 'active' ORDER BY sort_name, id LIMIT 2000) p")
	ago := map[chat.ID]time.Duration{}
	for _, person := range active {
		ago[person] = time.Second
	}

	// What a statement may read at most, all tables together.
	for name, s := range map[string]struct {
		do    func() error
		bound int
	}{
		"ConversationPage, at the end":                 {page(chat.Place{}), 400},
		"ConversationPage, before":                     {page(chat.Place{Before: 25000}), 400},
		"ConversationPage, before the beginning":       {page(chat.Place{Before: 3}), 400},
		"ConversationPage, after":                      {page(chat.Place{After: 25000}), 400},
		"ConversationPage, after the beginning":        {page(chat.Place{After: 1}), 400},
		"ConversationPage, around":                     {page(chat.Place{Around: middle}), 400},
		"ConversationPage, among one's own alone":      {func() error { _, err := c.Store.ConversationPage(ctx, c.bot.ID, c.heavy, chat.Place{}, 50); return err }, 400},
		"ConversationPage, long after leaving":         {func() error { _, err := c.Store.ConversationPage(ctx, c.gone.ID, c.big, chat.Place{}, 50); return err }, 400},
		"ConversationPage, back after 40,000 messages": {back(chat.Place{}), 500},
		"ConversationPage, over both stays":            {back(chat.Place{Before: 41010}), 500},
		"ConversationPage, before the absence":         {back(chat.Place{After: 990}), 500},
		"ConversationPage, around the end of a stay":   {back(chat.Place{Around: thousandth}), 500},
		"ConversationPage, of a huge group":            {func() error { _, err := c.Store.ConversationPage(ctx, author, c.huge, chat.Place{}, 50); return err }, 500},
		"ConversationPage, of a huge group once left":  {func() error { _, err := c.Store.ConversationPage(ctx, c.past.ID, c.huge, chat.Place{}, 50); return err }, 500},
		"List of who left a huge group":                {func() error { _, err := c.Store.List(ctx, c.past.ID, false, nil, 100); return err }, 20},
		"ListTotals of who left a huge group":          {func() error { _, err := c.Store.ListTotals(ctx, []chat.ID{c.past.ID}); return err }, 20},
		"Archive of 2,000 conversations":               {func() error { _, err := c.Store.List(ctx, c.hub.ID, true, nil, 100); return err }, 11_000},
		"Details of a huge group":                      {func() error { _, err := c.Store.Details(ctx, c.bot.ID, c.huge); return err }, 3},
		"Members of a huge group":                      {func() error { _, err := c.Store.Members(ctx, c.bot.ID, c.huge, "", "", 50); return err }, 400},
		"Members of a huge group, from far":            {func() error { _, err := c.Store.Members(ctx, c.bot.ID, c.huge, "", far, 50); return err }, 400},
		"Members of a huge group, by name":             {func() error { _, err := c.Store.Members(ctx, c.bot.ID, c.huge, "abc", "", 50); return err }, 4500},
		"Members of a small group":                     {func() error { _, err := c.Store.Members(ctx, c.hub.ID, c.big, "", "", 50); return err }, 120},
		"LockGroup":                                    {undone(func(tx chat.Store) error { _, err := tx.LockGroup(ctx, c.huge, append(someone, c.bot.ID)); return err }), 220},
		"UpsertMembers": {undone(func(tx chat.Store) error {
			return tx.UpsertMembers(ctx, c.huge, c.hub.ID, []chat.ID{c.hub.ID, c.gone.ID, c.past.ID})
		}), 20},
		"EndMembership":    {undone(func(tx chat.Store) error { return tx.EndMembership(ctx, c.huge, author, true) }), 5},
		"CountOwners":      {func() error { _, err := c.Store.CountOwners(ctx, c.huge, author); return err }, 5},
		"UpdateMemberRole": {undone(func(tx chat.Store) error { return tx.UpdateMemberRole(ctx, c.huge, author, chat.MemberOwner) }), 3},
		"UpdateGroup":      {undone(func(tx chat.Store) error { return tx.UpdateGroup(ctx, c.huge, settings) }), 3},
		"InsertEvent": {undone(func(tx chat.Store) error {
			return tx.InsertEvent(ctx, c.huge, c.bot.ID, someone, chat.GroupEvent{Code: chat.EventAdded, Members: 2000})
		}), 5},
		"InsertGroupLink": {undone(func(tx chat.Store) error {
			return tx.InsertGroupLink(ctx, chat.NewID(), c.huge, c.bot.ID, []byte("x"), time.Hour, 1, 1000)
		}), 120},
		"GroupLinks":      {func() error { _, err := c.Store.GroupLinks(ctx, c.huge); return err }, 130},
		"GroupByLink":     {func() error { _, err := c.Store.GroupByLink(ctx, author, link); return err }, 4},
		"UseGroupLink":    {undone(func(tx chat.Store) error { return tx.UseGroupLink(ctx, c.hub.ID, link) }), 3},
		"RevokeGroupLink": {undone(func(tx chat.Store) error { return tx.RevokeGroupLink(ctx, c.huge, linkID) }), 3},
		"UpdateChoices": {undone(func(tx chat.Store) error {
			_, err := tx.UpdateChoices(ctx, author, c.huge, chat.NewChoices{QuietUntil: &now, Pinned: new(true), Archived: new(true), Notify: new(chat.NotifyAll)})
			return err
		}), 4},
		"QuietEnded":                    {func() error { _, err := c.Store.QuietEnded(ctx, now.Add(-2*time.Second), now); return err }, 5},
		"Member":                        {func() error { _, err := c.Store.Member(ctx, c.hub.ID, c.big); return err }, 1},
		"ChangesSince, near the head":   {func() error { _, err := c.Store.ChangesSince(ctx, c.big, 49990, 200); return err }, 40},
		"ChangesSince, from far":        {func() error { _, err := c.Store.ChangesSince(ctx, c.big, 10000, 200); return err }, 500},
		"ChangesSince, of a huge group": {func() error { _, err := c.Store.ChangesSince(ctx, c.huge, 4990, 200); return err }, 40},
		"ChangesFor, near the head":     {func() error { _, _, err := c.Store.ChangesFor(ctx, c.hub.ID, c.big, 49990, 200); return err }, 40},
		"ChangesFor, who is gone":       {func() error { _, _, err := c.Store.ChangesFor(ctx, c.gone.ID, c.big, 10, 200); return err }, 10},
		"MessageByClientID":             {func() error { _, _, err := c.Store.MessageByClientID(ctx, author, clientID); return err }, 2},
		"InsertMessage":                 {undone(func(tx chat.Store) error { _, err := tx.InsertMessage(ctx, draft(c.hub, c.big)); return err }), 10},
		"UpdatePositions": {func() error {
			_, _, err := c.Store.UpdatePositions(ctx, []chat.Position{{PersonID: c.hub.ID, ConversationID: c.big, Read: 49001}})
			return err
		}, 10},
		"UpdateUnreadFrom":                         {undone(func(tx chat.Store) error { _, err := tx.UpdateUnreadFrom(ctx, c.hub.ID, c.big, 49000); return err }), 3},
		"Moved":                                    {func() error { _, err := c.Store.Moved(ctx, now.Add(-8*time.Second)); return err }, 100},
		"ReceiptSources of a huge group":           {sources(c.huge, writer, c.bot.ID), 4100 + chat.ReceiptWindow},
		"ReceiptSources of an ordinary one":        {sources(c.all[5], c.hub.ID), 20},
		"ReceiptSources of a group of 51":          {sources(c.big, c.hub.ID, c.back.ID, author), 200 + chat.ReceiptWindow},
		"ReceiptMarks":                             {func() error { _, err := c.Store.ReceiptMarks(ctx, c.all[100:200]); return err }, 600},
		"MembershipsAmong":                         {func() error { _, err := c.Store.MembershipsAmong(ctx, author, c.all[:100]); return err }, 150},
		"Receivers in a huge group":                {func() error { _, err := c.Store.Receivers(ctx, writer, c.huge, newest, "", 50); return err }, 4100},
		"ConversationPage, by one who wrote":       {func() error { _, err := c.Store.ConversationPage(ctx, writer, c.huge, chat.Place{}, 50); return err }, 2600},
		"List of 2,000 conversations":              {func() error { _, err := c.Store.List(ctx, c.hub.ID, false, nil, 100); return err }, 10_000},
		"List of 2,000 conversations, second page": {func() error { _, err := c.Store.List(ctx, c.hub.ID, false, &list.Rows[99], 100); return err }, 10_000},
		"Lists of three people, one with 2,000": {func() error {
			_, err := c.Store.Lists(ctx, []chat.ID{c.hub.ID, c.bot.ID, author}, 100)
			return err
		}, 11_000},
		"RowsOf a group, for a thousand": {func() error { _, err := c.Store.RowsOf(ctx, []chat.ID{c.big}, thousand, nil); return err }, 2000},
		"RowsOf a group, for three": {func() error {
			_, err := c.Store.RowsOf(ctx, []chat.ID{c.big}, []chat.ID{c.hub.ID, c.bot.ID}, []chat.ID{c.gone.ID})
			return err
		}, 250},
		"RowsOf a huge group, for three": {func() error {
			_, err := c.Store.RowsOf(ctx, []chat.ID{c.huge}, []chat.ID{author, c.hub.ID}, []chat.ID{c.past.ID})
			return err
		}, 40},
		"RowsOf a huge group, for a hundred":       {func() error { _, err := c.Store.RowsOf(ctx, []chat.ID{c.huge}, someone, nil); return err }, 2000},
		"RowsOf a huge group, for a thousand":      {func() error { _, err := c.Store.RowsOf(ctx, []chat.ID{c.huge}, thousand, nil); return err }, 20_000},
		"RowsOf ten conversations":                 {func() error { _, err := c.Store.RowsOf(ctx, c.all[100:110], []chat.ID{c.hub.ID}, nil); return err }, 500},
		"RowsOf ten conversations, for a thousand": {func() error { _, err := c.Store.RowsOf(ctx, c.all[100:110], thousand, nil); return err }, 1000},
		"RowsOf one's own messages alone": {func() error {
			_, err := c.Store.RowsOf(ctx, []chat.ID{c.heavy}, []chat.ID{c.bot.ID, c.hub.ID}, nil)
			return err
		}, 200},
		"ListTotals of 100 people":               {func() error { _, err := c.Store.ListTotals(ctx, someone); return err }, 8000},
		"ListTotals of one's own messages alone": {func() error { _, err := c.Store.ListTotals(ctx, []chat.ID{c.bot.ID}); return err }, 100},
		"ListTotals over 2,000 conversations":    {func() error { _, err := c.Store.ListTotals(ctx, []chat.ID{c.hub.ID}); return err }, 8000},
		"Heads":                                  {func() error { _, err := c.Store.Heads(ctx, c.all[:100]); return err }, 100},
		"ViewSeqs":                               {func() error { _, err := c.Store.ViewSeqs(ctx, someone); return err }, 100},
		"RaiseViewSeq":                           {func() error { _, err := c.Store.RaiseViewSeq(ctx, someone[:10]...); return err }, 30},
		"Active":                                 {func() error { _, _, err := c.Store.Active(ctx, now.Add(-10*time.Second)); return err }, 10_000},
		"PersonByLogin, by username":             {func() error { _, err := c.Store.PersonByLogin(ctx, "user1234"); return err }, 1},
		"PersonByLogin, by address":              {func() error { _, err := c.Store.PersonByLogin(ctx, "user1234@example.org"); return err }, 1},
		"PersonByID":                             {func() error { _, err := c.Store.PersonByID(ctx, author); return err }, 1},
		"InsertLetter": {undone(func(tx chat.Store) error {
			return tx.InsertLetter(ctx, chat.Letter{Kind: chat.LetterReset, Login: "x"})
		}), 1},
		"UpdateEmailWanted": {undone(func(tx chat.Store) error { return tx.UpdateEmailWanted(ctx, author, "x@example.org", "") }), 3},
		"DeleteEmail":       {undone(func(tx chat.Store) error { _, err := tx.DeleteEmail(ctx, author, "x"); return err }), 5},
		"ReplaceEmailConfirmation": {undone(func(tx chat.Store) error {
			return tx.ReplaceEmailConfirmation(ctx, wanting, "wanted@example.org", "x", []byte("another"), time.Hour)
		}), 3},
		"PersonByEmailConfirmation": {func() error { _, err := c.Store.PersonByEmailConfirmation(ctx, confirming); return err }, 2},
		"UseEmailConfirmation": {undone(func(tx chat.Store) error {
			_, _, err := tx.UseEmailConfirmation(ctx, confirming)
			return err
		}), 8},
		"InsertPasswordResetByMail": {undone(func(tx chat.Store) error {
			return tx.InsertPasswordResetByMail(ctx, mailed.ID, mailed.Email, []byte("x"), time.Hour)
		}), 3},
		"VoidLinks":         {func() error { return c.Store.VoidLinks(ctx, author) }, 3},
		"UsePasswordReset":  {undone(func(tx chat.Store) error { _, err := tx.UsePasswordReset(ctx, resetting); return err }), 8},
		"ProfileByUsername": {func() error { _, err := c.Store.ProfileByUsername(ctx, c.hub.ID, "user1234"); return err }, 1},
		"ViewerBySession":   {func() error { _, _, err := c.Store.ViewerBySession(ctx, c.hub.SessionID, chat.SessionIdle); return err }, 2},
		"ViewerByToken": {func() error {
			_, _, err := c.Store.ViewerByToken(ctx, c.hub.SessionID, "token", chat.SessionIdle)
			return err
		}, 3},
		"SessionsAlive": {func() error {
			_, err := c.Store.SessionsAlive(ctx, []chat.ID{c.hub.SessionID, c.bot.SessionID}, chat.SessionIdle)
			return err
		}, 4},
		"InsertSession": {undone(func(tx chat.Store) error {
			return tx.InsertSession(ctx, chat.Session{ID: chat.NewID(), PersonID: c.bot.ID}, c.bot.PasswordHash, time.Hour)
		}), 3},
		"RevokeSessionsOf":             {func() error { _, err := c.Store.RevokeSessionsOf(ctx, author, chat.ID{}); return err }, 3},
		"UpsertDraft":                  {undone(func(tx chat.Store) error { return tx.UpsertDraft(ctx, c.hub.ID, c.big, "begun") }), 3},
		"UpsertDraft, taking away":     {undone(func(tx chat.Store) error { return tx.UpsertDraft(ctx, c.hub.ID, c.big, "") }), 3},
		"SessionsOf":                   {func() error { _, err := c.Store.SessionsOf(ctx, c.hub.ID, chat.SessionIdle); return err }, 3},
		"CardsIn, of somebody":         {func() error { _, err := c.Store.CardsIn(ctx, c.all[:100], []chat.ID{author}, now); return err }, 300},
		"CardsIn, since a moment":      {func() error { _, err := c.Store.CardsIn(ctx, []chat.ID{c.big}, nil, now.Add(-time.Hour)); return err }, 300},
		"ChangedCards":                 {func() error { _, err := c.Store.ChangedCards(ctx, now.Add(-10*time.Second)); return err }, 10},
		"ConversationsShowing":         {func() error { _, err := c.Store.ConversationsShowing(ctx, c.hub.ID); return err }, 8000},
		"Sights of one, of 200":        {sights(c.hub.ID, active[:200], false), 200 * 60},
		"Sights of one, of 2,000":      {sights(c.hub.ID, active, false), 2000 * 60},
		"Sights of 2,000, of one":      {sights(c.hub.ID, active, true), 2000 * 60},
		"Sights of 2,000 in one group": {sights(author, active, false), 2000 * 60},
		"PresenceFacts":                {func() error { _, err := c.Store.PresenceFacts(ctx, active[:200]); return err }, 400},
		"PresenceFacts of 1,000":       {func() error { _, err := c.Store.PresenceFacts(ctx, active[:1000]); return err }, 2000},
		"UpdateLastSeen":               {undone(func(tx chat.Store) error { return tx.UpdateLastSeen(ctx, ago) }), 12_000},
		"PresenceChoices":              {func() error { _, err := c.Store.PresenceChoices(ctx, c.hub.ID); return err }, 1},
		"UpdatePresenceChoices": {undone(func(tx chat.Store) error {
			_, _, err := tx.UpdatePresenceChoices(ctx, c.hub.ID, chat.PresenceChoices{Presence: "shared", LastSeen: "nobody"})
			return err
		}), 3},
		"UpdateStatus": {undone(func(tx chat.Store) error {
			_, err := tx.UpdateStatus(ctx, c.hub.ID, chat.Status{Busy: true, Text: "x", Until: &now})
			return err
		}), 3},
		"Writing in a group":                   {func() error { _, err := c.Store.Writing(ctx, c.hub.ID, c.big); return err }, 250},
		"Writing in a huge group":              {func() error { _, err := c.Store.Writing(ctx, author, c.huge); return err }, 5},
		"SearchPeople, one letter":             {search("a", ""), 450},
		"SearchPeople, two letters":            {search("ab", ""), 100},
		"SearchPeople, nobody's two":           {search("zz", ""), 10},
		"SearchPeople, a Chinese character":    {search("李", ""), 10},
		"SearchPeople, three letters":          {search("abc", ""), 100},
		"SearchPeople, a username":             {search("user1234", ""), 100},
		"SearchPeople, nobody":                 {search("nobody at all", ""), 10},
		"SearchPeople, everybody":              {search("", ""), 30},
		"SearchPeople, everybody, from far":    {search("", deep), 30},
		"LockAdministrators":                   {undone(func(tx chat.Store) error { _, err := tx.LockAdministrators(ctx, c.bot.ID); return err }), 10},
		"Account":                              {func() error { _, err := c.Store.Account(ctx, invited, chat.SessionIdle); return err }, 10},
		"Accounts, everybody":                  {accounts(chat.AccountFilter{}, ""), 300},
		"Accounts, everybody, from far":        {accounts(chat.AccountFilter{}, farAccount), 300},
		"Accounts, members":                    {accounts(chat.AccountFilter{Role: chat.RoleMember}, farAccount), 300},
		"Accounts, a rare role":                {accounts(chat.AccountFilter{Role: chat.RoleModerator}, ""), 40},
		"Accounts, a rare state":               {accounts(chat.AccountFilter{State: chat.StateSuspended}, ""), 40},
		"Accounts, members of a rare state":    {accounts(chat.AccountFilter{Role: chat.RoleMember, State: chat.StateSuspended}, ""), 40},
		"Accounts, active ones of a rare role": {accounts(chat.AccountFilter{Role: chat.RoleModerator, State: chat.StateActive}, ""), 60},
		"Accounts, none of either":             {accounts(chat.AccountFilter{Role: chat.RoleAdministrator, State: chat.StateClosed}, ""), 20},
		"Accounts, by invitation":              {accounts(chat.AccountFilter{Invitation: invitation}, ""), 60},
		"Accounts, a username":                 {accounts(chat.AccountFilter{Query: "user1234"}, ""), 100},
		"Accounts, a part of an address":       {accounts(chat.AccountFilter{Query: "1234@exam"}, ""), 100},
		"Accounts, two letters":                {accounts(chat.AccountFilter{Query: "hu"}, ""), 400},
		"Accounts, nobody":                     {accounts(chat.AccountFilter{Query: "nobody at all"}, ""), 20},
		"Accounts, a name among members":       {accounts(chat.AccountFilter{Query: "abc", Role: chat.RoleMember}, ""), 200},
		"UpdateRole":                           {undone(func(tx chat.Store) error { _, err := tx.UpdateRole(ctx, c.bot.ID, chat.RoleModerator); return err }), 5},
		"UpdateState":                          {undone(func(tx chat.Store) error { _, err := tx.UpdateState(ctx, c.bot.ID, chat.StateSuspended); return err }), 3},
		"Invitations":                          {func() error { _, err := c.Store.Invitations(ctx, "", 50); return err }, 150},
		"Invitation":                           {func() error { _, err := c.Store.Invitation(ctx, invitation); return err }, 2},
		"UsableInvitation":                     {func() error { _, err := c.Store.UsableInvitation(ctx, hash); return err }, 2},
		"UseInvitation":                        {undone(func(tx chat.Store) error { _, err := tx.UseInvitation(ctx, hash); return err }), 2},
		"RevokeInvitation":                     {undone(func(tx chat.Store) error { _, _, err := tx.RevokeInvitation(ctx, invitation); return err }), 4},
		"RevokeInvitationsOf":                  {undone(func(tx chat.Store) error { _, err := tx.RevokeInvitationsOf(ctx, c.gone.ID); return err }), 20},
		"UpdateInvitation":                     {undone(func(tx chat.Store) error { return tx.UpdateInvitation(ctx, c.bot.ID, invitation) }), 3},
		"Audit":                                {func() error { _, err := c.Store.Audit(ctx, chat.ID{}, 0, 50); return err }, 300},
		"Audit, from far":                      {func() error { _, err := c.Store.Audit(ctx, chat.ID{}, 1000, 50); return err }, 300},
		"Audit, about somebody":                {func() error { _, err := c.Store.Audit(ctx, author, 4000, 50); return err }, 100},
		"AuditAfter":                           {func() error { _, _, err := c.Store.AuditAfter(ctx, 2000, 100); return err }, 300},
		"AppendAudit":                          {undone(func(tx chat.Store) error { return tx.AppendAudit(ctx, chat.AuditEntry{Action: chat.AuditLogOut}) }), 2},
		"EnsureDirect": {undone(func(tx chat.Store) error {
			_, _, err := tx.EnsureDirect(ctx, chat.NewID(), c.hub.ID, c.bot.ID)
			return err
		}), 2},
	} {
		heard := l.during(func() { must(t, s.do()) })
		for i, statement := range heard {
			if len(statement.args) <= 1 && !strings.Contains(statement.sql, "$1") {
				continue // begin, commit, the clock
			}
			for _, mode := range []string{"force_custom_plan", "force_generic_plan"} {
				if name == "Active" && mode == "force_generic_plan" {
					continue // for any moment at all it reads all there is; so PostgreSQL never settles on that plan
				}
				did, tree := explain(t, c.World, statement, mode)
				read := 0
				for _, rows := range did.read {
					read += rows
				}
				t.Logf("%-42s %d %-18s %8v %6d rows", name, i+1, mode, did.took.Round(10*time.Microsecond), read)
				for _, table := range []string{"messages", "members", "conversations", "people", "sessions", "invitations", "audit", "email_confirmations", "password_resets", "group_links"} {
					if slices.Contains(did.scans, table) {
						t.Errorf("%s (%s) reads all %s:\n%s", name, mode, table, tree)
					}
				}
				if read > s.bound {
					t.Errorf("%s (%s) reads %d rows, %v:\n%s", name, mode, read, did.read, tree)
				}
			}
		}
	}
	if t.Failed() {
		return
	}

	t.Run("what is counted behind so many messages is right", func(t *testing.T) {
		everybody := chattest.Value[[]chat.ID](t, c.World, "SELECT array_agg(id) FROM people")
		rows := value[[]chat.ListRow](t)(c.Store.RowsOf(ctx, []chat.ID{c.heavy, c.big, c.all[5]}, everybody, nil))
		for _, row := range rows {
			want := map[chat.ID]int{c.heavy: 0, c.big: 10, c.all[5]: 0}[row.ConversationID]
			switch {
			case (row.PersonID == c.hub.ID || row.PersonID == c.back.ID) && row.ConversationID == c.big:
				want = 100
			case row.PersonID == c.hub.ID && row.ConversationID == c.all[5]:
				want = 10
			}
			// Of the last ten messages of 49 people nobody has written two.
			if row.ConversationID == c.big && want == 10 && row.Unread == 9 {
				want = 9
			}
			if row.Unread != want {
				t.Errorf("%s: %d instead of %d", row.Name, row.Unread, want)
			}
		}
		if len(rows) != 2+51+2 {
			t.Errorf("%d rows", len(rows))
		}
		if page := value[chat.ListPage](t)(c.Store.List(ctx, c.hub.ID, false, nil, 100)); page.UnreadTotal != 1999-250 || page.Archived != 250 || len(page.Rows) != 100 {
			t.Errorf("%d unread, %d rows", page.UnreadTotal, len(page.Rows))
		}
		lists := value[map[chat.ID]chat.ListPage](t)(c.Store.Lists(ctx, []chat.ID{c.bot.ID, c.hub.ID, author}, 100))
		for _, person := range []chat.ID{c.hub.ID, c.bot.ID, author} {
			if alone := value[chat.ListPage](t)(c.Store.List(ctx, person, false, nil, 100)); !reflect.DeepEqual(lists[person], alone) {
				t.Errorf("together %+v, alone %+v", lists[person], alone)
			}
		}
		if totals := value[map[chat.ID]chat.ListTotals](t)(c.Store.ListTotals(ctx, []chat.ID{c.hub.ID, c.bot.ID})); totals[c.hub.ID].Unread != 1999-250 || totals[c.bot.ID].Unread != 0 {
			t.Errorf("got %v", totals)
		}
	})
}

// TestHotConversation sends into one conversation and asks PostgreSQL how its row was updated.
func TestHotConversation(t *testing.T) {
	t.Parallel()
	const sends = 1000
	w := chattest.New(t)
	people := []chat.Viewer{w.Person(t, ""), w.Person(t, ""), w.Person(t, ""), w.Person(t, "")}
	id := w.Group(t, "", people...)
	for _, err := range together(len(people), func(i int) error {
		for range sends / len(people) {
			if _, err := w.Store.InsertMessage(t.Context(), draft(people[i], id)); err != nil {
				return err
			}
		}
		return nil
	}) {
		must(t, err)
	}
	w.Store.Close() // its connections hand in their figures as they end
	w.Await(t, sends, "SELECT n_tup_upd FROM pg_stat_user_tables WHERE relname = 'conversations'")
	hot := chattest.Value[int](t, w, "SELECT n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'conversations'")
	pages := chattest.Value[int](t, w, "SELECT (pg_relation_size('conversations') / 8192)::int")
	t.Logf("%d of %d updates were heap-only; %d pages", hot, sends, pages)
	if hot < sends*95/100 || pages > 40 {
		t.Errorf("%d of %d updates were heap-only; %d pages", hot, sends, pages)
	}
	for column := range map[string]bool{"msg_seq": true, "change_seq": true, "last_activity_at": true} {
		if n := chattest.Value[int](t, w, fmt.Sprintf(`
			SELECT count(*) FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attname = '%s'
			WHERE i.indrelid = 'conversations'::regclass AND pg_get_indexdef(i.indexrelid) LIKE '%%' || a.attname || '%%'`, column)); n != 0 {
			t.Errorf("an index holds %s", column)
		}
	}
}
