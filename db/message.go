package db

import (
	"context"
	"encoding/json"
	"time"

	"parley/chat"
)

// pageMessage is a message that may be missing, as an outer join leaves it.
type pageMessage struct {
	ID                *chat.ID   `db:"id"`
	Seq               *int64     `db:"seq"`
	MessageChange     *int64     `db:"message_change"`
	MessageKind       *string    `db:"message_kind"`
	Body              *string    `db:"body"`
	ClientID          *chat.ID   `db:"client_id"`
	CreatedAt         *time.Time `db:"created_at"`
	EditedAt          *time.Time `db:"edited_at"`
	DeletedAt         *time.Time `db:"deleted_at"`
	AuthorID          *chat.ID   `db:"author_id"`
	AuthorUsername    *string    `db:"author_username"`
	AuthorDisplayName *string    `db:"author_display_name"`
	AuthorCardSeq     *int64     `db:"author_card_seq"`
	Event             *string    `db:"event"`
	Subjects          *string    `db:"subjects"`
	ConcealedFrom     idList     `db:"concealed_from"`
}

var pageMessageColumns = `msg.id, msg.seq, msg.change_seq AS message_change, msg.kind AS message_kind,
	CASE WHEN msg.deleted_at IS NULL THEN msg.body ELSE '' END AS body, msg.client_id,
	msg.created_at, msg.edited_at, msg.deleted_at,
	author.id AS author_id, author.username AS author_username, author.display_name AS author_display_name,
	author.card_seq AS author_card_seq, msg.event, ` + subjectsOf("msg")

// concealedFrom are those readers (of whom the condition on a block b holds) who have blocked the author of the message msg:
// nobody in a direct conversation c, where one goes to see what the other has said.
func concealedFrom(condition string) string {
	return `ARRAY(SELECT b.blocker_id FROM blocks b WHERE b.blocked_id = msg.author_id AND c.kind = 'group' AND ` + condition + `) AS concealed_from`
}

// subjectsOf is whom a system message is about, as their cards are now.
func subjectsOf(message string) string {
	return `CASE WHEN ` + message + `.subjects IS NOT NULL THEN (
		SELECT jsonb_agg(jsonb_build_object('ID', sp.id, 'Username', sp.username, 'DisplayName', sp.display_name, 'Seq', sp.card_seq)
			ORDER BY sp.sort_name, sp.id)
		FROM people sp WHERE sp.id = ANY(` + message + `.subjects)) END AS subjects`
}

// eventOf reads what a system message says; what somebody wrote has none.
func eventOf(event, subjects *string) *chat.GroupEvent {
	if event == nil {
		return nil
	}
	e := &chat.GroupEvent{}
	_ = json.Unmarshal([]byte(*event), e) // InsertEvent wrote it; whatever else says nothing
	if subjects != nil {
		_ = json.Unmarshal([]byte(*subjects), &e.Subjects) // made by the statement itself
	}
	return e
}

// message must only be called on a row whose ID is there.
func (r pageMessage) message(conversation chat.ID) chat.Message {
	return chat.Message{
		Event: eventOf(r.Event, r.Subjects),
		ID:    *r.ID, ConversationID: conversation, Seq: *r.Seq, ChangeSeq: *r.MessageChange,
		Author: chat.Card{
			ID: *r.AuthorID, Username: *r.AuthorUsername, DisplayName: *r.AuthorDisplayName, Seq: *r.AuthorCardSeq,
		},
		Kind: chat.MessageKind(*r.MessageKind), Body: *r.Body, ClientID: *r.ClientID,
		CreatedAt: *r.CreatedAt, EditedAt: r.EditedAt, DeletedAt: r.DeletedAt,
	}
}

