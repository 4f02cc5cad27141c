package db

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"parley/chat"
)

// directKey is the same for both ends of a pair.
func directKey(a, b chat.ID) string {
	keys := []string{a.String(), b.String()}
	slices.Sort(keys)
	return strings.Join(keys, ":")
}

// EnsureDirect implements chat.Store. It must run in a transaction: the unique key makes a second one wait until the
// first has committed, members included.
func (s *Store) EnsureDirect(ctx context.Context, id, starter, other chat.ID) (chat.ID, []chat.ID, error) {
	found, news, err := s.openDirect(ctx, starter, other)
	if err == nil || chat.KindOf(err) != chat.KindNotFound {
		return found, news, err
	}
	made, err := s.exec(ctx, `
		INSERT INTO conversations (id, kind, direct_key, created_by)
		SELECT $1, 'direct', $2, $3 FROM people WHERE id = $4 AND state = 'active' AND NOT `+apart("$3", "$4")+`
		ON CONFLICT (direct_key) DO NOTHING`, id, directKey(starter, other), starter, other)
	if err != nil {
		return chat.ID{}, nil, err
	}
	if made == 0 {
		// The other is not there, or somebody else was faster.
		return s.openDirect(ctx, starter, other)
	}
	_, err = s.exec(ctx, `
		INSERT INTO members (conversation_id, person_id, opened_at, request)
		SELECT $1::uuid, p.id, CASE WHEN p.id = $2 THEN now() END, CASE WHEN p.id <> $2 AND NOT `+admits("may_write", "p", "$2")+` THEN 'pending' END
		FROM people p WHERE p.id = ANY(ARRAY[$2, $3]::uuid[]) ORDER BY p.id`, id, starter, other)
	return id, []chat.ID{starter, other}, err
}

// openDirect finds the conversation of two people and, where nobody has written in it yet, notes that one of them has
// opened it, and decides anew whether the other is asked. Errors: not_found.
func (s *Store) openDirect(ctx context.Context, starter, other chat.ID) (id chat.ID, news []chat.ID, err error) {
	var found struct {
		ID    chat.ID `db:"id"`
		Empty bool    `db:"empty"`
		Fresh bool    `db:"fresh"`
		Asked bool    `db:"asked"`
	}
	err = s.get(ctx, &found, `
		SELECT c.id, c.msg_seq = 0 AS empty, c.msg_seq = 0 AND m.opened_at IS NULL AS fresh, m.request IS NOT NULL AS asked
		FROM conversations c JOIN members m ON m.conversation_id = c.id AND m.person_id = $2
		WHERE c.direct_key = $1`, directKey(starter, other), starter)
	if err == nil && found.Asked { // whoever begins it wants it
		if _, err = s.exec(ctx, `
			WITH `+bothMembers("c.id = $1")+`
			UPDATE members m SET request = NULL, opened_at = coalesce(m.opened_at, now()) FROM locked
			WHERE m.conversation_id = locked.conversation_id AND m.person_id = locked.person_id AND m.person_id = $2`,
			found.ID, starter); err != nil {
			return found.ID, nil, err
		}
		return found.ID, []chat.ID{starter, other}, s.UpdateClosed(ctx, starter, other)
	}
	if err == nil && found.Empty { // whom the other admits may have changed
		err = s.decideRequest(ctx, other, found.ID)
	}
	if err != nil || !found.Fresh {
		return found.ID, nil, err
	}
	n, err := s.exec(ctx, `
		UPDATE members SET opened_at = now() WHERE conversation_id = $1 AND person_id = $2 AND opened_at IS NULL`,
		found.ID, starter)
	if n == 1 {
		news = []chat.ID{starter}
	}
	return found.ID, news, err
}

type memberRow struct {
	Role         string        `db:"role"`
	PastFrom     int64s        `db:"past_from_seq"`
	PastUntil    int64s        `db:"past_until_change"`
	Muted        bool          `db:"muted"`
	FromSeq      int64         `db:"from_seq"`
	UntilChange  sql.NullInt64 `db:"until_change"`
	UnreadFrom   int64         `db:"unread_from"`
	DeliveredSeq int64         `db:"delivered_seq"`
	ReadSeq      int64         `db:"read_seq"`
	UnreadMarks  int64         `db:"unread_marks"`
	Closed       bool          `db:"closed"`
	Draft        string        `db:"draft"`
	Blocks       idList        `db:"blocks"`
	BlockedBy    idList        `db:"blocked_by"`
	Request      string        `db:"request"`
}

