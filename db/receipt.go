package db

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"time"

	"parley/chat"
)

// largeGroup says of a conversation c that what has reached its members' devices is not kept.
var largeGroup = `(c.kind = 'group' AND c.member_count > ` + strconv.Itoa(chat.MaxDelivered) + `)`

// What the receipts of a member m are counted from. Whoever has read something has got it, and whoever joined counts for
// what comes behind.
const (
	receiptRead = `greatest(m.read_seq, m.joined_seq)`
	// receiptCounts: in the conversation now, not asked whether it is wanted, and not among the few who show no receipts. Where
	// no new messages are possible there are none, whatever the reason: otherwise they would tell it.
	receiptCounts = `m.until_change IS NULL AND m.request IS NULL AND NOT m.closed AND NOT EXISTS (SELECT FROM people hiding WHERE hiding.id = m.person_id AND NOT hiding.receipts)`
	// hasReceipt: whatever somebody wrote and did not take back.
	hasReceipt = `x.kind = 'text' AND x.deleted_at IS NULL`
)

// receiptCountsFor is receiptCounts for an author: a block parts neither from the other.
func receiptCountsFor(author string) string {
	return receiptCounts + ` AND NOT ` + apart(author, "m.person_id")
}

// receiptDeliveredIn is what has reached the member's devices. In a large group what is left of deliveries from smaller days
// does not count, and neither does what is left from before a person hid when they are there.
func receiptDeliveredIn(large string) string {
	return `CASE WHEN ` + large + ` OR ` + memberHides + ` THEN ` + receiptRead + ` ELSE greatest(m.delivered_seq, m.read_seq, m.joined_seq) END`
}

// memberHides is whether the person of a member m lets nobody see when they are there. Of whoever is invisible what was delivered
// before stays, as of anybody whose last page was closed: if it went away, it would tell.
const memberHides = `(SELECT hiding.shows_presence = 'nobody' FROM people hiding WHERE hiding.id = m.person_id)`

// ReceiptSources implements chat.Store. In a conversation of few the author's messages at which numbers change are looked
// up from the members' places, so that the numbers hold for however long a history; in a large group they are the author's
// among the newest, together no more than those, however many authors ask.
func (s *Store) ReceiptSources(ctx context.Context, authors []chat.Authorship) ([]chat.ReceiptSource, time.Time, error) {
	conversations, people := make([]chat.ID, len(authors)), make([]chat.ID, len(authors))
	for i, a := range authors {
		conversations[i], people[i] = a.ConversationID, a.PersonID
	}
	var rows []receiptRow
	err := s.list(ctx, &rows, `
		WITH asked AS MATERIALIZED (
			SELECT c.id AS conversation_id, m.person_id, c.msg_seq, `+largeGroup+` AS large
			FROM (SELECT DISTINCT * FROM unnest($1::uuid[], $2::uuid[])) t (conversation_id, person_id)
			CROSS JOIN LATERAL (
				SELECT * FROM members WHERE conversation_id = t.conversation_id AND person_id = t.person_id LIMIT 1
			) m
			`+conversationOfMember+`
			WHERE `+receiptCounts+`
		), places AS MATERIALIZED (
			SELECT m.conversation_id, m.person_id, a.large, m.joined_seq AS joined, `+receiptDeliveredIn("a.large")+` AS delivered, `+receiptRead+` AS read
			FROM (SELECT DISTINCT conversation_id, large FROM asked) a
			JOIN members m ON m.conversation_id = a.conversation_id
			WHERE `+receiptCounts+`
		), steps AS (
			SELECT DISTINCT a.conversation_id, a.person_id, step.seq
			FROM asked a
			JOIN places o ON o.conversation_id = a.conversation_id AND o.person_id <> a.person_id
			CROSS JOIN LATERAL unnest(ARRAY[o.joined, o.delivered, o.read, a.msg_seq]) AS step (seq)
			WHERE NOT a.large
		)
		SELECT 'now' AS what, NULL::uuid AS conversation_id, NULL::uuid AS person_id, NULL::uuid AS other_id, (extract(epoch FROM now()) * 1000000)::bigint AS seq,
			false AS large, 0::bigint AS delivered, 0::bigint AS read
		UNION ALL SELECT 'author', conversation_id, person_id, NULL, msg_seq, large, 0, 0 FROM asked
		UNION ALL SELECT 'place', conversation_id, person_id, NULL, joined, large, delivered, read FROM places
		UNION ALL
			SELECT 'apart', a.conversation_id, a.person_id, o.person_id, 0, false, 0, 0
			FROM asked a CROSS JOIN LATERAL `+apartFrom("a.person_id")+` b
			JOIN places o ON o.conversation_id = a.conversation_id AND o.person_id = b.id
		UNION ALL (
			SELECT DISTINCT 'own', st.conversation_id, st.person_id, NULL::uuid, own.seq, false, 0, 0
			FROM steps st CROSS JOIN LATERAL (
				SELECT x.seq FROM messages x
				WHERE x.conversation_id = st.conversation_id AND x.author_id = st.person_id AND `+hasReceipt+` AND x.seq <= st.seq
				ORDER BY x.seq DESC LIMIT 1
			) own
		)
		UNION ALL
			SELECT 'own', a.conversation_id, a.person_id, NULL, own.seq, true, 0, 0
			FROM asked a CROSS JOIN LATERAL (
				SELECT x.seq FROM messages x
				WHERE x.conversation_id = a.conversation_id AND x.author_id = a.person_id AND `+hasReceipt+`
					AND x.seq > a.msg_seq - `+strconv.Itoa(chat.ReceiptWindow)+`
				ORDER BY x.seq DESC LIMIT `+strconv.Itoa(chat.ReceiptWindow)+`
			) own
			WHERE a.large`, conversations, people)
	sources, at := receiptSources(rows)
	return sources, at, err
}

