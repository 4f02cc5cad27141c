package chat

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"time"
)

// AuditAction names what was done.
type AuditAction string

// The actions. What is not here is not written down: reading, and what people do with their own account.
const (
	AuditCreate       AuditAction = "create_account" // only the operator does
	AuditRole         AuditAction = "change_role"
	AuditSuspend      AuditAction = "suspend"
	AuditRestore      AuditAction = "restore"
	AuditLogOut       AuditAction = "log_out"
	AuditResetLink    AuditAction = "make_reset_link"
	AuditInvite       AuditAction = "invite"
	AuditRevoke       AuditAction = "revoke_invitation"
	AuditRegistration AuditAction = "set_registration"
)

// AuditFacts are what an action changed, by name: never a secret, and nobody's name, because an entry outlives those it
// speaks of.
type AuditFacts map[string]string

// AuditEntry is one thing that an administrator did. Entries form a chain: each carries a hash over the hash of the one
// before and over its own content, so that whoever changes or removes one would have to write all later ones anew.
type AuditEntry struct {
	Seq           int64 // from 1, without holes
	At            time.Time
	ActorID       ID // zero: the operator, at the command line
	Action        AuditAction
	TargetID      ID     // a person or an invitation; zero where it concerns the installation
	Address       string // where the request came from; empty for the operator
	Before, After AuditFacts
	Hash          []byte
}

// Seal puts the entry's hash; previous is the hash of the entry before, empty for the first one.
func (e *AuditEntry) Seal(previous []byte) { e.Hash = e.sum(previous) }

// sum is SHA-256 over the previous hash and the content, written as one JSON array.
func (e *AuditEntry) sum(previous []byte) []byte {
	content, err := json.Marshal([]any{
		e.Seq, e.At.UnixMicro(), e.ActorID, e.Action, e.TargetID, e.Address, e.Before.OrNone(), e.After.OrNone(),
	})
	if err != nil {
		panic(err) // numbers and texts: cannot fail
	}
	sum := sha256.Sum256(append(bytes.Clone(previous), content...))
	return sum[:]
}

// OrNone returns the facts, never nil: as they are hashed and stored.
func (f AuditFacts) OrNone() AuditFacts {
	if f == nil {
		return AuditFacts{}
	}
	return f
}

// AuditRow is an entry with those it speaks of, as far as they are still there.
type AuditRow struct {
	AuditEntry
	Actor  *Card
	Target *Card
	// Note is that of the invitation it is about.
	Note string
}

// AuditPage is a page of the log, newest first.
type AuditPage struct {
	Rows    []AuditRow
	HasMore bool
}

const auditPerPage = 50

// Audit returns the entries before a seq (0: the newest), about one person or invitation or, with the zero ID, about all.
// It is for administrators. Errors: not_found.
func (c *Chat) Audit(ctx context.Context, viewer Viewer, target ID, before int64) (AuditPage, error) {
	if !viewer.MayAdminister() {
		return AuditPage{}, NotFound()
	}
	return c.store.Audit(ctx, target, before, auditPerPage)
}

// AuditVerdict is what checking the log came to.
type AuditVerdict struct {
	Entries int64 // that hold, from the first one on
	// Broken is the seq of the first entry that is missing, was changed, or does not follow from the one before; 0 while
	// all holds.
	Broken int64
	// Hash is that of the last entry that holds. Whoever wrote it down elsewhere can see later that it is still in the
	// chain, which somebody with access to the database could write anew as a whole.
	Hash []byte
}

// auditBatch is how many entries are read at once: a statement must end within seconds.
const auditBatch = 5000

// CheckAudit checks the log for an administrator. Errors: not_found, too_many.
func (c *Chat) CheckAudit(ctx context.Context, viewer Viewer) (AuditVerdict, error) {
	if !viewer.MayAdminister() {
		return AuditVerdict{}, NotFound()
	}
	if err := c.allow(ctx, limited{LimitAdminister, viewer.ID.String()}); err != nil {
		return AuditVerdict{}, err
	}
	return c.VerifyAudit(ctx)
}

// VerifyAudit checks the whole chain, on behalf of the operator. Entries may be added meanwhile.
func (c *Chat) VerifyAudit(ctx context.Context) (AuditVerdict, error) {
	var v AuditVerdict
	for {
		entries, head, err := c.store.AuditAfter(ctx, v.Entries, auditBatch)
		if err != nil {
			return v, err
		}
		for i := range entries {
			if e := &entries[i]; e.Seq != v.Entries+1 || !bytes.Equal(e.Hash, e.sum(v.Hash)) {
				v.Broken = v.Entries + 1
				return v, nil
			}
			v.Entries, v.Hash = entries[i].Seq, entries[i].Hash
		}
		if len(entries) == auditBatch {
			continue
		}
		// The end, as the same statement saw it: it must be where the last entry was added.
		switch {
		case head.Seq != v.Entries:
			v.Broken = min(head.Seq, v.Entries) + 1
		case !bytes.Equal(head.Hash, v.Hash):
			v.Broken = max(v.Entries, 1)
		}
		return v, nil
	}
}