var memberColumns = `m.role, coalesce(m.request, '') AS request, m.past_from_seq, m.past_until_change,
	coalesce(m.muted_until > now(), false) AS muted, m.from_seq, m.until_change, m.unread_from, m.delivered_seq, m.read_seq, m.unread_marks,
	m.closed OR m.request IS NULL AND ` + askedIn("m.conversation_id") + ` IS TRUE
		AND (SELECT ` + saidEnough("asking") + ` FROM conversations asking WHERE asking.id = m.conversation_id) AS closed,
	coalesce((SELECT d.body FROM drafts d
		WHERE d.person_id = m.person_id AND d.conversation_id = m.conversation_id AND m.until_change IS NULL), '') AS draft, ` + memberBlocks

func (r memberRow) member(person, conversation chat.ID) chat.Member {
	member := chat.Member{
		ConversationID: conversation, PersonID: person, Role: chat.MemberRole(r.Role), Muted: r.Muted, FromSeq: r.FromSeq, UnreadFrom: r.UnreadFrom,
		DeliveredSeq: r.DeliveredSeq, ReadSeq: r.ReadSeq, UnreadMarks: r.UnreadMarks, Closed: r.Closed, Draft: r.Draft,
		Blocks: r.Blocks, BlockedBy: r.BlockedBy, Request: chat.RequestState(r.Request),
	}
	if r.UntilChange.Valid {
		member.UntilChange = &r.UntilChange.Int64
	}
	for i, from := range r.PastFrom {
		member.Past = append(member.Past, chat.Stay{FromSeq: from, UntilChange: r.PastUntil[i]})
	}
	return member
}

// int64s is an array of numbers as the driver hands it over: {1,2}.
type int64s []int64

// Scan implements [sql.Scanner].
func (a *int64s) Scan(from any) error {
	text, ok := from.(string)
	if !ok || len(text) < 2 {
		return fmt.Errorf("%v is no array of numbers", from)
	}
	*a = nil
	if text == "{}" {
		return nil
	}
	for number := range strings.SplitSeq(text[1:len(text)-1], ",") {
		n, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			return err
		}
		*a = append(*a, n)
	}
	return nil
}

// idList is an array of ids as the driver hands it over: {a,b}.
type idList []chat.ID

// Scan implements [sql.Scanner].
func (a *idList) Scan(from any) error {
	text, ok := from.(string)
	if !ok || len(text) < 2 {
		return fmt.Errorf("%v is no array of ids", from)
	}
	*a = nil
	if text == "{}" {
		return nil
	}
	for each := range strings.SplitSeq(text[1:len(text)-1], ",") {
		id, err := uuid.Parse(each)
		if err != nil {
			return err
		}
		*a = append(*a, id)
	}
	return nil
}

// Member implements chat.Store.
func (s *Store) Member(ctx context.Context, person, conversation chat.ID) (chat.Member, error) {
	var row memberRow
	err := s.get(ctx, &row, `
		SELECT `+memberColumns+` FROM members m WHERE m.conversation_id = $1 AND m.person_id = $2`, conversation, person)
	return row.member(person, conversation), err
}

// nameOfMember is a group's name as the member m knows it: for somebody who left, what it was then.
const nameOfMember = `coalesce(CASE WHEN m.until_change IS NULL THEN c.name ELSE coalesce(m.left_name, c.name) END, '')`

// otherMember is, in a direct conversation, the one who is not the member m; m themselves in a note to oneself.
const otherMember = `
	LEFT JOIN LATERAL (
		SELECT o.id, o.username, o.display_name, o.card_seq
		FROM members om JOIN people o ON o.id = om.person_id
		WHERE c.kind = 'direct' AND om.conversation_id = c.id
		ORDER BY om.person_id = m.person_id LIMIT 1
	) other ON true`

const otherColumns = `other.id AS other_id, other.username AS other_username, other.display_name AS other_display_name,
	other.card_seq AS other_card_seq`

type otherRow struct {
	OtherID          *chat.ID `db:"other_id"`
	OtherUsername    *string  `db:"other_username"`
	OtherDisplayName *string  `db:"other_display_name"`
	OtherCardSeq     *int64   `db:"other_card_seq"`
}

func (r otherRow) card() chat.Card {
	if r.OtherID == nil {
		return chat.Card{}
	}
	return chat.Card{
		ID: *r.OtherID, Username: *r.OtherUsername, DisplayName: *r.OtherDisplayName, Seq: *r.OtherCardSeq,
	}
}

type pageRow struct {
	memberRow
	otherRow
	LeftSeq     sql.NullInt64 `db:"left_seq"`
	PastLeft    int64s        `db:"past_left_seq"`
	Kind        string        `db:"kind"`
	Name        string        `db:"name"`
	MsgSeq      int64         `db:"msg_seq"`
	ChangeSeq   int64         `db:"change_seq"`
	Epoch       string        `db:"epoch"`
	ViewSeq     int64         `db:"view_seq"`
	Unread      int           `db:"unread"`
	Now         int64         `db:"now"`
	Description string        `db:"description"`
	WhoAdds     string        `db:"who_adds"`
	WhoWrites   string        `db:"who_writes"`
	History     string        `db:"history"`
	MemberCount int           `db:"member_count"`
	Receipts    bool          `db:"receipts"` // the viewer sees some
	Large       bool          `db:"large"`
	Delivered   int           `db:"receipt_delivered"`
	Read        int           `db:"receipt_read"`
	Of          int           `db:"receipt_of"`
	pageMessage
}

