package db

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"parley/chat"
)

// InsertGroup implements chat.Store. It must run in a transaction.
func (s *Store) InsertGroup(ctx context.Context, id, owner chat.ID, g chat.GroupSettings, people []chat.ID) error {
	everybody := append(slices.Clone(people), owner)
	_, err := s.exec(ctx, `
		INSERT INTO conversations (id, kind, name, description, who_adds, who_writes, history, created_by)
		VALUES ($1, 'group', $2, $3, $4, $5, $6, $7)`, id, g.Name, g.Description, g.WhoAdds, g.WhoWrites, g.History, owner)
	if err != nil {
		return err
	}
	made, err := s.exec(ctx, `
		INSERT INTO members (conversation_id, person_id, role, unread_from, delivered_seq, read_seq)
		SELECT $1, id, CASE WHEN id = $2 THEN 'owner' ELSE 'member' END, 1, 1, 1 FROM people
		WHERE id = ANY($3) AND state = 'active' AND NOT `+apart("$2", "people.id")+`
			AND `+admits("may_add", "people", "$2")+` ORDER BY id`, id, owner, everybody)
	if err != nil {
		return err
	}
	if int(made) != len(everybody) {
		return chat.NotFound()
	}
	event := chat.GroupEvent{Code: chat.EventCreated, Text: g.Name, Members: len(everybody)}
	return s.InsertEvent(ctx, id, owner, nil, event)
}

type groupRow struct {
	ID          chat.ID   `db:"id"`
	Name        string    `db:"name"`
	Description string    `db:"description"`
	WhoAdds     string    `db:"who_adds"`
	WhoWrites   string    `db:"who_writes"`
	History     string    `db:"history"`
	MemberCount int       `db:"member_count"`
	CreatedAt   time.Time `db:"created_at"`
}

const groupColumns = `c.id, c.name, c.description, c.who_adds, c.who_writes, c.history, c.member_count, c.created_at`

func (r groupRow) settings() chat.GroupSettings {
	return chat.GroupSettings{
		Name: r.Name, Description: r.Description, WhoAdds: chat.Who(r.WhoAdds), WhoWrites: chat.Who(r.WhoWrites),
		History: chat.History(r.History),
	}
}

// memberOfPerson is the row of each person p in the group $1. The LIMIT makes it a look-up for each of them: the planner
// thinks of a conversation as a handful of people, and would read all there are in it.
const memberOfPerson = `CROSS JOIN LATERAL (
			SELECT *, ctid FROM members WHERE conversation_id = $1 AND person_id = p.id LIMIT 1
		) m`

// removed is the condition of a row m of somebody who was removed and has not been added since.
const removed = `(m.removed AND m.until_change IS NOT NULL)`

