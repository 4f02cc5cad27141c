package db

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"parley/chat"
)

type cardRow struct {
	ID          chat.ID `db:"id"`
	Username    string  `db:"username"`
	DisplayName string  `db:"display_name"`
	CardSeq     int64   `db:"card_seq"`
}

func (r cardRow) card() chat.Card {
	return chat.Card{ID: r.ID, Username: r.Username, DisplayName: r.DisplayName, Seq: r.CardSeq}
}

type personRow struct {
	cardRow
	Email            string     `db:"email"`
	EmailConfirmedAt *time.Time `db:"email_confirmed_at"`
	EmailWanted      string     `db:"email_wanted"`
	PasswordHash     string     `db:"password_hash"`
	Role             string     `db:"role"`
	State            string     `db:"state"`
	Language         string     `db:"language"`
	TimeZone         string     `db:"time_zone"`
	Theme            string     `db:"theme"`
	Receipts         bool       `db:"receipts"`
	ViewSeq          int64      `db:"view_seq"`
	CreatedAt        time.Time  `db:"created_at"`
}

const personColumns = `p.id, p.username, p.display_name, p.card_seq, coalesce(p.email, '') AS email, p.email_confirmed_at,
	coalesce(p.email_wanted, '') AS email_wanted, p.password_hash, p.role, p.state, p.language, p.time_zone, p.theme, p.receipts, p.view_seq, p.created_at`

func (r personRow) person() chat.Person {
	return chat.Person{
		Card: r.card(), Email: r.Email, EmailConfirmedAt: r.EmailConfirmedAt, EmailWanted: r.EmailWanted, PasswordHash: r.PasswordHash,
		Role: chat.Role(r.Role), State: chat.State(r.State), Language: r.Language, TimeZone: r.TimeZone,
		Theme: chat.Theme(r.Theme), HidesReceipts: !r.Receipts, ViewSeq: r.ViewSeq, CreatedAt: r.CreatedAt,
	}
}

// InsertPerson implements chat.Store. Nobody begins with a confirmed address.
func (s *Store) InsertPerson(ctx context.Context, p chat.Person) error {
	_, err := s.exec(ctx, `
		INSERT INTO people (id, username, display_name, email_wanted, password_hash, role, state, language, time_zone, theme)
		VALUES ($1, $2, $3, nullif($4, ''), $5, $6, $7, $8, $9, $10)`,
		p.ID, p.Username, p.DisplayName, p.EmailWanted, p.PasswordHash, p.Role, p.State, p.Language, p.TimeZone, p.Theme)
	return err
}

// FirstFreeUsername implements chat.Store; empty when none of the candidates is free.
func (s *Store) FirstFreeUsername(ctx context.Context, candidates []string) (string, error) {
	var free string
	err := s.get(ctx, &free, `
		SELECT coalesce((
			SELECT candidate FROM unnest($1::text[]) WITH ORDINALITY AS t (candidate, n)
			WHERE NOT EXISTS (SELECT FROM people WHERE username = candidate)
			ORDER BY n LIMIT 1), '')`, candidates)
	return free, err
}

// PersonByLogin implements chat.Store. A username holds no @, so the two never meet.
func (s *Store) PersonByLogin(ctx context.Context, login string) (chat.Person, error) {
	var row personRow
	err := s.get(ctx, &row, `
		SELECT `+personColumns+` FROM people p
		WHERE p.username = $1 OR lower(p.email) = $1`, login)
	return row.person(), err
}

// PersonByID implements chat.Store.
func (s *Store) PersonByID(ctx context.Context, id chat.ID) (chat.Person, error) {
	var row personRow
	err := s.get(ctx, &row, `SELECT `+personColumns+` FROM people p WHERE p.id = $1`, id)
	return row.person(), err
}