// SendStatement is the statement of [Store.InsertMessage], for who measures what it costs alone ($1 the message's id, $2 the
// conversation, $3 the author, $4 the body, $5 the client's id, $6 the request's hash). It stores one row or none.
var SendStatement = `
		WITH m AS MATERIALIZED (
			SELECT role FROM members
			WHERE conversation_id = $2 AND person_id = $3 AND until_change IS NULL AND NOT closed AND request IS NULL
				AND (muted_until IS NULL OR muted_until <= now())
			FOR NO KEY UPDATE
		), c AS (
			UPDATE conversations SET msg_seq = msg_seq + 1, change_seq = change_seq + 1,
				last_activity_at = greatest(last_activity_at, clock_timestamp())
			WHERE id = $2 AND EXISTS (SELECT FROM m WHERE m.role <> 'member' OR conversations.who_writes = 'members')
				AND (conversations.kind = 'group' OR NOT ` + saidEnough("conversations") + ` OR ` + askedIn("$2") + ` IS NULL)
			RETURNING msg_seq, change_seq, last_activity_at
		)
		INSERT INTO messages (
			id, conversation_id, seq, change_seq, author_id, body, client_id, request_hash, created_at, changed_at)
		SELECT $1, $2, c.msg_seq, c.change_seq, $3, $4, $5, $6, c.last_activity_at, c.last_activity_at FROM c
		RETURNING seq, change_seq, created_at`

// InsertMessage implements chat.Store. One statement is the whole transaction.
//
// The order of locks is the member's row, then the conversation's: everything a send checks stands in these two,
// because only a row that is locked is read anew after waiting. A plain read beforehand, or an UPDATE … FROM members,
// would let the message of somebody in who was removed a moment ago; the opposite order would deadlock with a removal.
// And no ON CONFLICT DO NOTHING: beside the counter it would leave a hole.
func (s *Store) InsertMessage(ctx context.Context, n chat.NewMessage) (chat.Message, error) {
	var row struct {
		Seq       int64     `db:"seq"`
		ChangeSeq int64     `db:"change_seq"`
		CreatedAt time.Time `db:"created_at"`
	}
	err := s.get(ctx, &row, SendStatement, n.ID, n.ConversationID, n.Author.ID, n.Body, n.ClientID, n.RequestHash)
	if chat.KindOf(err) == chat.KindNotFound {
		return chat.Message{}, s.whyNotSent(ctx, n.Author.ID, n.ConversationID)
	}
	return chat.Message{
		ID: n.ID, ConversationID: n.ConversationID, Seq: row.Seq, ChangeSeq: row.ChangeSeq, Author: n.Author,
		Kind: chat.MessageText, Body: n.Body, ClientID: n.ClientID, CreatedAt: row.CreatedAt,
	}, err
}

// whyNotSent finds the reason of a send that found no place. A former member sees the past and may not add to it.
func (s *Store) whyNotSent(ctx context.Context, author, conversation chat.ID) error {
	if _, err := s.Member(ctx, author, conversation); err != nil {
		return err
	}
	return &chat.Error{Kind: chat.KindForbidden, Code: chat.CodeClosed}
}

// MessageByClientID implements chat.Store.
func (s *Store) MessageByClientID(ctx context.Context, author, clientID chat.ID) (chat.Message, []byte, error) {
	var row struct {
		pageMessage
		ConversationID chat.ID `db:"conversation_id"`
		RequestHash    []byte  `db:"request_hash"`
	}
	err := s.get(ctx, &row, `
		SELECT msg.conversation_id, msg.request_hash, `+pageMessageColumns+`
		FROM messages msg JOIN people author ON author.id = msg.author_id
		WHERE msg.author_id = $1 AND msg.client_id = $2`, author, clientID)
	if err != nil {
		return chat.Message{}, nil, err
	}
	return row.message(row.ConversationID), row.RequestHash, nil
}

// changedMessages are those of the conversation c that changed after $2, $3 at most, where the condition holds.
func changedMessages(condition string) string {
	return `
		LEFT JOIN LATERAL (
			SELECT * FROM messages x WHERE x.conversation_id = c.id AND x.change_seq > $2 AND ` + condition + `
			ORDER BY x.change_seq LIMIT $3
		) msg ON true
		LEFT JOIN people author ON author.id = msg.author_id`
}

// movedMembers are those of the conversation $1 whose part of it began or ended at the change $2 or later. A membership
// ends in the transaction that counts the change which says so: whoever reads a change after the end also reads the end.
const movedMembers = `(
			SELECT jsonb_agg(jsonb_build_object('PersonID', e.person_id, 'FromSeq', e.from_seq, 'UntilChange', e.until_change,
				'From', e.past_from_seq, 'Until', e.past_until_change))
			FROM members e
			WHERE e.conversation_id = $1
				AND greatest(e.from_change, e.until_change) >= $2 AND greatest(e.from_change, e.until_change) > 0
		) AS moved`