// LockGroup implements chat.Store. The order of locks is that of a send: the members' rows, in the order of their ids, then
// the conversation's. Rows that were not there at first may have appeared while the group's row was waited for. They are
// taken only if nobody else holds them, because whoever does may be waiting for the group's row: to write in the group one
// has just come into is enough. Then the answer is that the database is busy, and one comes back.
func (s *Store) LockGroup(ctx context.Context, group chat.ID, people []chat.ID) (chat.LockedGroup, error) {
	var locked []chat.ID
	err := s.list(ctx, &locked, `
		SELECT m.person_id
		FROM (SELECT DISTINCT id FROM unnest($2::uuid[]) id ORDER BY id) p
		CROSS JOIN LATERAL (
			SELECT person_id FROM members WHERE conversation_id = $1 AND person_id = p.id LIMIT 1 FOR NO KEY UPDATE
		) m`, group, people)
	if err != nil {
		return chat.LockedGroup{}, err
	}
	var row struct {
		groupRow
		MsgSeq    int64 `db:"msg_seq"`
		ChangeSeq int64 `db:"change_seq"`
	}
	err = s.get(ctx, &row, `
		SELECT `+groupColumns+`, c.msg_seq, c.change_seq FROM conversations c
		WHERE c.id = $1 AND c.kind = 'group' FOR NO KEY UPDATE`, group)
	if err != nil {
		return chat.LockedGroup{}, err
	}
	var members []struct {
		PersonID chat.ID `db:"person_id"`
		Role     string  `db:"role"`
		Present  bool    `db:"present"`
		Removed  bool    `db:"removed"`
	}
	err = s.list(ctx, &members, `
		SELECT m.person_id, m.role, m.until_change IS NULL AS present, `+removed+` AS removed
		FROM (SELECT DISTINCT id FROM unnest($2::uuid[]) id) p `+memberOfPerson, group, people)
	if err != nil {
		return chat.LockedGroup{}, err
	}
	g := chat.LockedGroup{
		Conversation: chat.Conversation{
			ID: group, Kind: chat.KindGroup, Name: row.Name, MsgSeq: row.MsgSeq, ChangeSeq: row.ChangeSeq,
		},
		GroupSettings: row.settings(), MemberCount: row.MemberCount, Members: map[chat.ID]chat.MemberRole{},
		Removed: map[chat.ID]bool{},
	}
	var late []chat.ID
	for _, m := range members {
		if m.Present {
			g.Members[m.PersonID] = chat.MemberRole(m.Role)
		}
		if m.Removed {
			g.Removed[m.PersonID] = true
		}
		if !slices.Contains(locked, m.PersonID) {
			late = append(late, m.PersonID)
		}
	}
	if len(late) > 0 {
		_, err = s.exec(ctx, `
			SELECT FROM members WHERE conversation_id = $1 AND person_id = ANY($2) FOR NO KEY UPDATE NOWAIT`, group, late)
	}
	return g, err
}

// UpsertMembers implements chat.Store. Who was there before keeps what was seen then, unless everything can be seen now.
func (s *Store) UpsertMembers(ctx context.Context, group, by chat.ID, people []chat.ID) error {
	back, err := s.exec(ctx, `
		UPDATE members m SET
			past_from_seq = CASE c.history WHEN 'all' THEN '{}' ELSE m.past_from_seq || m.from_seq END,
			past_left_seq = CASE c.history WHEN 'all' THEN '{}' ELSE m.past_left_seq || coalesce(m.left_seq, m.until_change) END,
			past_until_change = CASE c.history WHEN 'all' THEN '{}' ELSE m.past_until_change || m.until_change END,
			from_seq = CASE c.history WHEN 'all' THEN 0 ELSE c.msg_seq END,
			from_change = CASE c.history WHEN 'all' THEN 0 ELSE c.change_seq END,
			until_change = NULL, left_at = NULL, left_seq = NULL, left_name = NULL, removed = false, archived_seq = NULL,
			role = 'member', joined_at = now(), unread_from = c.msg_seq, delivered_seq = c.msg_seq, read_seq = c.msg_seq,
			joined_seq = c.msg_seq
		FROM conversations c, people p
		WHERE m.ctid = ANY(ARRAY(
				SELECT m.ctid FROM (SELECT DISTINCT id FROM unnest($2::uuid[]) id) p `+memberOfPerson+`
				WHERE m.until_change IS NOT NULL))
			AND c.id = m.conversation_id AND p.id = m.person_id AND p.state = 'active' AND NOT `+apart("$3", "p.id")+` AND `+admits("may_add", "p", "$3")+`
		`, group, people, by)
	if err != nil {
		return err
	}
	fresh, err := s.exec(ctx, `
		INSERT INTO members (conversation_id, person_id, from_seq, from_change, unread_from, delivered_seq, read_seq, joined_seq)
		SELECT c.id, p.id, CASE c.history WHEN 'all' THEN 0 ELSE c.msg_seq END,
			CASE c.history WHEN 'all' THEN 0 ELSE c.change_seq END, c.msg_seq, c.msg_seq, c.msg_seq, c.msg_seq
		FROM conversations c, people p
		WHERE c.id = $1 AND p.id = ANY($2) AND p.state = 'active' AND NOT `+apart("$3", "p.id")+` AND `+admits("may_add", "p", "$3")+`
			AND (SELECT true FROM members m WHERE m.conversation_id = c.id AND m.person_id = p.id LIMIT 1) IS NULL
		ORDER BY p.id`, group, people, by)
	if err == nil && int(back+fresh) != len(people) {
		return chat.NotFound()
	}
	return err
}