// receiptRow is the moment, an author who asks, a member's place, one from whom a block parts an author, or a message of an
// author.
type receiptRow struct {
	What           string  `db:"what"`
	ConversationID chat.ID `db:"conversation_id"`
	PersonID       chat.ID `db:"person_id"`
	OtherID        chat.ID `db:"other_id"`
	Seq            int64   `db:"seq"` // microseconds since 1970; the conversation's end; where the member joined; the message's
	Large          bool    `db:"large"`
	Delivered      int64   `db:"delivered"`
	Read           int64   `db:"read"`
}

func receiptSources(rows []receiptRow) (sources []chat.ReceiptSource, at time.Time) {
	places := map[chat.ID][]chat.ReceiptPlace{}
	own, apart := map[chat.Authorship][]int64{}, map[chat.Authorship][]chat.ID{}
	for _, row := range rows {
		switch row.What {
		case "now":
			at = time.UnixMicro(row.Seq)
		case "place":
			places[row.ConversationID] = append(places[row.ConversationID], chat.ReceiptPlace{
				PersonID: row.PersonID, Joined: row.Seq, Delivered: row.Delivered, Read: row.Read,
			})
		case "apart":
			author := chat.Authorship{ConversationID: row.ConversationID, PersonID: row.PersonID}
			if !slices.Contains(apart[author], row.OtherID) { // each may have blocked the other
				apart[author] = append(apart[author], row.OtherID)
			}
		case "own":
			author := chat.Authorship{ConversationID: row.ConversationID, PersonID: row.PersonID}
			own[author] = append(own[author], row.Seq)
		}
	}
	for _, row := range rows {
		if row.What != "author" {
			continue
		}
		source := chat.ReceiptSource{
			Authorship: chat.Authorship{ConversationID: row.ConversationID, PersonID: row.PersonID},
			Large:      row.Large, Places: places[row.ConversationID],
		}
		if row.Large {
			source.From = max(0, row.Seq-chat.ReceiptWindow+1)
		}
		source.Own, source.Apart = own[source.Authorship], apart[source.Authorship]
		slices.Sort(source.Own)
		sources = append(sources, source)
	}
	return sources, at
}

// ReceiptMarks implements chat.Store: of the places that ReceiptSources finds.
func (s *Store) ReceiptMarks(ctx context.Context, conversations []chat.ID) (map[chat.ID]chat.ReceiptMark, error) {
	var rows []struct {
		ConversationID chat.ID `db:"conversation_id"`
		Moved          int64   `db:"moved"`
		Who            int64   `db:"who"`
	}
	err := s.list(ctx, &rows, `
		SELECT m.conversation_id, sum(`+receiptDeliveredIn(largeGroup)+` + `+receiptRead+`)::bigint AS moved,
			sum(m.joined_seq + 31)::bigint AS who
		FROM members m `+conversationOfMember+`
		WHERE m.conversation_id = ANY($1) AND `+receiptCounts+`
		GROUP BY m.conversation_id`, conversations)
	marks := make(map[chat.ID]chat.ReceiptMark, len(rows))
	for _, row := range rows {
		marks[row.ConversationID] = chat.ReceiptMark{Moved: row.Moved, Who: row.Who}
	}
	return marks, err
}