// The part of a page's statement that picks messages: one more than the page holds, and one from its other side, which
// tell whether there is more. $1 is the viewer, $2 the conversation, $3 the length of the page.
//
// Somebody may have been in a conversation several times. Each stay is looked up by itself, so that what happened in
// between is not even read. Within one, a message is seen as long as it has not changed since it ended.
const (
	stays = `stays AS MATERIALIZED (
			SELECT from_seq AS after, coalesce(left_seq, until_change, msg_seq) AS upto, until_change AS until FROM head
			UNION ALL
			SELECT t.* FROM head, unnest(past_from_seq, past_left_seq, past_until_change) AS t
		)`
	visible = `x.conversation_id = $2 AND x.seq > s.after AND x.seq <= s.upto AND (s.until IS NULL OR x.change_seq <= s.until)`
	middle  = `(SELECT seq FROM messages WHERE id = $4 AND conversation_id = $2)`
)

// Where in a conversation a page begins.
var (
	placeEnd    = pick("true", "DESC", "$3 + 1")
	placeBefore = pick("x.seq < $4", "DESC", "$3 + 1") + " UNION ALL " + pick("x.seq >= $4", "ASC", "1")
	placeAfter  = pick("x.seq <= $4", "DESC", "1") + " UNION ALL " + pick("x.seq > $4", "ASC", "$3 + 1")
	placeAround = pick("x.seq <= "+middle, "DESC", "$3 / 2 + 1") + " UNION ALL " + pick("x.seq > "+middle, "ASC", "$3 / 2 + 1")
)

// pick takes the first messages in a direction, over all stays.
func pick(where, direction, limit string) string {
	return `(SELECT y.* FROM stays s CROSS JOIN LATERAL (
			SELECT * FROM messages x WHERE ` + visible + ` AND ` + where + ` ORDER BY x.seq ` + direction + ` LIMIT ` + limit + `
		) y ORDER BY y.seq ` + direction + ` LIMIT ` + limit + `)`
}

// ConversationPage implements chat.Store. One statement reads counters and messages, so that a page and its cursor
// belong to the same moment.
func (s *Store) ConversationPage(
	ctx context.Context, viewer, id chat.ID, place chat.Place, limit int,
) (chat.ConversationPage, error) {
	chosen, args := placeEnd, []any{viewer, id, limit}
	switch {
	case place.Around != chat.ID{}:
		chosen, args = placeAround, append(args, place.Around)
	case place.Before > 0:
		chosen, args = placeBefore, append(args, place.Before)
	case place.After > 0:
		chosen, args = placeAfter, append(args, place.After)
	}
	var rows []pageRow
	err := s.list(ctx, &rows, `
		WITH head AS MATERIALIZED (
			SELECT c.kind, `+nameOfMember+` AS name, c.description, c.who_adds, c.who_writes, c.history, c.member_count,
				m.left_seq, m.past_left_seq, c.msg_seq, c.change_seq, current_epoch() AS epoch,
				viewer.view_seq, viewer.receipts AND m.until_change IS NULL AS receipts, `+largeGroup+` AS large,
				(extract(epoch FROM now()) * 1000000)::bigint AS now, `+memberColumns+`, `+otherColumns+`, `+unreadCount+`
			FROM members m
			JOIN conversations c ON c.id = m.conversation_id
			JOIN people viewer ON viewer.id = m.person_id
			`+otherMember+`
			WHERE m.person_id = $1 AND m.conversation_id = $2
		), `+stays+`, places AS MATERIALIZED (
			SELECT m.joined_seq AS joined, `+receiptDeliveredIn("head.large")+` AS delivered, `+receiptRead+` AS read, count(*) AS n
			FROM head JOIN members m ON m.conversation_id = $2 AND m.person_id <> $1
			WHERE head.receipts AND `+receiptCountsFor("$1")+`
			GROUP BY 1, 2, 3
		)
		SELECT head.*, `+pageMessageColumns+`, receipt.*
		FROM head
		LEFT JOIN LATERAL (`+chosen+`) msg ON true
		LEFT JOIN people author ON author.id = msg.author_id
		LEFT JOIN LATERAL (
			SELECT coalesce(sum(p.n) FILTER (WHERE p.delivered >= msg.seq), 0)::int AS receipt_delivered,
				coalesce(sum(p.n) FILTER (WHERE p.read >= msg.seq), 0)::int AS receipt_read, coalesce(sum(p.n), 0)::int AS receipt_of
			FROM places p
			WHERE p.joined < msg.seq AND msg.author_id = $1 AND msg.kind = 'text' AND msg.deleted_at IS NULL
		) receipt ON true
		ORDER BY msg.seq`, args...)
	if err != nil {
		return chat.ConversationPage{}, err
	}
	if len(rows) == 0 {
		return chat.ConversationPage{}, chat.NotFound()
	}
	head := rows[0]
	page := chat.ConversationPage{
		Conversation: chat.Conversation{
			ID: id, Kind: chat.ConversationKind(head.Kind), Name: head.Name, MsgSeq: head.MsgSeq, ChangeSeq: head.ChangeSeq,
		},
		Epoch: head.Epoch, ViewSeq: head.ViewSeq, At: time.UnixMicro(head.Now), Other: head.card(), Member: head.member(viewer, id),
		Unread: head.Unread, Around: place.Around,
		Group: chat.GroupSettings{
			Name: head.Name, Description: head.Description, WhoAdds: chat.Who(head.WhoAdds),
			WhoWrites: chat.Who(head.WhoWrites), History: chat.History(head.History),
		},
		Members: head.MemberCount, Receipts: map[int64]chat.Receipt{},
	}
	if until := head.UntilChange; until.Valid { // what came afterwards is not this person's, not even how much it was
		page.MsgSeq, page.ChangeSeq = cmp.Or(head.LeftSeq.Int64, until.Int64), until.Int64
		page.Group, page.Members = chat.GroupSettings{Name: head.Name}, 0
	}
	for _, row := range rows {
		if row.ID != nil {
			page.Messages = append(page.Messages, row.message(id))
			if row.Delivered > 0 {
				page.Receipts[*row.Seq] = chat.Receipt{Delivered: row.Delivered, Read: row.Read, Of: row.Of}
			}
		}
	}
	return page, cutPage(&page, place, limit)
}

