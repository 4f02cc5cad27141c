package db

import (
	"context"
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
	LastAt         *time.Time `db:"last_at"`
	Draft          string     `db:"draft"`
}

func (r listRow) row() chat.ListRow {
	row := chat.ListRow{
		ConversationID: r.ConversationID, PersonID: r.PersonID, Kind: chat.ConversationKind(r.Kind), Name: r.Name,
		Other: r.card(), ActivityAt: r.ActivityAt, ChangeSeq: r.ChangeSeq, Unread: r.Unread, Draft: r.Draft,
	}
	if r.LastAuthorID != nil {
		row.Last = &chat.LastMessage{
			AuthorID: *r.LastAuthorID, AuthorName: *r.LastAuthorName, Kind: chat.MessageKind(*r.LastKind),
			Body: *r.LastBody, Deleted: *r.LastDeleted, At: *r.LastAt,
		}
	}
	return row
}

// A list row, around the aliases m (the member whose list it is) and c.
var listColumns = `c.id AS conversation_id, m.person_id, c.kind, coalesce(c.name, '') AS name, c.last_activity_at,
		c.change_seq, ` + otherColumns + `, ` + unreadCount + `,
		last.author_id AS last_author_id, last.author_name AS last_author_name, last.kind AS last_kind,
		last.body AS last_body, last.deleted AS last_deleted, last.created_at AS last_at,
		coalesce((SELECT left(d.body, 140) FROM drafts d
			WHERE d.person_id = m.person_id AND d.conversation_id = c.id), '') AS draft`

const (
	listJoins = otherMember + `
		LEFT JOIN LATERAL (
			SELECT x.author_id, a.display_name AS author_name, x.kind, x.deleted_at IS NOT NULL AS deleted, x.created_at,
				CASE WHEN x.deleted_at IS NULL THEN left(x.body, 140) ELSE '' END AS body
			FROM messages x JOIN people a ON a.id = x.author_id
			WHERE x.conversation_id = c.id AND x.seq = c.msg_seq AND x.seq > m.from_seq
		) last ON true`
	// The LIMIT makes it a look-up for each member's row. As a plain join the planner, who thinks badly of the unread
	// number beside it, reads every conversation there is instead.
	conversationOfMember = `CROSS JOIN LATERAL (SELECT * FROM conversations WHERE id = m.conversation_id LIMIT 1) c`
	// A conversation that nobody has written in yet stands in the lists of those alone who have opened it.
	listed = `m.until_change IS NULL AND (c.msg_seq > 0 OR c.created_by = m.person_id OR m.opened_at IS NOT NULL)`
)

// listOf is a stretch of the list of one person (PERSON): behind the row of $2 and $3, and one row more than $4 asks for,
// which tells whether there is more. The page is picked before anything is joined to it.
var listOf = `
	WITH mine AS MATERIALIZED (
		SELECT c.id, c.last_activity_at, ` + hasUnread + ` AS unread FROM members m ` + conversationOfMember + `
		WHERE m.person_id = PERSON AND ` + listed + `
	), top AS MATERIALIZED (
		SELECT id FROM mine WHERE $2::timestamptz IS NULL OR (last_activity_at, id) < ($2, $3)
		ORDER BY last_activity_at DESC, id DESC LIMIT $4 + 1
	)
	SELECT (SELECT count(*) FROM mine WHERE unread) AS unread_total, ` + listColumns + `
	FROM top
	JOIN members m ON m.conversation_id = top.id AND m.person_id = PERSON
	` + conversationOfMember + `
	` + listJoins + `
	ORDER BY c.last_activity_at DESC, c.id DESC`

// List implements chat.Store.
func (s *Store) List(ctx context.Context, person chat.ID, before *chat.ListRow, limit int) (chat.ListPage, error) {
	var beforeAt *time.Time
	var beforeID chat.ID
	if before != nil {
		beforeAt, beforeID = &before.ActivityAt, before.ConversationID
	}
	var rows []listRow
	err := s.list(ctx, &rows, strings.ReplaceAll(listOf, "PERSON", "$1"), person, beforeAt, beforeID, limit)
	if err != nil {
		return chat.ListPage{}, err
	}
	if len(rows) == 0 && before != nil { // nothing is left behind the place, but the total is over the whole list
		totals, err := s.UnreadTotals(ctx, []chat.ID{person})
		return chat.ListPage{UnreadTotal: totals[person]}, err
	}
	return listPage(rows, limit), nil
}

// Lists implements chat.Store: for each person the statement of List, all of them in one.
func (s *Store) Lists(ctx context.Context, people []chat.ID, limit int) (map[chat.ID]chat.ListPage, error) {
	var rows []listRow
	err := s.list(ctx, &rows, `
		SELECT l.* FROM unnest($1::uuid[]) AS asked (person)
		CROSS JOIN LATERAL (`+strings.ReplaceAll(listOf, "PERSON", "asked.person")+`) l
		ORDER BY l.person_id, l.last_activity_at DESC, l.conversation_id DESC`, people, nil, chat.ID{}, limit)
	pages := make(map[chat.ID]chat.ListPage, len(people))
	for _, person := range people {
		pages[person] = chat.ListPage{}
	}
	for start, end := 0, 0; start < len(rows); start = end {
		for end < len(rows) && rows[end].PersonID == rows[start].PersonID {
			end++
		}
		pages[rows[start].PersonID] = listPage(rows[start:end], limit)
	}
	return pages, err
}

// listPage makes a page of what listOf found.
func listPage(rows []listRow, limit int) (page chat.ListPage) {
	for i, row := range rows {
		page.UnreadTotal = row.UnreadTotal
		if page.HasMore = i == limit; page.HasMore {
			break
		}
		page.Rows = append(page.Rows, row.row())
	}
	return page
}

// RowsOf implements chat.Store.
func (s *Store) RowsOf(ctx context.Context, conversations []chat.ID) ([]chat.ListRow, error) {
	var rows []listRow
	err := s.list(ctx, &rows, `
		SELECT `+listColumns+`
		FROM members m JOIN conversations c ON c.id = m.conversation_id
		`+listJoins+`
		WHERE m.conversation_id = ANY($1) AND `+listed, conversations)
	list := make([]chat.ListRow, 0, len(rows))
	for _, row := range rows {
		list = append(list, row.row())
	}
	return list, err
}

// UnreadTotals implements chat.Store.
func (s *Store) UnreadTotals(ctx context.Context, people []chat.ID) (map[chat.ID]int, error) {
	var rows []struct {
		PersonID chat.ID `db:"person_id"`
		Total    int     `db:"total"`
	}
	err := s.list(ctx, &rows, `
		SELECT m.person_id, count(*) AS total FROM members m `+conversationOfMember+`
		WHERE m.person_id = ANY($1) AND `+listed+` AND `+hasUnread+`
		GROUP BY m.person_id`, people)
	totals := make(map[chat.ID]int, len(people))
	for _, row := range rows {
		totals[row.PersonID] = row.Total
	}
	return totals, err
}
