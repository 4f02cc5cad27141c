package db

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"parley/chat"
)

type listRow struct {
	otherRow
	ConversationID chat.ID    `db:"conversation_id"`
	PersonID       chat.ID    `db:"person_id"`
	Kind           string     `db:"kind"`
	Name           string     `db:"name"`
	ActivityAt     time.Time  `db:"last_activity_at"`
	ChangeSeq      int64      `db:"change_seq"`
	Unread         int        `db:"unread"`
	UnreadTotal    int        `db:"unread_total"`
	LastAuthorID   *chat.ID   `db:"last_author_id"`
	LastAuthorName *string    `db:"last_author_name"`
	LastKind       *string    `db:"last_kind"`
	LastBody       *string    `db:"last_body"`
	LastDeleted    *bool      `db:"last_deleted"`
	LastConcealed  *bool      `db:"last_concealed"`
	LastAt         *time.Time `db:"last_at"`
	Draft          string     `db:"draft"`
	Waiting        bool       `db:"waiting"`
	Pinned         bool       `db:"pinned"`
	Quiet          bool       `db:"quiet"`
	Archived       bool       `db:"archived"`
	Past           bool       `db:"past"`
	LastEvent      *string    `db:"last_event"`
	LastSubjects   *string    `db:"last_subjects"`
	UnreadMarks    int64      `db:"unread_marks"`
	Undelivered    int64      `db:"undelivered"`
}

func (r listRow) row() chat.ListRow {
	row := chat.ListRow{
		ConversationID: r.ConversationID, PersonID: r.PersonID, Kind: chat.ConversationKind(r.Kind), Name: r.Name,
		Other: r.card(), ActivityAt: r.ActivityAt, ChangeSeq: r.ChangeSeq, Unread: r.Unread, Draft: r.Draft,
		Waiting: r.Waiting, Pinned: r.Pinned, Quiet: r.Quiet, Archived: r.Archived, Past: r.Past, UnreadMarks: r.UnreadMarks,
		Undelivered: r.Undelivered,
	}
	if r.LastAuthorID != nil {
		row.Last = &chat.LastMessage{
			AuthorID: *r.LastAuthorID, AuthorName: *r.LastAuthorName, Kind: chat.MessageKind(*r.LastKind),
			Body: *r.LastBody, Deleted: *r.LastDeleted, Concealed: *r.LastConcealed, At: *r.LastAt,
			Event: eventOf(r.LastEvent, r.LastSubjects),
		}
	}
	return row
}

// A list row, around the aliases m (the member whose list it is) and c. Who left sees the conversation as it was then.
var listColumns = `c.id AS conversation_id, m.person_id, c.kind, ` + nameOfMember + ` AS name,
		` + activity + ` AS last_activity_at, coalesce(m.until_change, c.change_seq) AS change_seq, ` + otherColumns + `,
		` + unreadCount + `, m.pinned_at IS NOT NULL AS pinned, ` + quiet + ` AS quiet, ` + archived + ` AS archived,
		m.until_change IS NOT NULL AS past,
		last.author_id AS last_author_id, last.author_name AS last_author_name, last.kind AS last_kind,
		last.body AS last_body, last.deleted AS last_deleted, last.concealed AS last_concealed, last.created_at AS last_at, last.event AS last_event,
		last.subjects AS last_subjects, m.unread_marks,
		CASE WHEN m.until_change IS NULL AND m.delivered_seq < c.msg_seq AND last.author_id <> m.person_id AND last.kind = 'text'
			AND NOT ` + largeGroup + ` AND (SELECT receipts FROM people WHERE id = m.person_id) THEN c.msg_seq ELSE 0 END AS undelivered,
		coalesce((SELECT left(d.body, 140) FROM drafts d
			WHERE d.person_id = m.person_id AND d.conversation_id = c.id AND m.until_change IS NULL), '') AS draft`

var listJoins = otherMember + `
		LEFT JOIN LATERAL (
			SELECT x.author_id, CASE WHEN hidden.so THEN '' ELSE a.display_name END AS author_name, x.kind,
				x.deleted_at IS NOT NULL AND NOT hidden.so AS deleted, x.created_at,
				CASE WHEN x.deleted_at IS NULL AND NOT hidden.so THEN left(x.body, 140) ELSE '' END AS body, x.event,
				hidden.so AS concealed, ` + subjectsOf("x") + `
			FROM messages x JOIN people a ON a.id = x.author_id
			CROSS JOIN LATERAL (
				SELECT x.kind = 'text' AND EXISTS (
					SELECT FROM blocks WHERE blocker_id = m.person_id AND blocked_id = x.author_id) AS so
			) hidden
			WHERE x.conversation_id = c.id AND x.seq = coalesce(m.left_seq, c.msg_seq) AND x.seq > m.from_seq
				AND (m.until_change IS NULL OR x.change_seq <= m.until_change)
		) last ON true`