// cutPage takes off what was read beyond the page, and says what lies on either side of it.
func cutPage(page *chat.ConversationPage, place chat.Place, limit int) error {
	messages := page.Messages
	switch {
	case place.Around != chat.ID{}:
		middle := slices.IndexFunc(messages, func(m chat.Message) bool { return m.ID == place.Around })
		if middle < 0 {
			return chat.NotFound()
		}
		half := limit / 2
		if page.HasOlder = middle >= half; page.HasOlder {
			messages = messages[middle-half+1:]
			middle = half - 1
		}
		if page.HasNewer = len(messages)-middle-1 > half; page.HasNewer {
			messages = messages[:middle+half+1]
		}
	case place.Before > 0:
		newer := slices.IndexFunc(messages, func(m chat.Message) bool { return m.Seq >= place.Before })
		if page.HasNewer = newer >= 0; page.HasNewer {
			messages = messages[:newer]
		}
		messages, page.HasOlder = newest(messages, limit)
	case place.After > 0:
		if page.HasOlder = len(messages) > 0 && messages[0].Seq <= place.After; page.HasOlder {
			messages = messages[1:]
		}
		if page.HasNewer = len(messages) > limit; page.HasNewer {
			messages = messages[:limit]
		}
	default:
		messages, page.HasOlder = newest(messages, limit)
	}
	page.Messages = messages
	return nil
}

// newest takes off all but the last limit messages, and says whether there were more.
func newest(messages []chat.Message, limit int) ([]chat.Message, bool) {
	more := len(messages) > limit
	return messages[max(0, len(messages)-limit):], more
}

// Heads implements chat.Store.
func (s *Store) Heads(ctx context.Context, conversations []chat.ID) (map[chat.ID]int64, error) {
	var rows []headRow
	err := s.list(ctx, &rows, `SELECT id, change_seq FROM conversations WHERE id = ANY($1)`, conversations)
	return heads(rows), err
}

type headRow struct {
	ID        chat.ID `db:"id"`
	ChangeSeq int64   `db:"change_seq"`
}

func heads(rows []headRow) map[chat.ID]int64 {
	heads := make(map[chat.ID]int64, len(rows))
	for _, row := range rows {
		heads[row.ID] = row.ChangeSeq
	}
	return heads
}

// Active implements chat.Store.
func (s *Store) Active(ctx context.Context, since time.Time) (map[chat.ID]int64, time.Time, error) {
	var now time.Time
	if err := s.get(ctx, &now, `SELECT clock_timestamp()`); err != nil || since.IsZero() {
		return nil, now, err
	}
	var rows []headRow
	err := s.list(ctx, &rows, `
		SELECT c.id, c.change_seq FROM conversations c
		WHERE c.id IN (SELECT conversation_id FROM messages WHERE changed_at > $1)`, since)
	return heads(rows), now, err
}
