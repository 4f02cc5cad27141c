package db

import (
	"context"
	"strconv"
	"time"

	"parley/chat"
)

// sharing is the condition that two people are in one conversation: in a group, or in a direct one in which something was
// said, and which is neither closed nor waits for an answer, nor was declined.
func sharing(a, b string) string {
	return `EXISTS (
			SELECT FROM members mine
			JOIN members theirs ON theirs.conversation_id = mine.conversation_id AND theirs.person_id = ` + b + `
			JOIN conversations shared ON shared.id = mine.conversation_id
			WHERE mine.person_id = ` + a + ` AND mine.until_change IS NULL AND theirs.until_change IS NULL
				AND (shared.kind = 'group' OR shared.msg_seq > 0)
				AND NOT mine.closed AND NOT theirs.closed AND mine.request IS NULL AND theirs.request IS NULL)`
}

// mutual is the condition that two people (rows with these aliases) let each other see what the column speaks of.
func mutual(column, a, b string) string {
	return `(` + a + `.id = ` + b + `.id OR ` + a + `.` + column + ` <> 'nobody' AND ` + b + `.` + column + ` <> 'nobody'
			AND (` + a + `.` + column + ` = 'everybody' AND ` + b + `.` + column + ` = 'everybody' OR ` + sharing(a+".id", b+".id") + `))`
}

// hidesPresence is the condition of a person p of whom nobody sees when they are there.
const hidesPresence = `(p.invisible OR p.shows_presence = 'nobody')`

// Sights implements chat.Store.
func (s *Store) Sights(ctx context.Context, pairs []chat.Pair) (map[chat.Pair]chat.Sight, error) {
	viewers, people := make([]chat.ID, len(pairs)), make([]chat.ID, len(pairs))
	for i, pair := range pairs {
		viewers[i], people[i] = pair.Viewer, pair.Person
	}
	var rows []struct {
		Viewer   chat.ID `db:"viewer_id"`
		Person   chat.ID `db:"person_id"`
		Presence bool    `db:"presence"`
		LastSeen bool    `db:"last_seen"`
	}
	err := s.list(ctx, &rows, `
		SELECT v.id AS viewer_id, p.id AS person_id,
			(v.id = p.id OR NOT v.invisible) AND `+mutual("shows_presence", "p", "v")+` AS presence,
			`+mutual("shows_last_seen", "p", "v")+` AS last_seen
		FROM unnest($1::uuid[], $2::uuid[]) AS asked (viewer_id, person_id)
		JOIN people v ON v.id = asked.viewer_id AND v.state = 'active'
		JOIN people p ON p.id = asked.person_id AND p.state = 'active'
		WHERE NOT `+apart("v.id", "p.id"), viewers, people)
	sights := make(map[chat.Pair]chat.Sight, len(rows))
	for _, row := range rows {
		if row.Presence || row.LastSeen {
			sights[chat.Pair{Viewer: row.Viewer, Person: row.Person}] = chat.Sight{Presence: row.Presence, LastSeen: row.LastSeen}
		}
	}
	return sights, err
}

// PresenceFacts implements chat.Store.
func (s *Store) PresenceFacts(ctx context.Context, people []chat.ID) (map[chat.ID]chat.PresenceFacts, error) {
	var rows []struct {
		ID        chat.ID    `db:"id"`
		Busy      bool       `db:"status_busy"`
		Emoji     string     `db:"status_emoji"`
		Text      string     `db:"status_text"`
		Until     *time.Time `db:"status_until"`
		Invisible bool       `db:"invisible"`
		LastSeen  *time.Time `db:"last_seen_at"`
	}
	err := s.list(ctx, &rows, `
		SELECT id, status_busy, status_emoji, status_text, status_until, invisible, last_seen_at
		FROM people WHERE id = ANY($1) AND state = 'active'`, people)
	facts := make(map[chat.ID]chat.PresenceFacts, len(rows))
	for _, row := range rows {
		facts[row.ID] = chat.PresenceFacts{
			PersonID: row.ID, Status: chat.Status{Busy: row.Busy, Emoji: row.Emoji, Text: row.Text, Until: row.Until},
			Invisible: row.Invisible, LastSeen: row.LastSeen,
		}
	}
	return facts, err
}

