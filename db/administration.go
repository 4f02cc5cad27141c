package db

import (
	"context"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"parley/chat"
)

// LockAdministrators implements chat.Store. Rows are locked in order of id, as everywhere; of somebody who waits for a
// lock, what was committed meanwhile decides who is still an administrator.
func (s *Store) LockAdministrators(ctx context.Context, people ...chat.ID) (map[chat.ID]chat.Person, error) {
	var rows []personRow
	err := s.list(ctx, &rows, `
		SELECT `+personColumns+` FROM people p
		WHERE p.id = ANY($1) OR (p.role = 'administrator' AND p.state = 'active')
		ORDER BY p.id FOR NO KEY UPDATE`, people)
	locked := make(map[chat.ID]chat.Person, len(rows))
	for _, row := range rows {
		locked[row.ID] = row.person()
	}
	return locked, err
}

type accountRow struct {
	cardRow
	Email              string     `db:"email"`
	EmailConfirmed     bool       `db:"email_confirmed"`
	Role               string     `db:"role"`
	State              string     `db:"state"`
	CreatedAt          time.Time  `db:"created_at"`
	LastUsedAt         *time.Time `db:"last_used_at"`
	Sessions           int        `db:"sessions"`
	InvitationID       *chat.ID   `db:"invitation_id"`
	InvitationNote     *string    `db:"invitation_note"`
	InviterID          *chat.ID   `db:"inviter_id"`
	InviterUsername    *string    `db:"inviter_username"`
	InviterDisplayName *string    `db:"inviter_display_name"`
}

func (r accountRow) account() chat.Account {
	a := chat.Account{
		Card: r.card(), Email: r.Email, EmailConfirmed: r.EmailConfirmed, Role: chat.Role(r.Role), State: chat.State(r.State),
		CreatedAt: r.CreatedAt, LastUsedAt: r.LastUsedAt, Sessions: r.Sessions,
	}
	if r.InviterID != nil {
		a.InvitationID, a.InvitationNote = *r.InvitationID, *r.InvitationNote
		a.InvitedBy = &chat.Card{ID: *r.InviterID, Username: *r.InviterUsername, DisplayName: *r.InviterDisplayName}
	}
	return a
}

// An administrator's view of the person p; $2 is the idle limit of sessions in seconds. A LIMIT makes a look-up for each
// person of what the planner may otherwise read as a whole.
const (
	accountColumns = `p.id, p.username, p.display_name, coalesce(p.email, p.email_wanted, '') AS email,
		p.email_confirmed_at IS NOT NULL AS email_confirmed, p.role, p.state, p.created_at, used.last_used_at, used.sessions,
		i.id AS invitation_id, i.note AS invitation_note,
		inviter.id AS inviter_id, inviter.username AS inviter_username, inviter.display_name AS inviter_display_name`
	accountJoins = `
		CROSS JOIN LATERAL (
			SELECT max(s.last_used_at) AS last_used_at, count(*) FILTER (WHERE ` + alive + `) AS sessions
			FROM sessions s WHERE s.person_id = p.id
		) used
		LEFT JOIN LATERAL (SELECT * FROM invitations WHERE id = p.invitation_id LIMIT 1) i ON true
		LEFT JOIN LATERAL (SELECT * FROM people WHERE id = i.created_by LIMIT 1) inviter ON true`
)

// Account implements chat.Store.
func (s *Store) Account(ctx context.Context, person chat.ID, idle time.Duration) (chat.Account, error) {
	var row accountRow
	err := s.get(ctx, &row, `
		SELECT `+accountColumns+` FROM people p `+accountJoins+` WHERE p.id = $1`, person, idle.Seconds())
	if err != nil {
		return chat.Account{}, err
	}
	return row.account(), nil
}

// The conditions that a list of accounts can be asked with. They are constants, because for a parameter PostgreSQL may
// settle on a plan that suits an average role, and of the roles and states all but one are rare.
var (
	roleConditions = map[chat.Role]string{
		chat.RoleMember:        ` AND p.role = 'member'`,
		chat.RoleModerator:     ` AND p.role = 'moderator'`,
		chat.RoleAdministrator: ` AND p.role = 'administrator'`,
	}
	stateConditions = map[chat.State]string{
		chat.StateActive:    ` AND p.state = 'active'`,
		chat.StateSuspended: ` AND p.state = 'suspended'`,
		chat.StateClosed:    ` AND p.state = 'closed'`,
	}
)