// EndMembership implements chat.Store. What was unread stays unread for nobody.
func (s *Store) EndMembership(ctx context.Context, group, person chat.ID, removed bool) error {
	return s.change(ctx, `
		WITH draft AS (DELETE FROM drafts WHERE conversation_id = $1 AND person_id = $2)
		UPDATE members m SET until_change = c.change_seq, left_at = now(), left_seq = c.msg_seq, left_name = c.name,
			removed = $3, role = 'member', unread_from = c.msg_seq
		FROM conversations c
		WHERE c.id = m.conversation_id AND m.conversation_id = $1 AND m.person_id = $2 AND m.until_change IS NULL`,
		group, person, removed)
}

// CountOwners implements chat.Store.
func (s *Store) CountOwners(ctx context.Context, group, but chat.ID) (int, error) {
	var n int
	err := s.get(ctx, &n, `
		SELECT count(*) FROM members m `+personOfMember+`
		WHERE m.conversation_id = $1 AND m.role <> 'member' AND m.role = 'owner' AND m.until_change IS NULL
			AND m.person_id <> $2 AND p.state = 'active'`, group, but)
	return n, err
}

// UpdateMemberRole implements chat.Store.
func (s *Store) UpdateMemberRole(ctx context.Context, group, person chat.ID, role chat.MemberRole) error {
	return s.change(ctx, `
		UPDATE members SET role = $3 WHERE conversation_id = $1 AND person_id = $2 AND until_change IS NULL`,
		group, person, role)
}

// UpdateGroup implements chat.Store.
func (s *Store) UpdateGroup(ctx context.Context, group chat.ID, g chat.GroupSettings) error {
	return s.change(ctx, `
		UPDATE conversations SET name = $2, description = $3, who_adds = $4, who_writes = $5, history = $6 WHERE id = $1`,
		group, g.Name, g.Description, g.WhoAdds, g.WhoWrites, g.History)
}

// InsertEvent implements chat.Store. It counts the conversation on as a send does, and does not bring it to the top of
// anybody's list.
func (s *Store) InsertEvent(
	ctx context.Context, group, author chat.ID, subjects []chat.ID, event chat.GroupEvent,
) error {
	said, err := json.Marshal(event)
	if err != nil {
		return err
	}
	return s.change(ctx, `
		WITH c AS (
			UPDATE conversations SET msg_seq = msg_seq + 1, change_seq = change_seq + 1, member_count = $6
			WHERE id = $2 RETURNING msg_seq, change_seq
		)
		INSERT INTO messages (
			id, conversation_id, seq, change_seq, author_id, kind, body, client_id, request_hash, created_at, changed_at,
			event, subjects)
		SELECT $1, $2, c.msg_seq, c.change_seq, $3, 'system', '', $1, '', clock_timestamp(), clock_timestamp(), $4, $5
		FROM c`, chat.NewID(), group, author, string(said), subjects, event.Members)
}