// UpdateLastSeen implements chat.Store. Rows that somebody else has locked wait for the next time: nothing is to wait for what
// is only noted, and rows locked in no order would.
func (s *Store) UpdateLastSeen(ctx context.Context, ago map[chat.ID]time.Duration) error {
	people, microseconds := make([]chat.ID, 0, len(ago)), make([]int64, 0, len(ago))
	for id, since := range ago {
		people, microseconds = append(people, id), append(microseconds, since.Microseconds())
	}
	_, err := s.exec(ctx, `
		WITH asked AS (
			SELECT id, now() - ago * interval '1 microsecond' AS at FROM unnest($1::uuid[], $2::bigint[]) AS t (id, ago)
		), free AS MATERIALIZED (
			SELECT p.id, asked.at FROM people p JOIN asked USING (id)
			WHERE NOT p.invisible AND (p.last_seen_at IS NULL OR p.last_seen_at < asked.at - interval '1 minute')
			FOR NO KEY UPDATE OF p SKIP LOCKED
		)
		UPDATE people p SET last_seen_at = free.at FROM free WHERE p.id = free.id`, people, microseconds)
	return err
}

type presenceChoices struct {
	Presence  string `db:"shows_presence"`
	LastSeen  string `db:"shows_last_seen"`
	Typing    bool   `db:"shows_typing"`
	Invisible bool   `db:"invisible"`
}

func (r presenceChoices) choices() chat.PresenceChoices {
	return chat.PresenceChoices{
		Presence: chat.Circle(r.Presence), LastSeen: chat.Circle(r.LastSeen), Typing: r.Typing, Invisible: r.Invisible,
	}
}

// PresenceChoices implements chat.Store.
func (s *Store) PresenceChoices(ctx context.Context, person chat.ID) (chat.PresenceChoices, error) {
	var row presenceChoices
	err := s.get(ctx, &row, `SELECT shows_presence, shows_last_seen, shows_typing, invisible FROM people WHERE id = $1`, person)
	return row.choices(), err
}

// UpdatePresenceChoices implements chat.Store.
func (s *Store) UpdatePresenceChoices(
	ctx context.Context, person chat.ID, choices chat.PresenceChoices,
) (viewSeq int64, before chat.PresenceChoices, err error) {
	var row struct {
		presenceChoices
		ViewSeq int64 `db:"view_seq"`
	}
	err = s.get(ctx, &row, `
		WITH before AS MATERIALIZED (
			SELECT id, shows_presence, shows_last_seen, shows_typing, invisible FROM people WHERE id = $1 FOR NO KEY UPDATE
		)
		UPDATE people SET shows_presence = $2, shows_last_seen = $3, shows_typing = $4, invisible = $5, view_seq = view_seq + 1
		FROM before WHERE people.id = before.id
		RETURNING people.view_seq, before.shows_presence, before.shows_last_seen, before.shows_typing, before.invisible`,
		person, choices.Presence, choices.LastSeen, choices.Typing, choices.Invisible)
	return row.ViewSeq, row.choices(), err
}

// UpdateStatus implements chat.Store.
func (s *Store) UpdateStatus(ctx context.Context, person chat.ID, status chat.Status) (viewSeq int64, err error) {
	err = s.get(ctx, &viewSeq, `
		UPDATE people SET status_busy = $2, status_emoji = $3, status_text = $4, status_until = $5, view_seq = view_seq + 1
		WHERE id = $1 RETURNING view_seq`, person, status.Busy, status.Emoji, status.Text, status.Until)
	return viewSeq, err
}

// Writing implements chat.Store. Where somebody is asked whether the conversation is wanted, nobody sees that anybody writes.
func (s *Store) Writing(ctx context.Context, person, conversation chat.ID) (chat.Writing, error) {
	var row struct {
		cardRow
		Readers idList `db:"readers"`
	}
	err := s.get(ctx, &row, `
		SELECT p.id, p.username, p.display_name, p.card_seq, ARRAY(
			SELECT o.person_id FROM members o JOIN people r ON r.id = o.person_id
			WHERE o.conversation_id = m.conversation_id AND o.person_id <> m.person_id AND o.until_change IS NULL
				AND p.state = 'active' AND `+showsTyping("p")+` AND `+showsTyping("r")+` AND NOT m.closed AND NOT o.closed
				AND (c.kind = 'direct' OR c.member_count <= `+strconv.Itoa(chat.MaxTyping)+`)
				AND NOT EXISTS (SELECT FROM members asked WHERE asked.conversation_id = m.conversation_id AND asked.request IS NOT NULL)
				AND NOT `+apart("m.person_id", "o.person_id")+`
		) AS readers
		FROM members m `+conversationOfMember+` JOIN people p ON p.id = m.person_id
		WHERE m.conversation_id = $2 AND m.person_id = $1 AND m.until_change IS NULL`, person, conversation)
	return chat.Writing{Card: row.card(), Readers: row.Readers}, err
}

// showsTyping is the condition of a person (whose row has that alias) who shows others that they write, and sees it of them.
func showsTyping(person string) string { return person + `.shows_typing AND NOT ` + person + `.invisible` }
