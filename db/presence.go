package db

import (
	"context"
	"strconv"
	"time"

	"parley/chat"
)

// sharing is the condition that two people are in one conversation: in a group, or in a direct one in which something was
// said, and which is neither closed nor waits for an answer, nor was declined. It looks up each conversation of the first, so
// the first is to be the one who has fewer.
func sharing(few, many string) string {
	return `EXISTS (
			SELECT FROM members mine
			CROSS JOIN LATERAL (
				SELECT * FROM members WHERE conversation_id = mine.conversation_id AND person_id = ` + many + ` LIMIT 1
			) theirs
			CROSS JOIN LATERAL (SELECT * FROM conversations WHERE id = mine.conversation_id LIMIT 1) shared
			WHERE mine.person_id = ` + few + ` AND mine.until_change IS NULL AND theirs.until_change IS NULL
				AND (shared.kind = 'group' OR shared.msg_seq > 0)
				AND NOT mine.closed AND NOT theirs.closed AND mine.request IS NULL AND theirs.request IS NULL)`
}

// mutual is whether two people v and p let each other see what the column speaks of, and whether v is there for others at all;
// NULL where that is so if they share a conversation.
func mutual(column string) string {
	return `CASE WHEN v.id = p.id THEN true
			WHEN v.invisible OR v.` + column + ` = 'nobody' OR p.` + column + ` = 'nobody' THEN false
			WHEN v.` + column + ` = 'everybody' AND p.` + column + ` = 'everybody' THEN true END`
}

// hidesPresence is the condition of a person (whose row has that alias) of whom nobody sees when they are there.
func hidesPresence(person string) string {
	return `(` + person + `.invisible OR ` + person + `.shows_presence = 'nobody')`
}

// fewer is which of two people is in fewer conversations, as far as it matters: more than these are many.
func fewer(a, b string) string {
	n := func(person string) string {
		return `(SELECT count(*) FROM (SELECT FROM members WHERE person_id = ` + person + ` LIMIT 20) counted)`
	}
	return `SELECT CASE WHEN a_less THEN ` + a + ` ELSE ` + b + ` END AS few, CASE WHEN a_less THEN ` + b + ` ELSE ` + a + ` END AS many
				FROM (SELECT ` + n(a) + ` < ` + n(b) + ` AS a_less OFFSET 0) counted`
}

// Sights implements chat.Store. What two people share is looked up from the one of them who is in fewer conversations, whoever
// looks: some are in thousands. It is joined to nothing, whose size a planner would have to guess.
func (s *Store) Sights(ctx context.Context, pairs []chat.Pair) (map[chat.Pair]chat.Sight, map[chat.ID]chat.PresenceFacts, error) {
	viewers, people := make([]chat.ID, len(pairs)), make([]chat.ID, len(pairs))
	for i, pair := range pairs {
		viewers[i], people[i] = pair.Viewer, pair.Person
	}
	var rows []struct {
		factsRow
		Viewer   chat.ID `db:"viewer_id"`
		Presence bool    `db:"presence"`
		LastSeen bool    `db:"last_seen"`
	}
	err := s.list(ctx, &rows, `
		SELECT t.viewer_id, coalesce(may.presence, share.it) AS presence, coalesce(may.last_seen, share.it) AS last_seen, `+factsColumns+`
		FROM unnest($1::uuid[], $2::uuid[]) AS t (viewer_id, person_id)
		CROSS JOIN LATERAL (SELECT * FROM people WHERE id = t.viewer_id AND state = 'active' LIMIT 1) v
		CROSS JOIN LATERAL (SELECT * FROM people WHERE id = t.person_id AND state = 'active' LIMIT 1) p
		CROSS JOIN LATERAL (SELECT `+mutual("shows_presence")+` AS presence, `+mutual("shows_last_seen")+` AS last_seen OFFSET 0) may
		CROSS JOIN LATERAL (
			SELECT CASE WHEN may.presence IS NULL OR may.last_seen IS NULL THEN (
				SELECT `+sharing("by.few", "by.many")+` FROM (`+fewer("v.id", "p.id")+` OFFSET 0) by
			) END AS it OFFSET 0
		) share
		LEFT JOIN LATERAL (SELECT * FROM seen WHERE person_id = p.id LIMIT 1) seen ON true
		WHERE NOT `+apart("t.viewer_id", "t.person_id"), viewers, people)
	sights := make(map[chat.Pair]chat.Sight, len(rows))
	facts := make(map[chat.ID]chat.PresenceFacts, len(rows))
	for _, row := range rows {
		if row.Presence || row.LastSeen {
			sights[chat.Pair{Viewer: row.Viewer, Person: row.ID}] = chat.Sight{Presence: row.Presence, LastSeen: row.LastSeen}
			facts[row.ID] = row.facts()
		}
	}
	return sights, facts, err
}