// Details implements chat.Store.
func (s *Store) Details(ctx context.Context, viewer, conversation chat.ID) (chat.Details, error) {
	var row struct {
		groupRow
		memberRow
		otherRow
		Kind       string     `db:"kind"`
		Pinned     bool       `db:"pinned"`
		Archived   bool       `db:"archived"`
		QuietUntil *time.Time `db:"quiet_until"`
		Notify     string     `db:"notify"`
		Epoch      string     `db:"epoch"`
		ChangeSeq  int64      `db:"change_seq"`
		ViewSeq    int64      `db:"view_seq"`
		Now        int64      `db:"now"`
	}
	err := s.get(ctx, &row, `
		SELECT c.id, c.kind, `+nameOfMember+` AS name, c.description, c.who_adds, c.who_writes, c.history, c.member_count,
			c.created_at, `+memberColumns+`, `+otherColumns+`, m.pinned_at IS NOT NULL AS pinned, `+archived+` AS archived,
			CASE WHEN `+quiet+` THEN m.quiet_until END AS quiet_until, m.notify, current_epoch() AS epoch,
			coalesce(m.until_change, c.change_seq) AS change_seq, viewer.view_seq,
			(extract(epoch FROM now()) * 1000000)::bigint AS now
		FROM members m JOIN conversations c ON c.id = m.conversation_id JOIN people viewer ON viewer.id = m.person_id `+otherMember+`
		WHERE m.person_id = $1 AND c.id = $2`, viewer, conversation)
	d := chat.Details{
		ID: row.ID, Kind: chat.ConversationKind(row.Kind), Group: row.settings(), MemberCount: row.MemberCount,
		CreatedAt: row.CreatedAt, Other: row.card(), Member: row.member(viewer, conversation), Pinned: row.Pinned,
		Archived: row.Archived, QuietUntil: row.QuietUntil, Notify: chat.Notify(row.Notify),
		Cursor: chat.Cursor{Epoch: row.Epoch, ChangeSeq: row.ChangeSeq, ViewSeq: row.ViewSeq, At: time.UnixMicro(row.Now)},
	}
	if err == nil && !d.Member.Present() {
		d.Group, d.MemberCount = chat.GroupSettings{Name: d.Group.Name}, 0 // the rest may have changed since
	}
	return d, err
}

// GroupMember implements chat.Store.
func (s *Store) GroupMember(ctx context.Context, viewer, group, person chat.ID) (chat.GroupMember, error) {
	var row struct {
		cardRow
		Role     string    `db:"role"`
		JoinedAt time.Time `db:"joined_at"`
	}
	err := s.get(ctx, &row, `
		SELECT p.id, p.username, p.display_name, p.card_seq, m.role, m.joined_at
		FROM members mine
		JOIN conversations c ON c.id = mine.conversation_id AND c.kind = 'group'
		JOIN members m ON m.conversation_id = mine.conversation_id AND m.person_id = $3 AND m.until_change IS NULL
		JOIN people p ON p.id = m.person_id
		WHERE mine.conversation_id = $2 AND mine.person_id = $1 AND mine.until_change IS NULL`, viewer, group, person)
	return chat.GroupMember{Card: row.card(), Role: chat.MemberRole(row.Role), JoinedAt: row.JoinedAt}, err
}

// A line of the list of members, around the aliases m and p; those who look after the group come first.
const (
	memberLine = `p.id, p.username, p.display_name, p.card_seq, m.role, m.joined_at, p.sort_name AS sort,
		CASE m.role WHEN 'owner' THEN 0 WHEN 'administrator' THEN 1 ELSE 2 END AS rank`
	// The LIMIT makes it a look-up for each member's row; the planner may otherwise read all people there are.
	personOfMember = `CROSS JOIN LATERAL (SELECT * FROM people WHERE id = m.person_id LIMIT 1) p`
)

type memberLineRow struct {
	cardRow
	Role     string    `db:"role"`
	JoinedAt time.Time `db:"joined_at"`
	Rank     int       `db:"rank"`
	Sort     string    `db:"sort"`
}

