package db

import (
	"strconv"
	"strings"
)

// An unread number is exact up to a bound, and what it costs is bounded too, by that and by the number of members,
// never by the length of the history: somebody's own messages, which do not count, may be any number.
//
// First the messages next to the member's place are looked at. Mostly they decide; where they do not, because nearly all
// of them are the member's own, the others' messages are looked up author by author, in an index that holds nothing else
// (messages_by_author). Everybody who ever wrote in a conversation has a row among its members.
//
// Each step is a scalar subquery with a LIMIT, which the planner leaves where it stands; an EXISTS it might turn into a
// join that reads every message.
const unreadTemplate = `CASE WHEN greatest(m.unread_from, m.from_seq) >= END_SEQ THEN 0 ELSE (
		SELECT CASE WHEN near.n = MOST OR END_SEQ - greatest(m.unread_from, m.from_seq) <= NEAR THEN near.n ELSE (
			SELECT count(*) FROM (
				SELECT FROM members om CROSS JOIN LATERAL (
					SELECT FROM messages u
					WHERE u.conversation_id = c.id AND u.author_id = om.person_id AND COUNTS
						AND u.seq > greatest(m.unread_from, m.from_seq) AND u.seq <= END_SEQ
					LIMIT MOST
				) theirs
				WHERE om.conversation_id = c.id AND om.person_id <> m.person_id
				LIMIT MOST
			) far
		) END
		FROM (
			SELECT count(*) AS n FROM (
				SELECT FROM (
					SELECT * FROM messages u
					WHERE u.conversation_id = c.id
						AND u.seq > greatest(m.unread_from, m.from_seq) AND u.seq <= END_SEQ
					ORDER BY u.seq LIMIT NEAR
				) u
				WHERE u.author_id <> m.person_id AND COUNTS
				LIMIT MOST
			) counted
		) near
	) END`

// unreadUpTo is an expression over the aliases m (a member) and c (the conversation): how many messages of others come
// after the member's place, not the system's and not deleted, visible to the member and by nobody whom the member has
// blocked; most means that or more.
func unreadUpTo(most int) string {
	return strings.NewReplacer(
		"COUNTS", `u.kind = 'text' AND u.deleted_at IS NULL AND (m.until_change IS NULL OR u.change_seq <= m.until_change)
			AND `+notBlockedBy("m.person_id", "u.author_id"),
		"END_SEQ", `coalesce(m.left_seq, m.until_change, c.msg_seq)`, // what came after somebody left need not even be looked at
		"MOST", strconv.Itoa(most),
		"NEAR", strconv.Itoa(most+32),
	).Replace(unreadTemplate)
}

var (
	// unreadCount is the number of a badge; one more than is shown means more.
	unreadCount = unreadUpTo(100) + ` AS unread`
	// hasUnread says whether the badge is not empty.
	hasUnread = unreadUpTo(1) + ` > 0`
)