// factsRow is what is stored of a person p, last seen by a row of that name.
type factsRow struct {
	ID        chat.ID    `db:"id"`
	Busy      bool       `db:"status_busy"`
	Emoji     string     `db:"status_emoji"`
	Text      string     `db:"status_text"`
	Until     *time.Time `db:"status_until"`
	Invisible bool       `db:"invisible"`
	SeenAt    *time.Time `db:"last_seen_at"`
}

const factsColumns = `p.id, p.status_busy, p.status_emoji, p.status_text, p.status_until, p.invisible, seen.at AS last_seen_at`

func (r factsRow) facts() chat.PresenceFacts {
	return chat.PresenceFacts{
		PersonID: r.ID, Status: chat.Status{Busy: r.Busy, Emoji: r.Emoji, Text: r.Text, Until: r.Until},
		Invisible: r.Invisible, LastSeen: r.SeenAt,
	}
}

// PresenceFacts implements chat.Store.
func (s *Store) PresenceFacts(ctx context.Context, people []chat.ID) (map[chat.ID]chat.PresenceFacts, error) {
	var rows []factsRow
	err := s.list(ctx, &rows, `
		SELECT `+factsColumns+`
		FROM unnest($1::uuid[]) AS t (id)
		CROSS JOIN LATERAL (SELECT * FROM people WHERE id = t.id AND state = 'active' LIMIT 1) p
		LEFT JOIN LATERAL (SELECT * FROM seen WHERE person_id = t.id LIMIT 1) seen ON true`, people)
	facts := make(map[chat.ID]chat.PresenceFacts, len(rows))
	for _, row := range rows {
		facts[row.ID] = row.facts()
	}
	return facts, err
}

// UpdateLastSeen implements chat.Store. Rows that somebody else has locked wait for the next time: nothing is to wait for what
// is only noted.
func (s *Store) UpdateLastSeen(ctx context.Context, ago map[chat.ID]time.Duration) error {
	people, microseconds := make([]chat.ID, 0, len(ago)), make([]int64, 0, len(ago))
	for id, since := range ago {
		people, microseconds = append(people, id), append(microseconds, since.Microseconds())
	}
	_, err := s.exec(ctx, `
		WITH asked AS MATERIALIZED (
			SELECT t.id, now() - t.ago * interval '1 microsecond' AS at, old.at AS before
			FROM unnest($1::uuid[], $2::bigint[]) AS t (id, ago)
			CROSS JOIN LATERAL (SELECT FROM people WHERE id = t.id AND NOT invisible LIMIT 1) p
			LEFT JOIN LATERAL (SELECT * FROM seen WHERE person_id = t.id LIMIT 1) old ON true
		), free AS MATERIALIZED (
			SELECT asked.id, asked.at FROM asked CROSS JOIN LATERAL (
				SELECT FROM seen WHERE person_id = asked.id AND at <= asked.at - interval '1 minute' FOR NO KEY UPDATE SKIP LOCKED
			) locked
			WHERE asked.before IS NOT NULL
		), again AS (
			UPDATE seen SET at = free.at FROM free WHERE seen.person_id = free.id
		)
		INSERT INTO seen (person_id, at) SELECT id, at FROM asked WHERE before IS NULL ORDER BY id
		ON CONFLICT DO NOTHING`, people, microseconds)
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
				AND p.state = 'active' AND r.state = 'active' AND `+showsTyping("p")+` AND `+showsTyping("r")+` AND NOT m.closed AND NOT o.closed
				AND (c.kind = 'direct' OR c.member_count <= `+strconv.Itoa(chat.MaxTyping)+` AND (c.who_writes = 'members' OR m.role <> 'member'))
				AND NOT EXISTS (SELECT FROM members asked WHERE asked.conversation_id = m.conversation_id AND asked.request IS NOT NULL)
				AND NOT `+apart("m.person_id", "o.person_id")+`
		) AS readers
		FROM members m `+conversationOfMember+` JOIN people p ON p.id = m.person_id
		WHERE m.conversation_id = $2 AND m.person_id = $1 AND m.until_change IS NULL`, person, conversation)
	return chat.Writing{Card: row.card(), Readers: row.Readers}, err
}

// showsTyping is the condition of a person (whose row has that alias) who shows others that they write, and sees it of them.
func showsTyping(person string) string {
	return person + `.shows_typing AND NOT ` + person + `.invisible`
}