// Cards implements chat.Store.
func (s *Store) Cards(ctx context.Context, viewer chat.ID, people []chat.ID) ([]chat.Card, error) {
	var rows []cardRow
	err := s.list(ctx, &rows, `
		SELECT id, username, display_name, card_seq FROM people
		WHERE id = ANY($1) AND state = 'active' AND NOT `+apart("$2", "people.id")+` AND `+admits("may_add", "people", "$2")+`
		ORDER BY sort_name, id`, people, viewer)
	cards := make([]chat.Card, 0, len(rows))
	for _, row := range rows {
		cards = append(cards, row.card())
	}
	return cards, err
}

// ProfileByUsername implements chat.Store.
func (s *Store) ProfileByUsername(ctx context.Context, viewer chat.ID, username string) (chat.Profile, error) {
	var row struct {
		cardRow
		Blocked bool `db:"blocked"`
	}
	err := s.get(ctx, &row, `
		SELECT p.id, p.username, p.display_name, p.card_seq,
			EXISTS (SELECT FROM blocks WHERE blocker_id = $2 AND blocked_id = p.id) AS blocked
		FROM people p
		WHERE p.username = $1 AND p.state = 'active'
			AND NOT EXISTS (SELECT FROM blocks WHERE blocker_id = p.id AND blocked_id = $2)`, strings.ToLower(username), viewer)
	return chat.Profile{Card: row.card(), Blocked: row.Blocked}, err
}

// searchCursor is the sort key of the last row of a page.
type searchCursor struct {
	Rank int     `json:"r"`
	Name string  `json:"n"`
	ID   chat.ID `json:"i"`
}

func (c searchCursor) String() string {
	b, _ := json.Marshal(c) // two plain fields and an id: cannot fail
	return base64.RawURLEncoding.EncodeToString(b)
}

// parseSearchCursor reads a cursor; whatever else comes in the address is the beginning.
func parseSearchCursor(text string) (cursor searchCursor) {
	cursor.Rank = -1
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || json.Unmarshal(b, &cursor) != nil || strings.ContainsRune(cursor.Name, 0) {
		return searchCursor{Rank: -1}
	}
	cursor.Rank = min(max(cursor.Rank, -1), 9)
	return cursor
}