func movedFrom(conversation chat.ID, moved *string) (map[chat.ID]chat.Member, error) {
	if moved == nil {
		return nil, nil
	}
	var rows []struct {
		PersonID    chat.ID
		FromSeq     int64
		UntilChange *int64
		From, Until []int64 // of earlier stays
	}
	if err := json.Unmarshal([]byte(*moved), &rows); err != nil {
		return nil, err
	}
	members := make(map[chat.ID]chat.Member, len(rows))
	for _, row := range rows {
		member := chat.Member{
			ConversationID: conversation, PersonID: row.PersonID, FromSeq: row.FromSeq, UntilChange: row.UntilChange,
		}
		for i, from := range row.From {
			member.Past = append(member.Past, chat.Stay{FromSeq: from, UntilChange: row.Until[i]})
		}
		members[row.PersonID] = member
	}
	return members, nil
}

// changesFrom makes a stretch of rows, of which there is one at least: without a message where none changed.
func changesFrom(conversation chat.ID, kind string, after, head int64, rows []pageMessage, limit int) chat.Changes {
	changes := chat.Changes{Kind: chat.ConversationKind(kind), From: after, Head: head, To: head}
	for _, row := range rows {
		if row.ID != nil {
			changes.Messages = append(changes.Messages, row.message(conversation))
			if len(row.ConcealedFrom) > 0 {
				if changes.BlockedBy == nil {
					changes.BlockedBy = map[chat.ID][]chat.ID{}
				}
				changes.BlockedBy[*row.AuthorID] = row.ConcealedFrom
			}
		}
	}
	if n := len(changes.Messages); n > 0 && n == limit {
		changes.To = changes.Messages[n-1].ChangeSeq
	}
	return changes
}

// ChangesSince implements chat.Store. A conversation's changes commit in the order of its counter, because the row's
// lock is held from counting to committing; so nothing can appear later behind a cursor.
func (s *Store) ChangesSince(ctx context.Context, conversation chat.ID, after int64, limit int) (chat.Changes, error) {
	var rows []struct {
		Kind  string  `db:"kind"`
		Head  int64   `db:"head"`
		Moved *string `db:"moved"`
		pageMessage
	}
	err := s.list(ctx, &rows, `
		SELECT c.kind, c.change_seq AS head, `+movedMembers+`, `+pageMessageColumns+`, `+concealedFrom(`(
				SELECT true FROM members om WHERE om.conversation_id = c.id AND om.person_id = b.blocker_id LIMIT 1)`)+`
		FROM conversations c`+changedMessages("true")+`
		WHERE c.id = $1
		ORDER BY msg.change_seq`, conversation, after, limit)
	if err != nil {
		return chat.Changes{}, err
	}
	if len(rows) == 0 {
		return chat.Changes{}, chat.NotFound()
	}
	messages := make([]pageMessage, len(rows))
	for i, row := range rows {
		messages[i] = row.pageMessage
	}
	changes := changesFrom(conversation, rows[0].Kind, after, rows[0].Head, messages, limit)
	changes.Moved, err = movedFrom(conversation, rows[0].Moved)
	return changes, err
}

// ChangesFor implements chat.Store.
func (s *Store) ChangesFor(
	ctx context.Context, person, conversation chat.ID, after int64, limit int,
) (chat.Member, chat.Changes, error) {
	var rows []struct {
		Kind string `db:"kind"`
		Head int64  `db:"head"`
		memberRow
		pageMessage
	}
	err := s.list(ctx, &rows, `
		WITH m AS MATERIALIZED (
			SELECT `+memberColumns+` FROM members m WHERE m.conversation_id = $1 AND m.person_id = $4
		)
		SELECT m.*, c.kind, c.change_seq AS head, `+pageMessageColumns+`, `+concealedFrom("b.blocker_id = $4")+`
		FROM m JOIN conversations c ON c.id = $1`+changedMessages("m.until_change IS NULL")+`
		ORDER BY msg.change_seq`, conversation, after, limit, person)
	if err != nil {
		return chat.Member{}, chat.Changes{}, err
	}
	if len(rows) == 0 {
		return chat.Member{}, chat.Changes{}, chat.NotFound()
	}
	messages := make([]pageMessage, len(rows))
	for i, row := range rows {
		messages[i] = row.pageMessage
	}
	return rows[0].member(person, conversation), changesFrom(conversation, rows[0].Kind, after, rows[0].Head, messages, limit), nil
}