// Accounts implements chat.Store. The page is picked before anything is joined to it. Who is searched for is found first,
// by trigrams: otherwise PostgreSQL, who thinks that many will match, walks through everybody by age.
func (s *Store) Accounts(
	ctx context.Context, filter chat.AccountFilter, after string, limit int, idle time.Duration,
) (chat.AccountPage, error) {
	args := []any{limit + 1, idle.Seconds()}
	place := func(value any) string {
		args = append(args, value)
		return "$" + strconv.Itoa(len(args))
	}
	from := `people p`
	if filter.Query != "" {
		// One letter or two are looked for where a word or an address begins: further in, an index cannot find them.
		word, address := "%", "%"
		if utf8.RuneCountInString(filter.Query) < 3 {
			word, address = "% ", ""
		}
		q := place(filter.Query)
		atAddress := place(address) + ` || ` + escaped(`lower(`+q+`)`) + ` || '%'`
		from = `(
			SELECT * FROM people WHERE search LIKE ` + place(word) + ` || ` + escaped(`fold(`+q+`)`) + ` || '%'
				OR email IS NOT NULL AND lower(email) LIKE ` + atAddress + `
				OR email_wanted IS NOT NULL AND lower(email_wanted) LIKE ` + atAddress + `
			OFFSET 0
		) p`
	}
	where := `true` + roleConditions[filter.Role] + stateConditions[filter.State]
	if filter.Invitation != (chat.ID{}) {
		where += ` AND p.invitation_id = ` + place(filter.Invitation)
	}
	if at, id, ok := parseMomentCursor(after); ok {
		where += ` AND (p.created_at, p.id) < (` + place(at) + `, ` + place(id) + `)`
	}
	var rows []accountRow
	err := s.list(ctx, &rows, `
		WITH top AS MATERIALIZED (
			SELECT p.* FROM `+from+` WHERE `+where+`
			ORDER BY p.created_at DESC, p.id DESC LIMIT $1
		)
		SELECT `+accountColumns+` FROM top p `+accountJoins+` ORDER BY p.created_at DESC, p.id DESC`, args...)
	if err != nil {
		return chat.AccountPage{}, err
	}
	var page chat.AccountPage
	for i, row := range rows {
		if i == limit {
			page.Next = momentCursor(rows[limit-1].CreatedAt, rows[limit-1].ID)
			break
		}
		page.Accounts = append(page.Accounts, row.account())
	}
	return page, nil
}

// escaped is the SQL that takes from a text what has a meaning in a pattern.
func escaped(text string) string {
	return `replace(replace(replace(` + text + `, '\', '\\'), '%', '\%'), '_', '\_')`
}

// momentCursor names the place behind a row of a list by age: its moment in microseconds since 1970, which is what
// PostgreSQL keeps, and its id.
func momentCursor(at time.Time, id chat.ID) string {
	return strconv.FormatInt(at.UnixMicro(), 10) + "_" + id.String()
}

// parseMomentCursor reads one; whatever else comes in an address is the beginning.
func parseMomentCursor(text string) (at time.Time, id chat.ID, ok bool) {
	moment, name, _ := strings.Cut(text, "_")
	micros, err := strconv.ParseInt(moment, 10, 64)
	if err != nil || micros < 0 || micros > maxMoment || id.UnmarshalText([]byte(name)) != nil {
		return time.Time{}, chat.ID{}, false
	}
	return time.UnixMicro(micros), id, true
}

// maxMoment is the end of the year 9999, in microseconds since 1970.
const maxMoment = 253_402_300_799_999_999

// UpdateState implements chat.Store.
func (s *Store) UpdateState(ctx context.Context, person chat.ID, state chat.State) (int64, error) {
	var viewSeq int64
	err := s.get(ctx, &viewSeq, `
		UPDATE people SET state = $2, view_seq = view_seq + 1 WHERE id = $1 RETURNING view_seq`, person, state)
	return viewSeq, err
}