// MembershipsAmong implements chat.Store.
func (s *Store) MembershipsAmong(ctx context.Context, person chat.ID, conversations []chat.ID) ([]chat.ID, error) {
	var among []chat.ID
	err := s.list(ctx, &among, `
		SELECT m.conversation_id FROM members m
		WHERE m.person_id = $1 AND m.conversation_id = ANY($2) AND m.until_change IS NULL`, person, conversations)
	return among, err
}

// Receivers implements chat.Store. The cursor is that of a search for people: the rank is the state.
func (s *Store) Receivers(
	ctx context.Context, viewer, conversation, message chat.ID, after string, limit int,
) (chat.ReceiversPage, error) {
	var rows []struct {
		Hidden      bool     `db:"hidden"`
		Large       bool     `db:"large"`
		Delivered   int      `db:"delivered"`
		Read        int      `db:"read"`
		Of          int      `db:"of"`
		ID          *chat.ID `db:"id"`
		Username    *string  `db:"username"`
		DisplayName *string  `db:"display_name"`
		CardSeq     *int64   `db:"card_seq"`
		Rank        *int     `db:"rank"`
		Sort        *string  `db:"sort"`
	}
	cursor := parseSearchCursor(after)
	err := s.list(ctx, &rows, `
		WITH about AS MATERIALIZED (
			SELECT x.seq, `+largeGroup+` AS large, NOT viewer.receipts AS hidden
			FROM messages x
			JOIN members mine ON mine.conversation_id = x.conversation_id AND mine.person_id = x.author_id AND mine.until_change IS NULL
			JOIN conversations c ON c.id = x.conversation_id
			JOIN people viewer ON viewer.id = x.author_id
			WHERE x.id = $3 AND x.conversation_id = $2 AND x.author_id = $1 AND `+hasReceipt+`
		), receivers AS MATERIALIZED (
			SELECT m.person_id, CASE WHEN `+receiptRead+` >= about.seq THEN 0 WHEN `+receiptDeliveredIn("about.large")+` >= about.seq THEN 1 ELSE 2 END AS rank
			FROM about JOIN members m ON m.conversation_id = $2 AND m.person_id <> $1
			WHERE NOT about.hidden AND m.joined_seq < about.seq AND `+receiptCountsFor("$1")+`
		)
		SELECT about.hidden, about.large, n.*, page.*
		FROM about
		CROSS JOIN (
			SELECT count(*) FILTER (WHERE rank < 2) AS delivered, count(*) FILTER (WHERE rank = 0) AS read, count(*) AS of FROM receivers
		) n
		LEFT JOIN LATERAL (
			SELECT * FROM (
				SELECT p.id, p.username, p.display_name, p.card_seq, m.rank, p.sort_name AS sort FROM receivers m `+personOfMember+`
			) found
			WHERE (rank, sort, id) > ($4, $5, $6)
			ORDER BY rank, sort, id LIMIT $7
		) page ON true
		ORDER BY page.rank, page.sort, page.id`,
		viewer, conversation, message, cursor.Rank, cursor.Name, cursor.ID, limit+1)
	if err != nil {
		return chat.ReceiversPage{}, err
	}
	if len(rows) == 0 {
		return chat.ReceiversPage{}, chat.NotFound()
	}
	page := chat.ReceiversPage{
		Hidden: rows[0].Hidden, Large: rows[0].Large,
		Receipt: chat.Receipt{Delivered: rows[0].Delivered, Read: rows[0].Read, Of: rows[0].Of},
	}
	for i, row := range rows {
		if row.ID == nil {
			break
		}
		if i == limit {
			last := rows[limit-1]
			page.Next = searchCursor{Rank: *last.Rank, Name: *last.Sort, ID: *last.ID}.String()
			break
		}
		card := cardRow{ID: *row.ID, Username: *row.Username, DisplayName: *row.DisplayName, CardSeq: *row.CardSeq}
		page.People = append(page.People, chat.Receiver{Card: card.card(), State: chat.ReceiverState(*row.Rank)})
	}
	return page, nil
}

// onlyOnce leaves of equal ids one.
func onlyOnce(conversations []chat.ID) []chat.ID {
	slices.SortFunc(conversations, func(a, b chat.ID) int { return cmp.Compare(a.String(), b.String()) })
	return slices.Compact(conversations)
}