// few says whether q is one or two letters or digits. Anywhere in a text so few are beyond an index of trigrams, and mean
// little; they are looked for where words begin.
func few(q string) bool {
	runes := []rune(norm.NFKC.String(q))
	return len(runes) <= 2 && !slices.ContainsFunc(runes, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

// SearchPeople implements chat.Store. Ranks: the username itself, its beginning, the name's beginning, a word's
// beginning, anywhere. What has a meaning in a pattern is escaped after folding, which makes % and \ of other characters.
// The pattern is made once, and not for each person anew.
func (s *Store) SearchPeople(ctx context.Context, viewer chat.ID, q, after string, toAdd bool, limit int) (chat.PeoplePage, error) {
	cursor := parseSearchCursor(after)
	var rows []struct {
		cardRow
		Rank int    `db:"rank"`
		Sort string `db:"sort"`
	}
	var err error
	if q == "" {
		// No name sorts before the empty one, where a search begins.
		err = s.list(ctx, &rows, `
			SELECT id, username, display_name, 0 AS rank, sort_name AS sort FROM people
			WHERE state = 'active' AND (sort_name, id) > ($1, $2) AND NOT `+apart("$4", "people.id")+` AND `+admits("may_find", "people", "$4")+`
				AND (NOT $5 OR `+admits("may_add", "people", "$4")+`)
			ORDER BY sort_name, id LIMIT $3`, cursor.Name, cursor.ID, limit+1, viewer, toAdd)
	} else {
		where, pattern := "search", `replace(replace(replace(fold($1), '\', '\\'), '%', '\%'), '_', '\_')`
		if few(q) {
			where, pattern = "words", "spaced(fold($1))" // in which nothing has a meaning in a pattern
		}
		err = s.list(ctx, &rows, `
			SELECT id, username, display_name, rank, sort FROM (
				SELECT id, username, display_name, sort_name AS sort, CASE
					WHEN username = q.folded THEN 0
					WHEN starts_with(username, q.folded) THEN 1
					WHEN starts_with(search, ' ' || q.folded) THEN 2
					WHEN strpos(search, ' ' || q.folded) > 0 THEN 3
					ELSE 4 END AS rank
				FROM (SELECT fold($1) AS folded, '%' || `+pattern+` || '%' AS pattern OFFSET 0) q CROSS JOIN people
				WHERE state = 'active' AND `+where+` LIKE q.pattern AND NOT `+apart("$6", "people.id")+` AND `+admits("may_find", "people", "$6")+`
					AND (NOT $7 OR `+admits("may_add", "people", "$6")+`)
			) found
			WHERE (rank, sort, id) > ($2, $3, $4)
			ORDER BY rank, sort, id LIMIT $5`, q, cursor.Rank, cursor.Name, cursor.ID, limit+1, viewer, toAdd)
	}
	if err != nil {
		return chat.PeoplePage{}, err
	}
	var page chat.PeoplePage
	for i, row := range rows {
		if i == limit {
			last := rows[limit-1]
			page.Next = searchCursor{Rank: last.Rank, Name: last.Sort, ID: last.ID}.String()
			break
		}
		page.People = append(page.People, row.card())
	}
	return page, nil
}

// Preferences implements chat.Store.
func (s *Store) Preferences(ctx context.Context, person chat.ID) (chat.Preferences, error) {
	var row struct {
		TimeZone string `db:"time_zone"`
		Theme    string `db:"theme"`
		Receipts bool   `db:"receipts"`
	}
	err := s.get(ctx, &row, `SELECT time_zone, theme, receipts FROM people WHERE id = $1`, person)
	return chat.Preferences{TimeZone: row.TimeZone, Theme: chat.Theme(row.Theme), HidesReceipts: !row.Receipts}, err
}

// UpdatePreferences implements chat.Store.
func (s *Store) UpdatePreferences(ctx context.Context, person chat.ID, p chat.Preferences) (int64, bool, error) {
	var row struct {
		ViewSeq  int64 `db:"view_seq"`
		Receipts bool  `db:"receipts"`
	}
	err := s.get(ctx, &row, `
		WITH before AS MATERIALIZED (SELECT id, receipts FROM people WHERE id = $1 FOR NO KEY UPDATE)
		UPDATE people SET time_zone = $2, theme = $3, receipts = $4, view_seq = view_seq + 1
		FROM before WHERE people.id = before.id RETURNING people.view_seq, before.receipts`,
		person, p.TimeZone, p.Theme, !p.HidesReceipts)
	return row.ViewSeq, !row.Receipts, err
}

// UpdatePassword implements chat.Store.
func (s *Store) UpdatePassword(ctx context.Context, person chat.ID, hash, before string) error {
	return s.change(ctx, `
		UPDATE people SET password_hash = $2 WHERE id = $1 AND ($3 = '' OR password_hash = $3)`, person, hash, before)
}

// UpdateDisplayName implements chat.Store.
func (s *Store) UpdateDisplayName(ctx context.Context, person chat.ID, name string) (viewSeq, cardSeq int64, err error) {
	var row struct {
		ViewSeq int64 `db:"view_seq"`
		CardSeq int64 `db:"card_seq"`
	}
	err = s.get(ctx, &row, `
		UPDATE people SET display_name = $2, card_seq = card_seq + 1, card_changed_at = now(), view_seq = view_seq + 1
		WHERE id = $1 RETURNING view_seq, card_seq`, person, name)
	return row.ViewSeq, row.CardSeq, err
}

// CardsIn implements chat.Store. Whoever wrote in a conversation has a row among its members for good.
func (s *Store) CardsIn(
	ctx context.Context, conversations, people []chat.ID, since time.Time,
) ([]chat.MemberCard, error) {
	var rows []struct {
		ConversationID chat.ID `db:"conversation_id"`
		Apart          bool    `db:"apart"`
		cardRow
	}
	err := s.list(ctx, &rows, `
		SELECT m.conversation_id, p.id, p.username, p.display_name, p.card_seq,
			far.talks <> '{}' AND (SELECT direct_key FROM conversations WHERE id = m.conversation_id) = ANY(far.talks) IS TRUE AS apart
		FROM (
			SELECT * FROM people WHERE id = ANY($2)
			UNION ALL
			SELECT * FROM people WHERE $2::uuid[] IS NULL AND card_changed_at > $3
		) p
		CROSS JOIN LATERAL (SELECT `+talksApart("p.id")+` AS talks LIMIT 1) far
		JOIN members m ON m.person_id = p.id AND m.conversation_id = ANY($1)`, conversations, people, since)
	cards := make([]chat.MemberCard, 0, len(rows))
	for _, row := range rows {
		cards = append(cards, chat.MemberCard{ConversationID: row.ConversationID, Card: row.card(), Apart: row.Apart})
	}
	return cards, err
}

// ChangedCards implements chat.Store.
func (s *Store) ChangedCards(ctx context.Context, since time.Time) (map[chat.ID]int64, error) {
	var rows []struct {
		ID      chat.ID `db:"id"`
		CardSeq int64   `db:"card_seq"`
	}
	err := s.list(ctx, &rows, `SELECT id, card_seq FROM people WHERE card_changed_at > $1`, since)
	seqs := make(map[chat.ID]int64, len(rows))
	for _, row := range rows {
		seqs[row.ID] = row.CardSeq
	}
	return seqs, err
}

// ConversationsShowing implements chat.Store: direct ones, but for those with whom a block parts the person, and groups whose
// last message is the person's.
func (s *Store) ConversationsShowing(ctx context.Context, person chat.ID) ([]chat.ID, error) {
	var ids []chat.ID
	err := s.list(ctx, &ids, `
		SELECT c.id FROM members m `+conversationOfMember+`
		WHERE m.person_id = $1 AND (c.kind = 'direct' AND c.direct_key <> ALL (`+talksApart("$1")+`) OR c.kind = 'group' AND EXISTS (
			SELECT FROM messages x WHERE x.conversation_id = c.id AND x.seq = c.msg_seq AND x.author_id = $1))`, person)
	return ids, err
}

// UpdateRole implements chat.Store.
func (s *Store) UpdateRole(ctx context.Context, person chat.ID, role chat.Role) (int64, error) {
	var viewSeq int64
	err := s.get(ctx, &viewSeq, `
		WITH s AS (
			UPDATE sessions SET renew = true WHERE person_id = $1 AND revoked_at IS NULL
		)
		UPDATE people SET role = $2, view_seq = view_seq + 1 WHERE id = $1 RETURNING view_seq`, person, role)
	return viewSeq, err
}

// RaiseViewSeq implements chat.Store. Rows are locked in order of id, so that two raises never wait for each other.
func (s *Store) RaiseViewSeq(ctx context.Context, people ...chat.ID) ([]chat.PersonChanged, error) {
	var rows []viewSeqRow
	err := s.list(ctx, &rows, `
		WITH locked AS MATERIALIZED (
			SELECT id FROM people WHERE id = ANY($1) ORDER BY id FOR NO KEY UPDATE
		)
		UPDATE people p SET view_seq = view_seq + 1 FROM locked WHERE p.id = locked.id RETURNING p.id, p.view_seq`,
		people)
	changed := make([]chat.PersonChanged, 0, len(rows))
	for _, row := range rows {
		changed = append(changed, chat.PersonChanged{PersonID: row.ID, ViewSeq: row.ViewSeq})
	}
	return changed, err
}

type viewSeqRow struct {
	ID      chat.ID `db:"id"`
	ViewSeq int64   `db:"view_seq"`
}

// ViewSeqs implements chat.Store.
func (s *Store) ViewSeqs(ctx context.Context, people []chat.ID) (map[chat.ID]int64, error) {
	var rows []viewSeqRow
	err := s.list(ctx, &rows, `SELECT id, view_seq FROM people WHERE id = ANY($1)`, people)
	seqs := make(map[chat.ID]int64, len(rows))
	for _, row := range rows {
		seqs[row.ID] = row.ViewSeq
	}
	return seqs, err
}