// Members implements chat.Store. The cursor is that of a search for people: the rank is the role's.
func (s *Store) Members(
	ctx context.Context, viewer, group chat.ID, q, after string, limit int,
) (chat.MembersPage, error) {
	var size struct {
		Members int     `db:"members"`
		People  float64 `db:"people"` // about; -1 while nobody has counted
	}
	err := s.get(ctx, &size, `
		SELECT c.member_count AS members, (SELECT reltuples FROM pg_class WHERE oid = 'people'::regclass) AS people
		FROM members m JOIN conversations c ON c.id = m.conversation_id
		WHERE m.conversation_id = $1 AND m.person_id = $2 AND m.until_change IS NULL AND c.kind = 'group'`, group, viewer)
	if err != nil {
		return chat.MembersPage{}, err
	}
	cursor := parseSearchCursor(after)
	var rows []memberLineRow
	if q == "" && size.Members > 100 && size.People > 0 && size.People < membersDense*float64(size.Members) {
		rows, err = s.membersByName(ctx, group, cursor, limit+1)
	}
	if err == nil && len(rows) <= limit {
		rows, err = s.membersOf(ctx, group, q, cursor, limit+1)
	}
	if err != nil {
		return chat.MembersPage{}, err
	}
	var page chat.MembersPage
	for i, row := range rows {
		if i == limit {
			last := rows[limit-1]
			page.Next = searchCursor{Rank: last.Rank, Name: last.Sort, ID: last.ID}.String()
			break
		}
		page.Members = append(page.Members, chat.GroupMember{
			Card: row.card(), Role: chat.MemberRole(row.Role), JoinedAt: row.JoinedAt,
		})
	}
	return page, nil
}

// membersOf reads all members of a group and sorts them.
func (s *Store) membersOf(
	ctx context.Context, group chat.ID, q string, cursor searchCursor, limit int,
) (rows []memberLineRow, err error) {
	err = s.list(ctx, &rows, `
		SELECT * FROM (
			SELECT `+memberLine+`
			FROM (
				SELECT '%' || replace(replace(replace(fold($2), '\', '\\'), '%', '\%'), '_', '\_') || '%' AS pattern OFFSET 0
			) q CROSS JOIN members m `+personOfMember+`
			WHERE m.conversation_id = $1 AND m.until_change IS NULL AND ($2 = '' OR p.search LIKE pattern)
		) found
		WHERE (rank, sort, id) > ($3, $4, $5)
		ORDER BY rank, sort, id LIMIT $6`, group, q, cursor.Rank, cursor.Name, cursor.ID, limit)
	return rows, err
}

// membersDense is how many people there may be for each member of a group that is looked for among all people. A page of 51
// then looks at about 51 times as many of them; reading two thousand members to show fifty looks at more.
const membersDense = 16

// membersByName goes through the people by name, which an index does, and picks the group's members, until the page is
// full. It gives up after 1,500 people: fewer rows than were asked for say nothing about how many there are.
func (s *Store) membersByName(
	ctx context.Context, group chat.ID, cursor searchCursor, limit int,
) (rows []memberLineRow, err error) {
	from := cursor
	if cursor.Rank < 2 { // among those who look after the group; the others begin at the beginning
		from = searchCursor{}
	}
	err = s.list(ctx, &rows, `
		SELECT * FROM (
			SELECT `+memberLine+`
			FROM members m `+personOfMember+`
			WHERE m.conversation_id = $1 AND m.until_change IS NULL AND m.role <> 'member'
			UNION ALL (
				SELECT p.id, p.username, p.display_name, p.card_seq, m.role, m.joined_at, p.sort, 2 AS rank
				FROM (
					SELECT *, sort_name AS sort FROM people
					WHERE (sort_name, id) > ($5, $6)
					ORDER BY sort_name, id LIMIT 1500
				) p CROSS JOIN LATERAL (
					SELECT * FROM members
					WHERE conversation_id = $1 AND person_id = p.id AND until_change IS NULL AND role = 'member' LIMIT 1
				) m
				ORDER BY p.sort, p.id LIMIT $7
			)
		) found
		WHERE (rank, sort, id) > ($2, $3, $4)
		ORDER BY rank, sort, id LIMIT $7`, group, cursor.Rank, cursor.Name, cursor.ID, from.Name, from.ID, limit)
	return rows, err
}
