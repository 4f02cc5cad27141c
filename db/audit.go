package db

import (
	"context"
	"encoding/json"
	"time"

	"parley/chat"
)

type auditRow struct {
	Seq      int64     `db:"seq"`
	At       time.Time `db:"at"`
	ActorID  *chat.ID  `db:"actor_id"`
	Action   string    `db:"action"`
	TargetID *chat.ID  `db:"target_id"`
	Address  string    `db:"address"`
	Before   string    `db:"before"`
	After    string    `db:"after"`
	Hash     []byte    `db:"hash"`
}

const auditColumns = `a.seq, a.at, a.actor_id, a.action, a.target_id, a.address, a.before::text AS before,
	a.after::text AS after, a.hash`

func (r auditRow) entry() chat.AuditEntry {
	e := chat.AuditEntry{
		Seq: r.Seq, At: r.At, Action: chat.AuditAction(r.Action), Address: r.Address,
		Before: facts(r.Before), After: facts(r.After), Hash: r.Hash,
	}
	if r.ActorID != nil {
		e.ActorID = *r.ActorID
	}
	if r.TargetID != nil {
		e.TargetID = *r.TargetID
	}
	return e
}

// facts reads them back. What was never written by us becomes a fact that breaks the chain.
func facts(text string) chat.AuditFacts {
	var f chat.AuditFacts
	if err := json.Unmarshal([]byte(text), &f); err != nil || f == nil {
		return chat.AuditFacts{"": text}
	}
	return f
}

// AppendAudit implements chat.Store. The end of the log is the last lock that anybody takes, so that nobody who holds it
// waits for anything; the time is read behind it, so that entries are in the order of their times.
func (s *Store) AppendAudit(ctx context.Context, e chat.AuditEntry) error {
	var head struct {
		Seq  int64     `db:"seq"`
		Hash []byte    `db:"hash"`
		Now  time.Time `db:"now"`
	}
	if err := s.get(ctx, &head, `UPDATE audit_head SET seq = seq + 1 RETURNING seq, hash, clock_timestamp() AS now`); err != nil {
		return err
	}
	e.Seq, e.At = head.Seq, head.Now
	e.Seal(head.Hash)
	before, err := json.Marshal(e.Before.OrNone())
	if err != nil {
		return err
	}
	after, err := json.Marshal(e.After.OrNone())
	if err != nil {
		return err
	}
	_, err = s.exec(ctx, `
		WITH head AS (UPDATE audit_head SET hash = $9)
		INSERT INTO audit (seq, at, actor_id, action, target_id, address, before, after, hash)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		e.Seq, e.At, orNull(e.ActorID), e.Action, orNull(e.TargetID), e.Address, string(before), string(after), e.Hash)
	return err
}

func orNull(id chat.ID) any {
	if id == (chat.ID{}) {
		return nil
	}
	return id
}

// Audit implements chat.Store. A LIMIT makes look-ups of the joins.
func (s *Store) Audit(ctx context.Context, target chat.ID, before int64, limit int) (chat.AuditPage, error) {
	condition, args := `true`, []any{limit + 1}
	if before > 0 {
		condition, args = `a.seq < $2`, append(args, before)
	}
	if target != (chat.ID{}) {
		args = append(args, target)
		if before > 0 {
			condition += ` AND a.target_id = $3`
		} else {
			condition += ` AND a.target_id = $2`
		}
	}
	var rows []struct {
		auditRow
		ActorUsername     *string `db:"actor_username"`
		ActorDisplayName  *string `db:"actor_display_name"`
		TargetUsername    *string `db:"target_username"`
		TargetDisplayName *string `db:"target_display_name"`
		Note              string  `db:"note"`
	}
	err := s.list(ctx, &rows, `
		WITH top AS MATERIALIZED (SELECT * FROM audit a WHERE `+condition+` ORDER BY a.seq DESC LIMIT $1)
		SELECT `+auditColumns+`, actor.username AS actor_username, actor.display_name AS actor_display_name,
			target.username AS target_username, target.display_name AS target_display_name, coalesce(i.note, '') AS note
		FROM top a
		LEFT JOIN LATERAL (SELECT * FROM people WHERE id = a.actor_id LIMIT 1) actor ON true
		LEFT JOIN LATERAL (SELECT * FROM people WHERE id = a.target_id LIMIT 1) target ON true
		LEFT JOIN LATERAL (SELECT * FROM invitations WHERE id = a.target_id LIMIT 1) i ON true
		ORDER BY a.seq DESC`, args...)
	var page chat.AuditPage
	for n, r := range rows {
		if page.HasMore = n == limit; page.HasMore {
			break
		}
		row := chat.AuditRow{AuditEntry: r.entry(), Note: r.Note}
		if r.ActorUsername != nil {
			row.Actor = &chat.Card{ID: row.ActorID, Username: *r.ActorUsername, DisplayName: *r.ActorDisplayName}
		}
		if r.TargetUsername != nil {
			row.Target = &chat.Card{ID: row.TargetID, Username: *r.TargetUsername, DisplayName: *r.TargetDisplayName}
		}
		page.Rows = append(page.Rows, row)
	}
	return page, err
}

// AuditAfter implements chat.Store.
func (s *Store) AuditAfter(ctx context.Context, seq int64, limit int) ([]chat.AuditEntry, chat.AuditEntry, error) {
	var head chat.AuditEntry
	var rows []struct {
		auditRow
		There    bool   `db:"there"`
		HeadSeq  int64  `db:"head_seq"`
		HeadHash []byte `db:"head_hash"`
	}
	err := s.list(ctx, &rows, `
		SELECT a.seq IS NOT NULL AS there, h.seq AS head_seq, h.hash AS head_hash,
			coalesce(a.seq, 0) AS seq, coalesce(a.at, now()) AS at, a.actor_id, coalesce(a.action, '') AS action, a.target_id,
			coalesce(a.address, '') AS address, coalesce(a.before, '{}')::text AS before,
			coalesce(a.after, '{}')::text AS after, coalesce(a.hash, '') AS hash
		FROM audit_head h LEFT JOIN LATERAL (
			SELECT * FROM audit WHERE audit.seq > $1 ORDER BY audit.seq LIMIT $2
		) a ON true
		ORDER BY a.seq`, seq, limit)
	var entries []chat.AuditEntry
	for _, row := range rows {
		head = chat.AuditEntry{Seq: row.HeadSeq, Hash: row.HeadHash}
		if row.There {
			entries = append(entries, row.entry())
		}
	}
	return entries, head, err
}