const (
	// The LIMIT makes it a look-up for each member's row. As a plain join the planner, who thinks badly of the unread
	// number beside it, reads every conversation there is instead.
	conversationOfMember = `CROSS JOIN LATERAL (SELECT * FROM conversations WHERE id = m.conversation_id LIMIT 1) c`
	// One that waits for an answer, or was declined, stands in no list; a direct conversation that nobody has written in yet
	// in the lists of those alone who have opened it.
	listed = `m.request IS NULL AND (c.kind = 'group' OR c.msg_seq > 0 OR c.created_by = m.person_id OR m.opened_at IS NOT NULL)`
	// Joining brings a group to the top; what happens in one that somebody left does not.
	activity = `coalesce(m.left_at, greatest(c.last_activity_at, m.joined_at))`
	quiet    = `coalesce(m.quiet_until > now(), false)`
)

var (
	// What is archived comes back with the next thing that somebody says whom the member has not blocked, unless it is quiet;
	// that people come and go in a group brings it back no more than it brings it to the top.
	archived = `(m.archived_seq IS NOT NULL AND (
			` + quiet + ` OR coalesce(m.left_seq, c.msg_seq) <= m.archived_seq OR (
				SELECT n.seq FROM messages n
				WHERE n.conversation_id = c.id AND n.seq > m.archived_seq AND n.seq <= coalesce(m.left_seq, c.msg_seq)
					AND n.kind = 'text' AND ` + notBlockedBy("m.person_id", "n.author_id") + `
				ORDER BY n.seq LIMIT 1
			) IS NULL))`
	// What is quiet or out of sight asks for nobody's attention.
	counted = `NOT ` + quiet + ` AND NOT ` + archived
)

// listOf is a stretch of the list of one person (PERSON), or of what that person has archived ($6): behind the row of $2,
// $3 and $5, and one row more than $4 asks for, which tells whether there is more. The page is picked before anything is
// joined to it.
var listOf = `
	WITH mine AS MATERIALIZED (
		SELECT c.id, ` + activity + ` AS activity, m.pinned_at IS NOT NULL AS pinned, ` + archived + ` AS archived,
			` + counted + ` AND ` + hasUnread + ` AS unread
		FROM members m ` + conversationOfMember + `
		WHERE m.person_id = PERSON AND ` + listed + `
	), top AS MATERIALIZED (
		SELECT id FROM mine
		WHERE archived = $6::boolean AND ($2::timestamptz IS NULL OR (pinned, activity, id) < ($5::boolean, $2, $3))
		ORDER BY pinned DESC, activity DESC, id DESC LIMIT $4 + 1
	)
	SELECT (SELECT count(*) FROM mine WHERE unread) AS unread_total,
		(SELECT count(*) FROM mine WHERE archived) AS archived_total,
		(SELECT count(*) FROM members m ` + conversationOfMember + ` WHERE m.person_id = PERSON AND ` + waits + `) AS requests_total,
		` + listColumns + `
	FROM top
	JOIN members m ON m.conversation_id = top.id AND m.person_id = PERSON
	` + conversationOfMember + `
	` + listJoins + `
	ORDER BY m.pinned_at IS NOT NULL DESC, ` + activity + ` DESC, c.id DESC`

// listedRow is a row of a list with the totals of the whole of it.
type listedRow struct {
	listRow
	ArchivedTotal int `db:"archived_total"`
	RequestsTotal int `db:"requests_total"`
}

// List implements chat.Store.
func (s *Store) List(
	ctx context.Context, person chat.ID, away bool, before *chat.ListRow, limit int,
) (chat.ListPage, error) {
	var beforeAt *time.Time
	var beforeID chat.ID
	var beforePinned bool
	if before != nil {
		beforeAt, beforeID, beforePinned = &before.ActivityAt, before.ConversationID, before.Pinned
	}
	var rows []listedRow
	err := s.list(ctx, &rows, strings.ReplaceAll(listOf, "PERSON", "$1"), person, beforeAt, beforeID, limit, beforePinned, away)
	if err != nil {
		return chat.ListPage{}, err
	}
	if len(rows) == 0 { // the totals are over the whole list
		totals, err := s.ListTotals(ctx, []chat.ID{person})
		return bareList(totals[person]), err
	}
	return listPage(rows, limit), nil
}

// Lists implements chat.Store: for each person the statement of List, all of them in one.
func (s *Store) Lists(ctx context.Context, people []chat.ID, limit int) (map[chat.ID]chat.ListPage, error) {
	var rows []listedRow
	err := s.list(ctx, &rows, `
		SELECT l.* FROM unnest($1::uuid[]) AS asked (person)
		CROSS JOIN LATERAL (`+strings.ReplaceAll(listOf, "PERSON", "asked.person")+`) l
		ORDER BY l.person_id, l.pinned DESC, l.last_activity_at DESC, l.conversation_id DESC`,
		people, nil, chat.ID{}, limit, false, false)
	pages := make(map[chat.ID]chat.ListPage, len(people))
	for _, person := range people {
		pages[person] = chat.ListPage{}
	}
	bare := maps.Clone(pages)
	for start, end := 0, 0; start < len(rows); start = end {
		for end < len(rows) && rows[end].PersonID == rows[start].PersonID {
			end++
		}
		pages[rows[start].PersonID] = listPage(rows[start:end], limit)
		delete(bare, rows[start].PersonID)
	}
	if err != nil || len(bare) == 0 {
		return pages, err
	}
	totals, err := s.ListTotals(ctx, slices.Collect(maps.Keys(bare))) // a list without a row may have an archive
	for person, t := range totals {
		pages[person] = bareList(t)
	}
	return pages, err
}

