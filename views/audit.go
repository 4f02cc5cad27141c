package views

import (
	"context"
	"encoding/hex"
	"strconv"
	"time"

	"parley/chat"
)

// AuditEntryProps is one thing that an administrator did.
type AuditEntryProps struct {
	Entry chat.AuditRow
	Now   time.Time
	Zone  *time.Location
}

// AuditProps is the log of what administrators did. About is the one person or invitation it is about; nil: about all.
type AuditProps struct {
	Entries []AuditEntryProps
	About   *chat.ID
	Older   string             // the path of what came before; empty at the end
	Verdict *chat.AuditVerdict // nil where nobody asked for it
	Err     *chat.Error
}

// NewAuditEntries makes props of a stretch of the log, of length entries at most (0: of all).
func NewAuditEntries(page chat.AuditPage, length int, viewer chat.Viewer, now time.Time) []AuditEntryProps {
	var entries []AuditEntryProps
	for i, row := range page.Rows {
		if length > 0 && i == length {
			break
		}
		entries = append(entries, AuditEntryProps{Entry: row, Now: now, Zone: Zone(viewer.TimeZone)})
	}
	return entries
}

// NewAudit makes props of a page of the log; about is zero for all of it.
func NewAudit(page chat.AuditPage, about chat.ID, viewer chat.Viewer, now time.Time) AuditProps {
	p := AuditProps{Entries: NewAuditEntries(page, 0, viewer, now)}
	if about != (chat.ID{}) {
		p.About = &about
	}
	if page.HasMore {
		p.Older = AdministrationLogOfPath(about, page.Rows[len(page.Rows)-1].Seq)
	}
	return p
}

// sentence says what was done.
func (p *AuditEntryProps) sentence(ctx context.Context) string {
	e := &p.Entry
	args := chat.Args{"Actor": p.actor(ctx), "Target": p.target(ctx)}
	switch e.Action {
	case chat.AuditCreate:
		args["Role"] = roleName(ctx, chat.Role(e.After["role"]))
		return T(ctx, "audit.create_account", args)
	case chat.AuditRole:
		args["Before"], args["After"] = roleName(ctx, chat.Role(e.Before["role"])), roleName(ctx, chat.Role(e.After["role"]))
		return T(ctx, "audit.change_role", args)
	case chat.AuditSuspend:
		return T(ctx, "audit.suspend", args)
	case chat.AuditRestore:
		return T(ctx, "audit.restore", args)
	case chat.AuditLogOut:
		return T(ctx, "audit.log_out", args)
	case chat.AuditResetLink:
		return T(ctx, "audit.make_reset_link", args)
	case chat.AuditInvite:
		return T(ctx, "audit.invite", args)
	case chat.AuditRevoke:
		return T(ctx, "audit.revoke_invitation", args)
	case chat.AuditRegistration:
		args["Before"] = registrationOption(ctx, chat.Registration(e.Before["registration"])).Label
		args["After"] = registrationOption(ctx, chat.Registration(e.After["registration"])).Label
		return T(ctx, "audit.set_registration", args)
	}
	return T(ctx, "audit.unknown", args)
}

func (p *AuditEntryProps) actor(ctx context.Context) string {
	switch {
	case p.Entry.Actor != nil:
		return Isolate(p.Entry.Actor.DisplayName)
	case p.Entry.ActorID == chat.ID{}:
		return T(ctx, "audit.operator")
	}
	return T(ctx, "audit.nobody")
}

func (p *AuditEntryProps) target(ctx context.Context) string {
	switch {
	case p.Entry.Target != nil:
		return Isolate(p.Entry.Target.DisplayName)
	case p.Entry.Note != "":
		return Isolate(p.Entry.Note)
	case p.Entry.Action == chat.AuditInvite, p.Entry.Action == chat.AuditRevoke:
		return T(ctx, "audit.no_note")
	}
	return T(ctx, "audit.nobody")
}

// details are what more there is to say: the facts that the sentence does not hold.
func (p *AuditEntryProps) details(ctx context.Context) []string {
	e := &p.Entry
	var details []string
	count := func(text string) (n int) {
		n, _ = strconv.Atoi(text) // what is no number was never written by us
		return n
	}
	if n := count(e.After["sessions_ended"]); n > 0 {
		details = append(details, T(ctx, "audit.sessions_ended", chat.Args{"Count": n}))
	}
	if n := count(e.After["invitations_revoked"]); n > 0 {
		details = append(details, T(ctx, "audit.invitations_revoked", chat.Args{"Count": n}))
	}
	if e.Action == chat.AuditInvite {
		days, uses := T(ctx, "invitations.for_ever"), T(ctx, "invitations.no_limit")
		if n := count(e.After["days"]); n > 0 {
			days = T(ctx, "invitations.days", chat.Args{"Count": n})
		}
		if n := count(e.After["uses"]); n > 0 {
			uses = T(ctx, "invitations.accounts", chat.Args{"Count": n})
		}
		details = append(details, days, uses)
	}
	return details
}

// verdict says what checking the log came to.
func verdict(ctx context.Context, v chat.AuditVerdict) string {
	if v.Broken > 0 {
		return T(ctx, "audit.broken", chat.Args{"Seq": v.Broken})
	}
	return T(ctx, "audit.whole", chat.Args{"Count": v.Entries})
}

// verdictHash is the hash to write down: as it stands in the command's answer.
func verdictHash(v chat.AuditVerdict) string { return hex.EncodeToString(v.Hash) }