func bareList(t chat.ListTotals) chat.ListPage {
	return chat.ListPage{UnreadTotal: t.Unread, Archived: t.Archived, Requests: t.Requests}
}

// listPage makes a page of what listOf found.
func listPage(rows []listedRow, limit int) (page chat.ListPage) {
	for i, row := range rows {
		page.UnreadTotal, page.Archived, page.Requests = row.UnreadTotal, row.ArchivedTotal, row.RequestsTotal
		if page.HasMore = i == limit; page.HasMore {
			break
		}
		page.Rows = append(page.Rows, row.row())
	}
	return page
}

// RowsOf implements chat.Store. In a conversation of more members than there are people to ask for, each of these is looked
// up; otherwise its members are gone through. What stands behind IS TRUE is kept from the index, which would look up all the
// people in every conversation of two.
func (s *Store) RowsOf(ctx context.Context, conversations, present, others []chat.ID) ([]chat.ListRow, error) {
	var rows []listRow
	err := s.list(ctx, &rows, `
		SELECT `+listColumns+`, (`+waits+`) IS TRUE AS waiting
		FROM unnest($1::uuid[]) AS asked (id)
		CROSS JOIN LATERAL (SELECT * FROM conversations WHERE id = asked.id LIMIT 1) c
		CROSS JOIN LATERAL (
			SELECT m.* FROM unnest($2::uuid[]) AS p (id)
			CROSS JOIN LATERAL (SELECT * FROM members WHERE conversation_id = c.id AND person_id = p.id LIMIT 1) m
			WHERE c.member_count > cardinality($2::uuid[])
			UNION ALL
			SELECT * FROM members
			WHERE conversation_id = c.id AND (person_id = ANY($2)) IS TRUE AND c.member_count <= cardinality($2::uuid[])
		) m
		`+listJoins+`
		WHERE (m.until_change IS NULL OR m.person_id = ANY($3)) AND (`+listed+` OR `+waits+`)`,
		conversations, distinct(present, others), append([]chat.ID{}, others...))
	list := make([]chat.ListRow, 0, len(rows))
	for _, row := range rows {
		list = append(list, row.row())
	}
	return list, err
}

// distinct puts lists together, without doubles.
func distinct(lists ...[]chat.ID) []chat.ID {
	all := slices.Concat(lists...)
	slices.SortFunc(all, func(a, b chat.ID) int { return bytes.Compare(a[:], b[:]) })
	return append([]chat.ID{}, slices.Compact(all)...) // never NULL, which has no length
}

// ListTotals implements chat.Store.
func (s *Store) ListTotals(ctx context.Context, people []chat.ID) (map[chat.ID]chat.ListTotals, error) {
	var rows []struct {
		PersonID chat.ID `db:"person_id"`
		Unread   int     `db:"unread"`
		Archived int     `db:"archived"`
		Requests int     `db:"requests"`
		// Of which conversations, where they are few.
		UnreadOf   *idList `db:"unread_of"`
		ArchivedOf *idList `db:"archived_of"`
	}
	err := s.list(ctx, &rows, `
		WITH mine AS MATERIALIZED (
			SELECT m.person_id, m.conversation_id, `+archived+` AS archived, `+counted+` AND `+hasUnread+` AS unread
			FROM members m `+conversationOfMember+`
			WHERE m.person_id = ANY($1) AND `+listed+`
		)
		SELECT person_id, count(*) FILTER (WHERE unread) AS unread, count(*) FILTER (WHERE archived) AS archived,
			count(*) FILTER (WHERE waiting) AS requests,
			CASE WHEN count(*) <= $2 THEN coalesce(array_agg(conversation_id) FILTER (WHERE unread), '{}') END AS unread_of,
			CASE WHEN count(*) <= $2 THEN coalesce(array_agg(conversation_id) FILTER (WHERE archived), '{}') END AS archived_of
		FROM (
			SELECT person_id, conversation_id, unread, archived, false AS waiting FROM mine WHERE unread OR archived
			UNION ALL SELECT m.person_id, NULL, false, false, true FROM members m `+conversationOfMember+`
			WHERE m.person_id = ANY($1) AND `+waits+`
		) counted
		GROUP BY person_id`, people, chat.MaxCounted)
	totals := make(map[chat.ID]chat.ListTotals, len(people))
	for _, row := range rows {
		t := chat.ListTotals{Unread: row.Unread, Archived: row.Archived, Requests: row.Requests}
		if row.UnreadOf != nil && row.ArchivedOf != nil {
			t.Of = &chat.Counted{Unread: *row.UnreadOf, Archived: *row.ArchivedOf}
		}
		totals[row.PersonID] = t
	}
	return totals, err
}
